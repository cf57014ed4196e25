//! The calibration handle.

use super::comparison::QMF_COMPARISON_OUT_OF_RANGE;
use super::engine::{characters, qmf_engine};
use super::handle::{Live, free, give};
use super::memory::{Sized32, array, check, check_sized, init_sized, invalid, put, reference, text, write_sized};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use crate::calibrate::{Calibration, Status};
use crate::compare::QualityParameters;
use crate::error::{Error, ErrorKind};
use std::os::raw::c_char;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a comparison needs to know of a model: (alpha, beta) of the quality-aware score, and, where measured, which
/// share of pairs of different people reach a score (the false match rate, FMR).
///
/// A calibration never changes: any number of threads may use one; only `qmf_calibration_destroy` needs it alone.
pub struct qmf_calibration {
    calibration: Calibration,
    _live: Live,
}

static LIVE_CALIBRATIONS: AtomicU64 = AtomicU64::new(0);

impl qmf_calibration {
    pub(super) fn new(calibration: Calibration) -> qmf_calibration {
        qmf_calibration {
            calibration,
            _live: Live::count(&LIVE_CALIBRATIONS),
        }
    }

    /// Borrows the calibration of a handle.
    ///
    /// # Safety
    /// A `pointer` that isn't NULL is a live handle.
    pub(super) unsafe fn borrow<'a>(pointer: *const qmf_calibration, name: &str) -> Result<&'a Calibration, Failure> {
        // SAFETY: promised by the caller.
        Ok(&unsafe { reference(pointer, name) }?.calibration)
    }
}

/// Where a calibration comes from.
pub type qmf_calibration_status = i32;
/// From the paper's authors.
pub const QMF_CALIBRATION_PUBLISHED: qmf_calibration_status = 0;
/// A first fit, on too little data or not on the model's own detector and aligner.
pub const QMF_CALIBRATION_PROVISIONAL: qmf_calibration_status = 1;
/// Fitted by the user.
pub const QMF_CALIBRATION_OWN: qmf_calibration_status = 2;
/// (alpha, beta) were given, nothing else is known.
pub const QMF_CALIBRATION_GIVEN: qmf_calibration_status = 3;

/// What a calibration tells about itself. Set `struct_size` with `qmf_calibration_info_init` before
/// `qmf_calibration_get_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_calibration_info {
    /// Bytes of this struct as the caller knows it; `qmf_calibration_info_init` fills it.
    pub struct_size: u32,
    /// Where it comes from, a `QMF_CALIBRATION_*`.
    pub status: qmf_calibration_status,
    /// Offset of the quality's weight `min(0, beta * cosine - alpha)`.
    pub alpha: f64,
    /// Slope of the quality's weight over the cosine.
    pub beta: f64,
    /// Least quality of a face that a comparison is not flagged for; NaN if there is none.
    pub quality_gate: f64,
    /// The smallest FMR a threshold can be asked for; NaN without thresholds.
    pub least_fmr: f64,
    /// The largest FMR a threshold can be asked for; NaN without thresholds.
    pub greatest_fmr: f64,
    /// How many thresholds were measured: see `qmf_calibration_get_threshold`.
    pub thresholds: u32,
    /// Zero.
    pub reserved: u32,
    /// How many people it was fitted on; 0 if that is not known.
    pub subjects: u64,
    /// How many images it was fitted on; 0 if that is not known.
    pub images: u64,
    /// How many pairs of one person it was fitted on; 0 if that is not known.
    pub genuine_pairs: u64,
    /// How many pairs of two people it was fitted on; 0 if that is not known.
    pub impostor_pairs: u64,
    /// Name of the model it is of, NUL-terminated; empty if it may be used with any.
    pub model: [c_char; 72],
    /// Fingerprint of the model it is of, NUL-terminated; empty if it may be used with any.
    pub fingerprint: [c_char; 72],
}

impl Default for qmf_calibration_info {
    fn default() -> Self {
        qmf_calibration_info {
            struct_size: size_of::<Self>() as u32,
            status: QMF_CALIBRATION_GIVEN,
            alpha: 0.0,
            beta: 0.0,
            quality_gate: f64::NAN,
            least_fmr: f64::NAN,
            greatest_fmr: f64::NAN,
            thresholds: 0,
            reserved: 0,
            subjects: 0,
            images: 0,
            genuine_pairs: 0,
            impostor_pairs: 0,
            model: [0; 72],
            fingerprint: [0; 72],
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_calibration_info {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `info` of `size` bytes (pass `sizeof(qmf_calibration_info)`) with its size and "nothing known".
///
/// # Safety
/// `info` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_info_init(info: *mut qmf_calibration_info, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(info, size, "info") }.map(|()| QMF_OK))
}

/// Gives the calibration an engine works with, as a handle of its own: the one of its model, or of the (alpha, beta) in
/// its options, without thresholds. `QMF_ERROR_MODEL` if the model has none and the options gave none.
///
/// # Safety
/// `engine` is a live handle, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_engine_get_calibration(
    engine: *const qmf_engine,
    result: *mut *mut qmf_calibration,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                give(qmf_calibration::new(engine.calibration()?.clone()), result);
                Ok(QMF_OK)
            })
        }
    })
}

/// Makes a calibration of (alpha, beta), each -100..100, without thresholds, for templates of any one model.
///
/// # Safety
/// `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_create(
    alpha: f64,
    beta: f64,
    result: *mut *mut qmf_calibration,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        let calibration = Calibration::from_parameters(QualityParameters { alpha, beta })?;
        // SAFETY: promised by the caller.
        unsafe { give(qmf_calibration::new(calibration), result) };
        Ok(QMF_OK)
    })
}

/// Reads a calibration file. `QMF_ERROR_CALIBRATION` if it is damaged.
///
/// # Safety
/// `path` is a NUL-terminated string in UTF-8, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_load(path: *const c_char, result: *mut *mut qmf_calibration) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            let calibration = Calibration::read(Path::new(text(path, "path")?))?;
            give(qmf_calibration::new(calibration), result);
        }
        Ok(QMF_OK)
    })
}

/// Writes a calibration file, whole or not at all; one that is there is replaced.
///
/// # Safety
/// `handle` is a live handle, `path` a NUL-terminated string in UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_save(handle: *const qmf_calibration, path: *const c_char) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe { qmf_calibration::borrow(handle, "handle")?.write(Path::new(text(path, "path")?))? };
        Ok(QMF_OK)
    })
}

/// As `qmf_calibration_load`, from the `size` bytes of a file held in memory.
///
/// # Safety
/// `data` has `size` readable bytes, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_parse(
    data: *const u8,
    size: usize,
    result: *mut *mut qmf_calibration,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            let calibration = Calibration::parse(array(data, size, "data")?)?;
            give(qmf_calibration::new(calibration), result);
        }
        Ok(QMF_OK)
    })
}

/// Writes what `qmf_calibration_save` writes into `data` of `capacity` bytes; `*size` gets how many they are. If
/// `capacity` is too small, only `*size` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`.
///
/// # Safety
/// `handle` is a live handle, `data` has `capacity` writable bytes (NULL is allowed if that is 0), `size` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_serialize(
    handle: *const qmf_calibration,
    data: *mut u8,
    capacity: usize,
    size: *mut usize,
) -> qmf_status {
    guard(|| {
        check(size, "size")?;
        // SAFETY: promised by the caller.
        unsafe {
            let text = qmf_calibration::borrow(handle, "handle")?.to_toml()?;
            put(text.as_bytes(), data, capacity, size, "data")
        }
    })
}

/// Frees a calibration. NULL is allowed. No other call may use it at the same time or afterwards.
///
/// # Safety
/// `handle` is NULL or a live handle that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_destroy(handle: *mut qmf_calibration) {
    // SAFETY: promised by the caller.
    unsafe { free(handle, "handle") }
}

/// How many calibrations exist in this process: for finding leaks.
#[unsafe(no_mangle)]
pub extern "C" fn qmf_live_calibrations() -> u64 {
    LIVE_CALIBRATIONS.load(Ordering::Relaxed)
}

/// Says what is known of a calibration.
///
/// # Safety
/// `handle` is a live handle, `info` initialised by `qmf_calibration_info_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_get_info(
    handle: *const qmf_calibration,
    info: *mut qmf_calibration_info,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let known = unsafe { qmf_calibration::borrow(handle, "handle") }?;
        // SAFETY: promised by the caller.
        unsafe { check_sized(info, "info") }?;
        let evidence = known.evidence();
        let (least_fmr, greatest_fmr) = known.fmr_range().unwrap_or((f64::NAN, f64::NAN));
        let value = qmf_calibration_info {
            status: match known.status() {
                Status::Published => QMF_CALIBRATION_PUBLISHED,
                Status::Provisional => QMF_CALIBRATION_PROVISIONAL,
                Status::Own => QMF_CALIBRATION_OWN,
                Status::Given => QMF_CALIBRATION_GIVEN,
            },
            alpha: known.parameters().alpha,
            beta: known.parameters().beta,
            quality_gate: known.quality_gate().unwrap_or(f64::NAN),
            least_fmr,
            greatest_fmr,
            thresholds: known.thresholds().len() as u32,
            subjects: evidence.subjects.unwrap_or(0),
            images: evidence.images.unwrap_or(0),
            genuine_pairs: evidence.genuine_pairs.unwrap_or(0),
            impostor_pairs: evidence.impostor_pairs.unwrap_or(0),
            model: characters(known.model().unwrap_or_default()),
            fingerprint: known
                .fingerprint()
                .map_or([0; 72], |fingerprint| characters(&fingerprint.to_string())),
            ..Default::default()
        };
        // SAFETY: checked above, writable by the caller's promise.
        unsafe { write_sized(info, &value) };
        Ok(QMF_OK)
    })
}

/// A threshold of a calibration and what was measured at it. Set `struct_size` with `qmf_threshold_init` before
/// `qmf_calibration_get_threshold`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_threshold {
    /// Bytes of this struct as the caller knows it; `qmf_threshold_init` fills it.
    pub struct_size: u32,
    /// Zero.
    pub reserved: u32,
    /// The false match rate (FMR): the share of pairs of different people that reach the score.
    pub fmr: f64,
    /// The score.
    pub score: f64,
    /// Lower end of the 95 % confidence interval of the score with that FMR; NaN if it is not known.
    pub score_low: f64,
    /// Upper end of that interval; NaN if it is not known.
    pub score_high: f64,
    /// The share of pairs of one person that don't reach the score (FNMR), 0..1; NaN if it is not known.
    pub fnmr: f64,
    /// Lower end of the 95 % confidence interval of the FNMR; NaN if it is not known.
    pub fnmr_low: f64,
    /// Upper end of that interval; NaN if it is not known.
    pub fnmr_high: f64,
    /// How many pairs of different people reach the score; `UINT64_MAX` if it is not known.
    pub impostors_above: u64,
}

impl Default for qmf_threshold {
    fn default() -> Self {
        qmf_threshold {
            struct_size: size_of::<Self>() as u32,
            reserved: 0,
            fmr: f64::NAN,
            score: f64::NAN,
            score_low: f64::NAN,
            score_high: f64::NAN,
            fnmr: f64::NAN,
            fnmr_low: f64::NAN,
            fnmr_high: f64::NAN,
            impostors_above: u64::MAX,
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_threshold {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `threshold` of `size` bytes (pass `sizeof(qmf_threshold)`) with its size and "nothing known".
///
/// # Safety
/// `threshold` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_threshold_init(threshold: *mut qmf_threshold, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(threshold, size, "threshold") }.map(|()| QMF_OK))
}

/// Says what was measured at the threshold `index`, 0 to `thresholds` - 1 of `qmf_calibration_info`, by falling FMR.
/// `QMF_ERROR_INVALID_ARGUMENT` for another index.
///
/// # Safety
/// `handle` is a live handle, `threshold` initialised by `qmf_threshold_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_get_threshold(
    handle: *const qmf_calibration,
    index: usize,
    threshold: *mut qmf_threshold,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let known = unsafe { qmf_calibration::borrow(handle, "handle") }?;
        // SAFETY: promised by the caller.
        unsafe { check_sized(threshold, "threshold") }?;
        let Some(point) = known.thresholds().get(index) else {
            return Err(invalid(format!(
                "index is {index}, the calibration has {} thresholds",
                known.thresholds().len()
            )));
        };
        let evidence = known.threshold_evidence().get(index).copied().unwrap_or_default();
        let (score_low, score_high) = evidence.score_interval.unwrap_or((f64::NAN, f64::NAN));
        let (fnmr_low, fnmr_high) = evidence.fnmr_interval.unwrap_or((f64::NAN, f64::NAN));
        let value = qmf_threshold {
            fmr: point.fmr,
            score: point.score,
            score_low,
            score_high,
            fnmr: evidence.fnmr.unwrap_or(f64::NAN),
            fnmr_low,
            fnmr_high,
            impostors_above: evidence.impostors_above.unwrap_or(u64::MAX),
            ..Default::default()
        };
        // SAFETY: checked above, writable by the caller's promise.
        unsafe { write_sized(threshold, &value) };
        Ok(QMF_OK)
    })
}

/// Makes a copy of a calibration whose comparisons are flagged when a face's quality is below `quality_gate`, 0 or more;
/// NaN takes the gate away.
///
/// # Safety
/// `handle` is a live handle, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_with_quality_gate(
    handle: *const qmf_calibration,
    quality_gate: f64,
    result: *mut *mut qmf_calibration,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            let gate = (!quality_gate.is_nan()).then_some(quality_gate);
            let calibration = qmf_calibration::borrow(handle, "handle")?
                .clone()
                .with_quality_gate(gate)?;
            give(qmf_calibration::new(calibration), result);
        }
        Ok(QMF_OK)
    })
}

/// The score that a share `fmr` of pairs of different people reaches, into `*score`: pairs that score it or more are
/// taken for the same person. `QMF_ERROR_CALIBRATION` for an FMR outside the range that was measured,
/// `QMF_ERROR_INVALID_ARGUMENT` for one that is not above 0 and below 1.
///
/// # Safety
/// `handle` is a live handle, `score` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_threshold(
    handle: *const qmf_calibration,
    fmr: f64,
    score: *mut f64,
) -> qmf_status {
    guard(|| {
        check(score, "score")?;
        // SAFETY: promised by the caller; not NULL and aligned, checked above.
        unsafe { *score = qmf_calibration::borrow(handle, "handle")?.threshold(fmr)? };
        Ok(QMF_OK)
    })
}

/// What a score means: -log10 of the share of pairs of different people that reach it, into `*negative_log10_fmr`.
///
/// `*flags` (`flags` may be NULL) gets `QMF_COMPARISON_OUT_OF_RANGE` for a score outside the range that was measured,
/// else 0: a score above it gets the largest value that was measured, one below it 0. `QMF_ERROR_CALIBRATION` without
/// thresholds.
///
/// # Safety
/// `handle` is a live handle, `negative_log10_fmr` is writable, `flags` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_fmr(
    handle: *const qmf_calibration,
    score: f64,
    negative_log10_fmr: *mut f64,
    flags: *mut u32,
) -> qmf_status {
    guard(|| {
        check(negative_log10_fmr, "negative_log10_fmr")?;
        if !flags.is_null() {
            check(flags, "flags")?;
        }
        if score.is_nan() {
            return Err(Error::new(ErrorKind::InvalidArgument, "score is not a number").into());
        }
        // SAFETY: promised by the caller; not NULL and aligned, checked above.
        unsafe {
            let known = qmf_calibration::borrow(handle, "handle")?.negative_log10_fmr(score);
            let (value, in_range) = known.ok_or_else(|| {
                let message = "the calibration has no thresholds: what a score means was not measured";
                Error::new(ErrorKind::Calibration, message)
            })?;
            *negative_log10_fmr = value;
            if !flags.is_null() {
                *flags = if in_range { 0 } else { QMF_COMPARISON_OUT_OF_RANGE };
            }
        }
        Ok(QMF_OK)
    })
}
