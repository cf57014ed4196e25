//! What to do about a poor measure.

use super::Measure;
use std::ffi::CStr;

/// In a few words of ASCII, for the person at the camera. With a NUL behind them: C gets them as they are.
pub(super) fn advice(measure: Measure, value: f64) -> &'static CStr {
    match measure {
        Measure::SingleFacePresent => c"one person in the picture only",
        Measure::InterEyeDistance => c"move closer, or use a photo of more pixels",
        Measure::HeadSize if value < 0.3 => c"move closer",
        Measure::HeadSize => c"move back",
        Measure::MarginLeft | Measure::MarginRight => c"move to the middle of the picture",
        Measure::MarginAbove => c"show the whole forehead",
        Measure::MarginBelow => c"show the whole chin",
        Measure::Yaw => c"face the camera",
        Measure::Pitch if value > 0.0 => c"lift the chin",
        Measure::Pitch => c"lower the chin",
        Measure::Roll if value.abs() > 60.0 => c"turn the photo upright",
        Measure::Roll => c"hold the head upright",
        Measure::LuminanceMean if value < 0.5 => c"more light on the face",
        Measure::LuminanceMean => c"less light on the face",
        Measure::LuminanceVariance if value < 1.0 / 60.0 => c"more contrast: no backlight, no haze, a clean lens",
        Measure::LuminanceVariance => c"softer light: no hard shadows",
        Measure::UnderExposure => c"more light on the face, or a longer exposure",
        Measure::OverExposure => c"less light on the face, or a shorter exposure",
        Measure::DynamicRange => c"more contrast: no backlight, no haze, a clean lens",
        Measure::Sharpness => c"hold still, focus, clean the lens",
        Measure::IlluminationUniformity => c"light from the front, not from one side",
    }
}
