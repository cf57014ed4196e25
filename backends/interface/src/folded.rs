//! A network as it is run: every batch norm and rectifier is a part of the layer beside it.
//!
//! Made from a graph and the published weights by qmagface, in f64; run by the back ends. All tensors are row-major f32.

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A network without batch norms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Folded {
    /// What is computed: each step comes behind those it takes from.
    pub steps: Vec<Step>,
    /// What is handed out.
    pub outputs: Vec<Output>,
}

/// What a network hands out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// What it is called.
    pub name: String,
    /// The step that makes it.
    pub step: usize,
    /// Which of the step's channels it is.
    pub channels: Range<usize>,
}

/// One step of a network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it does.
    pub layer: Layer,
    /// The steps that it takes from; a convolution's second one is added to what it gives.
    pub inputs: Vec<usize>,
    /// Channels that it gives.
    pub channels: usize,
    /// Rows and columns of its map, where they are fixed; of a row of numbers 1 x 1.
    pub sides: Option<[usize; 2]>,
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Layer {
    /// Takes the network's next image: packed pixels, BGR, 0..255, or as the network's description has them.
    Image,
    /// A convolution and what belongs to it.
    Conv(Conv),
    /// One number of each window.
    Pool(Pool),
    /// Each place so many squared times, as neighbours.
    Upsample(usize),
    /// Each number by itself.
    Activation(Activation),
    /// The sum of two maps of one shape.
    Add,
    /// The product of two maps, number by number; the second has the first's shape or is one number for each channel.
    Multiply,
    /// At each place the channels' shares of 1: `exp(x) / sum of exp(x)`.
    Softmax,
    /// Maps to rows of numbers.
    Flatten,
    /// Rows of numbers, or the channels of maps of the same sides, behind each other.
    Concatenate,
    /// A product with a matrix and what belongs to it.
    Dense(Dense),
}

/// What a window of a map becomes. Only places inside the map count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Which number of the window it is.
    pub of: PoolOf,
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Places from one window to the next.
    pub stride: usize,
    /// How far the first window reaches over the map's edge, at most half of it.
    pub padding: usize,
    /// Whether a window counts that reaches over the right or bottom edge, and the padding there.
    pub partial: bool,
}

/// What is taken of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PoolOf {
    /// Its greatest number.
    Greatest,
    /// The mean of its numbers.
    Mean,
}

impl Pool {
    /// How many windows there are along a side of `length` places; 0 where none fits.
    pub fn windows(&self, length: usize) -> usize {
        let Some(room) = (length + 2 * self.padding).checked_sub(self.kernel) else {
            return 0;
        };
        if !self.partial {
            return room / self.stride + 1;
        }
        let windows = room.div_ceil(self.stride) + 1;
        // The last one begins inside the map or its padding before it.
        windows - usize::from((windows - 1) * self.stride >= length + self.padding)
    }

    /// The places of window `at` along a side of `length` places.
    pub fn window(&self, at: usize, length: usize) -> Range<usize> {
        let start = at * self.stride;
        start.saturating_sub(self.padding)..(start + self.kernel).saturating_sub(self.padding).min(length)
    }
}

/// What becomes of a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Activation {
    /// `min(max(x, 0), limit)`, with a limit of 0 or more.
    Clip(f32),
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x * min(max(x + 3, 0), 6) / 6` (Howard et al., arXiv 1905.02244).
    HardSwish,
}

/// A convolution with its bias and, behind it, its PReLU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conv {
    /// Outputs x (inputs / groups) x kernel x kernel.
    pub weight: Vec<f32>,
    /// Channels that it takes.
    pub inputs: usize,
    /// Channels that it gives.
    pub outputs: usize,
    /// Rows and columns of the window.
    pub kernel: usize,
    /// Places from one window to the next.
    pub stride: usize,
    /// Zeros around the map.
    pub padding: usize,
    /// Groups of inputs and outputs that don't see each other.
    pub groups: usize,
    /// What it adds.
    pub bias: Bias,
    /// Slopes below zero, one for each output; `None`: no rectifier.
    pub slopes: Option<Vec<f32>>,
}

/// What a convolution adds to its sums.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Bias {
    /// One number for each output.
    Channel(Vec<f32>),
    /// One number for each output and each kind of place in the map, see [`place`]: a constant that was
    /// added before the padding is missing where the kernel reaches over the border.
    Border(Box<[Vec<f32>; 9]>),
}

/// A dense layer with its bias and, behind it, its PReLU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dense {
    /// Outputs x inputs; the inputs by part, then channel, then place.
    pub weight: Vec<f32>,
    /// Channels and places of each part that its input is made of.
    pub parts: Vec<[usize; 2]>,
    /// One number for each output.
    pub bias: Vec<f32>,
    /// Slopes below zero, one for each output; `None`: no rectifier.
    pub slopes: Option<Vec<f32>>,
}

impl Conv {
    /// Whether each channel is convolved by itself.
    pub fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.inputs && self.groups == self.outputs
    }
}

impl Folded {
    /// The convolutions that take pixels.
    pub fn first_convs(&mut self) -> impl Iterator<Item = &mut Conv> {
        let is_image: Vec<bool> = self
            .steps
            .iter()
            .map(|step| matches!(step.layer, Layer::Image))
            .collect();
        self.steps.iter_mut().filter_map(move |step| match &mut step.layer {
            Layer::Conv(conv) if step.inputs.iter().any(|&input| is_image[input]) => Some(conv),
            _ => None,
        })
    }

    /// The form in which it goes to a plug-in.
    pub fn to_bytes(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("a network is numbers, names and lists, which all have a form")
    }

    /// A network from its form, checked: each step comes behind those it takes from, and the numbers of the weights are
    /// those of the shapes.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Folded, String> {
        let (folded, rest) =
            postcard::take_from_bytes::<Folded>(bytes).map_err(|error| format!("a network's bytes: {error}"))?;
        if !rest.is_empty() {
            return Err(format!("a network's bytes: {} more than it has", rest.len()));
        }
        for (at, step) in folded.steps.iter().enumerate() {
            let right =
                step.inputs.iter().all(|&input| input < at) && step.layer.is_whole(step.inputs.len(), step.channels);
            if !right {
                return Err(format!("step {at} of a network doesn't fit together"));
            }
        }
        let fits = |output: &Output| {
            let step = folded.steps.get(output.step);
            step.is_some_and(|step| {
                output.channels.start <= output.channels.end && output.channels.end <= step.channels
            })
        };
        match folded.outputs.iter().find(|output| !fits(output)) {
            Some(output) => Err(format!("a network has no step for its output {:?}", output.name)),
            None => Ok(folded),
        }
    }
}

impl Layer {
    /// Whether a layer that takes from so many steps and gives so many channels has all its numbers.
    fn is_whole(&self, inputs: usize, channels: usize) -> bool {
        let one_each =
            |slopes: &Option<Vec<f32>>, outputs| slopes.as_ref().is_none_or(|slopes| slopes.len() == outputs);
        match self {
            Layer::Image => inputs == 0,
            Layer::Pool(pool) => inputs == 1 && pool.kernel > 0 && pool.stride > 0 && pool.padding <= pool.kernel / 2,
            Layer::Upsample(factor) => inputs == 1 && *factor > 0,
            Layer::Activation(Activation::Clip(limit)) => inputs == 1 && *limit >= 0.0,
            Layer::Flatten | Layer::Activation(_) | Layer::Softmax => inputs == 1,
            Layer::Add | Layer::Multiply => inputs == 2,
            Layer::Concatenate => inputs > 0,
            Layer::Conv(conv) => {
                let is_grouped = conv.groups > 0
                    && conv.inputs.is_multiple_of(conv.groups)
                    && conv.outputs.is_multiple_of(conv.groups);
                let group = conv.inputs.checked_div(conv.groups).unwrap_or_default();
                let weights = [group, conv.kernel, conv.kernel]
                    .iter()
                    .try_fold(conv.outputs, |product, &factor| product.checked_mul(factor));
                let biases = match &conv.bias {
                    Bias::Channel(bias) => bias.len() == conv.outputs,
                    Bias::Border(places) => places.iter().all(|bias| bias.len() == conv.outputs),
                };
                (1..=2).contains(&inputs)
                    && is_grouped
                    && conv.outputs == channels
                    && weights.is_some_and(|weights| weights > 0)
                    && conv.stride > 0
                    && weights == Some(conv.weight.len())
                    && biases
                    && one_each(&conv.slopes, conv.outputs)
            }
            Layer::Dense(dense) => {
                let columns = dense.parts.iter().try_fold(0usize, |sum, &[channels, places]| {
                    sum.checked_add(channels.checked_mul(places)?)
                });
                let weights = columns.and_then(|columns| columns.checked_mul(dense.bias.len()));
                inputs == 1
                    && dense.bias.len() == channels
                    && weights.is_some_and(|weights| weights > 0)
                    && weights == Some(dense.weight.len())
                    && one_each(&dense.slopes, dense.bias.len())
            }
        }
    }
}

/// The kind of place of row `y` and column `x` in a map of `height` x `width`, both at least 2: 3 times the row's kind
/// plus the column's kind, which is 0 on the first, 2 on the last, 1 between.
pub fn place(y: usize, x: usize, height: usize, width: usize) -> usize {
    let kind = |at: usize, length: usize| usize::from(at > 0) + usize::from(at + 1 == length);
    3 * kind(y, height) + kind(x, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small() -> Folded {
        let conv = Conv {
            weight: vec![0.5; 2 * 3 * 9],
            inputs: 3,
            outputs: 2,
            kernel: 3,
            stride: 1,
            padding: 1,
            groups: 1,
            bias: Bias::Border(Box::new(std::array::from_fn(|at| vec![at as f32; 2]))),
            slopes: Some(vec![0.25; 2]),
        };
        let dense = Dense {
            weight: vec![1.5; 5 * 8],
            parts: vec![[2, 4]],
            bias: vec![-1.0; 5],
            slopes: None,
        };
        let step = |layer, inputs: &[usize], channels, sides| Step {
            layer,
            inputs: inputs.to_vec(),
            channels,
            sides: Some(sides),
        };
        Folded {
            steps: vec![
                step(Layer::Image, &[], 3, [2, 2]),
                step(Layer::Conv(conv), &[0], 2, [2, 2]),
                step(Layer::Flatten, &[1], 8, [1, 1]),
                step(Layer::Dense(dense), &[2], 5, [1, 1]),
            ],
            outputs: vec![Output {
                name: "all".into(),
                step: 3,
                channels: 0..5,
            }],
        }
    }

    /// As PyTorch's layers of the same settings have them.
    #[test]
    fn windows_are_where_they_fit() {
        let pool = |kernel, stride, padding, partial| Pool {
            of: PoolOf::Mean,
            kernel,
            stride,
            padding,
            partial,
        };
        let places = |pool: Pool, length| -> Vec<Range<usize>> {
            (0..pool.windows(length)).map(|at| pool.window(at, length)).collect()
        };
        assert_eq!(places(pool(2, 2, 0, false), 5), [0..2, 2..4]);
        assert_eq!(places(pool(2, 2, 0, true), 5), [0..2, 2..4, 4..5]);
        assert_eq!(places(pool(3, 2, 1, false), 5), [0..2, 1..4, 3..5]);
        assert_eq!(places(pool(3, 2, 1, true), 6), [0..2, 1..4, 3..6, 5..6]);
        assert_eq!(places(pool(2, 3, 1, true), 4), [0..1, 2..4]);
        assert_eq!(places(pool(2, 2, 1, true), 3), [0..1, 1..3]);
        assert_eq!([7, 6].map(|length| pool(7, 1, 0, true).windows(length)), [1, 0]);
    }

    #[test]
    fn a_network_comes_back_from_its_bytes() {
        let network = small();
        assert_eq!(Folded::from_bytes(&network.to_bytes()), Ok(network));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        let refused = |change: fn(&mut Folded)| {
            let mut network = small();
            change(&mut network);
            Folded::from_bytes(&network.to_bytes()).unwrap_err()
        };
        let changes: [fn(&mut Folded); 12] = [
            |network| match &mut network.steps[1].layer {
                Layer::Conv(conv) => conv.groups = 0,
                _ => unreachable!(),
            },
            |network| match &mut network.steps[1].layer {
                Layer::Conv(conv) => conv.groups = 2,
                _ => unreachable!(),
            },
            |network| network.steps[1].channels = 3,
            |network| match &mut network.steps[3].layer {
                Layer::Dense(dense) => dense.parts = vec![[usize::MAX, 2]],
                _ => unreachable!(),
            },
            |network| match &mut network.steps[1].layer {
                Layer::Conv(conv) => (conv.kernel, conv.weight) = (0, Vec::new()),
                _ => unreachable!(),
            },
            |network| network.steps[1].inputs = vec![1],
            |network| network.steps[1].inputs = Vec::new(),
            |network| network.steps[2].inputs = vec![7],
            |network| match &mut network.steps[1].layer {
                Layer::Conv(conv) => conv.weight.truncate(7),
                _ => unreachable!(),
            },
            |network| match &mut network.steps[1].layer {
                Layer::Conv(conv) => conv.outputs = usize::MAX,
                _ => unreachable!(),
            },
            |network| network.outputs[0].step = 4,
            |network| network.outputs[0].channels = 3..9,
        ];
        for change in changes {
            assert!(refused(change).contains("network"));
        }
        let bytes = small().to_bytes();
        assert!(Folded::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(Folded::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
    }
}
