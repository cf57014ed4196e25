//! All pairs of a set, a block at a time: cosines by matrix products, none of them kept.

use super::Prepared;
use crate::compare::{Panels, Products};
use crate::error::Result;
use crate::work::Work;

/// Rows and columns of a block: its cosines and both its sides' directions stay in a core's cache.
pub const BLOCK: usize = 512;

/// The comparisons of one image with a run of later ones.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    set: &'a Prepared,
    /// The image's index.
    pub image: usize,
    /// Index of the first of the others; they follow each other.
    pub first: usize,
    /// The cosine with each of the others.
    pub cosines: &'a [f32],
}

impl<'a> Row<'a> {
    /// How many comparisons these are.
    pub fn len(&self) -> usize {
        self.cosines.len()
    }

    /// Whether there is none; [`fold`] gives no such row.
    pub fn is_empty(&self) -> bool {
        self.cosines.is_empty()
    }

    /// The image's quality.
    pub fn quality(&self) -> f32 {
        self.set.qualities_f32()[self.image]
    }

    /// The image's subject.
    pub fn subject(&self) -> u32 {
        self.set.subjects()[self.image]
    }

    /// The qualities of the others.
    pub fn qualities(&self) -> &'a [f32] {
        &self.set.qualities_f32()[self.first..][..self.len()]
    }

    /// The subjects of the others.
    pub fn subjects(&self) -> &'a [u32] {
        &self.set.subjects()[self.first..][..self.len()]
    }

    /// Whether comparison `at` is of one person.
    pub fn genuine(&self, at: usize) -> bool {
        self.subjects()[at] == self.subject()
    }

    /// The lower quality of comparison `at`.
    pub fn minimum_quality(&self, at: usize) -> f32 {
        self.qualities()[at].min(self.quality())
    }
}

/// Visits every pair (i < j) of the set once, in rows of at most [`BLOCK`] comparisons, on all threads: each has a
/// state from `make`, `visit` works on it, and `merge` joins the states in the order of the threads.
///
/// Which thread gets which block is chance: for results that don't depend on it, states must be such that order doesn't
/// matter (counts in integers, a greatest element) or be sorted at the end. Every cosine itself is the same in every
/// run on one machine.
///
/// Memory: the set, for each thread 1 MiB and the directions of a block, and the states.
///
/// # Errors
/// [`crate::ErrorKind::Cancelled`].
pub fn fold<S: Send>(
    set: &Prepared,
    work: &Work,
    make: impl Fn() -> S + Sync,
    visit: impl Fn(&mut S, &Row) + Sync,
    merge: impl FnMut(S, S) -> S,
) -> Result<S> {
    let blocks = set.len().div_ceil(BLOCK);
    // Blocks with the same images across follow each other: a thread packs these once for many.
    let places: Vec<(u32, u32)> = (0..blocks as u32)
        .flat_map(|across| (0..=across).map(move |down| (down, across)))
        .collect();
    let states = work.each(
        places.len(),
        set.count().total(),
        || (make(), Across::default()),
        |(state, buffers), task| {
            let (down, across) = places[task];
            block(set, down as usize, across as usize, buffers, |row| visit(state, row))
        },
    )?;
    let mut states = states.into_iter().map(|(state, _)| state);
    let first = states.next().unwrap_or_else(&make);
    Ok(states.fold(first, merge))
}

/// What a thread keeps from block to block.
#[derive(Default)]
struct Across {
    /// The block across that is packed, and packed.
    packed: Option<(usize, Panels)>,
    cosines: Vec<f32>,
}

/// Visits the rows of one block above the diagonal, and says how many pairs they have.
fn block(set: &Prepared, down: usize, across: usize, buffers: &mut Across, mut visit: impl FnMut(&Row)) -> u64 {
    let span = |block: usize| block * BLOCK..((block + 1) * BLOCK).min(set.len());
    let (rows, columns) = (span(down), span(across));
    let (directions, length) = (set.directions_slice(), set.directions().ncols());
    let of = |images: &std::ops::Range<usize>| &directions[images.start * length..images.end * length];
    let panels = match &mut buffers.packed {
        Some((packed, panels)) if *packed == across => panels,
        other => &mut other.insert((across, Panels::pack(of(&columns), length))).1,
    };
    buffers.cosines.resize(rows.len() * columns.len(), 0.0);
    panels.multiply(
        of(&rows),
        &mut Products {
            out: &mut buffers.cosines,
            stride: columns.len(),
        },
    );
    let mut pairs = 0;
    for (image, cosines) in rows.zip(buffers.cosines.chunks_exact(columns.len())) {
        // A row of the diagonal's block begins behind itself.
        let first = columns.start.max(image + 1);
        let cosines = &cosines[first - columns.start..];
        if cosines.is_empty() {
            continue;
        }
        pairs += cosines.len() as u64;
        visit(&Row {
            set,
            image,
            first,
            cosines,
        });
    }
    pairs
}
