//! The constants of a residual body, carried to where they cost nothing.
//!
//! 16 bits hold a sum without biases more exactly, and a GPU adds a convolution's bias in a pass of its own over the map.
//! In a residual body the biases that are added to the running sum are the same for every place, so the sum can do
//! without them: the next block's first convolution takes up what they would have added, in the bias map that it has
//! anyway, and the head what the last blocks would.

use super::build::Kernel;
use super::folded::{Bias, Conv, Dense, Folded, Layer, Output};
use super::layer::{takes_shift, taps_inside};
use crate::error::{Error, ErrorKind, Result};

/// Takes the constants out of the running sums of `folded`, exactly (in f64, rounded once), and says for each output and
/// channel what the true output has more than what is computed. Where a constant could not be taken up further on, it stays.
///
/// # Errors
/// [`ErrorKind::Internal`] for a network whose steps don't fit together.
pub(crate) fn carry(folded: &mut Folded) -> Result<Vec<Vec<f32>>> {
    let is_summed = summed(folded);
    // What each step's true output has more, by channel; of a flattened map by the map's channel.
    let mut carried: Vec<Vec<f64>> = Vec::with_capacity(folded.steps.len());
    for (step, &is_summed) in folded.steps.iter_mut().zip(&is_summed) {
        let of = |input: usize| step.inputs.get(input).map(|&input| carried[input].clone());
        let nothing = vec![0.0; step.channels];
        let (input, other) = (of(0), of(1));
        let more = match &mut step.layer {
            Layer::Image | Layer::Activation(_) | Layer::Multiply | Layer::Softmax => nothing,
            Layer::Pool(_) | Layer::Upsample(_) | Layer::Flatten => input.unwrap_or(nothing),
            Layer::Concatenate => step.inputs.iter().flat_map(|&input| carried[input].clone()).collect(),
            Layer::Add => {
                let mut more = input.unwrap_or(nothing);
                add(&mut more, other.into_iter().flatten());
                more
            }
            Layer::Dense(dense) => {
                into_dense(dense, &input.unwrap_or_default());
                nothing
            }
            Layer::Conv(conv) => {
                let input = input.unwrap_or_default();
                let mut more = nothing;
                // What comes through one place without a rectifier stays a constant.
                if is_summed && passes(conv) {
                    more = sums(conv, &input);
                } else {
                    take_up(conv, &input)?;
                }
                add(&mut more, other.into_iter().flatten());
                if is_summed {
                    let bias = take_bias(conv);
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

/// Which steps are convolutions without a rectifier that are a part of a running sum, and whose constants can be taken up by
/// all that comes behind it.
fn summed(folded: &Folded) -> Vec<bool> {
    let mut is_part = vec![false; folded.steps.len()];
    for (at, step) in folded.steps.iter().enumerate() {
        match (&step.layer, &step.inputs[..]) {
            (Layer::Conv(_), &[_, other]) => (is_part[at], is_part[other]) = (true, true),
            (Layer::Add, &[one, other]) => (is_part[one], is_part[other]) = (true, true),
            _ => {}
        }
    }
    let mut is_summed = vec![false; folded.steps.len()];
    // Whether a constant of each step's output comes to something, whoever takes it: from the last step on.
    let mut is_taken = vec![true; folded.steps.len()];
    for (at, step) in folded.steps.iter().enumerate().rev() {
        let is_plain = |conv: &Conv| conv.slopes.is_none() && matches!(conv.bias, Bias::Channel(_));
        is_summed[at] = is_part[at] && is_taken[at] && matches!(&step.layer, Layer::Conv(conv) if is_plain(conv));
        for (position, &input) in step.inputs.iter().enumerate() {
            is_taken[input] &= match &step.layer {
                Layer::Dense(_) => true,
                Layer::Conv(conv) if position == 0 => takes_up(conv) || is_summed[at] && passes(conv),
                // Added behind the rectifier.
                Layer::Conv(_) => is_taken[at],
                Layer::Pool(_) | Layer::Upsample(_) | Layer::Flatten | Layer::Concatenate | Layer::Add => is_taken[at],
                Layer::Image | Layer::Activation(_) | Layer::Multiply | Layer::Softmax => false,
            };
        }
    }
    is_summed
}

/// Whether a constant of each input of `conv` is one of each output too.
fn passes(conv: &Conv) -> bool {
    conv.kernel == 1 && conv.padding == 0
}

/// Whether the bias of `conv` can take up a constant of each input.
fn takes_up(conv: &Conv) -> bool {
    takes_shift(Kernel {
        outputs: conv.outputs,
        side: conv.kernel,
        stride: conv.stride,
        padding: conv.padding,
    })
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
    if !takes_up(conv) {
        return Err(unexpected("a constant before a convolution that can't take it up"));
    }
    let taps = by_tap(conv, carried);
    let count = conv.kernel * conv.kernel;
    let more = |bias: &mut Vec<f32>, inside: &[usize]| {
        for (bias, taps) in bias.iter_mut().zip(taps.chunks_exact(count)) {
            *bias = (f64::from(*bias) + inside.iter().map(|&tap| taps[tap]).sum::<f64>()) as f32;
        }
    };
    if conv.padding == 0 {
        let all: Vec<usize> = (0..count).collect();
        match &mut conv.bias {
            Bias::Channel(bias) => more(bias, &all),
            Bias::Border(places) => places.iter_mut().for_each(|bias| more(bias, &all)),
        }
        return Ok(());
    }
    let mut places = match &conv.bias {
        Bias::Channel(bias) => Box::new(std::array::from_fn(|_| bias.clone())),
        Bias::Border(places) => places.clone(),
    };
    for (place, bias) in places.iter_mut().enumerate() {
        more(bias, &taps_inside(place).collect::<Vec<_>>());
    }
    conv.bias = Bias::Border(places);
    Ok(())
}

/// What a constant of each input gives at each output and tap of a convolution.
fn by_tap(conv: &Conv, carried: &[f64]) -> Vec<f64> {
    let taps = conv.kernel * conv.kernel;
    let (group, outputs) = (conv.inputs / conv.groups, conv.outputs / conv.groups);
    let mut given = vec![0f64; conv.outputs * taps];
    let kernels = conv.weight.chunks_exact(group * taps);
    for (output, (weights, given)) in kernels.zip(given.chunks_exact_mut(taps)).enumerate() {
        let carried = &carried[output / outputs * group..];
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

/// The bias of a convolution, which loses it, unless it differs from place to place.
fn take_bias(conv: &mut Conv) -> Vec<f32> {
    match &mut conv.bias {
        Bias::Channel(bias) => std::mem::replace(bias, vec![0.0; conv.outputs]),
        Bias::Border(_) => vec![0.0; conv.outputs],
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
