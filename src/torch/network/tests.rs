//! The ways of running a network hold against each other, on the CPU, where all of them run.

use super::batches::Runner;
use super::*;
use crate::cpu::epilogue::place;
use crate::network::folded::{Block, Conv};
use crate::network::{fold, folded};
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
    fold::fold(network, &weights(network)).unwrap()
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

/// A direct convolution in f64: the map (inputs x side x side), with the bias.
fn convolve(conv: &Conv, x: &[f64], side: usize) -> Vec<f64> {
    let (kernel, out) = (conv.kernel, side.div_ceil(conv.stride));
    let padding = kernel / 2;
    let mut y = Vec::new();
    for output in 0..conv.outputs {
        for at in 0..out * out {
            let (row, column) = (at / out, at % out);
            let mut sum = match &conv.bias {
                folded::Bias::Channel(bias) => f64::from(bias[output]),
                folded::Bias::Border(places) => f64::from(places[place(row, column, out, out)][output]),
            };
            for input in 0..conv.inputs {
                for tap in 0..kernel * kernel {
                    let from = |to: usize, tap: usize| (to * conv.stride + tap).checked_sub(padding);
                    let (Some(r), Some(c)) = (from(row, tap / kernel), from(column, tap % kernel)) else {
                        continue;
                    };
                    if r < side && c < side {
                        let weight = conv.weight[(output * conv.inputs + input) * kernel * kernel + tap];
                        sum += f64::from(weight) * x[(input * side + r) * side + c];
                    }
                }
            }
            let slope = conv.slopes.as_ref().map_or(1.0, |slopes| f64::from(slopes[output]));
            y.push(if sum < 0.0 { sum * slope } else { sum });
        }
    }
    y
}

/// A body of two channels and three blocks, small enough to compute by hand.
fn small_body() -> Folded {
    let mut random = fastrand::Rng::with_seed(11);
    let mut values = |count: usize| -> Vec<f32> { (0..count).map(|_| random.f32() - 0.5).collect() };
    let mut conv = |kernel: usize, stride: usize, rectified: bool, border: bool| Conv {
        weight: values(2 * 2 * kernel * kernel),
        inputs: 2,
        outputs: 2,
        kernel,
        stride,
        depthwise: false,
        bias: match border {
            true => folded::Bias::Border(Box::new(std::array::from_fn(|_| values(2)))),
            false => folded::Bias::Channel(values(2)),
        },
        slopes: rectified.then(|| values(2)),
    };
    let stem = conv(1, 1, true, false);
    let mut block = |halves: bool, border: bool| Block::Residual {
        first: conv(3, 1, true, border),
        second: conv(3, if halves { 2 } else { 1 }, false, false),
        projection: halves.then(|| conv(1, 2, false, false)),
    };
    let blocks = vec![block(true, true), block(false, false), block(true, true)];
    Folded {
        network: Network::IResNet18,
        stem,
        blocks,
        stages: vec![2, 1],
        head: folded::Head {
            weight: values(3 * 2 * 4),
            bias: values(3),
            side: 2,
        },
    }
}

/// Each stage's output and the embedding for one map of 2 x 8 x 8.
fn run_by_hand(body: &Folded, x: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>) {
    let (mut x, mut side) = (x.to_vec(), 8);
    let mut maps = Vec::new();
    let mut blocks = body.blocks.iter();
    for &count in &body.stages {
        for block in blocks.by_ref().take(count) {
            let Block::Residual {
                first,
                second,
                projection,
            } = block
            else {
                unreachable!()
            };
            let y = convolve(second, &convolve(first, &x, side), side);
            let identity = match projection {
                Some(projection) => convolve(projection, &x, side),
                None => x,
            };
            x = y.iter().zip(&identity).map(|(y, x)| y + x).collect();
            side = side.div_ceil(second.stride);
        }
        maps.push(x.clone());
    }
    let embedding = body.head.bias.iter().zip(body.head.weight.chunks_exact(x.len()));
    let embedding = embedding
        .map(|(&bias, weights)| f64::from(bias) + weights.iter().zip(&x).map(|(&w, x)| f64::from(w) * x).sum::<f64>())
        .collect();
    (maps, embedding)
}

#[test]
fn carried_constants_change_nothing() {
    let (plain, mut carried) = (small_body(), small_body());
    let constants = crate::network::carry::carry(&mut carried).unwrap();
    let x: Vec<f64> = (0..2 * 8 * 8).map(|i| f64::from(i * 37 % 64) / 32.0 - 1.0).collect();
    let ((maps, embedding), (sums, same)) = (run_by_hand(&plain, &x), run_by_hand(&carried, &x));
    for (a, b) in embedding.iter().zip(&same) {
        assert!((a - b).abs() < 1e-5, "{embedding:?} and {same:?}");
    }
    for ((map, sum), constants) in maps.iter().zip(&sums).zip(&constants) {
        let places = map.len() / constants.len();
        for (at, (a, b)) in map.iter().zip(sum).enumerate() {
            assert!((a - b - f64::from(constants[at / places])).abs() < 1e-5);
        }
        assert!(constants.iter().all(|constant| constant.abs() > 1e-3), "{constants:?}");
    }
    // No bias is left where it would take a pass of its own.
    for block in &carried.blocks {
        let Block::Residual { second, projection, .. } = block else {
            unreachable!()
        };
        for conv in [Some(second), projection.as_ref()].into_iter().flatten() {
            assert!(matches!(&conv.bias, folded::Bias::Channel(bias) if bias.iter().all(|&value| value == 0.0)));
        }
    }
}

#[test]
fn half_precisions_are_close_and_not_the_same() {
    let chips = chips(2);
    let chips: Vec<&Chip> = chips.iter().collect();
    let embed = |precision| {
        let torch = Torch::new(made(Network::SFace), Device::Cpu, precision).unwrap();
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
