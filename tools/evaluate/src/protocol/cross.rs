//! Parameters fitted on people who are not tested.

use crate::score::{CrossValidated, FoldFit, Score, folds_of, invalid};
use qmagface::Work;
use qmagface::calibrate::{MeasureOptions, measure};
use qmagface::compare::QualityParameters;
use qmagface::error::Result;
use qmagface::pairs::{Pairs, Prepared};

/// How people are parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossOptions {
    /// Folds of people, 3 to 100: a pair of two folds leaves the others to fit on. With k folds there are
    /// k (k + 1) / 2 fits.
    pub folds: u32,
    /// Equal seeds give equal folds.
    pub seed: u64,
    /// How `fit` fits, in words, for the result.
    pub procedure: String,
}

/// Fits parameters for every pair of a set on people who aren't in the pair: people are parted into folds by chance, and
/// the parameters for a pair come from the people outside its two folds (its one fold, where both are in the same).
///
/// `fit` gets the images of those people; [`qmagface::calibrate::fit`] on all their pairs is the natural choice. Between
/// fits the work is asked whether to stop, and told how many are done.
///
/// The scores of each fit are put on one scale by the thresholds that its people give, as [`Score::CrossValidated`] says.
///
/// Memory: a copy of the set, and what `fit` and [`measure`] take.
///
/// # Errors
/// [`qmagface::ErrorKind::InvalidArgument`] for folds outside their range, or more folds than people; what `fit` fails with,
/// saying without which folds; [`qmagface::ErrorKind::Cancelled`].
pub fn cross_validate(
    set: &Prepared,
    options: &CrossOptions,
    work: &Work,
    mut fit: impl FnMut(&Prepared) -> Result<QualityParameters>,
) -> Result<Score> {
    let folds = options.folds;
    if !(3..=100).contains(&folds) {
        return Err(invalid(format!(
            "{folds} folds of people were asked for, there are 3 to 100: two that a pair is of, and others to fit on"
        )));
    }
    if set.subject_count() < folds as usize {
        return Err(invalid(format!(
            "{} people can't be in {folds} folds",
            set.subject_count()
        )));
    }
    let fold = folds_of(set.subject_count(), folds as usize, options.seed);
    let all: Vec<(u32, u32)> = (0..folds).flat_map(|a| (a..folds).map(move |b| (a, b))).collect();
    let mut fits = Vec::with_capacity(all.len());
    for (done, &(a, b)) in all.iter().enumerate() {
        work.check()?;
        let training = set.of_subjects(|subject| ![a, b].contains(&fold[subject as usize]));
        let parameters = fit(&training).map_err(|error| match a == b {
            true => error.at(format!("people outside fold {a}")),
            false => error.at(format!("people outside folds {a} and {b}")),
        })?;
        let (zero, per_score) = scale(&training, &parameters, work)?;
        fits.push(FoldFit {
            without: (a, b),
            alpha: parameters.alpha,
            beta: parameters.beta,
            zero,
            per_score,
        });
        if let Some(progress) = work.progress {
            progress(done as u64 + 1, all.len() as u64);
        }
    }
    Ok(Score::CrossValidated(CrossValidated {
        folds,
        seed: options.seed,
        procedure: options.procedure.clone(),
        fits,
    }))
}

/// Impostor pairs from which on the scale is that of lower FMRs.
const MANY: u64 = 30_000;

/// The scale on which the scores of these people's pairs are about -log10(FMR): the score that is 0, and how much a unit
/// of the score is.
fn scale(people: &Prepared, parameters: &QualityParameters, work: &Work) -> Result<(f64, f64)> {
    // -log10 of the FMRs.
    let (low, high) = if people.count().impostor >= MANY {
        (2, 3)
    } else {
        (1, 2)
    };
    let options = MeasureOptions {
        replicates: 0,
        allow_unsupported: true,
        work: Work {
            progress: None,
            ..*work
        },
        ..MeasureOptions::default()
    };
    let fmrs = [low, high].map(|power| 10f64.powi(-power));
    let measured = measure(people, Pairs::All, parameters, &fmrs, &options)?;
    let score = |at: usize| measured.get(at).map(|threshold| threshold.score);
    match (score(0), score(1)) {
        (Some(at_low), Some(at_high)) if at_high > at_low => {
            let per_score = f64::from(high - low) / (at_high - at_low);
            Ok((at_low - f64::from(low) / per_score, per_score))
        }
        // One score for both: only where it lies is known.
        (Some(at_low), _) => Ok((at_low - f64::from(low), 1.0)),
        (None, _) => Ok((0.0, 1.0)),
    }
}
