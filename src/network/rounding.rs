//! 16-bit precisions on the CPU: f32 arithmetic on numbers that 16 bits hold.

use super::Precision;
use crate::cpu::workers::Share;
use crate::cpu::{LANES, Map};
use crate::graph::Folded;
use crate::graph::PIXEL_SCALE;
use crate::graph::folded::{Bias, Conv, Layer};
use half::f16;
use half::slice::HalfFloatSliceExt;

/// Lanes that a thread rounds at a time.
const LANES_AT_ONCE: usize = 4096;

/// The format that weights, biases, slopes and maps are rounded to, to the nearest and ties to even. A layer's sum, with
/// its bias, rectifier and residual, is formed in f32 and rounded once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    F16,
    Bf16,
}

impl Rounding {
    /// That of a 16-bit precision.
    pub fn of(precision: Precision) -> Option<Rounding> {
        match precision {
            Precision::F16 => Some(Rounding::F16),
            Precision::Bf16 => Some(Rounding::Bf16),
            Precision::F32 | Precision::Tf32 => None,
        }
    }

    /// Rounds each value; what is too large becomes infinite.
    pub fn round(self, values: &mut [f32]) {
        match self {
            Rounding::F16 => {
                for values in values.chunks_mut(LANES) {
                    let short = &mut [f16::ZERO; LANES][..values.len()];
                    short.convert_from_f32_slice(values);
                    short.convert_to_f32_slice(values);
                }
            }
            // The crate `half` takes these one by one, this way the compiler makes vectors of them: five times as fast.
            Rounding::Bf16 => values.iter_mut().for_each(|value| {
                let bits = value.to_bits();
                let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
                *value = if value.is_nan() {
                    *value
                } else {
                    f32::from_bits(rounded)
                };
            }),
        }
    }

    /// Rounds a map.
    pub fn round_map(self, map: &mut Map, share: Share) {
        share.parts(&mut map.data, LANES_AT_ONCE, |_, lanes| {
            for lane in lanes {
                self.round(&mut lane.0);
            }
        });
    }

    /// Rounds the constants of the convolutions; dense layers compute in f32.
    pub fn round_constants(self, folded: &mut Folded) {
        let scale = |folded: &mut Folded, factor: f32| {
            let weights = folded.first_convs().flat_map(|conv| &mut conv.weight);
            weights.for_each(|weight| *weight *= factor);
        };
        scale(folded, PIXEL_SCALE);
        for step in &mut folded.steps {
            if let Layer::Conv(conv) = &mut step.layer {
                self.round_conv(conv);
            }
        }
        scale(folded, 1.0 / PIXEL_SCALE);
    }

    fn round_conv(self, conv: &mut Conv) {
        self.round(&mut conv.weight);
        match &mut conv.bias {
            Bias::Channel(bias) => self.round(bias),
            Bias::Border(places) => places.iter_mut().for_each(|bias| self.round(bias)),
        }
        if let Some(slopes) = &mut conv.slopes {
            self.round(slopes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As IEEE 754 and the definition of bfloat16 have it: ties to even, both ways, subnormal numbers and overflow.
    #[test]
    fn values_are_rounded_to_the_nearest_that_16_bits_hold() {
        let ulp = |bits: i32| 2f32.powi(-bits);
        for (rounding, bits, largest) in [(Rounding::F16, 10, 65504.0), (Rounding::Bf16, 7, f32::MAX)] {
            let half = ulp(bits + 1);
            let (one, above) = (1.0, 1.0 + ulp(bits));
            let mut values = [
                0.0,
                -0.0,
                one + half,
                -one - half,
                one + half * 1.01,
                above + half,
                largest,
            ];
            rounding.round(&mut values);
            let wanted_last = if rounding == Rounding::F16 {
                largest
            } else {
                f32::INFINITY
            };
            let wanted = [0.0, -0.0, one, -one, above, one + 2.0 * ulp(bits), wanted_last];
            assert_eq!(values.map(f32::to_bits), wanted.map(f32::to_bits), "{rounding:?}");
        }
        let mut small = [2f32.powi(-24), 2f32.powi(-25), 1.1 * 2f32.powi(-25), 65520.0, f32::NAN];
        Rounding::F16.round(&mut small);
        assert_eq!(small[..4], [2f32.powi(-24), 0.0, 2f32.powi(-24), f32::INFINITY]);
        assert!(small[4].is_nan());
    }

    #[test]
    fn bf16_is_that_of_the_crate_half() {
        let bits = (0..1u32 << 20).map(|at| at.wrapping_mul(0x9e37_79b9));
        let values: Vec<f32> = bits
            .chain([0x7f80_0000, 0x7fff_ffff, 0xff80_0001])
            .map(f32::from_bits)
            .collect();
        let mut rounded = values.clone();
        Rounding::Bf16.round(&mut rounded);
        for (value, rounded) in values.into_iter().zip(rounded) {
            let wanted = half::bf16::from_f32(value).to_f32();
            assert!(
                rounded == wanted || rounded.is_nan() && wanted.is_nan(),
                "{value}: {rounded}, {wanted}"
            );
        }
    }

    #[test]
    fn every_value_of_a_map_is_rounded_on_all_threads_and_on_one() {
        let workers = crate::Workers::new(Some(3)).unwrap();
        let mut map = Map {
            panels: 1,
            images: 1,
            height: 3,
            width: LANES_AT_ONCE,
            data: vec![crate::cpu::Lane([1.0 + 2f32.powi(-9); LANES]); 3 * LANES_AT_ONCE],
        };
        let mut alone = Map {
            data: map.data.clone(),
            ..map
        };
        workers.run(|share| Rounding::Bf16.round_map(&mut map, share));
        Rounding::Bf16.round_map(&mut alone, Share::Alone);
        for map in [map, alone] {
            assert!(map.data.iter().all(|lane| lane.0 == [1.0; LANES]));
        }
    }
}
