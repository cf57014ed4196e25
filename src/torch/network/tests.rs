//! The ways of running a network hold against each other, on the CPU, where all of them run.

use super::batches::Runner;
use super::*;
use crate::network::folded;
use crate::weights::TensorMap;

/// Weights of ordinary size, different from one to the next.
fn weights(network: Network) -> TensorMap {
    let mut weights = TensorMap::new();
    let mut random = fastrand::Rng::with_seed(7);
    for (name, shape) in network.tensor_specs() {
        let count: usize = shape.iter().product();
        let fan_in = if shape.len() > 1 { count / shape[0] } else { 1 };
        let (centre, spread) = match () {
            () if name.contains("var") => (1.0, 0.2),
            () if name.ends_with("bias") || name.contains("mean") || name.ends_with("beta") => (0.0, 0.2),
            // Without a sum around them, they must keep the size of what goes through.
            () if name.contains("conv2d_weight") => (0.0, (7.0 / fan_in as f32).sqrt()),
            () if shape.len() > 1 && fan_in > 1 => (0.0, (3.0 / fan_in as f32).sqrt()),
            () if name.contains("relu") => (0.25, 0.1),
            () => (1.0, 0.1),
        };
        let data = (0..count)
            .map(|_| centre + spread * (2.0 * random.f32() - 1.0))
            .collect();
        weights.insert(name, shape, data).unwrap();
    }
    weights
}

fn made(network: Network) -> Folded {
    folded(network, &weights(network)).unwrap()
}

/// Chips with a pattern of their own each: of noise alone, all embeddings would be nearly the same.
fn chips(count: usize) -> Vec<Chip> {
    let mut random = fastrand::Rng::with_seed(3);
    (0..count)
        .map(|chip| {
            let pixels = (0..Chip::SIZE * Chip::SIZE * 3).map(|at| {
                let (row, column) = (at / 3 / Chip::SIZE, at / 3 % Chip::SIZE);
                let dark = (row * (chip + 1) / 40 + column * (2 * chip + 1) / 40 + at % 3).is_multiple_of(2);
                if dark { random.u8(..40) } else { random.u8(200..) }
            });
            Chip::from_bgr(pixels.collect()).unwrap()
        })
        .collect()
}

fn setting(precision: Precision) -> Setting {
    Setting {
        device: Device::Cpu,
        precision,
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum() };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The largest difference of an element, in parts of the largest element.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    let largest = b.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

#[test]
fn overlapped_batches_give_what_single_chips_give() {
    let _no_gradients = tch::no_grad_guard();
    for network in [Network::SFace, Network::IResNet18] {
        let mut eager = Eager(Body::new(made(network), setting(Precision::F32)).unwrap());
        let mut overlapped = Overlapped::new(made(network), setting(Precision::F32)).unwrap();
        let chips = chips(7);
        let chips: Vec<&Chip> = chips.iter().collect();
        let mut one = 1;
        let expected = batches::run(&mut eager, &mut one, &chips).unwrap();
        // Filled up to eight, in three full batches, in batches of one; smaller ones after larger ones.
        for (most, count) in [(16, 7), (2, 7), (1, 3), (4, 7), (8, 5), (8, 1)] {
            let mut limit = most;
            let got = batches::run(&mut overlapped, &mut limit, &chips[..count]).unwrap();
            assert_eq!((got.len(), limit), (count, most));
            for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
                let worst = difference(got, expected);
                assert!(
                    worst < 1e-4,
                    "{network}, chip {i} of {count}, at most {most}: off by {worst}"
                );
            }
        }
        // The chips are different, so that a mix-up would show.
        for (a, b) in [(0, 1), (1, 2), (0, 6)] {
            let apart = difference(&expected[a], &expected[b]);
            assert!(apart > 1e-2, "{network}: chips {a} and {b} are {apart} apart");
        }
    }
}

#[test]
fn where_there_are_no_graphs_the_same_bits_come_without() {
    let _no_gradients = tch::no_grad_guard();
    let mut overlapped = Overlapped::new(made(Network::SFace), setting(Precision::F32)).unwrap();
    let chips = chips(2);
    let chips: Vec<&Chip> = chips.iter().collect();
    let mut most = 16;
    // The third run would record a graph; on the CPU that fails, and the network runs on.
    let with: Vec<_> = (0..5)
        .map(|_| batches::run(&mut overlapped, &mut most, &chips).unwrap())
        .collect();
    overlapped.use_graphs(false);
    let without = batches::run(&mut overlapped, &mut most, &chips).unwrap();
    assert!(with.iter().all(|with| *with == without));
    overlapped.release();
    assert_eq!(batches::run(&mut overlapped, &mut most, &chips).unwrap(), without);
}

#[test]
fn batches_have_few_sizes() {
    let overlapped = Overlapped::new(made(Network::SFace), setting(Precision::F32)).unwrap();
    for (rest, most, expected) in [
        (1, 256, 1),
        (3, 256, 3),
        (9, 256, 9),
        (17, 256, 16),
        (26, 256, 26),
        (25, 256, 16),
        (100, 256, 64),
        (103, 256, 103),
        (256, 256, 256),
        (1000, 256, 256),
        (1000, 1, 1),
        (5, 4, 4),
    ] {
        assert_eq!(overlapped.take(rest, most), expected, "{rest} chips, at most {most}");
    }
    for most in [1, 2, 8, 64, 256] {
        for count in 1..600 {
            let (mut rest, mut places) = (count, 0);
            while rest > 0 {
                let taken = overlapped.take(rest, most);
                assert!(taken >= 1 && taken <= rest.min(most));
                let size = taken.next_power_of_two();
                assert!(size <= most);
                (rest, places) = (rest - taken, places + size);
            }
            assert!(
                places * 4 <= count * 5 || places - count < 8,
                "{places} places for {count}"
            );
        }
    }
}

#[test]
fn a_batch_fits_half_of_the_free_memory() {
    let chip = bytes_per_chip(&made(Network::IResNet18), 2);
    assert_eq!(chip, 3 * 2 * 64 * 112 * 112);
    assert_eq!(bytes_per_chip(&made(Network::IResNet18), 4), 2 * chip);
    let gib = 1u64 << 30;
    assert_eq!(most_within(80 * gib, chip), MAX_BATCH_GPU);
    assert_eq!(most_within(gib, chip), 128);
    assert_eq!(most_within(chip as u64, chip), 1);
    assert_eq!(most_within(0, chip), 1);
}

#[test]
fn half_precisions_are_close_and_not_the_same() {
    let chips = chips(2);
    let chips: Vec<&Chip> = chips.iter().collect();
    let embed = |precision| {
        let torch = Torch::new(Network::SFace, made(Network::SFace), Device::Cpu, precision).unwrap();
        torch.forward(&chips).unwrap()
    };
    let exact = embed(Precision::F32);
    for (precision, least) in [(Precision::F16, 0.9999), (Precision::Bf16, 0.999)] {
        for (a, b) in embed(precision).iter().zip(&exact) {
            let cosine = cosine(a, b);
            assert!((least..1.0 - 1e-10).contains(&cosine), "{precision}: {cosine}");
        }
    }
}
