//! A graph and its weights to a [`Folded`] network: names, shapes and values of the tensors are checked, what stands
//! before and behind a layer becomes a part of it, and what several layers make of one map is made at once.

use super::build::Kernel;
use super::folded::{Folded, Layer, Output, Step};
use super::layer::{self, Affine};
use super::{Graph, Node, NodeId, Norm, Op, Shape};
use crate::error::{Error, ErrorKind, Result};
use crate::weights::TensorMap;
use std::collections::HashSet;

/// How pixels reach the first layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PixelsAs {
    /// As they are, 0..255: what the network makes of them first is a part of its first weights.
    Raw,
    /// As the network wants them.
    Normalised,
}

/// Folds `weights` into `graph`; the map may hold other networks' tensors too, see [`check_known`].
///
/// # Errors
/// [`ErrorKind::Weights`] naming the tensor that is missing, misshapen or not finite, or a variance below zero;
/// [`ErrorKind::Internal`] for a graph that can't be folded.
pub(crate) fn fold(graph: &Graph, weights: &TensorMap, pixels: PixelsAs) -> Result<Folded> {
    let weights = Weights::check(graph, weights)?;
    let mut folding = Folding::new(graph, pixels);
    for at in 0..graph.nodes.len() {
        folding.take(at, &weights)?;
    }
    let drafts = joined(folding.drafts, &graph.outputs, &folding.made);
    folded(drafts, &weights)
}

/// Checks that a map holds no tensor that the network doesn't have.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the first one.
pub(crate) fn check_known(graph: &Graph, weights: &TensorMap) -> Result<()> {
    let known: HashSet<&str> = graph.tensors.iter().map(|(name, _)| name.as_str()).collect();
    let mut extra = weights
        .iter()
        .map(|(name, _)| name)
        .filter(|&name| !known.contains(name));
    let Some(first) = extra.next() else { return Ok(()) };
    let more = match extra.count() {
        0 => "is".to_owned(),
        more => format!("and {more} more are"),
    };
    Err(Error::new(
        ErrorKind::Weights,
        format!("tensor \"{first}\" {more} not of this network"),
    ))
}

/// A weight map that holds what a network needs.
struct Weights<'a>(&'a TensorMap);

impl<'a> Weights<'a> {
    /// Checks shapes and values.
    fn check(graph: &Graph, map: &'a TensorMap) -> Result<Self> {
        for (name, shape) in &graph.tensors {
            let tensor = map.require(name, shape)?;
            if let Some(value) = tensor.data.iter().find(|value| !value.is_finite()) {
                return Err(Error::new(
                    ErrorKind::Weights,
                    format!("tensor \"{name}\" holds {value}, and every weight must be finite"),
                ));
            }
        }
        Ok(Weights(map))
    }

    /// The elements of the tensor `name`.
    fn get(&self, name: &str) -> Result<&'a [f32]> {
        let tensor = self.0.get(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                format!("the network's description lacks tensor \"{name}\""),
            )
        })?;
        Ok(&tensor.data)
    }

    fn norm(&self, norm: &Norm, epsilon: f64) -> Result<Affine> {
        let (gamma, beta, mean) = (self.get(&norm.scale)?, self.get(&norm.shift)?, self.get(&norm.mean)?);
        let spread = self.get(&norm.variance)?;
        if let Some(negative) = spread.iter().find(|&&value| value < 0.0) {
            return Err(Error::new(
                ErrorKind::Weights,
                format!(
                    "tensor \"{}\" holds {negative}, and a variance is never negative",
                    norm.variance
                ),
            ));
        }
        let scale: Vec<f64> = gamma
            .iter()
            .zip(spread)
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + epsilon).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(mean)
            .zip(&scale)
            .map(|((&beta, &mean), scale)| f64::from(beta) - f64::from(mean) * scale)
            .collect();
        Ok(Affine { scale, shift })
    }
}

/// A step that may still take up what follows it.
#[derive(Debug, Clone)]
struct Draft<'g> {
    core: Core<'g>,
    inputs: Vec<usize>,
    channels: usize,
    sides: Option<[usize; 2]>,
    before: Option<Affine>,
    after: Option<Affine>,
    slopes: Option<&'g str>,
}

/// What a step is at its heart.
#[derive(Debug, Clone)]
enum Core<'g> {
    Image,
    MaxPool(usize),
    Flatten,
    Concatenate,
    Conv {
        /// Several of one kind on the same input, whose outputs follow each other.
        layers: Vec<(&'g str, Option<&'g str>)>,
        kernel: Kernel,
        inputs: usize,
        depthwise: bool,
        /// The input's channels are the other way round.
        reversed: bool,
    },
    Dense {
        layers: Vec<(&'g str, &'g str)>,
        parts: Vec<[usize; 2]>,
    },
}

impl Draft<'_> {
    /// Whether it can take up an affine map, or a rectifier, of what it gives.
    fn is_open(&self) -> bool {
        let is_layer = matches!(self.core, Core::Conv { .. } | Core::Dense { .. });
        is_layer && self.slopes.is_none() && !self.adds()
    }

    /// Whether it adds a second map to what it gives.
    fn adds(&self) -> bool {
        matches!(self.core, Core::Conv { .. }) && self.inputs.len() > 1
    }
}

/// A graph on its way to steps.
struct Folding<'g> {
    graph: &'g Graph,
    pixels: PixelsAs,
    /// How many nodes and outputs take from each node.
    users: Vec<usize>,
    drafts: Vec<Draft<'g>>,
    /// For each node that was taken, the step that makes it, and what must be done to that step's output first.
    made: Vec<(usize, Option<Affine>)>,
    /// The step whose input is an image with red first.
    red_first: HashSet<usize>,
}

impl<'g> Folding<'g> {
    fn new(graph: &'g Graph, pixels: PixelsAs) -> Self {
        let mut users = vec![0; graph.nodes.len()];
        let taken = graph.nodes.iter().flat_map(|node| &node.inputs);
        for node in taken.chain(graph.outputs.iter().map(|(_, node)| node)) {
            users[node.index()] += 1;
        }
        Folding {
            graph,
            pixels,
            users,
            drafts: Vec::new(),
            made: Vec::with_capacity(graph.nodes.len()),
            red_first: HashSet::new(),
        }
    }

    /// Takes the node `at`, behind all those before it.
    fn take(&mut self, at: usize, weights: &Weights) -> Result<()> {
        let node = &self.graph.nodes[at];
        let made = match &node.op {
            Op::Image { rgb, offset, scale } => {
                let step = self.add(node, Core::Image, Vec::new(), None);
                if *rgb {
                    self.red_first.insert(step);
                }
                let affine = Affine::uniform(3, *scale, -offset * scale);
                (step, (self.pixels == PixelsAs::Raw).then_some(affine))
            }
            Op::BatchNorm { norm, epsilon } => {
                let (step, pending) = self.input(node, 0);
                if pending.is_some() {
                    return Err(unexpected("a batch norm behind another"));
                }
                let affine = weights.norm(norm, *epsilon)?;
                match self.may_take_up(node, step) && self.drafts[step].after.is_none() {
                    true => {
                        self.drafts[step].after = Some(affine);
                        (step, None)
                    }
                    false => (step, Some(affine)),
                }
            }
            Op::PRelu { slopes } => {
                let step = self.plain(node, 0)?;
                if !self.may_take_up(node, step) {
                    return Err(unexpected("a rectifier that is not behind a layer of its own"));
                }
                self.drafts[step].slopes = Some(slopes);
                (step, None)
            }
            Op::Add => {
                let (step, other) = (self.plain(node, 0)?, self.plain(node, 1)?);
                if !self.may_take_up(node, step) || !matches!(self.drafts[step].core, Core::Conv { .. }) {
                    return Err(unexpected("a sum whose first part is not a convolution of its own"));
                }
                self.drafts[step].inputs.push(other);
                (step, None)
            }
            Op::MaxPool { kernel } => {
                let input = self.plain(node, 0)?;
                (self.add(node, Core::MaxPool(*kernel), vec![input], None), None)
            }
            Op::Concatenate => {
                let inputs = (0..node.inputs.len()).map(|at| self.plain(node, at));
                let inputs = inputs.collect::<Result<_>>()?;
                (self.add(node, Core::Concatenate, inputs, None), None)
            }
            // An affine map of channels goes past it.
            Op::Flatten => {
                let (input, pending) = self.input(node, 0);
                (self.add(node, Core::Flatten, vec![input], None), pending)
            }
            Op::Convolution {
                weight,
                bias,
                kernel,
                groups,
            } => {
                let (input, before) = self.input(node, 0);
                let inputs = self.drafts[input].channels;
                let core = Core::Conv {
                    layers: vec![(weight, bias.as_deref())],
                    kernel: *kernel,
                    inputs,
                    depthwise: *groups > 1,
                    reversed: self.red_first.contains(&input),
                };
                (self.add(node, core, vec![input], before), None)
            }
            Op::Dense { weight, bias } => {
                let (input, before) = self.input(node, 0);
                let core = Core::Dense {
                    layers: vec![(weight, bias)],
                    parts: self.parts(input),
                };
                (self.add(node, core, vec![input], before), None)
            }
        };
        self.made.push(made);
        Ok(())
    }

    /// The step that makes input `at` of a node, and what must be done to it first.
    fn input(&self, node: &Node, at: usize) -> (usize, Option<Affine>) {
        self.made[node.inputs[at].index()].clone()
    }

    /// The step that makes input `at` of a node which takes it as it is.
    fn plain(&self, node: &Node, at: usize) -> Result<usize> {
        match self.input(node, at) {
            (step, None) => Ok(step),
            (_, Some(_)) => Err(unexpected("a batch norm that is not beside a layer")),
        }
    }

    /// Whether the step can take up what `node` does to its output: nobody else takes that as it is.
    fn may_take_up(&self, node: &Node, step: usize) -> bool {
        self.users[node.inputs[0].index()] == 1 && self.drafts[step].is_open()
    }

    fn add(&mut self, node: &Node, core: Core<'g>, inputs: Vec<usize>, before: Option<Affine>) -> usize {
        let (channels, sides) = match node.shape {
            Shape::Map { channels, sides } => (channels, sides),
            Shape::Flat(length) => (length, Some([1, 1])),
        };
        self.drafts.push(Draft {
            core,
            inputs,
            channels,
            sides,
            before,
            after: None,
            slopes: None,
        });
        self.drafts.len() - 1
    }

    /// Channels and places of the parts that a row of numbers is made of.
    fn parts(&self, step: usize) -> Vec<[usize; 2]> {
        let draft = &self.drafts[step];
        match &draft.core {
            Core::Concatenate => draft.inputs.iter().flat_map(|&input| self.parts(input)).collect(),
            Core::Flatten => {
                let map = &self.drafts[draft.inputs[0]];
                let places = map.sides.map_or(1, |[rows, columns]| rows * columns);
                vec![[map.channels, places]]
            }
            _ => vec![[draft.channels, 1]],
        }
    }
}

/// The drafts in an order in which each comes behind those it takes from, and their outputs; layers of one kind that only
/// hand out what they make of the same input are one.
fn joined<'g>(
    drafts: Vec<Draft<'g>>,
    outputs: &[(String, NodeId)],
    made: &[(usize, Option<Affine>)],
) -> (Vec<Draft<'g>>, Vec<Output>) {
    let handed_out: Vec<usize> = outputs.iter().map(|(_, node)| made[node.index()].0).collect();
    let mut is_taken = vec![false; drafts.len()];
    drafts
        .iter()
        .flat_map(|draft| &draft.inputs)
        .for_each(|&input| is_taken[input] = true);
    let is_head = |at: usize| {
        let draft: &Draft = &drafts[at];
        !is_taken[at] && draft.is_open() && draft.before.is_none() && draft.after.is_none()
    };
    let is_like = |a: usize, b: usize| match (&drafts[a].core, &drafts[b].core) {
        (
            Core::Conv {
                kernel: one,
                depthwise: false,
                ..
            },
            Core::Conv {
                kernel: other,
                depthwise: false,
                ..
            },
        ) => Kernel { outputs: 0, ..*one } == Kernel { outputs: 0, ..*other },
        (Core::Dense { .. }, Core::Dense { .. }) => true,
        _ => false,
    };
    let mut sorted: Vec<Draft> = Vec::with_capacity(drafts.len());
    let mut place: Vec<Option<usize>> = vec![None; drafts.len()];
    let mut found = Vec::with_capacity(outputs.len());
    for ((name, _), &step) in outputs.iter().zip(&handed_out) {
        let first = handed_out
            .iter()
            .copied()
            .find(|&other| {
                is_head(step) && is_head(other) && drafts[other].inputs == drafts[step].inputs && is_like(other, step)
            })
            .unwrap_or(step);
        let mut begin = 0;
        if first == step {
            sort(&drafts, step, &mut sorted, &mut place);
        }
        let at = place[first].unwrap_or_default();
        let count = drafts[step].channels;
        if first != step {
            begin = sorted[at].channels;
            append(&mut sorted[at], &drafts[step]);
        }
        found.push(Output {
            name: name.clone(),
            step: at,
            channels: begin..begin + count,
        });
    }
    (sorted, found)
}

/// Adds a step to `sorted`, behind those it takes from. As deep as a network: each level is one step.
fn sort<'g>(drafts: &[Draft<'g>], step: usize, sorted: &mut Vec<Draft<'g>>, place: &mut [Option<usize>]) {
    // Steps that wait for the ones above them.
    let mut waiting = vec![step];
    while let Some(&step) = waiting.last() {
        let missing = drafts[step].inputs.iter().find(|&&input| place[input].is_none());
        match (place[step], missing) {
            (Some(_), _) => drop(waiting.pop()),
            (None, Some(&input)) => waiting.push(input),
            (None, None) => {
                waiting.pop();
                let mut draft = drafts[step].clone();
                draft.inputs = draft.inputs.iter().filter_map(|&input| place[input]).collect();
                place[step] = Some(sorted.len());
                sorted.push(draft);
            }
        }
    }
}

/// Lets `draft` make what `other` does too.
fn append<'g>(draft: &mut Draft<'g>, other: &Draft<'g>) {
    draft.channels += other.channels;
    match (&mut draft.core, &other.core) {
        (Core::Conv { layers, kernel, .. }, Core::Conv { layers: more, .. }) => {
            layers.extend(more);
            kernel.outputs += other.channels;
        }
        (Core::Dense { layers, .. }, Core::Dense { layers: more, .. }) => layers.extend(more),
        _ => {}
    }
}

/// The steps with their numbers.
fn folded((drafts, outputs): (Vec<Draft>, Vec<Output>), weights: &Weights) -> Result<Folded> {
    let steps = drafts.into_iter().map(|draft| {
        let slopes = draft.slopes.map(|name| weights.get(name)).transpose()?;
        let layer = match &draft.core {
            Core::Image => Layer::Image,
            Core::MaxPool(kernel) => Layer::MaxPool(*kernel),
            Core::Flatten => Layer::Flatten,
            Core::Concatenate => Layer::Concatenate,
            Core::Conv {
                layers,
                kernel,
                inputs,
                depthwise,
                reversed,
            } => {
                let (mut weight, mut bias) = (Vec::new(), Vec::new());
                for (name, own) in layers {
                    let own_weight = weights.get(name)?;
                    weight.extend_from_slice(own_weight);
                    match own {
                        Some(own) => bias.extend(weights.get(own)?.iter().map(|&bias| f64::from(bias))),
                        None => bias.resize(kernel.outputs, 0.0),
                    }
                }
                if *reversed {
                    let taps = kernel.side * kernel.side;
                    let others = weight.chunks_exact(inputs * taps);
                    weight = others
                        .flat_map(|weights| weights.chunks_exact(taps).rev().flatten().copied())
                        .collect();
                }
                let before = draft.before.as_ref().map(|before| match reversed {
                    true => Affine {
                        scale: before.scale.iter().rev().copied().collect(),
                        shift: before.shift.iter().rev().copied().collect(),
                    },
                    false => before.clone(),
                });
                let after = after(draft.after, bias);
                let conv = layer::conv(*kernel, *inputs, *depthwise, &weight, before.as_ref(), &after, slopes);
                Layer::Conv(conv)
            }
            Core::Dense { layers, parts } => {
                let (mut weight, mut bias) = (Vec::new(), Vec::new());
                for (name, own) in layers {
                    weight.extend_from_slice(weights.get(name)?);
                    bias.extend(weights.get(own)?.iter().map(|&bias| f64::from(bias)));
                }
                Layer::Dense(layer::dense(
                    parts,
                    &weight,
                    draft.before.as_ref(),
                    &after(draft.after, bias),
                    slopes,
                ))
            }
        };
        Ok(Step {
            layer,
            inputs: draft.inputs,
            channels: draft.channels,
            sides: draft.sides,
        })
    });
    Ok(Folded {
        steps: steps.collect::<Result<_>>()?,
        outputs,
    })
}

/// What follows a layer with this bias.
fn after(norm: Option<Affine>, bias: Vec<f64>) -> Affine {
    match norm {
        None => Affine {
            scale: vec![1.0; bias.len()],
            shift: bias,
        },
        Some(norm) => {
            let shift = bias.iter().zip(&norm.scale).zip(&norm.shift);
            Affine {
                shift: shift.map(|((bias, scale), shift)| bias * scale + shift).collect(),
                scale: norm.scale,
            }
        }
    }
}

fn unexpected(what: &str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the network's description has {what}, which can't be folded"),
    )
}
