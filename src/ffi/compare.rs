//! Comparing faces.

use super::calibration::qmf_calibration;
use super::cancel::qmf_cancel;
use super::comparison::qmf_comparison;
use super::memory::{array, check, check_sized, invalid, write_sized};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use super::template::qmf_template;
use crate::matrix::Matrix;
use ndarray::ArrayView2;

/// Compares two templates with the quality-aware score. `QMF_ERROR_MODEL_MISMATCH` if they are of different models or
/// the calibration is of another.
///
/// # Safety
/// `calibration`, `a` and `b` are live handles, `comparison` is initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_compare(
    calibration: *const qmf_calibration,
    a: *const qmf_template,
    b: *const qmf_template,
    comparison: *mut qmf_comparison,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller; the comparison is checked before it is written.
        unsafe {
            check_sized(comparison, "comparison")?;
            let calibration = qmf_calibration::borrow(calibration, "calibration")?;
            let scored = calibration.compare(qmf_template::borrow(a, "a")?, qmf_template::borrow(b, "b")?)?;
            write_sized(comparison, &(&scored).into());
        }
        Ok(QMF_OK)
    })
}

/// As `qmf_compare`, for two embeddings of `length` floats each, which must be of the calibration's model: nothing
/// tells. They are not changed.
///
/// # Safety
/// `calibration` is a live handle, `a` and `b` have `length` readable floats, `comparison` is initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_compare_embeddings(
    calibration: *const qmf_calibration,
    a: *const f32,
    b: *const f32,
    length: usize,
    comparison: *mut qmf_comparison,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller; the comparison is checked before it is written.
        unsafe {
            check_sized(comparison, "comparison")?;
            let calibration = qmf_calibration::borrow(calibration, "calibration")?;
            let scored = calibration.compare_embeddings(array(a, length, "a")?, array(b, length, "b")?)?;
            write_sized(comparison, &(&scored).into());
        }
        Ok(QMF_OK)
    })
}

/// Compares each of `probe_count` templates with each of `gallery_count`: one against many with a `probe_count` of 1. A
/// score has no flags: what `QMF_COMPARISON_UNIT_LENGTH` is about is told by `QMF_TEMPLATE_UNIT_LENGTH` of each
/// template.
///
/// `scores` of `capacity` floats gets the quality-aware scores, all of the first probe first. If `capacity` is smaller
/// than `probe_count * gallery_count`, nothing is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`.
///
/// # Safety
/// `calibration` is a live handle, `probes` and `gallery` have as many readable live handles as said, `cancel` is NULL
/// or a live handle, `scores` has `capacity` writable floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_score_matrix(
    calibration: *const qmf_calibration,
    probes: *const *const qmf_template,
    probe_count: usize,
    gallery: *const *const qmf_template,
    gallery_count: usize,
    cancel: *const qmf_cancel,
    scores: *mut f32,
    capacity: usize,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            room(probe_count, gallery_count, scores, capacity)?;
            let calibration = qmf_calibration::borrow(calibration, "calibration")?;
            let probes = qmf_template::borrow_all(probes, probe_count, "probes")?;
            let gallery = qmf_template::borrow_all(gallery, gallery_count, "gallery")?;
            let cancel = qmf_cancel::begin(cancel)?;
            let made = calibration.score_matrix_until(&probes, &gallery, cancel.as_ref())?;
            write(&made, scores);
        }
        Ok(QMF_OK)
    })
}

/// As `qmf_score_matrix`, for embeddings of `length` floats that lie one behind the other. They are not changed.
/// Nothing tells of normalised ones: `qmf_compare_embeddings` of one with itself does.
///
/// # Safety
/// `calibration` is a live handle, `probes` and `gallery` have `length` times as many readable floats as said, `cancel`
/// is NULL or a live handle, `scores` has `capacity` writable floats.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_score_matrix_embeddings(
    calibration: *const qmf_calibration,
    probes: *const f32,
    probe_count: usize,
    gallery: *const f32,
    gallery_count: usize,
    length: usize,
    cancel: *const qmf_cancel,
    scores: *mut f32,
    capacity: usize,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            room(probe_count, gallery_count, scores, capacity)?;
            let calibration = qmf_calibration::borrow(calibration, "calibration")?;
            let probes = rows(probes, probe_count, length, "probes")?;
            let gallery = rows(gallery, gallery_count, length, "gallery")?;
            let parameters = calibration.parameters();
            let cancel = qmf_cancel::begin(cancel)?;
            let made = crate::compare::score_matrix_until(probes, gallery, &parameters, cancel.as_ref())?;
            write(&made, scores);
        }
        Ok(QMF_OK)
    })
}

/// Checks, before the work, that the scores have room.
fn room(probes: usize, gallery: usize, scores: *const f32, capacity: usize) -> Result<(), Failure> {
    if probes == 0 || gallery == 0 {
        return Err(invalid(
            "there is nothing to compare: probe_count or gallery_count is 0",
        ));
    }
    let needed = probes
        .checked_mul(gallery)
        .ok_or_else(|| invalid(format!("{probes} times {gallery} scores are more than memory can hold")))?;
    if capacity < needed {
        return Err(Failure::BufferTooSmall { capacity, needed });
    }
    check(scores, "scores")
}

/// Borrows embeddings as the rows of a matrix.
///
/// # Safety
/// A `pointer` that isn't NULL points to `count * length` readable floats.
pub(super) unsafe fn rows<'a>(
    pointer: *const f32,
    count: usize,
    length: usize,
    name: &str,
) -> Result<ArrayView2<'a, f32>, Failure> {
    let total = count.checked_mul(length).ok_or_else(|| {
        invalid(format!(
            "{name}: {count} times {length} floats are more than memory can hold"
        ))
    })?;
    // SAFETY: promised by the caller.
    let floats = unsafe { array(pointer, total, name) }?;
    ArrayView2::from_shape((count, length), floats).map_err(|error| invalid(format!("{name}: {error}")))
}

/// # Safety
/// `place` has room for all scores, as [`room`] checked and the caller promised.
unsafe fn write(scores: &Matrix, place: *mut f32) {
    for (index, &score) in scores.values().iter().enumerate() {
        // SAFETY: within the room.
        unsafe { *place.add(index) = score };
    }
}
