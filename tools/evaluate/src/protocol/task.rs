//! The tasks whose time and memory are measured.

use super::counted::{Adder, Counters, Scale};
use crate::score::{Score, Weights};
use qmagface::Work;
use qmagface::calibrate::fit::{FitOptions, Procedure, fit};
use qmagface::compare::QualityParameters;
use qmagface::error::Result;
use qmagface::pairs::{List, Pairs, Prepared, fold};

/// Something whose cost is measured.
#[derive(Debug, Clone, Copy)]
pub enum Task<'a> {
    /// Scoring a list with the cosine.
    Cosine(&'a List),
    /// Scoring a list with the quality-aware score.
    Quality(&'a List, QualityParameters),
    /// Scoring all pairs of the set with the cosine, in blocks.
    AllCosine,
    /// Scoring all pairs with the quality-aware score.
    AllQuality(QualityParameters),
    /// Fitting (alpha, beta) on a list.
    Fit(&'a List, Procedure, FitOptions<'a>),
    /// Fitting (alpha, beta) on all pairs.
    AllFit(Procedure, FitOptions<'a>),
}

impl Task<'_> {
    /// What tables call it.
    pub fn name(&self) -> String {
        match self {
            Task::Cosine(_) => "cosine, listed pairs".into(),
            Task::Quality(..) => "quality-aware score, listed pairs".into(),
            Task::AllCosine => "cosine, all pairs".into(),
            Task::AllQuality(_) => "quality-aware score, all pairs".into(),
            Task::Fit(_, procedure, _) => format!("{procedure} fit, listed pairs"),
            Task::AllFit(procedure, _) => format!("{procedure} fit, all pairs"),
        }
    }

    /// How many pairs it works on.
    pub fn pairs(&self, set: &Prepared) -> u64 {
        match self {
            Task::Cosine(list) | Task::Quality(list, _) | Task::Fit(list, ..) => list.count().total(),
            Task::AllCosine | Task::AllQuality(_) | Task::AllFit(..) => set.count().total(),
        }
    }

    /// The plain cosine of the same pairs.
    pub(super) fn baseline(&self) -> Task<'_> {
        match self {
            Task::Cosine(list) | Task::Quality(list, _) | Task::Fit(list, ..) => Task::Cosine(list),
            Task::AllCosine | Task::AllQuality(_) | Task::AllFit(..) => Task::AllCosine,
        }
    }

    /// Does it, with nothing kept that it doesn't need.
    pub(super) fn run(&self, set: &Prepared, work: &Work) -> Result<()> {
        match self {
            Task::Cosine(list) => list.score(set, work).map(std::hint::black_box).map(drop),
            Task::Quality(list, parameters) => {
                let scored = list.score(set, work)?;
                let score =
                    |pair: &qmagface::pairs::ScoredPair| pair.cosine + parameters.weight(pair.cosine) * pair.quality;
                let scores: Vec<f64> = scored.iter().map(score).collect();
                std::hint::black_box(scores);
                Ok(())
            }
            Task::AllCosine => all(set, &Score::Cosine, work),
            Task::AllQuality(parameters) => all(set, &Score::quality(*parameters), work),
            Task::Fit(list, procedure, options) => fit(set, Pairs::List(list), *procedure, options).map(drop),
            Task::AllFit(procedure, options) => fit(set, Pairs::All, *procedure, options).map(drop),
        }
    }
}

/// Scores all pairs into counts, as the evaluation of all pairs does.
fn all(set: &Prepared, score: &Score, work: &Work) -> Result<()> {
    let weights: Weights = score.resolve(set)?;
    let scoring = super::placed::Scoring {
        score,
        scale: Scale::of(set, &weights),
        weights,
    };
    let counters = Counters::new();
    let visit = |adder: &mut Adder, row: &qmagface::pairs::Row| scoring.each(row, |level, _, _| adder.add(level));
    fold(
        set,
        work,
        || Adder::new(&counters),
        visit,
        |all, mut part| {
            part.flush();
            all
        },
    )?
    .flush();
    Ok(())
}
