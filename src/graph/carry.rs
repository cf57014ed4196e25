//! The constants of a residual body, carried to where they cost nothing.
//!
//! 16 bits hold a sum without biases more exactly, and a GPU adds a convolution's bias in a pass of its own over the map.
//! In a residual body the biases that are added to the running sum are the same for every place, so the sum can do
//! without them: the next block's first convolution takes up what they would have added, in the bias map that it has
//! anyway, and the head what the last blocks would.

use super::folded::{Bias, Conv, Dense, Folded, Layer, Output};
use super::layer::taps_inside;
use crate::error::{Error, ErrorKind, Result};

/// Takes the constants out of the running sums of `folded`, exactly (in f64, rounded once), and says for each output and
/// channel what the true output has more than what is computed.
///
/// # Errors
/// [`ErrorKind::Internal`] for a body whose sums can't do without them.
pub(crate) fn carry(folded: &mut Folded) -> Result<Vec<Vec<f32>>> {
    let is_summed = summed(folded);
    // What each step's true output has more, by channel.
    let mut carried: Vec<Vec<f64>> = Vec::with_capacity(folded.steps.len());
    for (step, &is_summed) in folded.steps.iter_mut().zip(&is_summed) {
        let of = |input: usize| step.inputs.get(input).map(|&input| carried[input].clone());
        let nothing = vec![0.0; step.channels];
        let (input, residual) = (of(0), of(1));
        let more = match &mut step.layer {
            Layer::Image => nothing,
            Layer::MaxPool(_) | Layer::Flatten => input.unwrap_or(nothing),
            Layer::Concatenate => step.inputs.iter().flat_map(|&input| carried[input].clone()).collect(),
            Layer::Dense(dense) => {
                into_dense(dense, &input.unwrap_or_default());
                nothing
            }
            Layer::Conv(conv) => {
                let input = input.unwrap_or_default();
                let mut more = nothing;
                // What comes through one place without a rectifier stays a constant.
                if is_summed && conv.kernel == 1 && conv.padding == 0 {
                    more = sums(conv, &input);
                } else {
                    take_up(conv, &input)?;
                }
                if let Some(residual) = residual {
                    add(&mut more, residual.into_iter());
                }
                if is_summed {
                    let bias = take_bias(conv)?;
                    add(&mut more, bias.into_iter().map(f64::from));
                }
                more
            }
        };
        carried.push(more);
    }
    let output = |output: &Output| {
        let own = &carried[output.step][output.channels.clone()];
        own.iter().map(|&value| value as f32).collect()
    };
    Ok(folded.outputs.iter().map(output).collect())
}

/// Which steps are convolutions without a rectifier that are a part of a running sum.
fn summed(folded: &Folded) -> Vec<bool> {
    let mut is_summed = vec![false; folded.steps.len()];
    for (at, step) in folded.steps.iter().enumerate() {
        if let (Layer::Conv(_), &[_, other]) = (&step.layer, &step.inputs[..]) {
            is_summed[at] = true;
            is_summed[other] = true;
        }
    }
    for (is_summed, step) in is_summed.iter_mut().zip(&folded.steps) {
        *is_summed &= matches!(&step.layer, Layer::Conv(conv) if conv.slopes.is_none());
    }
    is_summed
}

/// Adds to the bias of a dense layer what constants of its input's channels give through it.
fn into_dense(dense: &mut Dense, carried: &[f64]) {
    if carried.iter().all(|&value| value == 0.0) {
        return;
    }
    let inputs: usize = dense.parts.iter().map(|[channels, places]| channels * places).sum();
    for (bias, weights) in dense.bias.iter_mut().zip(dense.weight.chunks_exact(inputs)) {
        let mut sum = 0.0;
        let (mut rest, mut channels) = (weights, carried);
        for &[count, places] in &dense.parts {
            let (own, others) = rest.split_at(count * places);
            for (weights, carried) in own.chunks_exact(places).zip(channels) {
                sum += weights.iter().map(|&weight| f64::from(weight)).sum::<f64>() * carried;
            }
            (rest, channels) = (others, &channels[count..]);
        }
        *bias = (f64::from(*bias) + sum) as f32;
    }
}

/// Adds to the bias of `conv` what `carried`, a constant of each input, gives through it.
fn take_up(conv: &mut Conv, carried: &[f64]) -> Result<()> {
    if carried.iter().all(|&value| value == 0.0) {
        return Ok(());
    }
    if conv.depthwise || conv.kernel != 3 || conv.stride != 1 || conv.padding != 1 {
        return Err(unexpected(
            "a block that doesn't begin with a dense 3x3 convolution of stride 1",
        ));
    }
    let taps = by_tap(conv, carried);
    let places: [Vec<f32>; 9] = std::array::from_fn(|place| {
        let known = match &conv.bias {
            Bias::Channel(bias) => bias,
            Bias::Border(places) => &places[place],
        };
        let sum = |output: usize| -> f64 { taps_inside(place).map(|tap| taps[output * 9 + tap]).sum() };
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

fn add(carried: &mut [f64], bias: impl Iterator<Item = f64>) {
    for (carried, bias) in carried.iter_mut().zip(bias) {
        *carried += bias;
    }
}

fn unexpected(what: &str) -> Error {
    Error::new(ErrorKind::Internal, format!("a residual network has {what}"))
}
