//! Images as callers hand them over.

use super::memory::{Sized32, array, init_sized, invalid, read_sized};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use crate::engine::Engine;
use crate::image::{self, BgrImage, ImageView, PixelFormat, Rotation, Yuv};

/// How an image's bytes are laid out.
pub type qmf_image_format = i32;
/// 3 bytes a pixel: blue, green, red.
pub const QMF_IMAGE_BGR: qmf_image_format = 0;
/// 3 bytes a pixel: red, green, blue.
pub const QMF_IMAGE_RGB: qmf_image_format = 1;
/// 1 byte of luminance a pixel.
pub const QMF_IMAGE_GRAY: qmf_image_format = 2;
/// 4 bytes a pixel: blue, green, red, and one that is ignored.
pub const QMF_IMAGE_BGRA: qmf_image_format = 3;
/// 4 bytes a pixel: red, green, blue, and one that is ignored.
pub const QMF_IMAGE_RGBA: qmf_image_format = 4;
/// A plane of luma, then one of interleaved U and V at half the width and height.
pub const QMF_IMAGE_NV12: qmf_image_format = 5;
/// A plane of luma, then one of interleaved V and U at half the width and height.
pub const QMF_IMAGE_NV21: qmf_image_format = 6;
/// Planes of luma, U and V, the latter two at half the width and height.
pub const QMF_IMAGE_I420: qmf_image_format = 7;
/// The bytes of an image file: JPEG, PNG, BMP, TIFF, WebP, GIF, PNM, JPEG 2000 or a passport's face record with JPEG or
/// JPEG 2000 in it (docs/images.md). EXIF orientation is applied, before `rotation`.
pub const QMF_IMAGE_ENCODED: qmf_image_format = 8;

/// How the luma and chroma of a YUV image make colours.
pub type qmf_yuv = i32;
/// ITU-R BT.601, luma 16..235: cameras and video of standard definition.
pub const QMF_YUV_BT601_LIMITED: qmf_yuv = 0;
/// ITU-R BT.601, luma 0..255: as in JPEG.
pub const QMF_YUV_BT601_FULL: qmf_yuv = 1;
/// ITU-R BT.709, luma 16..235: video of high definition.
pub const QMF_YUV_BT709_LIMITED: qmf_yuv = 2;
/// ITU-R BT.709, luma 0..255.
pub const QMF_YUV_BT709_FULL: qmf_yuv = 3;

/// An image that stays the caller's: it is read during a call only, and not changed. Fill it with `qmf_image_init`,
/// then set the rest.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_image {
    /// Bytes of this struct as the caller knows it; `qmf_image_init` fills it.
    pub struct_size: u32,
    /// How the bytes are laid out, a `QMF_IMAGE_*`.
    pub format: qmf_image_format,
    /// Width in pixels, at least 1, even for the YUV formats; not read for `QMF_IMAGE_ENCODED`.
    pub width: u32,
    /// Height in pixels, at least 1, even for the YUV formats; not read for `QMF_IMAGE_ENCODED`.
    pub height: u32,
    /// Bytes from one row to the next; 0 for rows without padding.
    pub stride: usize,
    /// The first byte: of the first row, or of the file.
    pub data: *const u8,
    /// Bytes at `data`: at least `(height - 1) * stride` and those of the last row without padding, and the chroma's
    /// where it follows; of a file, all.
    pub data_size: usize,
    /// The chroma planes of a YUV image: the interleaved one and NULL, or U and V. Both NULL: they follow the luma's
    /// `height * stride` bytes in `data`, each without a gap. NULL for all other formats.
    pub chroma: [*const u8; 2],
    /// Bytes at each of `chroma`.
    pub chroma_size: [usize; 2],
    /// Bytes from one chroma row to the next; 0 for `stride`, halved for I420.
    pub chroma_stride: usize,
    /// Degrees clockwise that turn the picture upright: 0, 90, 180 or 270. All coordinates are of the turned picture.
    pub rotation: u32,
    /// How a YUV image's colours are coded, a `QMF_YUV_*`.
    pub yuv: qmf_yuv,
}

impl Default for qmf_image {
    fn default() -> Self {
        qmf_image {
            struct_size: size_of::<Self>() as u32,
            format: QMF_IMAGE_BGR,
            width: 0,
            height: 0,
            stride: 0,
            data: std::ptr::null(),
            data_size: 0,
            chroma: [std::ptr::null(); 2],
            chroma_size: [0; 2],
            chroma_stride: 0,
            rotation: 0,
            yuv: QMF_YUV_BT601_LIMITED,
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and pointers that are checked before use.
unsafe impl Sized32 for qmf_image {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `image` of `size` bytes (pass `sizeof(qmf_image)`) with its size, `QMF_IMAGE_BGR` and zeros.
///
/// # Safety
/// `image` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_image_init(image: *mut qmf_image, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(image, size, "image") }.map(|()| QMF_OK))
}

/// The caller's image as upright BGR pixels, within the engine's limits.
///
/// # Safety
/// A `pointer` that isn't NULL points to an initialised `qmf_image` whose planes have as many readable bytes as it says.
pub(super) unsafe fn picture(engine: &Engine, pointer: *const qmf_image) -> Result<BgrImage, Failure> {
    // SAFETY: promised by the caller.
    let image = unsafe { read_sized(pointer, "image") }?;
    // SAFETY: promised by the caller.
    let data = unsafe { array(image.data, image.data_size, "image: data") }?;
    let rotation = match image.rotation {
        0 => Rotation::None,
        90 => Rotation::Clockwise90,
        180 => Rotation::Clockwise180,
        270 => Rotation::Clockwise270,
        other => return Err(invalid(format!("image: rotation is {other}, not 0, 90, 180 or 270"))),
    };
    let limits = &engine.options().limits;
    if image.format == QMF_IMAGE_ENCODED {
        return Ok(image::decode(data, limits)?.rotated(rotation));
    }
    // SAFETY: promised by the caller.
    let view = unsafe { view(&image, data) }?.rotated(rotation);
    view.check_limit(limits)?;
    Ok(view.to_bgr())
}

/// The caller's pixels.
///
/// # Safety
/// The chroma planes of `image` that aren't NULL have as many readable bytes as it says.
unsafe fn view<'a>(image: &qmf_image, data: &'a [u8]) -> Result<ImageView<'a>, Failure> {
    let format = match image.format {
        QMF_IMAGE_BGR => PixelFormat::Bgr,
        QMF_IMAGE_RGB => PixelFormat::Rgb,
        QMF_IMAGE_GRAY => PixelFormat::Gray,
        QMF_IMAGE_BGRA => PixelFormat::Bgra,
        QMF_IMAGE_RGBA => PixelFormat::Rgba,
        QMF_IMAGE_NV12 => PixelFormat::Nv12,
        QMF_IMAGE_NV21 => PixelFormat::Nv21,
        QMF_IMAGE_I420 => PixelFormat::I420,
        other => return Err(invalid(format!("image: {other} is no QMF_IMAGE_*"))),
    };
    let yuv = match image.yuv {
        QMF_YUV_BT601_LIMITED => Yuv::Bt601Limited,
        QMF_YUV_BT601_FULL => Yuv::Bt601Full,
        QMF_YUV_BT709_LIMITED => Yuv::Bt709Limited,
        QMF_YUV_BT709_FULL => Yuv::Bt709Full,
        other => return Err(invalid(format!("image: {other} is no QMF_YUV_*"))),
    };
    let (width, height) = (image.width as usize, image.height as usize);
    let stride = match image.stride {
        0 => width * format.bytes(),
        stride => stride,
    };
    let view = if image.chroma.iter().all(|plane| plane.is_null()) {
        ImageView::new(data, width, height, stride, format)?
    } else {
        let count = match format {
            PixelFormat::I420 => 2,
            PixelFormat::Nv12 | PixelFormat::Nv21 => 1,
            _ => 0,
        };
        let mut planes: [&[u8]; 2] = [&[], &[]];
        for (index, plane) in planes.iter_mut().enumerate() {
            if index >= count && !image.chroma[index].is_null() {
                return Err(invalid(format!(
                    "image: {format:?} has no chroma[{index}], it must be NULL"
                )));
            }
            if index < count {
                let name = format!("image: chroma[{index}]");
                // SAFETY: promised by the caller.
                *plane = unsafe { array(image.chroma[index], image.chroma_size[index], &name) }?;
            }
        }
        let chroma_stride = match (image.chroma_stride, format) {
            (0, PixelFormat::I420) => stride / 2,
            (0, _) => stride,
            (chroma_stride, _) => chroma_stride,
        };
        ImageView::with_planes(data, stride, planes, chroma_stride, width, height, format)?
    };
    Ok(view.with_yuv(yuv))
}
