//! 3x3 convolution with stride 1 by Winograd's F(4x4, 3x3) (Lavin and Gray, arXiv 1509.09308): tiles of 6x6 inputs become
//! 36 numbers, which are multiplied with 36 of each kernel and become 4x4 outputs.
//!
//! The points of the interpolation are 0, +-sqrt(1/2), +-sqrt(2) and infinity. With them rounding costs less than twice
//! what it costs in the direct sum; with the usual 0, +-1, +-2 it is four times (measured with normal inputs, 256 channels).

use super::epilogue::{Epilogue, Panel};
use super::kernel::{accumulate, blocks, load, most_rows, on_machine, store, with_rows};
use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};
use crate::graph::folded::place;
use crate::machine::{F32s, Machine, dispatch};
use pulp::Simd;
use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

/// Side of a tile's outputs.
const TILE: usize = 4;
/// Side of a tile's inputs.
const SIDE: usize = 6;
/// Numbers of a tile.
const POINTS: usize = SIDE * SIDE;
/// Most tiles transformed before they are multiplied: their 36 numbers stay in a core's cache.
const TILES_AT_ONCE: usize = 64;

/// The interpolation points: 0, +-A, +-B and infinity. A B = 1 and A^2 + B^2 = 2.5.
const A: f64 = FRAC_1_SQRT_2;
const B: f64 = SQRT_2;

/// A 3x3 convolution, stride 1, zeros padded.
#[derive(Debug)]
pub(crate) struct Winograd {
    /// By panel of outputs, point, input.
    weights: Vec<Lane>,
    panels_in: usize,
    panels_out: usize,
    epilogue: Epilogue,
}

/// Where a tile lies.
#[derive(Clone, Copy)]
struct Tile {
    image: usize,
    /// Its first row and column of outputs.
    y: usize,
    x: usize,
}

impl Winograd {
    /// From weights of outputs x inputs x 3 x 3.
    pub fn new(weight: &[f32], inputs: usize, outputs: usize, epilogue: Epilogue) -> Self {
        let (panels_in, panels_out) = (inputs.div_ceil(LANES), outputs.div_ceil(LANES));
        let depth = panels_in * LANES;
        let mut weights = vec![Lane::ZERO; panels_out * POINTS * depth];
        for (at, kernel) in weight.chunks_exact(9).enumerate() {
            let (output, input) = (at / inputs, at % inputs);
            for (point, value) in transform_kernel(kernel).into_iter().enumerate() {
                let lane = (output / LANES * POINTS + point) * depth + input;
                weights[lane].0[output % LANES] = value;
            }
        }
        Winograd {
            weights,
            panels_in,
            panels_out,
            epilogue,
        }
    }

    /// Convolves; `residual`, of the output's shape, is added.
    pub fn forward(&self, input: &Map, residual: Option<&Map>, scratch: &Scratch, share: Share) -> Map {
        let mut output = Map::taken(scratch, [self.panels_out, input.images, input.height, input.width]);
        let (down, across) = (input.height.div_ceil(TILE), input.width.div_ceil(TILE));
        let tile = |at: usize| Tile {
            image: at / (down * across),
            y: at / across % down * TILE,
            x: at % across * TILE,
        };
        let plane = output.images * output.places();
        for tiles in blocks(input.images * down * across, TILES_AT_ONCE) {
            let tiles: Vec<Tile> = tiles.map(tile).collect();
            let mut points = scratch.take(self.panels_in * POINTS * tiles.len());
            share.parts(&mut points, POINTS * tiles.len(), |panel, points| {
                dispatch(Spread {
                    input,
                    panel,
                    tiles: &tiles,
                    points,
                });
            });
            share.parts(&mut output.data, plane, |panel, output| {
                let mut products = scratch.take(POINTS * tiles.len());
                dispatch(Gather {
                    input,
                    tiles: &tiles,
                    points: &points,
                    weights: &self.weights[panel * POINTS * self.panels_in * LANES..]
                        [..POINTS * self.panels_in * LANES],
                    products: &mut products,
                    epilogue: self.epilogue.panel(panel),
                    residual: residual.map(|map| &map.data[panel * plane..][..plane]),
                    output,
                });
                scratch.give(products);
            });
            scratch.give(points);
        }
        output
    }
}

/// The 36 numbers of a 3x3 kernel, rounded once.
fn transform_kernel(kernel: &[f32]) -> [f32; POINTS] {
    /// One direction: 3 numbers to 6.
    fn along(g: [f64; 3]) -> [f64; SIDE] {
        let (a2, b2) = (A * A, B * B);
        // Lagrange's denominators at 0, +-A and +-B.
        let (zero, at_a, at_b) = (a2 * b2, 2.0 * a2 * (a2 - b2), 2.0 * b2 * (b2 - a2));
        let even = |point: f64| g[0] + point * point * g[2];
        let odd = |point: f64| point * g[1];
        [
            g[0] / zero,
            (even(A) + odd(A)) / at_a,
            (even(A) - odd(A)) / at_a,
            (even(B) + odd(B)) / at_b,
            (even(B) - odd(B)) / at_b,
            g[2],
        ]
    }
    let rows: [[f64; SIDE]; 3] = std::array::from_fn(|y| along(std::array::from_fn(|x| f64::from(kernel[3 * y + x]))));
    let columns: [[f64; SIDE]; SIDE] = std::array::from_fn(|x| along(std::array::from_fn(|y| rows[y][x])));
    std::array::from_fn(|point| columns[point % SIDE][point / SIDE] as f32)
}

/// One direction of a tile's inputs: 6 numbers to 6.
#[inline(always)]
fn spread<M: Machine>(machine: M, d: [F32s<M>; SIDE]) -> [F32s<M>; SIDE] {
    let simd = machine.simd();
    let (a, b) = (simd.splat_f32s(A as f32), simd.splat_f32s(B as f32));
    let (minus_a2, minus_b2) = (simd.splat_f32s((-A * A) as f32), simd.splat_f32s((-B * B) as f32));
    let minus_both = simd.splat_f32s((-A * A - B * B) as f32);
    let a_even = machine.multiply_add(minus_b2, d[2], d[4]);
    let a_odd = simd.mul_f32s(a, machine.multiply_add(minus_b2, d[1], d[3]));
    let b_even = machine.multiply_add(minus_a2, d[2], d[4]);
    let b_odd = simd.mul_f32s(b, machine.multiply_add(minus_a2, d[1], d[3]));
    [
        simd.add_f32s(d[0], machine.multiply_add(minus_both, d[2], d[4])),
        simd.add_f32s(a_even, a_odd),
        simd.sub_f32s(a_even, a_odd),
        simd.add_f32s(b_even, b_odd),
        simd.sub_f32s(b_even, b_odd),
        simd.add_f32s(d[1], machine.multiply_add(minus_both, d[3], d[5])),
    ]
}

/// One direction of a tile's products: 6 numbers to 4.
#[inline(always)]
fn gather<M: Machine>(machine: M, m: [F32s<M>; SIDE]) -> [F32s<M>; TILE] {
    let simd = machine.simd();
    let splat = |value: f64| simd.splat_f32s(value as f32);
    let (a_even, a_odd) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
    let (b_even, b_odd) = (simd.add_f32s(m[3], m[4]), simd.sub_f32s(m[3], m[4]));
    [
        simd.add_f32s(m[0], simd.add_f32s(a_even, b_even)),
        machine.multiply_add(splat(A), a_odd, simd.mul_f32s(splat(B), b_odd)),
        machine.multiply_add(splat(A * A), a_even, simd.mul_f32s(splat(B * B), b_even)),
        simd.add_f32s(
            machine.multiply_add(splat(A * A * A), a_odd, simd.mul_f32s(splat(B * B * B), b_odd)),
            m[5],
        ),
    ]
}

/// A panel of the inputs to the 36 numbers of each tile.
struct Spread<'a> {
    input: &'a Map,
    panel: usize,
    tiles: &'a [Tile],
    /// By point, then tile.
    points: &'a mut [Lane],
}

impl Spread<'_> {
    #[inline(always)]
    fn on<M: Machine, const V: usize, const FIT: usize>(self, machine: M) {
        let simd = machine.simd();
        let count = self.tiles.len();
        let (height, width) = (self.input.height, self.input.width);
        for (at, tile) in self.tiles.iter().enumerate() {
            let plane = self.input.plane(self.panel, tile.image);
            let mut rows = [[[simd.splat_f32s(0.0); SIDE]; SIDE]; V];
            for row in 0..SIDE {
                let mut inputs = [[simd.splat_f32s(0.0); SIDE]; V];
                for column in 0..SIDE {
                    // The tile's first input is one up and one to the left of its first output.
                    let (y, x) = ((tile.y + row).wrapping_sub(1), (tile.x + column).wrapping_sub(1));
                    if y < height && x < width {
                        let lane = load::<M, V>(machine, &plane[y * width + x]);
                        for v in 0..V {
                            inputs[v][column] = lane[v];
                        }
                    }
                }
                for v in 0..V {
                    rows[v][row] = spread(machine, inputs[v]);
                }
            }
            for column in 0..SIDE {
                let mut outputs = [[simd.splat_f32s(0.0); V]; SIDE];
                for v in 0..V {
                    let mut inputs = [simd.splat_f32s(0.0); SIDE];
                    for row in 0..SIDE {
                        inputs[row] = rows[v][row][column];
                    }
                    let values = spread(machine, inputs);
                    for row in 0..SIDE {
                        outputs[row][v] = values[row];
                    }
                }
                for row in 0..SIDE {
                    store::<M, V>(&mut self.points[(row * SIDE + column) * count + at], outputs[row]);
                }
            }
        }
    }
}

on_machine!(Spread);

/// The products of a panel of outputs, and from them the outputs.
struct Gather<'a> {
    input: &'a Map,
    tiles: &'a [Tile],
    /// By panel of inputs, point, tile.
    points: &'a [Lane],
    /// By point, then input.
    weights: &'a [Lane],
    /// By point, then tile.
    products: &'a mut [Lane],
    epilogue: Panel<'a>,
    residual: Option<&'a [Lane]>,
    /// The panel: by image, row, column.
    output: &'a mut [Lane],
}

impl Gather<'_> {
    #[inline(always)]
    fn on<M: Machine, const V: usize, const FIT: usize>(mut self, machine: M) {
        let count = self.tiles.len();
        let depth = self.weights.len() / POINTS;
        for (point, weights) in self.weights.chunks_exact(depth).enumerate() {
            for rows in blocks(count, most_rows::<V, FIT>()) {
                with_rows!(rows.len(), ROWS => self.multiply::<M, ROWS, V>(machine, point, weights, rows.start));
            }
        }
        for at in 0..count {
            self.finish::<M, V>(machine, at);
        }
    }

    /// One point of some tiles.
    #[inline(always)]
    fn multiply<M: Machine, const ROWS: usize, const V: usize>(
        &mut self,
        machine: M,
        point: usize,
        weights: &[Lane],
        first: usize,
    ) {
        let simd = machine.simd();
        let count = self.tiles.len();
        let mut sums = [[simd.splat_f32s(0.0); V]; ROWS];
        let (weights, _) = weights.as_chunks::<LANES>();
        for (points, weights) in self.points.chunks_exact(POINTS * count).zip(weights) {
            let rows = &points[point * count + first..][..ROWS];
            let mut inputs = [&Lane::ZERO.0; ROWS];
            for row in 0..ROWS {
                inputs[row] = &rows[row].0;
            }
            accumulate(machine, &mut sums, inputs, weights);
        }
        let products = &mut self.products[point * count + first..][..ROWS];
        for row in 0..ROWS {
            store::<M, V>(&mut products[row], sums[row]);
        }
    }

    /// The outputs of one tile.
    #[inline(always)]
    fn finish<M: Machine, const V: usize>(&mut self, machine: M, at: usize) {
        let simd = machine.simd();
        let count = self.tiles.len();
        let Tile { image, y, x } = self.tiles[at];
        let (height, width) = (self.input.height, self.input.width);
        let mut columns = [[[simd.splat_f32s(0.0); SIDE]; TILE]; V];
        for column in 0..SIDE {
            let mut products = [[simd.splat_f32s(0.0); SIDE]; V];
            for row in 0..SIDE {
                let lane = load::<M, V>(machine, &self.products[(row * SIDE + column) * count + at]);
                for v in 0..V {
                    products[v][row] = lane[v];
                }
            }
            for v in 0..V {
                let values = gather(machine, products[v]);
                for row in 0..TILE {
                    columns[v][row][column] = values[row];
                }
            }
        }
        for row in 0..TILE.min(height - y) {
            let mut outputs = [[simd.splat_f32s(0.0); V]; TILE];
            for v in 0..V {
                let values = gather(machine, columns[v][row]);
                for column in 0..TILE {
                    outputs[column][v] = values[column];
                }
            }
            for column in 0..TILE.min(width - x) {
                let (y, x) = (y + row, x + column);
                let bias = self.epilogue.bias(match self.epilogue.by_place() {
                    true => place(y, x, height, width),
                    false => 0,
                });
                let bias = load::<M, V>(machine, bias);
                let mut values = outputs[column];
                for v in 0..V {
                    values[v] = simd.add_f32s(values[v], bias[v]);
                }
                let at = (image * height + y) * width + x;
                let residual = match self.residual {
                    Some(lanes) => Some(&lanes[at]),
                    None => None,
                };
                let values = self.epilogue.finish::<M, V>(machine, values, residual);
                store::<M, V>(&mut self.output[at], values);
            }
        }
    }
}

on_machine!(Gather);
