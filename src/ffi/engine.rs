//! The engine handle.

use super::memory::{Sized32, check, check_sized, init_sized, invalid, read_sized, reference, text, write_sized};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use crate::compare::QualityParameters;
use crate::detect::{DetectorOptions, FaceChoice};
use crate::device::DeviceChoice;
use crate::engine::{Engine, EngineOptions};
use std::os::raw::c_char;
use std::sync::atomic::{AtomicU64, Ordering};

/// A face recognition engine: owns a model's weights and the device they run on.
///
/// Any number of threads may use one `const qmf_engine *` at the same time; only `qmf_engine_destroy` needs it alone.
pub struct qmf_engine {
    pub(super) engine: Engine,
}

static LIVE_ENGINES: AtomicU64 = AtomicU64::new(0);

/// Where the networks run.
pub type qmf_device = i32;
/// A GPU if one can be used, else the CPU.
pub const QMF_DEVICE_AUTO: qmf_device = 0;
/// The CPU.
pub const QMF_DEVICE_CPU: qmf_device = 1;
/// The CUDA GPU `device_index`.
pub const QMF_DEVICE_CUDA: qmf_device = 2;

/// Which of several faces is extracted.
pub type qmf_face_choice = i32;
/// The one with the highest detection score.
pub const QMF_FACE_BEST_SCORE: qmf_face_choice = 0;
/// The one with the largest box.
pub const QMF_FACE_LARGEST: qmf_face_choice = 1;
/// The one nearest to the image's centre.
pub const QMF_FACE_MOST_CENTRAL: qmf_face_choice = 2;

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
    /// Threads for one call on the CPU, for the whole process; 0 leaves libtorch's choice, one per core. Default: 0.
    pub threads: u32,
    /// Which of several faces is extracted, a `QMF_FACE_*`. Default: `QMF_FACE_BEST_SCORE`.
    pub face_choice: qmf_face_choice,
    /// Side of the smallest face looked for in pixels, 12 or more. Default: 50.
    pub minimum_face: f32,
    /// Least score to pass each of the detector's three stages, 0..1. Default: 0.6, 0.7, 0.8.
    pub thresholds: [f32; 3],
    /// Ratio of the sides of two levels of the detector's pyramid, 0.1..0.95. Default: 0.709.
    pub pyramid_factor: f32,
    /// Parameters of the quality-aware score in place of the pack's; both NaN takes the pack's. Default: NaN.
    pub alpha: f64,
    /// See `alpha`.
    pub beta: f64,
    /// Most pixels of an encoded image. Default: 100000000.
    pub maximum_pixels: u64,
}

impl Default for qmf_engine_options {
    fn default() -> Self {
        let options = EngineOptions::default();
        qmf_engine_options {
            struct_size: size_of::<Self>() as u32,
            device: QMF_DEVICE_AUTO,
            device_index: 0,
            threads: 0,
            face_choice: QMF_FACE_BEST_SCORE,
            minimum_face: options.detector.minimum_face,
            thresholds: options.detector.thresholds,
            pyramid_factor: options.detector.factor,
            alpha: f64::NAN,
            beta: f64::NAN,
            maximum_pixels: options.limits.pixels,
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_engine_options {
    const LEAST: usize = size_of::<Self>();
}

impl qmf_engine_options {
    fn to_options(self) -> Result<EngineOptions, Failure> {
        let device = match self.device {
            QMF_DEVICE_AUTO => DeviceChoice::Auto,
            QMF_DEVICE_CPU => DeviceChoice::Cpu,
            QMF_DEVICE_CUDA => DeviceChoice::Cuda(self.device_index as usize),
            other => return Err(invalid(format!("options: {other} is no QMF_DEVICE_*"))),
        };
        let face = match self.face_choice {
            QMF_FACE_BEST_SCORE => FaceChoice::BestScore,
            QMF_FACE_LARGEST => FaceChoice::Largest,
            QMF_FACE_MOST_CENTRAL => FaceChoice::MostCentral,
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
        let mut options = EngineOptions {
            device,
            threads: (self.threads > 0).then_some(self.threads as usize),
            detector: DetectorOptions {
                minimum_face: self.minimum_face,
                thresholds: self.thresholds,
                factor: self.pyramid_factor,
            },
            face,
            parameters,
            ..EngineOptions::default()
        };
        options.limits.pixels = self.maximum_pixels;
        Ok(options)
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
    /// 1 if `alpha` and `beta` are known, else 0: `qmf_compare` then fails.
    pub has_parameters: u32,
    /// 1 if the model has constants for the unified quality score, else 0.
    pub has_uqs: u32,
    /// 1 if the detector refines landmarks with the fourth network (L-Net), else 0.
    pub landmark_refinement: u32,
    /// Zero; keeps the doubles aligned the same everywhere.
    pub reserved: u32,
    /// Parameter of the quality-aware score in use; 0 if unknown.
    pub alpha: f64,
    /// Parameter of the quality-aware score in use; 0 if unknown.
    pub beta: f64,
    /// Name of the model, NUL-terminated.
    pub model: [c_char; 72],
    /// Name of the detector, NUL-terminated.
    pub detector: [c_char; 72],
    /// SHA-256 over all that decides what an embedding means, in hexadecimal, NUL-terminated. Embeddings of engines
    /// with different fingerprints can't be compared.
    pub fingerprint: [c_char; 72],
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
            reserved: 0,
            alpha: 0.0,
            beta: 0.0,
            model: [0; 72],
            detector: [0; 72],
            fingerprint: [0; 72],
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_engine_info {
    const LEAST: usize = size_of::<Self>();
}

fn characters(text: &str) -> [c_char; 72] {
    let mut out = [0; 72];
    // Pack names have at most 64 bytes, a fingerprint has 64: the last place stays NUL.
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
/// `model` is the name of an installed pack ("sface") or the path of a pack's folder, in UTF-8. Packs are installed by
/// `qmagface models fetch` and `qmagface models import`, below the folder that the environment variable
/// `QMAGFACE_CACHE` names, else below `$XDG_CACHE_HOME/qmagface` or `~/.cache/qmagface`. `options` may be NULL for the
/// defaults. `*engine` gets the handle, to be given to `qmf_engine_destroy`.
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
        check(engine, "engine")?;
        // SAFETY: promised by the caller.
        let model = unsafe { text(model, "model") }?;
        let options = match options.is_null() {
            true => EngineOptions::default(),
            // SAFETY: promised by the caller.
            false => unsafe { read_sized(options, "options") }?.to_options()?,
        };
        let handle = Box::new(qmf_engine {
            engine: Engine::open(model, &options)?,
        });
        LIVE_ENGINES.fetch_add(1, Ordering::Relaxed);
        // SAFETY: not NULL and aligned, checked above; writable, promised by the caller.
        unsafe { *engine = Box::into_raw(handle) };
        Ok(QMF_OK)
    })
}

/// Frees an engine. NULL is allowed. No other call may use the engine at the same time or afterwards.
///
/// # Safety
/// `engine` is NULL or came from `qmf_engine_create` and was not destroyed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_engine_destroy(engine: *mut qmf_engine) {
    if engine.is_null() {
        return;
    }
    guard(|| {
        check(engine, "engine")?;
        LIVE_ENGINES.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: it came from Box::into_raw in qmf_engine_create and nobody else has it, promised by the caller.
        drop(unsafe { Box::from_raw(engine) });
        Ok(QMF_OK)
    });
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
        let known = unsafe { reference(engine, "engine") }?.engine.info();
        // SAFETY: promised by the caller.
        unsafe { check_sized(info, "info") }?;
        let (device, device_index) = match known.device {
            tch::Device::Cuda(index) => (QMF_DEVICE_CUDA, index as u32),
            _ => (QMF_DEVICE_CPU, 0),
        };
        let value = qmf_engine_info {
            embedding_length: known.embedding_length as u32,
            device,
            device_index,
            has_parameters: known.parameters.is_some().into(),
            has_uqs: known.has_uqs.into(),
            landmark_refinement: known.landmark_refinement.into(),
            alpha: known.parameters.map_or(0.0, |parameters| parameters.alpha),
            beta: known.parameters.map_or(0.0, |parameters| parameters.beta),
            model: characters(&known.model),
            detector: characters(&known.detector),
            fingerprint: characters(&known.fingerprint.to_string()),
            ..Default::default()
        };
        // SAFETY: checked above, writable by the caller's promise.
        unsafe { write_sized(info, &value) };
        Ok(QMF_OK)
    })
}
