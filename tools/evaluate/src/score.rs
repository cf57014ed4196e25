//! Which score of a comparison is evaluated.

use qmagface::compare::QualityParameters;
use qmagface::error::{Error, ErrorKind, Result};
use qmagface::pairs::{Prepared, ScoredPair};
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
    ///
    /// Scores of different parameters can't be compared, so each fit's are put on one scale: an estimate of -log10(FMR),
    /// linear in the score through the thresholds that the fit's own people give for two FMRs. Thresholds of this score
    /// are in that unit.
    CrossValidated(CrossValidated),
}

/// Parameters by the folds of a pair's two people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CrossValidated {
    /// Number of folds, at least 3.
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
    /// The score that is 0 on the common scale.
    pub zero: f64,
    /// How much of the common scale one unit of the score is, > 0.
    pub per_score: f64,
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
            Score::Cosine => Ok(Weights::One(Weight::of(0.0, 0.0))),
            &Score::Quality { alpha, beta } => {
                parameters(alpha, beta)?;
                Ok(Weights::One(Weight::of(alpha, beta)))
            }
            Score::CrossValidated(score) => {
                let folds = score.folds as usize;
                if !(3..=MOST_FOLDS).contains(&folds) {
                    return Err(invalid(format!("{folds} folds; there are 3 to {MOST_FOLDS}")));
                }
                let mut table = vec![None; folds * folds];
                for fit in &score.fits {
                    let (a, b) = (fit.without.0 as usize, fit.without.1 as usize);
                    if a.max(b) >= folds {
                        return Err(invalid(format!("a fit without folds {a} and {b} of {folds}")));
                    }
                    if !(fit.zero.is_finite() && fit.per_score.is_finite() && fit.per_score > 0.0) {
                        return Err(invalid(format!(
                            "{} and {} are no scale of a score",
                            fit.zero, fit.per_score
                        )));
                    }
                    let fitted = Some(Weight {
                        parameters: parameters(fit.alpha, fit.beta)?,
                        zero: fit.zero,
                        per_score: fit.per_score,
                    });
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

/// A score as it is applied to a pair.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weight {
    pub parameters: QualityParameters,
    pub zero: f64,
    pub per_score: f64,
}

impl Weight {
    /// The quality-aware score itself.
    fn of(alpha: f64, beta: f64) -> Self {
        Weight {
            parameters: QualityParameters { alpha, beta },
            zero: 0.0,
            per_score: 1.0,
        }
    }

    /// The score of a pair of this cosine and lower quality.
    pub fn score(&self, cosine: f64, quality: f64) -> f64 {
        (cosine + self.parameters.weight(cosine) * quality - self.zero) * self.per_score
    }
}

/// A score as it is applied to all pairs.
#[derive(Debug, Clone)]
pub(super) enum Weights {
    /// The same for all.
    One(Weight),
    /// By the folds of both people.
    ByFold {
        fold: Vec<u32>,
        table: Vec<Weight>,
        folds: usize,
    },
}

impl Weights {
    /// What a pair of these subjects is scored with.
    pub fn of(&self, a: u32, b: u32) -> &Weight {
        match self {
            Weights::One(weight) => weight,
            Weights::ByFold { fold, table, folds } => {
                &table[fold[a as usize] as usize * folds + fold[b as usize] as usize]
            }
        }
    }

    /// The score of a pair of these subjects.
    pub fn score(&self, pair: &ScoredPair, a: u32, b: u32) -> f64 {
        self.of(a, b).score(pair.cosine, pair.quality)
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
