//! Pair files of every layout.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface_evaluate::data::ijb::{parse_template_images, parse_template_pairs};
use qmagface_evaluate::data::{PairFile, PairFormat};

fuzz_target!(|bytes: &[u8]| {
    for format in [PairFormat::Lfw, PairFormat::Numbers, PairFormat::Labelled] {
        if let Ok(file) = PairFile::parse(bytes, format) {
            assert!(file.pairs.iter().all(|pair| pair.fold < file.folds));
        }
    }
    let _ = parse_template_images(bytes);
    let _ = parse_template_pairs(bytes);
});
