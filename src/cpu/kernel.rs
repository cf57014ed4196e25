//! The innermost loop of every convolution and dense layer: rows of inputs times a panel of packed weights.
//!
//! Code between vector instructions is plain loops: a closure is a function of its own, without the wider instructions, and
//! where the compiler doesn't inline it, it costs ten times the work.

use super::Lane;
use crate::machine::{F32s, Machine};
use pulp::Simd;

/// A lane's values as `V` vectors.
#[inline(always)]
pub(crate) fn load<M: Machine, const V: usize>(machine: M, lane: &Lane) -> [F32s<M>; V] {
    let simd = machine.simd();
    let (vectors, _) = M::Simd::as_simd_f32s(&lane.0);
    let mut values = [simd.splat_f32s(0.0); V];
    for at in 0..V {
        values[at] = vectors[at];
    }
    values
}

/// `V` vectors as a lane's values.
#[inline(always)]
pub(crate) fn store<M: Machine, const V: usize>(lane: &mut Lane, values: [F32s<M>; V]) {
    let (vectors, _) = M::Simd::as_mut_simd_f32s(&mut lane.0);
    for at in 0..V {
        vectors[at] = values[at];
    }
}

/// Adds to `sums[row]` the products of `INPUTS` numbers of each row with their weights: those of input k for the panel's
/// outputs are `weights[k]`.
#[inline(always)]
pub(crate) fn accumulate<M: Machine, const ROWS: usize, const V: usize, const INPUTS: usize>(
    machine: M,
    sums: &mut [[F32s<M>; V]; ROWS],
    rows: [&[f32; INPUTS]; ROWS],
    weights: &[Lane; INPUTS],
) {
    let simd = machine.simd();
    for k in 0..INPUTS {
        let weights = load::<M, V>(machine, &weights[k]);
        for row in 0..ROWS {
            let input = simd.splat_f32s(rows[row][k]);
            for v in 0..V {
                sums[row][v] = machine.multiply_add(input, weights[v], sums[row][v]);
            }
        }
    }
}

/// Most rows whose sums fit the machine's registers beside a lane of weights and an input: `FIT` rows of two vectors do, and
/// with more than 12 there is nothing to be gained.
pub(crate) const fn most_rows<const V: usize, const FIT: usize>() -> usize {
    let rows = 2 * FIT / V;
    match rows {
        0 => 1,
        1..=12 => rows,
        _ => 12,
    }
}

/// How `count` rows are cut into blocks of at most `most`: as even as possible, so that no block is too small to keep
/// the multipliers busy.
pub(crate) fn blocks(count: usize, most: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let parts = count.div_ceil(most).max(1);
    (0..parts).map(move |part| part * count / parts..(part + 1) * count / parts)
}

/// Runs `$body` with the constant `$rows` set to `$count`, 1..=12.
macro_rules! with_rows {
    ($count:expr, $rows:ident => $body:expr) => {
        match $count {
            1 => {
                const $rows: usize = 1;
                $body
            }
            2 => {
                const $rows: usize = 2;
                $body
            }
            3 => {
                const $rows: usize = 3;
                $body
            }
            4 => {
                const $rows: usize = 4;
                $body
            }
            5 => {
                const $rows: usize = 5;
                $body
            }
            6 => {
                const $rows: usize = 6;
                $body
            }
            7 => {
                const $rows: usize = 7;
                $body
            }
            8 => {
                const $rows: usize = 8;
                $body
            }
            9 => {
                const $rows: usize = 9;
                $body
            }
            10 => {
                const $rows: usize = 10;
                $body
            }
            11 => {
                const $rows: usize = 11;
                $body
            }
            _ => {
                const $rows: usize = 12;
                $body
            }
        }
    };
}
pub(crate) use with_rows;

/// Implements [`crate::machine::Operation`] by calling `on::<M, V, FIT>(machine)`, `V` being the vectors of a lane.
macro_rules! on_machine {
    ($type:ident) => {
        impl crate::machine::Operation for $type<'_> {
            type Output = ();

            #[inline(always)]
            fn run<M: crate::machine::Machine, const FIT: usize>(self, machine: M) {
                match <M::Simd as pulp::Simd>::F32_LANES {
                    4 => self.on::<M, 4, FIT>(machine),
                    8 => self.on::<M, 2, FIT>(machine),
                    16 => self.on::<M, 1, FIT>(machine),
                    lanes => unreachable!("no machine has vectors of {lanes} floats"),
                }
            }
        }
    };
}
pub(crate) use on_machine;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_all_rows_evenly() {
        for count in 1..200 {
            for most in [6, 12] {
                let blocks: Vec<_> = blocks(count, most).collect();
                assert_eq!(blocks[0].start, 0);
                assert_eq!(blocks.last().unwrap().end, count);
                assert!(blocks.windows(2).all(|pair| pair[0].end == pair[1].start));
                let (least, greatest) = (
                    blocks.iter().map(|b| b.len()).min().unwrap(),
                    blocks.iter().map(|b| b.len()).max().unwrap(),
                );
                assert!(greatest <= most && greatest - least <= 1 && least >= 1);
            }
        }
    }
}
