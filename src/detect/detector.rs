//! One of the detectors, and photos that lie on their side.

use super::{DetectorKind, DetectorOptions, Face, Mtcnn, YuNet};
use crate::cancel::Cancel;
use crate::cpu::Workers;
use crate::error::Result;
use crate::image::{BgrImage, Rotation};
use crate::weights::TensorMap;

/// The turns that are tried, the likelier ones first.
const TURNS: [Rotation; 3] = [Rotation::Clockwise90, Rotation::Clockwise270, Rotation::Clockwise180];

/// Score from which on YuNet has seen an upright face for sure. In photos that lie on their side or stand on their head it
/// found faces, with landmarks as of upright ones, of up to 0.894; most upright ones have more than 0.9.
const SURE: f32 = 0.9;

/// One of the detectors with its weights. Many threads may use one at a time.
pub enum Detector {
    /// See [`Mtcnn`].
    Mtcnn(Mtcnn),
    /// See [`YuNet`].
    YuNet(YuNet),
}

impl Detector {
    /// The detector of `weights` and, for MTCNN, of `landmark_weights` (L-Net's), to run on the CPU on `workers`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite.
    pub fn new(
        kind: DetectorKind,
        weights: &TensorMap,
        landmark_weights: Option<&TensorMap>,
        workers: &Workers,
    ) -> Result<Self> {
        match kind {
            DetectorKind::Mtcnn => Mtcnn::new(weights, landmark_weights, workers).map(Detector::Mtcnn),
            DetectorKind::YuNet => YuNet::new(weights, workers).map(Detector::YuNet),
        }
    }

    /// Which one it is.
    pub fn kind(&self) -> DetectorKind {
        match self {
            Detector::Mtcnn(_) => DetectorKind::Mtcnn,
            Detector::YuNet(_) => DetectorKind::YuNet,
        }
    }

    /// All faces, best score first. None is an empty list, not an error.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for options out of range or of another detector, [`crate::ErrorKind::Backend`] when the device
    /// fails (out of memory).
    pub fn detect(&self, image: &BgrImage, options: &DetectorOptions) -> Result<Vec<Face>> {
        self.detect_until(image, options, None)
    }

    /// As [`Detector::detect`], until `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Detector::detect`]; [`crate::ErrorKind::Cancelled`].
    pub fn detect_until(
        &self,
        image: &BgrImage,
        options: &DetectorOptions,
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Face>> {
        options.validate()?;
        options.check_for(self.kind())?;
        let mut faces = self.look(image, options, cancel)?;
        if !options.turned || self.is_sure(&faces) {
            return Ok(faces);
        }
        let mut best = Rotation::None;
        for turn in TURNS {
            let found = self.look(&image.clone().rotated(turn), options, cancel)?;
            let score = |faces: &[Face]| faces.first().map_or(0.0, |face| face.score);
            if score(&found) > score(&faces) {
                (faces, best) = (found, turn);
            }
        }
        for face in &mut faces {
            turn_back(face, best, [image.width(), image.height()]);
        }
        Ok(faces)
    }

    /// Whether no turn need be tried. MTCNN finds upright faces only.
    fn is_sure(&self, faces: &[Face]) -> bool {
        match self.kind() {
            DetectorKind::Mtcnn => !faces.is_empty(),
            DetectorKind::YuNet => faces.iter().any(|face| face.score >= SURE),
        }
    }

    fn look(&self, image: &BgrImage, options: &DetectorOptions, cancel: Option<&Cancel>) -> Result<Vec<Face>> {
        match self {
            Detector::Mtcnn(mtcnn) => mtcnn.detect_until(image, options, cancel),
            Detector::YuNet(yunet) => yunet.detect_until(image, options, cancel),
        }
    }
}

/// Takes a face of a photo that was turned to where it is in the photo of this size (width, height) as it was.
fn turn_back(face: &mut Face, turn: Rotation, size: [usize; 2]) {
    let [right, bottom] = size.map(|length| length as f32 - 1.0);
    let back = |[x, y]: [f32; 2]| match turn {
        Rotation::None => [x, y],
        Rotation::Clockwise90 => [y, bottom - x],
        Rotation::Clockwise180 => [right - x, bottom - y],
        Rotation::Clockwise270 => [right - y, x],
    };
    face.landmarks = face.landmarks.map(back);
    let [x1, y1, x2, y2] = face.bbox;
    let ([a, b], [c, d]) = (back([x1, y1]), back([x2, y2]));
    face.bbox = [a.min(c), b.min(d), a.max(c), b.max(d)];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_face_is_found_where_it_was() {
        // One white pixel at (1, 0) of 4 x 3.
        let mut data = vec![0; 4 * 3 * 3];
        data[3..6].fill(255);
        let image = BgrImage::new(4, 3, data).unwrap();
        for turn in TURNS {
            let turned = image.clone().rotated(turn);
            let at = turned.data().chunks_exact(3).position(|pixel| pixel[0] == 255).unwrap();
            let point = [(at % turned.width()) as f32, (at / turned.width()) as f32];
            let mut face = Face {
                bbox: [point[0], point[1], point[0] + 1.0, point[1] + 2.0],
                score: 1.0,
                landmarks: [point; 5],
            };
            turn_back(&mut face, turn, [4, 3]);
            assert_eq!(face.landmarks, [[1.0, 0.0]; 5], "{turn:?}");
            let [x1, y1, x2, y2] = face.bbox;
            assert_eq!((x2 - x1) * (y2 - y1), 2.0, "{turn:?}");
            assert!(x1 <= 1.0 && 1.0 <= x2 && y1 <= 0.0 && 0.0 <= y2, "{turn:?}");
        }
    }
}
