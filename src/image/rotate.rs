//! Turning a picture upright by quarter turns.

use super::BgrImage;
use crate::error::{Error, ErrorKind, Result};
use image::{ImageBuffer, Rgb, imageops};

/// The clockwise turn that makes a picture upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Rotation {
    /// It is upright.
    #[default]
    None,
    /// By 90 degrees clockwise: the left column becomes the top row.
    Clockwise90,
    /// By 180 degrees.
    Clockwise180,
    /// By 270 degrees clockwise, 90 counter-clockwise: the right column becomes the top row.
    Clockwise270,
}

impl Rotation {
    /// The turn by `degrees` clockwise: 0, 90, 180 or 270.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for any other number.
    pub fn from_degrees(degrees: u32) -> Result<Self> {
        match degrees {
            0 => Ok(Rotation::None),
            90 => Ok(Rotation::Clockwise90),
            180 => Ok(Rotation::Clockwise180),
            270 => Ok(Rotation::Clockwise270),
            other => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a rotation of {other} degrees: 0, 90, 180 and 270 are allowed"),
            )),
        }
    }

    /// Degrees clockwise: 0, 90, 180 or 270.
    pub fn degrees(self) -> u32 {
        match self {
            Rotation::None => 0,
            Rotation::Clockwise90 => 90,
            Rotation::Clockwise180 => 180,
            Rotation::Clockwise270 => 270,
        }
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        matches!(self, Rotation::Clockwise90 | Rotation::Clockwise270)
    }
}

impl BgrImage {
    /// The picture turned clockwise by `rotation`.
    pub fn rotated(self, rotation: Rotation) -> BgrImage {
        if rotation == Rotation::None {
            return self;
        }
        // The order of the channels doesn't matter here. No image has a side that u32 can't hold.
        let mut picture: ImageBuffer<Rgb<u8>, Vec<u8>> =
            ImageBuffer::from_raw(self.width as u32, self.height as u32, self.data).expect("sizes were checked in new");
        match rotation {
            Rotation::None => {}
            Rotation::Clockwise90 => picture = imageops::rotate90(&picture),
            Rotation::Clockwise180 => imageops::rotate180_in_place(&mut picture),
            Rotation::Clockwise270 => picture = imageops::rotate270(&picture),
        }
        BgrImage {
            width: picture.width() as usize,
            height: picture.height() as usize,
            data: picture.into_raw(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the pixel at column `x`, row `y` of the turned picture was before, by the definition of the turn.
    fn source(rotation: Rotation, (width, height): (usize, usize), x: usize, y: usize) -> (usize, usize) {
        match rotation {
            Rotation::None => (x, y),
            Rotation::Clockwise90 => (y, height - 1 - x),
            Rotation::Clockwise180 => (width - 1 - x, height - 1 - y),
            Rotation::Clockwise270 => (width - 1 - y, x),
        }
    }

    #[test]
    fn every_turn_moves_every_pixel_to_its_place() {
        for (width, height) in [(1, 1), (2, 2), (5, 3), (1, 7), (6, 1)] {
            let data: Vec<u8> = (0..width * height * 3).map(|i| (i * 41 % 253) as u8).collect();
            let image = BgrImage::new(width, height, data).unwrap();
            for degrees in [0, 90, 180, 270] {
                let rotation = Rotation::from_degrees(degrees).unwrap();
                assert_eq!(rotation.degrees(), degrees);
                let turned = image.clone().rotated(rotation);
                let wanted = if rotation.swaps_sides() {
                    (height, width)
                } else {
                    (width, height)
                };
                assert_eq!((turned.width(), turned.height()), wanted);
                for y in 0..turned.height() {
                    for x in 0..turned.width() {
                        let (from_x, from_y) = source(rotation, (width, height), x, y);
                        let (to, from) = (3 * (y * turned.width() + x), 3 * (from_y * width + from_x));
                        assert_eq!(
                            turned.data()[to..to + 3],
                            image.data()[from..from + 3],
                            "{rotation:?} of {width} x {height} at ({x}, {y})"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn other_turns_are_refused() {
        for degrees in [1, 89, 360, u32::MAX] {
            let error = Rotation::from_degrees(degrees).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(&degrees.to_string()), "{error}");
        }
    }
}
