//! Why a photo is good or poor.

use super::cancel::qmf_cancel;
use super::engine::qmf_engine;
use super::image::{picture, qmf_image};
use super::memory::{array, check, check_room, invalid, put};
use super::stages::qmf_face;
use super::status::{QMF_NO_FACE, guard, qmf_status};
use crate::capture::{self, Measure, Measured};
use crate::detect::Face;
use std::os::raw::c_char;

/// What is measured of a face in a photo. "Standard" is ISO/IEC 29794-5, to which no conformance is claimed; docs/quality.md
/// says of each what is the standard's and what is this library's. More may come.
pub type qmf_measure = i32;
/// Square root of the largest other face's area over this one's, at most 1; 0 where it is alone.
pub const QMF_MEASURE_SINGLE_FACE_PRESENT: qmf_measure = 0;
/// Distance of the eyes in pixels, divided by the cosine of the yaw.
pub const QMF_MEASURE_INTER_EYE_DISTANCE: qmf_measure = 1;
/// Distance from the middle of the eyes to the chin over the height of the photo.
pub const QMF_MEASURE_HEAD_SIZE: qmf_measure = 2;
/// From the photo's left edge to the nearer eye, in distances of the eyes.
pub const QMF_MEASURE_MARGIN_LEFT: qmf_measure = 3;
/// From the photo's right edge to the nearer eye, in distances of the eyes.
pub const QMF_MEASURE_MARGIN_RIGHT: qmf_measure = 4;
/// From the photo's upper edge to the middle of the eyes, in distances from there to the chin.
pub const QMF_MEASURE_MARGIN_ABOVE: qmf_measure = 5;
/// From the photo's lower edge to the middle of the eyes, in distances from there to the chin.
pub const QMF_MEASURE_MARGIN_BELOW: qmf_measure = 6;
/// Degrees by which the head is turned, positive towards the person's own left. From five landmarks: ten degrees off is no
/// rarity.
pub const QMF_MEASURE_YAW: qmf_measure = 7;
/// Degrees by which the head is nodded, positive downwards. As for the yaw.
pub const QMF_MEASURE_PITCH: qmf_measure = 8;
/// Degrees by which the head is inclined in the photo, positive towards the person's own right shoulder.
pub const QMF_MEASURE_ROLL: qmf_measure = 9;
/// Mean luminance of the face, 0..1.
pub const QMF_MEASURE_LUMINANCE_MEAN: qmf_measure = 10;
/// Variance of that luminance.
pub const QMF_MEASURE_LUMINANCE_VARIANCE: qmf_measure = 11;
/// Share of the face's pixels that are nearly black, 0..1.
pub const QMF_MEASURE_UNDER_EXPOSURE: qmf_measure = 12;
/// Share of the face's pixels that are nearly white, 0..1.
pub const QMF_MEASURE_OVER_EXPOSURE: qmf_measure = 13;
/// Entropy of the luminance in bits, 0..8.
pub const QMF_MEASURE_DYNAMIC_RANGE: qmf_measure = 14;
/// How much a blur would change the face, 0 (nothing: it is blurred) to 1. Noise counts as sharpness.
pub const QMF_MEASURE_SHARPNESS: qmf_measure = 15;
/// What the luminance of the face's left and right half have in common, 0..1.
pub const QMF_MEASURE_ILLUMINATION_UNIFORMITY: qmf_measure = 16;

/// One measure of a face. This struct never grows: it is used in arrays.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct qmf_measured {
    /// What was measured, a `QMF_MEASURE_*`.
    pub measure: qmf_measure,
    /// The value on a scale of 0 (a severe fault) to 100 (no fault).
    pub score: i32,
    /// Its value, in its own unit.
    pub value: f64,
    /// What to do about it, in a few English words ("move closer"): a static text, don't free it. NULL where the score is 50 or
    /// more.
    pub advice: *const c_char,
}

impl From<&Measured> for qmf_measured {
    fn from(measured: &Measured) -> Self {
        qmf_measured {
            measure: number(measured.measure),
            score: measured.score.into(),
            value: measured.value,
            advice: measured.advice_c().map_or(std::ptr::null(), |text| text.as_ptr()),
        }
    }
}

fn number(measure: Measure) -> qmf_measure {
    match measure {
        Measure::SingleFacePresent => QMF_MEASURE_SINGLE_FACE_PRESENT,
        Measure::InterEyeDistance => QMF_MEASURE_INTER_EYE_DISTANCE,
        Measure::HeadSize => QMF_MEASURE_HEAD_SIZE,
        Measure::MarginLeft => QMF_MEASURE_MARGIN_LEFT,
        Measure::MarginRight => QMF_MEASURE_MARGIN_RIGHT,
        Measure::MarginAbove => QMF_MEASURE_MARGIN_ABOVE,
        Measure::MarginBelow => QMF_MEASURE_MARGIN_BELOW,
        Measure::Yaw => QMF_MEASURE_YAW,
        Measure::Pitch => QMF_MEASURE_PITCH,
        Measure::Roll => QMF_MEASURE_ROLL,
        Measure::LuminanceMean => QMF_MEASURE_LUMINANCE_MEAN,
        Measure::LuminanceVariance => QMF_MEASURE_LUMINANCE_VARIANCE,
        Measure::UnderExposure => QMF_MEASURE_UNDER_EXPOSURE,
        Measure::OverExposure => QMF_MEASURE_OVER_EXPOSURE,
        Measure::DynamicRange => QMF_MEASURE_DYNAMIC_RANGE,
        Measure::Sharpness => QMF_MEASURE_SHARPNESS,
        Measure::IlluminationUniformity => QMF_MEASURE_ILLUMINATION_UNIFORMITY,
    }
}

/// The name of a `QMF_MEASURE_*`, "inter_eye_distance"; "unknown" for another number. A static text: don't free it.
#[unsafe(no_mangle)]
pub extern "C" fn qmf_measure_name(measure: qmf_measure) -> *const c_char {
    let known = Measure::ALL.into_iter().find(|known| number(*known) == measure);
    known.map_or(c"unknown", Measure::name_c).as_ptr()
}

/// Says why the photo of a face is good or poor: finds the faces, takes the one that the engine's `face_choice` says, and
/// measures it. Without a face the status is `QMF_NO_FACE` and nothing is written.
///
/// `face` gets the face that was taken; it may be NULL. `measured` has room for `capacity` measures (32 are enough); `*count`
/// gets how many there are. Those of light and sharpness are left out where nothing of the face is inside the image. If
/// `capacity` is too small, only `*count` is written and the status is `QMF_ERROR_BUFFER_TOO_SMALL`.
///
/// # Safety
/// `engine` is a live handle, `image` is initialised and has the bytes it says, `cancel` is NULL or a live handle, `face` is
/// NULL or writable, `measured` has `capacity` writable elements (NULL is allowed if that is 0), `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_measure_capture(
    engine: *const qmf_engine,
    image: *const qmf_image,
    cancel: *const qmf_cancel,
    face: *mut qmf_face,
    measured: *mut qmf_measured,
    capacity: usize,
    count: *mut usize,
) -> qmf_status {
    guard(|| {
        check(count, "count")?;
        if !face.is_null() {
            check(face, "face")?;
        }
        check_room(measured, capacity, "measured")?;
        // SAFETY: promised by the caller; not NULL and aligned, checked above.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let cancel = qmf_cancel::begin(cancel)?;
                let image = picture(engine, image)?;
                let Some((taken, found)) = engine.measure_capture_until(&image, cancel.as_ref())? else {
                    return Ok(QMF_NO_FACE);
                };
                let found: Vec<qmf_measured> = found.iter().map(qmf_measured::from).collect();
                let status = put(&found, measured, capacity, count, "measured")?;
                if !face.is_null() {
                    *face = qmf_face::from(&taken);
                }
                Ok(status)
            })
        }
    })
}

/// As `qmf_measure_capture` for one of the faces of an image that are known already, from `qmf_detect` or of a template:
/// the one at `index` of `faces`, of which there are `face_count`. The others count for `QMF_MEASURE_SINGLE_FACE_PRESENT`.
/// `QMF_ERROR_INVALID_ARGUMENT` for landmarks that are not finite or all in one place.
///
/// # Safety
/// `engine` is a live handle, `image` is initialised and has the bytes it says, `faces` has `face_count` readable elements,
/// `measured` has `capacity` writable elements (NULL is allowed if that is 0), `count` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_measure_face(
    engine: *const qmf_engine,
    image: *const qmf_image,
    faces: *const qmf_face,
    face_count: usize,
    index: usize,
    measured: *mut qmf_measured,
    capacity: usize,
    count: *mut usize,
) -> qmf_status {
    guard(|| {
        check(count, "count")?;
        check_room(measured, capacity, "measured")?;
        // SAFETY: promised by the caller.
        unsafe {
            qmf_engine::run(engine, |engine| {
                let faces: Vec<Face> = array(faces, face_count, "faces")?.iter().map(Face::from).collect();
                let Some(face) = faces.get(index) else {
                    return Err(invalid(format!("index is {index}, there are {face_count} faces")));
                };
                engine.check_process()?;
                // By its place: two entries may be equal, and a score may be no number.
                let others: Vec<Face> = [&faces[..index], &faces[index + 1..]].concat();
                let found = capture::measure(&picture(engine, image)?, face, &others)?;
                let found: Vec<qmf_measured> = found.iter().map(qmf_measured::from).collect();
                put(&found, measured, capacity, count, "measured")
            })
        }
    })
}
