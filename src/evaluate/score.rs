//! Which score of a comparison is evaluated.

use crate::compare::QualityParameters;
use crate::error::{Error, ErrorKind, Result};
use crate::pairs::{Prepared, ScoredPair};
use serde::{Deserialize, Serialize};

/// A score of comparisons.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Score {
    /// The cosine alone.
    Cosine,
    /// The quality-aware score with these parameters.
    Quality {
        /// The weight's offset.
        alpha: f64,
        /// The weight's slope.
        beta: f64,
    },
    /// The quality-aware score whose parameters were fitted, for each pair, on neither of its two people: people are in
    /// folds, and a pair's parameters come from the folds that its people aren't in.
    CrossValidated(CrossValidated),
}

/// Parameters by the folds of a pair's two people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossValidated {
    /// Number of folds, at least 2.
    pub folds: u32,
    /// Seed of the people's folds.
    pub seed: u64,
    /// How the parameters were fitted, in words.
    pub procedure: String,
    /// One for every two folds, and one for each fold with itself.
    pub fits: Vec<FoldFit>,
}

/// Parameters that were fitted without the people of these folds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FoldFit {
    /// The two folds, from 0, rising; equal for pairs within a fold.
    pub without: (u32, u32),
    /// The weight's offset.
    pub alpha: f64,
    /// The weight's slope.
    pub beta: f64,
}

impl Score {
    /// A quality-aware score.
    pub fn quality(parameters: QualityParameters) -> Self {
        Score::Quality {
            alpha: parameters.alpha,
            beta: parameters.beta,
        }
    }

    /// How tables call it.
    pub fn name(&self) -> &'static str {
        match self {
            Score::Cosine => "cosine",
            Score::Quality { .. } => "quality-aware",
            Score::CrossValidated(_) => "quality-aware, cross-validated",
        }
    }

    /// The score as protocols apply it to pairs of `set`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for parameters that aren't finite, or a cross-validated score without one of its
    /// fits.
    pub(super) fn resolve(&self, set: &Prepared) -> Result<Weights> {
        let parameters = |alpha: f64, beta: f64| {
            if alpha.is_finite() && beta.is_finite() {
                Ok(QualityParameters { alpha, beta })
            } else {
                Err(invalid(format!("alpha {alpha} and beta {beta} are no parameters")))
            }
        };
        match self {
            Score::Cosine => Ok(Weights::One(QualityParameters { alpha: 0.0, beta: 0.0 })),
            &Score::Quality { alpha, beta } => Ok(Weights::One(parameters(alpha, beta)?)),
            Score::CrossValidated(score) => {
                let folds = score.folds as usize;
                if !(2..=MOST_FOLDS).contains(&folds) {
                    return Err(invalid(format!("{folds} folds; there are 2 to {MOST_FOLDS}")));
                }
                let mut table = vec![None; folds * folds];
                for fit in &score.fits {
                    let (a, b) = (fit.without.0 as usize, fit.without.1 as usize);
                    if a.max(b) >= folds {
                        return Err(invalid(format!("a fit without folds {a} and {b} of {folds}")));
                    }
                    let fitted = Some(parameters(fit.alpha, fit.beta)?);
                    table[a * folds + b] = fitted;
                    table[b * folds + a] = fitted;
                }
                let table: Option<Vec<_>> = table.into_iter().collect();
                Ok(Weights::ByFold {
                    fold: folds_of(set.subject_count(), folds, score.seed),
                    table: table.ok_or_else(|| invalid("a cross-validated score without a fit for every two folds"))?,
                    folds,
                })
            }
        }
    }
}

/// Most folds of people.
const MOST_FOLDS: usize = 100;

/// A score as it is applied: the parameters of each pair.
#[derive(Debug, Clone)]
pub(super) enum Weights {
    /// The same for all.
    One(QualityParameters),
    /// By the folds of both people.
    ByFold {
        fold: Vec<u32>,
        table: Vec<QualityParameters>,
        folds: usize,
    },
}

impl Weights {
    /// The parameters for a pair of these subjects.
    pub fn of(&self, a: u32, b: u32) -> &QualityParameters {
        match self {
            Weights::One(parameters) => parameters,
            Weights::ByFold { fold, table, folds } => {
                &table[fold[a as usize] as usize * folds + fold[b as usize] as usize]
            }
        }
    }

    /// The score of a pair of these subjects.
    pub fn score(&self, pair: &ScoredPair, a: u32, b: u32) -> f64 {
        pair.cosine + self.of(a, b).weight(pair.cosine) * pair.quality
    }
}

/// The fold of each subject: a shuffle by the seed, dealt in turn, so that folds differ by one person at most.
pub(super) fn folds_of(subjects: usize, folds: usize, seed: u64) -> Vec<u32> {
    let mut fold: Vec<u32> = (0..subjects).map(|subject| (subject % folds) as u32).collect();
    fastrand::Rng::with_seed(seed).shuffle(&mut fold);
    fold
}

pub(super) fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}
