//! What of a BMP's damage its decoder doesn't tell: run-length coded rows that end early are filled with black.

/// How a BMP's pixels are coded where that is by run lengths.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// A pixel a byte.
    Rle8,
    /// Two pixels a byte.
    Rle4,
}

/// Looks whether every row of a BMP that could be decoded is there to its last pixel. Other codings than by run lengths
/// have a fixed size and can't end early.
///
/// Pixels that a delta skips count as there: the file says that it has none for them.
pub(super) fn check(bytes: &[u8]) -> Result<(), String> {
    let long = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let (Some(offset), Some(header), Some(width), Some(height), Some(coding)) =
        (long(10), long(14), long(18), long(22), long(30))
    else {
        return Ok(());
    };
    let runs = match coding {
        // BITMAPCOREHEADER has no coding, and other things there.
        1 if header >= 40 => Runs::Rle8,
        2 if header >= 40 => Runs::Rle4,
        _ => return Ok(()),
    };
    let (width, height) = (width as usize, (height as i32).unsigned_abs() as usize);
    let mut data = bytes.get(offset as usize..).unwrap_or_default().iter().copied();
    let (mut x, mut y) = (0, 0);
    let ended = || "it ends before its last row".to_owned();
    while y < height {
        let (Some(count), Some(value)) = (data.next(), data.next()) else {
            return Err(ended());
        };
        match (count, value) {
            (0, 0) if x < width => return Err(format!("row {y} from the bottom ends after {x} of {width} pixels")),
            (0, 0) => (x, y) = (0, y + 1),
            (0, 1) if x >= width && y + 1 == height => return Ok(()),
            (0, 1) => return Err(ended()),
            (0, 2) => {
                let (Some(right), Some(up)) = (data.next(), data.next()) else {
                    return Err(ended());
                };
                (x, y) = (x + usize::from(right), y + usize::from(up));
            }
            (0, pixels) => {
                let pixels = usize::from(pixels);
                let length = match runs {
                    Runs::Rle8 => pixels,
                    Runs::Rle4 => pixels.div_ceil(2),
                };
                // Filled up to an even number of bytes.
                if data.by_ref().take(length.next_multiple_of(2)).count() < length {
                    return Err(ended());
                }
                x += pixels;
            }
            (run, _) => x += usize::from(run),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
