//! The error rates of a list of pairs, exactly: every threshold counts, ties count half, nothing is interpolated.
//!
//! A pair matches when its score is at least the threshold.

use super::ranked::{Step, Steps};
use super::types::{EqualError, Estimate, FnmrAt};
use qmagface::calibrate::fit;

/// Impostor pairs that may match at a false match rate: the greatest count whose share isn't above it.
pub fn allowed(fmr: f64, impostors: u64) -> u64 {
    fit::allowed(fmr, impostors)
}

/// The equal error rate: of all thresholds the one at which FMR and FNMR differ least (of several the highest), and the
/// mean of the two there.
pub fn equal_error(pairs: &impl Steps) -> EqualError {
    let (genuine, impostor) = (pairs.genuine(), pairs.impostor());
    // The difference of the two rates over one denominator, so that no rounding decides.
    let difference = |step: &Step| {
        let fmr = i128::from(step.impostor) * i128::from(genuine);
        let fnmr = i128::from(genuine - step.genuine) * i128::from(impostor);
        fmr - fnmr
    };
    let mut best = pairs.nothing();
    for step in pairs.steps() {
        let at = difference(&step);
        if at.abs() < difference(&best).abs() {
            best = step;
        }
        // From here on FMR only grows and FNMR only falls.
        if at >= 0 {
            break;
        }
    }
    let (fmr, fnmr) = (pairs.fmr(&best), pairs.fnmr(&best));
    EqualError {
        rate: Estimate::of((fmr + fnmr) / 2.0),
        fmr,
        fnmr,
        threshold: pairs.threshold(&best),
    }
}

/// FNMR at each of `fmrs` (each above 0 and at most 1, in any order): at the lowest threshold whose FMR isn't above it,
/// which is just above the first impostor score too many.
pub fn fnmr_at(pairs: &impl Steps, fmrs: &[f64]) -> Vec<FnmrAt> {
    let impostors = pairs.impostor();
    let mut order: Vec<usize> = (0..fmrs.len()).collect();
    order.sort_by(|&a, &b| fmrs[a].total_cmp(&fmrs[b]));
    let within = |index: usize| (index, allowed(fmrs[index], impostors));
    let mut waiting = order.into_iter().map(within).peekable();
    let mut found = vec![None; fmrs.len()];
    let mut last = pairs.nothing();
    for step in pairs.steps() {
        while let Some((index, _)) = waiting.next_if(|&(_, allowed)| step.impostor > allowed) {
            // Genuine pairs that tie with the impostor pair too many don't match either.
            found[index] = Some((last, pairs.above(&step)));
        }
        last = step;
    }
    found
        .into_iter()
        .zip(fmrs)
        .map(|(found, &fmr)| {
            let (step, threshold) = found.unwrap_or((last, pairs.threshold(&last)));
            FnmrAt {
                fmr,
                measured_fmr: pairs.fmr(&step),
                threshold,
                fnmr: Estimate::of(pairs.fnmr(&step)),
                supported: supported(fmr, impostors),
            }
        })
        .collect()
}

/// Whether this many impostor pairs can support this FMR at all, by the rule of three: at least 3 / FMR pairs.
pub fn supported(fmr: f64, impostors: u64) -> bool {
    impostors as f64 >= fit::pairs_for(fmr)
}

/// The area under the ROC curve, 0..1: the share of (genuine, impostor) combinations in which the genuine pair scores
/// higher, ties counting half.
pub fn auc(pairs: &impl Steps) -> f64 {
    let (mut last, mut twice) = (pairs.nothing(), 0u128);
    for step in pairs.steps() {
        let (genuine, impostor) = (step.genuine - last.genuine, step.impostor - last.impostor);
        // Genuine pairs above these impostor pairs beat them; those that tie count half.
        twice += u128::from(impostor) * u128::from(2 * last.genuine + genuine);
        last = step;
    }
    twice as f64 / (2.0 * pairs.genuine() as f64 * pairs.impostor() as f64)
}
