//! Directions as halves and bytes: half and a quarter of the memory, and of the time that reading them takes.

use super::machine::{Machine, Operation, dispatch};
use half::f16;
use pulp::Simd;
use pulp::bytemuck::cast_slice;

/// Writes a direction as the bits of halves, and gives the scale that makes its length 1 again.
pub(crate) fn halves_of(direction: &[f32], out: &mut [u16]) -> f32 {
    let mut square = 0.0;
    for (out, &value) in out.iter_mut().zip(direction) {
        let half = f16::from_f32(value);
        square += f64::from(half).powi(2);
        *out = half.to_bits();
    }
    scale(square)
}

/// Writes a direction as bytes, the largest value as 127 or -127, and gives the scale that makes its length 1.
pub(crate) fn bytes_of(direction: &[f32], out: &mut [i8]) -> f32 {
    let largest = direction.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
    let mut square = 0.0;
    for (out, &value) in out.iter_mut().zip(direction) {
        // As a stored template has it: a tie rounds away from zero.
        let byte = (f64::from(value) * 127.0 / f64::from(largest)).round();
        square += byte * byte;
        *out = byte as i8;
    }
    scale(square)
}

fn scale(square: f64) -> f32 {
    match square > 0.0 {
        true => (1.0 / square.sqrt()) as f32,
        false => 0.0,
    }
}

/// Reads rows of halves, each `length` values, as floats times the row's scale.
pub(crate) fn unpack_halves(rows: &[u16], length: usize, scales: &[f32], out: &mut [f32]) {
    dispatch(Halves {
        rows,
        length,
        scales,
        out,
    });
}

/// Reads rows of bytes, as [`unpack_halves`].
pub(crate) fn unpack_bytes(rows: &[i8], length: usize, scales: &[f32], out: &mut [f32]) {
    dispatch(Bytes {
        rows,
        length,
        scales,
        out,
    });
}

struct Halves<'a> {
    rows: &'a [u16],
    length: usize,
    scales: &'a [f32],
    out: &'a mut [f32],
}

impl Operation for Halves<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(self, machine: M) {
        let simd = machine.simd();
        let lanes = M::Simd::F32_LANES;
        let rows = self.rows.chunks_exact(self.length).zip(self.scales);
        for ((row, &scale), out) in rows.zip(self.out.chunks_exact_mut(self.length)) {
            let (mut out, mut row) = (out.chunks_exact_mut(lanes), row.chunks_exact(lanes));
            for (out, values) in (&mut out).zip(&mut row) {
                let values = simd.mul_f32s(machine.widen_halves(values), simd.splat_f32s(scale));
                out.copy_from_slice(cast_slice(std::slice::from_ref(&values)));
            }
            for (out, &bits) in out.into_remainder().iter_mut().zip(row.remainder()) {
                *out = f16::from_bits(bits).to_f32_const() * scale;
            }
        }
    }
}

struct Bytes<'a> {
    rows: &'a [i8],
    length: usize,
    scales: &'a [f32],
    out: &'a mut [f32],
}

impl Operation for Bytes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(self, _: M) {
        let rows = self.rows.chunks_exact(self.length).zip(self.scales);
        for ((row, &scale), out) in rows.zip(self.out.chunks_exact_mut(self.length)) {
            for (out, &byte) in out.iter_mut().zip(row) {
                *out = f32::from(byte) * scale;
            }
        }
    }
}
