//! NEON, which every 64-bit ARM processor has.

use super::Machine;
use pulp::aarch64::Neon;
use pulp::{cast, f32x4, f64x2, i32x4};
use std::arch::aarch64::{
    vaddq_s32, vandq_u32, vcvt_f64_f32, vdupq_n_u32, vfmaq_f32, vfmaq_f64, vget_high_s16, vget_low_s16, vmlal_s16,
    vmovl_s8, vmovl_u16, vmull_s16, vmulq_n_f32, vorrq_u32, vreinterpretq_f32_u32, vreinterpretq_u32_f32, vshlq_n_u32,
};

/// The machine, where it is there.
pub(super) fn try_new() -> Option<Neon> {
    Neon::try_new()
}

impl Machine for Neon {
    type Simd = Neon;

    #[inline(always)]
    fn simd(self) -> Neon {
        self
    }

    #[inline(always)]
    fn multiply_add(self, a: f32x4, b: f32x4, c: f32x4) -> f32x4 {
        // SAFETY: a value of this type proves that the processor has NEON. So in every function here.
        cast(unsafe { vfmaq_f32(cast(c), cast(a), cast(b)) })
    }

    #[inline(always)]
    fn multiply_add_f64(self, a: f64x2, b: f64x2, c: f64x2) -> f64x2 {
        // SAFETY: as above.
        cast(unsafe { vfmaq_f64(cast(c), cast(a), cast(b)) })
    }

    #[inline(always)]
    fn widen(self, values: &[f32]) -> f64x2 {
        // SAFETY: as above.
        cast(unsafe { vcvt_f64_f32(cast([values[0], values[1]])) })
    }

    #[inline(always)]
    fn widen_halves(self, bits: &[u16]) -> f32x4 {
        // A half's exponent and mantissa in a float's place are its value times 2^-112, also of a subnormal one.
        const SCALE: f32 = f32::from_bits((127 + 112) << 23);
        // SAFETY: as above.
        unsafe {
            let bits = vmovl_u16(cast([bits[0], bits[1], bits[2], bits[3]]));
            let value = vshlq_n_u32::<13>(vandq_u32(bits, vdupq_n_u32(0x7FFF)));
            let value = vreinterpretq_u32_f32(vmulq_n_f32(vreinterpretq_f32_u32(value), SCALE));
            let sign = vshlq_n_u32::<16>(vandq_u32(bits, vdupq_n_u32(0x8000)));
            cast(vreinterpretq_f32_u32(vorrq_u32(value, sign)))
        }
    }

    #[inline(always)]
    fn multiply_add_bytes(self, bytes: &[i8], factors: &[i16], sums: i32x4) -> i32x4 {
        let bytes: [i8; 8] = std::array::from_fn(|at| bytes[at]);
        let factors: [i16; 8] = std::array::from_fn(|at| factors[at]);
        // SAFETY: as above.
        unsafe {
            let (bytes, factors) = (vmovl_s8(cast(bytes)), cast(factors));
            let products = vmull_s16(vget_low_s16(bytes), vget_low_s16(factors));
            let products = vmlal_s16(products, vget_high_s16(bytes), vget_high_s16(factors));
            cast(vaddq_s32(cast(sums), products))
        }
    }
}
