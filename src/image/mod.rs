//! Pixels: borrowed views of any layout, an owned BGR image, kinds of image files, decoding with limits,
//! OpenCV-compatible resizing.
//!
//! The reference pipeline reads with OpenCV: 8-bit BGR, EXIF orientation applied, grey expanded to three channels, alpha
//! dropped. Everything behind this module works on [`BgrImage`] only.

mod decode;
mod kind;
mod resize;
mod rotate;
mod view;
mod yuv;

pub use decode::{DecodeLimits, decode, read};
pub use kind::ImageKind;
pub(crate) use resize::{Crop, resize_f32, resize_u8, resize_u8_into};
pub use rotate::Rotation;
pub use view::{ImageView, PixelFormat};
pub use yuv::Yuv;

use crate::error::{Error, ErrorKind, Result};
use std::fmt;

/// An owned 8-bit image, three channels in the order blue, green, red, rows packed without padding.
#[derive(Clone, PartialEq, Eq)]
pub struct BgrImage {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl BgrImage {
    /// Takes packed BGR rows: `data` has `3 * width * height` bytes, both sides 1 to `u32::MAX` pixels.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the sizes don't fit.
    pub fn new(width: usize, height: usize, data: Vec<u8>) -> Result<Self> {
        let wanted = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        if width == 0 || height == 0 || width.max(height) > u32::MAX as usize || wanted != Some(data.len()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "a BGR image of {width} x {height} pixels can't have {} bytes",
                    data.len()
                ),
            ));
        }
        Ok(BgrImage { width, height, data })
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The packed BGR bytes, row by row.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The packed BGR bytes, without a copy.
    pub(crate) fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// The packed RGB bytes, row by row, as pictures are mostly written.
    pub fn to_rgb(&self) -> Vec<u8> {
        let mut rgb = self.data.clone();
        for pixel in rgb.chunks_exact_mut(3) {
            pixel.swap(0, 2);
        }
        rgb
    }

    /// From packed RGB bytes, row by row.
    ///
    /// # Errors
    /// As [`BgrImage::new`].
    pub fn from_rgb(width: usize, height: usize, rgb: Vec<u8>) -> Result<Self> {
        let mut data = rgb;
        for pixel in data.chunks_exact_mut(3) {
            pixel.swap(0, 2);
        }
        BgrImage::new(width, height, data)
    }
}

/// None of the pixels.
impl fmt::Debug for BgrImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BgrImage")
            .field("width", &self.width)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}

/// Refuses an image with more pixels than `limits` allow.
fn check_pixels(width: u64, height: u64, limits: &DecodeLimits) -> Result<()> {
    if width.checked_mul(height).is_some_and(|pixels| pixels <= limits.pixels) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Limit,
        format!(
            "the image is {width} x {height} pixels, the limit is {} pixels",
            limits.pixels
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_must_fit() {
        assert!(BgrImage::new(2, 2, vec![0; 11]).is_err());
        assert!(BgrImage::new(0, 2, vec![]).is_err());
        assert!(BgrImage::new(usize::MAX, 2, vec![]).is_err());
    }
}
