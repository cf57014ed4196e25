//! How values are spread: histograms, and the pairs at the wrong end.

use crate::results::{Histogram, ScoreHistogram, WorstPair};
use qmagface::calibrate::fit::pairs_for;
use qmagface::pairs::{Pair, Prepared, ScoredPair};

/// Equal bins from the least to the greatest of values that are never NaN.
pub struct Bins {
    pub low: f64,
    pub high: f64,
    count: usize,
}

impl Bins {
    pub fn of(values: impl Iterator<Item = f64>, count: usize) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        Bins::between(low, high, count)
    }

    pub fn between(low: f64, high: f64, count: usize) -> Self {
        // A range without width gets one; so does that of no value.
        let (low, high) = match () {
            () if low < high => (low, high),
            () if low.is_finite() => (low - 0.5, low + 0.5),
            () => (0.0, 1.0),
        };
        Bins { low, high, count }
    }

    pub fn bin(&self, value: f64) -> usize {
        let share = (value - self.low) / (self.high - self.low);
        ((share * self.count as f64) as usize).min(self.count - 1)
    }
}

pub fn histogram(values: &[f64], bins: usize) -> Histogram {
    let range = Bins::of(values.iter().copied(), bins);
    let mut counts = vec![0; bins];
    values.iter().for_each(|&value| counts[range.bin(value)] += 1);
    Histogram {
        low: range.low,
        high: range.high,
        counts,
    }
}

pub fn score_histogram(scores: &[f64], genuine: &[bool], bins: usize) -> ScoreHistogram {
    let range = Bins::of(scores.iter().copied(), bins);
    let mut counts = [vec![0; bins], vec![0; bins]];
    for (&score, &genuine) in scores.iter().zip(genuine) {
        counts[usize::from(genuine)][range.bin(score)] += 1;
    }
    let [impostor, genuine] = counts;
    ScoreHistogram {
        low: range.low,
        high: range.high,
        genuine,
        impostor,
    }
}

/// The `count` genuine pairs of the lowest or impostor pairs of the highest scores, the worst first; of equal scores the
/// first listed.
pub fn worst(
    set: &Prepared,
    (pairs, scored): (&[Pair], &[ScoredPair]),
    scores: &[f64],
    genuine: bool,
    count: usize,
) -> Vec<WorstPair> {
    let badness = |&index: &usize| if genuine { scores[index] } else { -scores[index] };
    let order = |a: &usize, b: &usize| badness(a).total_cmp(&badness(b)).then(a.cmp(b));
    let mut found: Vec<usize> = (0..pairs.len())
        .filter(|&index| pairs[index].genuine == genuine)
        .collect();
    if count < found.len() {
        found.select_nth_unstable_by(count, order);
        found.truncate(count);
    }
    found.sort_unstable_by(order);
    let name = |index: usize| named(set, &pairs[index], scored[index].cosine, scores[index]);
    found.into_iter().map(name).collect()
}

pub fn named(set: &Prepared, pair: &Pair, cosine: f64, score: f64) -> WorstPair {
    let (a, b) = (pair.a as usize, pair.b as usize);
    WorstPair {
        a: a as u64,
        b: b as u64,
        name_a: set.name(a),
        name_b: set.name(b),
        quality_a: set.qualities()[a],
        quality_b: set.qualities()[b],
        cosine,
        score,
    }
}

/// A sentence for each FMR that the impostor pairs are too few for.
pub fn support_notes(fmrs: &[f64], impostors: u64) -> Vec<String> {
    fmrs.iter()
        .filter(|&&fmr| !crate::metrics::exact::supported(fmr, impostors))
        .map(|&fmr| {
            format!(
                "FMR {fmr:e} takes at least {} impostor pairs, there are {impostors}: what stands there is not \
                 supported by the data.",
                pairs_for(fmr)
            )
        })
        .collect()
}
