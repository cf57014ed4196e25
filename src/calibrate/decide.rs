//! Decisions at a false match rate that holds at every quality.

use super::at_quality::{AtQuality, QualityModel};
use super::{Calibration, ScoredComparison};
use crate::error::{Error, ErrorKind, Result};

/// Where fewer of the genuine pairs of the same qualities would reach the threshold, no match says nothing.
const LEAST_PASS_RATE: f64 = 0.5;

/// How far above the data's least FMR one may lie, relative, and still be taken for it: `10f64.powi(-5)` is not quite 1e-5.
const SAME_FMR: f64 = 1e-9;

/// What a comparison says at a false match rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decision {
    /// Match, no match, or neither.
    pub outcome: Outcome,
    /// The cosine that the share `fmr` of impostor pairs of these qualities reaches, about; NaN with a failed template or lost
    /// quality.
    pub threshold: f64,
    /// Which share of the genuine pairs of these qualities reaches it, 0..=1; NaN as above.
    pub pass_rate: f64,
}

/// Match, no match, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// About the wanted share of impostor pairs of these qualities is so alike, or less, and one person is likelier than two.
    Match,
    /// Not alike enough for that, although most genuine pairs of these qualities are. Where the log-likelihood ratio is above 0
    /// one person is the likelier all the same: a greater false match rate may have matched.
    NoMatch,
    /// The photos can't tell; take better ones.
    NotEnoughInformation(Lacking),
}

/// Why photos can't tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lacking {
    /// A quality is below the calibration's gate, or below all that the calibration's data has: nothing is known of such faces.
    Quality,
    /// At these qualities even one person's own photos would mostly not reach the threshold, and these don't.
    PassRate,
    /// A template is a failed one: there was no face.
    Face,
    /// An embedding was normalised to length 1: its quality is lost.
    Length,
}

impl Calibration {
    /// What a cosine means at two qualities, where that was fitted.
    pub fn quality_model(&self) -> Option<&QualityModel> {
        self.quality_model.as_ref()
    }

    /// What a cosine means at these two qualities, in either order; `None` without a [`QualityModel`]. Its numbers are finite,
    /// whatever is given: what isn't a number counts as the least.
    pub fn at_quality(&self, cosine: f64, quality_a: f64, quality_b: f64) -> Option<AtQuality> {
        Some(self.functions.as_ref()?.at(cosine, quality_a, quality_b))
    }

    /// Whether decisions can be made at this false match rate: anything can where there is no [`QualityModel`].
    ///
    /// # Errors
    /// [`ErrorKind::Calibration`] for one below what the data supports, which is named.
    pub fn check_fmr(&self, fmr: f64) -> Result<()> {
        let least = self
            .functions
            .as_ref()
            .map_or(0.0, |functions| 10f64.powf(-functions.most()));
        match fmr >= least * (1.0 - SAME_FMR) {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Calibration,
                format!(
                    "a false match rate of {fmr:e} was asked for, the calibration's data supports {least:e} and more"
                ),
            )),
        }
    }

    /// Decides on a comparison that this calibration made ([`Calibration::compare`]): match if at most about the share `fmr` of
    /// impostor pairs of these two qualities is so alike and one person is likelier than two; not enough information where a quality is below the gate or the
    /// data, or where more than half of the genuine pairs of these qualities would not match; else no match.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an FMR that isn't between 0 and 1; [`ErrorKind::Calibration`] for one below what the
    /// data supports, which is named, and for a calibration without [`QualityModel`]: it can't promise a false match rate for
    /// poor photos.
    pub fn decide(&self, compared: &ScoredComparison, fmr: f64) -> Result<Decision> {
        if !(fmr > 0.0 && fmr < 1.0) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a false match rate of {fmr} was asked for; it is above 0 and below 1"),
            ));
        }
        let model = self.functions.as_ref().ok_or_else(|| {
            let message = "the calibration doesn't say what scores mean at each quality: no decision can be promised to hold \
                           for poor photos. Use its thresholds for good ones, or fit such a model";
            Error::new(ErrorKind::Calibration, message)
        })?;
        self.check_fmr(fmr)?;
        let lacking = |why| Decision {
            outcome: Outcome::NotEnoughInformation(why),
            threshold: f64::NAN,
            pass_rate: f64::NAN,
        };
        if compared.failed_template {
            return Ok(lacking(Lacking::Face));
        }
        if compared.unit_length {
            return Ok(lacking(Lacking::Length));
        }
        let comparison = &compared.comparison;
        let (a, b) = (comparison.quality_a, comparison.quality_b);
        let at = model.at(comparison.cosine, a, b);
        // Above 1 is what none reaches.
        let threshold = model.threshold(fmr, a, b).min(1.0);
        let pass_rate = model.pass_rate(threshold, a, b);
        let below_gate = self.quality_gate.is_some_and(|gate| a.min(b) < gate);
        let is_rare = at.negative_log10_fmr >= -fmr.log10() * (1.0 - SAME_FMR);
        let outcome = if compared.low_quality || below_gate || !at.supported {
            Outcome::NotEnoughInformation(Lacking::Quality)
        } else if is_rare && at.log_likelihood_ratio >= 0.0 {
            Outcome::Match
        } else if pass_rate < LEAST_PASS_RATE {
            Outcome::NotEnoughInformation(Lacking::PassRate)
        } else {
            Outcome::NoMatch
        };
        Ok(Decision {
            outcome,
            threshold,
            pass_rate,
        })
    }
}
