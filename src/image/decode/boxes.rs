//! The boxes that files of ISO's base media format and of JPEG 2000 consist of.

/// A box of ISO's base media format (ISO/IEC 14496-12, clause 4.2).
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
