//! A detector's network over there.

use super::OnDevice;
use super::program::{Data, Normalisation, Pixels, Program};
use crate::detect::mtcnn::{CropScores, face_probability};
use crate::error::Result;
use crate::graph::{self, Graph, PixelsAs};
use crate::network::{FeatureMap, Precision};
use crate::weights::TensorMap;

/// A network, and the places of all of its outputs.
pub(super) struct Net {
    program: Program,
    outputs: Vec<usize>,
}

impl Net {
    /// A network of MTCNN, which takes `(x - 127.5) / 128`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite;
    /// [`crate::ErrorKind::Backend`] when the device fails (out of memory).
    pub fn load(graph: &Graph, weights: &TensorMap, on: &OnDevice) -> Result<Self> {
        let normalisation = Normalisation {
            offset: 127.5,
            scale: 1.0 / 128.0,
        };
        Net::of(graph, weights, PixelsAs::Normalised, normalisation, on)
    }

    /// A network that takes pixels as they are.
    ///
    /// # Errors
    /// As [`Net::load`].
    pub fn load_raw(graph: &Graph, weights: &TensorMap, on: &OnDevice) -> Result<Self> {
        let normalisation = Normalisation {
            offset: 0.0,
            scale: 1.0,
        };
        Net::of(graph, weights, PixelsAs::Raw, normalisation, on)
    }

    fn of(
        graph: &Graph,
        weights: &TensorMap,
        pixels: PixelsAs,
        normalisation: Normalisation,
        on: &OnDevice,
    ) -> Result<Self> {
        let folded = graph::fold(graph, weights, pixels)?;
        Ok(Net {
            outputs: (0..folded.outputs.len()).collect(),
            program: Program::new(on, folded, normalisation, Precision::F32, None)?,
        })
    }

    /// All outputs for images, one for each input.
    pub fn run(&self, images: &[Pixels]) -> Result<Vec<FeatureMap>> {
        self.program.run(images, &self.outputs)
    }

    /// What R- or O-Net finds in `count` crops of `side` pixels.
    pub fn scores(&self, data: Data, count: usize, side: usize) -> Result<CropScores> {
        let mut made = self.run(&[square(data, count, side)])?.into_iter();
        let (Some(face), Some(shift)) = (made.next(), made.next()) else {
            return Ok(CropScores::default());
        };
        Ok(CropScores {
            face: face_probabilities(&face),
            shift: shift.data,
            landmarks: made.next().map(|map| map.data).unwrap_or_default(),
        })
    }
}

/// Square images.
pub(super) fn square(data: Data<'_>, count: usize, side: usize) -> Pixels<'_> {
    Pixels {
        data,
        count,
        height: side,
        width: side,
    }
}

/// The probability of "face" at each place of each image, of two planes of logits.
pub(super) fn face_probabilities(logits: &FeatureMap) -> Vec<f32> {
    let places = (logits.shape[2] * logits.shape[3]).max(1);
    let planes = logits.data.chunks_exact(2 * places);
    planes
        .flat_map(|planes| (0..places).map(|place| face_probability([planes[place], planes[places + place]])))
        .collect()
}
