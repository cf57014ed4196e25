//! Decoding JPEG: libjpeg-turbo's pixels, which are OpenCV's to the bit, of files whose picture is whole.
//!
//! libjpeg decodes damaged files too: it fills what is missing, and warns. A warning alone doesn't tell damage from
//! an oddity that loses nothing, and of several only the first is told. So a file that it warns of is decoded once
//! more, from a copy without oddities; what it still warns of is damage. It never warns of scans that are missing
//! altogether, which the markers tell, and of values that are wrong but valid, which nothing tells.

mod layout;
mod markers;
mod tables;

use super::DecodeLimits;
use super::damaged;
use super::files::{memory, of_picture, unsupported, with_image_crate};
use crate::error::Result;
use crate::image::kind::ImageKind;
use crate::image::{BgrImage, check_pixels};
use image::{DynamicImage, ImageFormat};
use layout::{Layout, Refusal};
use markers::{Marker, Markers, code, mended};
use std::borrow::Cow;
use std::io::Cursor;
use tables::HOLE;
use turbojpeg::{Decompressor, PixelFormat, ScalingFactor};

/// Scans a progressive JPEG may have: real ones have about ten, an attack thousands.
const SCANS: u32 = 500;

/// Bytes of any values that may stand between a scan's data and the end-of-image marker. Cameras that write whole
/// blocks leave up to 31. Data of a picture that has come out of step are mostly more.
const FILLER: usize = 32;

/// Bytes behind a scan's data that libjpeg-turbo may have taken in without reporting them: its bit buffer.
const READ_AHEAD: usize = 8;

const ENDS_EARLY: &str = "it ends before its end-of-image marker, so a part of the picture is missing";
const FILLED_UP: &str = "its data are filled up with zeros, so a part of the picture is missing";
const LACKS_SCANS: &str = "it ends before all its scans, so a part of the picture is missing";

/// Decodes a JPEG file.
pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let refused = |refusal| match refusal {
        Refusal::Unsupported(why) => unsupported(ImageKind::Jpeg, why),
        Refusal::Damaged(why) => damaged(ImageKind::Jpeg, why),
    };
    let layout = Layout::of(bytes).map_err(refused)?;
    check_pixels(layout.width as u64, layout.height as u64, limits)?;
    if layout.components == 4 {
        // libjpeg-turbo doesn't turn inks into colours: the other decoder does, which fills what is missing in silence.
        let bytes = whole(bytes, &layout, |bytes| glance(bytes, &layout)).map_err(refused)?;
        let (mut file, allowed) = (Cursor::new(&bytes), memory(limits.pixels));
        let picture = with_image_crate(&mut file, ImageKind::Jpeg, ImageFormat::Jpeg, allowed, limits)?;
        return of_picture(picture);
    }
    let mut bgr = vec![0; 3 * layout.width * layout.height];
    let attempt = |bytes: &[u8]| decompress(bytes, &layout, PixelFormat::BGR, ScalingFactor::ONE, &mut bgr);
    whole(bytes, &layout, attempt).map_err(refused)?;
    // Turning doesn't mind the order of the colours.
    let pixels = image::RgbImage::from_raw(layout.width as u32, layout.height as u32, bgr);
    let mut picture = DynamicImage::from(pixels.expect("as many as the layout says"));
    picture.apply_orientation(layout.orientation);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    BgrImage::new(width, height, picture.into_bytes())
}

/// Looks whether a JPEG stream inside another format is whole.
pub(super) fn check(bytes: &[u8], limits: &DecodeLimits) -> std::result::Result<(), String> {
    let told = |refusal| match refusal {
        Refusal::Unsupported(why) | Refusal::Damaged(why) => why,
    };
    let layout = Layout::of(bytes).map_err(told)?;
    check_pixels(layout.width as u64, layout.height as u64, limits).map_err(|error| error.to_string())?;
    whole(bytes, &layout, |bytes| glance(bytes, &layout))
        .map(drop)
        .map_err(told)
}

/// Decodes with `attempt`, which returns what libjpeg says against the bytes it is given, and returns those bytes
/// that it had nothing to say against but that some filler stands before the end.
fn whole<'a>(
    bytes: &'a [u8],
    layout: &Layout,
    mut attempt: impl FnMut(&[u8]) -> std::result::Result<(), String>,
) -> std::result::Result<Cow<'a, [u8]>, Refusal> {
    let damaged = |why: &str| Refusal::Damaged(why.to_owned());
    if !layout.ended {
        let copy = mended(bytes);
        let last = copy.len() - 2; // the marker that was put on
        // Whole means to the last byte. One that isn't needed, and zeros, which a scan doesn't end with as its last
        // byte is filled with ones, are of a file that was filled up.
        let shorter = [&copy[..last - 1], &copy[last..]].concat();
        let exact = layout.zeros_at_end < 2 && glance(&shorter, layout).is_err();
        return if layout.sent && exact && attempt(&copy).is_ok() {
            Ok(Cow::Owned(copy))
        } else {
            Err(damaged(ENDS_EARLY))
        };
    }
    if !layout.sent {
        return Err(damaged(LACKS_SCANS));
    }
    let mut tolerant = |bytes: &[u8]| match attempt(bytes) {
        // Zeros that nothing is said against have been taken for the picture's.
        Ok(()) if layout.zeros_are_coefficients && layout.zeros_at_end >= HOLE => Err(FILLED_UP.to_owned()),
        Err(why) if ends_with_filler(bytes, &why, layout) => Ok(()),
        outcome => outcome,
    };
    let Err(why) = tolerant(bytes) else {
        return Ok(Cow::Borrowed(bytes));
    };
    let copy = mended(bytes);
    if bytes.starts_with(&copy) {
        return Err(damaged(&why));
    }
    tolerant(&copy).map_err(|why| damaged(&why))?;
    Ok(Cow::Owned(copy))
}

/// Whether what libjpeg says is only that bytes stand before the end-of-image marker, and those are no picture's.
fn ends_with_filler(bytes: &[u8], why: &str, layout: &Layout) -> bool {
    let count = why
        .strip_prefix("Corrupt JPEG data: ")
        .and_then(|why| why.strip_suffix(" extraneous bytes before marker 0xd9"))
        .and_then(|count| count.parse().ok());
    let last = Markers::of(bytes).take_while(|marker| marker.code != code::EOI).last();
    let (Some(count), Some(Marker { data, .. })) = (count, last) else {
        return false;
    };
    let Some(start) = data.end.checked_sub(count).filter(|&start| start > data.start) else {
        return false;
    };
    let (own, filler) = (&bytes[data.start..start], &bytes[start..data.end]);
    // Data that were filled up are of the filler's value before that too, as far as the decoder found a meaning in it.
    let run_on = own
        .iter()
        .rev()
        .take_while(|&byte| filler.first() == Some(byte))
        .count();
    let one_value = filler.windows(2).all(|pair| pair[0] == pair[1]);
    let fits = if one_value {
        run_on <= READ_AHEAD
    } else {
        count <= FILLER
    };
    // In a file with restart markers it may have looked for one of them there, and have more to say. Then it must have
    // nothing against a file whose data end with the last byte that it needed.
    let needed = |start: usize| glance(&[&bytes[..start], &[0xFF, code::EOI]].concat(), layout).is_ok();
    fits && (!layout.restarts || (0..=own.len().min(READ_AHEAD)).any(|more| needed(start - more)))
}

/// Decodes at an eighth of the size, for what libjpeg says: that is the same at any size, and this is the fastest.
fn glance(bytes: &[u8], layout: &Layout) -> std::result::Result<(), String> {
    let (format, channels) = if layout.components == 4 {
        (PixelFormat::CMYK, 4)
    } else {
        (PixelFormat::GRAY, 1)
    };
    let scale = ScalingFactor::ONE_EIGHTH;
    let mut pixels = vec![0; channels * scale.scale(layout.width) * scale.scale(layout.height)];
    decompress(bytes, layout, format, scale, &mut pixels)
}

/// Decodes into `pixels` and returns the first thing that libjpeg-turbo says against the file. If that is a warning,
/// the pixels are there all the same.
fn decompress(
    bytes: &[u8],
    layout: &Layout,
    format: PixelFormat,
    scale: ScalingFactor,
    pixels: &mut [u8],
) -> std::result::Result<(), String> {
    let said = |error| match error {
        turbojpeg::Error::TurboJpegError(text) => text,
        other => other.to_string(),
    };
    let mut decompressor = Decompressor::new().map_err(said)?;
    decompressor.set_scan_limit(SCANS).map_err(said)?;
    decompressor.set_scaling_factor(scale).map_err(said)?;
    let header = decompressor.read_header(bytes).map_err(said)?;
    if (header.width, header.height) != (layout.width, layout.height) {
        return Err("its size is told twice, and differently".to_owned());
    }
    let width = scale.scale(layout.width);
    let image = turbojpeg::Image {
        pixels,
        width,
        pitch: width * format.size(),
        height: scale.scale(layout.height),
        format,
    };
    decompressor.decompress(bytes, image).map_err(said)
}

#[cfg(test)]
mod tests;
