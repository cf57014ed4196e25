//! Whether a zlib stream is whole: TIFF's decoder stops at the last pixel, before the checksum.

use flate2::{Decompress, FlushDecompress, Status};

/// Bytes unpacked at a time.
const STEP: usize = 64 << 10;

/// Unpacks a stream and checks its checksum. `wanted` bytes are needed of it.
///
/// One that has all of them and no more, but breaks off before its checksum, passes: nothing of the picture is missing.
pub(super) fn check(data: &[u8], wanted: u64) -> Result<(), String> {
    let mut stream = Decompress::new(true);
    let mut scratch = vec![0; STEP];
    loop {
        let (taken, made) = (stream.total_in(), stream.total_out());
        let status = stream
            .decompress(&data[taken as usize..], &mut scratch, FlushDecompress::None)
            .map_err(|error| format!("its compressed data are wrong: {error}"))?;
        if status == Status::StreamEnd {
            return Ok(());
        }
        // As far as a stream may reasonably go on behind what is needed of it; a small one can unpack to gigabytes.
        if stream.total_out() > wanted.saturating_mul(2).saturating_add(STEP as u64) {
            return Err("its compressed data don't end with its picture".to_owned());
        }
        if (stream.total_in(), stream.total_out()) == (taken, made) {
            return if made == wanted {
                Ok(())
            } else {
                Err("its compressed data break off".to_owned())
            };
        }
    }
}

#[cfg(test)]
mod tests;
