//! The weight file of a model pack (safetensors).

use super::element::Element;
use super::{MAX_ELEMENTS, TensorMap, WeightTensor, damaged, too_large};
use crate::error::{Error, ErrorKind, Result};
use crate::replace::replace;
use safetensors::{Dtype, SafeTensorError, SafeTensors, View};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// The metadata entry that holds all of ours as one JSON object: safetensors writes its entries in random order, and
/// equal packs must be equal files.
const METADATA_KEY: &str = "qmagface";

/// Most bytes of a pack's header: its names and shapes, of which an iResNet-100 has 0.1 MiB. In memory they take about ten
/// times as much.
const MAX_HEADER: usize = 4 << 20;

/// Most bytes of a pack: [`MAX_ELEMENTS`] f32 and a header.
pub(crate) const MAX_BYTES: u64 = 4 * MAX_ELEMENTS as u64 + MAX_HEADER as u64 + 8;

/// What a pack holds: its tensors, and its metadata by name.
pub type Pack = (TensorMap, BTreeMap<String, String>);

/// Writes `tensors` (as F32) and `metadata` to `path`.
///
/// The file is written beside `path` and then renamed, so that `path` is never half written. Equal contents give
/// equal bytes.
///
/// # Errors
/// [`Io`](ErrorKind::Io) naming the file when its folder can't be written to.
pub fn write(path: &Path, tensors: &TensorMap, metadata: &BTreeMap<String, String>) -> Result<()> {
    let json = serde_json::to_string(metadata).map_err(|e| Error::new(ErrorKind::Internal, e.to_string()))?;
    let info = HashMap::from([(METADATA_KEY.to_owned(), json)]);
    let bytes = safetensors::serialize(tensors.iter(), Some(info))
        .map_err(|e| damaged(format!("cannot write {}: {e}", path.display())))?;

    replace(path, |mut file| {
        file.write_all(&bytes).map_err(|e| Error::io(path, "write", &e))
    })
}

/// Reads the pack, or any other safetensors file of floats, at `path`.
///
/// F16 and BF16 tensors are converted to f32.
///
/// # Errors
/// Naming the file, and the tensor where it is one's fault:
/// * [`Io`](ErrorKind::Io) when the file can't be read;
/// * [`Weights`](ErrorKind::Weights) when it is not safetensors, truncated or inconsistent, or a tensor has another
///   number format;
/// * [`Limit`](ErrorKind::Limit) when it is larger than [`MAX_ELEMENTS`] allow.
pub fn read(path: &Path) -> Result<Pack> {
    let failed = |e: std::io::Error| Error::io(path, "read", &e);
    let file = File::open(path).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    read_from(file, size, path)
}

/// Like [`read`], of about `size` bytes that `reader` gives, which lie at `place`.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_from(reader: impl Read, size: u64, place: &Path) -> Result<Pack> {
    if size > MAX_BYTES {
        return Err(over_limit(format_args!("{size} bytes, at most {MAX_BYTES} are read")).at(place.display()));
    }
    let mut bytes = Vec::with_capacity(size as usize);
    reader
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::io(place, "read", &e))?;
    read_bytes(&bytes).map_err(|e| e.at(place.display()))
}

/// Like [`read`], from the bytes of a pack.
///
/// # Errors
/// As [`read`], without the file's name.
pub fn read_bytes(bytes: &[u8]) -> Result<Pack> {
    if bytes.len() as u64 > MAX_BYTES {
        return Err(over_limit(format_args!("more than {MAX_BYTES} bytes")));
    }
    let header = Header::check(bytes)?;
    let file = SafeTensors::deserialize(bytes).map_err(|e| explain(&e))?;

    let mut tensors = TensorMap::new();
    let mut total = 0usize;
    for (name, view) in file.iter() {
        // The header's check let no other format pass.
        let Some(element) = header.tensors.get(name).and_then(Entry::element) else {
            return Err(damaged(format!("tensor {name:?} is {:?}", view.dtype())));
        };
        let data = view.data();
        total = total.saturating_add(data.len() / element.size());
        if total > MAX_ELEMENTS {
            return Err(too_large(format!(
                "tensor {name:?}: more than {MAX_ELEMENTS} elements in all"
            )));
        }
        tensors.insert(name, view.shape().to_vec(), element.decode(data))?;
    }
    Ok((tensors, unfold(header.metadata)?))
}

fn over_limit(what: std::fmt::Arguments) -> Error {
    too_large(format!("the file has {what}"))
}

/// The JSON at the front of a safetensors file. The library checks it too, but its errors don't name the tensor, and
/// its sum of all offsets can overflow.
#[derive(Deserialize)]
struct Header {
    #[serde(rename = "__metadata__", default)]
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    tensors: BTreeMap<String, Entry>,
}

/// What the header says of one tensor.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<usize>,
    /// Begin and end in the bytes behind the header.
    data_offsets: (usize, usize),
}

impl Header {
    fn check(bytes: &[u8]) -> Result<Self> {
        let (length, rest) = bytes
            .split_first_chunk()
            .ok_or_else(|| damaged(format!("not a safetensors file: it has only {} bytes", bytes.len())))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok();
        let (json, data) = length
            .and_then(|length| rest.split_at_checked(length))
            .ok_or_else(|| damaged("not a safetensors file, or truncated: it ends inside its header"))?;
        if json.len() > MAX_HEADER {
            return Err(over_limit(format_args!(
                "a header of {} bytes, at most {MAX_HEADER} are read",
                json.len()
            )));
        }
        let header: Header = serde_json::from_slice(json).map_err(|e| {
            damaged(format!(
                "not a safetensors file: its header is not the right JSON ({e})"
            ))
        })?;
        for (name, entry) in &header.tensors {
            entry.check(data.len()).map_err(|e| e.at(format!("tensor {name:?}")))?;
        }
        Ok(header)
    }
}

impl Entry {
    fn element(&self) -> Option<Element> {
        match self.dtype.as_str() {
            "F32" => Some(Element::F32),
            "F16" => Some(Element::F16),
            "BF16" => Some(Element::Bf16),
            _ => None,
        }
    }

    fn check(&self, available: usize) -> Result<()> {
        let element = self.element().ok_or_else(|| {
            damaged(format!(
                "it is {}: F32, F16 and BF16 are read",
                self.dtype.escape_debug()
            ))
        })?;
        let (begin, end) = self.data_offsets;
        if begin > end || end > available {
            return Err(damaged(format!(
                "it takes bytes {begin} to {end} of {available}: the file is truncated or its header is wrong"
            )));
        }
        let bytes = self.shape.iter().try_fold(element.size(), |n, &d| n.checked_mul(d));
        if bytes != Some(end - begin) {
            return Err(damaged(format!(
                "shape {:?} of {} doesn't fit the {} bytes its header gives it",
                self.shape,
                self.dtype,
                end - begin
            )));
        }
        Ok(())
    }
}

/// The entries of our own metadata, else the metadata as another program wrote it.
fn unfold(found: BTreeMap<String, String>) -> Result<BTreeMap<String, String>> {
    match found.get(METADATA_KEY) {
        Some(json) => serde_json::from_str(json).map_err(|e| {
            damaged(format!(
                "the metadata entry \"{METADATA_KEY}\" is not a JSON object of strings: {e}"
            ))
        }),
        None => Ok(found),
    }
}

/// What is left to go wrong after [`Header::check`].
fn explain(error: &SafeTensorError) -> Error {
    damaged(match error {
        SafeTensorError::MetadataIncompleteBuffer => "there are bytes that belong to no tensor".to_owned(),
        SafeTensorError::InvalidOffset(name) => format!("tensor {name:?} doesn't begin where the one before it ends"),
        other => format!("not a valid safetensors file: {other}"),
    })
}

impl View for &WeightTensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Owned(self.data.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    fn data_len(&self) -> usize {
        self.data.len() * size_of::<f32>()
    }
}
