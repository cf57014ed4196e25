//! Two embeddings, in f64.

use crate::machine::{Machine, Operation, dispatch};
use pulp::Simd;

/// The sums of products of two vectors of equal length, in f64 arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Products {
    pub(crate) ab: f64,
    pub(crate) aa: f64,
    pub(crate) bb: f64,
}

/// The sums of products of two vectors; of the longer one's end nothing.
#[inline]
pub(crate) fn products(a: &[f32], b: &[f32]) -> Products {
    dispatch(Pair { a, b })
}

/// The sum of the squares, in f64 arithmetic.
#[inline]
pub(crate) fn square(a: &[f32]) -> f64 {
    dispatch(Square { a })
}

/// The sum of the products, in f64 arithmetic.
#[inline]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f64 {
    dispatch(Dot { a, b })
}

/// As many sums as it takes for an addition to be done when its sum is needed next.
const SUMS: usize = 4;

#[derive(Clone)]
struct Dot<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl Operation for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(self, machine: M) -> f64 {
        let simd = machine.simd();
        let lanes = M::Simd::F64_LANES;
        let mut sums = [simd.splat_f64s(0.0); SUMS];
        let (a, b) = (self.a.chunks_exact(SUMS * lanes), self.b.chunks_exact(SUMS * lanes));
        let (a_end, b_end) = (a.remainder(), b.remainder());
        for (a, b) in a.zip(b) {
            for (sum, (a, b)) in sums.iter_mut().zip(a.chunks_exact(lanes).zip(b.chunks_exact(lanes))) {
                *sum = machine.multiply_add_f64(machine.widen(a), machine.widen(b), *sum);
            }
        }
        total(simd, sums) + end(a_end, b_end)
    }
}

#[derive(Clone)]
struct Square<'a> {
    a: &'a [f32],
}

impl Operation for Square<'_> {
    type Output = f64;

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(self, machine: M) -> f64 {
        let simd = machine.simd();
        let lanes = M::Simd::F64_LANES;
        let mut sums = [simd.splat_f64s(0.0); SUMS];
        let a = self.a.chunks_exact(SUMS * lanes);
        let a_end = a.remainder();
        for a in a {
            for (sum, a) in sums.iter_mut().zip(a.chunks_exact(lanes)) {
                let a = machine.widen(a);
                *sum = machine.multiply_add_f64(a, a, *sum);
            }
        }
        total(simd, sums) + end(a_end, a_end)
    }
}

#[derive(Clone)]
struct Pair<'a> {
    a: &'a [f32],
    b: &'a [f32],
}

impl Operation for Pair<'_> {
    type Output = Products;

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(self, machine: M) -> Products {
        let simd = machine.simd();
        let lanes = M::Simd::F64_LANES;
        let zeros = [simd.splat_f64s(0.0); SUMS];
        let (mut ab, mut aa, mut bb) = (zeros, zeros, zeros);
        let (a, b) = (self.a.chunks_exact(SUMS * lanes), self.b.chunks_exact(SUMS * lanes));
        let (a_end, b_end) = (a.remainder(), b.remainder());
        for (a, b) in a.zip(b) {
            for (at, (a, b)) in a.chunks_exact(lanes).zip(b.chunks_exact(lanes)).enumerate() {
                let (a, b) = (machine.widen(a), machine.widen(b));
                ab[at] = machine.multiply_add_f64(a, b, ab[at]);
                aa[at] = machine.multiply_add_f64(a, a, aa[at]);
                bb[at] = machine.multiply_add_f64(b, b, bb[at]);
            }
        }
        Products {
            ab: total(simd, ab) + end(a_end, b_end),
            aa: total(simd, aa) + end(a_end, a_end),
            bb: total(simd, bb) + end(b_end, b_end),
        }
    }
}

#[inline(always)]
fn total<S: Simd>(simd: S, [a, b, c, d]: [S::f64s; SUMS]) -> f64 {
    simd.reduce_sum_f64s(simd.add_f64s(simd.add_f64s(a, b), simd.add_f64s(c, d)))
}

#[inline(always)]
fn end(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::on_each;

    #[test]
    fn every_machine_multiplies_as_f64_arithmetic_does() {
        let mut random = fastrand::Rng::with_seed(1);
        for length in (0..70).chain([127, 128, 512, 513, 16_384]) {
            let mut some = || -> Vec<f32> { (0..length).map(|_| random.f32() * 20.0 - 10.0).collect() };
            let (a, b) = (some(), some());
            let (a, b) = (&a[..], &b[..]);
            let exact = |a: &[f32], b: &[f32]| end(a, b);
            let near = |ours: f64, exact: f64| (ours - exact).abs() <= 1e-12 * (1.0 + length as f64 * 100.0);
            for (machine, ours) in on_each(&Dot { a, b }) {
                assert!(near(ours, exact(a, b)), "{machine}, {length}: {ours}");
            }
            for (machine, ours) in on_each(&Square { a }) {
                assert!(near(ours, exact(a, a)), "{machine}, {length}: {ours}");
            }
            for (machine, ours) in on_each(&Pair { a, b }) {
                let all = [(ours.ab, exact(a, b)), (ours.aa, exact(a, a)), (ours.bb, exact(b, b))];
                assert!(
                    all.iter().all(|&(ours, exact)| near(ours, exact)),
                    "{machine}, {length}: {ours:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_finite_shows() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in [0, 15, 16, 30] {
                let mut a = [1.0f32; 31];
                a[at] = bad;
                assert!(on_each(&Square { a: &a }).iter().all(|(_, square)| !square.is_finite()));
            }
        }
    }
}
