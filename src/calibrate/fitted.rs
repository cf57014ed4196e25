//! What was fitted for a model, as its pack carries it.

use super::at_quality::QualityModel;
use serde::{Deserialize, Serialize};

/// Constants of the quality-aware score `s + min(0, beta * s - alpha) * q` (arXiv 2111.13475). They belong to one
/// detector, aligner and network together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fitted {
    /// Intercept, -100..=100.
    pub alpha: f64,
    /// Slope, -100..=100.
    pub beta: f64,
    /// How far they can be trusted.
    pub status: CalibrationStatus,
    /// How they were fitted, in words.
    pub procedure: String,
    /// On which images, with which landmarks, in words.
    pub fitted_on: String,
    /// Scores that few impostor pairs of that data reach, by falling FMR; empty where none were measured.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<ScoreThreshold>,
    /// What a cosine means at two qualities, where that was fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_quality: Option<QualityModel>,
}

/// The quality-aware score that a given share of impostor pairs reaches.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreThreshold {
    /// False match rate, above 0 and below 1.
    pub fmr: f64,
    /// Pairs scoring this or more are taken for the same person, -1000..=1.
    pub score: f64,
}

impl ScoreThreshold {
    /// Checks the ranges and the order of a table of thresholds: falling FMR, and scores that never fall with it. Says
    /// what is wrong otherwise.
    pub(crate) fn check(table: &[ScoreThreshold]) -> Result<(), String> {
        for &ScoreThreshold { fmr, score } in table {
            // NaN is in no range.
            if !(1e-12..1.0).contains(&fmr) {
                return Err(format!("has fmr {fmr}, allowed is 1e-12 to below 1"));
            }
            if !(-1000.0..=1.0).contains(&score) {
                return Err(format!("has score {score}, allowed is -1000 to 1"));
            }
        }
        let falling = |pair: &[ScoreThreshold]| pair[0].fmr > pair[1].fmr && pair[0].score <= pair[1].score;
        if table.windows(2).all(falling) {
            return Ok(());
        }
        Err("must be by falling fmr and rising score".into())
    }
}

/// How far calibration constants can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationStatus {
    /// From the paper's authors.
    Published,
    /// A first fit, on too little data or not on the pack's own detector and aligner.
    Provisional,
    /// Fitted by the user.
    Own,
}
