//! Many probes against many rows: a matrix product in tiles that a processor's registers hold.
//!
//! The probes are packed into panels: as many as two vectors have lanes, value by value. A tile is some rows times one
//! panel: for each value of the rows, the panel's two vectors are multiplied by it and added to the tile's sums. Nothing
//! of the rows is packed. Each sum is made in the order of the values, wherever in a tile it is: it's the same for any
//! number of threads, rows and probes.

use super::aligned::Aligned;
use crate::machine::{Machine, Operation, dispatch, load};
use pulp::Simd;
use pulp::bytemuck::cast_slice;

/// Probes, packed for the machine that this is.
pub(crate) struct Panels {
    /// Panel after panel of `length * width` values.
    values: Aligned<f32>,
    /// Probes of a panel.
    width: usize,
    /// Values of a probe.
    length: usize,
    /// Probes; the last panel is filled up with zeros.
    count: usize,
}

/// So many bytes of panels are met by all rows of a run before the next: they stay in a core's second cache.
const PANELS_AT_ONCE: usize = 512 << 10;

/// So many rows are met by those panels before the next.
const ROWS_AT_ONCE: usize = 384;

/// Where the products of a tile go.
pub(crate) trait Sink {
    /// Takes the products of the rows from `row` on with the probes from `probe` on. A tile at an end has fewer rows
    /// than `ROWS` or fewer probes than two vectors have lanes: `rows` and `probes` say how many count.
    ///
    /// Must be `#[inline(always)]`.
    fn take<M: Machine, const ROWS: usize>(
        &mut self,
        machine: M,
        place: Place,
        products: &[[<M::Simd as Simd>::f32s; 2]; ROWS],
    );
}

/// Which rows and probes a tile is of.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// The first row, counted from the first of the product.
    pub(crate) row: usize,
    /// Rows that count.
    pub(crate) rows: usize,
    /// The first probe.
    pub(crate) probe: usize,
    /// Probes that count.
    pub(crate) probes: usize,
}

impl Panels {
    /// Packs probes of `length` (> 0) values, one behind the other.
    pub(crate) fn pack(probes: &[f32], length: usize) -> Panels {
        dispatch(Pack { probes, length })
    }

    /// How many probes there is room for: those of whole panels.
    pub(crate) fn places(&self) -> usize {
        self.count.next_multiple_of(self.width)
    }

    /// Multiplies all rows (of as many values as a probe, one behind the other) with all probes.
    pub(crate) fn multiply(&self, rows: &[f32], sink: &mut impl Sink) {
        dispatch(Product {
            panels: self,
            rows,
            sink,
        });
    }
}

#[derive(Clone)]
struct Pack<'a> {
    probes: &'a [f32],
    length: usize,
}

impl Operation for Pack<'_> {
    type Output = Panels;

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(self, _: M) -> Panels {
        let width = 2 * M::Simd::F32_LANES;
        let length = self.length;
        let count = self.probes.len() / length;
        let size = length * width;
        let mut values = Aligned::zeros(count.div_ceil(width) * size);
        let panels = values.as_mut_slice().chunks_exact_mut(size);
        for (panel, probes) in panels.zip(self.probes.chunks(width * length)) {
            for (lane, probe) in probes.chunks_exact(length).enumerate() {
                for (place, &value) in panel[lane..].iter_mut().step_by(width).zip(probe) {
                    *place = value;
                }
            }
        }
        Panels {
            values,
            width,
            length,
            count,
        }
    }
}

struct Product<'a, S> {
    panels: &'a Panels,
    rows: &'a [f32],
    sink: &'a mut S,
}

impl<S: Sink> Operation for Product<'_, S> {
    type Output = ();

    #[inline(always)]
    fn run<M: Machine, const ROWS: usize>(self, machine: M) {
        let Panels {
            ref values,
            width,
            length,
            count,
        } = *self.panels;
        assert_eq!(width, 2 * M::Simd::F32_LANES, "packed for another machine");
        let size = length * width;
        let panels = &values.as_slice()[..count.div_ceil(width) * size];
        let at_once = (PANELS_AT_ONCE / (size * size_of::<f32>())).max(1);
        for (run, rows) in self.rows.chunks(ROWS_AT_ONCE * length).enumerate() {
            for (block, panels) in panels.chunks(at_once * size).enumerate() {
                for (group, rows) in rows.chunks(ROWS * length).enumerate() {
                    let present = rows.len() / length;
                    // Rows that are missing at the end are the last one again, and don't count.
                    let row = |at: usize| &rows[at.min(present - 1) * length..][..length];
                    let rows: [&[f32]; ROWS] = std::array::from_fn(row);
                    for (panel, values) in panels.chunks_exact(size).enumerate() {
                        let products = tile(machine, rows, values);
                        let probe = (block * at_once + panel) * width;
                        let place = Place {
                            row: run * ROWS_AT_ONCE + group * ROWS,
                            rows: present,
                            probe,
                            probes: (count - probe).min(width),
                        };
                        self.sink.take(machine, place, &products);
                    }
                }
            }
        }
    }
}

/// The products of rows with a panel.
#[inline(always)]
fn tile<M: Machine, const ROWS: usize>(
    machine: M,
    rows: [&[f32]; ROWS],
    panel: &[f32],
) -> [[<M::Simd as Simd>::f32s; 2]; ROWS] {
    let simd = machine.simd();
    let lanes = M::Simd::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
    let length = panel.len() / (2 * lanes);
    // Of one known length, so that no index is checked in the loop.
    let rows = rows.map(|row| &row[..length]);
    for (at, pair) in panel.chunks_exact(2 * lanes).enumerate() {
        let (first, second) = pair.split_at(lanes);
        let (first, second) = (load::<M::Simd>(first), load::<M::Simd>(second));
        for (sums, row) in sums.iter_mut().zip(rows) {
            let value = simd.splat_f32s(row[at]);
            sums[0] = machine.multiply_add(first, value, sums[0]);
            sums[1] = machine.multiply_add(second, value, sums[1]);
        }
    }
    sums
}

/// Keeps the products as they are: row by row, `stride` apart, a value for each probe.
pub(crate) struct Products<'a> {
    pub(crate) out: &'a mut [f32],
    pub(crate) stride: usize,
}

impl Sink for Products<'_> {
    #[inline(always)]
    fn take<M: Machine, const ROWS: usize>(
        &mut self,
        _: M,
        place: Place,
        products: &[[<M::Simd as Simd>::f32s; 2]; ROWS],
    ) {
        for (at, products) in products.iter().take(place.rows).enumerate() {
            let products: &[f32] = cast_slice(products);
            let start = (place.row + at) * self.stride + place.probe;
            self.out[start..][..place.probes].copy_from_slice(&products[..place.probes]);
        }
    }
}

/// Turns products into quality-aware scores and keeps them: for each probe a slice with a score for each row.
pub(crate) struct Scores<'a, 'b> {
    pub(crate) out: &'a mut [&'b mut [f32]],
    pub(crate) fused: Fused<'a>,
}

/// What turns products into scores, in the same pass.
#[derive(Clone, Copy)]
pub(crate) struct Fused<'a> {
    pub(crate) alpha: f32,
    pub(crate) beta: f32,
    /// Quality of each probe, and anything up to [`Panels::places`].
    pub(crate) probes: &'a [f32],
    /// Quality of each row.
    pub(crate) rows: &'a [f32],
}

impl Fused<'_> {
    /// The scores of a tile.
    #[inline(always)]
    pub(crate) fn score<M: Machine, const ROWS: usize>(
        &self,
        machine: M,
        place: Place,
        products: &[[<M::Simd as Simd>::f32s; 2]; ROWS],
    ) -> [[<M::Simd as Simd>::f32s; 2]; ROWS] {
        let simd = machine.simd();
        let lanes = M::Simd::F32_LANES;
        let (alpha, beta) = (simd.splat_f32s(-self.alpha), simd.splat_f32s(self.beta));
        let zero = simd.splat_f32s(0.0);
        let probes = &self.probes[place.probe..][..2 * lanes];
        let probes = [load::<M::Simd>(&probes[..lanes]), load::<M::Simd>(&probes[lanes..])];
        let mut scores = *products;
        for (at, scores) in scores.iter_mut().take(place.rows).enumerate() {
            let row = simd.splat_f32s(self.rows[place.row + at]);
            for (score, probes) in scores.iter_mut().zip(probes) {
                let weight = simd.min_f32s(machine.multiply_add(beta, *score, alpha), zero);
                *score = machine.multiply_add(weight, simd.min_f32s(row, probes), *score);
            }
        }
        scores
    }
}

impl Sink for Scores<'_, '_> {
    #[inline(always)]
    fn take<M: Machine, const ROWS: usize>(
        &mut self,
        machine: M,
        place: Place,
        products: &[[<M::Simd as Simd>::f32s; 2]; ROWS],
    ) {
        let scores = self.fused.score(machine, place, products);
        for (probe, out) in self.out[place.probe..].iter_mut().take(place.probes).enumerate() {
            for (out, scores) in out[place.row..][..place.rows].iter_mut().zip(&scores) {
                let scores: &[f32] = cast_slice(scores);
                *out = scores[probe];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::on_each;

    /// The products, and the scores, of probes with rows: row by row, and probe by probe.
    #[derive(Clone)]
    struct Both<'a> {
        probes: &'a [f32],
        rows: &'a [f32],
        length: usize,
        probe_qualities: &'a [f32],
        row_qualities: &'a [f32],
    }

    const ALPHA: f32 = 0.07;
    const BETA: f32 = 0.12;

    impl Operation for Both<'_> {
        type Output = (Vec<f32>, Vec<f32>);

        #[inline(always)]
        fn run<M: Machine, const ROWS: usize>(self, machine: M) -> Self::Output {
            let (n, m) = (self.row_qualities.len(), self.probe_qualities.len());
            let panels = &Pack {
                probes: self.probes,
                length: self.length,
            }
            .run::<M, ROWS>(machine);
            let (mut products, mut scores) = (vec![f32::NAN; n * m], vec![f32::NAN; n * m]);
            let mut sink = Products {
                out: &mut products,
                stride: m,
            };
            Product {
                panels,
                rows: self.rows,
                sink: &mut sink,
            }
            .run::<M, ROWS>(machine);
            let mut qualities = self.probe_qualities.to_vec();
            qualities.resize(panels.places(), 0.0);
            let fused = Fused {
                alpha: ALPHA,
                beta: BETA,
                probes: &qualities,
                rows: self.row_qualities,
            };
            let mut out: Vec<&mut [f32]> = scores.chunks_mut(n).collect();
            let mut sink = Scores { out: &mut out, fused };
            Product {
                panels,
                rows: self.rows,
                sink: &mut sink,
            }
            .run::<M, ROWS>(machine);
            (products, scores)
        }
    }

    #[test]
    fn every_machine_multiplies_and_scores_as_f64_arithmetic_does() {
        let mut random = fastrand::Rng::with_seed(3);
        // Ends of tiles, of panels, of runs of rows and of blocks of panels.
        let shapes = [
            (1, 1, 1),
            (2, 3, 5),
            (13, 16, 7),
            (12, 17, 33),
            (50, 40, 128),
            (1, 100, 512),
            (400, 5, 64),
        ];
        let many = [(390, 600, 512), (7, 70, 4_000)];
        for (n, m, length) in shapes.into_iter().chain(many) {
            let mut some = |count: usize, low: f32| -> Vec<f32> { (0..count).map(|_| random.f32() - low).collect() };
            let (rows, probes) = (some(n * length, 0.5), some(m * length, 0.5));
            let (row_qualities, probe_qualities) = (some(n, 0.0), some(m, 0.0));
            let all = on_each(&Both {
                probes: &probes,
                rows: &rows,
                length,
                probe_qualities: &probe_qualities,
                row_qualities: &row_qualities,
            });
            for (machine, (products, scores)) in all {
                for (r, row) in rows.chunks(length).enumerate() {
                    for (p, probe) in probes.chunks(length).enumerate() {
                        let exact: f64 = row.iter().zip(probe).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
                        let weight = (f64::from(BETA) * exact - f64::from(ALPHA)).min(0.0);
                        let score = exact + weight * f64::from(row_qualities[r].min(probe_qualities[p]));
                        let tolerance = 1e-7 * length as f64;
                        let near = |ours: f32, exact: f64| (f64::from(ours) - exact).abs() <= tolerance;
                        let ours = (products[r * m + p], scores[p * n + r]);
                        assert!(
                            near(ours.0, exact) && near(ours.1, score),
                            "{machine}, {n} x {m} x {length}, {r} {p}: {ours:?}, {exact} {score}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_product_is_the_same_in_every_place() {
        let mut random = fastrand::Rng::with_seed(4);
        let length = 130;
        let mut some = |count: usize| -> Vec<f32> { (0..count * length).map(|_| random.f32() - 0.5).collect() };
        let (rows, probes) = (some(41), some(37));
        let of = |rows: &[f32], probes: &[f32]| -> Vec<u32> {
            let panels = Panels::pack(probes, length);
            let stride = probes.len() / length;
            let mut out = vec![0.0; stride * rows.len() / length];
            panels.multiply(rows, &mut Products { out: &mut out, stride });
            out.iter().map(|product| product.to_bits()).collect()
        };
        let all = of(&rows, &probes);
        for (r, row) in rows.chunks(length).enumerate() {
            for (p, probe) in probes.chunks(length).enumerate() {
                assert_eq!(of(row, probe), [all[r * 37 + p]]);
            }
        }
    }
}
