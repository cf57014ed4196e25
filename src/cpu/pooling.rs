//! The greatest value of each window, or the mean; only places inside the map count.

use super::kernel::{load, on_machine, store};
use super::workers::Share;
use super::{Lane, Map, Scratch};
use crate::graph::{Pool, PoolOf};
use crate::machine::{Machine, dispatch};
use pulp::Simd;

/// Pools a map that at least one window fits into.
pub(crate) fn pooled(input: &Map, pool: Pool, scratch: &Scratch, share: Share) -> Map {
    let [height, width] = [input.height, input.width].map(|length| pool.windows(length));
    let mut output = Map::taken(scratch, [input.panels, input.images, height, width]);
    let plane = output.images * output.places();
    if plane == 0 {
        return output;
    }
    share.parts(&mut output.data, plane, |panel, output| {
        dispatch(Windows {
            input,
            panel,
            pool,
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
    pool: Pool,
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
            let (image, y) = (at / height, at % height);
            let plane = self.input.plane(self.panel, image);
            let rows = self.pool.window(y, self.input.height);
            for (x, output) in output.iter_mut().enumerate() {
                let columns = self.pool.window(x, self.input.width);
                let mut one = load::<M, V>(machine, &plane[rows.start * self.input.width + columns.start]);
                match self.pool.of {
                    PoolOf::Greatest => {
                        for y in rows.clone() {
                            for lane in &plane[y * self.input.width..][columns.clone()] {
                                let values = load::<M, V>(machine, lane);
                                for v in 0..V {
                                    one[v] = simd.max_f32s(one[v], values[v]);
                                }
                            }
                        }
                    }
                    PoolOf::Mean => {
                        one = [simd.splat_f32s(0.0); V];
                        for y in rows.clone() {
                            for lane in &plane[y * self.input.width..][columns.clone()] {
                                let values = load::<M, V>(machine, lane);
                                for v in 0..V {
                                    one[v] = simd.add_f32s(one[v], values[v]);
                                }
                            }
                        }
                        let count = simd.splat_f32s((rows.len() * columns.len()) as f32);
                        for v in 0..V {
                            one[v] = simd.div_f32s(one[v], count);
                        }
                    }
                }
                store::<M, V>(output, one);
            }
        }
    }
}

on_machine!(Windows);
