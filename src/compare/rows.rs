//! One probe against many rows: as fast as memory gives them.

use crate::machine::{Machine, Operation, dispatch, load};
use crate::wiped::Wiped;
use pulp::Simd;
use pulp::bytemuck::cast_slice;

/// Rows of equal length, one behind the other, in one of the precisions.
#[derive(Clone, Copy)]
pub(crate) enum Rows<'a> {
    F32(&'a [f32]),
    /// Bits of IEEE binary16.
    F16(&'a [u16]),
    I8(&'a [i8]),
}

/// A probe as rows of one precision need it.
#[derive(Clone)]
pub(crate) enum Probe {
    Floats(Wiped<f32>),
    /// In steps of `scale`: finer than rows of bytes by 2^8, so that its rounding doesn't count beside theirs.
    Steps {
        values: Wiped<i16>,
        scale: f32,
    },
}

impl Probe {
    /// A direction for rows of floats or halves.
    pub(crate) fn floats(direction: &[f32]) -> Probe {
        Probe::Floats(direction.to_vec().into())
    }

    /// A direction for rows of bytes.
    pub(crate) fn steps(direction: &[f32]) -> Probe {
        let largest = direction.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
        let scale = f64::from(largest) / f64::from(i16::MAX);
        let step = |&v: &f32| match largest {
            0.0 => 0,
            _ => (f64::from(v) / scale).round() as i16,
        };
        Probe::Steps {
            values: direction.iter().map(step).collect::<Vec<_>>().into(),
            scale: scale as f32,
        }
    }
}

/// Gives `take` the sum of products of each row with the probe, in the order of the rows. Rows of bytes and halves are
/// taken as the numbers they are: their scale is the caller's business. `length` (> 0) are the values of a row and the probe.
pub(crate) fn each_product(rows: Rows, length: usize, probe: &Probe, take: impl FnMut(usize, f32)) {
    match (rows, probe) {
        (Rows::F32(rows), Probe::Floats(probe)) => dispatch(Floats {
            rows,
            length,
            probe,
            take,
        }),
        (Rows::F16(rows), Probe::Floats(probe)) => dispatch(Halves {
            rows,
            length,
            probe,
            take,
        }),
        (Rows::I8(rows), Probe::Steps { values, scale }) => dispatch(Bytes {
            rows,
            length,
            probe: values,
            scale: *scale,
            take,
        }),
        (Rows::I8(_), Probe::Floats(_)) | (Rows::F32(_) | Rows::F16(_), Probe::Steps { .. }) => {
            unreachable!("the probe was made for rows of this precision")
        }
    }
}

/// As many sums as it takes for an addition to be done when its sum is needed next.
const SUMS: usize = 4;

#[derive(Clone)]
struct Floats<'a, F> {
    rows: &'a [f32],
    length: usize,
    probe: &'a [f32],
    take: F,
}

impl<F: FnMut(usize, f32)> Operation for Floats<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(mut self, machine: M) {
        let simd = machine.simd();
        let lanes = M::Simd::F32_LANES;
        for (index, row) in self.rows.chunks_exact(self.length).enumerate() {
            let mut sums = [simd.splat_f32s(0.0); SUMS];
            let (a, b) = (row.chunks_exact(SUMS * lanes), self.probe.chunks_exact(SUMS * lanes));
            let (a_end, b_end) = (a.remainder(), b.remainder());
            for (a, b) in a.zip(b) {
                for (sum, (a, b)) in sums.iter_mut().zip(a.chunks_exact(lanes).zip(b.chunks_exact(lanes))) {
                    *sum = machine.multiply_add(load::<M::Simd>(a), load::<M::Simd>(b), *sum);
                }
            }
            let end: f32 = a_end.iter().zip(b_end).map(|(a, b)| a * b).sum();
            (self.take)(index, total(simd, sums) + end);
        }
    }
}

#[derive(Clone)]
struct Halves<'a, F> {
    rows: &'a [u16],
    length: usize,
    probe: &'a [f32],
    take: F,
}

impl<F: FnMut(usize, f32)> Operation for Halves<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(mut self, machine: M) {
        let simd = machine.simd();
        let lanes = M::Simd::F32_LANES;
        for (index, row) in self.rows.chunks_exact(self.length).enumerate() {
            let mut sums = [simd.splat_f32s(0.0); SUMS];
            let (a, b) = (row.chunks_exact(SUMS * lanes), self.probe.chunks_exact(SUMS * lanes));
            let (a_end, b_end) = (a.remainder(), b.remainder());
            for (a, b) in a.zip(b) {
                for (sum, (a, b)) in sums.iter_mut().zip(a.chunks_exact(lanes).zip(b.chunks_exact(lanes))) {
                    *sum = machine.multiply_add(machine.widen_halves(a), load::<M::Simd>(b), *sum);
                }
            }
            let half = |&bits: &u16| half::f16::from_bits(bits).to_f32_const();
            let end: f32 = a_end.iter().zip(b_end).map(|(a, b)| half(a) * b).sum();
            (self.take)(index, total(simd, sums) + end);
        }
    }
}

#[inline(always)]
fn total<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; SUMS]) -> f32 {
    simd.reduce_sum_f32s(simd.add_f32s(simd.add_f32s(a, b), simd.add_f32s(c, d)))
}

#[derive(Clone)]
struct Bytes<'a, F> {
    rows: &'a [i8],
    length: usize,
    probe: &'a [i16],
    scale: f32,
    take: F,
}

/// The products of so many values add up in an i32 at most: 512 * 127 * 32,767 < 2^31.
const RUN: usize = 512;

impl<F: FnMut(usize, f32)> Operation for Bytes<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(mut self, machine: M) {
        let simd = machine.simd();
        let lanes = 2 * M::Simd::F32_LANES;
        for (index, row) in self.rows.chunks_exact(self.length).enumerate() {
            let mut sum = 0.0;
            for (a, b) in row.chunks(RUN).zip(self.probe.chunks(RUN)) {
                let mut sums = [simd.splat_i32s(0); 2];
                let (a, b) = (a.chunks_exact(2 * lanes), b.chunks_exact(2 * lanes));
                let (a_end, b_end) = (a.remainder(), b.remainder());
                for (a, b) in a.zip(b) {
                    for (sum, (a, b)) in sums.iter_mut().zip(a.chunks_exact(lanes).zip(b.chunks_exact(lanes))) {
                        *sum = machine.multiply_add_bytes(a, b, *sum);
                    }
                }
                let end: i32 = a_end
                    .iter()
                    .zip(b_end)
                    .map(|(&a, &b)| i32::from(a) * i32::from(b))
                    .sum();
                sum += (add_up::<M::Simd>(simd.add_i32s(sums[0], sums[1])) + end) as f32;
            }
            (self.take)(index, sum * self.scale);
        }
    }
}

/// The sum of the lanes, which an i32 can hold.
#[inline(always)]
fn add_up<S: Simd>(sums: S::i32s) -> i32 {
    let lanes: &[i32] = cast_slice(std::slice::from_ref(&sums));
    lanes.iter().fold(0, |sum, &lane| sum.wrapping_add(lane))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::on_each;
    use half::f16;

    /// The products of all rows, in order.
    #[derive(Clone)]
    struct All<'a> {
        rows: Rows<'a>,
        length: usize,
        probe: &'a Probe,
    }

    impl Operation for All<'_> {
        type Output = Vec<f32>;

        #[inline(always)]
        fn run<M: Machine, const ROWS: usize>(self, machine: M) -> Vec<f32> {
            let mut products = Vec::new();
            let take = |row: usize, product: f32| {
                assert_eq!(row, products.len());
                products.push(product);
            };
            let length = self.length;
            match (self.rows, self.probe) {
                (Rows::F32(rows), Probe::Floats(probe)) => Floats {
                    rows,
                    length,
                    probe,
                    take,
                }
                .run::<M, ROWS>(machine),
                (Rows::F16(rows), Probe::Floats(probe)) => Halves {
                    rows,
                    length,
                    probe,
                    take,
                }
                .run::<M, ROWS>(machine),
                (Rows::I8(rows), Probe::Steps { values, scale }) => Bytes {
                    rows,
                    length,
                    probe: values,
                    scale: *scale,
                    take,
                }
                .run::<M, ROWS>(machine),
                _ => unreachable!(),
            }
            products
        }
    }

    /// Checks every machine and the dispatched function against f64 arithmetic on the same rows.
    fn check(rows: Rows, length: usize, probe: &Probe, exact: &[f64], tolerance: f64) {
        let mut dispatched = Vec::new();
        each_product(rows, length, probe, |_, product| dispatched.push(product));
        let mut all = on_each(&All { rows, length, probe });
        all.push(("the chosen one", dispatched));
        for (machine, ours) in all {
            assert_eq!(ours.len(), exact.len(), "{machine}");
            for (ours, exact) in ours.iter().zip(exact) {
                assert!(
                    (f64::from(*ours) - exact).abs() <= tolerance,
                    "{machine}, {length}: {ours}, {exact}"
                );
            }
        }
    }

    #[test]
    fn every_machine_multiplies_rows_of_every_precision() {
        let mut random = fastrand::Rng::with_seed(2);
        for length in (1..70).chain([127, 128, 512, 1_000, 2_111]) {
            let probe: Vec<f32> = (0..length).map(|_| random.f32() - 0.5).collect();
            let rows: Vec<f32> = (0..5 * length).map(|_| random.f32() - 0.5).collect();
            let exact = |rows: &[f64]| -> Vec<f64> {
                let product = |row: &[f64]| row.iter().zip(&probe).map(|(&a, &b)| a * f64::from(b)).sum();
                rows.chunks(length).map(product).collect()
            };
            let tolerance = 1e-7 * length as f64;

            let wide: Vec<f64> = rows.iter().map(|&v| v.into()).collect();
            check(
                Rows::F32(&rows),
                length,
                &Probe::floats(&probe),
                &exact(&wide),
                tolerance,
            );

            let halves: Vec<f16> = rows.iter().map(|&v| f16::from_f32(v)).collect();
            let wide: Vec<f64> = halves.iter().map(|&v| v.into()).collect();
            let bits: Vec<u16> = halves.iter().map(|v| v.to_bits()).collect();
            check(
                Rows::F16(&bits),
                length,
                &Probe::floats(&probe),
                &exact(&wide),
                tolerance,
            );

            let bytes: Vec<i8> = rows.iter().map(|&v| (v * 254.0) as i8).collect();
            let wide: Vec<f64> = bytes.iter().map(|&v| v.into()).collect();
            // A probe's step is at most 0.5 / 32,767, its rounding half of that, times 127 for each value at most.
            let steps = length as f64 * 127.0 * 0.25 / 32_767.0;
            check(Rows::I8(&bytes), length, &Probe::steps(&probe), &exact(&wide), steps);
        }
    }

    #[test]
    fn every_half_is_read_as_what_it_is() {
        let bits: Vec<u16> = (0..=u16::MAX)
            .filter(|&bits| f16::from_bits(bits).is_finite())
            .collect();
        // Rows of as many values as the widest vector sums have, each with one that isn't 0.
        let rows: Vec<u16> = bits
            .iter()
            .enumerate()
            .flat_map(|(at, &bits)| (0..64).map(move |place| if place == at % 64 { bits } else { 0 }))
            .collect();
        let exact: Vec<f64> = bits.iter().map(|&bits| f16::from_bits(bits).into()).collect();
        check(Rows::F16(&rows), 64, &Probe::floats(&[1.0; 64]), &exact, 0.0);
    }

    #[test]
    fn the_greatest_bytes_do_not_overflow() {
        let length = 16_384;
        for (byte, sign) in [(127, 1.0), (-127, -1.0)] {
            let rows = vec![byte; length];
            let exact = sign * length as f64 * 127.0 * 0.25;
            let probe = Probe::steps(&vec![0.25; length]);
            check(Rows::I8(&rows), length, &probe, &[exact], exact.abs() * 1e-6);
        }
    }

    #[test]
    fn a_probe_of_zeros_gives_zeros() {
        let rows = [5i8; 128];
        check(Rows::I8(&rows), 64, &Probe::steps(&[0.0; 64]), &[0.0, 0.0], 0.0);
    }
}
