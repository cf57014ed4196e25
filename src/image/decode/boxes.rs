//! The boxes that files of ISO's base media format and of JPEG 2000 consist of, and the numbers in them.

/// A box of ISO's base media format (ISO/IEC 14496-12, clause 4.2).
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub name: &'a [u8; 4],
    pub contents: &'a [u8],
}

/// The boxes one behind the other in `rest`, as far as they are whole.
pub(super) fn boxes(mut rest: &[u8]) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        let (&length, after) = rest.split_first_chunk::<4>()?;
        let (name, after) = after.split_first_chunk::<4>()?;
        let (header, length) = match u32::from_be_bytes(length) {
            0 => (8, rest.len()),
            1 => (16, usize::try_from(u64::from_be_bytes(*after.first_chunk()?)).ok()?),
            length => (8, length as usize),
        };
        let contents = rest.get(header..length)?;
        rest = &rest[length..];
        Some(Part { name, contents })
    })
}

/// Numbers one behind the other, most significant byte first. Each is `None` behind the end.
#[cfg(any(feature = "avif", feature = "heic"))]
#[derive(Clone, Copy)]
pub(super) struct Numbers<'a>(pub &'a [u8]);

#[cfg(any(feature = "avif", feature = "heic"))]
impl<'a> Numbers<'a> {
    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A number of so many bytes, at most 8; of none it is 0.
    pub fn number(&mut self, bytes: usize) -> Option<u64> {
        let bytes = self.bytes(bytes)?;
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.number(1).map(|number| number as u8)
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.number(2).map(|number| number as u16)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.number(4).map(|number| number as u32)
    }

    /// Version and flags, with which many boxes begin.
    pub fn version(&mut self) -> Option<(u8, u32)> {
        let number = self.u32()?;
        Some(((number >> 24) as u8, number & 0x00FF_FFFF))
    }

    /// An item's number: 16 bits, or 32 in later versions of a box.
    pub fn item(&mut self, wide: bool) -> Option<u32> {
        self.number(if wide { 4 } else { 2 }).map(|number| number as u32)
    }
}
