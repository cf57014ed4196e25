//! A graph and its weights to a [`Folded`] network: what stands before and behind a layer becomes a part of it.

use super::draft::{Core, Draft, Slopes};
use super::folded::Folded;
use super::join::joined;
use super::layer::{Affine, takes_shift};
use super::tensors::Weights;
use super::{Graph, Node, Op, Shape};
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

/// Folds `weights` into `graph`; the map may hold other networks' tensors too, see [`super::check_known`].
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
    let mut handed_out = Vec::with_capacity(graph.outputs.len());
    for (name, node) in &graph.outputs {
        let step = folding.plain(node.index())?;
        if folding.drafts[step].places_of_row(&folding.drafts) > 1 {
            return Err(unexpected("an output that is a flattened map"));
        }
        handed_out.push((name.as_str(), step));
    }
    let (drafts, outputs) = joined(folding.drafts, &handed_out);
    Ok(Folded {
        steps: drafts
            .into_iter()
            .map(|draft| draft.step(&weights))
            .collect::<Result<_>>()?,
        outputs,
    })
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
    /// The steps that are images with red first.
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
        let graph = self.graph;
        let node = &graph.nodes[at];
        let made = match &node.op {
            Op::Image { rgb, offset, scale } => {
                let step = self.add(node, Core::Image, Vec::new(), None);
                if *rgb {
                    self.red_first.insert(step);
                }
                let affine = Affine::uniform(3, *scale, -offset * scale);
                // Red first is not how the pixels lie: something must be done to them in any case.
                let is_as_wanted = self.pixels == PixelsAs::Normalised && !*rgb;
                (step, (!is_as_wanted).then_some(self.wanted(affine)))
            }
            Op::BatchNorm { norm, epsilon } => {
                let affine = weights.norm(norm, *epsilon)?;
                let (step, pending) = self.input(node, 0);
                if pending.is_none() && self.may_take_up(node, step) && self.drafts[step].after.is_none() {
                    self.drafts[step].after = Some(affine);
                    (step, None)
                } else {
                    let step = self.taken(node, 0)?;
                    if self.drafts[step].places_of_row(&self.drafts) > 1 {
                        return Err(unexpected("a batch norm of a flattened map"));
                    }
                    (step, Some(affine))
                }
            }
            Op::PRelu { slopes } => (self.rectified(node, Slopes::Named(slopes))?, None),
            Op::Relu => (self.rectified(node, Slopes::Zero)?, None),
            Op::Add => {
                let (one, other) = (self.taken(node, 0)?, self.taken(node, 1)?);
                // The first that can: a sum is the same the other way round.
                let by_turns = [(0, one, other), (1, other, one)];
                match by_turns.into_iter().find(|&(at, step, _)| self.may_add(node, at, step)) {
                    Some((_, step, other)) => {
                        self.drafts[step].inputs.push(other);
                        (step, None)
                    }
                    None => (self.plainly(node, Core::Add)?, None),
                }
            }
            Op::Multiply => (self.plainly(node, Core::Multiply)?, None),
            Op::Activation(activation) => (self.plainly(node, Core::Activation(*activation))?, None),
            Op::Pool(pool) => (self.plainly(node, Core::Pool(*pool))?, None),
            Op::Upsample { factor } => (self.plainly(node, Core::Upsample(*factor))?, None),
            Op::Softmax => (self.plainly(node, Core::Softmax)?, None),
            Op::Concatenate => (self.plainly(node, Core::Concatenate)?, None),
            // An affine map of channels goes past it.
            Op::Flatten => {
                let (mut input, mut pending) = self.input(node, 0);
                if matches!(self.drafts[input].core, Core::Image) {
                    (input, pending) = (self.taken(node, 0)?, None);
                }
                (self.add(node, Core::Flatten, vec![input], None), pending)
            }
            Op::Convolution {
                weight,
                bias,
                kernel,
                groups,
            } => {
                let (mut input, mut before) = self.input(node, 0);
                let is_reversed = self.red_first.contains(&input);
                let shifts = |before: &Affine| before.shift.iter().any(|&shift| shift != 0.0);
                if before.as_ref().is_some_and(shifts) && !takes_shift(*kernel) || is_reversed && *groups > 1 {
                    (input, before) = (self.taken(node, 0)?, None);
                }
                let core = Core::Conv {
                    layers: vec![(weight, bias.as_deref())],
                    kernel: *kernel,
                    inputs: self.drafts[input].channels,
                    groups: *groups,
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

    /// What is still to be done to an image's pixels.
    fn wanted(&self, affine: Affine) -> Affine {
        match self.pixels {
            PixelsAs::Raw => affine,
            PixelsAs::Normalised => Affine::uniform(3, 1.0, 0.0),
        }
    }

    /// The step that makes input `at` of a node, and what must be done to it first.
    fn input(&self, node: &Node, at: usize) -> (usize, Option<Affine>) {
        self.made[node.inputs[at].index()].clone()
    }

    /// The step that makes input `at` of a node which takes it as it is.
    fn taken(&mut self, node: &Node, at: usize) -> Result<usize> {
        self.plain(node.inputs[at].index())
    }

    /// The step that makes what the node `at` gives; where something is left to be done to it, one of its own does it.
    fn plain(&mut self, at: usize) -> Result<usize> {
        let (step, pending) = self.made[at].clone();
        let Some(affine) = pending else { return Ok(step) };
        if self.drafts[step].places_of_row(&self.drafts) > 1 {
            return Err(unexpected("a batch norm of a flattened map that no dense layer takes"));
        }
        let node = &self.graph.nodes[at];
        let own = self.each(node, step);
        self.drafts[own].after = Some(affine);
        self.made[at] = (own, None);
        Ok(own)
    }

    /// A step that gives what it takes, for others to be taken up by it.
    fn each(&mut self, node: &Node, input: usize) -> usize {
        let core = match (&self.drafts[input].core, node.shape) {
            (Core::Image, _) => Core::Pixels {
                reversed: self.red_first.contains(&input),
            },
            (_, Shape::Map { .. }) => Core::Each,
            (_, Shape::Flat(_)) => Core::EachOfRow(self.parts(input)),
        };
        self.add(node, core, vec![input], None)
    }

    /// The step that makes what a rectifier gives: the layer before it, or one of its own.
    fn rectified(&mut self, node: &Node, slopes: Slopes<'g>) -> Result<usize> {
        let mut step = self.taken(node, 0)?;
        if !self.may_take_up(node, step) {
            if self.drafts[step].places_of_row(&self.drafts) > 1 {
                return Err(unexpected("a rectifier of a flattened map"));
            }
            step = self.each(node, step);
        }
        self.drafts[step].slopes = Some(slopes);
        Ok(step)
    }

    /// A step of its own that takes its inputs as they are.
    fn plainly(&mut self, node: &Node, core: Core<'g>) -> Result<usize> {
        let inputs = (0..node.inputs.len()).map(|at| self.taken(node, at));
        let inputs: Vec<usize> = inputs.collect::<Result<_>>()?;
        // A flattened map's numbers lie by panel and place: number by number that is no matter between its like.
        let is_flattened = inputs
            .iter()
            .any(|&input| self.drafts[input].places_of_row(&self.drafts) > 1);
        let is_alike = || inputs.iter().all(|&input| self.parts(input) == self.parts(inputs[0]));
        let is_known = match core {
            Core::Concatenate | Core::Activation(_) => true,
            _ => is_alike(),
        };
        if is_flattened && (!is_known || matches!(core, Core::Softmax)) {
            return Err(unexpected(
                "shares of a flattened map, or one that meets another kind of row",
            ));
        }
        Ok(self.add(node, core, inputs, None))
    }

    /// Whether the step can take up what `node` does to its first input: nobody else takes that as it is.
    fn may_take_up(&self, node: &Node, step: usize) -> bool {
        self.users[node.inputs[0].index()] == 1 && self.drafts[step].is_open()
    }

    /// Whether the step, input `at` of the sum `node`, can add the other one: a dense convolution of a map that nobody
    /// else takes.
    fn may_add(&self, node: &Node, at: usize, step: usize) -> bool {
        let draft = &self.drafts[step];
        let is_of_map = |&input: &usize| !matches!(self.drafts[input].core, Core::Image);
        self.users[node.inputs[at].index()] == 1
            && matches!(draft.core, Core::Conv { groups: 1, .. })
            && !draft.adds()
            && draft.inputs.iter().all(is_of_map)
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
            Core::Activation(_) | Core::Add | Core::Multiply => self.parts(draft.inputs[0]),
            Core::Flatten => vec![[self.drafts[draft.inputs[0]].channels, draft.places_of_row(&self.drafts)]],
            _ => vec![[draft.channels, 1]],
        }
    }
}

fn unexpected(what: &str) -> Error {
    Error::new(
        ErrorKind::Internal,
        format!("the network's description has {what}, which can't be folded"),
    )
}
