//! Fitting a calibration to labelled embeddings.

use super::calibration::qmf_calibration;
use super::cancel::qmf_cancel;
use super::compare::rows;
use super::engine::qmf_engine;
use super::handle::give;
use super::memory::{Sized32, array, check, init_sized, invalid, read_sized, text};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use super::template::qmf_template;
use super::user_data::UserData;
use crate::calibrate::fit::{FitOptions, Procedure, Warning, fit};
use crate::calibrate::{About, Calibration, MeasureOptions, check_same_model, measure, supported_fmrs, today};
use crate::cancel::Cancel;
use crate::matrix::Matrix;
use crate::model::Fingerprint;
use crate::pairs::{Pairs, Prepared};
use crate::template::Template;
use crate::work::Work;
use ndarray::Array2;
use std::ffi::c_void;
use std::os::raw::c_char;

/// How (alpha, beta) are found.
pub type qmf_fit_procedure = i32;
/// As the paper's code does: thresholds are those of the sigmoid of the score.
pub const QMF_FIT_PROCEDURE_PUBLISHED: qmf_fit_procedure = 0;
/// The same with thresholds of the score itself.
pub const QMF_FIT_PROCEDURE_CONSISTENT: qmf_fit_procedure = 1;
/// The (alpha, beta) with the least mean log FNMR, searched without a line through a grid.
pub const QMF_FIT_PROCEDURE_DIRECT: qmf_fit_procedure = 2;

/// False match rates were used for which there are too few pairs of different people.
pub const QMF_FIT_WARNING_UNSUPPORTED: u32 = 1;
/// At some of the false match rates no pair of one person passes.
pub const QMF_FIT_WARNING_NOTHING_PASSES: u32 = 2;
/// At some of the false match rates every pair of one person passes with several weights.
pub const QMF_FIT_WARNING_NOTHING_FAILS: u32 = 4;
/// The same weight is the best at all false match rates: beta is 0.
pub const QMF_FIT_WARNING_ONE_WEIGHT: u32 = 8;
/// At some of the false match rates the best weight is an end of the grid.
pub const QMF_FIT_WARNING_END_OF_GRID: u32 = 16;
/// beta is not above 0: quality counts as much for similar faces as for others.
pub const QMF_FIT_WARNING_NOT_RISING: u32 = 32;
/// beta is so low that a greater cosine can give a smaller score.
pub const QMF_FIT_WARNING_NOT_MONOTONE: u32 = 64;

/// Hears how far a fit is: what is done of the step at hand, and what there is to do. Each step has its own: all pairs
/// are compared, maybe more than once, then the people drawn. Within a step `done` rises to `total`. It is called by
/// the threads that fit, one at a time, during the call only; it may trigger a cancel, and must return normally.
pub type qmf_progress_callback = Option<unsafe extern "C" fn(user_data: *mut c_void, done: u64, total: u64)>;

/// How a calibration is fitted. Fill it with `qmf_fit_options_init`, then change what is needed.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_fit_options {
    /// Bytes of this struct as the caller knows it; `qmf_fit_options_init` fills it.
    pub struct_size: u32,
    /// How (alpha, beta) are found, a `QMF_FIT_PROCEDURE_*`. Default: `QMF_FIT_PROCEDURE_PUBLISHED`.
    pub procedure: qmf_fit_procedure,
    /// Least false match rate (FMR) that counts for the fit, 1e-12 or more. It takes 3 / `least_fmr` pairs of different
    /// people. Default: 1e-5.
    pub least_fmr: f64,
    /// Greatest FMR that counts for the fit, above `least_fmr` and below 1. Default: 1e-2.
    pub greatest_fmr: f64,
    /// How many FMRs from the one to the other, 2..10000. Default: 50.
    pub fmr_count: u32,
    /// How many weights of the quality are tried, 2..1000. Default: 20.
    pub weight_count: u32,
    /// How many times the people are drawn anew for the thresholds' confidence intervals, 0..100000; 0: no intervals.
    /// Default: 1000.
    pub replicates: u32,
    /// 1: FMRs are used for which there are too few pairs, as the paper's code does; 0 refuses them. Default: 0.
    pub allow_unsupported: u32,
    /// Threads; 0: one per core. The result doesn't depend on it. Default: 0.
    pub threads: u32,
    /// Zero.
    pub reserved: u32,
    /// Equal seeds give equal intervals. Default: 0.
    pub seed: u64,
    /// Hears how far the fit is. Default: NULL, nobody does.
    pub progress_callback: qmf_progress_callback,
    /// Handed to the progress callback as it is. Default: NULL.
    pub progress_user_data: *mut c_void,
}

impl Default for qmf_fit_options {
    fn default() -> Self {
        let (fit, measured) = (FitOptions::default(), MeasureOptions::default());
        qmf_fit_options {
            struct_size: size_of::<Self>() as u32,
            procedure: QMF_FIT_PROCEDURE_PUBLISHED,
            least_fmr: fit.fmr.0,
            greatest_fmr: fit.fmr.1,
            fmr_count: fit.fmrs as u32,
            weight_count: fit.weights as u32,
            replicates: measured.replicates as u32,
            allow_unsupported: 0,
            threads: 0,
            reserved: 0,
            seed: measured.seed,
            progress_callback: None,
            progress_user_data: std::ptr::null_mut(),
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers, floats, a pointer that is only handed on, and a function that is one,
// promised by the caller.
unsafe impl Sized32 for qmf_fit_options {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `options` of `size` bytes (pass `sizeof(qmf_fit_options)`) with its size and the defaults.
///
/// # Safety
/// `options` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_fit_options_init(options: *mut qmf_fit_options, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(options, size, "options") }.map(|()| QMF_OK))
}

/// Fits (alpha, beta) to all pairs of embeddings of known people, measures the thresholds of every power of ten
/// from 0.01 down that the pairs support (0.1 if they support no other), and makes a calibration of both.
///
/// `embeddings` holds `count` embeddings of `length` floats, one after the other, `people[i]` says who is on the i-th:
/// equal numbers, one person. The calibration is of `engine`'s model, or with NULL of any one model. `data` names the
/// data in the calibration's file; NULL or one line of at most 1024 bytes. `*warnings` (`warnings` may be NULL) gets
/// what is odd about the fit, `QMF_FIT_WARNING_*` added up: 0 if nothing is.
///
/// `QMF_ERROR_CALIBRATION` when there is no pair of one person or of two, when the pairs don't support `least_fmr` (the
/// error says how many it takes), when the embeddings were normalised to length 1, or all to another, so that their
/// quality is lost, or when they determine no (alpha, beta). All pairs are compared without being kept; the call takes
/// as long as count * count * length says.
///
/// # Safety
/// `engine` is NULL or a live handle, `embeddings` has `count * length` readable floats, `people` `count` readable
/// numbers, `options` is initialised by `qmf_fit_options_init` or NULL for the defaults, `data` is NULL or a
/// NUL-terminated string in UTF-8, `cancel` is NULL or a live handle, `result` is writable, `warnings` is NULL or
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_fit(
    engine: *const qmf_engine,
    embeddings: *const f32,
    count: usize,
    length: usize,
    people: *const u32,
    options: *const qmf_fit_options,
    data: *const c_char,
    cancel: *const qmf_cancel,
    result: *mut *mut qmf_calibration,
    warnings: *mut u32,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            let wanted = Wanted::read(options, data, result, warnings)?;
            if count == 0 {
                return Err(invalid("there is nothing to fit to: count is 0"));
            }
            let model = match engine.is_null() {
                true => None,
                false => Some(qmf_engine::run(engine, |engine| {
                    let info = engine.info();
                    if info.embedding_length != length {
                        return Err(invalid(format!(
                            "the engine's embeddings have {} floats, not {length}",
                            info.embedding_length
                        )));
                    }
                    Ok((info.model.clone(), info.fingerprint))
                })?),
            };
            let embeddings = rows(embeddings, count, length, "embeddings")?;
            let people = array(people, count, "people")?;
            let cancel = qmf_cancel::begin(cancel)?;
            let set = Prepared::new(Matrix::of(embeddings.to_owned()), people)?;
            let model = model.as_ref().map(|(name, fingerprint)| (name.as_str(), *fingerprint));
            wanted.give(&set, model, cancel.as_ref(), result, warnings)
        }
    })
}

/// As `qmf_calibration_fit`, of templates, whose model the calibration is then of. Failed templates take no part.
/// `QMF_ERROR_MODEL_MISMATCH` when they are of two models.
///
/// # Safety
/// `templates` has `count` live handles, `people` `count` readable numbers; the rest is as for `qmf_calibration_fit`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_calibration_fit_templates(
    templates: *const *const qmf_template,
    count: usize,
    people: *const u32,
    options: *const qmf_fit_options,
    data: *const c_char,
    cancel: *const qmf_cancel,
    result: *mut *mut qmf_calibration,
    warnings: *mut u32,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            let wanted = Wanted::read(options, data, result, warnings)?;
            let templates = qmf_template::borrow_all(templates, count, "templates")?;
            let Some(first) = templates.first() else {
                return Err(invalid("there is nothing to fit to: count is 0"));
            };
            let people = array(people, count, "people")?;
            for (index, template) in templates.iter().enumerate() {
                check_same_model((first, "templates[0]"), template, || format!("templates[{index}]"))?;
            }
            let cancel = qmf_cancel::begin(cancel)?;
            let whole: Vec<(&Template, u32)> = templates
                .iter()
                .copied()
                .zip(people.iter().copied())
                .filter(|(template, _)| !template.is_failed())
                .collect();
            let mut embeddings = Array2::zeros((whole.len(), first.length()));
            for (mut row, (template, _)) in embeddings.rows_mut().into_iter().zip(&whole) {
                row.assign(&ndarray::aview1(&template.embedding()));
            }
            let people: Vec<u32> = whole.iter().map(|&(_, person)| person).collect();
            let model = (first.model(), first.fingerprint());
            let set = Prepared::new(Matrix::of(embeddings), &people)?;
            wanted.give(&set, Some(model), cancel.as_ref(), result, warnings)
        }
    })
}

/// What a caller asked for, checked.
struct Wanted<'a> {
    procedure: Procedure,
    fit: FitOptions<'static>,
    measured: MeasureOptions<'static>,
    threads: Option<usize>,
    progress: qmf_progress_callback,
    user_data: UserData,
    data: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    /// Reads the options and the name, and checks the places of the results, before the work.
    ///
    /// # Safety
    /// As for [`qmf_calibration_fit`].
    unsafe fn read(
        options: *const qmf_fit_options,
        data: *const c_char,
        result: *mut *mut qmf_calibration,
        warnings: *mut u32,
    ) -> Result<Self, Failure> {
        check(result, "result")?;
        if !warnings.is_null() {
            check(warnings, "warnings")?;
        }
        let options = match options.is_null() {
            true => qmf_fit_options::default(),
            // SAFETY: promised by the caller.
            false => unsafe { read_sized(options, "options") }?,
        };
        let procedure = match options.procedure {
            QMF_FIT_PROCEDURE_PUBLISHED => Procedure::Published,
            QMF_FIT_PROCEDURE_CONSISTENT => Procedure::Consistent,
            QMF_FIT_PROCEDURE_DIRECT => Procedure::Direct,
            other => return Err(invalid(format!("options.procedure is {other}, no QMF_FIT_PROCEDURE_*"))),
        };
        for (name, value, most) in [
            ("allow_unsupported", options.allow_unsupported, 1),
            ("threads", options.threads, 1024),
            ("reserved", options.reserved, 0),
        ] {
            if value > most {
                return Err(invalid(format!("options.{name} is {value}, allowed is 0 to {most}")));
            }
        }
        let data = match data.is_null() {
            true => None,
            // SAFETY: promised by the caller.
            false => Some(unsafe { text(data, "data") }?),
        };
        Ok(Wanted {
            procedure,
            fit: FitOptions {
                fmr: (options.least_fmr, options.greatest_fmr),
                fmrs: options.fmr_count as usize,
                weights: options.weight_count as usize,
                allow_unsupported: options.allow_unsupported == 1,
                work: Work::default(),
            },
            measured: MeasureOptions {
                replicates: options.replicates as usize,
                seed: options.seed,
                allow_unsupported: false,
                work: Work::default(),
            },
            threads: (options.threads > 0).then_some(options.threads as usize),
            progress: options.progress_callback,
            user_data: UserData::new(options.progress_user_data),
            data,
        })
    }

    /// Fits, measures, and gives the calibration.
    ///
    /// # Safety
    /// `result` is writable, `warnings` is NULL or writable, as checked by [`Wanted::read`].
    unsafe fn give(
        &self,
        set: &Prepared,
        model: Option<(&str, Fingerprint)>,
        cancel: Option<&Cancel>,
        result: *mut *mut qmf_calibration,
        warnings: *mut u32,
    ) -> Result<qmf_status, Failure> {
        let progress = |done: u64, total: u64| {
            if let Some(callback) = self.progress {
                // SAFETY: a function of this type that may be called by any thread, promised by the caller.
                unsafe { callback(self.user_data.get(), done, total) };
            }
        };
        let work = Work {
            threads: self.threads,
            progress: self.progress.map(|_| &progress as &(dyn Fn(u64, u64) + Sync)),
            cancel,
        };
        let date = today();
        let about = About {
            model,
            data: self.data,
            date: Some(&date),
            pairs: Some("all"),
        };
        // Before the work, not after it.
        about.check()?;
        let fitted = fit(set, Pairs::All, self.procedure, &FitOptions { work, ..self.fit })?;
        let fmrs = supported_fmrs(fitted.count);
        let thresholds = match fmrs.is_empty() {
            true => Vec::new(),
            false => {
                let options = MeasureOptions { work, ..self.measured };
                measure(set, Pairs::All, &fitted.parameters, &fmrs, &options)?
            }
        };
        let calibration = Calibration::fitted(&fitted, &thresholds, &about)?;
        // SAFETY: promised by the caller.
        unsafe {
            give(qmf_calibration::new(calibration), result);
            if !warnings.is_null() {
                *warnings = fitted.warnings.iter().map(flag).fold(0, |all, one| all | one);
            }
        }
        Ok(QMF_OK)
    }
}

fn flag(warning: &Warning) -> u32 {
    match warning {
        Warning::Unsupported(_) => QMF_FIT_WARNING_UNSUPPORTED,
        Warning::NothingPasses(_) => QMF_FIT_WARNING_NOTHING_PASSES,
        Warning::NothingFails(_) => QMF_FIT_WARNING_NOTHING_FAILS,
        Warning::OneWeight(_) => QMF_FIT_WARNING_ONE_WEIGHT,
        Warning::EndOfGrid(_) => QMF_FIT_WARNING_END_OF_GRID,
        Warning::NotRising => QMF_FIT_WARNING_NOT_RISING,
        Warning::NotMonotone => QMF_FIT_WARNING_NOT_MONOTONE,
    }
}
