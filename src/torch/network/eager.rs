//! Batches on a device that computes before it returns: the CPU.

use super::batches::Runner;
use super::body::Body;
use crate::align::Chip;
use crate::error::Result;
use tch::{Kind, Tensor};

/// A network that is run operation by operation.
pub(super) struct Eager(pub Body);

impl Runner for Eager {
    type Started = Tensor;

    fn take(&self, rest: usize, most: usize) -> usize {
        rest.min(most)
    }

    fn start(&mut self, chips: &[&Chip]) -> Result<Tensor> {
        self.0.embed(&pixels(chips)?)
    }

    fn finish(&mut self, started: Tensor) -> Result<Vec<Vec<f32>>> {
        Ok(Vec::try_from(&started)?)
    }

    fn release(&mut self) {}
}

/// The chips' pixels as n x 112 x 112 x 3, u8, BGR, on the CPU.
pub(super) fn pixels(chips: &[&Chip]) -> Result<Tensor> {
    let bytes: Vec<u8> = chips.iter().flat_map(|chip| chip.bgr()).copied().collect();
    let side = Chip::SIZE as i64;
    Ok(Tensor::f_from_data_size(
        &bytes,
        &[chips.len() as i64, side, side, 3],
        Kind::Uint8,
    )?)
}
