//! A network as it is run: every batch norm folded into the convolution or dense layer beside it.
//!
//! Made from the published weights by [`super::fold`], in f64; run by the back ends. All tensors are row-major f32.

use super::spec::Network;

/// In 16 bits pixels go in divided by this and the first weights are multiplied by it, both exactly: undivided, the first
/// weights would be too small for them.
pub(crate) const PIXEL_SCALE: f32 = 256.0;

/// A network without batch norms, in the order data flows through it.
pub(crate) struct Folded {
    /// Which network it is.
    pub network: Network,
    /// From pixels as the chips have them (BGR, 0..255) to the first map.
    pub stem: Conv,
    /// The body.
    pub blocks: Vec<Block>,
    /// How many blocks each stage of the body has.
    pub stages: Vec<usize>,
    /// From the last map to the embedding.
    pub head: Head,
}

/// A part of the body.
pub(crate) enum Block {
    /// `second(first(x))` added to `projection(x)`, or to x where there is none.
    Residual {
        first: Conv,
        second: Conv,
        projection: Option<Conv>,
    },
    /// `pointwise(depthwise(x))`.
    Separable { depthwise: Conv, pointwise: Conv },
}

/// A convolution with its bias and, behind it, its PReLU. Zeros are padded so that stride 1 keeps the map's size.
pub(crate) struct Conv {
    /// Outputs x (inputs, or 1 for a depthwise one) x kernel x kernel.
    pub weight: Vec<f32>,
    pub inputs: usize,
    pub outputs: usize,
    /// 1 or 3.
    pub kernel: usize,
    /// 1 or 2.
    pub stride: usize,
    /// Each channel by itself: inputs and outputs are the same.
    pub depthwise: bool,
    pub bias: Bias,
    /// Slopes below zero, one for each output; `None`: no rectifier.
    pub slopes: Option<Vec<f32>>,
}

/// What a convolution adds to its sums.
pub(crate) enum Bias {
    /// One number for each output.
    Channel(Vec<f32>),
    /// One number for each output and each kind of place in the map, see [`crate::cpu::epilogue::place`]: a constant that was added before the
    /// padding is missing where the kernel reaches over the border.
    Border(Box<[Vec<f32>; 9]>),
}

/// The dense layer that makes the embedding.
pub(crate) struct Head {
    /// Outputs x (channels x rows x columns of the last map).
    pub weight: Vec<f32>,
    /// One number for each output.
    pub bias: Vec<f32>,
    /// Side of the last map.
    pub side: usize,
}

impl Head {
    /// Floats of an embedding.
    pub fn outputs(&self) -> usize {
        self.bias.len()
    }
}
