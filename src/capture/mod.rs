//! Capture measures: why a photo is good or poor, in numbers that a person at a camera can act on.
//!
//! They need a face's box and landmarks and the photo's pixels, no network. Where ISO/IEC 29794-5 has a measure, its name
//! and the definition of its value are the standard's as far as five landmarks go; [`Measure`] says of each what is the
//! standard's and what is this library's. No conformance to the standard is claimed: it wants a face's outline from 98
//! landmarks, and a segmented image, where this library takes an ellipse.

mod advice;
mod frame;
mod light;
mod patch;
mod pose;
mod sharpness;

use crate::error::Result;
use crate::face::Face;
use crate::image::BgrImage;
use patch::Patch;
use std::ffi::CStr;

/// What is measured. The order is that of [`measure`].
///
/// "Standard" is ISO/IEC 29794-5. A *score* is 0 (a severe fault) to 100 (no fault). Distances are in pixels of the photo;
/// left and right are those of the photo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// Square root of the largest other face's area over this one's, at most 1; 0 where it is alone. The standard's, but
    /// for the face that it is about (there the largest), and its score: `100 * (1 - value)`.
    SingleFacePresent,
    /// Distance of the eyes in pixels, divided by the cosine of the yaw. The standard's value; the score is ours, 50 at 16
    /// pixels and 98 at 32: what recognition needs, where the standard's (50 at 70) is for portraits in documents.
    InterEyeDistance,
    /// Distance from the middle of the eyes to the chin over the height of the photo. The standard's value, with the chin
    /// taken to be 1.6 times as far from the eyes as the mouth. The score is ours: 50 at 0.05 and at 0.6. The standard's
    /// best is 0.45.
    HeadSize,
    /// From the photo's left edge to the nearer eye, in distances of the eyes ("leftward crop"). Value and score are the
    /// standard's: 50 at 0.9.
    MarginLeft,
    /// The same on the right ("rightward crop").
    MarginRight,
    /// From the photo's upper edge to the middle of the eyes, in distances from there to the chin ("downward crop"). The
    /// standard's value; the score is ours, 50 at 0.6: the forehead is in the photo. The standard's is 50 at 1.4, for
    /// documents.
    MarginAbove,
    /// The same at the lower edge ("upward crop"). The score is ours, 50 at 1.1: the chin is in the photo. The standard's
    /// is 50 at 1.8.
    MarginBelow,
    /// Degrees by which the head is turned about the vertical axis, positive towards the person's own left. By the five
    /// landmarks and a rigid head of average form: ten degrees off is no rarity. The score is the standard's:
    /// `100 * cos(value)^2`.
    Yaw,
    /// Degrees by which the head is nodded, positive downwards; as for the yaw.
    Pitch,
    /// Degrees by which the head is inclined in the photo, positive towards the person's own right shoulder. The score is the
    /// standard's.
    Roll,
    /// Mean luminance of the face, 0..1 (linear light by sRGB and Rec. 709). Value and score are the standard's, over our
    /// ellipse: 50 at 0.2 and at 0.8.
    LuminanceMean,
    /// Variance of that luminance. Value and score are the standard's, over our ellipse.
    LuminanceVariance,
    /// Share of the face's pixels of a luminance up to 25 of 255. Value and score are the standard's, over our ellipse.
    UnderExposure,
    /// Share of the face's pixels of a luminance from 247 of 255. Value and score are the standard's, over our ellipse.
    OverExposure,
    /// Entropy of the luminance in bits, 0..8. Value and score (12.5 for a bit) are the standard's, over our ellipse.
    DynamicRange,
    /// How much a blur would change the face, 0 (nothing: it is blurred) to 1, at the size that the network sees. Ours, after
    /// Crete and others 2007 ("The blur effect"); the standard's is a trained forest. Noise counts as sharpness.
    Sharpness,
    /// What the histograms of luminance (32 levels) of the face's left and right half have in common, 0..1. Ours; the
    /// standard takes two squares on the cheeks and 256 levels. Its score: `100 * value^0.3`.
    IlluminationUniformity,
}

impl Measure {
    /// All of them, in order.
    pub const ALL: [Measure; 17] = [
        Measure::SingleFacePresent,
        Measure::InterEyeDistance,
        Measure::HeadSize,
        Measure::MarginLeft,
        Measure::MarginRight,
        Measure::MarginAbove,
        Measure::MarginBelow,
        Measure::Yaw,
        Measure::Pitch,
        Measure::Roll,
        Measure::LuminanceMean,
        Measure::LuminanceVariance,
        Measure::UnderExposure,
        Measure::OverExposure,
        Measure::DynamicRange,
        Measure::Sharpness,
        Measure::IlluminationUniformity,
    ];

    /// Its name in JSON: `inter_eye_distance`.
    pub fn name(self) -> &'static str {
        self.name_c().to_str().unwrap_or_default()
    }

    /// Its name with a NUL behind it.
    pub(crate) fn name_c(self) -> &'static CStr {
        match self {
            Measure::SingleFacePresent => c"single_face_present",
            Measure::InterEyeDistance => c"inter_eye_distance",
            Measure::HeadSize => c"head_size",
            Measure::MarginLeft => c"margin_left",
            Measure::MarginRight => c"margin_right",
            Measure::MarginAbove => c"margin_above",
            Measure::MarginBelow => c"margin_below",
            Measure::Yaw => c"yaw",
            Measure::Pitch => c"pitch",
            Measure::Roll => c"roll",
            Measure::LuminanceMean => c"luminance_mean",
            Measure::LuminanceVariance => c"luminance_variance",
            Measure::UnderExposure => c"under_exposure",
            Measure::OverExposure => c"over_exposure",
            Measure::DynamicRange => c"dynamic_range",
            Measure::Sharpness => c"sharpness",
            Measure::IlluminationUniformity => c"illumination_uniformity",
        }
    }

    /// What its value is counted in: `px`, `degrees`, `bits`, or nothing.
    pub fn unit(self) -> &'static str {
        match self {
            Measure::InterEyeDistance => "px",
            Measure::Yaw | Measure::Pitch | Measure::Roll => "degrees",
            Measure::DynamicRange => "bits",
            _ => "",
        }
    }

    /// The score 0..=100 of a value, higher is better.
    fn score(self, value: f64) -> u8 {
        let score = match self {
            Measure::SingleFacePresent => 100.0 * (1.0 - value),
            Measure::InterEyeDistance => 100.0 * sigmoid(value, 16.0, 4.0),
            Measure::HeadSize => 100.0 * sigmoid(value, 0.05, 0.01) * (1.0 - sigmoid(value, 0.6, 0.03)),
            Measure::MarginLeft | Measure::MarginRight => 100.0 * sigmoid(value, 0.9, 0.1),
            Measure::MarginAbove => 100.0 * sigmoid(value, 0.6, 0.1),
            Measure::MarginBelow => 100.0 * sigmoid(value, 1.1, 0.1),
            Measure::Yaw | Measure::Pitch | Measure::Roll => 100.0 * value.to_radians().cos().max(0.0).powi(2),
            Measure::LuminanceMean => 100.0 * sigmoid(value, 0.2, 0.05) * (1.0 - sigmoid(value, 0.8, 0.05)),
            Measure::LuminanceVariance => 100.0 * (60.0 * value / (60.0 * value + 1.0) * std::f64::consts::PI).sin(),
            Measure::UnderExposure => 120.0 * (0.832 - sigmoid(value, 0.92, 0.05)),
            Measure::OverExposure => 1.0 / (value + 0.01),
            Measure::DynamicRange => 12.5 * value,
            Measure::Sharpness => sharpness::score(value),
            Measure::IlluminationUniformity => 100.0 * value.powf(0.3),
        };
        score.round().clamp(0.0, 100.0) as u8
    }
}

/// One measure of a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// What was measured.
    pub measure: Measure,
    /// Its value, in its own unit: see [`Measure`].
    pub value: f64,
    /// The value on a scale of 0 (a severe fault) to 100 (no fault).
    pub score: u8,
}

impl Measured {
    fn of(measure: Measure, value: f64) -> Self {
        Measured {
            measure,
            value,
            score: measure.score(value),
        }
    }

    /// What to do about it, in a few words ("move closer"); `None` where the score is 50 or more.
    pub fn advice(&self) -> Option<&'static str> {
        self.advice_c()?.to_str().ok()
    }

    /// The same with a NUL behind it.
    pub(crate) fn advice_c(&self) -> Option<&'static CStr> {
        (self.score < 50).then(|| advice::advice(self.measure, self.value))
    }
}

/// Measures a face of `image`; `faces` are all that were found there, this one among them or not. Measures of light and
/// sharpness are left out where nothing of the face is inside the image, that of uniformity where one half is outside.
///
/// # Errors
/// [`crate::ErrorKind::InvalidArgument`] when the landmarks aren't finite or don't span a face.
pub fn measure(image: &BgrImage, face: &Face, faces: &[Face]) -> Result<Vec<Measured>> {
    // Refuses landmarks that span no face, on which what follows relies.
    let patch = Patch::cut(image, &face.landmarks)?;
    let pose = pose::of(&face.landmarks);
    let frame = frame::Frame::of(image, face, &pose);
    let mut values = vec![
        (Measure::SingleFacePresent, frame::others(face, faces)),
        (Measure::InterEyeDistance, frame.inter_eye_distance),
        (Measure::HeadSize, frame.head_size),
        (Measure::MarginLeft, frame.left),
        (Measure::MarginRight, frame.right),
        (Measure::MarginAbove, frame.above),
        (Measure::MarginBelow, frame.below),
        (Measure::Yaw, pose.yaw),
        (Measure::Pitch, pose.pitch),
        (Measure::Roll, pose.roll),
    ];
    if let Some(light) = light::Light::of(&patch) {
        values.extend([
            (Measure::LuminanceMean, light.mean),
            (Measure::LuminanceVariance, light.variance),
            (Measure::UnderExposure, light.dark),
            (Measure::OverExposure, light.bright),
            (Measure::DynamicRange, light.entropy),
            (Measure::Sharpness, sharpness::of(&patch)),
        ]);
        values.extend(light.uniformity.map(|value| (Measure::IlluminationUniformity, value)));
    }
    Ok(values
        .into_iter()
        .map(|(measure, value)| Measured::of(measure, value))
        .collect())
}

/// The logistic function of `(value - middle) / width`.
fn sigmoid(value: f64, middle: f64, width: f64) -> f64 {
    1.0 / (1.0 + ((middle - value) / width).exp())
}

#[cfg(test)]
mod tests;
