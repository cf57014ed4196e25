//! The pairs that one (alpha, beta) needs.

use super::grid::{allowed, limits, quantile};
use crate::compare::QualityParameters;
use crate::error::Result;
use crate::pairs::{Bounds, Kept, ScoredPair, Source, Tail};
use crate::work::Work;

/// The least cosine that gives `threshold` at this quality: the region that a threshold of the quality-aware score
/// accepts. Everything, where a greater cosine can give a smaller score.
pub(super) fn region(parameters: &QualityParameters, threshold: f64, quality: f64) -> f64 {
    let slope = 1.0 + parameters.beta * quality;
    match slope > 0.0 {
        true => threshold.max((threshold + parameters.alpha * quality) / slope),
        false => f64::NEG_INFINITY,
    }
}

/// A tail that is sure to hold what passes at the FMR `greatest`.
pub(in crate::calibrate) fn tail_of(
    source: &Source,
    parameters: &QualityParameters,
    greatest: f64,
    work: &Work,
) -> Result<Tail> {
    let most = [allowed(greatest, source.count().impostor)];
    if let Some(drawn) = source.draw(work)? {
        for margin in [1.0, 2.0] {
            let score = |pair: &ScoredPair| parameters.score(pair.cosine, pair.quality, pair.quality);
            let Some(threshold) = quantile(&drawn, greatest * margin, score) else {
                break;
            };
            let mut bounds = Bounds::none(source.set());
            bounds.include(|quality| region(parameters, threshold, quality));
            let tail = source.collect(bounds, work)?;
            let score = |pair: &Kept| parameters.score(pair.cosine, pair.quality, pair.quality);
            let mut scores: Vec<f64> = tail.impostor.iter().map(score).collect();
            let limit = limits(&mut scores, &most, false);
            if limit.is_some_and(|limit| tail.bounds.cover(|quality| region(parameters, limit[0], quality))) {
                return Ok(tail);
            }
        }
    }
    source.collect(Bounds::all(source.set()), work)
}
