//! From images to templates in one call.

use super::cancel::qmf_cancel;
use super::engine::qmf_engine;
use super::handle::give;
use super::image::{picture, qmf_image};
use super::memory::{array, check, check_room, invalid};
use super::stages::{QMF_CHIP_SIZE, chip, five_landmarks};
use super::status::{Failure, QMF_NO_FACE, QMF_OK, guard, qmf_status};
use super::template::{fusion_of, qmf_fusion, qmf_template};
use crate::cancel::{self, Cancel};
use crate::chip::Chip;
use crate::engine::{Engine, Extraction};
use crate::template::Template;
use zeroize::Zeroizing;

/// Finds the face of an image that the engine's `face_choice` says, aligns and embeds it: `*result` gets its template,
/// to be given to `qmf_template_destroy`. Without a face the status is `QMF_NO_FACE` and nothing is written.
///
/// # Safety
/// `engine` is a live handle, `image` is initialised and has the bytes it says, `cancel` is NULL or a live handle,
/// `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_extract(
    engine: *const qmf_engine,
    image: *const qmf_image,
    cancel: *const qmf_cancel,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let cancel = qmf_cancel::begin(cancel)?;
                let image = picture(engine, image)?;
                let Some(found) = engine.extract_until(&image, cancel.as_ref())? else {
                    return Ok(QMF_NO_FACE);
                };
                give(qmf_template::new(template(engine, found)?), result);
                Ok(QMF_OK)
            })
        }
    })
}

/// As `qmf_extract` for every face of an image, best score first.
///
/// `results` has room for `capacity` handles; `*count` gets how many faces there are, 0 without a face. If `capacity`
/// is too small, only `*count` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`: detection is then done again
/// by the next call, so start with enough room.
///
/// # Safety
/// `engine` is a live handle, `image` is initialised and has the bytes it says, `cancel` is NULL or a live handle,
/// `results` has `capacity` writable elements (NULL is allowed if that is 0), `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_extract_all(
    engine: *const qmf_engine,
    image: *const qmf_image,
    cancel: *const qmf_cancel,
    results: *mut *mut qmf_template,
    capacity: usize,
    count: *mut usize,
) -> qmf_status {
    guard(|| {
        check(count, "count")?;
        check_room(results, capacity, "results")?;
        // SAFETY: promised by the caller; not NULL and aligned, checked above.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let cancel = qmf_cancel::begin(cancel)?;
                let image = picture(engine, image)?;
                let faces = engine.detect_until(&image, cancel.as_ref())?;
                let needed = faces.len();
                if capacity < needed {
                    *count = needed;
                    return Err(Failure::BufferTooSmall { capacity, needed });
                }
                let found = engine.extract_faces_until(&image, &faces, cancel.as_ref())?;
                let templates = found
                    .into_iter()
                    .map(|found| template(engine, found))
                    .collect::<Result<Vec<_>, _>>()?;
                for (index, template) in templates.into_iter().enumerate() {
                    give(qmf_template::new(template), results.add(index));
                }
                *count = needed;
                Ok(QMF_OK)
            })
        }
    })
}

/// Makes one template of `count` images of one person: the face of each that `face_choice` says, fused as
/// `qmf_template_fuse` does. Images without a face are left out; without any face the status is `QMF_NO_FACE`. Photos
/// that nobody has looked at are better extracted one by one, so that `qmf_template_review_fusion` can tell which of
/// them fits the others badly.
///
/// # Safety
/// `engine` is a live handle, `images` has `count` readable pointers to images that are initialised and have the bytes
/// they say, `cancel` is NULL or a live handle, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_extract_fused(
    engine: *const qmf_engine,
    images: *const *const qmf_image,
    count: usize,
    fusion: qmf_fusion,
    cancel: *const qmf_cancel,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        let fusion = fusion_of(fusion)?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let images = array(images, count, "images")?;
                if images.is_empty() {
                    return Err(invalid("count is 0: there is no image"));
                }
                let cancel = qmf_cancel::begin(cancel)?;
                let mut templates = Vec::with_capacity(images.len());
                for (index, &image) in images.iter().enumerate() {
                    cancel::check(cancel.as_ref())?;
                    // One by one, so that only one image is held decoded.
                    let found =
                        picture(engine, image).and_then(|image| Ok(engine.extract_until(&image, cancel.as_ref())?));
                    let found = found.map_err(|failure| failure.at(format_args!("images[{index}]")))?;
                    if let Some(found) = found {
                        templates.push(template(engine, found)?);
                    }
                }
                if templates.is_empty() {
                    return Ok(QMF_NO_FACE);
                }
                let fused = engine.fuse(&templates.iter().collect::<Vec<_>>(), fusion)?;
                give(qmf_template::new(fused), result);
                Ok(QMF_OK)
            })
        }
    })
}

/// Aligns and embeds the face with these five landmarks (x and y of each, as in `qmf_face`), which may come from
/// another detector. Templates of landmarks that another detector finds elsewhere score lower than the calibration
/// knows: measure before relying on its thresholds.
///
/// # Safety
/// `engine` is a live handle, `image` is initialised and has the bytes it says, `landmarks` has 10 readable floats,
/// `cancel` is NULL or a live handle, `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_extract_landmarks(
    engine: *const qmf_engine,
    image: *const qmf_image,
    landmarks: *const f32,
    cancel: *const qmf_cancel,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let landmarks = five_landmarks(landmarks)?;
                let cancel = qmf_cancel::begin(cancel)?;
                let chip = engine.align(&picture(engine, image)?, &landmarks)?;
                give(qmf_template::new(of_chip(engine, &chip, cancel.as_ref())?), result);
                Ok(QMF_OK)
            })
        }
    })
}

/// Embeds a chip of `size` bytes, which must be `QMF_CHIP_SIZE`, aligned as `qmf_align` does.
///
/// # Safety
/// `engine` is a live handle, `chip` has `size` readable bytes, `cancel` is NULL or a live handle, `result` is
/// writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_extract_chip(
    engine: *const qmf_engine,
    chip: *const u8,
    size: usize,
    cancel: *const qmf_cancel,
    result: *mut *mut qmf_template,
) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                if size != QMF_CHIP_SIZE {
                    return Err(invalid(format!("a chip has {QMF_CHIP_SIZE} bytes, not {size}")));
                }
                let chip = self::chip(array(chip, size, "chip")?)?;
                let cancel = qmf_cancel::begin(cancel)?;
                give(qmf_template::new(of_chip(engine, &chip, cancel.as_ref())?), result);
                Ok(QMF_OK)
            })
        }
    })
}

/// The template of an extraction that nobody else gets.
fn template(engine: &Engine, found: Extraction) -> Result<Template, Failure> {
    Ok(engine.template_as_made(&Zeroizing::new(found))?)
}

fn of_chip(engine: &Engine, chip: &Chip, cancel: Option<&Cancel>) -> Result<Template, Failure> {
    let embeddings = Zeroizing::new(engine.embed_until(&[chip], cancel)?);
    let embedding = Zeroizing::new(embeddings.concat());
    Ok(engine.template_of(&embedding)?)
}
