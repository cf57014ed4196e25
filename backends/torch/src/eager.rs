//! Batches on a device that computes before it returns: the CPU.

use crate::batches::{Chip, Runner};
use crate::embedder::Body;
use crate::{CHIP_SIDE, Result};
use tch::{Kind, Tensor};

/// A network that is run operation by operation.
pub(crate) struct Eager<'a>(pub &'a Body);

impl Runner for Eager<'_> {
    type Started = Tensor;

    fn take(&self, rest: usize, most: usize) -> usize {
        rest.min(most)
    }

    fn start(&mut self, chips: &[&Chip]) -> Result<Tensor> {
        let bytes: Vec<u8> = chips.iter().flat_map(|chip| chip.iter()).copied().collect();
        let side = CHIP_SIDE as i64;
        let shape = [chips.len() as i64, side, side, 3];
        self.0.embed(&Tensor::f_from_data_size(&bytes, &shape, Kind::Uint8)?)
    }

    fn finish(&mut self, started: Tensor) -> Result<Vec<Vec<f32>>> {
        Ok(Vec::try_from(&started)?)
    }

    fn release(&mut self) {}
}
