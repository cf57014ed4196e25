//! What is done number by number: activations, sums and products of maps, and shares of channels.

use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};
use crate::graph::Activation;

/// Lanes that a thread takes at a time.
const LANES_AT_ONCE: usize = 1024;

/// What becomes of each number. `exp` is computed in f64 and rounded once, so that it doesn't depend on the system's
/// library in the last bits.
pub(crate) fn activated(input: &Map, activation: Activation, scratch: &Scratch, share: Share) -> Map {
    match activation {
        Activation::Clip(limit) => each(input, scratch, share, move |x| x.clamp(0.0, limit)),
        Activation::Sigmoid => each(input, scratch, share, |x| (1.0 / (1.0 + (-f64::from(x)).exp())) as f32),
        Activation::HardSwish => each(input, scratch, share, |x| x * ((x + 3.0).clamp(0.0, 6.0) / 6.0)),
    }
}

fn each(input: &Map, scratch: &Scratch, share: Share, new: impl Fn(f32) -> f32 + Sync) -> Map {
    let mut output = like(input, scratch);
    share.parts(&mut output.data, LANES_AT_ONCE, |part, output| {
        let input = &input.data[part * LANES_AT_ONCE..];
        for (output, input) in output.iter_mut().zip(input) {
            output.0 = input.0.map(&new);
        }
    });
    output
}

/// The sum of two maps of one shape.
///
/// # Panics
/// For maps of two shapes.
pub(crate) fn added(a: &Map, b: &Map, scratch: &Scratch, share: Share) -> Map {
    assert_eq!(shape(a), shape(b), "maps that are added have one shape");
    let mut output = like(a, scratch);
    share.parts(&mut output.data, LANES_AT_ONCE, |part, output| {
        let start = part * LANES_AT_ONCE;
        for (output, (a, b)) in output.iter_mut().zip(a.data[start..].iter().zip(&b.data[start..])) {
            *output = by_lane(a, b, |a, b| a + b);
        }
    });
    output
}

/// The product of `a` with `b`, which has its shape or one place.
///
/// # Panics
/// For maps that don't fit.
pub(crate) fn multiplied(a: &Map, b: &Map, scratch: &Scratch, share: Share) -> Map {
    let places = a.places();
    let is_one_each = shape(b) == [a.panels, a.images, 1, 1];
    assert!(is_one_each || shape(a) == shape(b), "maps that are multiplied fit");
    let mut output = like(a, scratch);
    share.parts(&mut output.data, places.max(1), |plane, output| {
        for (place, output) in output.iter_mut().enumerate() {
            let at = plane * places + place;
            let factor = if is_one_each { plane } else { at };
            *output = by_lane(&a.data[at], &b.data[factor], |a, b| a * b);
        }
    });
    output
}

/// At each place the shares of the first `channels` channels: `exp(x) / sum of exp(x)`, in f64 and rounded once.
pub(crate) fn softmax(input: &Map, channels: usize, scratch: &Scratch) -> Map {
    let mut output = like(input, scratch);
    let stride = input.images * input.places();
    let mut powers = vec![0.0; channels];
    for place in 0..stride {
        let lane = |channel: usize| (channel / LANES * stride + place, channel % LANES);
        let value = |channel: usize| f64::from(input.data[lane(channel).0].0[lane(channel).1]);
        // The greatest is taken off first, so that none overflows.
        let greatest = (0..channels).map(value).fold(f64::NEG_INFINITY, f64::max);
        for (channel, power) in powers.iter_mut().enumerate() {
            *power = (value(channel) - greatest).exp();
        }
        let sum: f64 = powers.iter().sum();
        for panel in 0..input.panels {
            output.data[panel * stride + place] = Lane::ZERO;
        }
        for (channel, power) in powers.iter().enumerate() {
            let (at, part) = lane(channel);
            output.data[at].0[part] = (power / sum) as f32;
        }
    }
    output
}

fn by_lane(a: &Lane, b: &Lane, new: impl Fn(f32, f32) -> f32) -> Lane {
    let mut made = Lane::ZERO;
    for at in 0..LANES {
        made.0[at] = new(a.0[at], b.0[at]);
    }
    made
}

fn shape(map: &Map) -> [usize; 4] {
    [map.panels, map.images, map.height, map.width]
}

fn like(map: &Map, scratch: &Scratch) -> Map {
    Map::taken(scratch, shape(map))
}
