//! Which of several faces a call goes on with.

use super::Face;
use crate::error::{Error, ErrorKind, Result};

/// Which of several faces a call goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaceChoice {
    /// The highest detection score (the reference's choice).
    BestScore,
    /// The largest box.
    Largest,
    /// The box whose centre is nearest to the image's centre.
    MostCentral,
    /// The one that the photo is of: large and near the centre. The area of the box counts, times the square of what is
    /// left of the way from the corner to the centre (1 at the centre, 0 at a corner): a face half-way out must be twice
    /// as wide as one at the centre.
    MostProminent,
}

impl FaceChoice {
    /// The chosen one of `faces`, found in an image of `width` x `height` pixels. `None` when there is none.
    pub fn choose(self, faces: &[Face], width: usize, height: usize) -> Option<Face> {
        let from_centre = |face: &Face| {
            let [x1, y1, x2, y2] = face.bbox;
            (x1 + x2 - width as f32).powi(2) + (y1 + y2 - height as f32).powi(2)
        };
        let rank = |face: &Face| match self {
            FaceChoice::BestScore => face.score,
            FaceChoice::Largest => face.area(),
            FaceChoice::MostCentral => -from_centre(face),
            FaceChoice::MostProminent => {
                let diagonal = (width as f32).powi(2) + (height as f32).powi(2);
                let outwards = (from_centre(face) / diagonal).sqrt().min(1.0);
                face.area() * (1.0 - outwards).powi(2)
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
            "prominent" => Ok(FaceChoice::MostProminent),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("\"{text}\" is no choice of face: best, largest, central or prominent"),
            )),
        }
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
            face([30.0, 30.0, 60.0, 60.0], 0.7),
        ];
        assert_eq!(FaceChoice::BestScore.choose(&faces, 100, 100), Some(faces[0]));
        assert_eq!(FaceChoice::Largest.choose(&faces, 100, 100), Some(faces[1]));
        assert_eq!(FaceChoice::MostCentral.choose(&faces, 100, 100), Some(faces[2]));
        assert_eq!(FaceChoice::MostProminent.choose(&faces, 100, 100), Some(faces[3]));
        assert_eq!(FaceChoice::Largest.choose(&[], 100, 100), None);
    }
}
