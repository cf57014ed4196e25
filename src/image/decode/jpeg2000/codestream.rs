//! What a JPEG 2000 codestream says of itself (ISO/IEC 15444-1, annex A), read before it is decoded: whether all of it is
//! there, and whether its bookkeeping stays in proportion to its pixels.

use super::super::{DecodeLimits, damaged, over_limit, unsupported};
use crate::error::{Error, Result};
use crate::image::kind::ImageKind;

const SOC: u16 = 0xFF4F;
const SIZ: u16 = 0xFF51;
const COD: u16 = 0xFF52;
const COC: u16 = 0xFF53;
const SOT: u16 = 0xFF90;
const SOD: u16 = 0xFF93;
const EOC: u16 = 0xFFD9;

/// Most components: colours and an opacity, and one to spare.
const MOST_COMPONENTS: u16 = 5;
/// Least pixels of the picture that a precinct is for, as a power of two. A decoder keeps some hundred bytes for each, which
/// must not outgrow the pixels. Encoders use 2^12 and more.
const LEAST_PRECINCT: usize = 10;
/// Most resolutions of all tiles together: each has a precinct at least.
const MOST_RESOLUTIONS: usize = 1 << 18;
/// Most times that a picture is halved; encoders do it 5 times.
const MOST_LEVELS: u8 = 16;
/// Most layers of quality.
const MOST_LAYERS: u16 = 1024;

/// Checks that every tile of the picture has data to its end, that nothing is cut off, and that no table is out of proportion.
///
/// # Errors
/// [`crate::ErrorKind::ImageDecode`] for a codestream that is cut or contradicts itself, [`crate::ErrorKind::Limit`].
pub(super) fn check(bytes: &[u8], limits: &DecodeLimits) -> Result<()> {
    let mut stream = Stream {
        rest: codestream(bytes).ok_or_else(|| wrong("it has no codestream"))?,
    };
    if stream.u16()? != SOC {
        return Err(wrong("its codestream doesn't begin as one"));
    }
    let (mut tiles, mut levels) = (None, 0);
    loop {
        let before = stream.rest;
        match stream.u16()? {
            SOT => {
                stream.rest = before;
                break;
            }
            SIZ => tiles = Some(tile_count(stream.segment()?, limits)?),
            marker => levels = levels.max(look(marker, stream.segment()?)?),
        }
    }
    let Some(tiles) = tiles else {
        return Err(wrong("it doesn't say its size"));
    };
    if tiles * (usize::from(levels) + 1) > MOST_RESOLUTIONS {
        return Err(unsupported(
            ImageKind::Jpeg2000,
            "it has too many tiles of too many resolutions",
        ));
    }
    let mut seen = vec![false; tiles];
    loop {
        let part = stream.rest;
        match stream.u16()? {
            EOC if seen.iter().all(|&tile| tile) => return Ok(()),
            EOC => return Err(wrong("a part of the picture is missing")),
            SOT => {}
            _ => return Err(wrong("its parts don't follow each other")),
        }
        let mut header = Stream {
            rest: stream.segment()?,
        };
        let tile = usize::from(header.u16()?);
        let length = header.u32()? as usize;
        *seen
            .get_mut(tile)
            .ok_or_else(|| wrong("it has more tiles than its size allows"))? = true;
        // A length of 0 is that of the last part: up to the end mark, which nothing may follow then.
        let length = match length {
            0 => part
                .len()
                .checked_sub(2)
                .filter(|&end| part[end..] == EOC.to_be_bytes()),
            _ => Some(length),
        };
        let within = length.and_then(|length| part.get(..length));
        let Some(within) = within.filter(|within| within.len() >= part.len() - stream.rest.len()) else {
            return Err(wrong("its data end early"));
        };
        let mut headers = Stream {
            rest: &within[part.len() - stream.rest.len()..],
        };
        loop {
            match headers.u16()? {
                SOD => break,
                // No more than the main header's, so that what is checked above holds.
                marker if look(marker, headers.segment()?)? > levels => {
                    return Err(unsupported(
                        ImageKind::Jpeg2000,
                        "a tile has more resolutions than the picture",
                    ));
                }
                _ => {}
            }
        }
        stream.rest = &part[within.len()..];
    }
}

fn wrong(why: &str) -> Error {
    damaged(ImageKind::Jpeg2000, why)
}

/// The codestream: the file itself, or the contents of its first box of that name (annex I).
fn codestream(bytes: &[u8]) -> Option<&[u8]> {
    if bytes.starts_with(&SOC.to_be_bytes()) {
        return Some(bytes);
    }
    let mut rest = bytes;
    loop {
        let (&length, after) = rest.split_first_chunk::<4>()?;
        let (name, after) = after.split_first_chunk::<4>()?;
        let (contents, length) = match u32::from_be_bytes(length) {
            // To the end of the file.
            0 => (after, rest.len()),
            1 => {
                let (&length, after) = after.split_first_chunk::<8>()?;
                (after, usize::try_from(u64::from_be_bytes(length)).ok()?)
            }
            length => (after, length as usize),
        };
        let whole = rest.get(..length)?;
        if name == b"jp2c" {
            return whole.get(rest.len() - contents.len()..);
        }
        // A box is longer than its own header, so this ends.
        rest = &rest[length.max(8)..];
    }
}

/// How many tiles a picture of this size has.
fn tile_count(segment: &[u8], limits: &DecodeLimits) -> Result<usize> {
    let mut fields = Stream { rest: segment };
    fields.u16()?;
    let mut sides = [0u32; 8];
    for side in &mut sides {
        *side = fields.u32()?;
    }
    let [width, height, left, top, tile_width, tile_height, tile_left, tile_top] = sides;
    if fields.u16()? > MOST_COMPONENTS {
        return Err(unsupported(
            ImageKind::Jpeg2000,
            "it has more channels than colours and opacity",
        ));
    }
    let along = |end: u32, first: u32, step: u32| match step {
        0 => Err(wrong("its tiles have no size")),
        _ => Ok(u64::from(end.saturating_sub(first)).div_ceil(u64::from(step))),
    };
    let tiles = along(width, tile_left, tile_width)? * along(height, tile_top, tile_height)?;
    // The picture itself may begin anywhere in that area, which is what a decoder works on.
    let area = u64::from(width.saturating_sub(tile_left)) * u64::from(height.saturating_sub(tile_top));
    if tiles > 65535 || left < tile_left || top < tile_top {
        return Err(wrong("its tiles don't fit its size"));
    }
    if area > limits.pixels.saturating_mul(2) {
        return Err(over_limit(format!(
            "JPEG 2000: its area is {area} pixels, the limit is {}",
            limits.pixels
        )));
    }
    Ok(tiles as usize)
}

/// Looks at how a header says that the picture is decomposed; how often it is halved, 0 where this header doesn't say.
fn look(marker: u16, segment: &[u8]) -> Result<u8> {
    // Where the decomposition's fields begin.
    let (style, at) = match marker {
        COD => {
            let layers = segment.get(2..4).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
            if layers > MOST_LAYERS {
                return Err(over_limit(format!(
                    "JPEG 2000: {layers} layers, the limit is {MOST_LAYERS}"
                )));
            }
            (segment.first(), 5)
        }
        // The component's number has one byte where there are fewer than 257.
        COC => (segment.get(1), 2),
        _ => return Ok(0),
    };
    let (Some(style), Some(fields)) = (style, segment.get(at..)) else {
        return Err(wrong("a header is too short"));
    };
    // Levels, the two sides of a code block, its style, the transform; then a byte for each resolution, the coarsest first,
    // of which a pixel stands for 4^levels of the picture.
    let levels = fields.first().copied().unwrap_or(0);
    if levels > MOST_LEVELS {
        return Err(unsupported(ImageKind::Jpeg2000, "it is halved too often"));
    }
    let precincts = fields.get(5..).unwrap_or_default().iter().enumerate();
    let stands_for = |(resolution, sides): (usize, &u8)| {
        2 * usize::from(levels).saturating_sub(resolution) + usize::from(sides & 15) + usize::from(sides >> 4)
    };
    if style & 1 == 1 && precincts.map(stands_for).any(|pixels| pixels < LEAST_PRECINCT) {
        return Err(unsupported(ImageKind::Jpeg2000, "its precincts are too small"));
    }
    Ok(levels)
}

/// Bytes still to be read.
struct Stream<'a> {
    rest: &'a [u8],
}

impl<'a> Stream<'a> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (&taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or_else(|| wrong("its data end early"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32> {
        self.take().map(u32::from_be_bytes)
    }

    /// What a marker's segment holds behind its length.
    fn segment(&mut self) -> Result<&'a [u8]> {
        let length = usize::from(self.u16()?);
        let contents = length
            .checked_sub(2)
            .and_then(|length| self.rest.split_at_checked(length));
        let (contents, rest) = contents.ok_or_else(|| wrong("its data end early"))?;
        self.rest = rest;
        Ok(contents)
    }
}
