//! An aligned face's pixels, which networks take.

use crate::error::{Error, ErrorKind, Result};
use crate::image::BgrImage;
use crate::wiped::Wiped;
use std::fmt;
use std::sync::Arc;

/// An aligned face: 112x112 pixels, BGR, 8 bit, rows packed. It never changes: clones share the pixels, which are
/// overwritten when the last of them goes.
#[derive(Clone, PartialEq, Eq)]
pub struct Chip {
    bgr: Arc<Wiped<u8>>,
}

impl Chip {
    /// Side in pixels.
    pub const SIZE: usize = 112;

    /// Bytes of a chip.
    pub const BYTES: usize = Self::SIZE * Self::SIZE * 3;

    /// Takes 112 * 112 * 3 bytes of BGR pixels, row by row.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for another number of bytes.
    pub fn from_bgr(bgr: Vec<u8>) -> Result<Self> {
        if bgr.len() != Self::BYTES {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "an aligned chip has {} bytes (112 x 112 BGR), not {}",
                    Self::BYTES,
                    bgr.len()
                ),
            ));
        }
        Ok(Chip {
            bgr: Arc::new(bgr.into()),
        })
    }

    /// Takes an image that is already an aligned chip.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the image is not 112x112.
    pub fn from_image(image: BgrImage) -> Result<Self> {
        if (image.width(), image.height()) != (Chip::SIZE, Chip::SIZE) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "an aligned chip is 112 x 112 pixels, this image is {} x {}: align it first",
                    image.width(),
                    image.height()
                ),
            ));
        }
        Chip::from_bgr(image.into_data())
    }

    /// The BGR bytes, row by row.
    pub fn bgr(&self) -> &[u8] {
        &self.bgr
    }

    /// The chip as an image.
    pub fn to_image(&self) -> BgrImage {
        BgrImage::new(Chip::SIZE, Chip::SIZE, self.bgr.to_vec()).expect("a chip has the size of its image")
    }
}

/// None of the pixels.
impl fmt::Debug for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chip").finish_non_exhaustive()
    }
}
