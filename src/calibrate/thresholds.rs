//! Scores to false match rates and back, between the measured points.

use super::Calibration;
use super::fitted::ScoreThreshold;
use crate::error::{Error, ErrorKind, Result};

/// How far outside a measured FMR may lie, relative, and still be taken for it: `10f64.powi(-5)` is not quite 1e-5.
const SAME_FMR: f64 = 1e-9;

impl Calibration {
    /// The least and the greatest FMR that were measured; `None` without thresholds.
    pub fn fmr_range(&self) -> Option<(f64, f64)> {
        Some((self.thresholds.last()?.fmr, self.thresholds.first()?.fmr))
    }

    /// The score that the share `fmr` of impostor pairs reaches: linear in log10(FMR) between the measured points.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an FMR that isn't between 0 and 1; [`ErrorKind::Calibration`] for one outside
    /// the measured range, which is named: the data says nothing about it.
    pub fn threshold(&self, fmr: f64) -> Result<f64> {
        if !(fmr > 0.0 && fmr < 1.0) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a false match rate of {fmr} was asked for; it is above 0 and below 1"),
            ));
        }
        let (least, greatest) = self.fmr_range().ok_or_else(|| {
            Error::new(
                ErrorKind::Calibration,
                "the calibration has no thresholds: no false match rate can be given for its scores",
            )
        })?;
        if fmr < least * (1.0 - SAME_FMR) || fmr > greatest * (1.0 + SAME_FMR) {
            return Err(Error::new(
                ErrorKind::Calibration,
                format!(
                    "a false match rate of {fmr:e} was asked for, the calibration's data supports {least:e} to \
                     {greatest:e}"
                ),
            ));
        }
        let point = |at: usize| (self.logs[at], self.thresholds[at].score);
        Ok(interpolate(self.logs.len(), point, -fmr.log10()))
    }

    /// -log10 of the share of impostor pairs that reach `score`, and whether the score is between the measured ones;
    /// `None` without thresholds.
    ///
    /// Outside, it is what is certain: above the range the largest measured value, below it 0. Where several measured
    /// FMRs share a score, the greatest counts.
    pub fn negative_log10_fmr(&self, score: f64) -> Option<(f64, bool)> {
        let (first, last) = (self.thresholds.first()?, self.thresholds.last()?);
        let largest = *self.logs.last()?;
        // NaN is not above: it gets the 0 that matches nothing.
        if score > last.score {
            return Some((largest, false));
        }
        if score.is_nan() || score < first.score {
            return Some((0.0, false));
        }
        let point = |at: usize| (self.thresholds[at].score, self.logs[at]);
        Some((interpolate(self.logs.len(), point, score), true))
    }
}

/// -log10 of the thresholds' FMRs, for the field of that name.
pub(super) fn logs(thresholds: &[ScoreThreshold]) -> Vec<f64> {
    thresholds.iter().map(|threshold| -threshold.fmr.log10()).collect()
}

/// The value at `x` on the line through `count` points (x, y), whose x never fall; the end points' values outside. Where
/// points share `x`, the first one's.
fn interpolate(count: usize, point: impl Fn(usize) -> (f64, f64), x: f64) -> f64 {
    let after = (0..count).find(|&at| point(at).0 >= x).unwrap_or(count);
    match (after.checked_sub(1).map(&point), (after < count).then(|| point(after))) {
        (Some((x0, y0)), Some((x1, y1))) => {
            // x0 < x <= x1
            let share = (x - x0) / (x1 - x0);
            y0 * (1.0 - share) + y1 * share
        }
        (None, Some((_, y))) | (Some((_, y)), None) => y,
        (None, None) => f64::NAN,
    }
}
