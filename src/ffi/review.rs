//! What the templates that are fused have to do with each other.

use super::calibration::qmf_calibration;
use super::memory::{check, invalid};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use super::template::{fusion_of, qmf_fusion, qmf_template};
use crate::calibrate::JudgedPart;
use crate::template::{FusionReview, Template};

/// The template is a failed one: it takes no part.
pub const QMF_PART_FAILED: u32 = 1;
/// The calibration would not take it for the person of the others.
pub const QMF_PART_NO_MATCH: u32 = 2;
/// Its quality is below the calibration's gate.
pub const QMF_PART_LOW_QUALITY: u32 = 4;

/// What `fit_rank` and `quality_rank` are where there is no rank.
pub const QMF_NO_RANK: u32 = 4294967295;

/// One of the templates that are fused, see `qmf_template_review_fusion`. This struct never grows: it is used in
/// arrays.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_fused_part {
    /// Cosine with the fusion of the others, -1..1 up to rounding. NaN: it is failed, there is no other that isn't, or
    /// the others cancel each other out.
    pub cosine: f64,
    /// Quality; 0 if failed.
    pub quality: f64,
    /// Share of the fusion, 0..1; all of them add up to 1. By `QMF_FUSION_QUALITY` the square of its quality, by
    /// `QMF_FUSION_MEAN` its quality, divided by the sum over all; 0 if failed.
    pub weight: f64,
    /// Quality-aware score against the fusion of the others; NaN without a calibration and where the cosine is.
    pub score: f64,
    /// `QMF_PART_*`, added up.
    pub flags: u32,
    /// Its place among those that have a cosine, 0 for the one that fits the others worst; `QMF_NO_RANK` without a
    /// cosine.
    pub fit_rank: u32,
    /// Its place by quality, 0 for the least; `QMF_NO_RANK` if failed.
    pub quality_rank: u32,
    /// Zero.
    pub reserved: u32,
}

/// Says what each of `count` templates, which `qmf_template_fuse` would make one of, has to do with the others. Fusing
/// leaves out nothing but failed ones: a photo of somebody else, or a tiny or blank one, counts too, and is for the
/// caller to find here and to leave out. With two people half and half, all fit badly and none is the one that is
/// wrong.
///
/// `parts` of `capacity` elements gets one for each template, in their order; if `capacity` is smaller than `count`,
/// nothing is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`. With a calibration, each is also scored against
/// the fusion of the others, and flagged if that is below the threshold for the false match rate `fmr`; with NULL `fmr`
/// doesn't count. The thresholds are those of single images: fusions score higher with their own person, so that
/// somebody else stands out.
///
/// `QMF_ERROR_MODEL_MISMATCH` if the templates, or they and the calibration, are of different models; for `fmr` as
/// `qmf_calibration_threshold`.
///
/// # Safety
/// `templates` has `count` readable live handles, `calibration` is NULL or a live handle, `parts` has `capacity`
/// writable elements.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_review_fusion(
    templates: *const *const qmf_template,
    count: usize,
    fusion: qmf_fusion,
    calibration: *const qmf_calibration,
    fmr: f64,
    parts: *mut qmf_fused_part,
    capacity: usize,
) -> qmf_status {
    guard(|| {
        let fusion = fusion_of(fusion)?;
        if count == 0 {
            return Err(invalid("there is no template to fuse: count is 0"));
        }
        if capacity < count {
            return Err(Failure::BufferTooSmall {
                capacity,
                needed: count,
            });
        }
        check(parts, "parts")?;
        // SAFETY: promised by the caller.
        unsafe {
            let templates = qmf_template::borrow_all(templates, count, "templates")?;
            let (review, judged) = match calibration.is_null() {
                true => (Template::review_fusion(&templates, fusion)?, None),
                false => {
                    let calibration = qmf_calibration::borrow(calibration, "calibration")?;
                    let (review, judged) = calibration.review_fusion(&templates, fusion, fmr)?;
                    (review, Some(judged))
                }
            };
            for (index, part) in parts_of(&review, judged.as_deref(), &templates).into_iter().enumerate() {
                // As many as `count`, for which there is room.
                *parts.add(index) = part;
            }
        }
        Ok(QMF_OK)
    })
}

fn parts_of(review: &FusionReview, judged: Option<&[JudgedPart]>, templates: &[&Template]) -> Vec<qmf_fused_part> {
    let flag = |set: bool, flag: u32| if set { flag } else { 0 };
    let all = review.parts.iter().zip(templates).enumerate();
    let mut parts: Vec<qmf_fused_part> = all
        .map(|(index, (part, template))| {
            let judged = judged.map(|judged| judged[index]);
            qmf_fused_part {
                cosine: part.cosine.unwrap_or(f64::NAN),
                quality: part.quality,
                weight: part.weight,
                score: judged.and_then(|judged| judged.score).unwrap_or(f64::NAN),
                flags: flag(template.is_failed(), QMF_PART_FAILED)
                    | flag(judged.is_some_and(|judged| judged.no_match), QMF_PART_NO_MATCH)
                    | flag(judged.is_some_and(|judged| judged.low_quality), QMF_PART_LOW_QUALITY),
                fit_rank: QMF_NO_RANK,
                quality_rank: QMF_NO_RANK,
                reserved: 0,
            }
        })
        .collect();
    for (rank, &place) in (0..).zip(&review.by_fit) {
        parts[place].fit_rank = rank;
    }
    for (rank, &place) in (0..).zip(&review.by_quality) {
        parts[place].quality_rank = rank;
    }
    parts
}
