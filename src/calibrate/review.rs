//! Which of the templates that are fused would not match the others.

use super::Calibration;
use crate::error::Result;
use crate::template::{Fusion, FusionReview, Template};

/// What a calibration says of one of the templates that are fused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JudgedPart {
    /// Its quality-aware score against the fusion of the others; `None` where it has no cosine with it.
    pub score: Option<f64>,
    /// It has a score, and that is below the threshold: by itself it would not be taken for the person of the others.
    pub no_match: bool,
    /// Its quality is below the calibration's gate.
    pub low_quality: bool,
}

impl Calibration {
    /// What [`Template::review_fusion`] says, and for each part whether it would match the fusion of the others at the
    /// false match rate `fmr`. The thresholds are those of single images: a fusion of several scores higher with its
    /// own person, so that one of somebody else stands out.
    ///
    /// # Errors
    /// As [`Template::review_fusion`] and [`Calibration::threshold`]; [`crate::ErrorKind::ModelMismatch`] when the
    /// calibration is of another model.
    pub fn review_fusion(
        &self,
        templates: &[&Template],
        fusion: Fusion,
        fmr: f64,
    ) -> Result<(FusionReview, Vec<JudgedPart>)> {
        if let Some(first) = templates.first() {
            self.check_model(first, "template 0")?;
        }
        let threshold = self.threshold(fmr)?;
        let review = Template::review_fusion(templates, fusion)?;
        let judged = review.parts.iter().map(|part| {
            let scored = part.cosine.zip(part.others_quality);
            let score = scored.map(|(cosine, others)| self.parameters.score(cosine, part.quality, others));
            JudgedPart {
                score,
                no_match: score.is_some_and(|score| score < threshold),
                low_quality: part.weight > 0.0 && self.quality_gate.is_some_and(|gate| part.quality < gate),
            }
        });
        let judged = judged.collect();
        Ok((review, judged))
    }
}
