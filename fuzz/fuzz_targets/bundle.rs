//! Bundles, and the weights in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface::model::Bundle;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(bundle) = Bundle::parse(bytes) {
        // The weights are checked when they are loaded.
        let _ = bundle.embedder().load_weights();
        let _ = bundle.detector().load_lnet();
        let _ = bundle.embedder().fingerprint_with(Some(bundle.detector()));
    }
});
