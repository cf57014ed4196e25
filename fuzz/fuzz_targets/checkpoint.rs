//! PyTorch checkpoints, zip files and bare pickles: tensors, or refused; nothing is executed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface_import::checkpoint;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tensors) = checkpoint::read_bytes(bytes, &|_| true) {
        for (_, tensor) in tensors.iter() {
            assert_eq!(tensor.shape.iter().product::<usize>(), tensor.data.len());
        }
    }
});
