//! iResNet-18/34/50/100 against the published network in PyTorch, on formula weights and ten face chips.
//!
//! The reference embeddings were computed in f64, the two inner layers of the first chip are stored as f32. Measured
//! for each chip: the cosine, and the largest absolute difference of an element. The same limits hold for the inner
//! layers, whose elements are of the same size as an embedding's (the test asserts that they are not small).

use crate::formula;
use crate::network_golden::{Golden, against_golden, reduced};
use qmagface::Chip;
use qmagface::Workers;
use qmagface::network::spec::Network;
use qmagface::network::{self, EmbeddingNetwork, Precision};

#[test]
fn formula_weights_have_the_published_check_values() {
    formula::assert_check_values();
}

#[test]
fn iresnet18_parity() {
    parity(Network::IResNet18);
}

#[test]
fn iresnet34_parity() {
    parity(Network::IResNet34);
}

#[test]
fn iresnet50_parity() {
    parity(Network::IResNet50);
}

#[test]
fn iresnet100_parity() {
    parity(Network::IResNet100);
}

#[test]
fn reduced_precisions_stay_close() {
    for precision in [Precision::F16, Precision::Bf16] {
        for network in [Network::IResNet18, Network::IResNet50, Network::IResNet100] {
            let Some(golden) = Golden::of(network) else { return };
            let workers = Workers::new(None).unwrap();
            let iresnet = network::build(network, &formula::weights(network), precision, &workers).unwrap();
            let named = format!("{network} in {precision}");
            let embeddings = reduced(&named, &*iresnet, &golden, precision, 10);
            same_bits(&*iresnet, &golden, &embeddings, workers.count());
        }
    }
}

fn parity(network: Network) {
    let Some(golden) = Golden::of(network) else { return };
    let weights = formula::weights(network);
    let build = |workers: &Workers| network::build(network, &weights, Precision::F32, workers).unwrap();
    let first = build(&Workers::new(None).unwrap());
    assert!(first.batch_invariant());
    let embeddings = against_golden(&network.to_string(), &*first, &golden);
    drop(first);
    for workers in [Workers::inline(), Workers::new(Some(3)).unwrap()] {
        same_bits(&*build(&workers), &golden, &embeddings, workers.count());
    }
}

/// An embedding has the same bits whatever number of threads made it and whatever chips were beside it.
fn same_bits(iresnet: &dyn EmbeddingNetwork, golden: &Golden, expected: &[Vec<f32>], threads: usize) {
    let chips: Vec<&Chip> = golden.chips.iter().collect();
    for batch in [1, 3, 10] {
        let embeddings: Vec<Vec<f32>> = chips
            .chunks(batch)
            .flat_map(|chunk| iresnet.forward(chunk).unwrap())
            .collect();
        assert!(embeddings == expected, "batch {batch} on {threads} threads: other bits");
    }
}
