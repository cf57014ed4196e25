//! A network as it is run: every batch norm and rectifier is a part of the layer beside it.
//!
//! Made from a graph and the published weights by [`super::fold`], in f64; run by the back ends. All tensors are row-major
//! f32.

use std::ops::Range;

/// In 16 bits pixels go in divided by this and the first weights are multiplied by it, both exactly: undivided, the first
/// weights would be too small for them.
pub(crate) const PIXEL_SCALE: f32 = 256.0;

/// A network without batch norms.
#[derive(Debug, Clone)]
pub(crate) struct Folded {
    /// What is computed: each step comes behind those it takes from.
    pub steps: Vec<Step>,
    /// What is handed out.
    pub outputs: Vec<Output>,
}

/// What a network hands out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Output {
    pub name: String,
    /// The step that makes it.
    pub step: usize,
    /// Which of the step's channels it is.
    pub channels: Range<usize>,
}

/// One step of a network.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub layer: Layer,
    /// The steps that it takes from; a convolution's second one is added to what it gives.
    pub inputs: Vec<usize>,
    /// Channels that it gives.
    pub channels: usize,
    /// Rows and columns of its map, where they are fixed; of a row of numbers 1 x 1.
    #[cfg_attr(
        not(feature = "torch"),
        allow(dead_code, reason = "our own kernels take maps of any size")
    )]
    pub sides: Option<[usize; 2]>,
}

/// What a step does.
#[derive(Debug, Clone)]
pub(crate) enum Layer {
    /// Takes the network's next image: packed pixels, BGR, 0..255, or as [`super::PixelsAs::Normalised`] has them.
    Image,
    Conv(Conv),
    /// The greatest of each window of so many squared places, with stride 2; incomplete ones count.
    MaxPool(usize),
    /// Maps to rows of numbers.
    Flatten,
    /// Rows of numbers behind each other.
    Concatenate,
    Dense(Dense),
}

/// A convolution with its bias and, behind it, its PReLU.
#[derive(Debug, Clone)]
pub(crate) struct Conv {
    /// Outputs x (inputs, or 1 for a depthwise one) x kernel x kernel.
    pub weight: Vec<f32>,
    pub inputs: usize,
    pub outputs: usize,
    pub kernel: usize,
    pub stride: usize,
    /// Zeros around the map.
    pub padding: usize,
    /// Each channel by itself: inputs and outputs are the same.
    pub depthwise: bool,
    pub bias: Bias,
    /// Slopes below zero, one for each output; `None`: no rectifier.
    pub slopes: Option<Vec<f32>>,
}

/// What a convolution adds to its sums.
#[derive(Debug, Clone)]
pub(crate) enum Bias {
    /// One number for each output.
    Channel(Vec<f32>),
    /// One number for each output and each kind of place in the map, see [`crate::cpu::epilogue::place`]: a constant that was
    /// added before the padding is missing where the kernel reaches over the border.
    Border(Box<[Vec<f32>; 9]>),
}

/// A dense layer with its bias and, behind it, its PReLU.
#[derive(Debug, Clone)]
pub(crate) struct Dense {
    /// Outputs x inputs; the inputs by part, then channel, then place.
    pub weight: Vec<f32>,
    /// Channels and places of each part that its input is made of.
    pub parts: Vec<[usize; 2]>,
    /// One number for each output.
    pub bias: Vec<f32>,
    /// Slopes below zero, one for each output; `None`: no rectifier.
    pub slopes: Option<Vec<f32>>,
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

    /// The output called `name`.
    ///
    /// # Panics
    /// If there is none: descriptions name what their back ends ask for.
    #[cfg(feature = "torch")]
    pub fn output(&self, name: &str) -> &Output {
        let found = self.outputs.iter().find(|output| output.name == name);
        found.unwrap_or_else(|| panic!("the network hands out no {name}"))
    }
}
