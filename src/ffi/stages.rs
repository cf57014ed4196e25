//! The stages by themselves: detect, align, embed, quality.

use super::cancel::qmf_cancel;
use super::engine::qmf_engine;
use super::image::{picture, qmf_image};
use super::memory::{array, check, check_room, invalid, put};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use crate::chip::Chip;
use crate::detect::{Face, Landmarks};
use crate::error::{Error, ErrorKind};
use crate::wiped::Wiped;
use zeroize::Zeroizing;

/// Width and height of a chip, the aligned face that the network takes, in pixels.
pub const QMF_CHIP_SIDE: usize = 112;

/// Bytes of a chip: 112 rows of 112 pixels of blue, green and red, without padding.
pub const QMF_CHIP_SIZE: usize = 37632;

const _: () = assert!(QMF_CHIP_SIDE == Chip::SIZE && QMF_CHIP_SIZE == 3 * Chip::SIZE * Chip::SIZE);

/// Most chips that are copied for one call at a time.
const CHIPS_AT_ONCE: usize = 1024;

/// A detected face. This struct never grows: it is used in arrays.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct qmf_face {
    /// Left, top, right, bottom in pixels; may reach outside the image.
    pub bbox: [f32; 4],
    /// The detector's confidence, 0..1.
    pub score: f32,
    /// x and y in pixels of the left eye, right eye, nose tip, left and right mouth corner, as seen in the image.
    pub landmarks: [[f32; 2]; 5],
}

impl From<&Face> for qmf_face {
    fn from(face: &Face) -> Self {
        qmf_face {
            bbox: face.bbox,
            score: face.score,
            landmarks: face.landmarks,
        }
    }
}

impl From<&qmf_face> for Face {
    fn from(face: &qmf_face) -> Self {
        Face {
            bbox: face.bbox,
            score: face.score,
            landmarks: face.landmarks,
        }
    }
}

/// Reads ten numbers as five landmarks.
///
/// # Safety
/// A `pointer` that isn't NULL points to 10 readable floats.
pub(super) unsafe fn five_landmarks(pointer: *const f32) -> Result<Landmarks, Failure> {
    // SAFETY: promised by the caller.
    let numbers = unsafe { array(pointer, 10, "landmarks") }?;
    Ok(std::array::from_fn(|i| [numbers[2 * i], numbers[2 * i + 1]]))
}

/// Reads one chip.
pub(super) fn chip(bytes: &[u8]) -> Result<Chip, Failure> {
    Ok(Chip::from_bgr(bytes.to_vec())?)
}

/// Finds all faces of an image, best score first.
///
/// `faces` has room for `capacity` faces; `*count` gets how many there are, 0 without a face. If `capacity` is too
/// small, only `*count` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`: the work is then done again by the
/// next call, so start with enough room.
///
/// # Safety
/// `engine` is a live handle, `image` is initialised and has the bytes it says, `cancel` is NULL or a live handle,
/// `faces` has `capacity` writable elements (NULL is allowed if that is 0), `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_detect(
    engine: *const qmf_engine,
    image: *const qmf_image,
    cancel: *const qmf_cancel,
    faces: *mut qmf_face,
    capacity: usize,
    count: *mut usize,
) -> qmf_status {
    guard(|| {
        check(count, "count")?;
        check_room(faces, capacity, "faces")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let cancel = qmf_cancel::begin(cancel)?;
                let image = picture(engine, image)?;
                let found = engine.detect_until(&image, cancel.as_ref())?;
                let found: Vec<qmf_face> = found.iter().map(qmf_face::from).collect();
                put(&found, faces, capacity, count, "faces")
            })
        }
    })
}

/// Cuts the chip of the face with these five landmarks (x and y of each, as in `qmf_face`) out of an image.
/// `QMF_ERROR_INVALID_ARGUMENT` for landmarks that are not finite or all in one place.
///
/// `chip` of `capacity` bytes gets the chip, `*size` its size, `QMF_CHIP_SIZE`. If `capacity` is too small, only
/// `*size` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`.
///
/// # Safety
/// `engine` is a live handle, `image` is initialised and has the bytes it says, `landmarks` has 10 readable floats,
/// `chip` has `capacity` writable bytes, `size` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_align(
    engine: *const qmf_engine,
    image: *const qmf_image,
    landmarks: *const f32,
    chip: *mut u8,
    capacity: usize,
    size: *mut usize,
) -> qmf_status {
    guard(|| {
        check(size, "size")?;
        check_room(chip, capacity, "chip")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let landmarks = five_landmarks(landmarks)?;
                let aligned = engine.align(&picture(engine, image)?, &landmarks)?;
                put(aligned.bgr(), chip, capacity, size, "chip")
            })
        }
    })
}

/// Embeds `count` chips that lie one behind the other.
///
/// `embeddings` of `capacity` floats gets the embeddings one behind the other, `*length` how many floats they are:
/// `count` times the engine's `embedding_length`. If `capacity` is too small, only `*length` is written and the status
/// is `QMF_ERROR_BUFFER_TOO_SMALL`.
///
/// # Safety
/// `engine` is a live handle, `chips` has `count * QMF_CHIP_SIZE` readable bytes, `cancel` is NULL or a live handle,
/// `embeddings` has `capacity` writable floats, `length` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_embed(
    engine: *const qmf_engine,
    chips: *const u8,
    count: usize,
    cancel: *const qmf_cancel,
    embeddings: *mut f32,
    capacity: usize,
    length: *mut usize,
) -> qmf_status {
    guard(|| {
        check(length, "length")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let bytes = array(chips, count.saturating_mul(QMF_CHIP_SIZE), "chips")?;
                if count == 0 {
                    return Err(Error::new(ErrorKind::InvalidArgument, "count is 0: there is no chip to embed").into());
                }
                let needed = count * engine.info().embedding_length;
                if capacity < needed {
                    // Before the work: nothing comes of it.
                    *length = needed;
                    return Err(Failure::BufferTooSmall { capacity, needed });
                }
                check(embeddings, "embeddings")?;
                let cancel = qmf_cancel::begin(cancel)?;
                let mut made = Wiped::with_capacity(needed);
                // In parts, so that only some of the chips are held twice.
                for part in bytes.chunks(CHIPS_AT_ONCE * QMF_CHIP_SIZE) {
                    let chips = part
                        .chunks_exact(QMF_CHIP_SIZE)
                        .map(chip)
                        .collect::<Result<Vec<_>, _>>()?;
                    let embedded =
                        Zeroizing::new(engine.embed_until(&chips.iter().collect::<Vec<_>>(), cancel.as_ref())?);
                    embedded.iter().for_each(|embedding| made.extend_from_slice(embedding));
                }
                put(&made, embeddings, capacity, length, "embeddings")
            })
        }
    })
}

/// The quality of an embedding of `length` floats: its magnitude, into `*quality`. `QMF_ERROR_INVALID_ARGUMENT` for a
/// length that is not the engine's `embedding_length`, and for an embedding that is zero or not finite.
///
/// # Safety
/// `engine` is a live handle, `embedding` has `length` readable floats, `quality` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_quality(
    engine: *const qmf_engine,
    embedding: *const f32,
    length: usize,
    quality: *mut f64,
) -> qmf_status {
    guard(|| {
        check(quality, "quality")?;
        // SAFETY: promised by the caller; not NULL and aligned, checked above.
        unsafe {
            qmf_engine::run(engine, |engine| {
                *quality = engine.quality(array(embedding, length, "embedding")?)?;
                Ok(QMF_OK)
            })
        }
    })
}

/// The unified quality score of a quality, 0 or more, into `*uqs`: the quality on a scale of 0 to 100, rising with it.
/// `QMF_ERROR_MODEL` if the model has no constants for it.
///
/// `magface-iresnet50` has those of ISO/IEC 29794-5. `sface` has constants of this library, fitted on measured utility: of
/// photos with this quality about so many in a hundred match a good photo of the same person at a false match rate of 1e-5
/// (LFW, degraded in 27 ways, plain cosine). `uqs_basis` of `qmf_engine_info` says which.
///
/// # Safety
/// `engine` is a live handle, `uqs` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_unified_quality(engine: *const qmf_engine, quality: f64, uqs: *mut i32) -> qmf_status {
    guard(|| {
        check(uqs, "uqs")?;
        if !(quality.is_finite() && quality >= 0.0) {
            return Err(invalid(format!("quality is {quality}: it is a magnitude, 0 or more")));
        }
        // SAFETY: promised by the caller; not NULL and aligned, checked above.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let value = engine.uqs(quality).ok_or_else(|| {
                    let model = &engine.info().model;
                    let message = format!("model {model} has no constants for the unified quality score");
                    Error::new(ErrorKind::Model, message)
                })?;
                *uqs = value.into();
                Ok(QMF_OK)
            })
        }
    })
}
