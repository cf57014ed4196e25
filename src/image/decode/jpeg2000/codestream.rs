//! What a JPEG 2000 codestream says of itself (ISO/IEC 15444-1, annex A), read before it is decoded: whether all of it is
//! there, and whether its bookkeeping stays in proportion to its pixels.

use super::super::boxes::boxes;
use super::super::{DecodeLimits, damaged, over_limit, unsupported};
use crate::error::{Error, Result};
use crate::image::kind::ImageKind;
use std::ops::RangeInclusive;

const SOC: u16 = 0xFF4F;
const SIZ: u16 = 0xFF51;
const COD: u16 = 0xFF52;
const COC: u16 = 0xFF53;
const SOT: u16 = 0xFF90;
const SOD: u16 = 0xFF93;
const EOC: u16 = 0xFFD9;

/// Most components: colours and an opacity, and one to spare.
const MOST_COMPONENTS: u16 = 5;
/// Least pixels of the picture that a precinct is for in each layer, and that a code block is for, as a power of two. A
/// decoder keeps up to a kilobyte for each, which must not outgrow the pixels. Encoders make precincts of 2^12 and more, and
/// code blocks of 2^10 and more.
const LEAST_PACKET: usize = 8;
const LEAST_BLOCK: u8 = 8;
/// Most resolutions of all tiles together: each has a precinct at least.
const MOST_RESOLUTIONS: usize = 1 << 18;
/// Most times that a picture is halved; encoders do it 5 times.
const MOST_LEVELS: u8 = 16;
/// Most layers of quality; the decoder takes no more.
const MOST_LAYERS: u16 = 32;
/// Markers without a segment, which no file needs in a header: they would hide what follows them.
const BARE: RangeInclusive<u16> = 0xFF30..=0xFF3F;
/// Packets' headers in the main or a tile's header.
const PPM: u16 = 0xFF60;
const PPT: u16 = 0xFF61;

/// Checks that every tile of the picture has data to its end, that nothing is cut off, and that no table is out of proportion.
///
/// # Errors
/// [`crate::ErrorKind::ImageDecode`] for a codestream that is cut or contradicts itself, [`crate::ErrorKind::Limit`].
pub(super) fn check(bytes: &[u8], limits: &DecodeLimits) -> Result<()> {
    let mut stream = Stream {
        rest: codestream(bytes)?,
    };
    if stream.u16()? != SOC {
        return Err(wrong("its codestream doesn't begin as one"));
    }
    let (mut size, mut coding) = (None, Coding::default());
    loop {
        let before = stream.rest;
        match stream.u16()? {
            SOT => {
                stream.rest = before;
                break;
            }
            SIZ => size = Some(Size::of(stream.segment()?, limits)?),
            marker => coding.look(marker, &mut stream)?,
        }
    }
    let Some(size) = size.filter(|_| coding.said) else {
        return Err(wrong("it doesn't say its size, or how it is coded"));
    };
    if size.tiles * (usize::from(coding.levels) + 1) > MOST_RESOLUTIONS {
        return Err(unsupported(
            ImageKind::Jpeg2000,
            "it has too many tiles of too many resolutions",
        ));
    }
    // Bytes of data of each tile that was seen.
    let mut tiles: Vec<Option<usize>> = vec![None; size.tiles];
    let mut tiled = coding;
    loop {
        let part = stream.rest;
        match stream.u16()? {
            EOC => {
                // Each packet has a byte at least: one for each layer, resolution and component.
                let least = match tiled.packed_headers || size.smallest_tile >> coding.levels == 0 {
                    true => 0,
                    false => {
                        usize::from(coding.least_layers) * (usize::from(coding.least_levels) + 1) * size.components
                    }
                };
                return match tiles.iter().all(|tile| tile.is_some_and(|bytes| bytes >= least)) {
                    true => Ok(()),
                    false => Err(wrong("a part of the picture is missing")),
                };
            }
            SOT => {}
            _ => return Err(wrong("its parts don't follow each other")),
        }
        let mut header = Stream {
            rest: stream.segment()?,
        };
        let tile = usize::from(header.u16()?);
        let length = header.u32()? as usize;
        let seen = tiles
            .get_mut(tile)
            .ok_or_else(|| wrong("it has more tiles than its size allows"))?;
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
                marker => tiled.look(marker, &mut headers)?,
            }
        }
        // No more than the main header's, so that what is checked above holds.
        if tiled.levels > coding.levels
            || tiled.least_layers < coding.least_layers
            || tiled.least_levels < coding.least_levels
        {
            return Err(unsupported(
                ImageKind::Jpeg2000,
                "a tile is coded in another way than the picture",
            ));
        }
        *seen = Some(seen.unwrap_or(0) + headers.rest.len());
        stream.rest = &part[within.len()..];
    }
}

fn wrong(why: &str) -> Error {
    damaged(ImageKind::Jpeg2000, why)
}

/// The codestream: the file itself, or the contents of its one box of that name (annex I). Two of them could be another one for
/// the decoder than for this check; channels that are mapped many times would be copied as often.
fn codestream(bytes: &[u8]) -> Result<&[u8]> {
    if bytes.starts_with(&SOC.to_be_bytes()) {
        return Ok(bytes);
    }
    let mut found = None;
    for part in boxes(bytes) {
        match part.name {
            b"jp2c" if found.is_some() => return Err(unsupported(ImageKind::Jpeg2000, "it has two codestreams")),
            b"jp2c" => found = Some(part.contents),
            b"jp2h" => {
                for part in boxes(part.contents) {
                    // Four bytes for each channel that is made; or how many columns a palette has.
                    let channels = match part.name {
                        b"cmap" => part.contents.len() / 4,
                        b"pclr" => part.contents.get(2).copied().unwrap_or(0).into(),
                        _ => 0,
                    };
                    if channels > usize::from(MOST_COMPONENTS) {
                        return Err(unsupported(
                            ImageKind::Jpeg2000,
                            "it has more channels than colours and opacity",
                        ));
                    }
                }
            }
            _ => {}
        }
    }
    found.ok_or_else(|| wrong("it has no codestream"))
}

/// What a picture's size comes to.
struct Size {
    tiles: usize,
    components: usize,
    /// The shorter side of what the smallest tile covers; 0 where a tile may be cut.
    smallest_tile: u32,
}

impl Size {
    fn of(segment: &[u8], limits: &DecodeLimits) -> Result<Size> {
        let mut fields = Stream { rest: segment };
        fields.u16()?;
        let mut sides = [0u32; 8];
        for side in &mut sides {
            *side = fields.u32()?;
        }
        let [width, height, left, top, tile_width, tile_height, tile_left, tile_top] = sides;
        let components = fields.u16()?;
        if components > MOST_COMPONENTS {
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
        // The last tile of a row or column has what is left.
        let least = |end: u32, first: u32, step: u32| match (end - first) % step {
            0 => step,
            rest => rest,
        };
        let whole = left == tile_left && top == tile_top && tiles > 0;
        let smallest_tile = match whole {
            true => least(width, left, tile_width).min(least(height, top, tile_height)),
            false => 0,
        };
        Ok(Size {
            tiles: tiles as usize,
            components: components.into(),
            smallest_tile,
        })
    }
}

/// What headers say of how the picture is decomposed.
#[derive(Clone, Copy)]
struct Coding {
    /// Whether one said anything.
    said: bool,
    /// How often it is halved, at most and at least.
    levels: u8,
    least_levels: u8,
    /// Layers of quality, at most and at least.
    layers: u16,
    least_layers: u16,
    /// Whether the packets' headers are elsewhere than with the packets.
    packed_headers: bool,
}

impl Default for Coding {
    fn default() -> Self {
        Coding {
            said: false,
            levels: 0,
            least_levels: u8::MAX,
            layers: 1,
            least_layers: u16::MAX,
            packed_headers: false,
        }
    }
}

impl Coding {
    /// Looks at a marker and its segment, which are read.
    fn look(&mut self, marker: u16, stream: &mut Stream) -> Result<()> {
        if BARE.contains(&marker) {
            return Err(unsupported(ImageKind::Jpeg2000, "it has markers that no picture needs"));
        }
        let segment = stream.segment()?;
        // Where the decomposition's fields begin.
        let (style, at) = match marker {
            COD => {
                let layers = segment.get(2..4).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
                if layers > MOST_LAYERS {
                    return Err(unsupported(ImageKind::Jpeg2000, "it has too many layers"));
                }
                self.said = true;
                self.layers = self.layers.max(layers);
                self.least_layers = self.least_layers.min(layers);
                (segment.first(), 5)
            }
            // The component's number has one byte where there are fewer than 257.
            COC => (segment.get(1), 2),
            PPM | PPT => {
                self.packed_headers = true;
                return Ok(());
            }
            _ => return Ok(()),
        };
        let fields = segment.get(at..).and_then(|fields| fields.split_first_chunk::<5>());
        let (Some(style), Some((&[levels, width, height, ..], precincts))) = (style, fields) else {
            return Err(wrong("a header is too short"));
        };
        // The sides of a code block, as powers of two less 2.
        if width.saturating_add(height) < LEAST_BLOCK - 4 {
            return Err(unsupported(ImageKind::Jpeg2000, "its code blocks are too small"));
        }
        if levels > MOST_LEVELS {
            return Err(unsupported(ImageKind::Jpeg2000, "it is halved too often"));
        }
        self.levels = self.levels.max(levels);
        self.least_levels = self.least_levels.min(levels);
        // A byte for each resolution, the coarsest first, of which a pixel stands for 4^levels of the picture.
        let stands_for = |(resolution, sides): (usize, &u8)| {
            2 * usize::from(levels).saturating_sub(resolution) + usize::from(sides & 15) + usize::from(sides >> 4)
        };
        let layers = usize::from(self.layers).next_power_of_two().trailing_zeros() as usize;
        if style & 1 == 1
            && precincts
                .iter()
                .enumerate()
                .map(stands_for)
                .any(|pixels| pixels < LEAST_PACKET + layers)
        {
            return Err(unsupported(ImageKind::Jpeg2000, "its precincts are too small"));
        }
        Ok(())
    }
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
