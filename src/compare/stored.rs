//! Directions as halves and bytes: half and a quarter of the memory, and of the time that reading them takes.

use crate::machine::{Machine, Operation, dispatch};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::on_each;

    #[derive(Clone)]
    struct Read<'a> {
        halves: &'a [u16],
        bytes: &'a [i8],
        length: usize,
        scales: &'a [f32],
    }

    impl Operation for Read<'_> {
        type Output = (Vec<f32>, Vec<f32>);

        #[inline(always)]
        fn run<M: Machine, const ROWS: usize>(self, machine: M) -> Self::Output {
            let (length, scales) = (self.length, self.scales);
            let (mut halves, mut bytes) = (vec![0.0; self.halves.len()], vec![0.0; self.bytes.len()]);
            Halves {
                rows: self.halves,
                length,
                scales,
                out: &mut halves,
            }
            .run::<M, ROWS>(machine);
            Bytes {
                rows: self.bytes,
                length,
                scales,
                out: &mut bytes,
            }
            .run::<M, ROWS>(machine);
            (halves, bytes)
        }
    }

    #[test]
    fn every_machine_reads_what_is_stored() {
        let mut random = fastrand::Rng::with_seed(5);
        for length in [1, 2, 7, 31, 64, 129] {
            let scales = [0.5f32, 1.25, 3.0];
            let halves: Vec<f16> = (0..3 * length).map(|_| f16::from_f32(random.f32() - 0.5)).collect();
            let bits: Vec<u16> = halves.iter().map(|half| half.to_bits()).collect();
            let bytes: Vec<i8> = (0..3 * length).map(|_| random.i8(-127..=127)).collect();
            let of = |values: Vec<f32>| -> Vec<f32> {
                let rows = values.chunks(length).zip(scales);
                rows.flat_map(|(row, scale)| row.iter().map(move |v| v * scale))
                    .collect()
            };
            let exact = (
                of(halves.iter().map(|&half| half.into()).collect()),
                of(bytes.iter().map(|&byte| byte.into()).collect()),
            );
            let read = Read {
                halves: &bits,
                bytes: &bytes,
                length,
                scales: &scales,
            };
            for (machine, ours) in on_each(&read) {
                assert_eq!(ours, exact, "{machine}");
            }
        }
    }
}
