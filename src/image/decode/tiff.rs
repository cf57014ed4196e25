//! What of a TIFF's damage its decoder doesn't tell. It reads the strips or tiles, reports one that is too short and
//! takes no notice of one that is too long, of checksums, of lengths that it doesn't need, and of gaps in JPEG data.

use super::{DecodeLimits, jpeg, zlib};
use std::io::Cursor;
use tiff::decoder::{ChunkType, Decoder};
use tiff::tags::{CompressionMethod, PlanarConfiguration, Tag};
use tiff::{TiffError, TiffResult};

/// Looks whether the strips or tiles of a TIFF that could be decoded are whole.
pub(super) fn check(bytes: &[u8], limits: &DecodeLimits) -> Result<(), String> {
    let directory = Directory::of(bytes).map_err(|error: TiffError| error.to_string())?;
    for (at, &offset) in directory.offsets.iter().enumerate() {
        let name = directory.name;
        // Without lengths, and where one goes on behind the end, what is there must do.
        let length = directory.lengths.get(at).copied();
        let data = usize::try_from(offset)
            .ok()
            .filter(|&offset| offset != 0)
            .and_then(|offset| bytes.get(offset..))
            .filter(|data| !data.is_empty())
            .ok_or_else(|| format!("{name} {at} lies outside of the file"))?;
        let data = &data[..data.len().min(length.map_or(usize::MAX, |length| length as usize))];
        let rows = directory.rows(at);
        let outcome = match directory.compression {
            // 0 says that nobody has noted the length.
            CompressionMethod::None if length == Some(0) || data.len() as u64 >= rows.bytes() => Ok(()),
            CompressionMethod::None => Err(format!("it has {} of {} bytes", data.len(), rows.bytes())),
            CompressionMethod::Deflate | CompressionMethod::OldDeflate => zlib::check(data, rows.bytes()),
            CompressionMethod::LZW => rows.fit(lzw_length(data, rows.most())),
            CompressionMethod::PackBits => rows.fit(packbits_length(data)),
            CompressionMethod::ModernJPEG => jpeg::check(&directory.jpeg(data), limits),
            _ => Ok(()),
        };
        outcome.map_err(|why| format!("{name} {at}: {why}"))?;
    }
    Ok(())
}

/// What a TIFF's first directory says of its strips or tiles.
struct Directory {
    name: &'static str,
    offsets: Vec<u64>,
    lengths: Vec<u64>,
    compression: CompressionMethod,
    /// What the JPEG data of all chunks have in common.
    jpeg_tables: Vec<u8>,
    /// Bytes a row, of each strip or tile.
    row: u64,
    /// Rows of each that is not cut short by the picture's lower edge.
    full: u32,
    /// Rows of the picture.
    height: u32,
    /// How many lie above each other; a separate plane begins anew.
    down: usize,
}

impl Directory {
    fn of(bytes: &[u8]) -> TiffResult<Directory> {
        let mut decoder = Decoder::new(Cursor::new(bytes))?;
        let (name, offsets, lengths) = match decoder.get_chunk_type() {
            ChunkType::Strip => ("strip", Tag::StripOffsets, Tag::StripByteCounts),
            ChunkType::Tile => ("tile", Tag::TileOffsets, Tag::TileByteCounts),
        };
        let (_, height) = decoder.dimensions()?;
        let (width, rows) = decoder.chunk_dimensions();
        let full = if name == "strip" { rows.min(height) } else { rows };
        let samples = match decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration)? {
            Some(plane) if plane == PlanarConfiguration::Planar.to_u16() => 1,
            _ => decoder.find_tag_unsigned::<u16>(Tag::SamplesPerPixel)?.unwrap_or(1),
        };
        let bits = decoder.find_tag_unsigned_vec::<u16>(Tag::BitsPerSample)?;
        let bits = bits.and_then(|bits| bits.first().copied()).unwrap_or(1);
        let compression = decoder.find_tag_unsigned::<u16>(Tag::Compression)?;
        Ok(Directory {
            name,
            offsets: decoder.get_tag_u64_vec(offsets)?,
            lengths: decoder.find_tag_unsigned_vec(lengths)?.unwrap_or_default(),
            compression: CompressionMethod::from_u16_exhaustive(compression.unwrap_or(1)),
            jpeg_tables: match decoder.find_tag(Tag::JPEGTables)? {
                Some(tables) => tables.into_u8_vec()?,
                None => Vec::new(),
            },
            row: (u64::from(width) * u64::from(samples) * u64::from(bits)).div_ceil(8),
            full,
            height,
            down: height.div_ceil(full.max(1)) as usize,
        })
    }

    /// The rows of one strip or tile.
    fn rows(&self, at: usize) -> Rows {
        // Tiles are never cut short.
        let above = match self.name {
            "strip" => (at % self.down.max(1)) as u32 * self.full,
            _ => 0,
        };
        Rows {
            row: self.row,
            wanted: if self.name == "strip" {
                self.full.min(self.height - above)
            } else {
                self.full
            },
            full: self.full,
        }
    }

    /// The JPEG file that one strip or tile would be by itself (TIFF Technical Note 2): the tables without their end,
    /// then the data without their start.
    fn jpeg(&self, data: &[u8]) -> Vec<u8> {
        match self.jpeg_tables.len().checked_sub(2) {
            Some(end) => [&self.jpeg_tables[..end], data.get(2..).unwrap_or_default()].concat(),
            None => data.to_vec(),
        }
    }
}

/// Rows of one strip or tile.
struct Rows {
    /// Bytes a row.
    row: u64,
    /// Those that are in the picture.
    wanted: u32,
    /// Those that there would be were it not the last.
    full: u32,
}

impl Rows {
    fn bytes(&self) -> u64 {
        self.row * u64::from(self.wanted)
    }

    /// Bytes that are certainly too many.
    fn most(&self) -> u64 {
        self.row * (u64::from(self.full) + 1)
    }

    /// Refuses unpacked data of a length that isn't theirs: data that have come out of step. That of a part of a row
    /// may be over, as may the rows behind the lower edge.
    fn fit(&self, length: u64) -> Result<(), String> {
        let over = |rows: u32| {
            length
                .checked_sub(self.row * u64::from(rows))
                .is_some_and(|over| over < self.row.max(1))
        };
        if over(self.wanted) || over(self.full) {
            return Ok(());
        }
        Err(format!(
            "it unpacks to {length} bytes or more instead of {}",
            self.bytes()
        ))
    }
}

/// Bytes that LZW data unpack to, as far as that goes; not many more than `most` are counted.
fn lzw_length(mut data: &[u8], most: u64) -> u64 {
    let mut decoder = weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    let mut scratch = vec![0; 64 << 10];
    let mut length = 0;
    while length < most {
        let step = decoder.decode_bytes(data, &mut scratch);
        data = &data[step.consumed_in..];
        length += step.consumed_out as u64;
        if !matches!(step.status, Ok(weezl::LzwStatus::Ok)) {
            break;
        }
    }
    length
}

/// Bytes that PackBits data unpack to.
fn packbits_length(data: &[u8]) -> u64 {
    let mut length = 0;
    let mut rest = data;
    while let Some((&count, behind)) = rest.split_first() {
        let run = match count {
            0..=127 => usize::from(count) + 1,
            128 => 0,
            129..=255 => 257 - usize::from(count),
        };
        let taken = match count {
            0..=127 => run.min(behind.len()),
            128 => 0,
            129..=255 => 1.min(behind.len()),
        };
        length += if count < 128 { taken } else { run * taken } as u64;
        rest = &behind[taken..];
    }
    length
}

#[cfg(test)]
mod tests;
