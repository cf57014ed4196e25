//! 3x3 convolution of each channel by itself, zeros padded.

use super::epilogue::{Epilogue, Panel};
use super::kernel::{load, on_machine, store};
use super::workers::Share;
use super::{LANES, Lane, Map, Scratch};
use crate::machine::{Machine, dispatch};
use pulp::Simd;

const KERNEL: usize = 3;
const TAPS: usize = KERNEL * KERNEL;

/// A depthwise 3x3 convolution with stride 1 or 2.
#[derive(Debug)]
pub(crate) struct Depthwise {
    /// By panel, then tap.
    weights: Vec<Lane>,
    stride: usize,
    epilogue: Epilogue,
}

impl Depthwise {
    /// From weights of channels x 3 x 3.
    pub fn new(weight: &[f32], stride: usize, epilogue: Epilogue) -> Self {
        let channels = weight.len() / TAPS;
        let mut weights = vec![Lane::ZERO; channels.div_ceil(LANES) * TAPS];
        for (channel, kernel) in weight.chunks_exact(TAPS).enumerate() {
            for (tap, &value) in kernel.iter().enumerate() {
                weights[channel / LANES * TAPS + tap].0[channel % LANES] = value;
            }
        }
        Depthwise {
            weights,
            stride,
            epilogue,
        }
    }

    /// Convolves.
    pub fn forward(&self, input: &Map, scratch: &Scratch, share: Share) -> Map {
        let [height, width] = [input.height, input.width].map(|length| (length - 1) / self.stride + 1);
        let mut output = Map::taken(scratch, [input.panels, input.images, height, width]);
        let plane = output.images * output.places();
        share.parts(&mut output.data, plane, |panel, output| {
            dispatch(Channels {
                input,
                panel,
                stride: self.stride,
                size: [height, width],
                weights: &self.weights[panel * TAPS..][..TAPS],
                epilogue: self.epilogue.panel(panel),
                output,
            });
        });
        output
    }
}

/// A panel of channels.
struct Channels<'a> {
    input: &'a Map,
    panel: usize,
    stride: usize,
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
        for (at, output) in self.output.chunks_exact_mut(width).enumerate() {
            let (image, y) = (at / height, at % height);
            let plane = self.input.plane(self.panel, image);
            let rows: [&[Lane]; KERNEL] = std::array::from_fn(|row| {
                let y = (y * self.stride + row).wrapping_sub(1);
                plane.chunks_exact(self.input.width).nth(y).unwrap_or(&outside)
            });
            for (x, output) in output.iter_mut().enumerate() {
                let left = (x * self.stride).wrapping_sub(1);
                let mut sums = bias;
                for row in 0..KERNEL {
                    for column in 0..KERNEL {
                        let lane = match rows[row].get(left.wrapping_add(column)) {
                            Some(lane) => lane,
                            None => &Lane::ZERO,
                        };
                        let (input, tap) = (load::<M, V>(machine, lane), taps[row * KERNEL + column]);
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
