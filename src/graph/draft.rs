//! A step on its way: what it takes up of the nodes around it, and the numbers that come of that.

use super::build::Kernel;
use super::folded::{Layer, Step};
use super::layer::{self, Affine};
use super::tensors::Weights;
use super::{Activation, Pool};
use crate::error::Result;

/// A step that may still take up what follows it.
#[derive(Debug, Clone)]
pub(super) struct Draft<'g> {
    pub core: Core<'g>,
    pub inputs: Vec<usize>,
    pub channels: usize,
    pub sides: Option<[usize; 2]>,
    /// What is done to its input first.
    pub before: Option<Affine>,
    /// What is done to what it gives, and the rectifier behind that.
    pub after: Option<Affine>,
    pub slopes: Option<Slopes<'g>>,
}

/// What a step is at its heart.
#[derive(Debug, Clone)]
pub(super) enum Core<'g> {
    Image,
    Pool(Pool),
    Upsample(usize),
    Activation(Activation),
    Add,
    Multiply,
    Softmax,
    Flatten,
    Concatenate,
    /// Nothing by itself: each number of a map, a row's part by part, or an image whose channels may be the other way
    /// round.
    Each,
    EachOfRow(Vec<[usize; 2]>),
    Pixels {
        reversed: bool,
    },
    Conv {
        /// Several of one kind on the same input, whose outputs follow each other.
        layers: Vec<(&'g str, Option<&'g str>)>,
        kernel: Kernel,
        inputs: usize,
        groups: usize,
        /// The input's channels are the other way round.
        reversed: bool,
    },
    Dense {
        layers: Vec<(&'g str, &'g str)>,
        parts: Vec<[usize; 2]>,
    },
}

/// A rectifier's slopes below zero.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slopes<'g> {
    Named(&'g str),
    Zero,
}

impl Draft<'_> {
    /// Whether it can take up an affine map, or a rectifier, of what it gives.
    pub fn is_open(&self) -> bool {
        let is_layer = matches!(
            self.core,
            Core::Conv { .. } | Core::Dense { .. } | Core::Each | Core::EachOfRow(_) | Core::Pixels { .. }
        );
        is_layer && self.slopes.is_none() && !self.adds()
    }

    /// Whether it adds a second map to what it gives.
    pub fn adds(&self) -> bool {
        matches!(self.core, Core::Conv { .. }) && self.inputs.len() > 1
    }

    /// Of a flattened map, and of what is made of its numbers one by one, the map's places; of everything else 1.
    pub fn places_of_row(&self, drafts: &[Draft]) -> usize {
        match self.core {
            Core::Flatten => self.channels / drafts[self.inputs[0]].channels,
            Core::Concatenate | Core::Activation(_) | Core::Add | Core::Multiply => {
                let inputs = self.inputs.iter().map(|&input| drafts[input].places_of_row(drafts));
                inputs.max().unwrap_or(1)
            }
            _ => 1,
        }
    }

    /// The step with its numbers.
    pub fn step(self, weights: &Weights) -> Result<Step> {
        let slopes = match self.slopes {
            None => None,
            Some(Slopes::Named(name)) => Some(weights.get(name)?.to_vec()),
            Some(Slopes::Zero) => Some(vec![0.0; self.channels]),
        };
        let slopes = slopes.as_deref();
        let before = self.before.as_ref();
        let each = Kernel {
            outputs: self.channels,
            side: 1,
            stride: 1,
            padding: 0,
        };
        let nothing = || vec![0.0; self.channels];
        let layer = match &self.core {
            Core::Image => Layer::Image,
            Core::Pool(pool) => Layer::Pool(*pool),
            Core::Upsample(factor) => Layer::Upsample(*factor),
            Core::Activation(activation) => Layer::Activation(*activation),
            Core::Add => Layer::Add,
            Core::Multiply => Layer::Multiply,
            Core::Softmax => Layer::Softmax,
            Core::Flatten => Layer::Flatten,
            Core::Concatenate => Layer::Concatenate,
            Core::Each => {
                let (ones, after) = (vec![1.0; self.channels], after(self.after, nothing()));
                Layer::Conv(layer::conv(
                    each,
                    self.channels,
                    self.channels,
                    &ones,
                    before,
                    &after,
                    slopes,
                ))
            }
            Core::Pixels { reversed } => {
                let (ones, after) = (identity(self.channels, *reversed), after(self.after, nothing()));
                Layer::Conv(layer::conv(each, self.channels, 1, &ones, before, &after, slopes))
            }
            Core::EachOfRow(parts) => {
                let (ones, after) = (identity(self.channels, false), after(self.after, nothing()));
                Layer::Dense(layer::dense(parts, &ones, before, &after, slopes))
            }
            Core::Conv {
                layers,
                kernel,
                inputs,
                groups,
                reversed,
            } => {
                let (mut weight, mut bias) = (Vec::new(), Vec::new());
                for (name, own) in layers {
                    weight.extend_from_slice(weights.get(name)?);
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
                let before = before.map(|before| match reversed {
                    true => before.reversed(),
                    false => before.clone(),
                });
                let after = after(self.after, bias);
                Layer::Conv(layer::conv(
                    *kernel,
                    *inputs,
                    *groups,
                    &weight,
                    before.as_ref(),
                    &after,
                    slopes,
                ))
            }
            Core::Dense { layers, parts } => {
                let (mut weight, mut bias) = (Vec::new(), Vec::new());
                for (name, own) in layers {
                    weight.extend_from_slice(weights.get(name)?);
                    bias.extend(weights.get(own)?.iter().map(|&bias| f64::from(bias)));
                }
                Layer::Dense(layer::dense(parts, &weight, before, &after(self.after, bias), slopes))
            }
        };
        Ok(Step {
            layer,
            inputs: self.inputs,
            channels: self.channels,
            sides: self.sides,
        })
    }
}

/// The matrix that gives each number what it was, or each the one at its place from the other end.
fn identity(length: usize, reversed: bool) -> Vec<f32> {
    let mut matrix = vec![0.0; length * length];
    for row in 0..length {
        let column = if reversed { length - 1 - row } else { row };
        matrix[row * length + column] = 1.0;
    }
    matrix
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
