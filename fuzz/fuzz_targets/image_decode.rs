//! Encoded images of any kind: decoded within the limits or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface::{DecodeLimits, image};
use std::sync::Once;

const LIMITS: DecodeLimits = DecodeLimits {
    pixels: 1 << 20,
    bytes: 1 << 20,
};

/// libFuzzer's hook ends the process at every panic. Those of zune-jpeg are known, and the library turns them into errors.
fn let_known_panics_pass() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info.location().is_some_and(|place| place.file().contains("zune-jpeg")) {
                former(info);
            }
        }));
    });
}

fuzz_target!(|bytes: &[u8]| {
    let_known_panics_pass();
    if let Ok(image) = image::decode(bytes, &LIMITS) {
        let pixels = image.width() * image.height();
        assert!(pixels > 0 && pixels as u64 <= LIMITS.pixels);
        assert_eq!(image.data().len(), 3 * pixels);
    }
});
