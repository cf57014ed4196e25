//! The part of a photo that O-Net gets to see of a face.

use crate::detect::Face;
use crate::detect::mtcnn::describe::OUTPUT_SIDE;
use crate::image::{BgrImage, Crop, resize_u8};
use std::f32::consts::SQRT_2;

/// From this roll on, in radians (15 degrees), a face is turned upright first: O-Net was trained on upright ones.
const ROLLED: f32 = 0.26;

/// Side of an upright picture of a rolled face, in pixels.
const UPRIGHT: usize = 2 * OUTPUT_SIDE;

/// The square of the longer side of a face's box about its centre, turned as the face is.
pub(super) struct Square {
    left: i64,
    top: i64,
    side: usize,
    /// The angle of the eyes' line, in radians, clockwise as one sees it; 0 where that is small.
    roll: f32,
}

impl Square {
    /// `None` where that is absurdly far outside.
    pub fn of(face: &Face) -> Option<Self> {
        const FAR: f32 = 1e7;
        let [x1, y1, x2, y2] = face.bbox;
        let side = (x2 - x1).max(y2 - y1).round_ties_even();
        let corner = |low: f32, high: f32| ((low + high - side) / 2.0).round_ties_even();
        let (left, top) = (corner(x1, x2), corner(y1, y2));
        let [[x1, y1], [x2, y2], ..] = face.landmarks;
        let roll = (y2 - y1).atan2(x2 - x1);
        let near = (1.0..FAR).contains(&side) && left.abs() < FAR && top.abs() < FAR;
        near.then_some(Square {
            left: left as i64,
            top: top as i64,
            side: side as usize,
            roll: if roll.abs() < ROLLED { 0.0 } else { roll },
        })
    }

    /// A picture of it that is upright; `None` where it is so in the photo.
    pub fn upright(&self, image: &BgrImage) -> Option<BgrImage> {
        if self.roll == 0.0 {
            return None;
        }
        // The photo's pixels about it, as many to one of the picture.
        let around = |length: f32| ((length * SQRT_2).ceil() as usize).next_multiple_of(2);
        let (wide, from) = (around(self.side as f32), around(UPRIGHT as f32));
        let margin = (wide as i64 - self.side as i64) / 2;
        let crop = Crop {
            image,
            left: self.left - margin,
            top: self.top - margin,
            width: wide,
            height: wide,
        };
        let pixels = resize_u8(&crop, (from, from));
        let pixel = |x: usize, y: usize, channel: usize| f32::from(pixels[(y * from + x) * 3 + channel]);
        let half = UPRIGHT as f32 / 2.0;
        let scale = self.side as f32 / wide as f32 * from as f32 / UPRIGHT as f32;
        let last = (from - 1) as f32;
        let mut upright = Vec::with_capacity(UPRIGHT * UPRIGHT * 3);
        for y in 0..UPRIGHT {
            for x in 0..UPRIGHT {
                let at = self.turned([x, y].map(|at| (at as f32 + 0.5 - half) * scale));
                let [x, y] = at.map(|at| (at + from as f32 / 2.0 - 0.5).clamp(0.0, last));
                let ([left, top], [dx, dy]) = ([x as usize, y as usize], [x.fract(), y.fract()]);
                let (right, bottom) = ((left + 1).min(from - 1), (top + 1).min(from - 1));
                upright.extend((0..3).map(|channel| {
                    let upper = pixel(left, top, channel) * (1.0 - dx) + pixel(right, top, channel) * dx;
                    let lower = pixel(left, bottom, channel) * (1.0 - dx) + pixel(right, bottom, channel) * dx;
                    (upper * (1.0 - dy) + lower * dy).round() as u8
                }));
            }
        }
        // So many pixels were made.
        BgrImage::new(UPRIGHT, UPRIGHT, upright).ok()
    }

    /// It in the photo, black where it reaches outside.
    pub fn crop<'a>(&self, image: &'a BgrImage) -> Crop<'a> {
        Crop {
            image,
            left: self.left,
            top: self.top,
            width: self.side,
            height: self.side,
        }
    }

    /// Where a point of it, 0..1 across and down, is in the photo.
    pub fn in_image(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let side = self.side as f32;
        if self.roll == 0.0 {
            return [self.left as f32 + x * side, self.top as f32 + y * side];
        }
        let [dx, dy] = self.turned([(x - 0.5) * side, (y - 0.5) * side]);
        [self.left as f32 + side / 2.0 + dx, self.top as f32 + side / 2.0 + dy]
    }

    /// A way in the upright picture as one in the photo.
    fn turned(&self, [x, y]: [f32; 2]) -> [f32; 2] {
        let (sin, cos) = self.roll.sin_cos();
        [cos * x - sin * y, sin * x + cos * y]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A face in a box of 40 x 40 pixels at (30, 20), its eyes' line rolled by `degrees`.
    fn face(degrees: f32) -> Face {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let at = |x: f32, y: f32| [50.0 + cos * x - sin * y, 40.0 + sin * x + cos * y];
        Face {
            bbox: [30.0, 20.0, 70.0, 60.0],
            score: 1.0,
            landmarks: [at(-8.0, -5.0), at(8.0, -5.0), at(0.0, 0.0), at(-5.0, 8.0), at(5.0, 8.0)],
        }
    }

    #[test]
    fn a_rolled_face_is_turned_upright_and_back() {
        // White about where the left eye is.
        for degrees in [-60.0, -20.0, 20.0, 45.0, 90.0, 170.0] {
            let face = face(degrees);
            let [eye_x, eye_y] = face.landmarks[0];
            let white = |at: usize| {
                let (x, y) = ((at % 100) as f32 + 0.5, (at / 100) as f32 + 0.5);
                (x - eye_x).hypot(y - eye_y) < 3.0
            };
            let pixels = (0..100 * 100).flat_map(|at| [if white(at) { 255 } else { 0 }; 3]);
            let image = BgrImage::new(100, 100, pixels.collect()).unwrap();
            let square = Square::of(&face).unwrap();
            let upright = square.upright(&image).unwrap();
            // The mean place of what is white in the picture.
            let (mut sum, mut place) = (0.0, [0.0; 2]);
            for (at, pixel) in upright.data().chunks_exact(3).enumerate() {
                let weight = f32::from(pixel[0]);
                sum += weight;
                place[0] += weight * ((at % UPRIGHT) as f32 + 0.5);
                place[1] += weight * ((at / UPRIGHT) as f32 + 0.5);
            }
            let place = place.map(|at| at / sum / UPRIGHT as f32);
            // 8 of 40 to the left of the middle, 5 above it.
            assert!(
                (place[0] - 0.3).abs() < 0.01 && (place[1] - 0.375).abs() < 0.01,
                "{degrees}: {place:?}"
            );
            let [x, y] = square.in_image(place);
            assert!((x - eye_x).hypot(y - eye_y) < 0.5, "{degrees}: {x} {y}");
        }
    }

    #[test]
    fn an_upright_face_is_seen_as_it_is() {
        let square = Square::of(&face(10.0)).unwrap();
        let image = BgrImage::new(1, 1, vec![0; 3]).unwrap();
        assert!(square.upright(&image).is_none());
        let crop = square.crop(&image);
        assert_eq!((crop.left, crop.top, crop.width, crop.height), (30, 20, 40, 40));
        assert_eq!(square.in_image([0.5, 0.25]), [50.0, 30.0]);
    }

    #[test]
    fn absurd_faces_are_nowhere() {
        for bbox in [[0.0; 4], [f32::NAN; 4], [0.0, 0.0, 1e9, 1e9], [1e30, 0.0, 1e31, 1e31]] {
            let face = Face { bbox, ..face(0.0) };
            assert!(Square::of(&face).is_none());
        }
    }
}
