//! What comparing two faces gives.

use super::memory::{Sized32, init_sized};
use super::status::{QMF_OK, guard, qmf_status};
use crate::calibrate::ScoredComparison;
use crate::compare::Comparison;

/// A quality is below the calibration's gate: the faces show too little to trust the score.
pub const QMF_COMPARISON_LOW_QUALITY: u32 = 1;
/// The score is outside the range that the calibration's thresholds cover.
pub const QMF_COMPARISON_OUT_OF_RANGE: u32 = 2;
/// A template is a failed one: no match.
pub const QMF_COMPARISON_FAILED_TEMPLATE: u32 = 4;
/// A quality is 1 within 0.001: that embedding was normalised to length 1, as many tools store them, and its quality is
/// lost. The score is made with it all the same and means nothing; the cosine holds. Keep embeddings as the network
/// makes them.
pub const QMF_COMPARISON_UNIT_LENGTH: u32 = 8;

/// A quality is below all that the calibration's data has: `log_likelihood_ratio` and `negative_log10_fmr_at_quality` are those
/// of the least that it has.
pub const QMF_COMPARISON_QUALITY_BELOW_DATA: u32 = 16;

/// What comparing two faces gives. Set `struct_size` with `qmf_comparison_init` before the call.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_comparison {
    /// Bytes of this struct as the caller knows it; `qmf_comparison_init` fills it.
    pub struct_size: u32,
    /// `QMF_COMPARISON_*`, added up.
    pub flags: u32,
    /// Cosine of the two embeddings, -1..1 up to rounding; -1 with a failed template.
    pub cosine: f64,
    /// Magnitude of the first embedding.
    pub quality_a: f64,
    /// Magnitude of the second embedding.
    pub quality_b: f64,
    /// The quality-aware score `cosine + min(0, beta * cosine - alpha) * min(quality_a, quality_b)`: at most 1,
    /// unbounded below; minus infinity with a failed template.
    pub score: f64,
    /// What the score means: -log10 of the share of pairs of different people that reach it, as
    /// `qmf_calibration_fmr`; NaN if the calibration has no thresholds.
    pub negative_log10_fmr: f64,
    /// Natural logarithm of how many times likelier this cosine is of one person than of two, at these two qualities: 0 says
    /// nothing, 4.6 is a hundred times; held to what the data supports. NaN if the calibration doesn't say what a cosine means
    /// at each quality, and with a failed template.
    pub log_likelihood_ratio: f64,
    /// -log10 of the share of pairs of different people of these two qualities that reach this cosine, 0 to what the
    /// calibration's data supports: 3 is one in a thousand. It holds for poor photos as well; `qmf_decide` uses it. NaN as above.
    pub negative_log10_fmr_at_quality: f64,
}

impl Default for qmf_comparison {
    fn default() -> Self {
        qmf_comparison {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            cosine: 0.0,
            quality_a: 0.0,
            quality_b: 0.0,
            score: 0.0,
            negative_log10_fmr: f64::NAN,
            log_likelihood_ratio: f64::NAN,
            negative_log10_fmr_at_quality: f64::NAN,
        }
    }
}

impl From<&ScoredComparison> for qmf_comparison {
    fn from(scored: &ScoredComparison) -> Self {
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        qmf_comparison {
            flags: flag(scored.low_quality, QMF_COMPARISON_LOW_QUALITY)
                | flag(scored.out_of_range, QMF_COMPARISON_OUT_OF_RANGE)
                | flag(scored.failed_template, QMF_COMPARISON_FAILED_TEMPLATE)
                | flag(scored.unit_length, QMF_COMPARISON_UNIT_LENGTH)
                | flag(
                    scored.at_quality.is_some_and(|at| !at.supported),
                    QMF_COMPARISON_QUALITY_BELOW_DATA,
                ),
            cosine: scored.comparison.cosine,
            quality_a: scored.comparison.quality_a,
            quality_b: scored.comparison.quality_b,
            score: scored.comparison.score,
            negative_log10_fmr: scored.negative_log10_fmr.unwrap_or(f64::NAN),
            log_likelihood_ratio: scored.at_quality.map_or(f64::NAN, |at| at.log_likelihood_ratio),
            negative_log10_fmr_at_quality: scored.at_quality.map_or(f64::NAN, |at| at.negative_log10_fmr),
            ..Default::default()
        }
    }
}

/// What a decision needs of it: cosine, qualities and flags.
impl From<&qmf_comparison> for ScoredComparison {
    fn from(given: &qmf_comparison) -> Self {
        let has = |flag: u32| given.flags & flag != 0;
        ScoredComparison {
            comparison: Comparison {
                cosine: given.cosine,
                quality_a: given.quality_a,
                quality_b: given.quality_b,
                score: given.score,
            },
            negative_log10_fmr: (!given.negative_log10_fmr.is_nan()).then_some(given.negative_log10_fmr),
            at_quality: None,
            low_quality: has(QMF_COMPARISON_LOW_QUALITY),
            out_of_range: has(QMF_COMPARISON_OUT_OF_RANGE),
            failed_template: has(QMF_COMPARISON_FAILED_TEMPLATE),
            unit_length: has(QMF_COMPARISON_UNIT_LENGTH),
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_comparison {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `comparison` of `size` bytes (pass `sizeof(qmf_comparison)`) with its size and "nothing known".
///
/// # Safety
/// `comparison` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_comparison_init(comparison: *mut qmf_comparison, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(comparison, size, "comparison") }.map(|()| QMF_OK))
}
