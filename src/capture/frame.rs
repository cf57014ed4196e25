//! How large the face is and where it lies in the photo.

use super::pose::Pose;
use crate::face::Face;
use crate::image::{BgrImage, Rotation};

/// How much farther the chin is from the eyes than the mouth is.
const CHIN: f64 = 1.6;

/// Size and place of a face in the photo, turned upright by quarter turns where it lies on its side.
pub(super) struct Frame {
    /// In pixels, as if the head weren't turned.
    pub inter_eye_distance: f64,
    /// From the eyes to the chin, over the height of the photo.
    pub head_size: f64,
    /// From the edge to the nearer eye, in distances of the eyes.
    pub left: f64,
    pub right: f64,
    /// From the edge to the middle of the eyes, in distances from there to the chin.
    pub above: f64,
    pub below: f64,
}

impl Frame {
    pub fn of(image: &BgrImage, face: &Face, pose: &Pose) -> Frame {
        let (width, height) = (image.width() as f64, image.height() as f64);
        let turn = face.turn();
        let upright = face.landmarks.map(|[x, y]| {
            let (x, y) = (f64::from(x), f64::from(y));
            match turn {
                Rotation::None => (x, y),
                Rotation::Clockwise90 => (height - y, x),
                Rotation::Clockwise180 => (width - x, height - y),
                Rotation::Clockwise270 => (y, width - x),
            }
        });
        let (width, height) = match turn.swaps_sides() {
            false => (width, height),
            true => (height, width),
        };
        let [left_eye, right_eye, _, left_mouth, right_mouth] = upright;
        let middle = |a: (f64, f64), b: (f64, f64)| ((a.0 + b.0) / 2.0, (a.1 + b.1) / 2.0);
        let apart = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).hypot(a.1 - b.1);
        let eyes = middle(left_eye, right_eye);
        // Landmarks that span a face may still have both eyes, or eyes and mouth, on one point.
        let least = 1e-3;
        let seen = apart(left_eye, right_eye).max(least);
        let chin = (CHIN * apart(eyes, middle(left_mouth, right_mouth))).max(least);
        Frame {
            // No more than 10 times what is seen: near a profile the angle says little.
            inter_eye_distance: seen / pose.yaw.to_radians().cos().max(0.1),
            head_size: chin / height,
            left: left_eye.0 / seen,
            right: (width - right_eye.0) / seen,
            above: eyes.1 / chin,
            below: (height - eyes.1) / chin,
        }
    }
}

/// The square root of the largest other face's area over this one's, at most 1.
pub(super) fn others(face: &Face, faces: &[Face]) -> f64 {
    let others = faces.iter().filter(|other| *other != face);
    let largest = others.map(Face::area).fold(0.0f32, f32::max);
    f64::from((largest / face.area().max(f32::MIN_POSITIVE)).sqrt().min(1.0))
}
