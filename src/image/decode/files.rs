//! The kinds of image files that are read, each by its decoder and a check for what that doesn't tell.

#[cfg(feature = "avif")]
use super::avif;
#[cfg(feature = "heic")]
use super::heic;
#[cfg(feature = "jpeg2000")]
use super::jpeg2000;
use super::{Decode, DecodeLimits, bmp, damaged, face_record, jpeg, over_limit, tiff, webp};
use crate::error::{Error, ErrorKind, Result};
use crate::image::BgrImage;
use crate::image::kind::ImageKind;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use std::cell::Cell;
use std::fmt::Display;
use std::io::{BufRead, Cursor, Seek};

/// What decodes a kind; None for one that isn't read. The one place that says which are.
pub(super) fn decoder(kind: ImageKind) -> Option<Decode> {
    match kind {
        ImageKind::Jpeg => Some(jpeg::decode),
        ImageKind::Png => Some(decode_png),
        ImageKind::Bmp => Some(decode_bmp),
        ImageKind::Tiff => Some(decode_tiff),
        ImageKind::WebP => Some(decode_webp),
        ImageKind::Gif => Some(decode_gif),
        ImageKind::Pnm => Some(decode_pnm),
        ImageKind::FaceRecord => Some(face_record::decode),
        #[cfg(feature = "jpeg2000")]
        ImageKind::Jpeg2000 => Some(jpeg2000::decode),
        #[cfg(feature = "avif")]
        ImageKind::Avif => Some(avif::decode),
        #[cfg(feature = "heic")]
        ImageKind::Heic => Some(heic::decode),
        _ => None,
    }
}

fn decode_png(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    // A compressed profile may unfold to all the memory that is allowed, so that is reckoned from the size that the
    // picture says it has.
    let allowed = memory(png_pixels(bytes).map_or(limits.pixels, |pixels| pixels.min(limits.pixels)));
    let picture = with_image_crate(
        &mut Cursor::new(bytes),
        ImageKind::Png,
        ImageFormat::Png,
        allowed,
        limits,
    )?;
    // It checks the CRC of every chunk of the picture, which leaves nothing to look for.
    checked(ImageKind::Png, picture, Ok(()))
}

/// Width times height by a PNG's first chunk.
fn png_pixels(bytes: &[u8]) -> Option<u64> {
    let side = |at: usize| {
        let side = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u64::from(u32::from_be_bytes(side)))
    };
    // Signature, the chunk's length and name, then the sides.
    Some(side(16)? * side(20)?)
}

fn decode_bmp(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let picture = picture(bytes, ImageKind::Bmp, ImageFormat::Bmp, limits)?;
    checked(ImageKind::Bmp, picture, bmp::check(bytes))
}

fn decode_tiff(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let picture = picture(bytes, ImageKind::Tiff, ImageFormat::Tiff, limits)?;
    checked(ImageKind::Tiff, picture, tiff::check(bytes, limits))
}

/// The first frame of a GIF.
fn decode_gif(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    // Pixels that end early are an error of the decoder's, as with PNM.
    let picture = picture(bytes, ImageKind::Gif, ImageFormat::Gif, limits)?;
    checked(ImageKind::Gif, picture, Ok(()))
}

fn decode_pnm(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let picture = picture(bytes, ImageKind::Pnm, ImageFormat::Pnm, limits)?;
    checked(ImageKind::Pnm, picture, Ok(()))
}

/// Decodes with the `image` crate, with the memory that pictures of the most pixels take.
fn picture(bytes: &[u8], kind: ImageKind, format: ImageFormat, limits: &DecodeLimits) -> Result<DynamicImage> {
    with_image_crate(&mut Cursor::new(bytes), kind, format, memory(limits.pixels), limits)
}

fn decode_webp(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let place = Cell::new(0);
    let with_notes = |bytes: &[u8]| {
        let mut file = webp::Noted::new(bytes, &place);
        with_image_crate(
            &mut file,
            ImageKind::WebP,
            ImageFormat::WebP,
            memory(limits.pixels),
            limits,
        )
    };
    let picture = with_notes(bytes)?;
    let whole = webp::check(bytes, place.get() as usize, |bytes| with_notes(bytes).is_ok());
    checked(ImageKind::WebP, picture, whole)
}

/// What a decoder of the `image` crate may allocate: up to 16 bytes a pixel while decoding (RGBA of 32-bit floats), and
/// room for its own tables.
pub(super) fn memory(pixels: u64) -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(pixels.saturating_mul(16).saturating_add(64 << 20));
    limits
}

/// Bytes that a decoder reads.
pub(super) trait Source: BufRead + Seek {}

impl<T: BufRead + Seek> Source for T {}

/// Decodes with the `image` crate and turns the picture upright. `dyn`: its decoders are compiled for each kind of source, which
/// made the library a good deal larger.
pub(super) fn with_image_crate(
    file: &mut dyn Source,
    kind: ImageKind,
    format: ImageFormat,
    allowed: image::Limits,
    limits: &DecodeLimits,
) -> Result<DynamicImage> {
    let failed = |source: ImageError| match source {
        ImageError::Limits(source) => over_limit(format!("{kind}: {source}")),
        ImageError::Unsupported(source) => unsupported(kind, source),
        source => damaged(kind, source),
    };
    let mut reader = ImageReader::with_format(file, format);
    reader.limits(allowed);
    let mut decoder = reader.into_decoder().map_err(failed)?;
    let (width, height) = decoder.dimensions();
    crate::image::check_pixels(u64::from(width), u64::from(height), limits)?;
    let orientation = decoder.orientation().map_err(failed)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The picture, if its file passed the check for damage that its decoder doesn't tell.
fn checked(kind: ImageKind, picture: DynamicImage, outcome: Result<(), String>) -> Result<BgrImage> {
    outcome.map_err(|why| damaged(kind, why))?;
    let (width, height) = (picture.width(), picture.height());
    of_picture(picture).map_err(|_| {
        Error::new(
            ErrorKind::ImageDecode,
            format!("the {kind} image of {width} x {height} pixels has no pixel"),
        )
    })
}

/// A decoded picture, whatever its colours.
pub(super) fn of_picture(picture: DynamicImage) -> Result<BgrImage> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    BgrImage::from_rgb(width, height, picture.into_rgb8().into_raw())
}

pub(super) fn unsupported(kind: ImageKind, why: impl Display) -> Error {
    Error::new(
        ErrorKind::ImageDecode,
        format!("this kind of {kind} image is not supported: {why}"),
    )
}
