//! A network as data: a small graph of the operations that face networks are made of, with its weights by name.
//!
//! A network is described once, in one short file ([`crate::network::describe`], [`crate::detect::describe`]), with a
//! [`Builder`]. All else follows: the names and shapes of the tensors that it needs, and what each back end computes with.
//!
//! | file | its one job |
//! |---|---|
//! | `build.rs` | writing a graph down, with its shapes checked |
//! | `tensors.rs` | the weights that a graph names, checked |
//! | `fold.rs` | a graph to a [`Folded`] one, which back ends run: what each node becomes |
//! | `draft.rs` | a step on its way: what it takes up, and its numbers |
//! | `join.rs` | the steps in their order, heads on one map made at once |
//! | `layer.rs` | the arithmetic of folding one layer |
//! | `carry.rs` | constants taken out of running sums, for 16 bits |

mod build;
pub(crate) mod carry;
mod draft;
mod fold;
mod join;
mod layer;
mod tensors;
#[cfg(test)]
mod tests;

pub(crate) use build::{Builder, Kernel};
pub(crate) use fold::{PixelsAs, fold};
/// What back ends run: the same for those of this library and those in files of their own.
pub(crate) use qmagface_backend as folded;
pub(crate) use qmagface_backend::{Activation, Folded, Pool, PoolOf};
pub(crate) use tensors::check_known;

/// In 16 bits pixels go in divided by this and the first weights are multiplied by it, both exactly: undivided, the first
/// weights would be too small for them.
pub(crate) const PIXEL_SCALE: f32 = 256.0;

/// A node's place in [`Graph::nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NodeId(u32);

impl NodeId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// A network: nodes in an order in which each comes behind those it takes from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    /// What is handed out, by name.
    outputs: Vec<(String, NodeId)>,
    /// The tensors that the nodes name, with their shapes, in the order in which data flows through them.
    pub tensors: Vec<(String, Vec<usize>)>,
}

/// One step.
#[derive(Debug, Clone, PartialEq)]
struct Node {
    op: Op,
    /// What it takes from.
    inputs: Vec<NodeId>,
    /// What it gives, for one image.
    shape: Shape,
}

/// The numbers that a node gives for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A map: channels, and rows and columns, if they are fixed: a network may take images of any size.
    Map { channels: usize, sides: Option<[usize; 2]> },
    /// A row of numbers.
    Flat(usize),
}

/// An operation. Tensors are named; all are row-major f32.
#[cfg_attr(not(test), allow(dead_code, reason = "not every operation is in a network of today"))]
#[derive(Debug, Clone, PartialEq)]
enum Op {
    /// Pixels, BGR as the library has them, 0..255, as the network wants them: `(pixel - offset) * scale`.
    Image {
        /// Whether the network's first channel is red.
        rgb: bool,
        offset: f64,
        scale: f64,
    },
    /// A convolution with `groups` groups of inputs and outputs that don't see each other.
    Convolution {
        /// Outputs x (inputs / groups) x kernel x kernel.
        weight: String,
        /// One number for each output.
        bias: Option<String>,
        kernel: Kernel,
        groups: usize,
    },
    /// `(x - mean) / sqrt(variance + epsilon) * scale + shift` for each channel.
    BatchNorm { norm: Norm, epsilon: f64 },
    /// `max(x, 0) + slope * min(x, 0)` with a slope for each channel.
    PRelu { slopes: String },
    /// `max(x, 0)`.
    Relu,
    /// Each number by itself.
    Activation(Activation),
    /// The sum of two maps of one shape.
    Add,
    /// The product of two maps of one shape, number by number, or of a map with one number for each channel.
    Multiply,
    /// One number of each window.
    Pool(Pool),
    /// Each place so many squared times, as neighbours.
    Upsample { factor: usize },
    /// At each place the channels' shares of 1, `exp(x) / sum of exp(x)`.
    Softmax,
    /// Rows of numbers, or the channels of maps of the same sides, behind each other.
    Concatenate,
    /// A map as a row of numbers: by channel, row, column.
    Flatten,
    /// A product with a matrix.
    Dense {
        /// Outputs x inputs.
        weight: String,
        /// One number for each output.
        bias: String,
    },
}

/// The names of a batch norm's tensors, one number for each channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Norm {
    /// What the normalised value is multiplied by (gamma).
    scale: String,
    /// What is added to it (beta).
    shift: String,
    mean: String,
    variance: String,
}

impl Norm {
    /// As PyTorch calls them: `NAME.weight`, `NAME.bias`, `NAME.running_mean`, `NAME.running_var`.
    pub fn pytorch(name: &str) -> Norm {
        Norm {
            scale: format!("{name}.weight"),
            shift: format!("{name}.bias"),
            mean: format!("{name}.running_mean"),
            variance: format!("{name}.running_var"),
        }
    }

    /// As MXNet calls them: `NAME_gamma`, `NAME_beta`, `NAME_moving_mean`, `NAME_moving_var`.
    pub fn mxnet(name: &str) -> Norm {
        Norm {
            scale: format!("{name}_gamma"),
            shift: format!("{name}_beta"),
            mean: format!("{name}_moving_mean"),
            variance: format!("{name}_moving_var"),
        }
    }
}
