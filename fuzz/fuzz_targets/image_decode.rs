//! Encoded images of any kind: decoded within the limits or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface::{DecodeLimits, image};

const LIMITS: DecodeLimits = DecodeLimits {
    pixels: 1 << 20,
    bytes: 1 << 20,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(image) = image::decode(bytes, &LIMITS) {
        let pixels = image.width() * image.height();
        assert!(pixels > 0 && pixels as u64 <= LIMITS.pixels);
        assert_eq!(image.data().len(), 3 * pixels);
    }
});
