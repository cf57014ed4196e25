//! The best of many scores, kept while they are made.

use crate::compare::{Fused, Place, Sink};
use crate::machine::{Machine, load};
use pulp::Simd;
use pulp::bytemuck::cast_slice;
use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A template of a gallery that a probe was found to be like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The template's place in the gallery.
    pub index: usize,
    /// The quality-aware score, in f32 arithmetic.
    pub score: f32,
}

impl Eq for Match {}

impl PartialOrd for Match {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The better one is less: a higher score, or of equal ones the lower index.
impl Ord for Match {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.index.cmp(&other.index))
    }
}

/// The best matches of each probe among the rows that were shown.
pub(super) struct Best {
    most: usize,
    /// For each probe the worst match on top.
    heaps: Vec<BinaryHeap<Match>>,
    /// What a score must be above to be among them; what no score is above where there is no probe.
    limits: Vec<f32>,
}

impl Best {
    /// At most `most` (> 0) for each probe, of scores of at least `least`. There are `places` for probes, of which
    /// `probes` are there.
    pub(super) fn new(most: usize, least: f32, probes: usize, places: usize) -> Best {
        let mut limits = vec![least.next_down(); probes];
        limits.resize(places, f32::INFINITY);
        Best {
            most,
            heaps: (0..probes).map(|_| BinaryHeap::new()).collect(),
            limits,
        }
    }

    /// Takes a score if it is one of the best so far. The rows of a probe must come in the order of their indices.
    #[inline(always)]
    pub(super) fn offer(&mut self, probe: usize, index: usize, score: f32) {
        if score > self.limits[probe] {
            self.insert(probe, Match { index, score });
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, probe: usize, found: Match) {
        let heap = &mut self.heaps[probe];
        if heap.len() == self.most {
            heap.pop();
        }
        heap.push(found);
        if heap.len() == self.most
            && let Some(worst) = heap.peek()
        {
            // An equal score of a later row is not better.
            self.limits[probe] = worst.score;
        }
    }

    /// The best of several, for each probe from the best on.
    pub(super) fn merge(all: Vec<Best>, probes: usize) -> Vec<Vec<Match>> {
        let mut merged: Vec<Vec<Match>> = vec![Vec::new(); probes];
        for best in all {
            for (merged, heap) in merged.iter_mut().zip(best.heaps) {
                merged.extend(heap);
                merged.sort_unstable();
                merged.truncate(best.most);
            }
        }
        merged
    }
}

/// Shows the scores of tiles to [`Best`], and keeps none that isn't.
pub(super) struct Searching<'a> {
    pub(super) best: &'a mut Best,
    pub(super) fused: Fused<'a>,
    /// Index of the tiles' first row.
    pub(super) first: usize,
}

impl Sink for Searching<'_> {
    #[inline(always)]
    fn take<M: Machine, const ROWS: usize>(
        &mut self,
        machine: M,
        place: Place,
        products: &[[<M::Simd as Simd>::f32s; 2]; ROWS],
    ) {
        let simd = machine.simd();
        let lanes = M::Simd::F32_LANES;
        let scores = self.fused.score(machine, place, products);
        for (at, scores) in scores.iter().take(place.rows).enumerate() {
            let row = place.row + at;
            for (half, scores) in scores.iter().enumerate() {
                let probe = place.probe + half * lanes;
                let limits = load::<M::Simd>(&self.best.limits[probe..][..lanes]);
                let above = simd.greater_than_f32s(*scores, limits);
                // Almost never.
                if simd.first_true_m32s(above) < lanes && self.fused.rows[row] > 0.0 {
                    let scores: &[f32] = cast_slice(std::slice::from_ref(scores));
                    for (lane, &score) in scores.iter().enumerate() {
                        self.best.offer(probe + lane, self.first + row, score);
                    }
                }
            }
        }
    }
}
