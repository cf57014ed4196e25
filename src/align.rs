//! The similarity transform to the 112x112 chip.

use crate::error::{Error, ErrorKind, Result};

/// An aligned face: 112x112 pixels, three bytes each (blue, green, red), row-major from the top left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chip {
    bgr: Vec<u8>,
}

impl Chip {
    /// Width and height in pixels.
    pub const SIZE: usize = 112;

    /// A chip from its pixels.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when `bgr` has not 112 * 112 * 3 bytes.
    pub fn from_bgr(bgr: Vec<u8>) -> Result<Self> {
        let wanted = Self::SIZE * Self::SIZE * 3;
        if bgr.len() != wanted {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a chip has {wanted} bytes (112 x 112 x 3), not {}", bgr.len()),
            ));
        }
        Ok(Chip { bgr })
    }

    /// The pixels, row-major, three bytes each: blue, green, red.
    pub fn bgr(&self) -> &[u8] {
        &self.bgr
    }
}
