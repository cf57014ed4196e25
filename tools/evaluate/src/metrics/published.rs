//! The error rates as the published evaluations approximate them, so that printed figures can be compared.
//!
//! Three forms occur. On a *grid*, 600 linear steps from the least to the greatest score, a pair matches when it scores
//! above the threshold, and AUC is the trapezoid under those points. On the *ROC* curve as scikit-learn draws it, one
//! threshold for each score with points on straight runs left out, a pair matches at the threshold or above; the EER is
//! the FMR of the point at which the rates differ least, and the FNMR is that of the last point whose FMR isn't above
//! the one asked for. *Nearest* reads the same curve at the point whose FMR is nearest, as IJB's true positive rates
//! are.

use super::ranked::{Ranked, Step, Steps};
use super::types::{EqualError, Estimate, FnmrAt, PublishedForm, PublishedRates};
use super::{exact, grid};

/// Error rates in a published form; `fmrs` each above 0 and at most 1.
pub fn rates(ranked: &Ranked, form: PublishedForm, fmrs: &[f64]) -> PublishedRates {
    let (points, auc) = match form {
        PublishedForm::Grid => {
            let points = grid::steps(ranked);
            let auc = trapezoid(ranked, &points);
            (points, auc)
        }
        PublishedForm::Roc | PublishedForm::Nearest => (roc(ranked), exact::auc(ranked)),
    };
    let at = |&fmr: &f64| {
        let step = match form {
            PublishedForm::Nearest => nearest(ranked, &points, fmr),
            PublishedForm::Grid | PublishedForm::Roc => last_within(ranked, &points, fmr),
        };
        FnmrAt {
            fmr,
            measured_fmr: ranked.fmr(&step),
            threshold: ranked.threshold(&step),
            fnmr: Estimate::of(ranked.fnmr(&step)),
            supported: exact::supported(fmr, ranked.impostor()),
        }
    };
    PublishedRates {
        form,
        equal_error: equal_error(ranked, &points, form),
        fnmr: fmrs.iter().map(at).collect(),
        auc,
    }
}

/// scikit-learn's ROC curve by falling threshold: a first point at which nothing matches, then one for each distinct
/// score, less those at which neither count changes its step.
fn roc(ranked: &Ranked) -> Vec<Step> {
    let mut points = vec![ranked.nothing()];
    let mut window: [Option<Step>; 2] = [None, None];
    for next in ranked.steps() {
        if let [before, Some(middle)] = window {
            let straight = before.is_some_and(|before| {
                next.genuine + before.genuine == 2 * middle.genuine
                    && next.impostor + before.impostor == 2 * middle.impostor
            });
            if !straight {
                points.push(middle);
            }
        }
        window = [window[1], Some(next)];
    }
    points.extend(window[1]);
    points
}

/// The FMR at the point at which the rates differ least: the first of several by falling threshold, on the grid by
/// rising threshold.
fn equal_error(ranked: &Ranked, points: &[Step], form: PublishedForm) -> EqualError {
    // As 1 - TPR, whose rounding decides between points that differ equally.
    let fnmr = |step: &Step| 1.0 - step.genuine as f64 / ranked.genuine() as f64;
    let difference = |step: &Step| (fnmr(step) - ranked.fmr(step)).abs();
    let mut best = points[0];
    for step in points {
        let (new, old) = (difference(step), difference(&best));
        // Grid points come by falling threshold here, and the published grid rises.
        if new < old || form == PublishedForm::Grid && new == old {
            best = *step;
        }
    }
    EqualError {
        rate: Estimate::of(ranked.fmr(&best)),
        fmr: ranked.fmr(&best),
        fnmr: ranked.fnmr(&best),
        threshold: ranked.threshold(&best),
    }
}

/// The last point by falling threshold whose FMR isn't above `fmr`; nothing matches at the first one.
fn last_within(ranked: &Ranked, points: &[Step], fmr: f64) -> Step {
    let within = points.partition_point(|step| ranked.fmr(step) <= fmr);
    points[within.saturating_sub(1)]
}

/// The point whose FMR is nearest to `fmr`; of several the one of the lowest threshold.
fn nearest(ranked: &Ranked, points: &[Step], fmr: f64) -> Step {
    let distance = |step: &Step| (ranked.fmr(step) - fmr).abs();
    let mut best = points[0];
    for step in points {
        if distance(step) <= distance(&best) {
            best = *step;
        }
    }
    best
}

/// The area under the points of the grid joined by straight lines.
fn trapezoid(ranked: &Ranked, points: &[Step]) -> f64 {
    let area =
        |pair: &[Step]| (pair[1].impostor - pair[0].impostor) as f64 * (pair[0].genuine + pair[1].genuine) as f64;
    points.windows(2).map(area).sum::<f64>() / (2.0 * ranked.genuine() as f64 * ranked.impostor() as f64)
}
