//! Pairs placed by their score's level, and how a score is made of a row of cosines.

use super::counted::Scale;
use crate::score::{Score, Weight, Weights};
use qmagface::pairs::{BLOCK, Row};

/// One score's part of the work.
pub(super) struct Scoring<'a> {
    pub score: &'a Score,
    pub weights: Weights,
    pub scale: Scale,
}

/// A pair by its score's level: a genuine one, or an impostor one of the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placed {
    pub level: u32,
    pub a: u32,
    pub b: u32,
}

impl Scoring<'_> {
    /// Calls `found` with the level of each comparison of a row, its place, and whether it is genuine.
    pub fn each(&self, row: &Row, mut found: impl FnMut(u32, usize, bool)) {
        let (quality, subject) = (row.quality(), row.subject());
        let mut levels = [0u32; BLOCK];
        let (qualities, subjects) = (row.qualities(), row.subjects());
        let pairs = row.cosines.iter().zip(qualities);
        let level = |cosine: f32, other: f32, weight: &Weight| {
            self.scale
                .level(weight.score(f64::from(cosine), f64::from(quality.min(other))))
        };
        match &self.weights {
            Weights::One(weight) => {
                for (to, (&cosine, &other)) in levels.iter_mut().zip(pairs) {
                    *to = level(cosine, other, weight);
                }
            }
            by_fold => {
                for ((to, (&cosine, &other)), &person) in levels.iter_mut().zip(pairs).zip(subjects) {
                    *to = level(cosine, other, by_fold.of(subject, person));
                }
            }
        }
        for (at, (&level, &person)) in levels.iter().zip(subjects).enumerate() {
            found(level, at, person == subject);
        }
    }
}
