//! Quality and comparison of embeddings.

use super::engine::qmf_engine;
use super::memory::{Sized32, array, check, check_sized, init_sized, reference, write_sized};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use crate::error::{Error, ErrorKind};

/// What comparing two faces gives. Set `struct_size` with `qmf_comparison_init` before the call.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_comparison {
    /// Bytes of this struct as the caller knows it; `qmf_comparison_init` fills it.
    pub struct_size: u32,
    /// Zero; keeps the doubles aligned the same everywhere.
    pub reserved: u32,
    /// Cosine of the two embeddings, -1..1 up to rounding.
    pub cosine: f64,
    /// Magnitude of the first embedding.
    pub quality_a: f64,
    /// Magnitude of the second embedding.
    pub quality_b: f64,
    /// The quality-aware score `cosine + min(0, beta * cosine - alpha) * min(quality_a, quality_b)`: at most 1,
    /// unbounded below.
    pub score: f64,
}

impl Default for qmf_comparison {
    fn default() -> Self {
        qmf_comparison {
            struct_size: size_of::<Self>() as u32,
            reserved: 0,
            cosine: 0.0,
            quality_a: 0.0,
            quality_b: 0.0,
            score: 0.0,
        }
    }
}

// SAFETY: repr(C), a u32 in front, only integers and floats.
unsafe impl Sized32 for qmf_comparison {
    const LEAST: usize = size_of::<Self>();
}

/// Fills `comparison` of `size` bytes (pass `sizeof(qmf_comparison)`) with its size and zeros.
///
/// # Safety
/// `comparison` points to `size` writable bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_comparison_init(comparison: *mut qmf_comparison, size: usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { init_sized(comparison, size, "comparison") }.map(|()| QMF_OK))
}

/// The quality of an embedding of `length` floats: its magnitude, into `*quality`.
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
        // SAFETY: promised by the caller.
        let (engine, embedding) = unsafe { (reference(engine, "engine")?, array(embedding, length, "embedding")?) };
        let value = engine.engine.quality(embedding)?;
        // SAFETY: not NULL and aligned, checked above; writable, promised by the caller.
        unsafe { *quality = value };
        Ok(QMF_OK)
    })
}

/// The unified quality score 0..100 (ISO/IEC 29794-5) of a quality, into `*uqs`. `QMF_ERROR_MODEL` if the model has no
/// constants for it.
///
/// # Safety
/// `engine` is a live handle, `uqs` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_unified_quality(engine: *const qmf_engine, quality: f64, uqs: *mut i32) -> qmf_status {
    guard(|| {
        check(uqs, "uqs")?;
        // SAFETY: promised by the caller.
        let engine = &unsafe { reference(engine, "engine") }?.engine;
        let value = engine.uqs(quality).ok_or_else(|| {
            let model = &engine.info().model;
            Failure::from(Error::new(
                ErrorKind::Model,
                format!("model {model} has no constants for the unified quality score"),
            ))
        })?;
        // SAFETY: not NULL and aligned, checked above; writable, promised by the caller.
        unsafe { *uqs = value.into() };
        Ok(QMF_OK)
    })
}

/// Compares two embeddings of `length` floats each with the quality-aware score. The embeddings are not changed.
///
/// # Safety
/// `engine` is a live handle, `a` and `b` have `length` readable floats, `comparison` is initialised.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_compare(
    engine: *const qmf_engine,
    a: *const f32,
    b: *const f32,
    length: usize,
    comparison: *mut qmf_comparison,
) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        let (engine, a, b) = unsafe {
            check_sized(comparison, "comparison")?;
            (
                &reference(engine, "engine")?.engine,
                array(a, length, "a")?,
                array(b, length, "b")?,
            )
        };
        let result = engine.compare(a, b)?;
        let value = qmf_comparison {
            cosine: result.cosine,
            quality_a: result.quality_a,
            quality_b: result.quality_b,
            score: result.score,
            ..Default::default()
        };
        // SAFETY: checked above; writable, promised by the caller.
        unsafe { write_sized(comparison, &value) };
        Ok(QMF_OK)
    })
}
