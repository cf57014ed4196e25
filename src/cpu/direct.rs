//! Convolution as it is written: for each place the products of its inputs, tap by tap, 16 channels at a time.

use super::epilogue::{Epilogue, Panel};
use super::kernel::{accumulate, blocks, load, most_rows, on_machine, store, with_rows};
use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};
use crate::graph::folded::place;
use crate::machine::{F32s, Machine, dispatch};
use pulp::Simd;

/// A convolution with a square kernel.
#[derive(Debug)]
pub(crate) struct Direct {
    /// By panel of outputs, tap, input.
    weights: Vec<Lane>,
    panels_in: usize,
    panels_out: usize,
    window: Window,
    epilogue: Epilogue,
}

/// How a kernel moves over a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    /// Side of the kernel.
    pub kernel: usize,
    /// Places from one output to the next.
    pub stride: usize,
    /// Zeros around the map.
    pub padding: usize,
}

impl Window {
    /// Outputs along a side of `length` inputs; 0 where the kernel doesn't fit.
    pub fn outputs(&self, length: usize) -> usize {
        (length + 2 * self.padding)
            .checked_sub(self.kernel)
            .map_or(0, |room| room / self.stride + 1)
    }
}

impl Direct {
    /// From weights of outputs x inputs x kernel x kernel.
    pub fn new(weight: &[f32], inputs: usize, outputs: usize, window: Window, epilogue: Epilogue) -> Self {
        let taps = window.kernel * window.kernel;
        let (panels_in, panels_out) = (inputs.div_ceil(LANES), outputs.div_ceil(LANES));
        let depth = panels_in * LANES;
        let mut weights = vec![Lane::ZERO; panels_out * taps * depth];
        // Lane by lane, as they lie: each is written once, while a panel's outputs are read side by side.
        for (panel, outputs) in weight.chunks(LANES * inputs * taps).enumerate() {
            for tap in 0..taps {
                let lanes = &mut weights[(panel * taps + tap) * depth..][..inputs];
                for (input, lane) in lanes.iter_mut().enumerate() {
                    let own = outputs.iter().skip(input * taps + tap).step_by(inputs * taps);
                    for (place, &value) in lane.0.iter_mut().zip(own) {
                        *place = value;
                    }
                }
            }
        }
        Direct {
            weights,
            panels_in,
            panels_out,
            window,
            epilogue,
        }
    }

    /// Convolves; `residual`, of the output's shape, is added.
    pub fn forward(&self, input: &Map, residual: Option<&Map>, scratch: &Scratch, share: Share) -> Map {
        let [height, width] = [input.height, input.width].map(|length| self.window.outputs(length));
        let mut output = Map::taken(scratch, [self.panels_out, input.images, height, width]);
        let plane = input.images * height * width;
        let depth = self.window.kernel * self.window.kernel * self.panels_in * LANES;
        if plane == 0 {
            return output;
        }
        // Of few channels there are few panels: rows are shared out too.
        let cuts = share.cuts(self.panels_out, input.images, height);
        let part = plane / cuts;
        share.parts(&mut output.data, part, |at, output| {
            let (panel, first) = (at / cuts, at % cuts * part);
            dispatch(Slide {
                input,
                window: self.window,
                size: [height, width],
                weights: &self.weights[panel * depth..][..depth],
                epilogue: self.epilogue.panel(panel),
                residual: residual.map(|map| &map.data[panel * plane + first..][..part]),
                first,
                places: part / input.images,
                output,
            });
        });
        output
    }
}

/// A panel of outputs, or some rows of it.
struct Slide<'a> {
    input: &'a Map,
    window: Window,
    /// Rows and columns of the output.
    size: [usize; 2],
    /// By tap, then input.
    weights: &'a [Lane],
    epilogue: Panel<'a>,
    /// As `output`.
    residual: Option<&'a [Lane]>,
    /// The first place that `output` has; only of one image can it be another than 0.
    first: usize,
    /// Places of one image that `output` has.
    places: usize,
    /// By image, row, column.
    output: &'a mut [Lane],
}

impl Slide<'_> {
    #[inline(always)]
    fn on<M: Machine, const V: usize, const FIT: usize>(mut self, machine: M) {
        let one_to_one = (self.window.kernel, self.window.stride, self.window.padding) == (1, 1, 0);
        let straight = one_to_one && !self.epilogue.by_place();
        for image in 0..self.input.images {
            for rows in blocks(self.places, most_rows::<V, FIT>()) {
                match straight {
                    true => with_rows!(rows.len(), ROWS => self.same_places::<M, ROWS, V>(machine, image, rows.start)),
                    false => with_rows!(rows.len(), ROWS => self.places::<M, ROWS, V>(machine, image, rows.start)),
                }
            }
        }
    }

    /// Some places that follow each other, each made of the input's same place: a kernel of one tap. The sums are those of
    /// [`Slide::places`], without looking for where each tap reads.
    #[inline(always)]
    fn same_places<M: Machine, const ROWS: usize, const V: usize>(&mut self, machine: M, image: usize, first: usize) {
        let mut sums = [load::<M, V>(machine, self.epilogue.bias(0)); ROWS];
        let (weights, _) = self.weights.as_chunks::<LANES>();
        for (panel, weights) in weights.iter().enumerate() {
            let lanes = &self.input.plane(panel, image)[self.first + first..][..ROWS];
            let mut rows = [&Lane::ZERO.0; ROWS];
            for row in 0..ROWS {
                rows[row] = &lanes[row].0;
            }
            accumulate(machine, &mut sums, rows, weights);
        }
        self.finish::<M, ROWS, V>(machine, image, first, sums);
    }

    /// Some places that follow each other.
    #[inline(always)]
    fn places<M: Machine, const ROWS: usize, const V: usize>(&mut self, machine: M, image: usize, first: usize) {
        let simd = machine.simd();
        let [height, width] = self.size;
        let Window {
            kernel,
            stride,
            padding,
        } = self.window;
        let mut sums = [[simd.splat_f32s(0.0); V]; ROWS];
        let mut at = [(0, 0); ROWS];
        // One division for all of them: it takes longer than many a product.
        let (mut y, mut x) = ((self.first + first) / width, (self.first + first) % width);
        for row in 0..ROWS {
            at[row] = (y, x);
            x += 1;
            if x == width {
                (y, x) = (y + 1, 0);
            }
            let kind = match self.epilogue.by_place() {
                true => place(at[row].0, at[row].1, height, width),
                false => 0,
            };
            sums[row] = load::<M, V>(machine, self.epilogue.bias(kind));
        }
        let (weights, _) = self.weights.as_chunks::<LANES>();
        let panels = self.input.panels;
        for (tap, weights) in weights.chunks_exact(panels).enumerate() {
            // Where each place reads with this tap; outside the map it reads zeros.
            let mut from = [usize::MAX; ROWS];
            for row in 0..ROWS {
                let y = (at[row].0 * stride + tap / kernel).wrapping_sub(padding);
                let x = (at[row].1 * stride + tap % kernel).wrapping_sub(padding);
                if y < self.input.height && x < self.input.width {
                    from[row] = y * self.input.width + x;
                }
            }
            for (panel, weights) in weights.iter().enumerate() {
                let plane = self.input.plane(panel, image);
                let mut rows = [&Lane::ZERO.0; ROWS];
                for row in 0..ROWS {
                    if let Some(lane) = plane.get(from[row]) {
                        rows[row] = &lane.0;
                    }
                }
                accumulate(machine, &mut sums, rows, weights);
            }
        }
        self.finish::<M, ROWS, V>(machine, image, first, sums);
    }

    /// Adds the residual, activates and stores some places' sums.
    #[inline(always)]
    fn finish<M: Machine, const ROWS: usize, const V: usize>(
        &mut self,
        machine: M,
        image: usize,
        first: usize,
        sums: [[F32s<M>; V]; ROWS],
    ) {
        let start = image * self.places + first;
        for row in 0..ROWS {
            let residual = match self.residual {
                Some(lanes) => Some(&lanes[start + row]),
                None => None,
            };
            let values = self.epilogue.finish::<M, V>(machine, sums[row], residual);
            store::<M, V>(&mut self.output[start + row], values);
        }
    }
}

on_machine!(Slide);
