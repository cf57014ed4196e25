//! Weights made from the names of their tensors, so that two implementations can be compared without a weight file.
//!
//! For the tensor NAME of n elements, u_i = (top 24 bits of splitmix64's output i, seeded with fnv1a64(NAME)) / 2^24 in
//! row-major order, and c = 2 u - 1. What c becomes depends on the kind of tensor, see [`offset_and_factor`].

use qmagface::network::spec::Network;
use qmagface::weights::TensorMap;

/// FNV-1a with 64 bits.
pub fn fnv1a64(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Output `i` (from 0) of splitmix64 from this seed.
fn splitmix64(seed: u64, i: u64) -> u64 {
    let mut z = seed.wrapping_add(i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// u_i of the tensor whose name has this hash.
fn uniform(hash: u64, i: u64) -> f64 {
    (splitmix64(hash, i) >> 40) as f64 / (1u64 << 24) as f64
}

/// What makes an element of the tensor `name` of this shape from its c: an offset and a factor.
fn offset_and_factor(name: &str, shape: &[usize]) -> (f64, f64) {
    let (module, field) = name.rsplit_once('.').expect("a module and a field");
    let module = module.rsplit('.').next().expect("a last part");
    match field {
        "running_mean" | "bias" => (0.0, 0.1),
        "running_var" => (1.0, 0.2),
        "weight" if shape.len() > 1 => {
            let fan_in: usize = shape[1..].iter().product();
            (0.0, (3.0 / fan_in as f64).sqrt())
        }
        "weight" if module == "prelu" => (0.25, 0.1),
        "weight" if module == "bn3" => (0.3, 0.03),
        "weight" => (1.0, 0.1),
        _ => panic!("no formula for tensor {name}"),
    }
}

/// The tensor `name` of this shape, computed in f64 and rounded once.
pub fn tensor(name: &str, shape: &[usize]) -> Vec<f32> {
    let hash = fnv1a64(name);
    let (offset, factor) = offset_and_factor(name, shape);
    let count: usize = shape.iter().product();
    (0..count as u64)
        .map(|i| (offset + factor * (2.0 * uniform(hash, i) - 1.0)) as f32)
        .collect()
}

/// All tensors of an iResNet.
pub fn weights(network: Network) -> TensorMap {
    let mut map = TensorMap::new();
    for (name, shape) in network.tensor_specs() {
        let data = tensor(&name, &shape);
        map.insert(name, shape, data)
            .expect("as many elements as the shape says");
    }
    map
}

/// The published check values: the hash, the first three u and the first three weights of `conv1.weight`.
pub fn assert_check_values() {
    let hash = fnv1a64("conv1.weight");
    assert_eq!(hash, 0x69a2_9a2c_ee47_d254);
    for (i, wanted) in [0.545_074_94, 0.745_161_71, 0.022_921_68].into_iter().enumerate() {
        assert!((uniform(hash, i as u64) - wanted).abs() < 5e-9, "u_{i}");
    }
    let first = tensor("conv1.weight", &[64, 3, 3, 3]);
    for (weight, wanted) in first.iter().zip([0.030_049_96f32, 0.163_441_14, -0.318_052_2]) {
        assert!((weight - wanted).abs() < 5e-8, "{weight} instead of {wanted}");
    }
}
