//! ONNX files: initialisers, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface_import::onnx;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(tensors) = onnx::read_initializers(bytes) {
        for (_, tensor) in tensors.iter() {
            assert_eq!(tensor.shape.iter().product::<usize>(), tensor.data.len());
        }
    }
});
