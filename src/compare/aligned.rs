//! Numbers that begin at a cache line, as vector loads like them.

use crate::wiped::Wiped;
use pulp::bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};
use std::marker::PhantomData;
use zeroize::DefaultIsZeroes;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; LINE]);

/// Bytes of a cache line.
pub(crate) const LINE: usize = 64;

// SAFETY: bytes only, as many as the alignment, so without padding.
unsafe impl Zeroable for Line {}
// SAFETY: as above.
unsafe impl Pod for Line {}

impl Default for Line {
    fn default() -> Self {
        Line([0; LINE])
    }
}

impl DefaultIsZeroes for Line {}

/// A growing array of whole cache lines of numbers of at most 64 bytes. They are faces' directions: none is left behind
/// in memory that is given back.
#[derive(Clone)]
pub(crate) struct Aligned<T> {
    lines: Wiped<Line>,
    kind: PhantomData<T>,
}

impl<T: Pod> Aligned<T> {
    /// Numbers in a line.
    pub(crate) const IN_LINE: usize = LINE / size_of::<T>();

    /// Nothing.
    pub(crate) const fn new() -> Self {
        Aligned {
            lines: Wiped::new(),
            kind: PhantomData,
        }
    }

    /// Zeros: `length`, rounded up to whole lines.
    pub(crate) fn zeros(length: usize) -> Self {
        Aligned {
            lines: Wiped::zeros(length.div_ceil(Self::IN_LINE)),
            kind: PhantomData,
        }
    }

    /// Takes the memory for `length` more at once, and as a vector does for some beyond these.
    pub(crate) fn reserve(&mut self, length: usize) {
        self.lines.reserve(length.div_ceil(Self::IN_LINE));
    }

    /// Makes room for `length` more, rounded up to whole lines, and gives it: zeros.
    pub(crate) fn grow(&mut self, length: usize) -> &mut [T] {
        let before = self.lines.len();
        self.lines.resize(before + length.div_ceil(Self::IN_LINE));
        cast_slice_mut(&mut self.lines[before..])
    }

    /// Forgets what is behind the first `length`, rounded up to whole lines.
    pub(crate) fn truncate(&mut self, length: usize) {
        self.lines.truncate(length.div_ceil(Self::IN_LINE));
    }

    /// Bytes it takes, with the room for more.
    pub(crate) fn bytes(&self) -> usize {
        self.lines.capacity() * LINE
    }

    pub(crate) fn as_slice(&self) -> &[T] {
        cast_slice(&self.lines)
    }

    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        cast_slice_mut(&mut self.lines)
    }
}
