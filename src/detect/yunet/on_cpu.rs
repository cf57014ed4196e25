//! YuNet and O-Net on the CPU by the crate's own convolutions.

use super::decode::{self, Cells};
use super::describe::{self, HEADS, STRIDES};
use super::networks::{Canvas, Networks};
use crate::buffers::Buffers;
use crate::cpu::colour::Pixels;
use crate::cpu::program::{Program, Run};
use crate::cpu::{LANES, Scratch, Workers};
use crate::detect::Face;
use crate::detect::mtcnn::describe::{OUTPUT_SIDE, output};
use crate::detect::mtcnn::{CropScores, on_cpu::for_output};
use crate::detect::on_cpu::Net;
use crate::error::Result;
use crate::graph::{self, PixelsAs};
use crate::image::Crop;
use crate::weights::TensorMap;

/// Both networks with packed weights.
pub(super) struct OnCpu {
    finds: Program,
    /// All of its outputs.
    outputs: Vec<usize>,
    places: Net,
    workers: Workers,
    scratch: Scratch,
    /// Canvases as floats.
    floats: Buffers<f32>,
}

impl OnCpu {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite.
    pub fn load(weights: &TensorMap, workers: &Workers) -> Result<Self> {
        let folded = graph::fold(&describe::yunet(), weights, PixelsAs::Raw)?;
        Ok(OnCpu {
            finds: Program::new(&folded)?,
            outputs: (0..folded.outputs.len()).collect(),
            places: Net::load(&output(), weights)?,
            workers: workers.clone(),
            scratch: Scratch::default(),
            floats: Buffers::default(),
        })
    }
}

impl Networks for OnCpu {
    fn find(&self, canvas: &Canvas, threshold: f32) -> Result<Vec<Face>> {
        let border = self.finds.border();
        let data = self.bordered(canvas, border);
        let given = Pixels {
            data: &data,
            images: 1,
            height: canvas.rows + 2 * border,
            width: canvas.columns + 2 * border,
        };
        let found = self.workers.run(|share| {
            let run = Run {
                scratch: &self.scratch,
                share,
                stored: &|_, _| (),
            };
            let made = self.finds.run(&[given], &self.outputs, run);
            let mut found = Vec::new();
            for (level, &stride) in STRIDES.iter().enumerate() {
                let heads: [_; HEADS.len()] = std::array::from_fn(|head| made.output(level * HEADS.len() + head));
                let (map, _) = heads[0];
                let cells = Cells {
                    stride,
                    rows: map.height,
                    columns: map.width,
                };
                let value = |head: usize, channel: usize, cell: usize| {
                    let (map, first) = heads[head];
                    map.plane((first + channel) / LANES, 0)[cell].0[(first + channel) % LANES]
                };
                decode::faces(cells, value, threshold, &mut found);
            }
            made.release(&self.scratch);
            found
        });
        self.floats.give(data);
        Ok(found)
    }

    fn place(&self, crops: &[Crop]) -> Result<CropScores> {
        let on = (&self.workers, &self.scratch);
        Ok(self.places.scores(OUTPUT_SIDE, crops, for_output, on))
    }
}

impl OnCpu {
    /// The canvas as floats, with a border of zeros around.
    fn bordered(&self, canvas: &Canvas, border: usize) -> Vec<f32> {
        let width = (canvas.columns + 2 * border) * 3;
        let mut data = self.floats.take((canvas.rows + 2 * border) * width);
        let (above, rest) = data.split_at_mut(border * width);
        let (rows, below) = rest.split_at_mut(canvas.rows * width);
        above.fill(0.0);
        below.fill(0.0);
        let lines = rows.chunks_exact_mut(width);
        for (to, from) in lines.zip(canvas.pixels.chunks_exact(canvas.columns * 3)) {
            let (left, rest) = to.split_at_mut(border * 3);
            let (inside, right) = rest.split_at_mut(from.len());
            left.fill(0.0);
            right.fill(0.0);
            for (to, &from) in inside.iter_mut().zip(from) {
                *to = f32::from(from);
            }
        }
        data
    }
}
