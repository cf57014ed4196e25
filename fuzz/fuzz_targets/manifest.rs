//! Manifests of model packs: one that is taken says the same when it is written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface::model::Manifest;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = Manifest::parse(text) {
        let written = manifest.to_toml().expect("a manifest that was read can be written");
        assert_eq!(
            Manifest::parse(&written).expect("what was written can be read"),
            manifest
        );
    }
});
