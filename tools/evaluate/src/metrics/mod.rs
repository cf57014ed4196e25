//! Error rates of scored pairs: by the published definitions, exactly, and with bootstrap intervals by person.
//!
//! ```
//! use qmagface::Work;
//! use qmagface_evaluate::metrics::{Labelled, MetricOptions, measure};
//!
//! let pairs = Labelled::new(&[0.9, 0.7, 0.4, 0.1], &[true, true, false, false]);
//! let metrics = measure(&pairs, &MetricOptions::default(), &Work::default())?;
//! assert_eq!((metrics.exact.equal_error.rate.value, metrics.exact.auc.value), (0.0, 1.0));
//! # Ok::<(), qmagface::Error>(())
//! ```

mod accuracy;
pub(super) mod curve;
pub mod exact;
mod grid;
pub(super) mod intervals;
mod published;
mod ranked;
mod types;

pub use ranked::{Ranked, Step, Steps};
pub use types::{
    Accuracy, BandPoint, CurvePoint, EqualError, Estimate, ExactRates, FnmrAt, Fold, FoldAccuracy, Interval, Metrics,
    PublishedForm, PublishedRates,
};

use qmagface::Work;
use qmagface::error::Result;
use ranked::invalid;
use serde::{Deserialize, Serialize};

/// The false match rates of the published tables.
pub const PUBLISHED_FMRS: [f64; 5] = [1e-1, 1e-2, 1e-3, 1e-4, 1e-5];

/// The false positive rates of IJB's tables.
pub const IJB_FPRS: [f64; 6] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1];

/// Scored pairs and what is known of them.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// The score of each pair.
    pub scores: &'a [f64],
    /// Whether the pair is of one person.
    pub genuine: &'a [bool],
    /// Numbers of the pair's two persons; without them there are no intervals.
    pub persons: Option<&'a [(u32, u32)]>,
    /// The fold of each pair, from 0, none empty; without them there is no accuracy.
    pub folds: Option<&'a [u16]>,
}

impl<'a> Labelled<'a> {
    /// Scored pairs of which no more is known.
    pub fn new(scores: &'a [f64], genuine: &'a [bool]) -> Self {
        Labelled {
            scores,
            genuine,
            persons: None,
            folds: None,
        }
    }
}

/// How much is measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricOptions {
    /// False match rates at which the FNMR is given, each above 0 and at most 1.
    pub fmrs: Vec<f64>,
    /// Which published approximation is given beside the exact figures.
    pub published: Option<PublishedForm>,
    /// Bootstrap replicates; 0: no intervals.
    pub replicates: usize,
    /// Share of the replicates that an interval holds, between 0 and 1.
    pub confidence: f64,
    /// Seed of the replicates.
    pub seed: u64,
    /// Most points of the curve.
    pub curve_points: usize,
}

impl Default for MetricOptions {
    fn default() -> Self {
        MetricOptions {
            fmrs: PUBLISHED_FMRS.to_vec(),
            published: None,
            replicates: 0,
            confidence: 0.95,
            seed: 0,
            curve_points: 400,
        }
    }
}

/// Most false match rates, replicates and curve points.
const MOST: usize = 100_000;

/// Most figures that the replicates give: 8 bytes each.
const MOST_FIGURES: usize = 50_000_000;

impl MetricOptions {
    /// Refuses what can't be measured.
    ///
    /// # Errors
    /// [`qmagface::ErrorKind::InvalidArgument`] naming the option that is outside its range.
    pub fn check(&self) -> Result<()> {
        if let Some(fmr) = self.fmrs.iter().find(|&&fmr| !(fmr > 0.0 && fmr <= 1.0)) {
            return Err(invalid(format!(
                "a false match rate of {fmr} was asked for; it is above 0 and at most 1"
            )));
        }
        if !(self.confidence > 0.0 && self.confidence < 1.0) {
            return Err(invalid(format!(
                "a confidence of {} was asked for; it is between 0 and 1",
                self.confidence
            )));
        }
        for (what, count) in [
            ("false match rates", self.fmrs.len()),
            ("bootstrap replicates", self.replicates),
            ("curve points", self.curve_points),
        ] {
            if count > MOST {
                return Err(invalid(format!("{count} {what} were asked for, at most {MOST} can be")));
            }
        }
        let points = self.fmrs.len() + self.curve_points;
        if points * self.replicates > MOST_FIGURES {
            return Err(invalid(format!(
                "{} bootstrap replicates at {points} false match rates and curve points are more than {MOST_FIGURES} \
                 figures: ask for fewer of one",
                self.replicates
            )));
        }
        Ok(())
    }
}

/// Measures scored pairs. The order of the pairs doesn't matter to any figure.
///
/// Memory: 32 bytes for each pair while they are sorted, 16 afterwards; for intervals 16 more and 8 for each thread.
///
/// # Errors
/// As [`Ranked::new`] and [`MetricOptions::check`]; [`qmagface::ErrorKind::InvalidArgument`] for persons or folds that are
/// not as many as the scores, for a fold without pairs, or fewer than two folds; [`qmagface::ErrorKind::Cancelled`].
pub fn measure(pairs: &Labelled, options: &MetricOptions, work: &Work) -> Result<Metrics> {
    options.check()?;
    let ranked = Ranked::new(pairs.scores, pairs.genuine)?;
    let folds = pairs.folds.map(|folds| count_folds(folds, ranked.len())).transpose()?;
    work.check()?;
    let mut metrics = Metrics {
        genuine: ranked.genuine(),
        impostor: ranked.impostor(),
        accuracy: pairs
            .folds
            .zip(folds)
            .map(|(folds, count)| accuracy::accuracy(&ranked, folds, count)),
        published: options
            .published
            .map(|form| published::rates(&ranked, form, &options.fmrs)),
        exact: ExactRates {
            equal_error: exact::equal_error(&ranked),
            fnmr: exact::fnmr_at(&ranked, &options.fmrs),
            auc: Estimate::of(exact::auc(&ranked)),
        },
        curve: curve::curve(&ranked, options.curve_points),
        band: Vec::new(),
    };
    if let Some(persons) = pairs.persons {
        if persons.len() != ranked.len() {
            return Err(unequal("pairs of persons", persons.len(), ranked.len()));
        }
        if options.replicates > 0 {
            intervals::add(&mut metrics, &ranked, persons, pairs.folds, options, work)?;
        }
    }
    Ok(metrics)
}

/// How many folds there are.
fn count_folds(folds: &[u16], pairs: usize) -> Result<usize> {
    if folds.len() != pairs {
        return Err(unequal("folds", folds.len(), pairs));
    }
    let count = folds.iter().max().map_or(0, |&last| usize::from(last) + 1);
    let mut used = vec![false; count];
    folds.iter().for_each(|&fold| used[usize::from(fold)] = true);
    match used.iter().position(|used| !used) {
        Some(empty) => Err(invalid(format!("fold {empty} of {count} has no pair"))),
        None if count < 2 => Err(invalid("accuracy by folds needs at least two folds")),
        None => Ok(count),
    }
}

fn unequal(what: &str, given: usize, pairs: usize) -> qmagface::Error {
    invalid(format!("{given} {what} and {pairs} scores don't belong together"))
}

#[cfg(test)]
mod tests;
