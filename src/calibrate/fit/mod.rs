//! Fitting (alpha, beta) of the quality-aware score to labelled embeddings.
//!
//! The published way (QMagFace, arXiv 2111.13475): with a fixed weight w the score of a pair is `w q + s`; of a grid of
//! weights, the one with the least FNMR is kept for each of some FMRs, with its threshold t; a line `w = beta t -
//! alpha` through these points gives the parameters.

mod direct;
mod grid;
mod line;
mod tail;

pub use grid::allowed;
pub(super) use tail::tail_of;

use crate::compare::QualityParameters;
use crate::error::{Error, ErrorKind, Result};
use crate::pairs::{Count, LostQuality, Pairs, Prepared, Source};
use crate::work::Work;
use std::fmt;
use std::str::FromStr;

/// How (alpha, beta) are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Procedure {
    /// The line through the grid's best weights, with thresholds t of the *sigmoid* of the score, as the published code
    /// has it: t is in 0.27..0.73, while the fitted weight is then applied to the cosine.
    #[default]
    Published,
    /// The same with t in the score's own space.
    Consistent,
    /// The (alpha, beta) with the least mean log FNMR over the FMRs, searched directly for the quality-aware score
    /// itself (beta >= 0): no line stands between the data and the parameters.
    Direct,
}

impl Procedure {
    /// All of them.
    pub const ALL: [Procedure; 3] = [Procedure::Published, Procedure::Consistent, Procedure::Direct];

    /// Its name in options and files.
    pub fn name(self) -> &'static str {
        match self {
            Procedure::Published => "published",
            Procedure::Consistent => "consistent",
            Procedure::Direct => "direct",
        }
    }
}

impl fmt::Display for Procedure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Procedure {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Procedure::ALL
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("{text:?} is no procedure: published, consistent or direct"),
                )
            })
    }
}

/// What a fit is made with.
#[derive(Debug, Clone, Copy)]
pub struct FitOptions<'a> {
    /// The least and the greatest FMR, above 0 and below 1; the published 1e-5 and 1e-2.
    pub fmr: (f64, f64),
    /// How many FMRs between them, by equal ratios, 2 to 10,000; the published 50.
    pub fmrs: usize,
    /// How many weights over +-0.5 / (greatest lower quality of a pair), 2 to 1,000; the published 20.
    pub weights: usize,
    /// Use FMRs that the impostor pairs are too few for (below 3 of them), as the published code does.
    pub allow_unsupported: bool,
    /// Threads, progress (in pairs) and stopping.
    pub work: Work<'a>,
}

impl Default for FitOptions<'_> {
    fn default() -> Self {
        FitOptions {
            fmr: (1e-5, 1e-2),
            fmrs: 50,
            weights: 20,
            allow_unsupported: false,
            work: Work::default(),
        }
    }
}

/// The best weight for one FMR.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The false match rate: at most this share of impostor pairs passes.
    pub fmr: f64,
    /// The weight of the grid with the least FNMR, the lowest of equals.
    pub weight: f64,
    /// The highest threshold with that FNMR: a genuine pair's score, or its sigmoid for [`Procedure::Published`].
    pub threshold: f64,
    /// The FNMR, 0..1.
    pub fnmr: f64,
}

/// What is odd about a fit. It is usable, but look at it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// FMRs below this have less than 3 impostor pairs; the smallest supported FMR.
    Unsupported(f64),
    /// For so many of the FMRs no genuine pair passes; they took no part.
    NothingPasses(usize),
    /// For so many of the FMRs every genuine pair passes with several weights: the data doesn't tell weights apart.
    NothingFails(usize),
    /// The same weight is best for all FMRs: the slope is 0.
    OneWeight(f64),
    /// For so many of the FMRs the best weight is an end of the grid: a better one may lie outside.
    EndOfGrid(usize),
    /// beta is not above 0: the weight of the quality doesn't shrink for similar faces.
    NotRising,
    /// 1 + beta q is not above 0 for the greatest quality q: a greater cosine can give a smaller score.
    NotMonotone,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::Unsupported(least) => write!(
                f,
                "the impostor pairs support false match rates from {least:.2e}; smaller ones were used all the same"
            ),
            Warning::NothingPasses(points) => {
                write!(
                    f,
                    "no genuine pair passes at {points} of the false match rates: they took no part"
                )
            }
            Warning::NothingFails(points) => write!(
                f,
                "every genuine pair passes at {points} of the false match rates: the set is too easy to tell weights \
                 apart there"
            ),
            Warning::OneWeight(weight) => write!(f, "the weight {weight:.4} is the best at all false match rates"),
            Warning::EndOfGrid(points) => {
                write!(
                    f,
                    "the best weight is an end of the grid at {points} of the false match rates"
                )
            }
            Warning::NotRising => {
                f.write_str("beta is not above 0: the quality's weight doesn't shrink for similar faces")
            }
            Warning::NotMonotone => f.write_str("beta is so low that a greater cosine can give a smaller score"),
        }
    }
}

/// A fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// (alpha, beta).
    pub parameters: QualityParameters,
    /// How they were found.
    pub procedure: Procedure,
    /// The best weight for each FMR, by rising FMR; those at which a genuine pair passes. [`Procedure::Direct`] doesn't
    /// use them; they are as for [`Procedure::Consistent`].
    pub points: Vec<Point>,
    /// How many pairs there are.
    pub count: Count,
    /// How many people and images the set has.
    pub subjects: usize,
    /// How many images the set has.
    pub images: usize,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

/// Fits (alpha, beta) to a set, exactly: no pair is left out, and the result doesn't depend on the threads.
///
/// Memory: the set, 24 bytes for each genuine pair and for each impostor pair that can pass at the greatest FMR with
/// any weight (a few per cent of the impostor pairs at 1e-2), twice for a moment; at most 20 million of each are kept.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for options outside their range; [`ErrorKind::Calibration`] when the set has no
/// genuine or no impostor pair, has too few impostor pairs for the least FMR (saying how many it takes), was normalised
/// ([`Prepared::lost_quality`]), or no line goes through the points; [`ErrorKind::Limit`] when too many pairs would
/// have to be kept; [`ErrorKind::Cancelled`].
pub fn fit(set: &Prepared, pairs: Pairs, procedure: Procedure, options: &FitOptions) -> Result<Fit> {
    let fmrs = options.check()?;
    check_quality(set)?;
    let source = Source::new(set, pairs, &options.work)?;
    let count = source.count();
    if count.genuine == 0 || count.impostor == 0 {
        let what = if count.genuine == 0 { "genuine" } else { "impostor" };
        return Err(bad(format!("there is no {what} pair: nothing can be fitted")));
    }
    let mut warnings = Vec::new();
    if let Err(error) = check_support(options.fmr.0, count.impostor) {
        if !options.allow_unsupported {
            return Err(error);
        }
        warnings.push(Warning::Unsupported(LEAST_MATCHES / count.impostor as f64));
    }
    let grid = grid::Grid::new(&source, options, &fmrs);
    let (points, parameters) = match procedure {
        Procedure::Published | Procedure::Consistent => {
            let tail = grid.collect(&source, &options.work, None)?;
            let points = grid.points(&tail, &options.work, procedure, &mut warnings)?;
            let parameters = line::through(&points)?;
            (points, parameters)
        }
        Procedure::Direct => direct::fit(&source, &grid, options, &mut warnings)?,
    };
    line::look(&points, &parameters, &grid, &mut warnings);
    if ![parameters.alpha, parameters.beta]
        .iter()
        .all(|value| value.abs() <= super::MAX_PARAMETER)
    {
        return Err(bad(format!(
            "the fit gives alpha {:e} and beta {:e}, allowed is -{max} to {max}: the thresholds are too much alike",
            parameters.alpha,
            parameters.beta,
            max = super::MAX_PARAMETER
        )));
    }
    Ok(Fit {
        parameters,
        procedure,
        points,
        count,
        subjects: set.subject_count(),
        images: set.len(),
        warnings,
    })
}

/// Checks that the set's lengths say something of quality.
///
/// # Errors
/// [`ErrorKind::Calibration`] saying what is wrong and what to do.
pub(super) fn check_quality(set: &Prepared) -> Result<()> {
    match set.lost_quality() {
        None => Ok(()),
        Some(lost) => Err(bad(format!(
            "{lost}. Nothing about the quality can be fitted to them or measured on them: {}",
            LostQuality::ADVICE
        ))),
    }
}

/// Impostor pairs that must pass at an FMR for it to be measured at all: with none of 3/FMR pairs passing, the FMR is
/// below the wanted one with 95 % confidence (the rule of three).
const LEAST_MATCHES: f64 = 3.0;

/// How many impostor pairs an FMR takes at least.
pub fn pairs_for(fmr: f64) -> f64 {
    // A billionth: 3 / 1e-5 is not quite 300,000.
    (LEAST_MATCHES / fmr * (1.0 - 1e-9)).ceil()
}

/// Checks that there are enough impostor pairs for an FMR.
///
/// # Errors
/// [`ErrorKind::Calibration`] saying how many it takes.
pub fn check_support(fmr: f64, impostors: u64) -> Result<()> {
    let wanted = pairs_for(fmr);
    if impostors as f64 >= wanted {
        return Ok(());
    }
    Err(bad(format!(
        "a false match rate of {fmr:e} takes at least {wanted} impostor pairs, there are {impostors}: they support \
         {:.1e} and more",
        LEAST_MATCHES / impostors as f64
    )))
}

impl FitOptions<'_> {
    /// The FMRs, rising, after a check of all options.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an option outside its range.
    pub fn check(&self) -> Result<Vec<f64>> {
        let invalid = |what: String| Err(Error::new(ErrorKind::InvalidArgument, what));
        let (least, greatest) = self.fmr;
        if !(least >= 1e-12 && least < greatest && greatest < 1.0) {
            return invalid(format!(
                "the false match rates {least:e} to {greatest:e} are no range: from 1e-12, rising, below 1"
            ));
        }
        if !(2..=10_000).contains(&self.fmrs) {
            return invalid(format!(
                "{} false match rates were asked for, allowed are 2 to 10000",
                self.fmrs
            ));
        }
        if !(2..=1000).contains(&self.weights) {
            return invalid(format!(
                "{} weights were asked for, allowed are 2 to 1000",
                self.weights
            ));
        }
        let (from, to) = (least.log10(), greatest.log10());
        let step = (to - from) / (self.fmrs - 1) as f64;
        let mut fmrs: Vec<f64> = (0..self.fmrs).map(|i| 10f64.powf(from + step * i as f64)).collect();
        (fmrs[0], fmrs[self.fmrs - 1]) = (least, greatest);
        Ok(fmrs)
    }
}

fn bad(what: String) -> Error {
    Error::new(ErrorKind::Calibration, what)
}

#[cfg(test)]
mod tests;
