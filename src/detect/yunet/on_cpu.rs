//! YuNet and O-Net on the CPU by the crate's own convolutions.

use super::describe::{self, HEADS, STRIDES};
use super::networks::{Canvas, Maps, Networks};
use crate::cpu::colour::Pixels;
use crate::cpu::program::{Made, Program, Run};
use crate::cpu::{LANES, Scratch, Workers};
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
        })
    }
}

impl Networks for OnCpu {
    fn find(&self, canvas: &Canvas) -> Result<Vec<Maps>> {
        let border = self.finds.border();
        let data = bordered(canvas, border);
        let given = Pixels {
            data: &data,
            images: 1,
            height: canvas.rows + 2 * border,
            width: canvas.columns + 2 * border,
        };
        Ok(self.workers.run(|share| {
            let run = Run {
                scratch: &self.scratch,
                share,
                stored: &|_, _| (),
            };
            let made = self.finds.run(&[given], &self.outputs, run);
            let maps = (0..STRIDES.len()).map(|level| maps(&made, level)).collect();
            made.release(&self.scratch);
            maps
        }))
    }

    fn place(&self, crops: &[Crop]) -> Result<CropScores> {
        let on = (&self.workers, &self.scratch);
        Ok(self.places.scores(OUTPUT_SIDE, crops, for_output, on))
    }
}

/// The canvas as floats, with a border of zeros around.
fn bordered(canvas: &Canvas, border: usize) -> Vec<f32> {
    let width = (canvas.columns + 2 * border) * 3;
    let mut data = vec![0.0; (canvas.rows + 2 * border) * width];
    let rows = data.chunks_exact_mut(width).skip(border);
    for (to, from) in rows.zip(canvas.pixels.chunks_exact(canvas.columns * 3)) {
        for (to, &from) in to[border * 3..].iter_mut().zip(from) {
            *to = f32::from(from);
        }
    }
    data
}

/// What one stride's heads handed out.
fn maps(made: &Made, level: usize) -> Maps {
    let planes = |head: usize| -> Vec<f32> {
        let (map, first) = made.output(level * HEADS.len() + head);
        let channels = first..first + HEADS[head].1;
        channels
            .flat_map(|channel| {
                let plane = map.plane(channel / LANES, 0);
                plane.iter().map(move |lane| lane.0[channel % LANES])
            })
            .collect()
    };
    let (map, _) = made.output(level * HEADS.len());
    Maps {
        stride: STRIDES[level],
        rows: map.height,
        columns: map.width,
        class: planes(0),
        object: planes(1),
        bbox: planes(2),
        landmarks: planes(3),
    }
}
