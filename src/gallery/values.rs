//! The directions of a gallery, row by row, in one of the precisions.

use crate::compare::{self, Aligned, Probe, Rows};
use crate::template::Scalar;
use crate::wiped::Wiped;
use std::ops::Range;

/// Rows of one length, each from the start of a cache line on, filled up with zeros.
#[derive(Clone)]
pub(super) enum Values {
    F32(Aligned<f32>),
    /// Bits of IEEE binary16.
    F16(Aligned<u16>),
    I8(Aligned<i8>),
}

impl Values {
    pub(super) const fn new(scalar: Scalar) -> Values {
        match scalar {
            Scalar::F32 => Values::F32(Aligned::new()),
            Scalar::F16 => Values::F16(Aligned::new()),
            Scalar::I8 => Values::I8(Aligned::new()),
        }
    }

    pub(super) fn scalar(&self) -> Scalar {
        match self {
            Values::F32(_) => Scalar::F32,
            Values::F16(_) => Scalar::F16,
            Values::I8(_) => Scalar::I8,
        }
    }

    /// Values of a row of `length`, with those that fill it up.
    pub(super) fn stride(&self, length: usize) -> usize {
        match self {
            Values::F32(_) => length.next_multiple_of(Aligned::<f32>::IN_LINE),
            Values::F16(_) => length.next_multiple_of(Aligned::<u16>::IN_LINE),
            Values::I8(_) => length.next_multiple_of(Aligned::<i8>::IN_LINE),
        }
    }

    /// Takes the memory for `count` more rows at once.
    pub(super) fn reserve(&mut self, count: usize, length: usize) {
        let more = count.saturating_mul(self.stride(length));
        match self {
            Values::F32(values) => values.reserve(more),
            Values::F16(values) => values.reserve(more),
            Values::I8(values) => values.reserve(more),
        }
    }

    /// Appends a direction of `length` values, or zeros for an empty one, and gives the scale of its row.
    pub(super) fn push(&mut self, direction: &[f32], length: usize) -> f32 {
        match self {
            Values::F32(values) => {
                values.grow(length)[..direction.len()].copy_from_slice(direction);
                1.0
            }
            Values::F16(values) => compare::halves_of(direction, values.grow(length)),
            Values::I8(values) => compare::bytes_of(direction, values.grow(length)),
        }
    }

    /// Copies row `from` to row `to`.
    pub(super) fn copy(&mut self, from: usize, to: usize, length: usize) {
        let stride = self.stride(length);
        let from = from * stride..(from + 1) * stride;
        match self {
            Values::F32(values) => values.as_mut_slice().copy_within(from, to * stride),
            Values::F16(values) => values.as_mut_slice().copy_within(from, to * stride),
            Values::I8(values) => values.as_mut_slice().copy_within(from, to * stride),
        }
    }

    /// Keeps the first `count` rows.
    pub(super) fn truncate(&mut self, count: usize, length: usize) {
        let end = count * self.stride(length);
        match self {
            Values::F32(values) => values.truncate(end),
            Values::F16(values) => values.truncate(end),
            Values::I8(values) => values.truncate(end),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        match self {
            Values::F32(values) => values.bytes(),
            Values::F16(values) => values.bytes(),
            Values::I8(values) => values.bytes(),
        }
    }

    /// Some of the rows.
    pub(super) fn rows(&self, rows: Range<usize>, length: usize) -> Rows<'_> {
        let stride = self.stride(length);
        let values = rows.start * stride..rows.end * stride;
        match self {
            Values::F32(all) => Rows::F32(&all.as_slice()[values]),
            Values::F16(all) => Rows::F16(&all.as_slice()[values]),
            Values::I8(all) => Rows::I8(&all.as_slice()[values]),
        }
    }

    /// A direction as [`Values::rows`] are compared with it one by one.
    pub(super) fn probe(&self, direction: &[f32], length: usize) -> Probe {
        let mut padded = Wiped::zeros(self.stride(length));
        padded[..direction.len()].copy_from_slice(direction);
        match self {
            Values::F32(_) | Values::F16(_) => Probe::floats(&padded),
            Values::I8(_) => Probe::steps(&padded),
        }
    }

    /// Writes some of the rows as floats, `stride` apart as here; `buffer` is used where they are none yet.
    pub(super) fn floats<'a>(
        &'a self,
        rows: Range<usize>,
        length: usize,
        scales: &[f32],
        buffer: &'a mut Wiped<f32>,
    ) -> &'a [f32] {
        let (count, stride) = (rows.len(), self.stride(length));
        match self.rows(rows, length) {
            Rows::F32(values) => values,
            Rows::F16(values) => {
                buffer.resize(count * stride);
                compare::unpack_halves(values, stride, scales, buffer);
                buffer
            }
            Rows::I8(values) => {
                buffer.resize(count * stride);
                compare::unpack_bytes(values, stride, scales, buffer);
                buffer
            }
        }
    }
}
