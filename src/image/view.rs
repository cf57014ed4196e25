//! A caller's pixels, borrowed: format, planes and strides checked once, then turned into an upright [`BgrImage`].

use super::rotate::Rotation;
use super::yuv::Yuv;
use super::{BgrImage, DecodeLimits};
use crate::error::{Error, ErrorKind, Result};
use std::fmt;

/// How the bytes of the pixels are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// 3 bytes: blue, green, red.
    Bgr,
    /// 3 bytes: red, green, blue.
    Rgb,
    /// 1 byte of luminance.
    Gray,
    /// 4 bytes: blue, green, red, alpha. The alpha is dropped.
    Bgra,
    /// 4 bytes: red, green, blue, alpha. The alpha is dropped.
    Rgba,
    /// A plane of luma, then one of interleaved chroma (Cb, Cr) for each 2 x 2 pixels. Even sides only.
    Nv12,
    /// As [`PixelFormat::Nv12`], with the chroma in the order Cr, Cb: what Android's cameras give.
    Nv21,
    /// A plane of luma, one of Cb and one of Cr for each 2 x 2 pixels (YUV 4:2:0 planar). Even sides only.
    I420,
}

impl PixelFormat {
    /// Bytes per pixel in a row; of the luma plane where there are several.
    pub fn bytes(self) -> usize {
        match self {
            PixelFormat::Bgr | PixelFormat::Rgb => 3,
            PixelFormat::Bgra | PixelFormat::Rgba => 4,
            PixelFormat::Gray | PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420 => 1,
        }
    }

    /// Whether it has planes of chroma beside the luma.
    pub fn is_yuv(self) -> bool {
        matches!(self, PixelFormat::Nv12 | PixelFormat::Nv21 | PixelFormat::I420)
    }
}

/// 8-bit pixels owned by the caller. Row `y` of a plane begins at byte `y * stride`; a plane's last row needs no
/// padding.
#[derive(Clone, Copy)]
pub struct ImageView<'a> {
    data: &'a [u8],
    stride: usize,
    /// The planes behind the luma: one for NV12 and NV21, two for I420, else none.
    chroma: [&'a [u8]; 2],
    chroma_stride: usize,
    width: usize,
    height: usize,
    format: PixelFormat,
    yuv: Yuv,
    rotation: Rotation,
}

/// None of the pixels.
impl fmt::Debug for ImageView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImageView")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("stride", &self.stride)
            .field("format", &self.format)
            .field("yuv", &self.yuv)
            .field("rotation", &self.rotation)
            .finish_non_exhaustive()
    }
}

impl<'a> ImageView<'a> {
    /// Describes `data` as an image of `width` x `height` pixels with `stride` bytes from row to row.
    ///
    /// NV12, NV21 and I420 have all their planes in `data`, one behind the other: `height` luma rows of `stride` bytes
    /// each, then `height / 2` rows of interleaved chroma of `stride` bytes each, or `height / 2` rows of Cb and as
    /// many of Cr of `stride / 2` bytes each.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when a side is 0 or over `u32::MAX`, a side (or I420's `stride`) is odd where
    /// there is chroma, `stride` is shorter than a row, or `data` is too short.
    pub fn new(data: &'a [u8], width: usize, height: usize, stride: usize, format: PixelFormat) -> Result<Self> {
        if !format.is_yuv() {
            return Self::with_planes(data, stride, [&[]; 2], 0, width, height, format);
        }
        // An odd width is refused for itself below.
        if format == PixelFormat::I420 && width.is_multiple_of(2) && !stride.is_multiple_of(2) {
            return Err(invalid(format!(
                "stride {stride} of I420 is odd: give the planes and their strides one by one"
            )));
        }
        let luma = Plane::new("luma", width, height, 1, stride)?;
        let luma_bytes = luma.whole()?;
        let (chroma_stride, second) = match format {
            PixelFormat::I420 => (stride / 2, true),
            _ => (stride, false),
        };
        let chroma = chroma_plane(width, height, chroma_stride, format)?;
        let behind = if second { chroma.whole()? } else { 0 };
        let needed = luma_bytes
            .checked_add(behind)
            .and_then(|n| n.checked_add(chroma.needed))
            .ok_or_else(|| luma.too_large())?;
        if data.len() < needed {
            return Err(invalid(format!(
                "an image of {width} x {height} {format:?} pixels with stride {stride} needs {needed} bytes, {} were given",
                data.len()
            )));
        }
        let (luma, rest) = data.split_at(luma_bytes);
        let planes = if second {
            let (cb, cr) = rest.split_at(behind);
            [cb, cr]
        } else {
            [rest, &[]]
        };
        Self::with_planes(luma, stride, planes, chroma_stride, width, height, format)
    }

    /// Describes an image whose planes lie in different places. `chroma` is the interleaved plane and an empty one for
    /// NV12 and NV21, Cb and Cr for I420, and two empty ones (with `chroma_stride` 0) for every other format.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] as [`ImageView::new`], for each plane, and for a plane too many.
    pub fn with_planes(
        luma: &'a [u8],
        stride: usize,
        chroma: [&'a [u8]; 2],
        chroma_stride: usize,
        width: usize,
        height: usize,
        format: PixelFormat,
    ) -> Result<Self> {
        let name = if format.is_yuv() { "luma" } else { "" };
        Plane::new(name, width, height, format.bytes(), stride)?.check(luma, format)?;
        // The BGR copy must be addressable too.
        let addressable = width.checked_mul(height).and_then(|n| n.checked_mul(3));
        if addressable.is_none_or(|n| n > isize::MAX as usize) || width.max(height) > u32::MAX as usize {
            return Err(invalid(format!("an image of {width} x {height} pixels is too large")));
        }
        let planes = match format {
            PixelFormat::Nv12 | PixelFormat::Nv21 => 1,
            PixelFormat::I420 => 2,
            _ => 0,
        };
        if planes > 0 {
            let plane = chroma_plane(width, height, chroma_stride, format)?;
            for bytes in &chroma[..planes] {
                plane.check(bytes, format)?;
            }
        }
        if chroma[planes..].iter().any(|bytes| !bytes.is_empty()) {
            return Err(invalid(format!(
                "{format:?} has {planes} planes of chroma, more were given"
            )));
        }
        Ok(ImageView {
            data: luma,
            stride,
            chroma,
            chroma_stride,
            width,
            height,
            format,
            yuv: Yuv::default(),
            rotation: Rotation::None,
        })
    }

    /// The same pixels with their luma and chroma written as `yuv` says. Without effect for the other formats.
    pub fn with_yuv(self, yuv: Yuv) -> Self {
        ImageView { yuv, ..self }
    }

    /// The same pixels of a picture that `rotation` turns upright, in place of any rotation set before.
    pub fn rotated(self, rotation: Rotation) -> Self {
        ImageView { rotation, ..self }
    }

    /// Width in pixels of the upright picture.
    pub fn width(&self) -> usize {
        if self.rotation.swaps_sides() {
            self.height
        } else {
            self.width
        }
    }

    /// Height in pixels of the upright picture.
    pub fn height(&self) -> usize {
        if self.rotation.swaps_sides() {
            self.width
        } else {
            self.height
        }
    }

    /// Checks the image against [`DecodeLimits::pixels`].
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when it has more pixels.
    pub fn check_limit(&self, limits: &DecodeLimits) -> Result<()> {
        super::check_pixels(self.width as u64, self.height as u64, limits)
    }

    /// Copies the pixels into a packed BGR image, turned upright.
    pub fn to_bgr(&self) -> BgrImage {
        let mut data = vec![0u8; self.width * self.height * 3];
        let conversion = self.yuv.conversion();
        for (y, out) in data.chunks_exact_mut(self.width * 3).enumerate() {
            let line = row(self.data, y, self.stride, self.width * self.format.bytes());
            let chroma = |plane: usize, bytes: usize| row(self.chroma[plane], y / 2, self.chroma_stride, bytes);
            match self.format {
                PixelFormat::Bgr => out.copy_from_slice(line),
                PixelFormat::Rgb => copy_pixels(line, out, |p: &[u8; 3]| [p[2], p[1], p[0]]),
                PixelFormat::Gray => copy_pixels(line, out, |&[v]: &[u8; 1]| [v, v, v]),
                PixelFormat::Bgra => copy_pixels(line, out, |p: &[u8; 4]| [p[0], p[1], p[2]]),
                PixelFormat::Rgba => copy_pixels(line, out, |p: &[u8; 4]| [p[2], p[1], p[0]]),
                PixelFormat::Nv12 => {
                    let pairs = chroma(0, self.width).as_chunks().0.iter();
                    conversion.row(line, pairs.map(|&[cb, cr]| (cb, cr)), out);
                }
                PixelFormat::Nv21 => {
                    let pairs = chroma(0, self.width).as_chunks().0.iter();
                    conversion.row(line, pairs.map(|&[cr, cb]| (cb, cr)), out);
                }
                PixelFormat::I420 => {
                    let (cb, cr) = (chroma(0, self.width / 2), chroma(1, self.width / 2));
                    conversion.row(line, cb.iter().copied().zip(cr.iter().copied()), out);
                }
            }
        }
        let image = BgrImage {
            width: self.width,
            height: self.height,
            data,
        };
        image.rotated(self.rotation)
    }
}

/// The first `bytes` bytes of row `y`.
fn row(plane: &[u8], y: usize, stride: usize, bytes: usize) -> &[u8] {
    &plane[y * stride..y * stride + bytes]
}

/// Turns each pixel of `N` bytes into its blue, green and red.
fn copy_pixels<const N: usize>(row: &[u8], out: &mut [u8], bgr: impl Fn(&[u8; N]) -> [u8; 3]) {
    for (to, from) in out.as_chunks_mut().0.iter_mut().zip(row.as_chunks().0) {
        *to = bgr(from);
    }
}

/// The size of one plane.
struct Plane {
    name: &'static str,
    width: usize,
    height: usize,
    stride: usize,
    /// Bytes from its first to its last sample.
    needed: usize,
}

/// The size of a plane of chroma, whose samples cover 2 x 2 pixels.
fn chroma_plane(width: usize, height: usize, stride: usize, format: PixelFormat) -> Result<Plane> {
    if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
        return Err(invalid(format!(
            "{format:?} needs an even width and height, the image is {width} x {height}"
        )));
    }
    let samples = if format == PixelFormat::I420 { 1 } else { 2 };
    Plane::new("chroma", width / 2, height / 2, samples, stride)
}

impl Plane {
    /// A plane of `height` rows of `width` samples of `bytes` bytes each.
    fn new(name: &'static str, width: usize, height: usize, bytes: usize, stride: usize) -> Result<Plane> {
        if width == 0 || height == 0 {
            return Err(invalid(format!("an image of {width} x {height} pixels has no pixel")));
        }
        let mut plane = Plane {
            name,
            width,
            height,
            stride,
            needed: 0,
        };
        let row = width.checked_mul(bytes).ok_or_else(|| plane.too_large())?;
        if stride < row {
            let what = if name.is_empty() {
                "stride"
            } else {
                &format!("{name} stride")
            };
            return Err(invalid(format!(
                "{what} {stride} is shorter than a row of {width} samples ({row} bytes)"
            )));
        }
        plane.needed = (height - 1)
            .checked_mul(stride)
            .and_then(|n| n.checked_add(row))
            .ok_or_else(|| plane.too_large())?;
        Ok(plane)
    }

    /// Bytes up to where the next plane begins.
    fn whole(&self) -> Result<usize> {
        self.height.checked_mul(self.stride).ok_or_else(|| self.too_large())
    }

    fn check(&self, bytes: &[u8], format: PixelFormat) -> Result<()> {
        if bytes.len() >= self.needed {
            return Ok(());
        }
        let Plane {
            name,
            width,
            height,
            stride,
            needed,
        } = self;
        let what = if name.is_empty() {
            "an image".to_owned()
        } else {
            format!("a {name} plane")
        };
        Err(invalid(format!(
            "{what} of {width} x {height} {format:?} pixels with stride {stride} needs {needed} bytes, {} were given",
            bytes.len()
        )))
    }

    fn too_large(&self) -> Error {
        let (width, height, stride) = (self.width, self.height, self.stride);
        invalid(format!(
            "an image of {width} x {height} pixels with stride {stride} is too large"
        ))
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

#[cfg(test)]
mod tests;
