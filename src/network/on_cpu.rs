//! An embedding network on the CPU by the crate's own convolutions: in f32, or in f32 arithmetic on 16-bit numbers.

use super::describe::embedding_and_stages;
use super::rounding::Rounding;
use super::spec::Network;
use super::{EmbeddingNetwork, FeatureMap, check_finite, check_inspected};
use crate::buffers::Buffers;
use crate::cancel::cancelled;
use crate::chip::Chip;
use crate::cpu::colour::Pixels;
use crate::cpu::dense::outputs;
use crate::cpu::program::{Made, Program, Run};
use crate::cpu::workers::Share;
use crate::cpu::{LANES, Map, Scratch, Workers};
use crate::error::Result;
use crate::graph::Folded;
use crate::graph::carry::carry;
use zeroize::Zeroizing;

/// Images that one thread takes through the network at once: more share the reading of weights, but need more memory
/// (about 13 MB each).
const IMAGES_AT_ONCE: usize = 4;

/// A network on the CPU.
pub(super) struct OnCpu {
    network: Network,
    program: Program,
    /// Places among the network's outputs: of the embedding, and of the stages' maps.
    embedding: Vec<usize>,
    stages: Vec<usize>,
    /// For each output, what is added to its channels to make them the published network's; empty: nothing.
    carried: Vec<Vec<f32>>,
    rounding: Option<Rounding>,
    workers: Workers,
    scratch: Scratch,
    /// Chips as floats. A buffer in it has zeros only.
    pixels: Buffers<f32>,
}

impl OnCpu {
    /// Packs the weights of `folded`, which are rounded before as the maps will be.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Internal`] for a network that this back end can't run.
    pub fn new(network: Network, mut folded: Folded, rounding: Option<Rounding>, workers: &Workers) -> Result<Self> {
        let mut carried = Vec::new();
        if let Some(rounding) = rounding {
            carried = carry(&mut folded)?;
            rounding.round_constants(&mut folded);
        }
        let (embedding, stages) = embedding_and_stages(&folded);
        Ok(OnCpu {
            network,
            program: Program::new(&folded)?,
            embedding,
            stages,
            carried,
            rounding,
            workers: workers.clone(),
            scratch: Scratch::default(),
            pixels: Buffers::default(),
        })
    }

    /// Takes a few chips through the network, up to what is wanted.
    fn run(&self, chips: &[&Chip], wanted: &[usize], share: Share) -> Made<'_> {
        let border = self.program.border();
        let mut data = self.padded(chips, border);
        let pixels = Pixels {
            data: &data,
            images: chips.len(),
            height: Chip::SIZE + 2 * border,
            width: Chip::SIZE + 2 * border,
        };
        let stored = |map: &mut Map, share: Share| {
            if let Some(rounding) = self.rounding {
                rounding.round_map(map, share);
            }
        };
        let run = Run {
            scratch: &self.scratch,
            share,
            stored: &stored,
        };
        let made = self.program.run(&[pixels], wanted, run);
        // The buffer may lie unused for long.
        data.fill(0.0);
        self.pixels.give(data);
        made
    }

    /// The chips' pixels with a border of zeros.
    fn padded(&self, chips: &[&Chip], border: usize) -> Vec<f32> {
        let side = Chip::SIZE + 2 * border;
        let row = side * 3;
        let mut pixels = self.pixels.take(chips.len() * side * row);
        for (chip, pixels) in chips.iter().zip(pixels.chunks_exact_mut(side * row)) {
            let rows = pixels[border * row..].chunks_exact_mut(row);
            for (bytes, row) in chip.bgr().chunks_exact(Chip::SIZE * 3).zip(rows) {
                for (value, &byte) in row[border * 3..].iter_mut().zip(bytes) {
                    *value = f32::from(byte);
                }
            }
        }
        pixels
    }

    /// The embeddings of a few chips.
    fn embed(&self, chips: &[&Chip], share: Share) -> Vec<Vec<f32>> {
        let made = self.run(chips, &self.embedding, share);
        let (output, _) = made.output(self.embedding[0]);
        let length = self.network.embedding_length().unwrap_or_default();
        let embedding = |image| {
            // With all its room at once: where a list grows, what it had stays behind.
            let mut embedding = Vec::with_capacity(length);
            embedding.extend(outputs(output, image, length));
            embedding
        };
        let embeddings = (0..chips.len()).map(embedding).collect();
        // The buffer may lie unused for long.
        made.wipe(&self.scratch);
        embeddings
    }
}

impl EmbeddingNetwork for OnCpu {
    fn network(&self) -> Network {
        self.network
    }

    fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        self.forward_while(chips, &|| true)
    }

    fn forward_while(&self, chips: &[&Chip], go_on: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Vec<f32>>> {
        let threads = self.workers.count();
        let embeddings = self.workers.run(|share| {
            // Overwritten where nobody wants them any more.
            let mut embeddings = Zeroizing::new(Vec::with_capacity(chips.len()));
            for chips in chips.chunks(threads * IMAGES_AT_ONCE) {
                if !go_on() {
                    return Err(cancelled());
                }
                // A thread for each share of the images where that leaves none idle, else all threads on each layer.
                if share == Share::Alone || !chips.len().is_multiple_of(threads) {
                    embeddings.extend(self.embed(chips, share));
                } else {
                    let parts: Vec<&[&Chip]> = chips.chunks(chips.len() / threads).collect();
                    embeddings.extend(
                        share
                            .map(&parts, |part| self.embed(part, Share::Alone))
                            .into_iter()
                            .flatten(),
                    );
                }
            }
            Ok(std::mem::take(&mut *embeddings))
        });
        check_finite(embeddings?)
    }

    fn forward_stages(&self, chips: &[&Chip]) -> Result<Vec<FeatureMap>> {
        check_inspected(chips)?;
        Ok(self.workers.run(|share| {
            let made = self.run(chips, &self.stages, share);
            let map = |&stage: &usize| feature_map(made.output(stage).0, self.carried.get(stage));
            let maps = self.stages.iter().map(map).collect();
            made.release(&self.scratch);
            maps
        }))
    }

    fn batch_invariant(&self) -> bool {
        true
    }
}

/// A map's values by image, channel, row and column, with what the channels lack. Every stage's channels fill their
/// panels.
fn feature_map(map: &Map, carried: Option<&Vec<f32>>) -> FeatureMap {
    let channels = map.panels * LANES;
    let data = (0..map.images * channels).flat_map(|at| {
        let (image, channel) = (at / channels, at % channels);
        let plane = map.plane(channel / LANES, image);
        let carried = carried.map_or(0.0, |carried| carried[channel]);
        plane.iter().map(move |lane| lane.0[channel % LANES] + carried)
    });
    FeatureMap {
        shape: [map.images, channels, map.height, map.width],
        data: data.collect(),
    }
}
