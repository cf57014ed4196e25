//! What the metrics of a list of pairs consist of. All rates are shares, 0..1; a report multiplies by 100.

use serde::{Deserialize, Serialize};

/// An interval that a figure lies in with the confidence that the settings name.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// A figure, and where it was asked for and can be had its bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure on the pairs themselves.
    pub value: f64,
    /// Its interval: percentiles over replicates in which people are drawn with replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

impl Estimate {
    /// A figure without an interval.
    pub fn of(value: f64) -> Self {
        Estimate { value, interval: None }
    }
}

/// The equal error rate and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EqualError {
    /// The rate itself: published, the FMR there; exact, the mean of FMR and FNMR there.
    pub rate: Estimate,
    /// The false match rate there.
    pub fmr: f64,
    /// The false non-match rate there.
    pub fnmr: f64,
    /// The threshold there, in score.
    pub threshold: f64,
}

/// The false non-match rate at a false match rate; one less it is the true positive rate (TPR) at that FPR.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FnmrAt {
    /// The false match rate that was asked for.
    pub fmr: f64,
    /// The false match rate that the threshold has on these pairs.
    pub measured_fmr: f64,
    /// The threshold, in score.
    pub threshold: f64,
    /// Share of genuine pairs that don't match at it.
    pub fnmr: Estimate,
    /// Whether there are impostor pairs enough for this FMR: at least 3 / FMR (the rule of three).
    pub supported: bool,
}

/// Which published approximation a figure follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PublishedForm {
    /// 600 linear thresholds between the least and the greatest score: single-image sets.
    Grid,
    /// scikit-learn's ROC curve, FNMR at its last point within the FMR: robustness.
    Roc,
    /// scikit-learn's ROC curve, TPR at its point nearest to the FPR: IJB.
    Nearest,
}

/// Error rates by the published definitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublishedRates {
    /// The approximation.
    pub form: PublishedForm,
    /// The equal error rate.
    pub equal_error: EqualError,
    /// FNMR at each FMR asked for, in that order.
    pub fnmr: Vec<FnmrAt>,
    /// Area under the ROC curve.
    pub auc: f64,
}

/// Error rates without approximation; a pair matches when it scores at least the threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExactRates {
    /// The equal error rate.
    pub equal_error: EqualError,
    /// FNMR at each FMR asked for, in that order, at the lowest threshold whose FMR isn't above it.
    pub fnmr: Vec<FnmrAt>,
    /// Area under the ROC curve, ties counting half.
    pub auc: Estimate,
}

/// Accuracy by folds, with the published 600 thresholds and with every threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// The threshold is the best of 600 linear steps on the other folds (the lowest of equals); a pair matches above it.
    pub published: FoldAccuracy,
    /// The threshold is the best of all that tell the other folds' scores apart, midway between two of them (the highest
    /// of equals); a pair matches at it or above.
    pub exact: FoldAccuracy,
}

/// Accuracy over folds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoldAccuracy {
    /// Mean over the folds, each counting alike. The interval is for the thresholds as they are.
    pub mean: Estimate,
    /// Standard deviation over the folds (of the population, as published).
    pub deviation: f64,
    /// Each fold in order.
    pub folds: Vec<Fold>,
}

/// One fold: tested at the threshold that suits the other folds best.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fold {
    /// The threshold found on the other folds.
    pub threshold: f64,
    /// Share of this fold's pairs that are told right.
    pub accuracy: f64,
    /// Pairs in this fold.
    pub pairs: u64,
}

/// A point of the DET and ROC curves.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Pairs that score at least this match.
    pub threshold: f64,
    /// Share of impostor pairs that match.
    pub fmr: f64,
    /// Share of genuine pairs that don't.
    pub fnmr: f64,
}

/// A point of the confidence band about the DET curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BandPoint {
    /// The false match rate.
    pub fmr: f64,
    /// Where the FNMR at it lies.
    pub fnmr: Interval,
}

/// Everything measured on one list of scored pairs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// Genuine pairs.
    pub genuine: u64,
    /// Impostor pairs.
    pub impostor: u64,
    /// Accuracy by folds, where the pairs have folds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<Accuracy>,
    /// Published approximations, where the experiment has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<PublishedRates>,
    /// Exact figures, with intervals.
    pub exact: ExactRates,
    /// DET and ROC curve by falling threshold.
    pub curve: Vec<CurvePoint>,
    /// Confidence band about the curve by rising FMR; empty without intervals.
    #[serde(default)]
    pub band: Vec<BandPoint>,
}
