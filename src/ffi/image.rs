//! Pixels as C programs hold them.

use super::memory::{Sized32, array, init_sized, invalid, read_sized};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use crate::image::{ImageView, PixelFormat};

/// How the bytes of one pixel are ordered.
pub type qmf_pixel_format = i32;
/// 3 bytes: blue, green, red.
pub const QMF_PIXEL_BGR: qmf_pixel_format = 0;
/// 3 bytes: red, green, blue.
pub const QMF_PIXEL_RGB: qmf_pixel_format = 1;
/// 1 byte of luminance.
pub const QMF_PIXEL_GRAY: qmf_pixel_format = 2;

/// 8-bit pixels that stay the caller's. Fill it with `qmf_image_init`, then set the rest.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_image {
    /// Bytes of this struct as the caller knows it; `qmf_image_init` fills it.
    pub struct_size: u32,
    /// How the bytes of one pixel are ordered, a `QMF_PIXEL_*`.
    pub format: qmf_pixel_format,
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// Bytes from one row to the next; 0 for rows without padding.
    pub stride: usize,
    /// The first byte of the first row.
    pub data: *const u8,
    /// Bytes at `data`: at least `(height - 1) * stride` and those of the last row without padding.
    pub data_size: usize,
}

impl Default for qmf_image {
    fn default() -> Self {
        qmf_image {
            struct_size: size_of::<Self>() as u32,
            format: QMF_PIXEL_BGR,
            width: 0,
            height: 0,
            stride: 0,
            data: std::ptr::null(),
            data_size: 0,
        }
    }
}

// SAFETY: repr(C), a u32 in front, integers and a raw pointer.
unsafe impl Sized32 for qmf_image {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `image` of `size` bytes (pass `sizeof(qmf_image)`) with its size, `QMF_PIXEL_BGR` and zeros.
///
/// # Safety
/// `image` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_image_init(image: *mut qmf_image, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(image, size, "image") }.map(|()| QMF_OK))
}

/// Borrows the caller's pixels for the length of a call.
///
/// # Safety
/// `image` is NULL or an initialised struct whose `data` has `data_size` readable bytes.
pub(super) unsafe fn view<'a>(image: *const qmf_image) -> Result<ImageView<'a>, Failure> {
    // SAFETY: promised by the caller.
    let image = unsafe { read_sized(image, "image") }?;
    let format = match image.format {
        QMF_PIXEL_BGR => PixelFormat::Bgr,
        QMF_PIXEL_RGB => PixelFormat::Rgb,
        QMF_PIXEL_GRAY => PixelFormat::Gray,
        other => return Err(invalid(format!("image: {other} is no QMF_PIXEL_*"))),
    };
    let (width, height) = (image.width as usize, image.height as usize);
    let stride = match image.stride {
        0 => width
            .checked_mul(format.bytes())
            .ok_or_else(|| invalid("image: the width is too large"))?,
        stride => stride,
    };
    // SAFETY: promised by the caller.
    let data = unsafe { array(image.data, image.data_size, "image.data") }?;
    Ok(ImageView::new(data, width, height, stride, format)?)
}
