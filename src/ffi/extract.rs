//! From an image to a face and its embedding.

use super::engine::qmf_engine;
use super::image::{qmf_image, view};
use super::memory::{Sized32, array, check, check_sized, init_sized, reference, write_sized};
use super::status::{Failure, QMF_NO_FACE, QMF_OK, guard, qmf_status};
use crate::engine::{Engine, Extraction};
use crate::error::Result;

/// What extraction tells about the face it chose. Set `struct_size` with `qmf_extraction_init` before the call.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_extraction {
    /// Bytes of this struct as the caller knows it; `qmf_extraction_init` fills it.
    pub struct_size: u32,
    /// How many faces the image has.
    pub faces: u32,
    /// Left, top, right, bottom of the chosen face in pixels; may reach outside the image.
    pub bbox: [f32; 4],
    /// The detector's confidence, 0..1.
    pub score: f32,
    /// x and y in pixels of the left eye, right eye, nose tip, left and right mouth corner, as seen in the image.
    pub landmarks: [[f32; 2]; 5],
    /// The unified quality score 0..100 (ISO/IEC 29794-5); -1 if the model has no constants for it.
    pub uqs: i32,
    /// The face's quality: the embedding's magnitude.
    pub quality: f64,
}

impl Default for qmf_extraction {
    fn default() -> Self {
        qmf_extraction {
            struct_size: size_of::<Self>() as u32,
            faces: 0,
            bbox: [0.0; 4],
            score: 0.0,
            landmarks: [[0.0; 2]; 5],
            uqs: -1,
            quality: 0.0,
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_extraction {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `extraction` of `size` bytes (pass `sizeof(qmf_extraction)`) with its size and "nothing extracted".
///
/// # Safety
/// `extraction` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_extraction_init(extraction: *mut qmf_extraction, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(extraction, size, "extraction") }.map(|()| QMF_OK))
}

/// The common part of both extractions: checks the outputs before the work, writes them only on success.
///
/// # Safety
/// `engine` is NULL or a live handle; `extraction` NULL or an initialised struct; `embedding` NULL or `capacity`
/// writable floats; `length` NULL or writable.
unsafe fn extract(
    engine: *const qmf_engine,
    extraction: *mut qmf_extraction,
    embedding: *mut f32,
    capacity: usize,
    length: *mut usize,
    run: impl FnOnce(&Engine) -> Result<Option<Extraction>, Failure>,
) -> Result<qmf_status, Failure> {
    // SAFETY: promised by the caller.
    let engine = &unsafe { reference(engine, "engine") }?.engine;
    check(length, "length")?;
    if !extraction.is_null() {
        // SAFETY: promised by the caller.
        unsafe { check_sized(extraction, "extraction") }?;
    }
    let needed = engine.info().embedding_length;
    if capacity < needed {
        // SAFETY: not NULL and aligned, checked above; writable, promised by the caller.
        unsafe { *length = needed };
        return Err(Failure::BufferTooSmall { capacity, needed });
    }
    check(embedding, "embedding")?;
    let Some(found) = run(engine)? else {
        return Ok(QMF_NO_FACE);
    };
    let value = qmf_extraction {
        faces: found.faces as u32,
        bbox: found.face.bbox,
        score: found.face.score,
        landmarks: found.face.landmarks,
        uqs: found.uqs.map_or(-1, i32::from),
        quality: found.quality,
        ..Default::default()
    };
    // SAFETY: `capacity` >= `needed` floats and `length` are writable, promised by the caller; the extraction was
    // checked above.
    unsafe {
        std::ptr::copy_nonoverlapping(found.embedding.as_ptr(), embedding, needed);
        *length = needed;
        if !extraction.is_null() {
            write_sized(extraction, &value);
        }
    }
    Ok(QMF_OK)
}

/// Decodes an image file held in memory (JPEG, PNG, BMP, TIFF, WebP; EXIF orientation is applied), finds its face,
/// aligns and embeds it.
///
/// `embedding` of `capacity` floats gets the embedding, `*length` its length. If `capacity` is too small, only
/// `*length` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`. `extraction` may be NULL. Without a face the
/// status is `QMF_NO_FACE` and nothing is written.
///
/// # Safety
/// `engine` is a live handle, `data` has `size` readable bytes, `extraction` is NULL or initialised, `embedding` has
/// `capacity` writable floats, `length` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_extract_encoded(
    engine: *const qmf_engine,
    data: *const u8,
    size: usize,
    extraction: *mut qmf_extraction,
    embedding: *mut f32,
    capacity: usize,
    length: *mut usize,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            extract(engine, extraction, embedding, capacity, length, |engine| {
                let bytes = array(data, size, "data")?;
                Ok(engine.extract_encoded(bytes)?)
            })
        }
    })
}

/// As `qmf_extract_encoded`, from pixels. They are read during the call only, and not changed.
///
/// # Safety
/// As `qmf_extract_encoded`; `image` is initialised and its `data` has `data_size` readable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_extract_pixels(
    engine: *const qmf_engine,
    image: *const qmf_image,
    extraction: *mut qmf_extraction,
    embedding: *mut f32,
    capacity: usize,
    length: *mut usize,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe {
            extract(engine, extraction, embedding, capacity, length, |engine| {
                let view = view(image)?;
                Ok(engine.extract_pixels(&view)?)
            })
        }
    })
}
