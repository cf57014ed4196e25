//! The arithmetic of folding: what stands before and behind one layer becomes a part of its weights and bias, in f64, and
//! rounded once.
//!
//! A batch norm behind a convolution scales its weights and shifts its bias. One before a zero-padded convolution scales
//! the weights of each input; its shift is a constant that the padding lacks, so it becomes a bias that differs at the
//! border.

use super::build::Kernel;
use super::folded::{Bias, Conv, Dense};

/// `x * scale + shift` for each channel.
#[derive(Debug, Clone)]
pub(super) struct Affine {
    pub scale: Vec<f64>,
    pub shift: Vec<f64>,
}

impl Affine {
    /// With the channels the other way round.
    pub fn reversed(&self) -> Self {
        let reversed = |values: &[f64]| values.iter().rev().copied().collect();
        Affine {
            scale: reversed(&self.scale),
            shift: reversed(&self.shift),
        }
    }

    /// The same for each of `channels` channels.
    pub fn uniform(channels: usize, scale: f64, shift: f64) -> Self {
        Affine {
            scale: vec![scale; channels],
            shift: vec![shift; channels],
        }
    }
}

/// Whether a shift before a convolution of this size can become a part of its bias: without padding it is the same at
/// every place, and for this kernel at every kind of place.
pub(super) fn takes_shift(kernel: Kernel) -> bool {
    kernel.padding == 0 || (kernel.side, kernel.stride, kernel.padding) == (3, 1, 1)
}

/// `after(conv(before(x)))`, then the rectifier with `slopes`. `before` has no shift unless [`takes_shift`].
pub(super) fn conv(
    kernel: Kernel,
    inputs: usize,
    groups: usize,
    weight: &[f32],
    before: Option<&Affine>,
    after: &Affine,
    slopes: Option<&[f32]>,
) -> Conv {
    let outputs = kernel.outputs;
    let taps = kernel.side * kernel.side;
    let group = inputs / groups;
    let mut folded = Vec::with_capacity(weight.len());
    // What the shift before the convolution adds, by output and tap.
    let mut shifted = vec![0f64; outputs * taps];
    for (output, weights) in weight.chunks_exact(group * taps).enumerate() {
        for (input, weights) in weights.chunks_exact(taps).enumerate() {
            let input = output / (outputs / groups) * group + input;
            let (scale, shift) = before.map_or((1.0, 0.0), |before| (before.scale[input], before.shift[input]));
            for (tap, &weight) in weights.iter().enumerate() {
                let weight = f64::from(weight) * after.scale[output];
                folded.push((weight * scale) as f32);
                shifted[output * taps + tap] += weight * shift;
            }
        }
    }
    let uniform = before.is_none_or(|before| before.shift.iter().all(|&shift| shift == 0.0));
    let bias = if uniform || kernel.padding == 0 {
        let sum = |output: usize| shifted[output * taps..][..taps].iter().sum::<f64>();
        Bias::Channel(
            (0..outputs)
                .map(|output| (after.shift[output] + sum(output)) as f32)
                .collect(),
        )
    } else {
        Bias::Border(Box::new(std::array::from_fn(|place| {
            (0..outputs)
                .map(|output| {
                    let sum: f64 = taps_inside(place).map(|tap| shifted[output * taps + tap]).sum();
                    (after.shift[output] + sum) as f32
                })
                .collect()
        })))
    };
    Conv {
        weight: folded,
        inputs,
        outputs,
        kernel: kernel.side,
        stride: kernel.stride,
        padding: kernel.padding,
        groups,
        bias,
        slopes: slopes.map(<[f32]>::to_vec),
    }
}

/// The taps of a 3x3 kernel that lie inside the map at the kind of place `place`, see [`super::folded::place`]: the
/// first row and column lack the kernel's first, the last its last.
pub(super) fn taps_inside(place: usize) -> impl Iterator<Item = usize> {
    let there = |kind: usize, at: usize| !(kind == 0 && at == 0 || kind == 2 && at == 2);
    (0..9).filter(move |tap| there(place / 3, tap / 3) && there(place % 3, tap % 3))
}

/// `after(dense(before(x)))` over a row of numbers of these parts, then the rectifier with `slopes`.
pub(super) fn dense(
    parts: &[[usize; 2]],
    weight: &[f32],
    before: Option<&Affine>,
    after: &Affine,
    slopes: Option<&[f32]>,
) -> Dense {
    let inputs: usize = parts.iter().map(|[count, places]| count * places).sum();
    let mut folded = Vec::with_capacity(weight.len());
    let mut bias = Vec::with_capacity(after.shift.len());
    for (output, weights) in weight.chunks_exact(inputs).enumerate() {
        let (mut sum, mut rest) = (0.0, weights);
        // The places of each channel, counted over all parts.
        let channels = parts
            .iter()
            .flat_map(|&[count, places]| (0..count).map(move |_| places));
        for (channel, places) in channels.enumerate() {
            let (own, others) = rest.split_at(places);
            let (scale, shift) = before.map_or((1.0, 0.0), |before| (before.scale[channel], before.shift[channel]));
            for &weight in own {
                let weight = f64::from(weight);
                folded.push((weight * scale * after.scale[output]) as f32);
                sum += weight * shift;
            }
            rest = others;
        }
        bias.push((sum * after.scale[output] + after.shift[output]) as f32);
    }
    Dense {
        weight: folded,
        parts: parts.to_vec(),
        bias,
        slopes: slopes.map(<[f32]>::to_vec),
    }
}
