//! The published 600 thresholds, from the least to the greatest score in linear steps.

use super::ranked::{Ranked, Step};

/// How many thresholds the published evaluation tries.
pub const STEPS: usize = 600;

/// The thresholds by rising score; the last is the greatest score itself.
pub fn thresholds(least: f64, greatest: f64) -> Vec<f64> {
    let step = (greatest - least) / (STEPS - 1) as f64;
    let mut thresholds: Vec<f64> = (0..STEPS).map(|i| i as f64 * step + least).collect();
    thresholds[STEPS - 1] = greatest;
    thresholds
}

/// What matches on the grid by falling threshold; a pair matches when it scores above the threshold.
pub fn steps(ranked: &Ranked) -> Vec<Step> {
    let mut pairs = ranked.iter().peekable();
    let mut at = Step {
        threshold: ranked.greatest(),
        genuine: 0,
        impostor: 0,
    };
    let mut steps = Vec::with_capacity(STEPS);
    for &threshold in thresholds(ranked.least(), ranked.greatest()).iter().rev() {
        while let Some((_, _, genuine)) = pairs.next_if(|&(score, _, _)| score > threshold) {
            at.genuine += u64::from(genuine);
            at.impostor += u64::from(!genuine);
        }
        at.threshold = threshold;
        steps.push(at);
    }
    steps
}
