//! Decoding image files: kind by content, EXIF orientation applied, grey expanded, alpha dropped, sizes limited, and
//! only whole pictures.

mod bmp;
mod jpeg;
mod tiff;
mod webp;
mod zlib;

use super::BgrImage;
use super::kind::ImageKind;
use crate::error::{Error, ErrorKind, Result};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use std::cell::Cell;
use std::fmt::Display;
use std::io::{BufRead, Cursor, Read, Seek};
use std::panic::catch_unwind;
use std::path::Path;

/// What images may take. One over a limit is refused before its pixels are allocated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Most pixels (width times height) of an image, encoded or not. Default 100 million.
    pub pixels: u64,
    /// Most bytes of an encoded file. Default 256 MiB.
    pub bytes: u64,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        DecodeLimits {
            pixels: 100_000_000,
            bytes: 256 << 20,
        }
    }
}

/// Decodes the files of one kind.
type Decode = fn(&[u8], &DecodeLimits) -> Result<BgrImage>;

/// What decodes a kind; None for one that isn't read. The one place that says which are.
fn decoder(kind: ImageKind) -> Option<Decode> {
    match kind {
        ImageKind::Jpeg => Some(jpeg::decode),
        ImageKind::Png => Some(decode_png),
        ImageKind::Bmp => Some(decode_bmp),
        ImageKind::Tiff => Some(decode_tiff),
        ImageKind::WebP => Some(decode_webp),
        _ => None,
    }
}

impl ImageKind {
    /// Whether [`decode`] reads files of this kind. One may still be of a sort that it doesn't read (a JPEG of 12
    /// bits).
    pub fn is_read(self) -> bool {
        decoder(self).is_some()
    }

    /// The kinds that are read, for people: "JPEG, PNG, BMP, TIFF and WebP".
    pub fn read_names() -> String {
        let names: Vec<&str> = ImageKind::all()
            .filter(|kind| kind.is_read())
            .map(ImageKind::name)
            .collect();
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} and {last}", others.join(", ")),
            _ => names.concat(),
        }
    }
}

/// Decodes an image file held in memory: JPEG, PNG, BMP, TIFF or WebP, told by its content ([`ImageKind::of`]).
///
/// Only whole pictures are returned. A file that was cut, that has a gap or that fails one of its own checks is
/// refused, even if it has a proper end. What each kind must have, and what is tolerated:
///
/// * **JPEG**: the decoder finds no gap, no invalid code, no restart marker out of order and no data left over; the
///   scans send every coefficient of every component down to its last bit. Tolerated: a missing end-of-image marker
///   if the picture before it is whole; anything behind that marker; bytes between segments; up to 32 bytes between
///   the picture's data and the marker, or any number of bytes of one value; unknown segments, JFIF versions and
///   Adobe transforms; profiles with wrong numbers.
/// * **PNG**: all rows are there, each chunk of the picture has the right CRC, and another chunk follows. Tolerated:
///   anything behind that, and damage in chunks that are not the picture's.
/// * **BMP**: all rows are there; with run-length coding, each row to its last pixel.
/// * **TIFF**: each strip or tile is inside the file and long enough. Its checksum is right (Deflate), it unpacks to
///   the right length (LZW, PackBits), it is whole as above (JPEG). The first image of the file is read.
/// * **WebP**: each chunk has its length, and the picture needs its data to the end. For a lossy picture, the latter
///   is looked at only if the data have 16 zeros in a row. The first frame of an animation is read.
///
/// Some damage leaves valid data and can't be noticed: changed bytes in JPEG, WebP, LZW or PackBits data after which
/// the decoder falls into step again, and any changed bytes in uncompressed pixels, zeros included.
///
/// # Errors
/// [`ErrorKind::ImageDecode`] for bytes that are no such image (with the kind's name where it is known but not read)
/// or a damaged one, [`ErrorKind::Limit`] for one over `limits`.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    if bytes.is_empty() {
        return Err(Error::new(ErrorKind::ImageDecode, "the image is empty (0 bytes)"));
    }
    if bytes.len() as u64 > limits.bytes {
        return Err(over_limit(format!(
            "the encoded image has {} bytes, the limit is {}",
            bytes.len(),
            limits.bytes
        )));
    }
    let read = ImageKind::read_names;
    let kind = ImageKind::of(bytes).ok_or_else(|| {
        let message = format!(
            "not an image this library reads: its first bytes are none of {}",
            read()
        );
        Error::new(ErrorKind::ImageDecode, message.replace(" and ", " or "))
    })?;
    let decode = decoder(kind).ok_or_else(|| {
        let image = kind.with_article();
        let message = format!("{image}, which this library does not read; it reads {}", read());
        Error::new(ErrorKind::ImageDecode, message)
    })?;
    // A decoder holds no state between images; one that panics has met a damaged one that it didn't foresee.
    catch_unwind(|| decode(bytes, limits)).unwrap_or_else(|_| Err(damaged(kind, "its decoder gave up")))
}

/// Reads and decodes an image file.
///
/// # Errors
/// [`ErrorKind::Io`] when the file can't be read, otherwise as [`decode`], with the path in front.
pub fn read(path: &Path, limits: &DecodeLimits) -> Result<BgrImage> {
    let io = |source: std::io::Error| Error::io(path, "read", &source);
    let metadata = std::fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return Err(Error::new(
            ErrorKind::Io,
            format!("cannot read {}: it is a folder, not an image", path.display()),
        ));
    }
    // Looked at before reading: a huge file must not fill the memory.
    if metadata.len() > limits.bytes {
        let message = format!("the file has {} bytes, the limit is {}", metadata.len(), limits.bytes);
        return Err(over_limit(message).at(path.display()));
    }
    let mut bytes = Vec::new();
    bytes
        .try_reserve_exact(metadata.len() as usize)
        .map_err(|error| io(error.into()))?;
    // A device or a pipe has no length to look at; one byte more than allowed tells that there is too much.
    std::fs::File::open(path)
        .and_then(|file| file.take(limits.bytes.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(io)?;
    decode(&bytes, limits).map_err(|error| error.at(path.display()))
}

fn decode_png(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    // A compressed profile may unfold to all the memory that is allowed, so that is reckoned from the size that the
    // picture says it has.
    let allowed = memory(png_pixels(bytes).map_or(limits.pixels, |pixels| pixels.min(limits.pixels)));
    let picture = with_image_crate(Cursor::new(bytes), ImageKind::Png, ImageFormat::Png, allowed, limits)?;
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
    let allowed = memory(limits.pixels);
    let picture = with_image_crate(Cursor::new(bytes), ImageKind::Bmp, ImageFormat::Bmp, allowed, limits)?;
    checked(ImageKind::Bmp, picture, bmp::check(bytes))
}

fn decode_tiff(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let allowed = memory(limits.pixels);
    let picture = with_image_crate(Cursor::new(bytes), ImageKind::Tiff, ImageFormat::Tiff, allowed, limits)?;
    checked(ImageKind::Tiff, picture, tiff::check(bytes, limits))
}

fn decode_webp(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let place = Cell::new(0);
    let with_notes = |bytes: &[u8]| {
        let file = webp::Noted::new(bytes, &place);
        with_image_crate(file, ImageKind::WebP, ImageFormat::WebP, memory(limits.pixels), limits)
    };
    let picture = with_notes(bytes)?;
    let whole = webp::check(bytes, place.get() as usize, |bytes| with_notes(bytes).is_ok());
    checked(ImageKind::WebP, picture, whole)
}

/// What a decoder of the `image` crate may allocate: up to 16 bytes a pixel while decoding (RGBA of 32-bit floats), and
/// room for its own tables.
fn memory(pixels: u64) -> image::Limits {
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(pixels.saturating_mul(16).saturating_add(64 << 20));
    limits
}

/// Decodes with the `image` crate and turns the picture upright.
fn with_image_crate(
    file: impl BufRead + Seek,
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
    super::check_pixels(u64::from(width), u64::from(height), limits)?;
    let orientation = decoder.orientation().map_err(failed)?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(failed)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

/// The picture, if its file passed the check for damage that its decoder doesn't tell.
fn checked(kind: ImageKind, picture: DynamicImage, outcome: Result<(), String>) -> Result<BgrImage> {
    outcome.map_err(|why| damaged(kind, why))?;
    let (width, height) = (picture.width(), picture.height());
    BgrImage::from_rgb(picture.into_rgb8()).map_err(|_| {
        Error::new(
            ErrorKind::ImageDecode,
            format!("the {kind} image of {width} x {height} pixels has no pixel"),
        )
    })
}

fn damaged(kind: ImageKind, why: impl Display) -> Error {
    Error::new(ErrorKind::ImageDecode, format!("damaged {kind} image: {why}"))
}

fn unsupported(kind: ImageKind, why: impl Display) -> Error {
    Error::new(
        ErrorKind::ImageDecode,
        format!("this kind of {kind} image is not supported: {why}"),
    )
}

fn over_limit(message: String) -> Error {
    Error::new(ErrorKind::Limit, message)
}

#[cfg(test)]
mod tests;
