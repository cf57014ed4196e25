//! Weight packs in safetensors: tensors, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use qmagface::weights::pack;

fuzz_target!(|bytes: &[u8]| {
    if let Ok((tensors, _)) = pack::read_bytes(bytes) {
        for (_, tensor) in tensors.iter() {
            assert_eq!(tensor.shape.iter().product::<usize>(), tensor.data.len());
        }
    }
});
