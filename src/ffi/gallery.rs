//! The gallery handle.

use super::calibration::qmf_calibration;
use super::cancel::qmf_cancel;
use super::engine::characters;
use super::handle::{Live, free, give};
use super::memory::{
    Sized32, array, check, check_room, check_sized, init_sized, invalid, put, read_sized, reference, write_sized,
};
use super::shared::Shared;
use super::status::{Failure, QMF_OK, guard, qmf_status};
use super::template::{QMF_SCALAR_F32, number_of, qmf_scalar, qmf_template, scalar_of};
use crate::cancel::Cancel;
use crate::gallery::{Gallery, SearchOptions};
use crate::work::Work;
use std::os::raw::c_char;
use std::sync::atomic::{AtomicU64, Ordering};

/// Templates of one model, packed for comparing probes with all of them: directions and qualities, nothing else of a
/// template. A template's place is its index, 0 for the first that was added.
///
/// Any number of threads may use one: a call that adds or removes waits for those that read, and they for it. Only
/// `qmf_gallery_destroy` needs it alone. It needs no engine and keeps none of the templates' handles. A child of `fork`
/// goes on with its parent's, which the parent doesn't notice; where a thread was adding or removing at that moment,
/// the gallery is half changed in the child, and every call with it there answers `QMF_ERROR_FORKED`.
pub struct qmf_gallery {
    gallery: Shared<Gallery>,
    _live: Live,
}

static LIVE_GALLERIES: AtomicU64 = AtomicU64::new(0);

impl qmf_gallery {
    /// Borrows the gallery of a handle.
    ///
    /// # Safety
    /// A `pointer` that isn't NULL is a live handle.
    unsafe fn borrow<'a>(pointer: *const qmf_gallery, name: &str) -> Result<&'a Shared<Gallery>, Failure> {
        // SAFETY: promised by the caller.
        Ok(&unsafe { reference(pointer, name) }?.gallery)
    }
}

/// What a gallery tells about itself. Set `struct_size` with `qmf_gallery_info_init` before `qmf_gallery_get_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_gallery_info {
    /// Bytes of this struct as the caller knows it; `qmf_gallery_info_init` fills it.
    pub struct_size: u32,
    /// How it keeps directions, a `QMF_SCALAR_*`.
    pub scalar: qmf_scalar,
    /// Floats of an embedding of its model; 0 before the first template is added.
    pub length: u32,
    /// Zero.
    pub reserved: u32,
    /// How many templates it has, failed ones included.
    pub count: u64,
    /// Bytes of memory it takes, with the room it has for more templates.
    pub bytes: u64,
    /// How many templates have the flag `QMF_TEMPLATE_UNIT_LENGTH`. If any have, look at where they come from: scores
    /// and searches with them don't tell.
    pub unit_lengths: u64,
    /// Name of the model, NUL-terminated; empty before the first template is added.
    pub model: [c_char; 72],
    /// The engine's fingerprint, see `qmf_engine_info`, NUL-terminated; empty before the first template is added.
    pub fingerprint: [c_char; 72],
}

impl Default for qmf_gallery_info {
    fn default() -> Self {
        qmf_gallery_info {
            struct_size: size_of::<Self>() as u32,
            scalar: QMF_SCALAR_F32,
            length: 0,
            reserved: 0,
            count: 0,
            bytes: 0,
            unit_lengths: 0,
            model: [0; 72],
            fingerprint: [0; 72],
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers.
unsafe impl Sized32 for qmf_gallery_info {
    const LEAST: usize = size_of::<Self>();
}

/// How a gallery is searched. Fill it with `qmf_search_options_init`, then change what is needed.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_search_options {
    /// Bytes of this struct as the caller knows it; `qmf_search_options_init` fills it.
    pub struct_size: u32,
    /// Threads, 0..1024; 0: one per core; 1: only the calling one. The result doesn't depend on it. Default: 0.
    pub threads: u32,
    /// Most matches for each probe, 1 or more. Default: 10.
    pub most: u64,
    /// Only matches of at least this score; minus infinity for any. Default: minus infinity.
    pub least_score: f64,
}

impl Default for qmf_search_options {
    fn default() -> Self {
        let options = SearchOptions::default();
        qmf_search_options {
            struct_size: size_of::<Self>() as u32,
            threads: 0,
            most: options.most as u64,
            least_score: options.least_score.into(),
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_search_options {
    const LEAST: usize = size_of::<Self>();
}

/// A template of a gallery that a probe was found to be like.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_match {
    /// The template's index.
    pub index: u64,
    /// The quality-aware score, to the precision of a float.
    pub score: f64,
}

/// Makes a gallery without templates that keeps directions as `scalar` says, a `QMF_SCALAR_*`. The first template that
/// is added decides of which model it is.
///
/// # Safety
/// `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_gallery_create(scalar: qmf_scalar, result: *mut *mut qmf_gallery) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        let gallery = qmf_gallery {
            gallery: Shared::new("the gallery", Gallery::new(scalar_of(scalar)?)),
            _live: Live::count(&LIVE_GALLERIES),
        };
        // SAFETY: promised by the caller.
        unsafe { give(gallery, result) };
        Ok(QMF_OK)
    })
}

/// Frees a gallery. NULL is allowed. No other call may use it at the same time or afterwards.
///
/// # Safety
/// `handle` is NULL or a live handle that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_gallery_destroy(handle: *mut qmf_gallery) {
    // SAFETY: promised by the caller.
    unsafe { free(handle, "handle") }
}

/// How many galleries exist in this process: for finding leaks.
#[unsafe(no_mangle)]
pub extern "C" fn qmf_live_galleries() -> u64 {
    LIVE_GALLERIES.load(Ordering::Relaxed)
}

/// Fills `info` of `size` bytes (pass `sizeof(qmf_gallery_info)`) with its size and "nothing known".
///
/// # Safety
/// `info` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_gallery_info_init(info: *mut qmf_gallery_info, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(info, size, "info") }.map(|()| QMF_OK))
}

/// Says what is known of a gallery.
///
/// # Safety
/// `handle` is a live handle, `info` initialised by `qmf_gallery_info_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_gallery_get_info(handle: *const qmf_gallery, info: *mut qmf_gallery_info) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let gallery = unsafe { qmf_gallery::borrow(handle, "handle") }?;
        // SAFETY: promised by the caller.
        unsafe { check_sized(info, "info") }?;
        let gallery = gallery.read()?;
        let value = qmf_gallery_info {
            scalar: number_of(gallery.scalar()),
            length: gallery.length() as u32,
            count: gallery.len() as u64,
            bytes: gallery.bytes() as u64,
            unit_lengths: gallery.unit_lengths() as u64,
            model: characters(gallery.model().unwrap_or_default()),
            fingerprint: gallery
                .fingerprint()
                .map_or([0; 72], |fingerprint| characters(&fingerprint.to_string())),
            ..Default::default()
        };
        // SAFETY: checked above, writable by the caller's promise.
        unsafe { write_sized(info, &value) };
        Ok(QMF_OK)
    })
}

/// Adds `count` templates at the end, all or none; `*first` (`first` may be NULL) gets the index of the first of them.
/// They are copied. A failed template takes its place too, and matches nothing. `QMF_ERROR_MODEL_MISMATCH` if they are
/// not all of one model, the gallery's.
///
/// # Safety
/// `handle` is a live handle, `templates` has `count` readable live handles, `first` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_gallery_add(
    handle: *mut qmf_gallery,
    templates: *const *const qmf_template,
    count: usize,
    first: *mut usize,
) -> qmf_status {
    guard(|| {
        if !first.is_null() {
            check(first, "first")?;
        }
        // SAFETY: promised by the caller.
        unsafe {
            let gallery = qmf_gallery::borrow(handle, "handle")?;
            if count == 0 {
                return Err(invalid("there is nothing to add: count is 0"));
            }
            let templates = qmf_template::borrow_all(templates, count, "templates")?;
            let index = gallery.write()?.add(&templates)?;
            if !first.is_null() {
                *first = index;
            }
        }
        Ok(QMF_OK)
    })
}

/// Removes the `count` templates at `indices`, which rise and are below the gallery's count; none if one doesn't. Those
/// behind move up: each gets the index that is less by the number removed in front of it.
///
/// # Safety
/// `handle` is a live handle, `indices` has `count` readable numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_gallery_remove(
    handle: *mut qmf_gallery,
    indices: *const usize,
    count: usize,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            let gallery = qmf_gallery::borrow(handle, "handle")?;
            if count == 0 {
                return Err(invalid("there is nothing to remove: count is 0"));
            }
            gallery.write()?.remove(array(indices, count, "indices")?)?;
        }
        Ok(QMF_OK)
    })
}

/// Compares each of `probe_count` templates with all of the gallery's.
///
/// `scores` of `capacity` floats gets the quality-aware scores, all of the first probe first; minus infinity where a
/// template is failed. `*count` gets how many they are: `probe_count` times the templates of the gallery. If `capacity`
/// is too small, only `*count` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`. `threads` is 0..1024; 0: one
/// per core; 1: only the calling one. The scores don't depend on it; with up to 4 probes they can differ in the last
/// bits from those with more. `QMF_ERROR_MODEL_MISMATCH` if a probe or the calibration is of another model than the
/// gallery.
///
/// # Safety
/// `handle` and `calibration` are live handles, `probes` has `probe_count` readable live handles, `cancel` is NULL or a
/// live handle, `scores` has `capacity` writable floats (NULL is allowed if that is 0), `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_gallery_score(
    handle: *const qmf_gallery,
    calibration: *const qmf_calibration,
    probes: *const *const qmf_template,
    probe_count: usize,
    threads: u32,
    cancel: *const qmf_cancel,
    scores: *mut f32,
    capacity: usize,
    count: *mut usize,
) -> qmf_status {
    guard(|| {
        check(count, "count")?;
        check_threads(threads)?;
        // SAFETY: promised by the caller.
        unsafe {
            let gallery = qmf_gallery::borrow(handle, "handle")?.read()?;
            let calibration = qmf_calibration::borrow(calibration, "calibration")?;
            if probe_count == 0 {
                return Err(invalid("there is nothing to compare: probe_count is 0"));
            }
            let probes = qmf_template::borrow_all(probes, probe_count, "probes")?;
            let needed = product(probe_count, gallery.len())?;
            check_room(scores, capacity, "scores")?;
            if capacity < needed {
                *count = needed;
                return Err(Failure::BufferTooSmall { capacity, needed });
            }
            // The library's own memory: the caller's need not hold numbers yet.
            let mut all = vec![0.0; needed];
            let cancel = qmf_cancel::begin(cancel)?;
            gallery.score(calibration, &probes, &mut all, &work(threads, cancel.as_ref()))?;
            put(&all, scores, capacity, count, "scores")
        }
    })
}

/// Fills `options` of `size` bytes (pass `sizeof(qmf_search_options)`) with its size and the defaults.
///
/// # Safety
/// `options` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_search_options_init(options: *mut qmf_search_options, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(options, size, "options") }.map(|()| QMF_OK))
}

/// Finds the templates that each of `probe_count` probes is most like: those of the highest quality-aware scores, from
/// the highest on, of equal scores the one of the lower index first. Failed templates are never found, and a failed
/// probe finds none.
///
/// The matches of probe i are `matches[i * most]` and the following, `counts[i]` of them: at most `options->most`. What
/// is behind them is left alone. If `capacity`, the elements of `matches`, is smaller than `probe_count * most`,
/// nothing is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`. `QMF_ERROR_MODEL_MISMATCH` if a probe or the
/// calibration is of another model than the gallery.
///
/// # Safety
/// `handle` and `calibration` are live handles, `probes` has `probe_count` readable live handles, `options` is
/// initialised by `qmf_search_options_init` or NULL for the defaults, `cancel` is NULL or a live handle, `matches` has
/// `capacity` writable elements, `counts` has `probe_count` writable numbers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_gallery_search(
    handle: *const qmf_gallery,
    calibration: *const qmf_calibration,
    probes: *const *const qmf_template,
    probe_count: usize,
    options: *const qmf_search_options,
    cancel: *const qmf_cancel,
    matches: *mut qmf_match,
    capacity: usize,
    counts: *mut usize,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            let options = match options.is_null() {
                true => qmf_search_options::default(),
                false => read_sized(options, "options")?,
            };
            check_threads(options.threads).map_err(|failure| failure.at("options"))?;
            let most = usize::try_from(options.most).unwrap_or(usize::MAX);
            if most == 0 || options.least_score.is_nan() {
                let what = match most {
                    0 => "options: most is 0, it is at least 1",
                    _ => "options: least_score is not a number",
                };
                return Err(invalid(what));
            }
            let gallery = qmf_gallery::borrow(handle, "handle")?.read()?;
            let calibration = qmf_calibration::borrow(calibration, "calibration")?;
            if probe_count == 0 {
                return Err(invalid("there is nothing to compare: probe_count is 0"));
            }
            let needed = product(probe_count, most)?;
            if capacity < needed {
                return Err(Failure::BufferTooSmall { capacity, needed });
            }
            check(matches, "matches")?;
            check(counts, "counts")?;
            let probes = qmf_template::borrow_all(probes, probe_count, "probes")?;
            let cancel = qmf_cancel::begin(cancel)?;
            let work = work(options.threads, cancel.as_ref());
            let options = SearchOptions {
                most,
                least_score: at_least(options.least_score),
            };
            let found = gallery.search(calibration, &probes, &options, &work)?;
            for (probe, found) in found.iter().enumerate() {
                for (rank, found) in found.iter().enumerate() {
                    // Less than `probe_count * most`, for which there is room.
                    *matches.add(probe * most + rank) = qmf_match {
                        index: found.index as u64,
                        score: found.score.into(),
                    };
                }
                *counts.add(probe) = found.len();
            }
        }
        Ok(QMF_OK)
    })
}

/// The least float that is not below `score`.
fn at_least(score: f64) -> f32 {
    let near = score as f32;
    if f64::from(near) < score { near.next_up() } else { near }
}

fn check_threads(threads: u32) -> Result<(), Failure> {
    const MOST_THREADS: u32 = 1024;
    if threads > MOST_THREADS {
        return Err(invalid(format!("threads is {threads}, allowed is 0 to {MOST_THREADS}")));
    }
    Ok(())
}

/// How a call works.
fn work(threads: u32, cancel: Option<&Cancel>) -> Work<'_> {
    Work {
        threads: (threads > 0).then_some(threads as usize),
        cancel,
        ..Work::default()
    }
}

/// How many `each` results for every probe are.
fn product(probes: usize, each: usize) -> Result<usize, Failure> {
    probes
        .checked_mul(each)
        .ok_or_else(|| invalid(format!("{probes} times {each} results are more than memory can hold")))
}
