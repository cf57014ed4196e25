//! AVX2 with FMA and F16C, and AVX-512.

use super::Machine;
use pulp::x86::V3;
use pulp::{cast, f32x8, f32x16, f64x4, f64x8, i32x8, i32x16};
use std::arch::x86_64::{_mm256_cvtph_ps, _mm512_cvtph_ps};

pub(super) use pulp::x86::V4 as Avx512;

pulp::simd_type! {
    /// What pulp calls V3, and the conversion of halves.
    pub(super) struct Avx2 {
        sse: "sse",
        sse2: "sse2",
        fxsr: "fxsr",
        sse3: "sse3",
        ssse3: "ssse3",
        sse4_1: "sse4.1",
        sse4_2: "sse4.2",
        popcnt: "popcnt",
        avx: "avx",
        avx2: "avx2",
        bmi1: "bmi1",
        bmi2: "bmi2",
        fma: "fma",
        lzcnt: "lzcnt",
        f16c: "f16c",
    }
}

impl Machine for Avx2 {
    type Simd = V3;

    #[inline(always)]
    fn simd(self) -> V3 {
        V3 {
            sse: self.sse,
            sse2: self.sse2,
            fxsr: self.fxsr,
            sse3: self.sse3,
            ssse3: self.ssse3,
            sse4_1: self.sse4_1,
            sse4_2: self.sse4_2,
            popcnt: self.popcnt,
            avx: self.avx,
            avx2: self.avx2,
            bmi1: self.bmi1,
            bmi2: self.bmi2,
            fma: self.fma,
            lzcnt: self.lzcnt,
        }
    }

    #[inline(always)]
    fn multiply_add(self, a: f32x8, b: f32x8, c: f32x8) -> f32x8 {
        cast(self.fma._mm256_fmadd_ps(cast(a), cast(b), cast(c)))
    }

    #[inline(always)]
    fn multiply_add_f64(self, a: f64x4, b: f64x4, c: f64x4) -> f64x4 {
        cast(self.fma._mm256_fmadd_pd(cast(a), cast(b), cast(c)))
    }

    #[inline(always)]
    fn widen(self, values: &[f32]) -> f64x4 {
        cast(self.avx._mm256_cvtps_pd(cast(of::<4, _>(values))))
    }

    #[inline(always)]
    fn widen_halves(self, bits: &[u16]) -> f32x8 {
        // SAFETY: a value of this type proves that the processor has F16C.
        cast(unsafe { _mm256_cvtph_ps(cast(of::<8, _>(bits))) })
    }

    #[inline(always)]
    fn multiply_add_bytes(self, bytes: &[i8], factors: &[i16], sums: i32x8) -> i32x8 {
        let bytes = self.avx2._mm256_cvtepi8_epi16(cast(of::<16, _>(bytes)));
        let products = self.avx2._mm256_madd_epi16(bytes, cast(of::<16, _>(factors)));
        cast(self.avx2._mm256_add_epi32(cast(sums), products))
    }
}

impl Machine for Avx512 {
    type Simd = Avx512;

    #[inline(always)]
    fn simd(self) -> Avx512 {
        self
    }

    #[inline(always)]
    fn multiply_add(self, a: f32x16, b: f32x16, c: f32x16) -> f32x16 {
        cast(self.avx512f._mm512_fmadd_ps(cast(a), cast(b), cast(c)))
    }

    #[inline(always)]
    fn multiply_add_f64(self, a: f64x8, b: f64x8, c: f64x8) -> f64x8 {
        cast(self.avx512f._mm512_fmadd_pd(cast(a), cast(b), cast(c)))
    }

    #[inline(always)]
    fn widen(self, values: &[f32]) -> f64x8 {
        cast(self.avx512f._mm512_cvtps_pd(cast(of::<8, _>(values))))
    }

    #[inline(always)]
    fn widen_halves(self, bits: &[u16]) -> f32x16 {
        // SAFETY: a value of this type proves that the processor has AVX-512F, of which the instruction is.
        cast(unsafe { _mm512_cvtph_ps(cast(of::<16, _>(bits))) })
    }

    #[inline(always)]
    fn multiply_add_bytes(self, bytes: &[i8], factors: &[i16], sums: i32x16) -> i32x16 {
        let bytes = self.avx512bw._mm512_cvtepi8_epi16(cast(of::<32, _>(bytes)));
        let products = self.avx512bw._mm512_madd_epi16(bytes, cast(of::<32, _>(factors)));
        cast(self.avx512f._mm512_add_epi32(cast(sums), products))
    }
}

/// The values of a slice that has `N`, as the trait's contract says.
#[inline(always)]
fn of<const N: usize, T: Copy>(values: &[T]) -> [T; N] {
    match <[T; N]>::try_from(values) {
        Ok(values) => values,
        Err(_) => wrong_length(),
    }
}

#[cold]
#[inline(never)]
fn wrong_length() -> ! {
    unreachable!("a kernel hands over whole vectors")
}
