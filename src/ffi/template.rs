//! The template handle.

use super::engine::{characters, qmf_engine};
use super::handle::{Live, free, give};
use super::memory::{
    Sized32, array, array_or_none, check, check_sized, init_sized, invalid, put, reference, write_sized,
};
use super::stages::qmf_face;
use super::status::{Failure, QMF_OK, guard, qmf_status};
use crate::template::{Fusion, Scalar, Template};
use crate::wiped::Wiped;
use std::os::raw::c_char;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is kept of a face: the embedding's direction and its magnitude, which is the quality, the model they are of,
/// and where the face was seen.
///
/// A template never changes: any number of threads may read one; only `qmf_template_destroy` needs it alone. It needs
/// no engine: it may outlive the one that made it.
pub struct qmf_template {
    template: Template,
    _live: Live,
}

static LIVE_TEMPLATES: AtomicU64 = AtomicU64::new(0);

impl qmf_template {
    pub(super) fn new(template: Template) -> qmf_template {
        qmf_template {
            template,
            _live: Live::count(&LIVE_TEMPLATES),
        }
    }

    /// Borrows the template of a handle.
    ///
    /// # Safety
    /// A `pointer` that isn't NULL is a live handle.
    pub(super) unsafe fn borrow<'a>(pointer: *const qmf_template, name: &str) -> Result<&'a Template, Failure> {
        // SAFETY: promised by the caller.
        Ok(&unsafe { reference(pointer, name) }?.template)
    }

    /// Borrows the templates of an array of handles.
    ///
    /// # Safety
    /// A `pointer` that isn't NULL has `count` readable elements, each NULL or a live handle.
    pub(super) unsafe fn borrow_all<'a>(
        pointer: *const *const qmf_template,
        count: usize,
        name: &str,
    ) -> Result<Vec<&'a Template>, Failure> {
        // SAFETY: promised by the caller.
        let handles = unsafe { array(pointer, count, name) }?;
        let borrow = |(index, &handle): (usize, &*const qmf_template)| {
            // A handle's place is put into words for an error only: there may be a million of them.
            if check(handle, name).is_err() {
                check(handle, &format!("{name}[{index}]"))?;
            }
            // SAFETY: promised by the caller.
            unsafe { Self::borrow(handle, name) }
        };
        handles.iter().enumerate().map(borrow).collect()
    }
}

/// How a stored template, or a gallery, keeps directions.
pub type qmf_scalar = i32;
/// 32-bit floats: nothing is lost.
pub const QMF_SCALAR_F32: qmf_scalar = 0;
/// 16-bit floats: half the size.
pub const QMF_SCALAR_F16: qmf_scalar = 1;
/// 8-bit integers with one scale: a quarter of the size.
pub const QMF_SCALAR_I8: qmf_scalar = 2;

/// How several templates of one person become one.
pub type qmf_fusion = i32;
/// Weighted by quality: the direction is that of the sum of each embedding times its quality.
pub const QMF_FUSION_QUALITY: qmf_fusion = 0;
/// The mean of the embeddings: the baseline.
pub const QMF_FUSION_MEAN: qmf_fusion = 1;

pub(super) fn scalar_of(scalar: qmf_scalar) -> Result<Scalar, Failure> {
    match scalar {
        QMF_SCALAR_F32 => Ok(Scalar::F32),
        QMF_SCALAR_F16 => Ok(Scalar::F16),
        QMF_SCALAR_I8 => Ok(Scalar::I8),
        other => Err(invalid(format!("scalar: {other} is no QMF_SCALAR_*"))),
    }
}

pub(super) fn number_of(scalar: Scalar) -> qmf_scalar {
    match scalar {
        Scalar::F32 => QMF_SCALAR_F32,
        Scalar::F16 => QMF_SCALAR_F16,
        Scalar::I8 => QMF_SCALAR_I8,
    }
}

pub(super) fn fusion_of(fusion: qmf_fusion) -> Result<Fusion, Failure> {
    match fusion {
        QMF_FUSION_QUALITY => Ok(Fusion::Quality),
        QMF_FUSION_MEAN => Ok(Fusion::Mean),
        other => Err(invalid(format!("fusion: {other} is no QMF_FUSION_*"))),
    }
}

/// No face could be extracted: the template matches nothing.
pub const QMF_TEMPLATE_FAILED: u32 = 1;
/// `face` and `faces` are known.
pub const QMF_TEMPLATE_HAS_FACE: u32 = 2;
/// It was made of several templates.
pub const QMF_TEMPLATE_FUSED: u32 = 4;
/// Its quality is 1 within 0.001: it was made of an embedding that was normalised to length 1, and its quality is lost.
/// What is compared with it is flagged with `QMF_COMPARISON_UNIT_LENGTH`.
pub const QMF_TEMPLATE_UNIT_LENGTH: u32 = 8;

/// What a template tells about itself. Set `struct_size` with `qmf_template_info_init` before `qmf_template_get_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_template_info {
    /// Bytes of this struct as the caller knows it; `qmf_template_info_init` fills it.
    pub struct_size: u32,
    /// `QMF_TEMPLATE_*`, added up.
    pub flags: u32,
    /// Floats of an embedding of its model.
    pub length: u32,
    /// How its direction was stored before it was parsed, a `QMF_SCALAR_*`.
    pub scalar: qmf_scalar,
    /// The unified quality score 0..100 (ISO/IEC 29794-5); -1 if unknown.
    pub uqs: i32,
    /// Of how many images it was made; 0 for a failed one.
    pub images: u32,
    /// The face's quality: the embedding's magnitude; 0 for a failed one.
    pub quality: f64,
    /// Where the face was seen; zeros if unknown.
    pub face: qmf_face,
    /// How many faces that image had; 0 if unknown.
    pub faces: u32,
    /// Bytes of the caller's metadata.
    pub metadata_size: u64,
    /// Name of the model, NUL-terminated.
    pub model: [c_char; 72],
    /// The engine's fingerprint, see `qmf_engine_info`, NUL-terminated. Only templates of the same one can be compared.
    pub fingerprint: [c_char; 72],
}

impl Default for qmf_template_info {
    fn default() -> Self {
        qmf_template_info {
            struct_size: size_of::<Self>() as u32,
            flags: 0,
            length: 0,
            scalar: QMF_SCALAR_F32,
            uqs: -1,
            images: 0,
            quality: 0.0,
            face: qmf_face::default(),
            faces: 0,
            metadata_size: 0,
            model: [0; 72],
            fingerprint: [0; 72],
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_template_info {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `info` of `size` bytes (pass `sizeof(qmf_template_info)`) with its size and "nothing known".
///
/// # Safety
/// `info` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_info_init(info: *mut qmf_template_info, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(info, size, "info") }.map(|()| QMF_OK))
}

/// Makes a template of an embedding of `length` floats of the engine's model; it is copied. What `qmf_quality` refuses
/// is refused here too. An embedding of length 1 makes a template, for networks yet to come may make such ones; but it
/// is likely to have been normalised, so the template has the flag `QMF_TEMPLATE_UNIT_LENGTH` and the engine's log gets
/// a warning.
///
/// # Safety
/// `engine` is a live handle, `embedding` has `length` readable floats, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_create(
    engine: *const qmf_engine,
    embedding: *const f32,
    length: usize,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let template = engine.template_of(array(embedding, length, "embedding")?)?;
                give(qmf_template::new(template), result);
                Ok(QMF_OK)
            })
        }
    })
}

/// Makes a template that stands for a face that could not be extracted: it can be stored and compared, and matches
/// nothing.
///
/// # Safety
/// `engine` is a live handle, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_create_failed(
    engine: *const qmf_engine,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                give(qmf_template::new(engine.failed_template()?), result);
                Ok(QMF_OK)
            })
        }
    })
}

/// Frees a template. NULL is allowed. No other call may use it at the same time or afterwards.
///
/// # Safety
/// `handle` is NULL or a live handle that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_destroy(handle: *mut qmf_template) {
    // SAFETY: promised by the caller.
    unsafe { free(handle, "handle") }
}

/// How many templates exist in this process: for finding leaks.
#[unsafe(no_mangle)]
pub extern "C" fn qmf_live_templates() -> u64 {
    LIVE_TEMPLATES.load(Ordering::Relaxed)
}

/// Says what is known of a template.
///
/// # Safety
/// `handle` is a live handle, `info` initialised by `qmf_template_info_init`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_get_info(
    handle: *const qmf_template,
    info: *mut qmf_template_info,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let template = unsafe { qmf_template::borrow(handle, "handle") }?;
        // SAFETY: promised by the caller.
        unsafe { check_sized(info, "info") }?;
        let flag = |set: bool, flag: u32| if set { flag } else { 0 };
        let value = qmf_template_info {
            flags: flag(template.is_failed(), QMF_TEMPLATE_FAILED)
                | flag(template.face().is_some(), QMF_TEMPLATE_HAS_FACE)
                | flag(template.is_fused(), QMF_TEMPLATE_FUSED)
                | flag(template.has_unit_length(), QMF_TEMPLATE_UNIT_LENGTH),
            length: template.length() as u32,
            scalar: number_of(template.scalar()),
            uqs: template.uqs().map_or(-1, i32::from),
            images: template.images(),
            quality: template.quality(),
            face: template.face().map(|seen| (&seen.face).into()).unwrap_or_default(),
            faces: template.face().map_or(0, |seen| seen.faces),
            metadata_size: template.metadata().len() as u64,
            model: characters(template.model()),
            fingerprint: characters(&template.fingerprint().to_string()),
            ..Default::default()
        };
        // SAFETY: checked above, writable by the caller's promise.
        unsafe { write_sized(info, &value) };
        Ok(QMF_OK)
    })
}

/// Copies a template's embedding, the direction times the magnitude, into `embedding` of `capacity` floats; `*length`
/// gets its length, 0 for a failed template. If `capacity` is too small, only `*length` is written and the status is
/// `QMF_ERROR_BUFFER_TOO_SMALL`.
///
/// # Safety
/// `handle` is a live handle, `embedding` has `capacity` writable floats (NULL is allowed if that is 0), `length` is
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_get_embedding(
    handle: *const qmf_template,
    embedding: *mut f32,
    capacity: usize,
    length: *mut usize,
) -> qmf_status {
    guard(|| {
        check(length, "length")?;
        // SAFETY: promised by the caller.
        unsafe {
            let template = qmf_template::borrow(handle, "handle")?;
            let copy = Wiped::from(template.embedding());
            put(&copy, embedding, capacity, length, "embedding")
        }
    })
}

/// Copies the caller's metadata of a template into `metadata` of `capacity` bytes; `*size` gets its size. If `capacity`
/// is too small, only `*size` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`.
///
/// # Safety
/// `handle` is a live handle, `metadata` has `capacity` writable bytes (NULL is allowed if that is 0), `size` is
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_get_metadata(
    handle: *const qmf_template,
    metadata: *mut u8,
    capacity: usize,
    size: *mut usize,
) -> qmf_status {
    guard(|| {
        check(size, "size")?;
        // SAFETY: promised by the caller.
        unsafe {
            let template = qmf_template::borrow(handle, "handle")?;
            put(template.metadata(), metadata, capacity, size, "metadata")
        }
    })
}

/// Makes a copy of a template with `size` bytes of the caller's own metadata (a name, a record's number) in place of
/// what it has: at most 65,536, else `QMF_ERROR_LIMIT`.
///
/// # Safety
/// `handle` is a live handle, `metadata` has `size` readable bytes (NULL is allowed if that is 0), `result` is
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_with_metadata(
    handle: *const qmf_template,
    metadata: *const u8,
    size: usize,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            let template = qmf_template::borrow(handle, "handle")?;
            let metadata = array_or_none(metadata, size, "metadata")?;
            give(qmf_template::new(template.clone().with_metadata(metadata)?), result);
        }
        Ok(QMF_OK)
    })
}

/// Writes a template's bytes, to be stored, into `data` of `capacity` bytes; `*size` gets how many they are. If
/// `capacity` is too small, only `*size` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`.
///
/// # Safety
/// `handle` is a live handle, `data` has `capacity` writable bytes (NULL is allowed if that is 0), `size` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_serialize(
    handle: *const qmf_template,
    scalar: qmf_scalar,
    data: *mut u8,
    capacity: usize,
    size: *mut usize,
) -> qmf_status {
    guard(|| {
        check(size, "size")?;
        let scalar = scalar_of(scalar)?;
        // SAFETY: promised by the caller.
        unsafe {
            let template = qmf_template::borrow(handle, "handle")?;
            let bytes = Wiped::from(template.to_bytes(scalar));
            put(&bytes, data, capacity, size, "data")
        }
    })
}

/// Reads a template from the `size` bytes that `qmf_template_serialize` wrote. `QMF_ERROR_TEMPLATE` for bytes that are
/// no template, damaged, sealed, or of a format this library doesn't know.
///
/// # Safety
/// `data` has `size` readable bytes, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_parse(
    data: *const u8,
    size: usize,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            let template = Template::from_bytes(array(data, size, "data")?)?;
            give(qmf_template::new(template), result);
        }
        Ok(QMF_OK)
    })
}

/// Bytes of a key of `qmf_template_seal`.
pub const QMF_KEY_SIZE: usize = 32;

const _: () = assert!(QMF_KEY_SIZE == Template::KEY_SIZE);

/// As `qmf_template_serialize`, encrypted and authenticated (XChaCha20-Poly1305) with a key of `key_size` bytes, which
/// must be `QMF_KEY_SIZE`: without the key nobody reads the template, changes it or makes another.
///
/// `context` of `context_size` bytes is what the template must be unsealed with, such as the number of the record it is
/// stored in: moved to another record it can't be unsealed. It isn't stored, and may be empty. The bytes are others
/// each time, of the same size. The key is the caller's to make (random bytes; a password is none), to keep and to
/// overwrite. docs/privacy.md says what this protects against and what not. `QMF_ERROR_IO` if the system has no random
/// numbers.
///
/// # Safety
/// `handle` is a live handle, `key` has `key_size` readable bytes, `context` has `context_size` readable bytes (NULL is
/// allowed if that is 0), `data` has `capacity` writable bytes (NULL is allowed if that is 0), `size` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_seal(
    handle: *const qmf_template,
    scalar: qmf_scalar,
    key: *const u8,
    key_size: usize,
    context: *const u8,
    context_size: usize,
    data: *mut u8,
    capacity: usize,
    size: *mut usize,
) -> qmf_status {
    guard(|| {
        check(size, "size")?;
        let scalar = scalar_of(scalar)?;
        // SAFETY: promised by the caller.
        unsafe {
            let template = qmf_template::borrow(handle, "handle")?;
            let key = key_of(key, key_size)?;
            let context = array_or_none(context, context_size, "context")?;
            put(&template.seal(scalar, key, context)?, data, capacity, size, "data")
        }
    })
}

/// Reads a template from the `size` bytes that `qmf_template_seal` wrote with the same key and context.
/// `QMF_ERROR_TEMPLATE`, with one text, for another key or context, for bytes that were changed or cut short, and for
/// bytes that were never sealed.
///
/// # Safety
/// `data` has `size` readable bytes, `key` has `key_size` readable bytes, `context` has `context_size` readable bytes
/// (NULL is allowed if that is 0), `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_unseal(
    data: *const u8,
    size: usize,
    key: *const u8,
    key_size: usize,
    context: *const u8,
    context_size: usize,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            let data = array(data, size, "data")?;
            let key = key_of(key, key_size)?;
            let context = array_or_none(context, context_size, "context")?;
            give(qmf_template::new(Template::unseal(data, key, context)?), result);
        }
        Ok(QMF_OK)
    })
}

/// Borrows a key.
///
/// # Safety
/// A `key` that isn't NULL has `size` readable bytes.
unsafe fn key_of<'a>(key: *const u8, size: usize) -> Result<&'a [u8; QMF_KEY_SIZE], Failure> {
    check(key, "key")?;
    if size != QMF_KEY_SIZE {
        return Err(invalid(format!("a key has {QMF_KEY_SIZE} bytes, not {size}")));
    }
    // SAFETY: not NULL, checked above; of as many readable bytes, promised by the caller.
    Ok(unsafe { &*key.cast() })
}

/// Makes one template of `count` of one person and one model. Frames of one video are best fused first, then the
/// videos and photos. Failed ones are left out; if all are, so is the result. Nothing else is: look for a photo of
/// somebody else, or a bad one, with `qmf_template_review_fusion`. The unified quality score, place and metadata are
/// those of no single image, so the result has none.
///
/// # Safety
/// `templates` has `count` readable live handles, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_template_fuse(
    templates: *const *const qmf_template,
    count: usize,
    fusion: qmf_fusion,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        let fusion = fusion_of(fusion)?;
        // SAFETY: promised by the caller.
        unsafe {
            let templates = qmf_template::borrow_all(templates, count, "templates")?;
            give(qmf_template::new(Template::fuse(&templates, fusion)?), result);
        }
        Ok(QMF_OK)
    })
}
