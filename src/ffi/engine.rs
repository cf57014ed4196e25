//! The engine handle.

use super::handle::{Live, free, give};
use super::memory::{
    Sized32, array, check, check_sized, init_sized, invalid, read_sized, reference, text, write_sized,
};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use super::user_data::UserData;
use crate::compare::QualityParameters;
use crate::detect::{DetectorOptions, FaceChoice};
use crate::device::{Device, DeviceChoice};
use crate::engine::{Engine, EngineOptions, Log, LogLevel};
use crate::network::Precision;
use std::ffi::{CString, c_void};
use std::os::raw::c_char;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A face recognition engine: owns a model's weights and the device they run on.
///
/// Any number of threads may use one `const qmf_engine *` at the same time; only `qmf_engine_destroy` needs it alone.
/// In a child of `fork` every call with its parent's engine answers `QMF_ERROR_FORKED`, unless it was made with
/// `inline_mode`; `qmf_engine_destroy` gives its handle back and leaves the rest to the end of the child.
pub struct qmf_engine {
    engine: Engine,
    _live: Live,
}

static LIVE_ENGINES: AtomicU64 = AtomicU64::new(0);

impl qmf_engine {
    /// Runs a call's work on an engine; a failure goes to the engine's log too.
    ///
    /// # Safety
    /// A `pointer` that isn't NULL is a live handle.
    pub(super) unsafe fn run<T>(
        pointer: *const qmf_engine,
        work: impl FnOnce(&Engine) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        // SAFETY: promised by the caller.
        let engine = &unsafe { reference(pointer, "engine") }?.engine;
        // Not logged: in a child the caller's log may wait for a lock that another thread held at the fork.
        engine.check_process()?;
        work(engine).inspect_err(|failure| engine.options().log.write(LogLevel::Error, || failure.message()))
    }
}

/// Where the networks run.
pub type qmf_device = i32;
/// A GPU if one can be used, else the CPU.
pub const QMF_DEVICE_AUTO: qmf_device = 0;
/// The CPU.
pub const QMF_DEVICE_CPU: qmf_device = 1;
/// The CUDA GPU `device_index`.
pub const QMF_DEVICE_CUDA: qmf_device = 2;

/// What the embedding network computes in.
pub type qmf_precision = i32;
/// The best for the device: 16-bit floats on a GPU, 32-bit ones on the CPU.
pub const QMF_PRECISION_AUTO: qmf_precision = 0;
/// 32-bit floats: the reference.
pub const QMF_PRECISION_F32: qmf_precision = 1;
/// 16-bit floats.
pub const QMF_PRECISION_F16: qmf_precision = 2;
/// 16-bit floats with the range of 32-bit ones.
pub const QMF_PRECISION_BF16: qmf_precision = 3;
/// 32-bit floats, but a product's factors are rounded to 11 bits of precision: on a GPU only.
pub const QMF_PRECISION_TF32: qmf_precision = 4;

/// How grave a message is.
pub type qmf_log_level = i32;
/// Nothing is logged.
pub const QMF_LOG_OFF: qmf_log_level = 0;
/// A call failed.
pub const QMF_LOG_ERROR: qmf_log_level = 1;
/// Something works, but not as asked.
pub const QMF_LOG_WARNING: qmf_log_level = 2;
/// What an engine is made of.
pub const QMF_LOG_INFO: qmf_log_level = 3;
/// What each call did.
pub const QMF_LOG_DEBUG: qmf_log_level = 4;

/// Takes an engine's messages, in the thread whose call they are about, so maybe in many threads at once. `message` is
/// NUL-terminated UTF-8, valid during the call. It must return normally and must not call the engine that calls it.
pub type qmf_log_callback =
    Option<unsafe extern "C" fn(user_data: *mut c_void, level: qmf_log_level, message: *const c_char)>;

/// Which of several faces is extracted.
pub type qmf_face_choice = i32;
/// As the model's pack does: `QMF_FACE_BEST_SCORE` where it belongs to MTCNN, as the reference's do, else
/// `QMF_FACE_MOST_PROMINENT`.
pub const QMF_FACE_AUTO: qmf_face_choice = 0;
/// The one with the highest detection score.
pub const QMF_FACE_BEST_SCORE: qmf_face_choice = 1;
/// The one with the largest box.
pub const QMF_FACE_LARGEST: qmf_face_choice = 2;
/// The one nearest to the image's centre.
pub const QMF_FACE_MOST_CENTRAL: qmf_face_choice = 3;
/// The one that the photo is of: large and near the centre. The box's area counts, times the square of what is left of the
/// way from the corner to the centre.
pub const QMF_FACE_MOST_PROMINENT: qmf_face_choice = 4;

/// How an engine is made. Fill it with `qmf_engine_options_init`, then change what you need.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_engine_options {
    /// Bytes of this struct as the caller knows it; `qmf_engine_options_init` fills it.
    pub struct_size: u32,
    /// Where the networks run, a `QMF_DEVICE_*`. Default: `QMF_DEVICE_AUTO`.
    pub device: qmf_device,
    /// Which GPU, for `QMF_DEVICE_CUDA`. Default: 0.
    pub device_index: u32,
    /// Threads that the engine's networks share on the CPU, 0..1024; they end with it. 0: one per core. Default: 0.
    pub threads: u32,
    /// Which of several faces is extracted, a `QMF_FACE_*`. Default: `QMF_FACE_AUTO`.
    pub face_choice: qmf_face_choice,
    /// Side of the smallest face looked for in pixels, 12 or more. NaN: the detector's own, 50 with MTCNN, 40 with YuNet (in
    /// an image below 320 pixels an eighth of its longer side). Default: NaN.
    pub minimum_face: f32,
    /// Least score to pass each of the detector's stages, 0..1; a face has the last or more. NaN: the detector's own, 0.6,
    /// 0.7, 0.8 with MTCNN. YuNet has the last one only, its own is 0.6. Default: NaN.
    pub thresholds: [f32; 3],
    /// Ratio of the sides of two levels of MTCNN's pyramid, 0.1..0.95. NaN: 0.709. Default: NaN.
    pub pyramid_factor: f32,
    /// Offset of the quality's weight `min(0, beta * cosine - alpha)`, -100..100, in place of the pack's. Both it and
    /// `beta`, or neither: NaN takes the pack's. Default: NaN.
    pub alpha: f64,
    /// Slope of the quality's weight over the cosine, -100..100, with `alpha`. Default: NaN.
    pub beta: f64,
    /// Most pixels of an image, encoded or not. Default: 100000000.
    pub maximum_pixels: u64,
    /// Most bytes of an encoded image. Default: 268435456.
    pub maximum_bytes: u64,
    /// What the embedding network computes in, a `QMF_PRECISION_*`. Default: `QMF_PRECISION_AUTO`.
    pub precision: qmf_precision,
    /// Most chips of concurrent callers that go through the network together, 1..256; with 1 every call goes by itself.
    /// 0 is the device's best: 16 on a CPU, 128 on a GPU, 1 with `inline_mode`. Default: 0.
    pub batch_size: u32,
    /// How long a batch waits, in microseconds, 0..1000000, and no longer than a quarter of what the batch before took,
    /// for callers that were there a moment ago to come back. A caller alone never waits; with 0 only the chips of
    /// callers that came while the network was busy are merged. Default: 1000.
    pub batch_wait_us: u32,
    /// 1: all work is done in the calling thread, on the CPU, no thread is started, and the engine can be used after
    /// `fork()`. Default: 0.
    pub inline_mode: u32,
    /// Which messages the log callback gets: this grave and graver, a `QMF_LOG_*`. Default: `QMF_LOG_OFF`.
    pub log_level: qmf_log_level,
    /// 1: an image in which no face is found for sure is looked at turned by 90, 180 and 270 degrees as well, and the turn with
    /// the best score counts. Boxes and landmarks are those of the image as it is. Default: 0.
    pub turned: u32,
    /// Gets the engine's messages until the engine is destroyed. Default: NULL, nothing is logged.
    pub log_callback: qmf_log_callback,
    /// Handed to the log callback as it is. Default: NULL.
    pub log_user_data: *mut c_void,
    /// Most bytes that the weight files of the model and its detector may have together, asked for before they are
    /// read. Default: 1073741824.
    pub maximum_model_bytes: u64,
    /// Name of the detector's pack, "yunet" or "mtcnn", in UTF-8; read while the engine is made. NULL: the one that the model
    /// belongs to. With another one measure: the model's calibration is of its own. A bundle has one. Default: NULL.
    pub detector: *const c_char,
}

impl Default for qmf_engine_options {
    fn default() -> Self {
        let options = EngineOptions::default();
        qmf_engine_options {
            struct_size: size_of::<Self>() as u32,
            device: QMF_DEVICE_AUTO,
            device_index: 0,
            threads: 0,
            face_choice: QMF_FACE_AUTO,
            minimum_face: f32::NAN,
            thresholds: [f32::NAN; 3],
            pyramid_factor: f32::NAN,
            alpha: f64::NAN,
            beta: f64::NAN,
            maximum_pixels: options.limits.pixels,
            maximum_bytes: options.limits.bytes,
            precision: QMF_PRECISION_AUTO,
            batch_size: 0,
            batch_wait_us: options.batch_wait.as_micros() as u32,
            inline_mode: 0,
            log_level: QMF_LOG_OFF,
            turned: 0,
            log_callback: None,
            log_user_data: std::ptr::null_mut(),
            maximum_model_bytes: options.model_bytes,
            detector: std::ptr::null(),
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers, floats, a pointer that is only handed on, one to a string and a function,
// both promised by the caller.
unsafe impl Sized32 for qmf_engine_options {
    const LEAST: usize = size_of::<Self>();
}

impl qmf_engine_options {
    /// # Safety
    /// `detector` is NULL or a NUL-terminated string.
    unsafe fn to_options(self) -> Result<EngineOptions, Failure> {
        let device = match self.device {
            QMF_DEVICE_AUTO => DeviceChoice::Auto,
            QMF_DEVICE_CPU => DeviceChoice::Cpu,
            QMF_DEVICE_CUDA => DeviceChoice::Cuda(self.device_index as usize),
            other => return Err(invalid(format!("options: {other} is no QMF_DEVICE_*"))),
        };
        let face = match self.face_choice {
            QMF_FACE_AUTO => None,
            QMF_FACE_BEST_SCORE => Some(FaceChoice::BestScore),
            QMF_FACE_LARGEST => Some(FaceChoice::Largest),
            QMF_FACE_MOST_CENTRAL => Some(FaceChoice::MostCentral),
            QMF_FACE_MOST_PROMINENT => Some(FaceChoice::MostProminent),
            other => return Err(invalid(format!("options: {other} is no QMF_FACE_*"))),
        };
        let parameters = match (self.alpha.is_nan(), self.beta.is_nan()) {
            (true, true) => None,
            (false, false) => Some(QualityParameters {
                alpha: self.alpha,
                beta: self.beta,
            }),
            _ => return Err(invalid("options: give alpha and beta, or neither")),
        };
        let precision = match self.precision {
            QMF_PRECISION_AUTO => None,
            QMF_PRECISION_F32 => Some(Precision::F32),
            QMF_PRECISION_F16 => Some(Precision::F16),
            QMF_PRECISION_BF16 => Some(Precision::Bf16),
            QMF_PRECISION_TF32 => Some(Precision::Tf32),
            other => return Err(invalid(format!("options: {other} is no QMF_PRECISION_*"))),
        };
        let yes_or_no = |value: u32, name: &str| match value {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(invalid(format!("options: {name} is {other}, not 0 or 1"))),
        };
        let inline = yes_or_no(self.inline_mode, "inline_mode")?;
        let turned = yes_or_no(self.turned, "turned")?;
        let detector_pack = match self.detector.is_null() {
            true => None,
            // SAFETY: promised by the caller.
            false => Some(unsafe { text(self.detector, "options: detector") }?.to_owned()),
        };
        let given = |value: f32| (!value.is_nan()).then_some(value);
        let mut options = EngineOptions {
            device,
            precision,
            batch_size: (self.batch_size > 0).then_some(self.batch_size as usize),
            batch_wait: Duration::from_micros(self.batch_wait_us.into()),
            inline,
            log: self.log()?,
            threads: (self.threads > 0).then_some(self.threads as usize),
            detector_pack,
            detector: DetectorOptions {
                minimum_face: given(self.minimum_face),
                thresholds: self.thresholds.map(given),
                factor: given(self.pyramid_factor),
                turned,
            },
            face,
            parameters,
            ..EngineOptions::default()
        };
        options.model_bytes = self.maximum_model_bytes;
        options.limits.pixels = self.maximum_pixels;
        options.limits.bytes = self.maximum_bytes;
        Ok(options)
    }

    /// The caller's log. What is not logged goes nowhere: the process may have a logger that is not the caller's.
    fn log(&self) -> Result<Log, Failure> {
        let silent = Log::new(LogLevel::Error, |_, _| {});
        let level = match self.log_level {
            QMF_LOG_OFF => return Ok(silent),
            QMF_LOG_ERROR => LogLevel::Error,
            QMF_LOG_WARNING => LogLevel::Warning,
            QMF_LOG_INFO => LogLevel::Info,
            QMF_LOG_DEBUG => LogLevel::Debug,
            other => return Err(invalid(format!("options: {other} is no QMF_LOG_*"))),
        };
        let Some(callback) = self.log_callback else {
            return Ok(silent);
        };
        let user_data = UserData::new(self.log_user_data);
        Ok(Log::new(level, move |level, message| {
            let level = match level {
                LogLevel::Error => QMF_LOG_ERROR,
                LogLevel::Warning => QMF_LOG_WARNING,
                LogLevel::Info => QMF_LOG_INFO,
                LogLevel::Debug => QMF_LOG_DEBUG,
            };
            // A NUL inside would end the text early: paths and names have none, so nothing is lost.
            let Ok(message) = CString::new(message.replace('\0', " ")) else {
                return;
            };
            // SAFETY: a function of this type that may be called by any thread, promised by the caller.
            unsafe { callback(user_data.get(), level, message.as_ptr()) };
        }))
    }
}

/// What an engine is made of. Set `struct_size` with `qmf_engine_info_init` before `qmf_engine_get_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_engine_info {
    /// Bytes of this struct as the caller knows it; `qmf_engine_info_init` fills it.
    pub struct_size: u32,
    /// Floats per embedding.
    pub embedding_length: u32,
    /// `QMF_DEVICE_CPU` or `QMF_DEVICE_CUDA`.
    pub device: qmf_device,
    /// Which GPU, for `QMF_DEVICE_CUDA`.
    pub device_index: u32,
    /// 1 if `alpha` and `beta` are known, else 0: there is no calibration then.
    pub has_parameters: u32,
    /// 1 if the model has constants for the unified quality score, else 0.
    pub has_uqs: u32,
    /// 1 if the detector refines landmarks with the fourth network (L-Net), else 0.
    pub landmark_refinement: u32,
    /// What the embedding network computes in, a `QMF_PRECISION_*` but `QMF_PRECISION_AUTO`.
    pub precision: qmf_precision,
    /// Threads on the CPU as asked for; 0 is one per core.
    pub threads: u32,
    /// Most chips of concurrent callers that go through the network together.
    pub batch_size: u32,
    /// How long a batch waits for callers to come back, in microseconds.
    pub batch_wait_us: u32,
    /// 1 if the engine works in the calling thread only, else 0.
    pub inline_mode: u32,
    /// Offset of the quality's weight in use; 0 if unknown.
    pub alpha: f64,
    /// Slope of the quality's weight over the cosine in use; 0 if unknown.
    pub beta: f64,
    /// Name of the model, NUL-terminated.
    pub model: [c_char; 72],
    /// Name of the detector, NUL-terminated.
    pub detector: [c_char; 72],
    /// SHA-256 over all that decides what an embedding means, in hexadecimal, NUL-terminated. Embeddings of engines
    /// with different fingerprints can't be compared.
    pub fingerprint: [c_char; 72],
    /// Whose constants of the unified quality score the model has, "ISO/IEC 29794-5", or what they were fitted on,
    /// NUL-terminated; empty if it has none.
    pub uqs_basis: [c_char; 72],
}

impl Default for qmf_engine_info {
    fn default() -> Self {
        qmf_engine_info {
            struct_size: size_of::<Self>() as u32,
            embedding_length: 0,
            device: QMF_DEVICE_CPU,
            device_index: 0,
            has_parameters: 0,
            has_uqs: 0,
            landmark_refinement: 0,
            precision: QMF_PRECISION_F32,
            threads: 0,
            batch_size: 0,
            batch_wait_us: 0,
            inline_mode: 0,
            alpha: 0.0,
            beta: 0.0,
            model: [0; 72],
            detector: [0; 72],
            fingerprint: [0; 72],
            uqs_basis: [0; 72],
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_engine_info {
    const LEAST: usize = size_of::<Self>();
}

/// A text as an array of characters, NUL-terminated.
pub(super) fn characters(text: &str) -> [c_char; 72] {
    let mut out = [0; 72];
    // Pack names and bases have at most 64 bytes, a fingerprint has 64: the last place stays NUL.
    for (place, byte) in out.iter_mut().take(71).zip(text.bytes()) {
        *place = byte as c_char;
    }
    out
}

/// Fills `options` of `size` bytes (pass `sizeof(qmf_engine_options)`) with the defaults.
///
/// # Safety
/// `options` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_engine_options_init(options: *mut qmf_engine_options, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(options, size, "options") }.map(|()| QMF_OK))
}

/// Fills `info` of `size` bytes (pass `sizeof(qmf_engine_info)`) with its size and zeros.
///
/// # Safety
/// `info` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_engine_info_init(info: *mut qmf_engine_info, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(info, size, "info") }.map(|()| QMF_OK))
}

/// Opens a model and makes an engine of it.
///
/// `model` is the name of an installed pack ("sface"), the path of a pack's folder, or the path of a bundle file, in
/// UTF-8. Packs are installed by `qmagface models fetch` and `qmagface models import`, below the folder that the
/// environment variable `QMAGFACE_CACHE` names, else below `$XDG_CACHE_HOME/qmagface` or `~/.cache/qmagface`; bundles
/// are made by `qmagface models export`. `options` may be NULL for the defaults. `*engine` gets the handle, to be given
/// to `qmf_engine_destroy`.
///
/// # Safety
/// `model` is a NUL-terminated string, `options` NULL or initialised, `engine` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_engine_create(
    model: *const c_char,
    options: *const qmf_engine_options,
    engine: *mut *mut qmf_engine,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            check(engine, "engine")?;
            let model = text(model, "model")?;
            create(options, engine, |options| Engine::open(model, options))
        }
    })
}

/// Makes an engine of the `size` bytes of a bundle, one file that holds a model with its detector, made by
/// `qmagface models export`. The bytes are not kept.
///
/// # Safety
/// `data` has `size` readable bytes, `options` is NULL or initialised, `engine` writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_engine_create_from_memory(
    data: *const u8,
    size: usize,
    options: *const qmf_engine_options,
    engine: *mut *mut qmf_engine,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            check(engine, "engine")?;
            let bundle = array(data, size, "data")?;
            create(options, engine, |options| Engine::from_bundle(bundle, options))
        }
    })
}

/// # Safety
/// `options` is NULL or initialised, `place` was checked and can be written.
unsafe fn create(
    options: *const qmf_engine_options,
    place: *mut *mut qmf_engine,
    open: impl FnOnce(&EngineOptions) -> crate::Result<Engine>,
) -> Result<qmf_status, Failure> {
    let options = match options.is_null() {
        true => qmf_engine_options::default(),
        // SAFETY: promised by the caller.
        false => unsafe { read_sized(options, "options") }?,
    };
    // SAFETY: promised by the caller.
    let options = unsafe { options.to_options() }?;
    let engine = open(&options).inspect_err(|error| options.log.write(LogLevel::Error, || error.to_string()))?;
    let handle = qmf_engine {
        engine,
        _live: Live::count(&LIVE_ENGINES),
    };
    // SAFETY: promised by the caller.
    unsafe { give(handle, place) };
    Ok(QMF_OK)
}

/// Frees an engine. NULL is allowed. No other call may use the engine at the same time or afterwards, one that waits
/// for its turn at the network included: let all calls return first. Templates and calibrations it made live on.
///
/// # Safety
/// `engine` is NULL or a live handle that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_engine_destroy(engine: *mut qmf_engine) {
    // SAFETY: promised by the caller.
    unsafe { free(engine, "engine") }
}

/// How many engines exist in this process: for finding leaks.
#[unsafe(no_mangle)]
pub extern "C" fn qmf_live_engines() -> u64 {
    LIVE_ENGINES.load(Ordering::Relaxed)
}

/// Says what an engine is made of.
///
/// # Safety
/// `engine` is a live handle, `info` initialised by `qmf_engine_info_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_engine_get_info(engine: *const qmf_engine, info: *mut qmf_engine_info) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let engine = &unsafe { reference(engine, "engine") }?.engine;
        engine.check_process()?;
        let (known, options) = (engine.info(), engine.options());
        // SAFETY: promised by the caller.
        unsafe { check_sized(info, "info") }?;
        let (device, device_index) = match known.device {
            Device::Cuda(index) => (QMF_DEVICE_CUDA, index as u32),
            Device::Cpu => (QMF_DEVICE_CPU, 0),
        };
        let value = qmf_engine_info {
            embedding_length: known.embedding_length as u32,
            device,
            device_index,
            has_parameters: known.parameters.is_some().into(),
            has_uqs: known.uqs_basis.is_some().into(),
            landmark_refinement: known.landmark_refinement.into(),
            precision: match known.precision {
                Precision::F32 => QMF_PRECISION_F32,
                Precision::F16 => QMF_PRECISION_F16,
                Precision::Bf16 => QMF_PRECISION_BF16,
                Precision::Tf32 => QMF_PRECISION_TF32,
            },
            threads: match options.inline {
                true => 1,
                false => options.threads.unwrap_or(0) as u32,
            },
            batch_size: known.batch_size as u32,
            batch_wait_us: options.batch_wait.as_micros() as u32,
            inline_mode: options.inline.into(),
            alpha: known.parameters.map_or(0.0, |parameters| parameters.alpha),
            beta: known.parameters.map_or(0.0, |parameters| parameters.beta),
            model: characters(&known.model),
            detector: characters(&known.detector),
            fingerprint: characters(&known.fingerprint.to_string()),
            uqs_basis: characters(known.uqs_basis.as_deref().unwrap_or_default()),
            ..Default::default()
        };
        // SAFETY: checked above, writable by the caller's promise.
        unsafe { write_sized(info, &value) };
        Ok(QMF_OK)
    })
}
