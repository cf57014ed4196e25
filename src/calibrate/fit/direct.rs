//! The (alpha, beta) with the least mean log FNMR, searched for the quality-aware score itself.

use super::grid::{Grid, limits, passing, quantile, sigmoid};
use super::tail::{region, tail_of};
use super::{FitOptions, Point, Procedure, Warning, line};
use crate::compare::QualityParameters;
use crate::error::Result;
use crate::pairs::{Bounds, Kept, ScoredPair, Source, Tail};
use crate::work::Work;

/// Slopes that the search begins with, times the greatest quality.
const SLOPES: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Cosines from which on the weight is 0 that the search begins with.
const ZEROS: [f64; 9] = [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Rounds of ever smaller steps round the best.
const ROUNDS: usize = 12;

/// Where the weight begins and how steeply it falls.
#[derive(Clone, Copy, PartialEq)]
struct Candidate {
    /// The cosine from which on the weight is 0.
    zero: f64,
    /// Log of beta times the greatest quality.
    log_slope: f64,
}

impl Candidate {
    fn parameters(self, grid: &Grid) -> QualityParameters {
        let beta = self.log_slope.exp() / grid.greatest_quality;
        QualityParameters {
            alpha: beta * self.zero,
            beta,
        }
    }
}

/// The points of the grid, for looking at, and the best parameters.
pub(super) fn fit(
    source: &Source,
    grid: &Grid,
    options: &FitOptions,
    warnings: &mut Vec<Warning>,
) -> Result<(Vec<Point>, QualityParameters)> {
    let first: Vec<Candidate> = SLOPES
        .iter()
        .flat_map(|slope| {
            ZEROS.iter().map(|&zero| Candidate {
                zero,
                log_slope: slope.ln(),
            })
        })
        .collect();
    let add = |drawn: &[ScoredPair], fmr: f64, bounds: &mut Bounds| {
        for candidate in &first {
            let parameters = candidate.parameters(grid);
            let score = |pair: &ScoredPair| parameters.score(pair.cosine, pair.quality, pair.quality);
            // Where the guess fails, the candidate fails later for want of pairs.
            if let Some(threshold) = quantile(drawn, fmr, score) {
                bounds.include(|quality| region(&parameters, threshold, quality));
            }
        }
    };
    let tail = grid.collect(source, &options.work, Some(&add))?;
    let points = grid.points(&tail, &options.work, Procedure::Direct, warnings)?;
    let mut losses = losses(&tail, grid, &first, &options.work)?;
    let mut best = least(&first, &losses);
    // Compass search, along the axes and both diagonals: the best of the eight neighbours, half the step where none is
    // better.
    let (mut zero_step, mut slope_step) = (0.05, 0.5f64.ln().abs() / 2.0);
    for _ in 0..ROUNDS {
        let Some((centre, loss)) = best else { break };
        let moved = |zero: f64, slope: f64| Candidate {
            zero: centre.zero + zero * zero_step,
            log_slope: centre.log_slope + slope * slope_step,
        };
        let near = [
            (1.0, 0.0),
            (-1.0, 0.0),
            (0.0, 1.0),
            (0.0, -1.0),
            (1.0, 1.0),
            (-1.0, -1.0),
            (1.0, -1.0),
            (-1.0, 1.0),
        ]
        .map(|(zero, slope)| moved(zero, slope));
        losses = self::losses(&tail, grid, &near, &options.work)?;
        match least(&near, &losses) {
            Some((candidate, lower)) if lower < loss => best = Some((candidate, lower)),
            _ => (zero_step, slope_step) = (zero_step / 2.0, slope_step / 2.0),
        }
    }
    // What the search must beat: the plain cosine, and both lines.
    let plain = QualityParameters { alpha: 0.0, beta: 0.0 };
    let mut parameters = vec![plain];
    parameters.extend(line::through(&points).ok());
    parameters.extend(line::through(&of_sigmoids(&points)).ok());
    parameters.extend(best.map(|(candidate, _)| candidate.parameters(grid)));
    let greatest = grid.fmrs[grid.fmrs.len() - 1];
    let mut chosen = (plain, f64::INFINITY);
    for parameters in parameters {
        options.work.check()?;
        let known = match loss(&tail, grid, &parameters) {
            // The search keeps what its own candidates need: others can need more.
            None => loss(
                &tail_of(source, &parameters, greatest, &options.work)?,
                grid,
                &parameters,
            ),
            known => known,
        };
        if let Some(loss) = known
            && loss < chosen.1
        {
            chosen = (parameters, loss);
        }
    }
    Ok((points, chosen.0))
}

/// The points as the published procedure has them.
fn of_sigmoids(points: &[Point]) -> Vec<Point> {
    let of = |point: &Point| Point {
        threshold: sigmoid(point.threshold),
        ..*point
    };
    points.iter().map(of).collect()
}

fn least(candidates: &[Candidate], losses: &[Option<f64>]) -> Option<(Candidate, f64)> {
    let known = candidates
        .iter()
        .zip(losses)
        .filter_map(|(&candidate, &loss)| Some((candidate, loss?)));
    known.min_by(|a, b| a.1.total_cmp(&b.1))
}

fn losses(tail: &Tail, grid: &Grid, candidates: &[Candidate], work: &Work) -> Result<Vec<Option<f64>>> {
    let silent = Work {
        progress: None,
        ..*work
    };
    let parts = silent.each(candidates.len(), 0, Vec::new, |parts, index| {
        parts.push((index, loss(tail, grid, &candidates[index].parameters(grid))));
        0
    })?;
    let mut losses: Vec<_> = parts.into_iter().flatten().collect();
    losses.sort_unstable_by_key(|&(index, _)| index);
    Ok(losses.into_iter().map(|(_, loss)| loss).collect())
}

/// Mean log FNMR; `None` when the tail doesn't hold all that passes.
fn loss(tail: &Tail, grid: &Grid, parameters: &QualityParameters) -> Option<f64> {
    let score = |pair: &Kept| parameters.score(pair.cosine, pair.quality, pair.quality);
    let all = tail.impostor.len() as u64 == tail.count.impostor;
    if !all {
        let mut scores: Vec<f64> = tail.impostor.iter().map(score).collect();
        let most = grid.allowed[grid.allowed.len() - 1];
        let limit = limits(&mut scores, &[most], false)?;
        if !tail.bounds.cover(|quality| region(parameters, limit[0], quality)) {
            return None;
        }
    }
    let passing = passing(tail, &grid.allowed, score)?;
    let genuine = tail.count.genuine as f64;
    // Half a pair more, so that no failure at all is no infinite gain.
    let log = |&(passing, _): &(u64, f64)| ((genuine - passing as f64 + 0.5) / (genuine + 1.0)).ln();
    Some(passing.iter().map(log).sum::<f64>() / passing.len() as f64)
}
