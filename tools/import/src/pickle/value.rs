//! What a pickle describes.

use super::Contents;
use super::machine::Machine;
use crate::damaged;
use qmagface::Result;
use qmagface::weights::Element;
use std::io::Read;
use std::sync::Arc;

/// An image as it is encoded, shared by all places that hold it.
pub(crate) type Image = Arc<[u8]>;

/// Index of a value in [`Pickle::values`].
pub(super) type Id = usize;

/// The only names a file may import, none of which is ever called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Element),
    /// `_codecs.encode`, by which protocol 2 writes bytes.
    Encode,
    /// `bytes` or `bytearray`.
    Bytes,
}

impl Global {
    /// The meaning of an import; every name that is not known ends the reading.
    pub(super) fn named(module: &str, name: &str, contents: Contents) -> Result<Self> {
        let known = match contents {
            Contents::Tensors => Self::of_tensors(module, name),
            Contents::Images => Self::of_images(module, name),
        };
        known.ok_or_else(|| {
            damaged(format!(
                "refuses {}.{}: {}, and nothing is ever run",
                module.escape_debug(),
                name.escape_debug(),
                contents.described()
            ))
        })
    }

    fn of_images(module: &str, name: &str) -> Option<Self> {
        match (module, name) {
            ("_codecs", "encode") => Some(Global::Encode),
            ("builtins" | "__builtin__", "bytes" | "bytearray") => Some(Global::Bytes),
            _ => None,
        }
    }

    fn of_tensors(module: &str, name: &str) -> Option<Self> {
        Some(match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Global::RebuildParameter,
            ("torch", storage) => Global::Storage(match storage {
                "FloatStorage" => Element::F32,
                "DoubleStorage" => Element::F64,
                "HalfStorage" => Element::F16,
                "BFloat16Storage" => Element::Bf16,
                "LongStorage" => Element::I64,
                "IntStorage" => Element::I32,
                "ShortStorage" => Element::I16,
                "CharStorage" => Element::I8,
                "ByteStorage" => Element::U8,
                "BoolStorage" => Element::Bool,
                _ => return None,
            }),
            _ => return None,
        })
    }
}

#[derive(Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i128),
    /// A float's value never matters here.
    Float,
    Str(Box<str>),
    Bytes(Image),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Global(Global),
    /// Index in [`Pickle::storages`].
    Storage(usize),
    Tensor(Box<TensorRef>),
}

/// A run of numbers that tensors are windows of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StorageRef {
    pub(crate) key: Box<str>,
    pub(crate) element: Element,
    /// How many elements the pickle says it has.
    pub(crate) len: u64,
}

impl StorageRef {
    /// Its size in bytes.
    pub(crate) fn bytes(&self) -> Result<u64> {
        self.len
            .checked_mul(self.element.size() as u64)
            .ok_or_else(|| damaged(format!("storage {:?} claims {} elements", self.key, self.len)))
    }
}

/// A tensor as a strided window of a storage; nothing is checked against the storage yet.
#[derive(Debug)]
pub(crate) struct TensorRef {
    /// Index in [`Pickle::storages`].
    pub(crate) storage: usize,
    /// First element.
    pub(crate) offset: usize,
    /// Length of each axis.
    pub(crate) shape: Vec<usize>,
    /// Elements from one index to the next, for each axis.
    pub(crate) stride: Vec<usize>,
}

/// What a pickle describes.
#[derive(Debug)]
pub(crate) struct Pickle {
    values: Vec<Value>,
    root: Id,
    pub(crate) storages: Vec<StorageRef>,
}

impl Pickle {
    /// Interprets one pickle from the front of `input`, and reads not a byte more (if `input` doesn't buffer).
    pub(crate) fn read(input: &mut dyn Read, contents: Contents) -> Result<Self> {
        let mut machine = Machine::new(input, contents);
        let root = machine.run()?;
        Ok(Pickle {
            values: machine.values,
            root,
            storages: machine.storages,
        })
    }

    /// The whole number at the top, if it is one.
    pub(crate) fn int(&self) -> Option<i128> {
        match self.values[self.root] {
            Value::Int(n) => Some(n),
            _ => None,
        }
    }

    /// The yes or no that the dictionary at the top holds under `key`.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        match self.values[self.lookup(self.root, key)?] {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }

    /// The list of strings at the top, if it is one.
    pub(crate) fn strings(&self) -> Option<Vec<&str>> {
        match &self.values[self.root] {
            Value::List(items) => items.iter().map(|&id| self.str(id)).collect(),
            _ => None,
        }
    }

    /// Names and tensors of the state dict: the dictionary under `state_dict`, else the one at the top. An entry that
    /// is not a tensor has `None`; an entry whose key is not a string is left out.
    pub(crate) fn state_dict(&self) -> Result<Vec<(&str, Option<&TensorRef>)>> {
        let top = self.lookup(self.root, "state_dict").unwrap_or(self.root);
        let Value::Dict(entries) = &self.values[top] else {
            return Err(damaged(format!(
                "a state dict must be a dictionary of tensors, this one is a {}",
                kind(&self.values[top])
            )));
        };
        let tensor = |id: Id| match &self.values[id] {
            Value::Tensor(tensor) => Some(tensor.as_ref()),
            _ => None,
        };
        Ok(entries
            .iter()
            .filter_map(|&(key, value)| Some((self.str(key)?, tensor(value))))
            .collect())
    }

    /// The list of bytes and the list of booleans (or 0 and 1) that the tuple at the top has.
    pub(crate) fn images_and_labels(&self) -> Result<(Vec<Image>, Vec<bool>)> {
        let list = |id: Id, what: &str| match &self.values[id] {
            Value::List(items) | Value::Tuple(items) => Ok(items),
            other => Err(damaged(format!(
                "a list of {what} is needed, this one is a {}",
                kind(other)
            ))),
        };
        let &[images, labels] = &list(self.root, "two lists")?[..] else {
            return Err(damaged("a list of images and a list of booleans are needed"));
        };
        let image = |(at, &id): (usize, &Id)| match &self.values[id] {
            Value::Bytes(bytes) => Ok(bytes.clone()),
            other => Err(damaged(format!("image {at} is a {}, not bytes", kind(other)))),
        };
        let label = |(at, &id): (usize, &Id)| match self.values[id] {
            Value::Bool(label) => Ok(label),
            Value::Int(label @ (0 | 1)) => Ok(label == 1),
            ref other => Err(damaged(format!("label {at} is a {}, not a boolean", kind(other)))),
        };
        let images = list(images, "images")?
            .iter()
            .enumerate()
            .map(image)
            .collect::<Result<_>>()?;
        let labels = list(labels, "booleans")?
            .iter()
            .enumerate()
            .map(label)
            .collect::<Result<_>>()?;
        Ok((images, labels))
    }

    fn str(&self, id: Id) -> Option<&str> {
        match &self.values[id] {
            Value::Str(text) => Some(text),
            _ => None,
        }
    }

    fn lookup(&self, dict: Id, key: &str) -> Option<Id> {
        match &self.values[dict] {
            // As in Python, a later entry replaces an earlier one of the same key.
            Value::Dict(entries) => entries
                .iter()
                .rev()
                .find(|&&(k, _)| self.str(k) == Some(key))
                .map(|e| e.1),
            _ => None,
        }
    }
}

/// What to call a value in a message.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::None => "None",
        Value::Bool(_) => "bool",
        Value::Int(_) => "whole number",
        Value::Float => "float",
        Value::Str(_) => "string",
        Value::Bytes(_) => "bytes object",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Dict(_) => "dictionary",
        Value::Global(_) => "type or function",
        Value::Storage(_) => "storage",
        Value::Tensor(_) => "tensor",
    }
}
