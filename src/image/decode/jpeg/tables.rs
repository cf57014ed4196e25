//! What a JPEG's tables tell of damage (T.81, B.2.4).

/// Zeros in a row that are a hole in a scan's data where its tables give them no likely meaning. With the tables of the
/// standard they are three blocks of nothing but the coefficient -1.
pub(super) const HOLE: usize = 64;

/// Whether a segment of quantisation tables has a zero in them, by which nobody can have divided.
pub(super) fn has_zero(mut segment: &[u8]) -> bool {
    while let Some((&kind, rest)) = segment.split_first() {
        // A precision in the upper half: 8 bits or 16.
        let size = if kind < 0x10 { 1 } else { 2 };
        let table = &rest[..rest.len().min(64 * size)];
        if table
            .chunks_exact(size)
            .any(|value| value.iter().all(|&byte| byte == 0))
        {
            return true;
        }
        segment = &rest[table.len()..];
    }
    false
}

/// What a code of nothing but zeros stands for in each Huffman table for AC coefficients.
pub(super) struct ZeroCodes([u8; 4]);

/// End of block: no further coefficients.
const END_OF_BLOCK: u8 = 0;

impl Default for ZeroCodes {
    /// The tables of the standard (T.81, K.3), for streams that don't send them.
    fn default() -> Self {
        ZeroCodes([0x01, END_OF_BLOCK, END_OF_BLOCK, END_OF_BLOCK])
    }
}

impl ZeroCodes {
    /// Notes the tables of a segment.
    pub fn define(&mut self, mut segment: &[u8]) {
        while let Some((&[kind, ref counts @ ..], rest)) = segment.split_first_chunk::<17>() {
            let symbols = counts
                .iter()
                .map(|&count| usize::from(count))
                .sum::<usize>()
                .min(rest.len());
            // Class 1 is AC. Codes are given out in order, the first one is all zeros.
            if let (0x10..=0x13, Some(&first)) = (kind, rest[..symbols].first()) {
                self.0[usize::from(kind & 3)] = first;
            }
            segment = &rest[symbols..];
        }
    }

    /// Whether zeros in a row, read with this table, are coefficients. If they end blocks, they are an even area,
    /// which many pictures have.
    pub fn are_coefficients(&self, table: u8) -> bool {
        // The lower half of a symbol is the length of the coefficient behind it.
        self.0.get(usize::from(table)).is_some_and(|symbol| symbol & 0x0F != 0)
    }
}

/// Whether there are zeros in a row in a scan's data, but not at their end.
pub(super) fn has_hole(data: &[u8]) -> bool {
    let zeros = |bytes: &mut dyn Iterator<Item = &u8>| bytes.take_while(|&&byte| byte == 0).count();
    // A run of that length is met by at least one of these steps.
    let mut at = HOLE - 1;
    while let Some(&byte) = data.get(at) {
        if byte == 0 {
            let ahead = zeros(&mut data[at..].iter());
            if ahead + zeros(&mut data[..at].iter().rev()) >= HOLE && at + ahead < data.len() {
                return true;
            }
            at += ahead;
        }
        at += HOLE;
    }
    false
}

/// Zeros at the end of a scan's data.
pub(super) fn zeros_at_end(data: &[u8]) -> usize {
    data.iter().rev().take_while(|&&byte| byte == 0).count()
}
