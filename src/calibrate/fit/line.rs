//! The line through the best weights.

use super::grid::Grid;
use super::{Point, Warning, bad};
use crate::compare::QualityParameters;
use crate::error::Result;

/// Thresholds that differ by less are one value.
const SAME_THRESHOLD: f64 = 1e-9;

/// The least-squares line `w = beta t - alpha`.
pub(super) fn through(points: &[Point]) -> Result<QualityParameters> {
    let count = points.len() as f64;
    let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (threshold, weight) = (mean(|point| point.threshold), mean(|point| point.weight));
    let spread: f64 = points.iter().map(|point| (point.threshold - threshold).powi(2)).sum();
    if (spread / count).sqrt() < SAME_THRESHOLD {
        return Err(bad(format!(
            "the threshold is {threshold:.6} at all {} false match rates: no line goes through one point; the set has \
             too few impostor pairs or a too narrow range of false match rates",
            points.len()
        )));
    }
    let product: f64 = points
        .iter()
        .map(|point| (point.threshold - threshold) * (point.weight - weight))
        .sum();
    let beta = product / spread;
    Ok(QualityParameters {
        alpha: beta * threshold - weight,
        beta,
    })
}

/// Notes what is odd about a fit.
pub(super) fn look(points: &[Point], parameters: &QualityParameters, grid: &Grid, warnings: &mut Vec<Warning>) {
    let first = points[0].weight;
    if points.iter().all(|point| point.weight == first) {
        warnings.push(Warning::OneWeight(first));
    }
    let ends = [grid.weights[0], grid.weights[grid.weights.len() - 1]];
    let at_end = points.iter().filter(|point| ends.contains(&point.weight)).count();
    if at_end > 0 {
        warnings.push(Warning::EndOfGrid(at_end));
    }
    if parameters.beta <= 0.0 {
        warnings.push(Warning::NotRising);
    }
    if 1.0 + parameters.beta * grid.greatest_quality <= 0.0 {
        warnings.push(Warning::NotMonotone);
    }
}
