//! What of a WebP's damage its decoder doesn't tell: data that were lost and filled up, which decode to something.
//! Neither of its codings has a checksum, but a whole picture takes its data to the end.

use std::cell::Cell;
use std::io::{BufRead, Cursor, Read, Result, Seek, SeekFrom};
use std::ops::Range;

/// Bytes of a lossless picture's data that may be left over. Encoders leave none, the decoder reads up to 8 ahead.
const LEFT_OVER: usize = 8;

/// Zeros in a row that a file has for lost data. Coded pictures look like noise and have fewer, with rare exceptions
/// that are looked into.
const ZEROS: usize = 16;

/// Bytes that the last rows of a lossy picture can't do without. Its decoder takes in two beyond what it needs.
const NEEDED: usize = 8;

/// A file in memory that notes how far it has been read.
pub(super) struct Noted<'a, 'b> {
    file: Cursor<&'a [u8]>,
    place: &'b Cell<u64>,
}

impl<'a, 'b> Noted<'a, 'b> {
    /// Notes in `place` where the next byte would be read.
    pub(super) fn new(bytes: &'a [u8], place: &'b Cell<u64>) -> Self {
        Noted {
            file: Cursor::new(bytes),
            place,
        }
    }
}

impl Read for Noted<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let read = self.file.read(buffer);
        self.place.set(self.file.position());
        read
    }
}

impl BufRead for Noted<'_, '_> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        self.file.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.file.consume(amount);
        self.place.set(self.file.position());
    }
}

impl Seek for Noted<'_, '_> {
    fn seek(&mut self, to: SeekFrom) -> Result<u64> {
        let place = self.file.seek(to)?;
        self.place.set(place);
        Ok(place)
    }
}

/// Looks whether a WebP that could be decoded took its data to their end. `place` is where the decoder stopped reading,
/// `decode` tries whether a file decodes.
pub(super) fn check(bytes: &[u8], place: usize, decode: impl FnOnce(&[u8]) -> bool) -> std::result::Result<(), String> {
    let early = Err("its picture ends before its data do, so they are not its own".to_owned());
    match picture(bytes) {
        // The decoder takes what there is of a chunk.
        Some((_, data)) if data.end > bytes.len() => Err("its data break off".to_owned()),
        Some((b"VP8L", data)) if data.contains(&place) && data.end - place > LEFT_OVER => early,
        // The lossy decoder takes in all data at once. That it needs them to the end, it shows by missing them.
        Some((b"VP8 ", data)) if has_zeros(&bytes[data.clone()]) => {
            let needed = data.start..data.end.saturating_sub(NEEDED).max(data.start);
            if decode(&simple_file(&bytes[needed])) {
                early
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    }
}

fn has_zeros(data: &[u8]) -> bool {
    let mut zeros = 0;
    data.iter().any(|&byte| {
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        zeros == ZEROS
    })
}

/// The name of the chunk of the picture, or of an animation's first frame, and where its data are.
fn picture(bytes: &[u8]) -> Option<(&[u8; 4], Range<usize>)> {
    let mut at = 12; // behind RIFF, the length and WEBP
    loop {
        let (name, rest) = bytes.get(at..)?.split_first_chunk()?;
        let length = u32::from_le_bytes(*rest.first_chunk()?) as usize;
        let (start, end) = (at + 8, (at + 8).checked_add(length)?);
        at = match name {
            b"VP8 " | b"VP8L" => return Some((name, start..end)),
            // A frame's own chunks come behind 16 bytes of its place and time.
            b"ANMF" => start + 16,
            _ => end.checked_next_multiple_of(2)?,
        };
    }
}

/// A file with nothing but the data of a lossy picture.
fn simple_file(data: &[u8]) -> Vec<u8> {
    let padding = data.len() % 2;
    let length = |length: usize| (length as u32).to_le_bytes();
    let parts = [
        b"RIFF",
        &length(12 + data.len() + padding)[..],
        b"WEBPVP8 ",
        &length(data.len()),
        data,
        &[0][..padding],
    ];
    parts.concat()
}

#[cfg(test)]
mod tests;
