//! Parameters fitted on people who are not tested.

use crate::compare::QualityParameters;
use crate::error::Result;
use crate::evaluate::score::{CrossValidated, FoldFit, Score, folds_of, invalid};
use crate::pairs::{Prepared, Work};

/// How people are parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrossOptions {
    /// Folds of people, 2 to 100. With k folds there are k (k + 1) / 2 fits.
    pub folds: u32,
    /// Equal seeds give equal folds.
    pub seed: u64,
    /// How `fit` fits, in words, for the result.
    pub procedure: String,
}

/// Fits parameters for every pair of a set on people who aren't in the pair: people are parted into folds by chance, and
/// the parameters for a pair come from the people outside its two folds (its one fold, where both are in the same).
///
/// `fit` gets the images of those people; [`crate::calibrate::fit`] on all their pairs is the natural choice. Between
/// fits the work is asked whether to stop, and told how many are done.
///
/// Memory: a copy of the set, and what `fit` takes.
///
/// # Errors
/// [`crate::ErrorKind::InvalidArgument`] for folds outside their range, or more folds than people; what `fit` fails with,
/// saying without which folds; [`crate::ErrorKind::Cancelled`].
pub fn cross_validate(
    set: &Prepared,
    options: &CrossOptions,
    work: &Work,
    mut fit: impl FnMut(&Prepared) -> Result<QualityParameters>,
) -> Result<Score> {
    let folds = options.folds;
    if !(2..=100).contains(&folds) {
        return Err(invalid(format!(
            "{folds} folds of people were asked for, there are 2 to 100"
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
        fits.push(FoldFit {
            without: (a, b),
            alpha: parameters.alpha,
            beta: parameters.beta,
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
