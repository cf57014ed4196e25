//! All pairs of a set, a block at a time: cosines by matrix products, none of them kept.

use super::{Prepared, Work};
use crate::error::Result;
use ndarray::{Array2, linalg::general_mat_mul, s};

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
/// Memory: the set, 1 MiB for each thread, and the states.
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
    let places: Vec<(u32, u32)> = (0..blocks as u32)
        .flat_map(|down| (down..blocks as u32).map(move |across| (down, across)))
        .collect();
    let states = work.each(
        places.len(),
        set.count().total(),
        || (make(), Array2::zeros((0, 0))),
        |(state, cosines), task| {
            let (down, across) = places[task];
            block(set, down as usize, across as usize, cosines, |row| visit(state, row))
        },
    )?;
    let mut states = states.into_iter().map(|(state, _)| state);
    let first = states.next().unwrap_or_else(&make);
    Ok(states.fold(first, merge))
}

/// Visits the rows of one block above the diagonal, and says how many pairs they have.
fn block(set: &Prepared, down: usize, across: usize, cosines: &mut Array2<f32>, mut visit: impl FnMut(&Row)) -> u64 {
    let span = |block: usize| block * BLOCK..((block + 1) * BLOCK).min(set.len());
    let (rows, columns) = (span(down), span(across));
    if cosines.dim() != (rows.len(), columns.len()) {
        *cosines = Array2::zeros((rows.len(), columns.len()));
    }
    let directions = set.directions();
    general_mat_mul(
        1.0,
        &directions.slice(s![rows.clone(), ..]),
        &directions.slice(s![columns.clone(), ..]).t(),
        0.0,
        cosines,
    );
    let mut pairs = 0;
    for (image, cosines) in rows.zip(cosines.rows()) {
        // A row of the diagonal's block begins behind itself.
        let first = columns.start.max(image + 1);
        let Some(cosines) = cosines.to_slice().map(|all| &all[first - columns.start..]) else {
            continue; // never: the buffer is in standard layout
        };
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
