//! A [`Folded`] network on the CPU by the crate's own convolutions: in f32, or in f32 arithmetic on 16-bit numbers.

use super::carry::carry;
use super::folded::{Bias, Block, Conv, Folded, Head};
use super::rounding::Rounding;
use super::spec::Network;
use super::{EmbeddingNetwork, FeatureMap, check_finite, check_inspected};
use crate::align::Chip;
use crate::cancel::cancelled;
use crate::cpu::colour::{Colour, Pixels};
use crate::cpu::dense::{Dense, flattened, outputs};
use crate::cpu::depthwise::Depthwise;
use crate::cpu::direct::{Direct, Window};
use crate::cpu::epilogue::Epilogue;
use crate::cpu::winograd::Winograd;
use crate::cpu::workers::Share;
use crate::cpu::{LANES, Lane, Map, Scratch, Workers};
use crate::error::Result;
use crate::wiped::Wiped;
use zeroize::Zeroizing;

/// Images that one thread takes through the network at once: more share the reading of weights, but need more memory
/// (about 13 MB each).
const IMAGES_AT_ONCE: usize = 4;

/// Side of a chip with the border that the stem's kernel reaches over.
const PADDED: usize = Chip::SIZE + 2;

/// A network on the CPU.
pub(super) struct OnCpu {
    network: Network,
    stem: Colour,
    blocks: Vec<Layer>,
    /// How many blocks each stage of the body has.
    stages: Vec<usize>,
    /// For each stage, what is added to its channels to make them the published network's; empty: nothing.
    carried: Vec<Vec<f32>>,
    head: Dense,
    rounding: Option<Rounding>,
    workers: Workers,
    scratch: Scratch,
}

/// What the layers work with.
#[derive(Clone, Copy)]
struct Run<'a> {
    scratch: &'a Scratch,
    share: Share,
    rounding: Option<Rounding>,
}

impl Run<'_> {
    /// A layer's output as it is stored.
    fn stored(self, mut map: Map) -> Map {
        if let Some(rounding) = self.rounding {
            rounding.round_map(&mut map, self.share);
        }
        map
    }
}

/// One convolution of the body.
enum Layer {
    Residual {
        first: Winograd,
        second: Spatial,
        projection: Option<Direct>,
    },
    Separable {
        depthwise: Depthwise,
        pointwise: Direct,
    },
}

/// A convolution over all channels.
enum Spatial {
    Winograd(Winograd),
    Direct(Direct),
}

impl OnCpu {
    /// Packs the weights of `folded`, which are rounded before as the maps will be.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Internal`] for a body that is not built as the networks of this library are.
    pub fn new(mut folded: Folded, rounding: Option<Rounding>, workers: &Workers) -> Result<Self> {
        let mut carried = Vec::new();
        if let Some(rounding) = rounding {
            carried = carry(&mut folded)?;
            rounding.round_constants(&mut folded);
        }
        let blocks = folded.blocks.iter().map(|block| match block {
            Block::Residual {
                first,
                second,
                projection,
            } => Layer::Residual {
                first: winograd(first),
                second: match second.stride {
                    1 => Spatial::Winograd(winograd(second)),
                    _ => Spatial::Direct(direct(second)),
                },
                projection: projection.as_ref().map(direct),
            },
            Block::Separable { depthwise, pointwise } => Layer::Separable {
                depthwise: Depthwise::new(&depthwise.weight, depthwise.stride, epilogue(depthwise)),
                pointwise: direct(pointwise),
            },
        });
        Ok(OnCpu {
            network: folded.network,
            blocks: blocks.collect(),
            stages: folded.stages.clone(),
            stem: Colour::new(&folded.stem.weight, epilogue(&folded.stem)),
            carried,
            head: head(&folded.head),
            rounding,
            workers: workers.clone(),
            scratch: Scratch::default(),
        })
    }

    fn run(&self, share: Share) -> Run<'_> {
        Run {
            scratch: &self.scratch,
            share,
            rounding: self.rounding,
        }
    }

    fn first_map(&self, chips: &[&Chip], run: Run) -> Map {
        let pixels = Pixels {
            data: &padded(chips),
            images: chips.len(),
            height: PADDED,
            width: PADDED,
        };
        run.stored(self.stem.forward(pixels, run.scratch, run.share))
    }

    /// A map through some blocks.
    fn through(blocks: &[Layer], mut map: Map, run: Run) -> Map {
        for block in blocks {
            let next = block.forward(&map, run);
            map.release(run.scratch);
            map = next;
        }
        map
    }

    /// The embeddings of a few chips.
    fn embed(&self, chips: &[&Chip], share: Share) -> Vec<Vec<f32>> {
        let (run, scratch) = (self.run(share), &self.scratch);
        let map = Self::through(&self.blocks, self.first_map(chips, run), run);
        let flat = flattened(&map, scratch);
        map.release(scratch);
        let mut output = self.head.forward(&flat, scratch, share);
        flat.release(scratch);
        let length = self.network.embedding_length().unwrap_or_default();
        let embedding = |image| {
            // With all its room at once: where a list grows, what it had stays behind.
            let mut embedding = Vec::with_capacity(length);
            embedding.extend(outputs(&output, image, length));
            embedding
        };
        let embeddings = (0..chips.len()).map(embedding).collect();
        // The buffer may lie unused for long.
        output.data.fill(Lane::ZERO);
        output.release(scratch);
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
            let run = self.run(share);
            let mut map = self.first_map(chips, run);
            let mut blocks = &self.blocks[..];
            let mut outputs = Vec::with_capacity(self.stages.len());
            for (at, &count) in self.stages.iter().enumerate() {
                let (stage, rest) = blocks.split_at(count);
                map = Self::through(stage, map, run);
                outputs.push(feature_map(&map, self.carried.get(at)));
                blocks = rest;
            }
            map.release(&self.scratch);
            outputs
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

impl Layer {
    fn forward(&self, input: &Map, run: Run) -> Map {
        let Run { scratch, share, .. } = run;
        match self {
            Layer::Residual {
                first,
                second,
                projection,
            } => {
                let inner = run.stored(first.forward(input, None, scratch, share));
                let projected = projection
                    .as_ref()
                    .map(|conv| run.stored(conv.forward(input, None, scratch, share)));
                let residual = Some(projected.as_ref().unwrap_or(input));
                let output = match second {
                    Spatial::Winograd(conv) => conv.forward(&inner, residual, scratch, share),
                    Spatial::Direct(conv) => conv.forward(&inner, residual, scratch, share),
                };
                inner.release(scratch);
                if let Some(projected) = projected {
                    projected.release(scratch);
                }
                run.stored(output)
            }
            Layer::Separable { depthwise, pointwise } => {
                let inner = run.stored(depthwise.forward(input, scratch, share));
                let output = pointwise.forward(&inner, None, scratch, share);
                inner.release(scratch);
                run.stored(output)
            }
        }
    }
}

fn epilogue(conv: &Conv) -> Epilogue {
    match &conv.bias {
        Bias::Channel(bias) => Epilogue::new(bias, conv.slopes.as_deref()),
        Bias::Border(bias) => Epilogue::by_place(bias, conv.slopes.as_deref()),
    }
}

fn winograd(conv: &Conv) -> Winograd {
    Winograd::new(&conv.weight, conv.inputs, conv.outputs, epilogue(conv))
}

fn direct(conv: &Conv) -> Direct {
    let window = Window {
        kernel: conv.kernel,
        stride: conv.stride,
        padding: conv.kernel / 2,
    };
    Direct::new(&conv.weight, conv.inputs, conv.outputs, window, epilogue(conv))
}

/// The chips' pixels with a border of zeros.
fn padded(chips: &[&Chip]) -> Wiped<f32> {
    let row = PADDED * 3;
    let mut pixels = Wiped::zeros(chips.len() * PADDED * row);
    for (chip, pixels) in chips.iter().zip(pixels.chunks_exact_mut(PADDED * row)) {
        let rows = pixels[row..].chunks_exact_mut(row);
        for (bytes, row) in chip.bgr().chunks_exact(Chip::SIZE * 3).zip(rows) {
            for (value, &byte) in row[3..].iter_mut().zip(bytes) {
                *value = f32::from(byte);
            }
        }
    }
    pixels
}

fn head(head: &Head) -> Dense {
    Dense::new(
        &head.weight,
        head.outputs(),
        head.side * head.side,
        Epilogue::new(&head.bias, None),
    )
}
