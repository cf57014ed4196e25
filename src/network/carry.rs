//! The constants of a residual body, carried to where they cost nothing.
//!
//! 16 bits hold a sum without biases more exactly, and a GPU adds a convolution's bias in a pass of its own over the map.
//! In a residual body the biases that are added to the running sum are the same for every place, so the sum can do
//! without them: the next block's first convolution takes up what they would have added, in the bias map that it has
//! anyway, and the head what the last blocks would.

use super::folded::{Bias, Block, Conv, Folded};
use crate::error::{Error, ErrorKind, Result};

/// Takes the constants out of the running sum of `folded`, exactly (in f64, rounded once), and says for each stage and
/// channel what the stage's true output has more than the sum.
///
/// # Errors
/// [`ErrorKind::Internal`] for a body that is not built as the networks of this library are.
pub(crate) fn carry(folded: &mut Folded) -> Result<Vec<Vec<f32>>> {
    let mut carried = vec![0f64; folded.stem.outputs];
    let mut of_stages = Vec::with_capacity(folded.stages.len());
    let mut blocks = folded.blocks.iter_mut();
    for &count in &folded.stages {
        for block in blocks.by_ref().take(count) {
            match block {
                Block::Residual {
                    first,
                    second,
                    projection,
                } => {
                    take_up(first, &carried)?;
                    if let Some(projection) = projection {
                        if projection.kernel != 1 {
                            return Err(unexpected("a projection larger than one place"));
                        }
                        carried = sums(projection, &carried);
                        add(&mut carried, &take_bias(projection)?);
                    }
                    add(&mut carried, &take_bias(second)?);
                }
                // A rectifier follows at once: nothing can be carried past it.
                Block::Separable { pointwise, .. } => carried = vec![0.0; pointwise.outputs],
            }
        }
        of_stages.push(carried.iter().map(|&value| value as f32).collect());
    }
    let head = &mut folded.head;
    let places = head.side * head.side;
    for (bias, weights) in head
        .bias
        .iter_mut()
        .zip(head.weight.chunks_exact(carried.len() * places))
    {
        let sum: f64 = weights
            .chunks_exact(places)
            .zip(&carried)
            .map(|(weights, carried)| weights.iter().map(|&weight| f64::from(weight)).sum::<f64>() * carried)
            .sum();
        *bias = (f64::from(*bias) + sum) as f32;
    }
    Ok(of_stages)
}

/// Adds to the bias of `conv` what `carried`, a constant of each input, gives through it.
fn take_up(conv: &mut Conv, carried: &[f64]) -> Result<()> {
    if carried.iter().all(|&value| value == 0.0) {
        return Ok(());
    }
    if conv.depthwise || conv.kernel != 3 || conv.stride != 1 {
        return Err(unexpected(
            "a block that doesn't begin with a dense 3x3 convolution of stride 1",
        ));
    }
    let taps = by_tap(conv, carried);
    // The first row and column lack the kernel's first, the last its last.
    let there = |kind: usize, at: usize| !(kind == 0 && at == 0 || kind == 2 && at == 2);
    let places: [Vec<f32>; 9] = std::array::from_fn(|place| {
        let known = match &conv.bias {
            Bias::Channel(bias) => bias,
            Bias::Border(places) => &places[place],
        };
        let sum = |output: usize| -> f64 {
            (0..9)
                .filter(|tap| there(place / 3, tap / 3) && there(place % 3, tap % 3))
                .map(|tap| taps[output * 9 + tap])
                .sum()
        };
        known
            .iter()
            .enumerate()
            .map(|(output, &bias)| (f64::from(bias) + sum(output)) as f32)
            .collect()
    });
    conv.bias = Bias::Border(Box::new(places));
    Ok(())
}

/// What a constant of each input gives at each output and tap of a dense convolution.
fn by_tap(conv: &Conv, carried: &[f64]) -> Vec<f64> {
    let taps = conv.kernel * conv.kernel;
    let mut given = vec![0f64; conv.outputs * taps];
    for (weights, given) in conv
        .weight
        .chunks_exact(conv.inputs * taps)
        .zip(given.chunks_exact_mut(taps))
    {
        for (weights, carried) in weights.chunks_exact(taps).zip(carried) {
            for (given, &weight) in given.iter_mut().zip(weights) {
                *given += f64::from(weight) * carried;
            }
        }
    }
    given
}

/// What a constant of each input gives at each output of a convolution that never reaches over the border.
fn sums(conv: &Conv, carried: &[f64]) -> Vec<f64> {
    by_tap(conv, carried)
        .chunks_exact(conv.kernel * conv.kernel)
        .map(|taps| taps.iter().sum())
        .collect()
}

/// The bias of a convolution without a rectifier, which loses it.
fn take_bias(conv: &mut Conv) -> Result<Vec<f32>> {
    match &mut conv.bias {
        Bias::Channel(bias) if conv.slopes.is_none() => Ok(std::mem::replace(bias, vec![0.0; conv.outputs])),
        _ => Err(unexpected("a branch that doesn't end in a plain bias")),
    }
}

fn add(carried: &mut [f64], bias: &[f32]) {
    for (carried, &bias) in carried.iter_mut().zip(bias) {
        *carried += f64::from(bias);
    }
}

fn unexpected(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("a residual network has {what}"))
}
