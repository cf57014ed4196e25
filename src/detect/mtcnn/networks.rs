//! What the detector asks of MTCNN's networks, wherever they run.

use crate::cancel::Cancel;
use crate::error::Result;
use crate::image::{BgrImage, Crop};

/// P-, R-, O- and, where its weights are given, L-Net. Usable by many threads at once.
///
/// Each fails with [`crate::ErrorKind::Backend`] when the device fails (out of memory).
pub(crate) trait Networks: Send + Sync {
    /// Whether L-Net is there.
    fn has_landmark_net(&self) -> bool;

    /// P-Net's maps of the image at these sizes (width, height), both at least 12.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cancelled`], seen between levels or parts of them.
    fn propose(&self, image: &BgrImage, sizes: &[(usize, usize)], cancel: Option<&Cancel>) -> Result<Vec<ProposalMap>>;

    /// R-Net on the crops.
    fn refine(&self, crops: &[Crop]) -> Result<CropScores>;

    /// O-Net on the crops.
    fn output(&self, crops: &[Crop]) -> Result<CropScores>;

    /// L-Net on the five patches of each face, each landmark's x and y relative to its patch (0.5 is the centre). A
    /// patch that is nowhere near the image is black. Nothing without L-Net.
    fn landmarks(&self, faces: &[[Option<Crop>; 5]]) -> Result<Vec<[[f32; 2]; 5]>>;
}

/// P-Net's answer for one pyramid level: maps of `rows` x `columns` cells.
pub(crate) struct ProposalMap {
    pub rows: usize,
    pub columns: usize,
    /// Face probability per cell.
    pub face: Vec<f32>,
    /// Four planes of box regression, one after the other.
    pub shift: Vec<f32>,
}

/// R-Net's or O-Net's answer for a batch of crops.
#[derive(Default)]
pub(crate) struct CropScores {
    /// Face probability per crop.
    pub face: Vec<f32>,
    /// Box regression, 4 per crop.
    pub shift: Vec<f32>,
    /// Landmarks relative to the box, x1..x5 then y1..y5 per crop; empty from R-Net.
    pub landmarks: Vec<f32>,
}

/// Probability of "face": the second of two logits after softmax.
pub(crate) fn face_probability(logits: [f32; 2]) -> f32 {
    1.0 / (1.0 + (logits[0] - logits[1]).exp())
}
