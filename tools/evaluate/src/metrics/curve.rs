//! DET and ROC curves of a bounded number of points.

use super::ranked::{Step, Steps};
use super::types::CurvePoint;

/// The curve by falling threshold in at most `points` points (4 or more): the first at each of log-spaced FMRs and, so that its
/// other end is as fine, the last before each of log-spaced FNMRs.
pub fn curve(pairs: &impl Steps, points: usize) -> Vec<CurvePoint> {
    let half = (points / 2).max(2);
    // Counts of matching pairs at which a point is wanted.
    let mut impostors = spaced(pairs.impostor(), half).into_iter().peekable();
    let missed = spaced(pairs.genuine(), half);
    let mut genuines = missed.into_iter().rev().map(|n| pairs.genuine() - n).peekable();
    let mut curve = Vec::with_capacity(points);
    let mut add = |step: &Step| {
        curve.push(CurvePoint {
            threshold: pairs.threshold(step),
            fmr: pairs.fmr(step),
            fnmr: pairs.fnmr(step),
        });
    };
    add(&pairs.nothing());
    for step in pairs.steps() {
        // The last one closes the curve: everything matches.
        let mut wanted = step.genuine + step.impostor == pairs.genuine() + pairs.impostor();
        while genuines.next_if(|&n| n <= step.genuine).is_some() {
            wanted = true;
        }
        while impostors.next_if(|&n| n <= step.impostor).is_some() {
            wanted = true;
        }
        if wanted {
            add(&step);
        }
    }
    curve
}

/// About `count - 1` whole numbers from 1 to `most`, log-spaced, each once.
fn spaced(most: u64, count: usize) -> Vec<u64> {
    let last = (count - 2).max(1) as f64;
    let mut numbers: Vec<u64> = (0..count - 1)
        .map(|i| (most as f64).powf(i as f64 / last).round() as u64)
        .map(|n| n.clamp(1, most))
        .collect();
    numbers.dedup();
    numbers
}
