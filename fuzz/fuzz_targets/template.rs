//! Templates: one that is taken is sound, and says the same when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface::template::Fusion;
use qmagface::{Calibration, QualityParameters, Scalar, Template};

fuzz_target!(|bytes: &[u8]| {
    let Ok(template) = Template::from_bytes(bytes) else {
        return;
    };
    let length = template.direction().iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    assert!(template.is_failed() || (length - 1.0).abs() < 1e-3, "length {length}");
    let floats = if template.is_failed() { 0 } else { template.length() };
    assert_eq!(template.direction().len(), floats);
    for scalar in [Scalar::F32, Scalar::F16, Scalar::I8] {
        let again = Template::from_bytes(&template.to_bytes(scalar)).expect("what was written can be read");
        assert_eq!(again.quality(), template.quality());
        assert_eq!(
            (again.model(), again.metadata()),
            (template.model(), template.metadata())
        );
    }
    let parameters = QualityParameters {
        alpha: 0.08,
        beta: 0.13,
    };
    let calibration = Calibration::from_parameters(parameters).expect("sound parameters");
    let same = calibration
        .compare(&template, &template)
        .expect("a template is of its own model");
    assert!(template.is_failed() || (same.comparison.cosine - 1.0).abs() < 1e-3);
    let _ = Template::fuse(&[&template, &template], Fusion::default());
});
