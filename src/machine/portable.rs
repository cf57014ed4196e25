//! No instructions of any one processor: vectors of 8 floats that the compiler makes what it can of.

use super::Machine;
use half::f16;
use pulp::{Scalar256b, Simd, cast, f32x8, f64x4, i32x8};

/// Works on every processor.
#[derive(Clone, Copy)]
pub(super) struct Portable;

impl Machine for Portable {
    type Simd = Scalar256b;

    #[inline(always)]
    fn simd(self) -> Scalar256b {
        Scalar256b
    }

    // A fused multiply-add without the instruction for it is a slow function call.
    #[inline(always)]
    fn multiply_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        Scalar256b.add_f32s(Scalar256b.mul_f32s(a, b), c)
    }

    #[inline(always)]
    fn multiply_add_f64(self, a: f64x4, b: f64x4, c: f64x4) -> f64x4 {
        Scalar256b.add_f64s(Scalar256b.mul_f64s(a, b), c)
    }

    #[inline(always)]
    fn widen(self, values: &[f32]) -> f64x4 {
        let mut wide = [0.0; 4];
        for (wide, &value) in wide.iter_mut().zip(values) {
            *wide = f64::from(value);
        }
        cast(wide)
    }

    #[inline(always)]
    fn widen_halves(self, bits: &[u16]) -> f32x8 {
        let mut wide = [0.0; 8];
        for (wide, &bits) in wide.iter_mut().zip(bits) {
            *wide = f16::from_bits(bits).to_f32_const();
        }
        cast(wide)
    }

    #[inline(always)]
    fn multiply_add_bytes(self, bytes: &[i8], factors: &[i16], sums: i32x8) -> i32x8 {
        let mut sums: [i32; 8] = cast(sums);
        let pairs = bytes.as_chunks::<2>().0.iter().zip(factors.as_chunks::<2>().0);
        for (sum, (bytes, factors)) in sums.iter_mut().zip(pairs) {
            let product = |at: usize| i32::from(bytes[at]) * i32::from(factors[at]);
            *sum = sum.wrapping_add(product(0)).wrapping_add(product(1));
        }
        cast(sums)
    }
}
