//! Decoding image files: kind by content, EXIF orientation applied, grey expanded, alpha dropped, sizes limited, and
//! only whole pictures.

#[cfg(feature = "avif")]
mod avif;
#[cfg(feature = "decode")]
mod bmp;
#[cfg(any(feature = "avif", feature = "heic", feature = "jpeg2000"))]
mod boxes;
#[cfg(feature = "decode")]
mod face_record;
#[cfg(feature = "decode")]
mod files;
#[cfg(feature = "heic")]
mod heic;
#[cfg(any(feature = "avif", feature = "heic"))]
mod heif;
#[cfg(feature = "decode")]
mod jpeg;
#[cfg(feature = "jpeg2000")]
mod jpeg2000;
#[cfg(any(feature = "avif", feature = "heic"))]
mod own_thread;
#[cfg(feature = "decode")]
mod tiff;
#[cfg(feature = "decode")]
mod webp;
#[cfg(feature = "decode")]
mod zlib;

use super::BgrImage;
use super::kind::ImageKind;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "decode")]
use files::{decoder, unsupported};
use std::fmt::Display;
use std::io::Read;
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

/// A build without the feature `decode` reads none.
#[cfg(not(feature = "decode"))]
fn decoder(_kind: ImageKind) -> Option<Decode> {
    None
}

impl ImageKind {
    /// Whether [`decode`] reads files of this kind. One may still be of a sort that it doesn't read (a JPEG of 12
    /// bits).
    pub fn is_read(self) -> bool {
        decoder(self).is_some()
    }

    /// The feature of this library that a kind takes beside `decode`, for those who are told that it isn't read.
    pub fn feature(self) -> Option<&'static str> {
        match self {
            ImageKind::Jpeg2000 => Some("jpeg2000"),
            ImageKind::Heic => Some("heic"),
            ImageKind::Avif => Some("avif"),
            _ => None,
        }
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

/// Decodes an image file held in memory, of one of the kinds below, told by its content ([`ImageKind::of`]).
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
/// * **GIF**: all pixels of the first frame, which is read. **PNM**: all pixels.
/// * **JPEG 2000** (feature `jpeg2000`): each tile has its parts, as long as they say, up to the end mark.
/// * **HEIC** (feature `heic`), **AVIF** (feature `avif`): each box and the picture's data have their lengths.
/// * **Face records** (ISO/IEC 19794-5:2005, by themselves or in a data group 2 of ICAO Doc 9303): the record has its length, and
///   the first face's picture, JPEG or JPEG 2000, is whole as above; it is read.
///
/// Some damage leaves valid data and can't be noticed: changed bytes in JPEG, WebP, LZW, PackBits, GIF, JPEG 2000, HEIC or
/// AVIF data after which the decoder falls into step again, and any changed bytes in uncompressed pixels, zeros included.
///
/// # Errors
/// [`ErrorKind::ImageDecode`] for bytes that are no such image (with the kind's name where it is known but not read) or a
/// damaged one, [`ErrorKind::Limit`] for one over `limits`, [`ErrorKind::Backend`] where a decoder's thread can't be started.
pub fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    if cfg!(not(feature = "decode")) {
        let message = "this library was built without the feature `decode`: it takes pixels, no image files";
        return Err(Error::new(ErrorKind::ImageDecode, message));
    }
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
    let decode = decoder(kind).ok_or_else(|| not_read(kind))?;
    // A decoder holds no state between images; one that panics has met a damaged one that it didn't foresee.
    catch_unwind(|| decode(bytes, limits)).unwrap_or_else(|_| Err(damaged(kind, "its decoder gave up")))
}

/// The error for an image of a kind that is known but not read, or not by this build.
fn not_read(kind: ImageKind) -> Error {
    let image = kind.with_article();
    let why = match kind.feature() {
        Some(feature) => format!("which this build does not read: it was built without the feature `{feature}`"),
        None => "which this library does not read".to_owned(),
    };
    let message = format!("{image}, {why}; it reads {}", ImageKind::read_names());
    Error::new(ErrorKind::ImageDecode, message)
}

fn damaged(kind: ImageKind, why: impl Display) -> Error {
    Error::new(ErrorKind::ImageDecode, format!("damaged {kind} image: {why}"))
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

fn over_limit(message: String) -> Error {
    Error::new(ErrorKind::Limit, message)
}

#[cfg(all(test, feature = "decode"))]
mod tests;
