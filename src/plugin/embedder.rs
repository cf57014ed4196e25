//! Embedding networks by programs over there.

use super::OnDevice;
use super::program::{Data, Normalisation, Pixels, Program};
use crate::chip::Chip;
use crate::error::Result;
use crate::graph::carry::carry;
use crate::graph::{Folded, PIXEL_SCALE};
use crate::network::describe::embedding_and_stages;
use crate::network::spec::Network;
use crate::network::{EmbeddingNetwork, FeatureMap, Precision, check_finite, check_inspected};

/// An embedding network on a back end's device.
pub(super) struct Embedder {
    network: Network,
    program: Program,
    /// Floats of an embedding.
    length: usize,
    /// The stages' places among the network's outputs, and what is added to each one's channels to make them the published
    /// network's.
    stages: Vec<usize>,
    carried: Vec<Vec<f32>>,
}

impl Embedder {
    /// Puts a network on the device.
    pub fn new(on: &OnDevice, network: Network, mut folded: Folded, precision: Precision) -> Result<Embedder> {
        let mut carried = carry(&mut folded)?;
        let weights = folded.first_convs().flat_map(|conv| &mut conv.weight);
        weights.for_each(|weight| *weight *= PIXEL_SCALE);
        let (embedding, stages) = embedding_and_stages(&folded);
        let normalisation = Normalisation {
            offset: 0.0,
            scale: 1.0 / PIXEL_SCALE,
        };
        Ok(Embedder {
            network,
            program: Program::new(on, folded, normalisation, precision, embedding.first().copied())?,
            length: network.embedding_length().unwrap_or_default(),
            carried: stages
                .iter()
                .map(|&stage| std::mem::take(&mut carried[stage]))
                .collect(),
            stages,
        })
    }
}

impl EmbeddingNetwork for Embedder {
    fn network(&self) -> Network {
        self.network
    }

    fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        check_finite(self.program.embed(chips, self.length)?)
    }

    fn forward_stages(&self, chips: &[&Chip]) -> Result<Vec<FeatureMap>> {
        check_inspected(chips)?;
        let bytes: Vec<u8> = chips.iter().flat_map(|chip| chip.bgr()).copied().collect();
        let pixels = Pixels {
            data: Data::Bytes(&bytes),
            count: chips.len(),
            height: Chip::SIZE,
            width: Chip::SIZE,
        };
        let mut maps = self.program.run(&[pixels], &self.stages)?;
        for (map, carried) in maps.iter_mut().zip(&self.carried) {
            let places = (map.shape[2] * map.shape[3]).max(1);
            for (plane, more) in map.data.chunks_exact_mut(places).zip(carried.iter().cycle()) {
                plane.iter_mut().for_each(|value| *value += more);
            }
        }
        Ok(maps)
    }
}
