//! Face detection with MTCNN (arXiv 1604.02878) and its optional fourth, landmark-refining stage.

mod boxes;
pub(crate) mod describe;
mod mtcnn;
mod networks;
mod on_cpu;

pub use mtcnn::Mtcnn;
pub(crate) use networks::{CropScores, Networks, ProposalMap, face_probability};

pub use crate::face::{Face, Landmarks};

use crate::error::{Error, ErrorKind, Result};

/// Side of the pixels that one cell of P-Net sees.
const CELL: usize = 12;

/// Which of several faces a call goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FaceChoice {
    /// The highest detection score (the reference's choice).
    #[default]
    BestScore,
    /// The largest box.
    Largest,
    /// The box whose centre is nearest to the image's centre.
    MostCentral,
}

impl FaceChoice {
    /// The chosen one of `faces`, found in an image of `width` x `height` pixels. `None` when there is none.
    pub fn choose(self, faces: &[Face], width: usize, height: usize) -> Option<Face> {
        let rank = |face: &Face| match self {
            FaceChoice::BestScore => face.score,
            FaceChoice::Largest => face.area(),
            FaceChoice::MostCentral => {
                let [x1, y1, x2, y2] = face.bbox;
                -((x1 + x2 - width as f32).powi(2) + (y1 + y2 - height as f32).powi(2))
            }
        };
        // Of equals the first stays: detection order is part of the result.
        faces
            .iter()
            .copied()
            .reduce(|best, face| if rank(&face) > rank(&best) { face } else { best })
    }
}

impl std::str::FromStr for FaceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "best" => Ok(FaceChoice::BestScore),
            "largest" => Ok(FaceChoice::Largest),
            "central" => Ok(FaceChoice::MostCentral),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("\"{text}\" is no choice of face: best, largest or central"),
            )),
        }
    }
}

/// How the detector looks. The defaults are the reference pipeline's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorOptions {
    /// Side of the smallest face looked for, in pixels: 12 or more. Default 50.
    pub minimum_face: f32,
    /// Least score to pass each of the three stages, each in 0..1. Default 0.6, 0.7, 0.8.
    pub thresholds: [f32; 3],
    /// Ratio of one pyramid level's side to the one before, 0.1..0.95. Default 0.709 (half the area).
    pub factor: f32,
}

impl Default for DetectorOptions {
    fn default() -> Self {
        DetectorOptions {
            minimum_face: 50.0,
            thresholds: [0.6, 0.7, 0.8],
            factor: 0.709,
        }
    }
}

impl DetectorOptions {
    /// Checks the documented ranges.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the option that is out of range.
    pub fn validate(&self) -> Result<()> {
        let invalid = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
        if !(12.0..=1e6).contains(&self.minimum_face) {
            return invalid(format!(
                "minimum face {} is not in 12..1000000 pixels",
                self.minimum_face
            ));
        }
        if !(0.1..=0.95).contains(&self.factor) {
            return invalid(format!("pyramid factor {} is not in 0.1..0.95", self.factor));
        }
        for threshold in self.thresholds {
            if !(0.0..=1.0).contains(&threshold) {
                return invalid(format!("detection threshold {threshold} is not in 0..1"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(bbox: [f32; 4], score: f32) -> Face {
        Face {
            bbox,
            score,
            landmarks: [[0.0; 2]; 5],
        }
    }

    #[test]
    fn each_choice_takes_its_face() {
        let faces = [
            face([0.0, 0.0, 10.0, 10.0], 0.99),
            face([60.0, 60.0, 95.0, 95.0], 0.9),
            face([45.0, 45.0, 55.0, 55.0], 0.8),
        ];
        assert_eq!(FaceChoice::BestScore.choose(&faces, 100, 100), Some(faces[0]));
        assert_eq!(FaceChoice::Largest.choose(&faces, 100, 100), Some(faces[1]));
        assert_eq!(FaceChoice::MostCentral.choose(&faces, 100, 100), Some(faces[2]));
        assert_eq!(FaceChoice::Largest.choose(&[], 100, 100), None);
    }

    #[test]
    fn options_out_of_range_are_named() {
        let check = |options: DetectorOptions| options.validate().unwrap_err().to_string();
        assert!(
            check(DetectorOptions {
                minimum_face: 11.0,
                ..Default::default()
            })
            .contains("minimum face")
        );
        assert!(
            check(DetectorOptions {
                minimum_face: f32::NAN,
                ..Default::default()
            })
            .contains("minimum face")
        );
        assert!(
            check(DetectorOptions {
                factor: 1.0,
                ..Default::default()
            })
            .contains("factor")
        );
        assert!(
            check(DetectorOptions {
                thresholds: [0.5, 1.5, 0.5],
                ..Default::default()
            })
            .contains("threshold")
        );
        DetectorOptions::default().validate().unwrap();
    }
}
