//! The tensors that a graph names, in a map of weights: checked before anything is made of them.

use super::layer::Affine;
use super::{Graph, Norm};
use crate::error::{Error, ErrorKind, Result};
use crate::weights::TensorMap;
use std::collections::HashSet;

/// Checks that a map holds no tensor that the network doesn't have.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the first one.
pub(crate) fn check_known(graph: &Graph, weights: &TensorMap) -> Result<()> {
    let known: HashSet<&str> = graph.tensors.iter().map(|(name, _)| name.as_str()).collect();
    let mut extra = weights
        .iter()
        .map(|(name, _)| name)
        .filter(|&name| !known.contains(name));
    let Some(first) = extra.next() else { return Ok(()) };
    let more = match extra.count() {
        0 => "is".to_owned(),
        more => format!("and {more} more are"),
    };
    Err(Error::new(
        ErrorKind::Weights,
        format!("tensor \"{first}\" {more} not of this network"),
    ))
}

/// A weight map that holds what a network needs.
pub(super) struct Weights<'a>(&'a TensorMap);

impl<'a> Weights<'a> {
    /// Checks shapes and values.
    ///
    /// # Errors
    /// [`ErrorKind::Weights`] naming the tensor that is missing, misshapen or not finite.
    pub fn check(graph: &Graph, map: &'a TensorMap) -> Result<Self> {
        for (name, shape) in &graph.tensors {
            let tensor = map.require(name, shape)?;
            if let Some(value) = tensor.data.iter().find(|value| !value.is_finite()) {
                return Err(Error::new(
                    ErrorKind::Weights,
                    format!("tensor \"{name}\" holds {value}, and every weight must be finite"),
                ));
            }
        }
        Ok(Weights(map))
    }

    /// The elements of the tensor `name`.
    pub fn get(&self, name: &str) -> Result<&'a [f32]> {
        let tensor = self.0.get(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                format!("the network's description lacks tensor \"{name}\""),
            )
        })?;
        Ok(&tensor.data)
    }

    /// What a batch norm does to each channel.
    ///
    /// # Errors
    /// [`ErrorKind::Weights`] for a variance below zero.
    pub fn norm(&self, norm: &Norm, epsilon: f64) -> Result<Affine> {
        let (gamma, beta, mean) = (self.get(&norm.scale)?, self.get(&norm.shift)?, self.get(&norm.mean)?);
        let spread = self.get(&norm.variance)?;
        if let Some(negative) = spread.iter().find(|&&value| value < 0.0) {
            return Err(Error::new(
                ErrorKind::Weights,
                format!(
                    "tensor \"{}\" holds {negative}, and a variance is never negative",
                    norm.variance
                ),
            ));
        }
        let scale: Vec<f64> = gamma
            .iter()
            .zip(spread)
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + epsilon).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(mean)
            .zip(&scale)
            .map(|((&beta, &mean), scale)| f64::from(beta) - f64::from(mean) * scale)
            .collect();
        Ok(Affine { scale, shift })
    }
}
