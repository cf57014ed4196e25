//! Searching a gallery.

use super::Gallery;
use super::best::{Best, Match, Searching};
use super::score::Comparing;
use crate::calibrate::Calibration;
use crate::error::{Error, ErrorKind, Result};
use crate::template::Template;
use crate::wiped::Wiped;
use crate::work::Work;

/// What a search gives for each probe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SearchOptions {
    /// At most so many matches, at least 1. Default: 10.
    pub most: usize,
    /// Only matches of at least this score; negative infinity for any. Not NaN. Default: negative infinity.
    pub least_score: f32,
}

impl Default for SearchOptions {
    fn default() -> Self {
        SearchOptions {
            most: 10,
            least_score: f32::NEG_INFINITY,
        }
    }
}

impl Gallery {
    /// The templates that each probe is most like: those of the highest quality-aware scores, from the highest on, of
    /// equal scores the one of the lower index first. A failed template is never among them, and a failed probe has no
    /// match. The scores are those of [`Gallery::score`], and none but the best is kept.
    ///
    /// Memory, for each thread: 16 bytes for each match of each probe.
    ///
    /// # Errors
    /// [`ErrorKind::ModelMismatch`] when a probe or the calibration is of another model than the gallery, naming both;
    /// [`ErrorKind::InvalidArgument`] for options outside their ranges; [`ErrorKind::Cancelled`].
    pub fn search(
        &self,
        calibration: &Calibration,
        probes: &[&Template],
        options: &SearchOptions,
        work: &Work,
    ) -> Result<Vec<Vec<Match>>> {
        if options.most == 0 || options.least_score.is_nan() {
            let what = match options.most {
                0 => "most is 0: a search gives at least 1 match",
                _ => "least_score is not a number",
            };
            return Err(Error::new(ErrorKind::InvalidArgument, what));
        }
        let comparing = Comparing::new(self, calibration, probes)?;
        let total = (probes.len() as u64).saturating_mul(self.len() as u64);
        let make = || {
            let (count, places) = (comparing.count(), comparing.places());
            (
                Best::new(options.most, options.least_score, count, places),
                Wiped::new(),
            )
        };
        let states = work.each(comparing.tasks(), total, make, |(best, buffer), task| {
            let rows = comparing.rows(task);
            let first = rows.start;
            comparing.run(
                rows.clone(),
                buffer,
                best,
                |best, probe, row, score| {
                    if self.qualities[row] > 0.0 {
                        best.offer(probe, row, score);
                    }
                },
                |best, panels, rows, fused| panels.multiply(rows, &mut Searching { best, fused, first }),
            );
            (rows.len() * comparing.count()) as u64
        })?;
        let states = states.into_iter().map(|(best, _)| best).collect();
        let mut found = Best::merge(states, comparing.count());
        for (index, found) in found.iter_mut().enumerate() {
            if !comparing.is_usable(index) {
                found.clear();
            }
        }
        Ok(found)
    }
}
