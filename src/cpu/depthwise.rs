//! Convolution of each channel by itself.

use super::direct::Window;
use super::epilogue::{Epilogue, Panel};
use super::kernel::{load, on_machine, store};
use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};
use crate::graph::folded::place;
use crate::machine::{Machine, dispatch};
use pulp::Simd;

/// The kernel that has code of its own, padded with one zero.
const KERNEL: usize = 3;
const TAPS: usize = KERNEL * KERNEL;

/// A depthwise convolution with a square kernel.
#[derive(Debug)]
pub(crate) struct Depthwise {
    /// By panel, then tap.
    weights: Vec<Lane>,
    window: Window,
    epilogue: Epilogue,
}

impl Depthwise {
    /// From weights of channels x kernel x kernel.
    pub fn new(weight: &[f32], window: Window, epilogue: Epilogue) -> Self {
        let taps = window.kernel * window.kernel;
        let channels = weight.len() / taps;
        let mut weights = vec![Lane::ZERO; channels.div_ceil(LANES) * taps];
        for (channel, kernel) in weight.chunks_exact(taps).enumerate() {
            for (tap, &value) in kernel.iter().enumerate() {
                weights[channel / LANES * taps + tap].0[channel % LANES] = value;
            }
        }
        Depthwise {
            weights,
            window,
            epilogue,
        }
    }

    /// Convolves.
    pub fn forward(&self, input: &Map, scratch: &Scratch, share: Share) -> Map {
        let [height, width] = [input.height, input.width].map(|length| self.window.outputs(length));
        let mut output = Map::taken(scratch, [input.panels, input.images, height, width]);
        let plane = output.images * output.places();
        if plane == 0 {
            return output;
        }
        let taps = self.window.kernel * self.window.kernel;
        // Of few channels there are few panels: rows are shared out too.
        let cuts = share.cuts(input.panels, input.images, height);
        let part = plane / cuts;
        share.parts(&mut output.data, part, |at, output| {
            let panel = at / cuts;
            let channels = Channels {
                first_row: at % cuts * (height / cuts),
                input,
                panel,
                window: self.window,
                size: [height, width],
                weights: &self.weights[panel * taps..][..taps],
                epilogue: self.epilogue.panel(panel),
                output,
            };
            match (self.window.kernel, self.window.padding) {
                (KERNEL, 1) if !self.epilogue.panel(panel).by_place() => dispatch(channels),
                _ => dispatch(AnyKernel(channels)),
            }
        });
        output
    }
}

/// A panel of channels.
struct Channels<'a> {
    input: &'a Map,
    panel: usize,
    /// The first row that `output` has; only of one image can it be another than 0.
    first_row: usize,
    window: Window,
    /// Rows and columns of the output.
    size: [usize; 2],
    weights: &'a [Lane],
    epilogue: Panel<'a>,
    output: &'a mut [Lane],
}

impl Channels<'_> {
    #[inline(always)]
    fn on<M: Machine, const V: usize, const FIT: usize>(self, machine: M) {
        let simd = machine.simd();
        let [height, width] = self.size;
        let bias = load::<M, V>(machine, self.epilogue.bias(0));
        let mut taps = [[simd.splat_f32s(0.0); V]; TAPS];
        for tap in 0..TAPS {
            taps[tap] = load::<M, V>(machine, &self.weights[tap]);
        }
        // Beyond the border there are zeros: a row of them stands in for a row outside.
        let outside = vec![Lane::ZERO; self.input.width];
        let stride = self.window.stride;
        // Outputs whose taps are all inside the row: from the second on.
        let inner = (self.input.width.saturating_sub(2) / stride).min(width - 1);
        for (at, output) in self.output.chunks_exact_mut(width).enumerate() {
            let (image, y) = ((self.first_row + at) / height, (self.first_row + at) % height);
            let plane = self.input.plane(self.panel, image);
            let rows: [&[Lane]; KERNEL] = std::array::from_fn(|row| {
                let y = (y * stride + row).wrapping_sub(1);
                plane.chunks_exact(self.input.width).nth(y).unwrap_or(&outside)
            });
            for (x, output) in output.iter_mut().enumerate() {
                let left = (x * stride).wrapping_sub(1);
                let mut sums = bias;
                let is_inner = (1..=inner).contains(&x);
                for row in 0..KERNEL {
                    // At the border the lanes are gathered, zeros among them.
                    let mut gathered = [Lane::ZERO; KERNEL];
                    let lanes = match is_inner {
                        true => &rows[row][left..left + KERNEL],
                        false => {
                            for column in 0..KERNEL {
                                if let Some(lane) = rows[row].get(left.wrapping_add(column)) {
                                    gathered[column] = *lane;
                                }
                            }
                            &gathered[..]
                        }
                    };
                    for column in 0..KERNEL {
                        let (input, tap) = (load::<M, V>(machine, &lanes[column]), taps[row * KERNEL + column]);
                        for v in 0..V {
                            sums[v] = machine.multiply_add(input[v], tap[v], sums[v]);
                        }
                    }
                }
                let values = self.epilogue.finish::<M, V>(machine, sums, None);
                store::<M, V>(output, values);
            }
        }
    }
}

on_machine!(Channels);

/// The same with any kernel, and with a bias that may differ from place to place.
struct AnyKernel<'a>(Channels<'a>);

impl AnyKernel<'_> {
    #[inline(always)]
    fn on<M: Machine, const V: usize, const FIT: usize>(self, machine: M) {
        let Channels {
            input,
            panel,
            first_row,
            window,
            size: [height, width],
            weights,
            epilogue,
            output,
        } = self.0;
        for (at, output) in output.iter_mut().enumerate() {
            let at = first_row * width + at;
            let (image, y, x) = (at / width / height, at / width % height, at % width);
            let plane = input.plane(panel, image);
            let kind = match epilogue.by_place() {
                true => place(y, x, height, width),
                false => 0,
            };
            let mut sums = load::<M, V>(machine, epilogue.bias(kind));
            for (tap, weights) in weights.iter().enumerate() {
                // Outside the map there are zeros.
                let y = (y * window.stride + tap / window.kernel).wrapping_sub(window.padding);
                let x = (x * window.stride + tap % window.kernel).wrapping_sub(window.padding);
                if y >= input.height || x >= input.width {
                    continue;
                }
                let (input, tap) = (
                    load::<M, V>(machine, &plane[y * input.width + x]),
                    load::<M, V>(machine, weights),
                );
                for v in 0..V {
                    sums[v] = machine.multiply_add(input[v], tap[v], sums[v]);
                }
            }
            let values = epilogue.finish::<M, V>(machine, sums, None);
            store::<M, V>(output, values);
        }
    }
}

on_machine!(AnyKernel);
