//! Decisions at a false match rate.

use super::calibration::qmf_calibration;
use super::comparison::qmf_comparison;
use super::memory::{Sized32, check_sized, init_sized, read_sized, write_sized};
use super::status::{QMF_OK, guard, qmf_status};
use crate::calibrate::{Decision, Lacking, Outcome};

/// What a comparison says at a false match rate: one of `QMF_OUTCOME_*`.
pub type qmf_outcome = i32;

/// Not alike enough for a match, although most pairs of one person of these qualities are. Where the log-likelihood ratio is above 0
/// one person is the likelier all the same.
pub const QMF_OUTCOME_NO_MATCH: qmf_outcome = 0;
/// About the wanted share of pairs of different people of these qualities is so alike, or less, and one person is likelier than
/// two.
pub const QMF_OUTCOME_MATCH: qmf_outcome = 1;
/// The photos can't tell: take better ones. `lacking` says why.
pub const QMF_OUTCOME_NOT_ENOUGH_INFORMATION: qmf_outcome = 2;

/// Why photos can't tell: one of `QMF_LACKING_*`.
pub type qmf_lacking = i32;

/// They can.
pub const QMF_LACKING_NOTHING: qmf_lacking = 0;
/// A quality is below the calibration's gate, or below all that its data has.
pub const QMF_LACKING_QUALITY: qmf_lacking = 1;
/// At these qualities even one person's own photos would mostly not match, and these don't.
pub const QMF_LACKING_PASS_RATE: qmf_lacking = 2;
/// A template is a failed one: there was no face.
pub const QMF_LACKING_FACE: qmf_lacking = 3;
/// An embedding was normalised to length 1: its quality is lost.
pub const QMF_LACKING_LENGTH: qmf_lacking = 4;

/// A decision. Set `struct_size` with `qmf_decision_init` before the call.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_decision {
    /// Bytes of this struct as the caller knows it; `qmf_decision_init` fills it.
    pub struct_size: u32,
    /// Match, no match, or not enough information.
    pub outcome: qmf_outcome,
    /// Why not enough.
    pub lacking: qmf_lacking,
    /// Zero.
    pub reserved: u32,
    /// The cosine that the wanted share of pairs of different people of these qualities reaches; NaN without a face or a
    /// quality.
    pub threshold: f64,
    /// Which share of pairs of one person of these qualities reaches it, 0..1; NaN as above.
    pub pass_rate: f64,
}

impl Default for qmf_decision {
    fn default() -> Self {
        qmf_decision {
            struct_size: size_of::<Self>() as u32,
            outcome: QMF_OUTCOME_NOT_ENOUGH_INFORMATION,
            lacking: QMF_LACKING_NOTHING,
            reserved: 0,
            threshold: f64::NAN,
            pass_rate: f64::NAN,
        }
    }
}

impl From<&Decision> for qmf_decision {
    fn from(decision: &Decision) -> Self {
        let (outcome, lacking) = match decision.outcome {
            Outcome::NoMatch => (QMF_OUTCOME_NO_MATCH, QMF_LACKING_NOTHING),
            Outcome::Match => (QMF_OUTCOME_MATCH, QMF_LACKING_NOTHING),
            Outcome::NotEnoughInformation(lacking) => {
                let lacking = match lacking {
                    Lacking::Quality => QMF_LACKING_QUALITY,
                    Lacking::PassRate => QMF_LACKING_PASS_RATE,
                    Lacking::Face => QMF_LACKING_FACE,
                    Lacking::Length => QMF_LACKING_LENGTH,
                };
                (QMF_OUTCOME_NOT_ENOUGH_INFORMATION, lacking)
            }
        };
        qmf_decision {
            outcome,
            lacking,
            threshold: decision.threshold,
            pass_rate: decision.pass_rate,
            ..Default::default()
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_decision {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `decision` of `size` bytes (pass `sizeof(qmf_decision)`) with its size and "nothing known".
///
/// # Safety
/// `decision` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_decision_init(decision: *mut qmf_decision, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(decision, size, "decision") }.map(|()| QMF_OK))
}

/// Decides on a comparison that `qmf_compare` or `qmf_compare_embeddings` made with this calibration, at a false match rate
/// that holds at the two qualities: match if at most about the share `fmr` of pairs of different people of these qualities
/// is so alike and one person is likelier than two; not enough information where a quality is below the gate or below all that the calibration's data has, or where
/// more than half of the pairs of one person of these qualities would not match; else no match.
///
/// `QMF_ERROR_CALIBRATION` for an FMR below what the data supports, and for a calibration that doesn't say what a cosine means
/// at each quality (the packs with published parameters, and those that `qmf_calibration_create` makes): nothing can be
/// promised for poor photos then. `QMF_ERROR_INVALID_ARGUMENT` for an FMR that is not above 0 and below 1.
///
/// # Safety
/// `calibration` is a live handle, `comparison` was filled by a comparison, `decision` is initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_decide(
    calibration: *const qmf_calibration,
    comparison: *const qmf_comparison,
    fmr: f64,
    decision: *mut qmf_decision,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller; the decision is checked before it is written.
        unsafe {
            check_sized(decision, "decision")?;
            let compared = read_sized(comparison, "comparison")?;
            let decided = qmf_calibration::borrow(calibration, "calibration")?.decide(&(&compared).into(), fmr)?;
            write_sized(decision, &(&decided).into());
        }
        Ok(QMF_OK)
    })
}
