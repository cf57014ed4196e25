//! Comparing templates and embeddings with a calibration.

use super::{AtQuality, Calibration};
use crate::cancel::Cancel;
use crate::compare::{self, Comparison, Directions};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::advice;
use crate::matrix::Matrix;
use crate::template::{Template, describe_model};

/// What comparing two faces gives, and what the calibration says about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredComparison {
    /// Cosine, qualities and score. With a failed template the cosine is -1, the score negative infinity, and the
    /// failed one's quality 0.
    pub comparison: Comparison,
    /// -log10 of the false match rate that this score as threshold has, see [`Calibration::negative_log10_fmr`];
    /// `None` where the calibration has no thresholds.
    pub negative_log10_fmr: Option<f64>,
    /// What the cosine means at these two qualities; `None` where the calibration has no [`super::QualityModel`], and with a
    /// failed template.
    pub at_quality: Option<AtQuality>,
    /// One quality is below the calibration's gate.
    pub low_quality: bool,
    /// The score is outside the calibration's thresholds.
    pub out_of_range: bool,
    /// One template is a failed one: no match.
    pub failed_template: bool,
    /// One quality is 1, see [`compare::has_unit_length`]: that embedding was normalised, and the score is made with a
    /// quality that says nothing. The cosine holds.
    pub unit_length: bool,
}

impl Calibration {
    /// Compares two templates of one model with the quality-aware score, in f64 arithmetic.
    ///
    /// # Errors
    /// [`ErrorKind::ModelMismatch`] naming both models when the templates are of two, or of another than the
    /// calibration.
    pub fn compare(&self, a: &Template, b: &Template) -> Result<ScoredComparison> {
        self.check_model(a, "the first template")?;
        check_same_model((a, "the first template"), b, || "the second".to_owned())?;
        let failed_template = a.is_failed() || b.is_failed();
        let (quality_a, quality_b) = (a.quality(), b.quality());
        let comparison = if failed_template {
            Comparison {
                cosine: -1.0,
                quality_a,
                quality_b,
                score: f64::NEG_INFINITY,
            }
        } else {
            let cosine = compare::dot(a.direction(), b.direction());
            Comparison {
                cosine,
                quality_a,
                quality_b,
                score: self.parameters.score(cosine, quality_a, quality_b),
            }
        };
        Ok(self.judge(comparison, failed_template))
    }

    /// Compares two embeddings with the quality-aware score, in f64 arithmetic. That they are of the calibration's
    /// model is the caller's promise.
    ///
    /// # Errors
    /// As [`compare::compare`].
    pub fn compare_embeddings(&self, a: &[f32], b: &[f32]) -> Result<ScoredComparison> {
        Ok(self.judge(compare::compare(a, b, &self.parameters)?, false))
    }

    /// Quality-aware scores of every probe (row) with every gallery template (column), in f32 arithmetic; negative
    /// infinity where one is failed. There are no flags: [`Template::has_unit_length`] says it of each side beforehand.
    ///
    /// # Errors
    /// [`ErrorKind::ModelMismatch`] naming both models and the template's place when not all are of one model, the
    /// calibration's.
    pub fn score_matrix(&self, probes: &[&Template], gallery: &[&Template]) -> Result<Matrix> {
        self.score_matrix_until(probes, gallery, None)
    }

    /// As [`Calibration::score_matrix`], until `cancel` is cancelled.
    ///
    /// # Errors
    /// As [`Calibration::score_matrix`]; [`ErrorKind::Cancelled`].
    pub fn score_matrix_until(
        &self,
        probes: &[&Template],
        gallery: &[&Template],
        cancel: Option<&Cancel>,
    ) -> Result<Matrix> {
        let Some(&first) = probes.first().or(gallery.first()) else {
            return Matrix::new(0, 0, Vec::new());
        };
        let first_place = if probes.is_empty() { "gallery 0" } else { "probe 0" };
        self.check_model(first, first_place)?;
        for (side, templates) in [("probe", probes), ("gallery", gallery)] {
            for (index, template) in templates.iter().enumerate() {
                check_same_model((first, first_place), template, || format!("{side} {index}"))?;
            }
        }
        let mut scores = compare::score_directions(
            &stack(probes, first.length()),
            &stack(gallery, first.length()),
            &self.parameters,
            cancel,
        )?;
        for (row, _) in probes.iter().enumerate().filter(|(_, template)| template.is_failed()) {
            scores.row_mut(row).fill(f32::NEG_INFINITY);
        }
        for (column, _) in gallery.iter().enumerate().filter(|(_, template)| template.is_failed()) {
            scores.column_mut(column).fill(f32::NEG_INFINITY);
        }
        Ok(Matrix::of(scores))
    }

    fn judge(&self, comparison: Comparison, failed: bool) -> ScoredComparison {
        let fmr = self.negative_log10_fmr(comparison.score);
        let least = comparison.quality_a.min(comparison.quality_b);
        ScoredComparison {
            comparison,
            negative_log10_fmr: fmr.map(|(value, _)| value),
            at_quality: self
                .functions
                .as_ref()
                .filter(|_| !failed)
                .map(|functions| functions.at(comparison.cosine, comparison.quality_a, comparison.quality_b)),
            low_quality: self.quality_gate.is_some_and(|gate| least < gate),
            out_of_range: fmr.is_some_and(|(_, in_range)| !in_range),
            failed_template: failed,
            unit_length: compare::has_unit_length(comparison.quality_a)
                || compare::has_unit_length(comparison.quality_b),
        }
    }

    #[inline] // a call takes a tenth of the time of a comparison
    pub(crate) fn check_model(&self, template: &Template, place: &str) -> Result<()> {
        match &self.model {
            Some(model) if model.fingerprint != template.fingerprint() => Err(Error::new(
                ErrorKind::ModelMismatch,
                format!(
                    "{place} is of {}, the calibration of {}: scores of one model mean nothing for another{}",
                    template.origin(),
                    describe_model(&model.name, model.fingerprint),
                    advice(template.model(), &model.name)
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// `place_b` is asked only for the error: matrices check thousands of templates.
#[inline] // as above
pub(crate) fn check_same_model(
    (a, place_a): (&Template, &str),
    b: &Template,
    place_b: impl FnOnce() -> String,
) -> Result<()> {
    match a.fingerprint() == b.fingerprint() && a.length() == b.length() {
        true => Ok(()),
        false => Err(two_models((a, place_a), (b, &place_b()))),
    }
}

#[cold]
fn two_models((a, place_a): (&Template, &str), (b, place_b): (&Template, &str)) -> Error {
    Error::new(
        ErrorKind::ModelMismatch,
        format!(
            "templates of two models can't be compared: {place_a} is of {} with {} floats, {place_b} of {} with {}{}",
            a.origin(),
            a.length(),
            b.origin(),
            b.length(),
            advice(a.model(), b.model())
        ),
    )
}

/// The directions and the qualities; zeros for a failed template.
fn stack(templates: &[&Template], length: usize) -> Directions {
    let mut directions = Directions::with_capacity(templates.len(), length);
    for template in templates {
        directions.push(template.direction().iter().copied(), template.quality() as f32);
    }
    directions
}
