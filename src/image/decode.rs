//! Decoding image files: format by content, EXIF orientation applied, grey expanded, alpha dropped, sizes limited.

use super::BgrImage;
use crate::error::{Error, ErrorKind, Result};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use std::io::{Cursor, Read};
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

/// Decodes a JPEG, PNG, BMP, TIFF or WebP file held in memory.
///
/// # Errors
/// [`ErrorKind::ImageDecode`] for bytes that are no such image or a damaged one (a JPEG that ends early included),
/// [`ErrorKind::Limit`] for one over `limits`.
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
    let format = image::guess_format(bytes).map_err(|_| {
        Error::new(
            ErrorKind::ImageDecode,
            "not an image this library reads: its first bytes are none of JPEG, PNG, BMP, TIFF or WebP",
        )
    })?;
    if format == ImageFormat::Jpeg && !jpeg_is_complete(bytes) {
        return Err(Error::new(
            ErrorKind::ImageDecode,
            "damaged Jpeg image: it ends before its end-of-image marker, so a part of the picture is missing",
        ));
    }
    // A decoder holds no state between images; one that panics has met a damaged one that it didn't foresee.
    catch_unwind(|| decode_format(bytes, format, limits)).unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::ImageDecode,
            format!("damaged {format:?} image: its decoder gave up"),
        ))
    })
}

fn decode_format(bytes: &[u8], format: ImageFormat, limits: &DecodeLimits) -> Result<BgrImage> {
    let damaged = |source: ImageError| match source {
        ImageError::Limits(source) => over_limit(format!("{format:?}: {source}")),
        ImageError::Unsupported(source) => Error::new(
            ErrorKind::ImageDecode,
            format!("this kind of {format:?} image is not supported: {source}"),
        ),
        source => Error::new(ErrorKind::ImageDecode, format!("damaged {format:?} image: {source}")),
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut allocation = image::Limits::default();
    // Up to 16 bytes a pixel while decoding (RGBA of 32-bit floats), and room for the decoder's own tables. A PNG's
    // compressed profile may unfold to all of that, so it is reckoned from the size that the picture says it has.
    let pixels = match format {
        ImageFormat::Png => png_pixels(bytes).map_or(limits.pixels, |pixels| pixels.min(limits.pixels)),
        _ => limits.pixels,
    };
    allocation.max_alloc = Some(pixels.saturating_mul(16).saturating_add(64 << 20));
    reader.limits(allocation);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    super::check_pixels(u64::from(width), u64::from(height), limits)?;
    let orientation = decoder.orientation().map_err(damaged)?;
    let mut picture = match (format == ImageFormat::Jpeg)
        .then(|| decode_jpeg(bytes, (width, height)))
        .flatten()
    {
        Some(picture) => picture,
        None => DynamicImage::from_decoder(decoder).map_err(damaged)?,
    };
    picture.apply_orientation(orientation);
    BgrImage::from_rgb(picture.into_rgb8()).map_err(|_| {
        Error::new(
            ErrorKind::ImageDecode,
            format!("the {format:?} image of {width} x {height} pixels has no pixel"),
        )
    })
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

/// Width times height by a PNG's first chunk.
fn png_pixels(bytes: &[u8]) -> Option<u64> {
    let side = |at: usize| {
        let side = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(u64::from(u32::from_be_bytes(side)))
    };
    // Signature, the chunk's length and name, then the sides.
    Some(side(16)? * side(20)?)
}

fn over_limit(message: String) -> Error {
    Error::new(ErrorKind::Limit, message)
}

/// Scans a progressive JPEG may have: real ones have about ten, an attack thousands.
const JPEG_SCANS: u32 = 500;

/// Decodes a JPEG of the size already checked with libjpeg-turbo, whose pixels are OpenCV's to the bit: the detector's
/// parity needs that.
///
/// `None` for what it won't decode (CMYK, harmless oddities it only warns of): the other decoder's turn.
fn decode_jpeg(bytes: &[u8], (width, height): (u32, u32)) -> Option<DynamicImage> {
    let mut decompressor = turbojpeg::Decompressor::new().ok()?;
    decompressor.set_scan_limit(JPEG_SCANS).ok()?;
    let header = decompressor.read_header(bytes).ok()?;
    let (columns, rows) = (width as usize, height as usize);
    if (header.width, header.height) != (columns, rows) {
        return None;
    }
    let mut rgb = vec![0u8; columns.checked_mul(rows)?.checked_mul(3)?];
    let target = turbojpeg::Image {
        pixels: rgb.as_mut_slice(),
        width: columns,
        pitch: columns * 3,
        height: rows,
        format: turbojpeg::PixelFormat::RGB,
    };
    decompressor.decompress(bytes, target).ok()?;
    image::RgbImage::from_raw(width, height, rgb).map(DynamicImage::from)
}

/// Whether a JPEG's first scan and all after it run on to the end-of-image marker. Decoders fill what is missing with
/// grey, which must not pass for a face.
fn jpeg_is_complete(bytes: &[u8]) -> bool {
    let mut at = 2; // behind the start-of-image marker, which the format detection saw
    loop {
        // To the next marker: 0xFF, then neither a stuffed zero, a restart marker nor another fill byte.
        let Some(skip) = bytes
            .get(at..)
            .and_then(|rest| rest.iter().position(|&byte| byte == 0xFF))
        else {
            return false;
        };
        at += skip + 1;
        match bytes.get(at) {
            None => return false,
            Some(0xD9) => return true,
            Some(0x00 | 0xD0..=0xD7 | 0x01) => at += 1,
            Some(0xFF) => {}
            // Every other marker has a length, its own two bytes included; scan data follows the start of a scan.
            Some(_) => match bytes.get(at + 1..at + 3) {
                Some(&[high, low]) => at += 1 + usize::from(u16::from_be_bytes([high, low])).max(2),
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
        let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 9) as u8, (y * 7) as u8, 40]));
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn every_format_is_read() {
        for format in [
            ImageFormat::Jpeg,
            ImageFormat::Png,
            ImageFormat::Bmp,
            ImageFormat::Tiff,
            ImageFormat::WebP,
        ] {
            let image = decode(&encoded(format, 24, 16), &DecodeLimits::default()).unwrap();
            assert_eq!((image.width(), image.height()), (24, 16), "{format:?}");
            let first = &image.data()[3 * 23..3 * 24]; // top right: red 207, blue 40
            assert!(
                first[0].abs_diff(40) < 12 && first[2].abs_diff(207) < 12,
                "{format:?}: {first:?}"
            );
        }
    }

    #[test]
    fn a_truncated_file_is_an_error_at_every_length() {
        for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
            let whole = encoded(format, 24, 16);
            for length in (0..whole.len() - 12).step_by(7) {
                let error = decode(&whole[..length], &DecodeLimits::default()).unwrap_err();
                assert_eq!(
                    error.kind(),
                    ErrorKind::ImageDecode,
                    "{format:?} cut at {length}: {error}"
                );
            }
        }
    }

    #[test]
    fn large_images_are_refused_before_they_are_decoded() {
        let limits = DecodeLimits {
            pixels: 24 * 16 - 1,
            ..Default::default()
        };
        let error = decode(&encoded(ImageFormat::Png, 24, 16), &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.message().contains("24 x 16"), "{error}");
        let limits = DecodeLimits {
            bytes: 10,
            ..Default::default()
        };
        assert_eq!(
            decode(&encoded(ImageFormat::Png, 24, 16), &limits).unwrap_err().kind(),
            ErrorKind::Limit
        );
    }

    /// Small files whose headers claim 60000 x 60000 pixels, 10 GB of them.
    fn bombs() -> Vec<(ImageFormat, Vec<u8>)> {
        const SIDE: u32 = 60_000;
        let mut png = encoded(ImageFormat::Png, 8, 8);
        png[16..20].copy_from_slice(&SIDE.to_be_bytes());
        png[20..24].copy_from_slice(&SIDE.to_be_bytes());
        let mut check = crc32(&png[12..29]).to_be_bytes();
        png[29..33].swap_with_slice(&mut check);

        let mut jpeg = encoded(ImageFormat::Jpeg, 8, 8);
        let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        jpeg[frame + 5..frame + 7].copy_from_slice(&(SIDE as u16).to_be_bytes());
        jpeg[frame + 7..frame + 9].copy_from_slice(&(SIDE as u16).to_be_bytes());

        let mut bmp = encoded(ImageFormat::Bmp, 8, 8);
        bmp[18..22].copy_from_slice(&SIDE.to_le_bytes());
        bmp[22..26].copy_from_slice(&SIDE.to_le_bytes());

        // One strip of all rows: tags in rising order, each (tag, type, count, value); 3 is SHORT, 4 is LONG.
        let mut tiff = b"II\x2a\0\x08\0\0\0".to_vec();
        let tags: [(u16, u16, u32); 9] = [
            (256, 4, SIDE),
            (257, 4, SIDE),
            (258, 3, 8),
            (259, 3, 1),
            (262, 3, 1),
            (273, 4, 122),
            (277, 3, 1),
            (278, 4, SIDE),
            (279, 4, SIDE * 2),
        ];
        tiff.extend_from_slice(&(tags.len() as u16).to_le_bytes());
        for (tag, kind, value) in tags {
            tiff.extend_from_slice(&tag.to_le_bytes());
            tiff.extend_from_slice(&kind.to_le_bytes());
            tiff.extend_from_slice(&1u32.to_le_bytes());
            tiff.extend_from_slice(&value.to_le_bytes());
        }
        tiff.extend_from_slice(&[0; 64]);

        // The extended header's canvas is 24 bits a side, less 1; the picture's own header 14 bits.
        let side = (SIDE - 1).to_le_bytes();
        let mut extended = b"VP8X\x0a\0\0\0\0\0\0\0".to_vec();
        extended.extend_from_slice(&[side[0], side[1], side[2], side[0], side[1], side[2]]);
        let mut webp = encoded(ImageFormat::WebP, 8, 8);
        webp.splice(12..12, extended);
        let length = (webp.len() as u32 - 8).to_le_bytes();
        webp[4..8].copy_from_slice(&length);

        vec![
            (ImageFormat::Png, png),
            (ImageFormat::Jpeg, jpeg),
            (ImageFormat::Bmp, bmp),
            (ImageFormat::Tiff, tiff),
            (ImageFormat::WebP, webp),
        ]
    }

    /// The checksum of PNG's chunks.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
        })
    }

    #[test]
    fn forged_headers_are_refused_for_their_size() {
        for (format, bytes) in bombs() {
            assert_eq!(image::guess_format(&bytes).unwrap(), format);
            let error = decode(&bytes, &DecodeLimits::default()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit, "{format:?}: {error}");
            assert!(error.message().contains("60000 x 60000"), "{format:?}: {error}");
        }
    }

    #[test]
    fn exif_orientation_is_applied() {
        // An APP1 segment with one IFD entry: tag 0x0112 (orientation), SHORT, 1 value, 6 = rotate by 90 degrees.
        let tiff: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let jpeg = encoded(ImageFormat::Jpeg, 24, 16);
        let mut turned = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, (8 + tiff.len()) as u8];
        turned.extend_from_slice(b"Exif\0\0");
        turned.extend_from_slice(tiff);
        turned.extend_from_slice(&jpeg[2..]);
        let image = decode(&turned, &DecodeLimits::default()).unwrap();
        assert_eq!((image.width(), image.height()), (16, 24));
    }

    #[test]
    fn alpha_is_dropped_and_grey_expanded() {
        let rgba = DynamicImage::from(image::RgbaImage::from_pixel(2, 2, image::Rgba([10, 20, 30, 0])));
        let grey = DynamicImage::from(image::GrayImage::from_pixel(2, 2, image::Luma([9])));
        for (picture, wanted) in [(rgba, [30, 20, 10]), (grey, [9, 9, 9])] {
            let mut bytes = Cursor::new(Vec::new());
            picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
            let image = decode(bytes.get_ref(), &DecodeLimits::default()).unwrap();
            assert_eq!(image.data()[..3], wanted);
        }
    }

    /// Found by fuzzing: zune-jpeg, to which libjpeg-turbo leaves what it won't decode, panics at it.
    #[test]
    fn a_decoder_that_panics_is_an_error() {
        use base64::prelude::{BASE64_STANDARD, Engine};
        let text = "\
            /9j/wAARCAAJABEDAREBAxEBAyEB/9sAQwEJ/9gBAP/zSkZJRgAB//8BAAEAAP/AAAsIAREA/9sAQwAIBgYHBgUIByMcHCg3KSww\
            MTQ0NB8nKDk9MjwuMzQy/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAARC\
            TQLeAAAApaanqKmqsrO0tdoACAEBAAJJJJJJJJJKNDU2Nzk6Q0T4+fr/2gAIAQEAPwBbHv/Z2ZGhCCNCscH6/9oACAEBAAA/AORt\
            fAPT9z8AWx6xWx7Z/zQ1Njc5OkNE+Pn6/9oACAEBAAA/AFse/9naf2qOB6GxWx7Z/zQ1Njc5OkNE+Pn6/9oACAEBAD8AWx7/2Tc5\
            OkNE+Pn6/9oACAEBAD8AW//Z";
        let bytes = BASE64_STANDARD.decode(text).unwrap();
        // On a processor without AVX2 another part of it may take it.
        let error = decode(&bytes, &DecodeLimits::default()).err();
        assert!(error.is_none_or(|error| error.kind() == ErrorKind::ImageDecode));
    }
}
