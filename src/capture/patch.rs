//! The face at one size, whatever size it has in the photo, so that two photos of one scene measure alike.

use crate::align::{self, TEMPLATE};
use crate::chip::Chip;
use crate::error::Result;
use crate::face::Landmarks;
use crate::image::BgrImage;

/// Width and height, as of a chip, whose place in the face it has.
pub(super) const SIDE: usize = Chip::SIZE;

/// Most samples along one axis that are averaged for a pixel. A larger face is sampled, which an average doesn't notice.
const MOST_SAMPLES: usize = 8;

/// The face as the chip shows it, but averaged where the photo has more pixels than that; a chip is sampled, as published.
pub(super) struct Patch {
    /// Blue, green and red, 0..255, of each pixel inside the photo.
    pixels: Vec<Option<[f32; 3]>>,
}

impl Patch {
    /// # Errors
    /// As [`align::similarity`].
    pub fn cut(image: &BgrImage, landmarks: &Landmarks) -> Result<Patch> {
        let matrix = align::similarity(landmarks)?;
        let [[a, b, tx], [c, d, ty]] = align::invert(&matrix)?;
        // Photo pixels for one of the patch.
        let step = (a * a + c * c).sqrt();
        let samples = (step.ceil() as usize).clamp(1, MOST_SAMPLES);
        let offsets: Vec<f64> = (0..samples)
            .map(|index| (index as f64 + 0.5) / samples as f64 - 0.5)
            .collect();
        let pixel = |index: usize| {
            let (x, y) = ((index % SIDE) as f64, (index / SIDE) as f64);
            let mut sum = [0.0f32; 3];
            for v in offsets.iter().map(|offset| y + offset) {
                for u in offsets.iter().map(|offset| x + offset) {
                    let value = sample(image, a * u + b * v + tx, c * u + d * v + ty)?;
                    sum.iter_mut().zip(value).for_each(|(sum, value)| *sum += value);
                }
            }
            Some(sum.map(|sum| sum / (samples * samples) as f32))
        };
        Ok(Patch {
            pixels: (0..SIDE * SIDE).map(pixel).collect(),
        })
    }

    /// The pixel at a place, if it is inside the photo.
    pub fn at(&self, x: usize, y: usize) -> Option<[f32; 3]> {
        self.pixels[y * SIDE + x]
    }

    /// The pixels of the face that are inside the photo, each with its column.
    pub fn face(&self) -> impl Iterator<Item = (usize, [f32; 3])> {
        let places = (0..SIDE * SIDE).map(|index| (index % SIDE, index / SIDE));
        let places = places.filter(|&(x, y)| is_face(x, y));
        places.filter_map(|(x, y)| Some((x, self.at(x, y)?)))
    }
}

/// Bilinear, nothing outside the photo.
fn sample(image: &BgrImage, x: f64, y: f64) -> Option<[f32; 3]> {
    let (left, top) = (x.floor(), y.floor());
    if !(left >= 0.0 && top >= 0.0 && x <= (image.width() - 1) as f64 && y <= (image.height() - 1) as f64) {
        return None;
    }
    let (fx, fy) = ((x - left) as f32, (y - top) as f32);
    let (left, top) = (left as usize, top as usize);
    // At the last column or row the second weighs nothing.
    let (right, bottom) = ((left + 1).min(image.width() - 1), (top + 1).min(image.height() - 1));
    let at = |x: usize, y: usize, channel: usize| f32::from(image.data()[3 * (y * image.width() + x) + channel]);
    Some(std::array::from_fn(|channel| {
        let upper = at(left, top, channel) * (1.0 - fx) + at(right, top, channel) * fx;
        let lower = at(left, bottom, channel) * (1.0 - fx) + at(right, bottom, channel) * fx;
        upper * (1.0 - fy) + lower * fy
    }))
}

/// The ellipse that stands for the face: from above the brows to below the lips, as wide as the cheeks, about the nose.
fn is_face(x: usize, y: usize) -> bool {
    let nose = TEMPLATE[2];
    let (x, y) = (x as f32 - nose[0], y as f32 - nose[1]);
    (x / 30.0).powi(2) + (y / 36.0).powi(2) <= 1.0
}
