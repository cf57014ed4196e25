//! A folded network on the CPU: its layers with packed weights, run step by step.

use super::arrange::{as_map, concatenated, upsampled};
use super::colour::{Colour, Pixels};
use super::dense::{Dense, flattened};
use super::depthwise::Depthwise;
use super::direct::{Direct, Window};
use super::elementwise::{activated, added, multiplied, softmax};
use super::epilogue::Epilogue;
use super::pooling::pooled;
use super::winograd::Winograd;
use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};
use crate::error::{Error, ErrorKind, Result};
use crate::graph::folded::{self, Bias, Conv};
use crate::graph::{Activation, Folded, Pool, PoolOf};
use std::borrow::Cow;

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
    Pool(Pool),
    Upsample(usize),
    Activation(Activation),
    Add,
    Multiply,
    /// Of so many channels.
    Softmax(usize),
    Flatten,
    /// Rows of numbers, panel by panel.
    Rows,
    /// Maps, or rows that were maps of one place, of each the first so many channels.
    Maps(Vec<usize>),
    Dense(Dense),
    /// Nothing: pixels are taken by the first convolution.
    Image,
    /// Pixels as a map.
    Pixels,
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
        let border = border(folded);
        let is_image = |&input: &usize| matches!(folded.steps[input].layer, folded::Layer::Image);
        // Of rows of numbers the places of the maps that they were.
        let mut places: Vec<Option<usize>> = Vec::with_capacity(folded.steps.len());
        let mut steps = Vec::with_capacity(folded.steps.len());
        for step in &folded.steps {
            let of_row = step.inputs.iter().filter_map(|&input| places[input]).max();
            let layer = match &step.layer {
                folded::Layer::Image if border.is_some() => Layer::Image,
                folded::Layer::Image => Layer::Pixels,
                folded::Layer::Pool(pool) => Layer::Pool(*pool),
                folded::Layer::Upsample(factor) => Layer::Upsample(*factor),
                folded::Layer::Activation(activation) => Layer::Activation(*activation),
                folded::Layer::Add => Layer::Add,
                folded::Layer::Multiply => Layer::Multiply,
                folded::Layer::Softmax => Layer::Softmax(step.channels),
                folded::Layer::Flatten => Layer::Flatten,
                folded::Layer::Concatenate if of_row > Some(1) => Layer::Rows,
                folded::Layer::Concatenate => {
                    Layer::Maps(step.inputs.iter().map(|&input| folded.steps[input].channels).collect())
                }
                folded::Layer::Dense(layer) => Layer::Dense(dense(layer)?),
                folded::Layer::Conv(conv) if border.is_some() && step.inputs.iter().any(is_image) => {
                    Layer::Colour(Colour::new(&conv.weight, conv.stride, epilogue(conv)))
                }
                folded::Layer::Conv(conv) => convolution(conv),
            };
            places.push(match layer {
                Layer::Flatten => step.channels.checked_div(folded.steps[step.inputs[0]].channels),
                Layer::Dense(_) => Some(1),
                _ => of_row,
            });
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
            pixels.push(
                matches!(step.layer, Layer::Image | Layer::Pixels)
                    .then(|| images.next())
                    .flatten(),
            );
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
    /// `pixels` are the images by the steps up to this one, which may be an image itself.
    fn forward(&self, maps: &[Option<Map>], pixels: &[Option<&Pixels>], run: Run) -> Option<Map> {
        let image = pixels.last().copied().flatten();
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
            Layer::Pixels => as_map(image.expect("as many images as the network takes"), scratch),
            Layer::Colour(conv) => {
                let pixels = self.inputs.first().and_then(|&input| pixels[input]);
                stored(conv.forward(*pixels.expect("as many images as the network takes"), scratch, share))
            }
            Layer::Winograd(conv) => stored(conv.forward(map(0), residual(), scratch, share)),
            Layer::Direct(conv) => stored(conv.forward(map(0), residual(), scratch, share)),
            Layer::Depthwise(conv) => stored(conv.forward(map(0), scratch, share)),
            Layer::Pool(pool) => match pool.of {
                PoolOf::Greatest => pooled(map(0), *pool, scratch, share),
                PoolOf::Mean => stored(pooled(map(0), *pool, scratch, share)),
            },
            Layer::Upsample(factor) => upsampled(map(0), *factor, scratch, share),
            Layer::Activation(activation) => stored(activated(map(0), *activation, scratch, share)),
            Layer::Add => stored(added(map(0), map(1), scratch, share)),
            Layer::Multiply => stored(multiplied(map(0), map(1), scratch, share)),
            Layer::Softmax(channels) => stored(softmax(map(0), *channels, scratch)),
            Layer::Maps(channels) => {
                let inputs = channels.iter().enumerate().map(|(at, &channels)| (map(at), channels));
                concatenated(&inputs.collect::<Vec<_>>(), scratch)
            }
            Layer::Flatten => flattened(map(0), scratch),
            Layer::Rows => {
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

/// The zeros around each image where every image is taken by 3x3 convolutions that pad alike, which read pixels as they lie;
/// `None`: pixels become maps first.
fn border(folded: &Folded) -> Option<usize> {
    let is_image = |&input: &usize| matches!(folded.steps[input].layer, folded::Layer::Image);
    let mut border = None;
    for step in folded.steps.iter().filter(|step| step.inputs.iter().any(is_image)) {
        match &step.layer {
            folded::Layer::Conv(conv)
                if step.inputs.len() == 1 && (conv.inputs, conv.kernel, conv.groups) == (3, 3, 1) =>
            {
                if *border.get_or_insert(conv.padding) != conv.padding {
                    return None;
                }
            }
            _ => return None,
        }
    }
    border
}

fn convolution(conv: &Conv) -> Layer {
    let window = Window {
        kernel: conv.kernel,
        stride: conv.stride,
        padding: conv.padding,
    };
    if conv.is_depthwise() {
        return Layer::Depthwise(Depthwise::new(&conv.weight, window, epilogue(conv)));
    }
    let weight = whole(conv);
    if (conv.kernel, conv.stride, conv.padding) == (3, 1, 1) {
        return Layer::Winograd(Winograd::new(&weight, conv.inputs, conv.outputs, epilogue(conv)));
    }
    Layer::Direct(Direct::new(&weight, conv.inputs, conv.outputs, window, epilogue(conv)))
}

/// The weights for all inputs: zeros for those of other groups.
fn whole(conv: &Conv) -> Cow<'_, [f32]> {
    if conv.groups == 1 {
        return Cow::Borrowed(&conv.weight);
    }
    let taps = conv.kernel * conv.kernel;
    let (group, outputs) = (conv.inputs / conv.groups * taps, conv.outputs / conv.groups);
    let mut whole = vec![0.0; conv.outputs * conv.inputs * taps];
    let rows = whole.chunks_exact_mut(conv.inputs * taps);
    for (output, (whole, own)) in rows.zip(conv.weight.chunks_exact(group)).enumerate() {
        whole[output / outputs * group..][..group].copy_from_slice(own);
    }
    Cow::Owned(whole)
}

fn dense(layer: &folded::Dense) -> Result<Dense> {
    let places = layer.parts.first().map_or(1, |&[_, places]| places);
    let (_, before) = layer.parts.split_last().unwrap_or((&[0, 1], &[]));
    // Parts lie behind each other as panels: only the last may end within one.
    let is_even = layer.parts.iter().all(|part| part[1] == places)
        && (places == 1 || before.iter().all(|part| part[0] % LANES == 0));
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
