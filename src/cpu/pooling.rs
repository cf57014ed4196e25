//! The greatest value of each window, with stride 2; an incomplete window at the right and bottom edge counts.

use super::kernel::{load, on_machine, store};
use super::workers::Share;
use super::{Lane, Map, Scratch};
use crate::machine::{Machine, dispatch};
use pulp::Simd;

/// Places from one window to the next.
const STRIDE: usize = 2;

/// Pools windows of `kernel` squared places: 2 or 3, and no more than the map has along a side.
pub(crate) fn max_pool(input: &Map, kernel: usize, scratch: &Scratch, share: Share) -> Map {
    let [height, width] = [input.height, input.width].map(|length| (length - kernel).div_ceil(STRIDE) + 1);
    let mut output = Map::taken(scratch, [input.panels, input.images, height, width]);
    let plane = output.images * output.places();
    share.parts(&mut output.data, plane, |panel, output| {
        dispatch(Windows {
            input,
            panel,
            kernel,
            size: [height, width],
            output,
        });
    });
    output
}

/// A panel of channels.
struct Windows<'a> {
    input: &'a Map,
    panel: usize,
    kernel: usize,
    /// Rows and columns of the output.
    size: [usize; 2],
    output: &'a mut [Lane],
}

impl Windows<'_> {
    #[inline(always)]
    fn on<M: Machine, const V: usize, const FIT: usize>(self, machine: M) {
        let simd = machine.simd();
        let [height, width] = self.size;
        for (at, output) in self.output.chunks_exact_mut(width).enumerate() {
            let (image, y) = (at / height, at % height * STRIDE);
            let plane = self.input.plane(self.panel, image);
            for (x, output) in output.iter_mut().enumerate() {
                let x = x * STRIDE;
                let mut greatest = load::<M, V>(machine, &plane[y * self.input.width + x]);
                for y in y..(y + self.kernel).min(self.input.height) {
                    for lane in &plane[y * self.input.width..][x..(x + self.kernel).min(self.input.width)] {
                        let values = load::<M, V>(machine, lane);
                        for v in 0..V {
                            greatest[v] = simd.max_f32s(greatest[v], values[v]);
                        }
                    }
                }
                store::<M, V>(output, greatest);
            }
        }
    }
}

on_machine!(Windows);
