//! The number formats of weight files, and reading them as f32.

use half::{bf16, f16};

/// A little-endian number format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floating point.
    F32,
    /// 64-bit floating point.
    F64,
    /// 16-bit floating point, 11 bits of precision.
    F16,
    /// 16-bit floating point, 8 bits of precision.
    Bf16,
    /// 64-bit whole numbers.
    I64,
    /// 32-bit whole numbers.
    I32,
    /// 16-bit whole numbers.
    I16,
    /// 8-bit whole numbers.
    I8,
    /// 8-bit whole numbers from 0.
    U8,
    /// Bytes that are 0 or not: 0.0 or 1.0.
    Bool,
}

impl Element {
    /// Bytes one element takes.
    pub fn size(self) -> usize {
        match self {
            Element::F64 | Element::I64 => 8,
            Element::F32 | Element::I32 => 4,
            Element::F16 | Element::Bf16 | Element::I16 => 2,
            Element::I8 | Element::U8 | Element::Bool => 1,
        }
    }

    /// All whole elements in `bytes`, rounded to the nearest f32.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Element::F32 => each(bytes, f32::from_le_bytes),
            Element::F64 => each(bytes, |b| f64::from_le_bytes(b) as f32),
            Element::F16 => each(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Element::Bf16 => each(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Element::I64 => each(bytes, |b| i64::from_le_bytes(b) as f32),
            Element::I32 => each(bytes, |b| i32::from_le_bytes(b) as f32),
            Element::I16 => each(bytes, |b| f32::from(i16::from_le_bytes(b))),
            Element::I8 => each(bytes, |b| f32::from(i8::from_le_bytes(b))),
            Element::U8 => each(bytes, |[b]| f32::from(b)),
            Element::Bool => each(bytes, |[b]| f32::from(b != 0)),
        }
    }
}

fn each<const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|&chunk| convert(chunk)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_reads_its_own_numbers() {
        assert_eq!(Element::F32.decode(&1.5f32.to_le_bytes()), [1.5]);
        assert_eq!(Element::F64.decode(&(-0.1f64).to_le_bytes()), [-0.1]);
        assert_eq!(Element::F16.decode(&[0x00, 0x3c, 0x00, 0xc0]), [1.0, -2.0]);
        assert_eq!(Element::Bf16.decode(&[0x80, 0x3f, 0x20, 0xc1]), [1.0, -10.0]);
        assert_eq!(Element::I64.decode(&(-3i64).to_le_bytes()), [-3.0]);
        assert_eq!(Element::I32.decode(&70_000i32.to_le_bytes()), [70_000.0]);
        assert_eq!(Element::I16.decode(&(-300i16).to_le_bytes()), [-300.0]);
        assert_eq!(Element::I8.decode(&[0x80, 0x7f]), [-128.0, 127.0]);
        assert_eq!(Element::U8.decode(&[0x80, 0xff]), [128.0, 255.0]);
        assert_eq!(Element::Bool.decode(&[0, 1, 2]), [0.0, 1.0, 1.0]);
    }

    #[test]
    fn sizes_match_what_is_decoded() {
        use Element::*;
        for element in [F32, F64, F16, Bf16, I64, I32, I16, I8, U8, Bool] {
            assert_eq!(element.decode(&vec![0; element.size() * 3]).len(), 3, "{element:?}");
        }
    }
}
