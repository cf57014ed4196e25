//! A caller's pixels, borrowed: format and stride checked once, then turned into a [`BgrImage`].

use super::BgrImage;
use crate::error::{Error, ErrorKind, Result};

/// How the bytes of one pixel are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 3 bytes: blue, green, red.
    Bgr,
    /// 3 bytes: red, green, blue.
    Rgb,
    /// 1 byte of luminance.
    Gray,
}

impl PixelFormat {
    /// Bytes per pixel.
    pub fn bytes(self) -> usize {
        match self {
            PixelFormat::Bgr | PixelFormat::Rgb => 3,
            PixelFormat::Gray => 1,
        }
    }
}

/// 8-bit pixels owned by the caller. Row `y` begins at byte `y * stride`.
#[derive(Debug, Clone, Copy)]
pub struct ImageView<'a> {
    data: &'a [u8],
    width: usize,
    height: usize,
    stride: usize,
    format: PixelFormat,
}

impl<'a> ImageView<'a> {
    /// Describes `data` as an image of `width` x `height` pixels with `stride` bytes from row to row. The last row
    /// needs no padding.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when a side is 0, `stride` is shorter than a row, or `data` is too short.
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize, format: PixelFormat) -> Result<Self> {
        let needed = bytes_needed(width, height, stride, format)?;
        if data.len() < needed {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "an image of {width} x {height} {format:?} pixels with stride {stride} needs {needed} bytes, {} were given",
                    data.len()
                ),
            ));
        }
        Ok(ImageView {
            data,
            width,
            height,
            stride,
            format,
        })
    }

    /// Copies the pixels into a packed BGR image.
    pub fn to_bgr(&self) -> BgrImage {
        let row_bytes = self.width * self.format.bytes();
        let mut data = Vec::with_capacity(self.width * self.height * 3);
        for y in 0..self.height {
            let row = &self.data[y * self.stride..y * self.stride + row_bytes];
            match self.format {
                PixelFormat::Bgr => data.extend_from_slice(row),
                PixelFormat::Rgb => data.extend(row.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]])),
                PixelFormat::Gray => data.extend(row.iter().flat_map(|&v| [v, v, v])),
            }
        }
        BgrImage {
            width: self.width,
            height: self.height,
            data,
        }
    }
}

/// Bytes an image occupies from its first to its last pixel.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when a side is 0, `stride` is shorter than a row, or the size overflows.
pub(crate) fn bytes_needed(width: usize, height: usize, stride: usize, format: PixelFormat) -> Result<usize> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidArgument, message);
    if width == 0 || height == 0 {
        return Err(invalid(format!("an image of {width} x {height} pixels has no pixel")));
    }
    let too_large = || {
        invalid(format!(
            "an image of {width} x {height} pixels with stride {stride} is too large"
        ))
    };
    let row = width.checked_mul(format.bytes()).ok_or_else(too_large)?;
    if stride < row {
        return Err(invalid(format!(
            "stride {stride} is shorter than a row of {width} {format:?} pixels ({row} bytes)"
        )));
    }
    // The BGR copy must be addressable too.
    width
        .checked_mul(height)
        .and_then(|n| n.checked_mul(3))
        .ok_or_else(too_large)?;
    (height - 1)
        .checked_mul(stride)
        .and_then(|n| n.checked_add(row))
        .ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_strides_become_bgr() {
        let rgb = [1, 2, 3, 4, 5, 6, 99, 99, 7, 8, 9, 10, 11, 12];
        let view = ImageView::new(&rgb, 2, 2, 8, PixelFormat::Rgb).unwrap();
        assert_eq!(view.to_bgr().data(), [3, 2, 1, 6, 5, 4, 9, 8, 7, 12, 11, 10]);
        let view = ImageView::new(&rgb, 2, 2, 8, PixelFormat::Bgr).unwrap();
        assert_eq!(view.to_bgr().data(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        let view = ImageView::new(&[5, 6, 0, 7, 8], 2, 2, 3, PixelFormat::Gray).unwrap();
        assert_eq!(view.to_bgr().data(), [5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8]);
    }

    #[test]
    fn wrong_sizes_are_refused() {
        for (width, height, stride) in [(0, 1, 3), (1, 0, 3), (2, 2, 5), (2, 2, 7), (usize::MAX, 1, usize::MAX)] {
            let error = ImageView::new(&[0; 12], width, height, stride, PixelFormat::Bgr).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{width} {height} {stride}");
        }
        assert!(ImageView::new(&[0; 12], 2, 2, 6, PixelFormat::Bgr).is_ok());
        assert!(ImageView::new(&[], 1, usize::MAX, usize::MAX, PixelFormat::Gray).is_err());
    }
}
