//! Calibrations: the (alpha, beta) of the quality-aware score with what is known about its scores (the false match
//! rates they stand for, what a cosine means at each quality, the least quality worth comparing), comparing templates with
//! them, and decisions.
//!
//! ```
//! use qmagface::model::Fingerprint;
//! use qmagface::{Calibration, QualityParameters, Template};
//!
//! let calibration = Calibration::from_parameters(QualityParameters { alpha: 0.077428, beta: 0.125926 })?;
//! let template = |embedding: &[f32]| Template::from_embedding("sface", Fingerprint([7; 32]), embedding);
//! let result = calibration.compare(&template(&[3.0, 4.0])?, &template(&[4.0, 3.0])?)?;
//! assert!((result.comparison.cosine - 0.96).abs() < 1e-6);
//! # Ok::<(), qmagface::Error>(())
//! ```

pub mod at_quality;
mod canonical;
mod compare;
mod decide;
mod evidence;
mod file;
pub mod fit;
pub mod fitted;
mod measure;
mod review;
mod thresholds;

pub use at_quality::{AtQuality, QualityModel};
pub use compare::ScoredComparison;
pub(crate) use compare::check_same_model;
pub use decide::{Decision, Lacking, Outcome};
pub use evidence::{About, Evidence, ThresholdEvidence, today};
pub use measure::{Interval, MeasureOptions, MeasuredThreshold, measure, supported_fmrs};
pub use review::JudgedPart;

use at_quality::Functions;
use fitted::{CalibrationStatus, Fitted, ScoreThreshold};

use crate::compare::QualityParameters;
use crate::error::{Error, ErrorKind, Result};
use crate::identity::Fingerprint;
use crate::template::describe_model;
use serde::{Deserialize, Serialize};

/// The constants of the quality-aware score and what its scores mean. They belong to one model, unless they were made
/// from bare parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    model: Option<CalibratedModel>,
    parameters: QualityParameters,
    status: Status,
    procedure: Option<String>,
    fitted_on: Option<String>,
    quality_gate: Option<f64>,
    thresholds: Vec<ScoreThreshold>,
    /// -log10 of the thresholds' FMRs: a comparison has no time for logarithms.
    logs: Vec<f64>,
    /// What a cosine means at each quality, where that was fitted.
    quality_model: Option<QualityModel>,
    /// The same, made ready.
    functions: Option<Functions>,
    evidence: Evidence,
    /// As many as thresholds.
    measured: Vec<ThresholdEvidence>,
}

/// The model a calibration belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CalibratedModel {
    name: String,
    fingerprint: Fingerprint,
}

/// How far a calibration can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// From the paper's authors.
    Published,
    /// A first fit, on too little data or not on the model's own detector and aligner.
    Provisional,
    /// Fitted by the user.
    Own,
    /// Bare parameters; where they come from is the caller's business.
    Given,
}

impl From<CalibrationStatus> for Status {
    fn from(status: CalibrationStatus) -> Self {
        match status {
            CalibrationStatus::Published => Status::Published,
            CalibrationStatus::Provisional => Status::Provisional,
            CalibrationStatus::Own => Status::Own,
        }
    }
}

/// alpha and beta are at most this, either way.
const MAX_PARAMETER: f64 = 100.0;

/// The greatest quality gate.
const MAX_GATE: f64 = 1e30;

impl Calibration {
    /// A calibration of any model, from bare parameters: [`Status::Given`], without thresholds and gate.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when one is outside -100..=100.
    pub fn from_parameters(parameters: QualityParameters) -> Result<Self> {
        check_parameters(&parameters).map_err(|what| Error::new(ErrorKind::InvalidArgument, what))?;
        Ok(Calibration {
            model: None,
            parameters,
            status: Status::Given,
            procedure: None,
            fitted_on: None,
            quality_gate: None,
            thresholds: Vec::new(),
            logs: Vec::new(),
            quality_model: None,
            functions: None,
            evidence: Evidence::default(),
            measured: Vec::new(),
        })
    }

    /// The calibration that the (checked) manifest of the pack `model` has; `fingerprint` is the pack's with its
    /// detector.
    pub fn from_pack(model: &str, fingerprint: Fingerprint, calibration: &Fitted) -> Self {
        Calibration {
            model: Some(CalibratedModel {
                name: model.to_owned(),
                fingerprint,
            }),
            parameters: QualityParameters {
                alpha: calibration.alpha,
                beta: calibration.beta,
            },
            status: calibration.status.into(),
            procedure: Some(calibration.procedure.clone()),
            fitted_on: Some(calibration.fitted_on.clone()),
            quality_gate: None,
            logs: thresholds::logs(&calibration.thresholds),
            thresholds: calibration.thresholds.clone(),
            functions: calibration.at_quality.as_ref().map(Functions::new),
            quality_model: calibration.at_quality.clone(),
            evidence: Evidence::default(),
            measured: vec![ThresholdEvidence::default(); calibration.thresholds.len()],
        }
    }

    /// The same calibration with another quality gate: comparisons in which a quality is below it are marked.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for a gate outside 0..=1e30.
    pub fn with_quality_gate(self, quality_gate: Option<f64>) -> Result<Self> {
        check_gate(quality_gate).map_err(|what| Error::new(ErrorKind::InvalidArgument, what))?;
        Ok(Calibration { quality_gate, ..self })
    }

    /// Name of the pack it belongs to; `None`: of any model.
    pub fn model(&self) -> Option<&str> {
        self.model.as_ref().map(|model| model.name.as_str())
    }

    /// Fingerprint of the model it belongs to; `None`: of any model.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.model.as_ref().map(|model| model.fingerprint)
    }

    /// The model it belongs to, for messages.
    pub(crate) fn describe_model(&self) -> Option<String> {
        let model = self.model.as_ref()?;
        Some(describe_model(&model.name, model.fingerprint))
    }

    /// (alpha, beta).
    pub fn parameters(&self) -> QualityParameters {
        self.parameters
    }

    /// How far it can be trusted.
    pub fn status(&self) -> Status {
        self.status
    }

    /// How it was fitted, in words, where that is known.
    pub fn procedure(&self) -> Option<&str> {
        self.procedure.as_deref()
    }

    /// On which images, with which landmarks, in words, where that is known.
    pub fn fitted_on(&self) -> Option<&str> {
        self.fitted_on.as_deref()
    }

    /// The least quality worth comparing, where there is one.
    pub fn quality_gate(&self) -> Option<f64> {
        self.quality_gate
    }

    /// The measured points: scores that few impostor pairs reach, by falling FMR; empty where nobody measured.
    pub fn thresholds(&self) -> &[ScoreThreshold] {
        &self.thresholds
    }
}

fn check_parameters(&QualityParameters { alpha, beta }: &QualityParameters) -> Result<(), String> {
    for (name, value) in [("alpha", alpha), ("beta", beta)] {
        // NaN is in no range.
        if !(-MAX_PARAMETER..=MAX_PARAMETER).contains(&value) {
            return Err(format!(
                "{name} is {value}, allowed is -{MAX_PARAMETER} to {MAX_PARAMETER}"
            ));
        }
    }
    Ok(())
}

fn check_gate(gate: Option<f64>) -> Result<(), String> {
    match gate {
        Some(gate) if !(0.0..=MAX_GATE).contains(&gate) => {
            Err(format!("quality_gate is {gate}, allowed is 0 to {MAX_GATE:e}"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
