//! Tensors by name, and reading them from weight files without trusting these.

use crate::error::{Error, ErrorKind, Result};
use std::collections::BTreeMap;

mod element;
pub mod pack;

pub use element::Element;

/// Most elements that one weight file may unfold to: 2^27, half a gibibyte of f32, twice what an iResNet-100 has.
pub const MAX_ELEMENTS: usize = 1 << 27;

/// The error for a weight file that is damaged or not allowed.
fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Weights, message)
}

/// The error for a weight file that is beyond a limit.
fn too_large(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Limit, message)
}

/// A dense row-major f32 tensor read from a weight file.
#[derive(Debug, Clone, PartialEq)]
pub struct WeightTensor {
    /// Length of each axis, outermost first; empty for a scalar.
    pub shape: Vec<usize>,
    /// The elements in row-major order; as many as the product of `shape`.
    pub data: Vec<f32>,
}

/// The tensors of one network by name, in name order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TensorMap(BTreeMap<String, WeightTensor>);

impl TensorMap {
    /// An empty map.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a tensor.
    ///
    /// # Errors
    /// [`ErrorKind::Weights`] when `data` has not as many elements as `shape` says.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, data: Vec<f32>) -> Result<()> {
        let name = name.into();
        let wanted = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d));
        if wanted != Some(data.len()) {
            return Err(Error::new(
                ErrorKind::Weights,
                format!("tensor \"{name}\" of shape {shape:?} has {} elements", data.len()),
            ));
        }
        self.0.insert(name, WeightTensor { shape, data });
        Ok(())
    }

    /// The tensor `name`, if it is there.
    pub fn get(&self, name: &str) -> Option<&WeightTensor> {
        self.0.get(name)
    }

    /// Takes the tensor `name` out, if it is there.
    pub fn remove(&mut self, name: &str) -> Option<WeightTensor> {
        self.0.remove(name)
    }

    /// The tensor `name`, which must have `shape`.
    ///
    /// # Errors
    /// [`ErrorKind::Weights`] naming the tensor when it is missing or misshapen.
    pub fn require(&self, name: &str, shape: &[usize]) -> Result<&WeightTensor> {
        let tensor = self.0.get(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Weights,
                format!("tensor \"{name}\" of shape {shape:?} is missing"),
            )
        })?;
        if tensor.shape != shape {
            return Err(Error::new(
                ErrorKind::Weights,
                format!(
                    "tensor \"{name}\" has shape {:?}, the network needs {shape:?}",
                    tensor.shape
                ),
            ));
        }
        Ok(tensor)
    }

    /// Names and tensors in name order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &WeightTensor)> {
        self.0.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// How many tensors there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
