//! Writing a graph down, with its shapes checked.

use super::{Activation, Graph, Node, NodeId, Norm, Op, Pool, PoolOf, Shape};
use std::collections::HashSet;

/// A graph as it is written down. A description that doesn't fit together is a defect of this crate, so each step panics
/// on one; every network's description is built by a test.
#[derive(Default)]
pub(crate) struct Builder {
    nodes: Vec<Node>,
    outputs: Vec<(String, NodeId)>,
    tensors: Vec<(String, Vec<usize>)>,
    names: HashSet<String>,
}

/// A convolution's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kernel {
    /// Channels of the output.
    pub outputs: usize,
    /// Side of the kernel.
    pub side: usize,
    /// Places from one output to the next.
    pub stride: usize,
    /// Zeros around the map.
    pub padding: usize,
}

impl Builder {
    /// A graph of nothing.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// The graph.
    pub fn finish(self) -> Graph {
        Graph {
            nodes: self.nodes,
            outputs: self.outputs,
            tensors: self.tensors,
        }
    }

    /// An image of three channels and of these sides (rows, columns), or of any; each pixel as
    /// `(pixel - offset) * scale`.
    pub fn image(&mut self, sides: Option<[usize; 2]>, rgb: bool, [offset, scale]: [f64; 2]) -> NodeId {
        let shape = Shape::Map { channels: 3, sides };
        self.add(Op::Image { rgb, offset, scale }, &[], shape)
    }

    /// Hands a node out under a name.
    pub fn output(&mut self, name: &str, node: NodeId) {
        self.outputs.push((name.to_owned(), node));
    }

    /// A convolution over all channels; with a bias where `bias` names it.
    pub fn conv(&mut self, input: NodeId, weight: String, bias: Option<String>, kernel: Kernel) -> NodeId {
        self.grouped(input, weight, bias, kernel, 1)
    }

    /// A 3x3 convolution of each channel by itself, zeros padded.
    pub fn depthwise(&mut self, input: NodeId, weight: String, stride: usize) -> NodeId {
        let channels = self.channels(input);
        let kernel = Kernel {
            outputs: channels,
            side: 3,
            stride,
            padding: 1,
        };
        self.grouped(input, weight, None, kernel, channels)
    }

    /// A convolution in `groups` groups of inputs and outputs that don't see each other; in as many as there are inputs
    /// and outputs, each channel by itself.
    pub fn grouped(
        &mut self,
        input: NodeId,
        weight: String,
        bias: Option<String>,
        kernel: Kernel,
        groups: usize,
    ) -> NodeId {
        let (inputs, sides) = self.map(input);
        let Kernel {
            outputs,
            side,
            stride,
            padding,
        } = kernel;
        assert!(
            inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups),
            "groups of one size"
        );
        let sides = sides.map(|sides| sides.map(|length| (length + 2 * padding - side) / stride + 1));
        self.tensor(&weight, &[outputs, inputs / groups, side, side]);
        if let Some(bias) = &bias {
            self.tensor(bias, &[outputs]);
        }
        let op = Op::Convolution {
            weight,
            bias,
            kernel,
            groups,
        };
        let shape = Shape::Map {
            channels: outputs,
            sides,
        };
        self.add(op, &[input], shape)
    }

    /// A batch norm.
    pub fn batch_norm(&mut self, input: NodeId, norm: Norm, epsilon: f64) -> NodeId {
        let channels = self.channels(input);
        for name in [&norm.scale, &norm.shift, &norm.mean, &norm.variance] {
            self.tensor(name, &[channels]);
        }
        self.like(Op::BatchNorm { norm, epsilon }, input)
    }

    /// A PReLU, whose slopes' tensor has `axes` axes of length 1 behind its channels.
    pub fn prelu(&mut self, input: NodeId, slopes: String, axes: usize) -> NodeId {
        let mut shape = vec![self.channels(input)];
        shape.resize(1 + axes, 1);
        self.tensor(&slopes, &shape);
        self.like(Op::PRelu { slopes }, input)
    }

    /// The sum of two maps, or rows, of one shape. It takes nothing where one of them is a convolution's.
    pub fn sum(&mut self, a: NodeId, b: NodeId) -> NodeId {
        assert_eq!(self.shape(a), self.shape(b), "what is added has one shape");
        let shape = self.shape(a);
        self.add(Op::Add, &[a, b], shape)
    }

    /// The greatest of each window, with stride 2; incomplete windows count.
    pub fn max_pool(&mut self, input: NodeId, kernel: usize) -> NodeId {
        let of = PoolOf::Greatest;
        self.pool(
            input,
            Pool {
                of,
                kernel,
                stride: 2,
                padding: 0,
                partial: true,
            },
        )
    }

    /// One number of each window.
    pub fn pool(&mut self, input: NodeId, pool: Pool) -> NodeId {
        let (channels, sides) = self.map(input);
        let sides = sides.map(|sides| sides.map(|length| pool.windows(length)));
        assert!(
            sides.is_none_or(|sides| !sides.contains(&0)),
            "a window fits into the map"
        );
        self.add(Op::Pool(pool), &[input], Shape::Map { channels, sides })
    }

    /// A map as a row of numbers.
    pub fn flatten(&mut self, input: NodeId) -> NodeId {
        let (channels, sides) = self.map(input);
        let [rows, columns] = sides.expect("a map of fixed size is flattened");
        self.add(Op::Flatten, &[input], Shape::Flat(channels * rows * columns))
    }

    /// Several rows of numbers, or the channels of several maps of the same sides, behind each other.
    pub fn concatenate(&mut self, inputs: &[NodeId]) -> NodeId {
        let length = inputs.iter().map(|&input| self.channels(input)).sum();
        let of = |channels| match self.shape(inputs[0]) {
            Shape::Map { sides, .. } => Shape::Map { channels, sides },
            Shape::Flat(_) => Shape::Flat(channels),
        };
        for &input in inputs {
            let channels = self.channels(input);
            assert_eq!(self.shape(input), of(channels), "what is joined has the same sides");
        }
        self.add(Op::Concatenate, inputs, of(length))
    }

    /// A dense layer of so many outputs, with a bias.
    pub fn dense(&mut self, input: NodeId, weight: String, bias: String, outputs: usize) -> NodeId {
        let Shape::Flat(inputs) = self.shape(input) else {
            panic!("a dense layer takes a row of numbers")
        };
        self.tensor(&weight, &[outputs, inputs]);
        self.tensor(&bias, &[outputs]);
        self.add(Op::Dense { weight, bias }, &[input], Shape::Flat(outputs))
    }

    fn like(&mut self, op: Op, input: NodeId) -> NodeId {
        let shape = self.shape(input);
        self.add(op, &[input], shape)
    }

    fn add(&mut self, op: Op, inputs: &[NodeId], shape: Shape) -> NodeId {
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            shape,
        });
        NodeId(self.nodes.len() as u32 - 1)
    }

    fn tensor(&mut self, name: &str, shape: &[usize]) {
        assert!(self.names.insert(name.to_owned()), "{name} is named twice");
        self.tensors.push((name.to_owned(), shape.to_vec()));
    }

    fn shape(&self, node: NodeId) -> Shape {
        self.nodes[node.index()].shape
    }

    fn map(&self, node: NodeId) -> (usize, Option<[usize; 2]>) {
        match self.shape(node) {
            Shape::Map { channels, sides } => (channels, sides),
            Shape::Flat(_) => panic!("a map is taken, not a row of numbers"),
        }
    }

    fn channels(&self, node: NodeId) -> usize {
        match self.shape(node) {
            Shape::Map { channels, .. } => channels,
            Shape::Flat(length) => length,
        }
    }
}

/// What no network of today takes; the tests of the graph try each.
#[cfg_attr(not(test), allow(dead_code, reason = "face networks are made of it"))]
impl Builder {
    /// Negative numbers as 0.
    pub fn relu(&mut self, input: NodeId) -> NodeId {
        self.like(Op::Relu, input)
    }

    /// What becomes of each number.
    pub fn activation(&mut self, input: NodeId, activation: Activation) -> NodeId {
        assert!(!matches!(activation, Activation::Clip(limit) if limit.is_nan() || limit < 0.0));
        self.like(Op::Activation(activation), input)
    }

    /// At each place the channels' shares of 1.
    pub fn softmax(&mut self, input: NodeId) -> NodeId {
        self.like(Op::Softmax, input)
    }

    /// The product of `a` with `b`, number by number; `b` has the shape of `a`, or one number for each of its channels.
    pub fn product(&mut self, a: NodeId, b: NodeId) -> NodeId {
        let shape = self.shape(a);
        let each = match shape {
            Shape::Map { channels, .. } => Shape::Map {
                channels,
                sides: Some([1, 1]),
            },
            Shape::Flat(_) => shape,
        };
        assert!([shape, each].contains(&self.shape(b)), "what is multiplied fits");
        self.add(Op::Multiply, &[a, b], shape)
    }

    /// The mean of each channel of a square map of fixed size: a map of one place.
    pub fn mean(&mut self, input: NodeId) -> NodeId {
        let (_, sides) = self.map(input);
        let [kernel, columns] = sides.expect("a map of fixed size");
        assert_eq!(kernel, columns, "a square map");
        self.pool(
            input,
            Pool {
                of: PoolOf::Mean,
                kernel,
                stride: 1,
                padding: 0,
                partial: false,
            },
        )
    }

    /// Each place `factor` squared times, as neighbours.
    pub fn upsample(&mut self, input: NodeId, factor: usize) -> NodeId {
        let (channels, sides) = self.map(input);
        let sides = sides.map(|sides| sides.map(|length| length * factor));
        self.add(Op::Upsample { factor }, &[input], Shape::Map { channels, sides })
    }
}
