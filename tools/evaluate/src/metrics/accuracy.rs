//! Accuracy by folds: each fold is tested at the threshold that suits the other folds best.

use super::grid;
use super::ranked::Ranked;
use super::types::{Accuracy, Estimate, Fold, FoldAccuracy};

/// Pairs that are told right so far, by fold and in all.
struct Correct {
    folds: Vec<i64>,
    all: i64,
}

impl Correct {
    /// Where nothing matches: every impostor pair is right.
    fn nothing_matches(ranked: &Ranked, folds: &[u16], count: usize) -> Self {
        let mut correct = Correct {
            folds: vec![0; count],
            all: 0,
        };
        for (_, index, genuine) in ranked.iter() {
            correct.folds[usize::from(folds[index])] += i64::from(!genuine);
        }
        correct.all = correct.folds.iter().sum();
        correct
    }

    /// One more pair matches.
    fn matches(&mut self, fold: u16, genuine: bool) {
        let change = if genuine { 1 } else { -1 };
        self.folds[usize::from(fold)] += change;
        self.all += change;
    }

    /// Pairs right outside `fold`.
    fn elsewhere(&self, fold: usize) -> i64 {
        self.all - self.folds[fold]
    }
}

/// The best so far for one fold: pairs right elsewhere, pairs right in it, and the threshold.
#[derive(Clone, Copy)]
struct Best {
    elsewhere: i64,
    here: i64,
    threshold: f64,
}

/// Accuracy of ranked pairs; `folds[i]` (below `count`, none empty, at least two) is the fold of pair i.
pub fn accuracy(ranked: &Ranked, folds: &[u16], count: usize) -> Accuracy {
    let mut sizes = vec![0u64; count];
    for &fold in folds {
        sizes[usize::from(fold)] += 1;
    }
    Accuracy {
        published: collect(&published(ranked, folds, count), &sizes),
        exact: collect(&exact(ranked, folds, count), &sizes),
    }
}

fn published(ranked: &Ranked, folds: &[u16], count: usize) -> Vec<Best> {
    let mut correct = Correct::nothing_matches(ranked, folds, count);
    let mut pairs = ranked.iter().peekable();
    let mut best: Vec<Option<Best>> = vec![None; count];
    for &threshold in grid::thresholds(ranked.least(), ranked.greatest()).iter().rev() {
        while let Some((_, index, genuine)) = pairs.next_if(|&(score, _, _)| score > threshold) {
            correct.matches(folds[index], genuine);
        }
        for (fold, best) in best.iter_mut().enumerate() {
            let elsewhere = correct.elsewhere(fold);
            // The published search goes up and keeps the first of equals: going down, the last.
            if best.is_none_or(|best| elsewhere >= best.elsewhere) {
                *best = Some(Best {
                    elsewhere,
                    here: correct.folds[fold],
                    threshold,
                });
            }
        }
    }
    best.into_iter().flatten().collect()
}

/// A threshold that is only told apart by the other folds' scores is put midway between the two it lies between; what
/// that makes of the fold's own pairs is counted afterwards.
fn exact(ranked: &Ranked, folds: &[u16], count: usize) -> Vec<Best> {
    let thresholds: Vec<f64> = (0..count).map(|fold| best_elsewhere(ranked, folds, fold)).collect();
    let mut here = vec![0i64; count];
    for (score, index, genuine) in ranked.iter() {
        let fold = usize::from(folds[index]);
        here[fold] += i64::from((score >= thresholds[fold]) == genuine);
    }
    let best = |(threshold, here)| Best {
        elsewhere: 0,
        here,
        threshold,
    };
    thresholds.into_iter().zip(here).map(best).collect()
}

/// The threshold that tells the pairs outside `fold` apart best.
fn best_elsewhere(ranked: &Ranked, folds: &[u16], fold: usize) -> f64 {
    // Relative to what is right where nothing matches.
    let (mut right, mut most) = (0i64, 0i64);
    let mut threshold = ranked.greatest().next_up();
    let mut last: Option<f64> = None;
    for (score, index, genuine) in ranked.iter() {
        if usize::from(folds[index]) == fold {
            continue;
        }
        if let Some(last) = last
            && score < last
            && right > most
        {
            (most, threshold) = (right, between(score, last));
        }
        last = Some(score);
        right += if genuine { 1 } else { -1 };
    }
    if right > most {
        // Everything matches.
        threshold = last.unwrap_or(threshold);
    }
    threshold
}

/// The middle of two scores; above the lower one, so that it doesn't match.
fn between(low: f64, high: f64) -> f64 {
    let middle = low + (high - low) / 2.0;
    if middle > low { middle } else { high }
}

fn collect(best: &[Best], sizes: &[u64]) -> FoldAccuracy {
    let folds: Vec<Fold> = best
        .iter()
        .zip(sizes)
        .map(|(best, &pairs)| Fold {
            threshold: best.threshold,
            accuracy: best.here as f64 / pairs as f64,
            pairs,
        })
        .collect();
    let mean = folds.iter().map(|fold| fold.accuracy).sum::<f64>() / folds.len() as f64;
    let variance = folds.iter().map(|fold| (fold.accuracy - mean).powi(2)).sum::<f64>() / folds.len() as f64;
    FoldAccuracy {
        mean: Estimate::of(mean),
        deviation: variance.sqrt(),
        folds,
    }
}
