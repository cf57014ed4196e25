//! At which sizes a photo is looked at.

use crate::image::BgrImage;

/// Side of the smallest face that the network sees well, in its pixels. It was trained on faces of 10 to 300 pixels; three
/// photos of the demo, pasted small into a large one, passed its threshold when their faces had 15 to 18.
const SMALLEST: f64 = 16.0;

/// The smallest face that can be asked for, in the photo's pixels.
const LEAST_MINIMUM: f32 = 12.0;

/// Length of a photo's longer side at which a face that fills it is still one that the network knows, and one of a
/// sixteenth of it is still seen.
const USUAL: usize = 256;

/// Above this length a face that fills the photo is too large for the network: it is looked for at [`USUAL`] as well.
const LONGEST_ALONE: usize = 460;

/// No photo is looked at larger: it bounds time and memory.
const LONGEST: usize = 2560;

/// How long a photo is that is looked at again because nothing was found.
const AGAIN: usize = 640;

/// How long one is that has black around it, so that a face which goes on beyond its frame is found, and how much black.
const FRAMED: usize = 160;
const FRAME: usize = 64;

/// The side of the smallest face that is looked for where nobody says, in pixels; and in small photos, which part of the
/// longer side. [`LEAST_MINIMUM`] at least.
const MINIMUM: f32 = 40.0;
const MINIMUM_PART: f32 = 8.0;

/// One look at a photo.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pass {
    /// Width and height to which the photo is resized.
    pub size: (usize, usize),
    /// Black around it.
    pub margin: usize,
    /// Least longer side of a face, in the photo's pixels.
    pub minimum: f32,
}

/// The looks at a photo, in groups: the next group only where the one before found nothing. In a group the largest comes first.
pub(super) fn passes(image: &BgrImage, wanted: Option<f32>) -> [Vec<Pass>; 3] {
    let longer = image.width().max(image.height());
    let part = (longer as f32 / MINIMUM_PART).max(LEAST_MINIMUM);
    let minimum = wanted.unwrap_or(MINIMUM.min(part));
    let pass = |length: usize, margin: usize, minimum: f32| {
        let side = |side: usize| ((side * length) as f64 / longer as f64).round().max(1.0) as usize;
        Pass {
            size: (side(image.width()), side(image.height())),
            margin,
            minimum,
        }
    };
    // As long as the smallest face needs it, but not longer than the photo is.
    let needed = (longer as f64 * SMALLEST / f64::from(minimum)).ceil() as usize;
    let length = needed.min(longer).clamp(USUAL, LONGEST);
    let mut first = vec![pass(length, 0, minimum)];
    if length > LONGEST_ALONE {
        first.push(pass(USUAL, 0, minimum));
    }
    let framed = vec![pass(FRAMED, FRAME, minimum)];
    // It shows smaller faces too, which are better than none where nobody says how small they may be.
    let smaller = wanted.unwrap_or(minimum * length as f32 / AGAIN as f32);
    let again = if length < AGAIN {
        vec![pass(AGAIN, 0, smaller)]
    } else {
        Vec::new()
    };
    [first, framed, again]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(width: usize, height: usize, minimum: Option<f32>) -> Vec<usize> {
        let image = BgrImage::new(width, height, vec![0; width * height * 3]).unwrap();
        let [first, ..] = passes(&image, minimum);
        first.iter().map(|pass| pass.size.0.max(pass.size.1)).collect()
    }

    #[test]
    fn a_photo_is_looked_at_as_large_as_its_smallest_face_needs() {
        assert_eq!(lengths(250, 250, None), [256]);
        assert_eq!(lengths(910, 1137, None), [455]);
        // A face of 40 pixels, and one that fills the photo.
        assert_eq!(lengths(4000, 300, None), [1600, 256]);
        assert_eq!(lengths(4000, 30, Some(12.0)), [2560, 256]);
        assert_eq!(lengths(400, 30, Some(200.0)), [256]);
        assert_eq!(lengths(1, 1, None), [256]);
    }

    #[test]
    fn smaller_ones_than_wanted_are_never_looked_for() {
        let image = BgrImage::new(300, 200, vec![0; 300 * 200 * 3]).unwrap();
        let smallest = |wanted| {
            let all = passes(&image, wanted).concat();
            all.iter().map(|pass| pass.minimum).fold(f32::INFINITY, f32::min)
        };
        assert_eq!(smallest(Some(60.0)), 60.0);
        assert_eq!(smallest(None), 15.0);
    }

    #[test]
    fn no_side_is_nothing() {
        let image = BgrImage::new(5000, 1, vec![0; 15000]).unwrap();
        for pass in passes(&image, None).concat() {
            assert!(pass.size.0 >= 1 && pass.size.1 >= 1, "{pass:?}");
        }
    }
}
