//! A folded network on the CPU: its layers with packed weights, run step by step.

use super::colour::{Colour, Pixels};
use super::dense::{Dense, flattened};
use super::depthwise::Depthwise;
use super::direct::{Direct, Window};
use super::epilogue::Epilogue;
use super::pooling::max_pool;
use super::winograd::Winograd;
use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::Folded;
use crate::graph::folded::{self, Bias, Conv};

/// A network that is ready to run.
pub(crate) struct Program {
    steps: Vec<Step>,
    outputs: Vec<folded::Output>,
    /// Zeros that each image is given with around it.
    border: usize,
}

struct Step {
    layer: Layer,
    inputs: Vec<usize>,
}

enum Layer {
    Colour(Colour),
    Winograd(Winograd),
    Direct(Direct),
    Depthwise(Depthwise),
    MaxPool(usize),
    Flatten,
    Concatenate,
    Dense(Dense),
    /// Nothing: pixels are taken by the first convolution.
    Image,
}

/// How a program is run.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    pub scratch: &'a Scratch,
    pub share: Share,
    /// What is done to a convolution's map before others take it: rounding, in 16 bits.
    pub stored: &'a (dyn Fn(&mut Map, Share) + Sync),
}

impl<'a> Run<'a> {
    /// On one thread, maps as they are.
    pub fn alone(scratch: &'a Scratch) -> Self {
        Run {
            scratch,
            share: Share::Alone,
            stored: &|_, _| (),
        }
    }
}

/// What a program handed out. To be given back with [`Made::release`].
pub(crate) struct Made<'a> {
    program: &'a Program,
    /// The wanted steps' maps.
    maps: Vec<Option<Map>>,
}

impl Program {
    /// Packs the weights.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] for a layer that this back end has no kernel for.
    pub fn new(folded: &Folded) -> Result<Self> {
        let mut border = None;
        let mut steps = Vec::with_capacity(folded.steps.len());
        for step in &folded.steps {
            let is_image = |&input: &usize| matches!(folded.steps[input].layer, folded::Layer::Image);
            let layer = match &step.layer {
                folded::Layer::Image => Layer::Image,
                folded::Layer::MaxPool(kernel) => Layer::MaxPool(*kernel),
                folded::Layer::Flatten => Layer::Flatten,
                folded::Layer::Concatenate => Layer::Concatenate,
                folded::Layer::Dense(layer) => Layer::Dense(dense(layer)?),
                folded::Layer::Conv(conv) if step.inputs.iter().any(is_image) => {
                    if *border.get_or_insert(conv.padding) != conv.padding {
                        return Err(unknown("images with borders of two widths"));
                    }
                    colour(conv)?
                }
                folded::Layer::Conv(conv) => convolution(conv)?,
            };
            steps.push(Step {
                layer,
                inputs: step.inputs.clone(),
            });
        }
        Ok(Program {
            steps,
            outputs: folded.outputs.clone(),
            border: border.unwrap_or_default(),
        })
    }

    /// How many zeros each image is to have on each side.
    pub fn border(&self) -> usize {
        self.border
    }

    /// Takes images through, in the order in which the network takes them, up to the last of the `wanted` outputs (by
    /// their places among the network's).
    pub fn run<'a>(&'a self, images: &[Pixels], wanted: &[usize], run: Run) -> Made<'a> {
        let is_wanted = |step: usize| wanted.iter().any(|&output| self.outputs[output].step == step);
        let end = wanted
            .iter()
            .map(|&output| self.outputs[output].step + 1)
            .max()
            .unwrap_or(0);
        let mut last_user = vec![0; end];
        for (at, step) in self.steps[..end].iter().enumerate() {
            step.inputs.iter().for_each(|&input| last_user[input] = at);
        }
        let mut maps: Vec<Option<Map>> = Vec::with_capacity(end);
        let (mut images, mut pixels) = (images.iter(), Vec::with_capacity(end));
        for (at, step) in self.steps[..end].iter().enumerate() {
            pixels.push(matches!(step.layer, Layer::Image).then(|| images.next()).flatten());
            maps.push(step.forward(&maps, &pixels, run));
            for &input in step
                .inputs
                .iter()
                .filter(|&&input| last_user[input] == at && !is_wanted(input))
            {
                if let Some(map) = maps[input].take() {
                    map.release(run.scratch);
                }
            }
        }
        Made { program: self, maps }
    }
}

impl Made<'_> {
    /// How many outputs the network has.
    pub fn outputs(&self) -> usize {
        self.program.outputs.len()
    }

    /// The map that an output is in, and the first of its channels.
    ///
    /// # Panics
    /// For an output that was not wanted.
    pub fn output(&self, output: usize) -> (&Map, usize) {
        let output = &self.program.outputs[output];
        let map = self.maps[output.step].as_ref().expect("a wanted output");
        (map, output.channels.start)
    }

    /// Gives the buffers back.
    pub fn release(self, scratch: &Scratch) {
        self.maps.into_iter().flatten().for_each(|map| map.release(scratch));
    }

    /// As [`Made::release`], with nothing left in the buffers.
    pub fn wipe(mut self, scratch: &Scratch) {
        let maps = self.maps.iter_mut().flatten();
        maps.for_each(|map| map.data.fill(Lane::ZERO));
        self.release(scratch);
    }
}

impl Step {
    fn forward(&self, maps: &[Option<Map>], pixels: &[Option<&Pixels>], run: Run) -> Option<Map> {
        let Run { scratch, share, stored } = run;
        let map = |at: usize| {
            let map = self.inputs.get(at).and_then(|&input| maps[input].as_ref());
            map.expect("a step comes behind those it takes from")
        };
        let residual = || self.inputs.get(1).map(|_| map(1));
        let stored = |mut map: Map| {
            stored(&mut map, share);
            map
        };
        Some(match &self.layer {
            Layer::Image => return None,
            Layer::Colour(conv) => {
                let pixels = self.inputs.first().and_then(|&input| pixels[input]);
                stored(conv.forward(*pixels.expect("as many images as the network takes"), scratch, share))
            }
            Layer::Winograd(conv) => stored(conv.forward(map(0), residual(), scratch, share)),
            Layer::Direct(conv) => stored(conv.forward(map(0), residual(), scratch, share)),
            Layer::Depthwise(conv) => stored(conv.forward(map(0), scratch, share)),
            Layer::MaxPool(kernel) => max_pool(map(0), *kernel, scratch, share),
            Layer::Flatten => flattened(map(0), scratch),
            Layer::Concatenate => {
                let width = map(0).width;
                let mut all = Map::taken(scratch, [0, 1, 1, width]);
                for at in 0..self.inputs.len() {
                    all.panels += map(at).panels;
                    all.data.extend_from_slice(&map(at).data);
                }
                all
            }
            Layer::Dense(dense) => dense.forward(map(0), scratch, share),
        })
    }
}

fn epilogue(conv: &Conv) -> Epilogue {
    match &conv.bias {
        Bias::Channel(bias) => Epilogue::new(bias, conv.slopes.as_deref()),
        Bias::Border(bias) => Epilogue::by_place(bias, conv.slopes.as_deref()),
    }
}

fn colour(conv: &Conv) -> Result<Layer> {
    match (conv.inputs, conv.kernel, conv.stride) {
        (3, 3, 1) => Ok(Layer::Colour(Colour::new(&conv.weight, epilogue(conv)))),
        _ => Err(unknown("a first convolution other than 3x3 with stride 1")),
    }
}

fn convolution(conv: &Conv) -> Result<Layer> {
    let Conv {
        kernel,
        stride,
        padding,
        ..
    } = *conv;
    if conv.depthwise {
        return match (kernel, padding) {
            (3, 1) => Ok(Layer::Depthwise(Depthwise::new(&conv.weight, stride, epilogue(conv)))),
            _ => Err(unknown("a depthwise convolution other than 3x3, zeros padded")),
        };
    }
    if (kernel, stride, padding) == (3, 1, 1) {
        return Ok(Layer::Winograd(Winograd::new(
            &conv.weight,
            conv.inputs,
            conv.outputs,
            epilogue(conv),
        )));
    }
    let window = Window {
        kernel,
        stride,
        padding,
    };
    let direct = Direct::new(&conv.weight, conv.inputs, conv.outputs, window, epilogue(conv));
    Ok(Layer::Direct(direct))
}

fn dense(layer: &folded::Dense) -> Result<Dense> {
    let places = layer.parts.first().map_or(1, |&[_, places]| places);
    let (_, before) = layer.parts.split_last().unwrap_or((&[0, 1], &[]));
    // Parts lie behind each other as panels: only the last may end within one.
    let is_even = layer.parts.iter().all(|part| part[1] == places) && before.iter().all(|part| part[0] % LANES == 0);
    if !is_even {
        return Err(unknown("a dense layer of parts that don't fill their panels"));
    }
    let epilogue = Epilogue::new(&layer.bias, layer.slopes.as_deref());
    Ok(Dense::new(&layer.weight, layer.bias.len(), places, epilogue))
}

fn unknown(what: &str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the CPU's back end has no kernel for {what}"),
    )
}
