//! What the detectors need to run small networks on the CPU: one with packed weights, and crops through it in groups, each
//! on whichever thread is free.

use super::mtcnn::{CropScores, face_probability};
use crate::cpu::colour::Pixels;
use crate::cpu::program::{Made, Program, Run};
use crate::cpu::{LANES, Scratch, Workers};
use crate::error::Result;
use crate::graph::{self, Graph, PixelsAs};
use crate::image::Crop;
use crate::weights::TensorMap;

/// Crops that one thread takes through a network at once.
pub(super) const CROPS_AT_ONCE: usize = 16;

/// Places of what P-, R- and O-Net hand out, as [`super::mtcnn::describe`] has them.
pub(super) const FACE: usize = 0;
pub(super) const SHIFT: usize = 1;
const LANDMARKS: usize = 2;

/// A network with its weights.
pub(super) struct Net {
    program: Program,
    /// All of its outputs.
    outputs: Vec<usize>,
}

impl Net {
    /// Packs the weights of one network, of a map that may hold others' too.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite.
    pub fn load(graph: &Graph, weights: &TensorMap) -> Result<Self> {
        let folded = graph::fold(graph, weights, PixelsAs::Normalised)?;
        Ok(Net {
            program: Program::new(&folded)?,
            outputs: (0..folded.outputs.len()).collect(),
        })
    }

    /// Takes images through, on the calling thread.
    pub fn run(&self, images: &[Pixels], scratch: &Scratch) -> Made<'_> {
        self.program.run(images, &self.outputs, Run::alone(scratch))
    }

    /// What R- or O-Net finds in crops; `resize` adds a crop's `side` x `side` normalised pixels.
    pub fn scores(
        &self,
        side: usize,
        crops: &[Crop],
        resize: impl Fn(&Crop, &mut Vec<f32>) + Sync + Send,
        (workers, scratch): (&Workers, &Scratch),
    ) -> CropScores {
        let groups: Vec<&[Crop]> = crops.chunks(CROPS_AT_ONCE).collect();
        let parts = workers.run(|share| {
            share.map(&groups, |crops| {
                let mut pixels = Vec::with_capacity(crops.len() * side * side * 3);
                crops.iter().for_each(|crop| resize(crop, &mut pixels));
                let pixels = Pixels {
                    data: &pixels,
                    images: crops.len(),
                    height: side,
                    width: side,
                };
                scores(self.run(&[pixels], scratch), crops.len(), scratch)
            })
        });
        let mut all = CropScores::default();
        for part in parts {
            all.face.extend(part.face);
            all.shift.extend(part.shift);
            all.landmarks.extend(part.landmarks);
        }
        all
    }
}

/// What a network handed out at a place of its map: the number of a channel of one of its outputs. The rows of numbers of
/// several images are the places of one map.
pub(super) fn value(made: &Made, output: usize, channel: usize, place: usize) -> f32 {
    let (map, first) = made.output(output);
    let channel = first + channel;
    map.plane(channel / LANES, 0)[place].0[channel % LANES]
}

/// `(x - 127.5) / 128`.
pub(super) fn normalised(value: f32) -> f32 {
    (value - 127.5) * (1.0 / 128.0)
}

/// What R- or O-Net found in crops.
fn scores(made: Made, crops: usize, scratch: &Scratch) -> CropScores {
    let mut scores = CropScores::default();
    for crop in 0..crops {
        let value = |output, channel| value(&made, output, channel, crop);
        scores
            .face
            .push(face_probability([0, 1].map(|channel| value(FACE, channel))));
        scores.shift.extend((0..4).map(|side| value(SHIFT, side)));
        if made.outputs() > LANDMARKS {
            scores.landmarks.extend((0..10).map(|number| value(LANDMARKS, number)));
        }
    }
    made.release(scratch);
    scores
}
