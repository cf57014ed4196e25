//! 3x3 convolution of packed 3-channel pixels, the first layer of every network: 3 channels would leave most of a lane
//! empty, but a kernel's row lies as 9 numbers side by side.

use super::epilogue::{Epilogue, Panel};
use super::kernel::{accumulate, blocks, load, most_rows, on_machine, store, with_rows};
use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};
use crate::graph::folded::place;
use crate::machine::{Machine, dispatch};
use pulp::Simd;

const KERNEL: usize = 3;
const COLOURS: usize = 3;
/// Numbers of a kernel's row.
const ROW: usize = KERNEL * COLOURS;

/// A 3x3 convolution of 3 colours, nothing padded.
#[derive(Debug)]
pub(crate) struct Colour {
    /// By panel, kernel's row, column, colour.
    weights: Vec<[[Lane; ROW]; KERNEL]>,
    stride: usize,
    epilogue: Epilogue,
}

/// Images of packed pixels, 3 numbers each.
#[derive(Clone, Copy)]
pub(crate) struct Pixels<'a> {
    /// By image, row, column, colour.
    pub data: &'a [f32],
    pub images: usize,
    pub height: usize,
    pub width: usize,
}

impl Colour {
    /// From weights of outputs x 3 x 3 x 3.
    pub fn new(weight: &[f32], stride: usize, epilogue: Epilogue) -> Self {
        let taps = KERNEL * KERNEL;
        let outputs = weight.len() / (COLOURS * taps);
        let mut weights = vec![[[Lane::ZERO; ROW]; KERNEL]; outputs.div_ceil(LANES)];
        for (output, kernel) in weight.chunks_exact(COLOURS * taps).enumerate() {
            for (at, &value) in kernel.iter().enumerate() {
                let (colour, row, column) = (at / taps, at % taps / KERNEL, at % KERNEL);
                weights[output / LANES][row][column * COLOURS + colour].0[output % LANES] = value;
            }
        }
        Colour {
            weights,
            stride,
            epilogue,
        }
    }

    /// Convolves pixels of at least 3 rows and columns.
    pub fn forward(&self, pixels: Pixels, scratch: &Scratch, share: Share) -> Map {
        let [height, width] = [pixels.height, pixels.width].map(|length| (length - KERNEL) / self.stride + 1);
        let mut output = Map::taken(scratch, [self.weights.len(), pixels.images, height, width]);
        let plane = pixels.images * height * width;
        share.parts(&mut output.data, plane, |panel, output| {
            dispatch(Slide {
                pixels,
                stride: self.stride,
                size: [height, width],
                weights: &self.weights[panel],
                epilogue: self.epilogue.panel(panel),
                output,
            });
        });
        output
    }
}

/// A panel of outputs.
struct Slide<'a> {
    pixels: Pixels<'a>,
    stride: usize,
    /// Rows and columns of the output.
    size: [usize; 2],
    weights: &'a [[Lane; ROW]; KERNEL],
    epilogue: Panel<'a>,
    /// The panel: by image, row, column.
    output: &'a mut [Lane],
}

impl Slide<'_> {
    #[inline(always)]
    fn on<M: Machine, const V: usize, const FIT: usize>(mut self, machine: M) {
        for image in 0..self.pixels.images {
            for y in 0..self.size[0] {
                for columns in blocks(self.size[1], most_rows::<V, FIT>()) {
                    with_rows!(columns.len(), ROWS => self.places::<M, ROWS, V>(machine, image, y, columns.start));
                }
            }
        }
    }

    /// Some places of a row that follow each other.
    #[inline(always)]
    fn places<M: Machine, const ROWS: usize, const V: usize>(
        &mut self,
        machine: M,
        image: usize,
        y: usize,
        first: usize,
    ) {
        let simd = machine.simd();
        let [height, width] = self.size;
        let mut sums = [[simd.splat_f32s(0.0); V]; ROWS];
        for row in 0..ROWS {
            let kind = match self.epilogue.by_place() {
                true => place(y, first + row, height, width),
                false => 0,
            };
            sums[row] = load::<M, V>(machine, self.epilogue.bias(kind));
        }
        let step = self.stride * COLOURS;
        for (row, weights) in self.weights.iter().enumerate() {
            let top = image * self.pixels.height + y * self.stride + row;
            let start = (top * self.pixels.width + first * self.stride) * COLOURS;
            let numbers = &self.pixels.data[start..][..(ROWS - 1) * step + ROW];
            let mut rows = [&[0.0; ROW]; ROWS];
            for row in 0..ROWS {
                rows[row] = numbers[row * step..]
                    .first_chunk()
                    .expect("the last kernel ends where the numbers end");
            }
            accumulate(machine, &mut sums, rows, weights);
        }
        let start = (image * height + y) * width + first;
        let output = &mut self.output[start..][..ROWS];
        for row in 0..ROWS {
            let values = self.epilogue.finish::<M, V>(machine, sums[row], None);
            store::<M, V>(&mut output[row], values);
        }
    }
}

on_machine!(Slide);
