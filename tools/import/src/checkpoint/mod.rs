//! Reading PyTorch checkpoints (`torch.save`) without executing them.
//!
//! Both containers are read, the zip file (PyTorch 1.6 and newer) and the bare pickles before it. A checkpoint's pickle
//! is a program; this reader interprets only what rebuilds tensors and refuses everything else by name:
//!
//! * dictionaries (`collections.OrderedDict` too), lists, tuples, strings, numbers, booleans, `None`;
//! * storages (`torch.*Storage`: float, double, half, bfloat16, long, int, short, char, byte, bool);
//! * `torch._utils._rebuild_tensor_v2` and `torch._utils._rebuild_parameter`.
//!
//! The numbers must lie in the file as they are: torch.save compresses none, and a small file that unfolds to a large one
//! is an attack. So a checkpoint takes no more memory than twice its own size and what its tensors take in f32.
//!
//! The state dict is what the saved object holds under `state_dict`, else the object itself.

mod container;

use self::container::Container;
use crate::pickle::{Pickle, StorageRef, TensorRef};
use crate::{damaged, too_large};
use qmagface::weights::{MAX_ELEMENTS, TensorMap};
use qmagface::{Error, ErrorKind, Result};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::Path;

/// Most bytes of storages that are read for one call: [`MAX_ELEMENTS`] of the widest format.
const MAX_STORAGE_BYTES: u64 = 8 * MAX_ELEMENTS as u64;

/// Reads the tensors of the state dict in the checkpoint at `path` whose full key `select` accepts.
///
/// Keys are as in the file, wrappers of the training code included; values are converted to f32, and strides are
/// resolved to row-major order. What `select` turns down (classification head, optimiser state) is
/// neither read nor kept; each selected storage is read once.
///
/// # Errors
/// Naming the file and the tensor, storage or pickle position:
/// * [`Io`](ErrorKind::Io) when the file can't be opened;
/// * [`Weights`](ErrorKind::Weights) when it is no checkpoint, truncated, damaged, big-endian, asks for
///   anything but tensors, or when a selected entry is not a tensor or reaches outside its storage;
/// * [`Limit`](ErrorKind::Limit) when the pickle or the selected tensors are too large ([`MAX_ELEMENTS`]).
pub fn read(path: &Path, select: &dyn Fn(&str) -> bool) -> Result<TensorMap> {
    let file = File::open(path).map_err(|e| Error::io(path, "open", &e))?;
    let metadata = file.metadata().map_err(|e| Error::io(path, "read", &e))?;
    if !metadata.is_file() {
        return Err(Error::new(
            ErrorKind::Io,
            format!("cannot read {}: it is not a file", path.display()),
        ));
    }
    read_from(BufReader::new(file), select).map_err(|e| e.at(path.display()))
}

/// Like [`read`], from the bytes of a checkpoint.
///
/// # Errors
/// As [`read`], without the file's name.
pub fn read_bytes(bytes: &[u8], select: &dyn Fn(&str) -> bool) -> Result<TensorMap> {
    read_from(Cursor::new(bytes), select)
}

fn read_from<R: Read + Seek>(input: R, select: &dyn Fn(&str) -> bool) -> Result<TensorMap> {
    let mut container = Container::open(input)?;
    let mut map = TensorMap::new();
    let mut budget = MAX_STORAGE_BYTES;
    for (index, tensors) in plan(&container.pickle, select)? {
        let storage = &container.pickle.storages[index];
        let element = storage.element;
        budget = budget.checked_sub(storage.bytes()?).ok_or_else(|| {
            too_large(format!(
                "the selected tensors take more than {MAX_STORAGE_BYTES} bytes of storages"
            ))
        })?;
        let bytes = container.read_storage(index)?;
        for (name, window) in tensors {
            let raw = window.gather(&bytes, element.size());
            map.insert(name, window.shape, element.decode(&raw))?;
        }
    }
    Ok(map)
}

/// The selected tensors by storage, all checked, before a single one takes memory: a storage that several tensors
/// share is then read once.
fn plan(pickle: &Pickle, select: &dyn Fn(&str) -> bool) -> Result<BTreeMap<usize, Vec<(String, Window)>>> {
    // As in Python, a later entry replaces an earlier one of the same key.
    let mut selected = BTreeMap::new();
    for (name, tensor) in pickle.state_dict()? {
        if select(name) {
            selected.insert(name, tensor);
        }
    }
    let mut total = 0usize;
    let mut by_storage: BTreeMap<usize, Vec<(String, Window)>> = BTreeMap::new();
    for (name, tensor) in selected {
        let place = format!("tensor {name:?}");
        let tensor = tensor.ok_or_else(|| damaged("this entry is not a tensor").at(&place))?;
        let window = Window::new(tensor, &pickle.storages[tensor.storage]).map_err(|e| e.at(&place))?;
        total = total.saturating_add(window.elements);
        if total > MAX_ELEMENTS {
            return Err(too_large(format!("more than {MAX_ELEMENTS} elements were selected")).at(&place));
        }
        by_storage
            .entry(tensor.storage)
            .or_default()
            .push((name.to_owned(), window));
    }
    Ok(by_storage)
}

/// A tensor that was checked to lie inside its storage.
struct Window {
    offset: usize,
    shape: Vec<usize>,
    stride: Vec<usize>,
    elements: usize,
}

impl Window {
    fn new(tensor: &TensorRef, storage: &StorageRef) -> Result<Self> {
        let TensorRef {
            offset, shape, stride, ..
        } = tensor;
        let outside = || {
            damaged(format!(
                "shape {shape:?} with strides {stride:?} from {offset} reaches outside storage {:?} of {} elements",
                storage.key, storage.len
            ))
        };
        let elements = shape
            .iter()
            .try_fold(1usize, |n, &d| n.checked_mul(d))
            .ok_or_else(outside)?;
        if elements > 0 {
            let last = shape.iter().zip(stride).try_fold(*offset, |last, (&length, &step)| {
                last.checked_add((length - 1).checked_mul(step)?)
            });
            if last.is_none_or(|last| last as u64 >= storage.len) {
                return Err(outside());
            }
        }
        Ok(Window {
            offset: *offset,
            shape: shape.clone(),
            stride: stride.clone(),
            elements,
        })
    }

    /// The tensor's elements, each of `size` bytes, in row-major order.
    fn gather<'a>(&self, storage: &'a [u8], size: usize) -> Cow<'a, [u8]> {
        if self.elements == 0 {
            return Cow::Borrowed(&[]);
        }
        if self.is_row_major() {
            return Cow::Borrowed(&storage[self.offset * size..][..self.elements * size]);
        }
        let mut bytes = Vec::with_capacity(self.elements * size);
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..self.elements {
            bytes.extend_from_slice(&storage[at * size..][..size]);
            // Counts up like an odometer, the last axis fastest.
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += self.stride[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                at -= self.stride[axis] * self.shape[axis];
                index[axis] = 0;
            }
        }
        Cow::Owned(bytes)
    }

    fn is_row_major(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.stride).rev().all(|(&length, &step)| {
            let matches = length == 1 || step == expected;
            expected *= length;
            matches
        })
    }
}

#[cfg(test)]
mod tests;
