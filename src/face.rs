//! Where a face is in an image.

use crate::image::Rotation;

/// Five points in image pixels, each `[x, y]`: left eye, right eye, nose tip, left and right mouth corner, as seen in
/// the image.
pub type Landmarks = [[f32; 2]; 5];

/// A detected face, in pixels of the image it was found in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Face {
    /// Left, top, right, bottom; may reach outside the image.
    pub bbox: [f32; 4],
    /// The last stage's confidence, 0..1.
    pub score: f32,
    /// The five landmarks.
    pub landmarks: Landmarks,
}

impl Face {
    /// The quarter turn that makes the face upright, from the way that leads from its eyes to its mouth.
    pub fn turn(&self) -> Rotation {
        let [left_eye, right_eye, _, left_mouth, right_mouth] = self.landmarks;
        let down = |axis: usize| left_mouth[axis] + right_mouth[axis] - left_eye[axis] - right_eye[axis];
        let (x, y) = (down(0), down(1));
        match x.abs() > y.abs() {
            true if x > 0.0 => Rotation::Clockwise90,
            true => Rotation::Clockwise270,
            false if y < 0.0 => Rotation::Clockwise180,
            false => Rotation::None,
        }
    }

    /// Area of the box in square pixels.
    pub fn area(&self) -> f32 {
        let [x1, y1, x2, y2] = self.bbox;
        (x2 - x1 + 1.0).max(0.0) * (y2 - y1 + 1.0).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::align::TEMPLATE;

    #[test]
    fn a_face_says_how_to_turn_it_upright() {
        for (landmarks, turn) in [
            (TEMPLATE, Rotation::None),
            (TEMPLATE.map(|[x, y]| [-x, -y]), Rotation::Clockwise180),
            // The top of the head is to the left.
            (TEMPLATE.map(|[x, y]| [y, -x]), Rotation::Clockwise90),
            (TEMPLATE.map(|[x, y]| [-y, x]), Rotation::Clockwise270),
        ] {
            let face = Face {
                bbox: [0.0; 4],
                score: 1.0,
                landmarks,
            };
            assert_eq!(face.turn(), turn);
        }
    }
}
