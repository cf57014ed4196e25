//! .npy files of floats and of texts: an array of the size that they say, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface::pairs::npy;
use std::path::PathBuf;
use std::sync::LazyLock;

/// In memory, where the system has such a folder.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    let folder = if memory.is_dir() { memory } else { std::env::temp_dir() };
    folder.join(format!("qmagface-fuzz-{}.npy", std::process::id()))
});

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(&*FILE, bytes).expect("a temporary file can be written");
    if let Ok(matrix) = npy::read_matrix(&FILE) {
        assert!(matrix.values().len() * 4 <= bytes.len());
    }
    if let Ok(texts) = npy::read_texts(&FILE) {
        // A text of no characters takes no bytes.
        assert!(texts.iter().all(String::is_empty) || texts.len() * 4 <= bytes.len());
    }
});
