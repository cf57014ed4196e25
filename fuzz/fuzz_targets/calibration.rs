//! Calibration files: one that is taken answers every question, and says the same when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface::Calibration;

fuzz_target!(|bytes: &[u8]| {
    let Ok(calibration) = Calibration::parse(bytes) else {
        return;
    };
    let written = calibration
        .to_toml()
        .expect("a calibration that was read can be written");
    let again = Calibration::parse(written.as_bytes()).expect("what was written can be read");
    assert_eq!(again.to_toml().expect("as before"), written);
    for fmr in [1.0, 1e-2, 1e-4, 1e-9, 0.0, f64::NAN] {
        let _ = calibration.threshold(fmr);
    }
    for score in [-1e9, -1.0, 0.0, 0.3, 1.0, f64::NAN] {
        let _ = calibration.negative_log10_fmr(score);
        if let Some(at) = calibration.at_quality(score, 3.0, 12.0) {
            assert!(at.log_likelihood_ratio.is_finite() && at.negative_log10_fmr.is_finite());
        }
    }
});
