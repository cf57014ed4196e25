//! A whole network in libtorch: from pixels to embeddings.

use super::layers::{Conv, Dense, Setting};
use crate::align::Chip;
use crate::error::Result;
use crate::network::carry::carry;
use crate::network::folded::{self, Folded, PIXEL_SCALE};
use crate::torch::in_torch;
use tch::{Kind, Tensor};

/// The layers of a network on its device.
pub(super) struct Body {
    /// One number, 1 / [`PIXEL_SCALE`], in the format that the maps have.
    scale: Tensor,
    stem: Conv,
    stages: Vec<Stage>,
    head: Dense,
}

/// Blocks, and what is added to their output to make it the published network's (1 x c x 1 x 1, f32).
struct Stage {
    blocks: Vec<Block>,
    carried: Tensor,
}

enum Block {
    Residual {
        first: Conv,
        second: Conv,
        projection: Option<Conv>,
    },
    Separable {
        depthwise: Conv,
        pointwise: Conv,
    },
}

impl Body {
    /// Puts the network on its device.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Backend`] when libtorch fails (out of memory).
    pub(super) fn new(mut folded: Folded, setting: Setting) -> Result<Body> {
        let carried = carry(&mut folded)?;
        for weight in &mut folded.stem.weight {
            *weight *= PIXEL_SCALE;
        }
        let mut side = Chip::SIZE;
        let stem = Conv::new(&folded.stem, side, setting)?;
        side = side.div_ceil(folded.stem.stride);
        let mut stages = Vec::with_capacity(carried.len());
        let mut blocks = folded.blocks.iter();
        for (&count, carried) in folded.stages.iter().zip(&carried) {
            let mut stage = Vec::with_capacity(count);
            for block in blocks.by_ref().take(count) {
                let (made, smaller) = Block::new(block, side, setting)?;
                stage.push(made);
                side = smaller;
            }
            stages.push(Stage {
                blocks: stage,
                carried: Tensor::f_from_slice(carried)?
                    .f_reshape([1, -1, 1, 1])?
                    .f_to_device(in_torch(setting.device))?,
            });
        }
        Ok(Body {
            scale: Tensor::from(1.0 / PIXEL_SCALE).f_to_kind(setting.kind())?,
            stem,
            stages,
            head: Dense::new(&folded.head, setting.device)?,
        })
    }

    /// n x 112 x 112 x 3, u8, BGR, to n x the embedding's length, f32.
    pub(super) fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        let mut x = self.first_map(pixels)?;
        for block in self.stages.iter().flat_map(|stage| &stage.blocks) {
            x = block.forward(&x)?;
        }
        self.head.forward(&x)
    }

    /// What each stage puts out for the same pixels, f32.
    pub(super) fn stages(&self, pixels: &Tensor) -> Result<Vec<Tensor>> {
        let mut x = self.first_map(pixels)?;
        let mut outputs = Vec::with_capacity(self.stages.len());
        for stage in &self.stages {
            for block in &stage.blocks {
                x = block.forward(&x)?;
            }
            outputs.push(x.f_to_kind(Kind::Float)?.f_add(&stage.carried)?);
        }
        Ok(outputs)
    }

    fn first_map(&self, pixels: &Tensor) -> Result<Tensor> {
        // One pass: a whole number times a number of no dimension takes that one's format.
        self.stem.forward(&pixels.f_permute([0, 3, 1, 2])?.f_mul(&self.scale)?)
    }
}

impl Block {
    /// The block for inputs of `side` squared places, and the side of its outputs.
    fn new(block: &folded::Block, side: usize, setting: Setting) -> Result<(Block, usize)> {
        let after = |conv: &folded::Conv, side: usize| side.div_ceil(conv.stride);
        match block {
            folded::Block::Residual {
                first,
                second,
                projection,
            } => {
                let middle = after(first, side);
                let block = Block::Residual {
                    first: Conv::new(first, side, setting)?,
                    second: Conv::new(second, middle, setting)?,
                    projection: match projection {
                        Some(projection) => Some(Conv::new(projection, side, setting)?),
                        None => None,
                    },
                };
                Ok((block, after(second, middle)))
            }
            folded::Block::Separable { depthwise, pointwise } => {
                let middle = after(depthwise, side);
                let block = Block::Separable {
                    depthwise: Conv::new(depthwise, side, setting)?,
                    pointwise: Conv::new(pointwise, middle, setting)?,
                };
                Ok((block, after(pointwise, middle)))
            }
        }
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Block::Residual {
                first,
                second,
                projection,
            } => {
                let mut y = second.forward(&first.forward(x)?)?;
                Ok(match projection {
                    Some(projection) => y.f_add_(&projection.forward(x)?)?,
                    None => y.f_add_(x)?,
                })
            }
            Block::Separable { depthwise, pointwise } => pointwise.forward(&depthwise.forward(x)?),
        }
    }
}

/// Bytes that the maps of one chip take at most while it goes through, in numbers of `element` bytes: the largest map
/// three times, as it goes into a rectifier, comes out of it, and is kept for the block's sum.
pub(super) fn bytes_per_chip(folded: &Folded, element: usize) -> usize {
    let mut side = Chip::SIZE;
    let mut largest = folded.stem.outputs * side * side;
    let mut through = |conv: &folded::Conv| {
        side = side.div_ceil(conv.stride);
        largest = largest.max(conv.outputs * side * side);
    };
    for block in &folded.blocks {
        let (folded::Block::Residual {
            first: a, second: b, ..
        }
        | folded::Block::Separable {
            depthwise: a,
            pointwise: b,
        }) = block;
        through(a);
        through(b);
    }
    3 * largest * element
}
