//! The ways of running a network hold against each other, on the CPU, where all of them run.

use crate::batches::{self, Chip, Runner};
use crate::device::Device;
use crate::eager::Eager;
use crate::embedder::Body;
use crate::log::Messages;
use crate::overlapped::{Lanes, Overlapped};
use crate::program::{Precision, Program, Setting};
use crate::{CHIP_BYTES, CHIP_SIDE};
use qmagface_backend::{Activation, Bias, Conv, Dense, Folded, Layer, Output, Pool, PoolOf, Step};

/// Floats of the small network's embedding.
const LENGTH: usize = 16;

/// A small network with every step that an embedding network has: two convolutions, of which one is added to the other, and
/// a dense layer.
pub(crate) fn network() -> Folded {
    let mut random = fastrand::Rng::with_seed(7);
    let mut numbers = |count: usize, centre: f32, spread: f32| -> Vec<f32> {
        let number = |_| centre + spread * (2.0 * random.f32() - 1.0);
        (0..count).map(number).collect()
    };
    let first = Conv {
        weight: numbers(8 * 3 * 9, 0.0, 0.3),
        inputs: 3,
        outputs: 8,
        kernel: 3,
        stride: 2,
        padding: 1,
        groups: 1,
        bias: Bias::Channel(numbers(8, 0.0, 0.2)),
        slopes: Some(numbers(8, 0.25, 0.1)),
    };
    let second = Conv {
        weight: numbers(8 * 9, 0.0, 0.5),
        inputs: 8,
        outputs: 8,
        kernel: 3,
        stride: 1,
        padding: 1,
        groups: 8,
        bias: Bias::Border(Box::new(std::array::from_fn(|_| numbers(8, 0.0, 0.2)))),
        slopes: Some(numbers(8, 0.25, 0.1)),
    };
    let places = 28 * 28;
    let dense = Dense {
        weight: numbers(LENGTH * 8 * places, 0.0, 0.02),
        parts: vec![[8, places]],
        bias: numbers(LENGTH, 0.0, 0.2),
        slopes: None,
    };
    let step = |layer, inputs: &[usize], channels, side| Step {
        layer,
        inputs: inputs.to_vec(),
        channels,
        sides: Some([side, side]),
    };
    Folded {
        steps: vec![
            step(Layer::Image, &[], 3, 112),
            step(Layer::Conv(first), &[0], 8, 56),
            step(Layer::Conv(second), &[1, 1], 8, 56),
            step(Layer::Pool(halving(PoolOf::Greatest)), &[2], 8, 28),
            step(Layer::Flatten, &[3], 8 * places, 1),
            step(Layer::Dense(dense), &[4], LENGTH, 1),
        ],
        outputs: vec![Output {
            name: "embedding".into(),
            step: 5,
            channels: 0..LENGTH,
        }],
    }
}

/// Windows of two by two places beside each other.
fn halving(of: PoolOf) -> Pool {
    Pool {
        of,
        kernel: 2,
        stride: 2,
        padding: 0,
        partial: true,
    }
}

/// Chips with a pattern of their own each: of noise alone, all embeddings would be nearly the same.
fn chips(count: usize) -> Vec<Chip> {
    let mut random = fastrand::Rng::with_seed(3);
    (0..count)
        .map(|chip| {
            let mut pixels = [0; CHIP_BYTES];
            for (at, pixel) in pixels.iter_mut().enumerate() {
                let (row, column) = (at / 3 / CHIP_SIDE, at / 3 % CHIP_SIDE);
                let dark = (row * (chip + 1) / 40 + column * (2 * chip + 1) / 40 + at % 3).is_multiple_of(2);
                *pixel = if dark { random.u8(..40) } else { random.u8(200..) };
            }
            pixels
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

/// The network in one piece, as a GPU runs it but on the CPU.
struct OnCpu {
    body: Body,
    lanes: Lanes,
}

impl OnCpu {
    fn new() -> OnCpu {
        OnCpu {
            body: body(Precision::F32),
            lanes: Lanes::new(Device::Cpu, LENGTH, Messages::none()).unwrap(),
        }
    }

    fn overlapped(&mut self) -> Overlapped<'_> {
        Overlapped {
            body: &self.body,
            lanes: &mut self.lanes,
        }
    }
}

fn body(precision: Precision) -> Body {
    Body::new(&network(), Some(0), (0.0, 1.0 / 256.0), setting(precision)).unwrap()
}

fn run<R: Runner>(mut runner: R, most: &mut usize, chips: &[&Chip]) -> Vec<Vec<f32>> {
    batches::run(&mut runner, most, chips, Messages::none()).unwrap()
}

#[test]
fn overlapped_batches_give_what_single_chips_give() {
    let _no_gradients = tch::no_grad_guard();
    let (eager, mut overlapped) = (body(Precision::F32), OnCpu::new());
    let chips = chips(7);
    let chips: Vec<&Chip> = chips.iter().collect();
    let expected = run(Eager(&eager), &mut 1, &chips);
    // Filled up to eight, in three full batches, in batches of one; smaller ones after larger ones.
    for (most, count) in [(16, 7), (2, 7), (1, 3), (4, 7), (8, 5), (8, 1)] {
        let mut limit = most;
        let got = run(overlapped.overlapped(), &mut limit, &chips[..count]);
        assert_eq!((got.len(), limit), (count, most));
        for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
            let worst = difference(got, expected);
            assert!(worst < 1e-4, "chip {i} of {count}, at most {most}: off by {worst}");
        }
    }
    // The chips are different, so that a mix-up would show.
    for (a, b) in [(0, 1), (1, 2), (0, 6)] {
        let apart = difference(&expected[a], &expected[b]);
        assert!(apart > 1e-2, "chips {a} and {b} are {apart} apart");
    }
}

#[test]
fn where_there_are_no_graphs_the_same_bits_come_without() {
    let _no_gradients = tch::no_grad_guard();
    let mut network = OnCpu::new();
    let chips = chips(2);
    let chips: Vec<&Chip> = chips.iter().collect();
    let mut most = 16;
    // The third run would record a graph; on the CPU that fails, and the network runs on.
    let with: Vec<_> = (0..5).map(|_| run(network.overlapped(), &mut most, &chips)).collect();
    network.lanes.use_graphs(false);
    let without = run(network.overlapped(), &mut most, &chips);
    assert!(with.iter().all(|with| *with == without));
    network.overlapped().release();
    assert_eq!(run(network.overlapped(), &mut most, &chips), without);
}

#[test]
fn batches_have_few_sizes() {
    let mut network = OnCpu::new();
    let overlapped = network.overlapped();
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
fn half_precisions_are_close_and_not_the_same() {
    let _no_gradients = tch::no_grad_guard();
    let chips = chips(2);
    let chips: Vec<&Chip> = chips.iter().collect();
    let embed = |precision| run(Eager(&body(precision)), &mut 16, &chips);
    let exact = embed(Precision::F32);
    for (precision, least) in [(Precision::F16, 0.9999), (Precision::Bf16, 0.999)] {
        for (a, b) in embed(precision).iter().zip(&exact) {
            let cosine = cosine(a, b);
            assert!((least..1.0 - 1e-10).contains(&cosine), "{precision:?}: {cosine}");
        }
    }
}

/// What these layers, each of the map before it (and of the map itself, where it takes two), make of a map of three channels
/// of two by three places, in which channel c has the numbers `(c + 1) * (place - 2)`.
fn made(layers: &[Layer]) -> Vec<f32> {
    let map: Vec<f32> = (1..4)
        .flat_map(|c| (0..6).map(move |place| (c * (place - 2)) as f32))
        .collect();
    let steps = layers.iter().enumerate().map(|(at, layer)| Step {
        layer: layer.clone(),
        inputs: match layer {
            Layer::Add | Layer::Multiply | Layer::Concatenate => vec![0, at],
            _ => vec![at],
        },
        channels: 0,
        sides: None,
    });
    let image = Step {
        layer: Layer::Image,
        inputs: Vec::new(),
        channels: 3,
        sides: None,
    };
    let channels = match layers.last() {
        Some(Layer::Concatenate) => 6,
        Some(Layer::Conv(conv)) => conv.outputs,
        _ => 3,
    };
    let folded = Folded {
        steps: std::iter::once(image).chain(steps).collect(),
        outputs: vec![Output {
            name: "x".into(),
            step: layers.len(),
            channels: 0..channels,
        }],
    };
    let program = Program::new(&folded, setting(Precision::F32)).unwrap();
    let image = tch::Tensor::from_slice(&map).reshape([1, 3, 2, 3]);
    let made = program
        .run(vec![image], &[0])
        .unwrap()
        .remove(0)
        .contiguous()
        .flatten(0, -1);
    Vec::try_from(made).unwrap()
}

fn assert_made(layers: &[Layer], wanted: &[f32]) {
    let made = made(layers);
    let is_close = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
    assert!(
        made.len() == wanted.len() && made.iter().zip(wanted).all(is_close),
        "{layers:?}: {made:?}"
    );
}

/// Numbers by hand, for the operations that the network above lacks.
#[test]
fn every_operation_gives_what_its_words_say() {
    let _no_gradients = tch::no_grad_guard();
    let by_channel =
        |numbers: [f32; 6]| -> Vec<f32> { [1.0, 2.0, 3.0].iter().flat_map(|c| numbers.map(|n| c * n)).collect() };
    // Incomplete windows count, and only what is inside.
    assert_made(
        &[Layer::Pool(halving(PoolOf::Greatest))],
        &[2.0, 3.0, 4.0, 6.0, 6.0, 9.0],
    );
    assert_made(&[Layer::Pool(halving(PoolOf::Mean))], &[0.0, 1.5, 0.0, 3.0, 0.0, 4.5]);
    let padded = Pool {
        of: PoolOf::Mean,
        kernel: 3,
        stride: 2,
        padding: 1,
        partial: false,
    };
    assert_made(&[Layer::Pool(padded)], &[0.0, 1.0, 0.0, 2.0, 0.0, 3.0]);
    let raised: Vec<f32> = (1..4)
        .flat_map(|c| [0, 0, 1, 1].map(|row| [0, 0, 1, 1, 2, 2].map(|column| (c * (3 * row + column - 2)) as f32)))
        .flatten()
        .collect();
    assert_made(&[Layer::Upsample(2)], &raised);
    let clipped: Vec<f32> = by_channel([-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
        .iter()
        .map(|x| x.clamp(0.0, 2.5))
        .collect();
    assert_made(&[Layer::Activation(Activation::Clip(2.5))], &clipped);
    let of_each = |new: fn(f32) -> f32| -> Vec<f32> { made(&[]).into_iter().map(new).collect() };
    assert_made(
        &[Layer::Activation(Activation::Sigmoid)],
        &of_each(|x| 1.0 / (1.0 + (-x).exp())),
    );
    assert_made(
        &[Layer::Activation(Activation::HardSwish)],
        &of_each(|x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0),
    );
    assert_made(&[Layer::Add], &by_channel([-4.0, -2.0, 0.0, 2.0, 4.0, 6.0]));
    assert_made(&[Layer::Multiply], &of_each(|x| x * x));
    // A number for each channel.
    let global = Pool {
        kernel: 2,
        stride: 1,
        partial: false,
        ..halving(PoolOf::Greatest)
    };
    let whole = Pool {
        kernel: 1,
        stride: 2,
        ..global
    };
    assert_made(&[Layer::Pool(global), Layer::Pool(whole), Layer::Multiply], &{
        let greatest = [2.0, 4.0, 6.0];
        let map = made(&[]);
        (0..18).map(|at| map[at] * greatest[at / 6]).collect::<Vec<f32>>()
    });
    let shares: Vec<f32> = (0..18)
        .map(|at| {
            let power = |c: i32| (c * (at % 6 - 2)) as f32;
            power(at / 6 + 1).exp() / (1..4).map(|c| power(c).exp()).sum::<f32>()
        })
        .collect();
    assert_made(&[Layer::Softmax], &shares);
    assert_made(&[Layer::Concatenate], &[made(&[]), made(&[])].concat());
    // Groups: each output sees its own input alone.
    let grouped = Conv {
        weight: vec![1.0, 10.0, 100.0],
        inputs: 3,
        outputs: 3,
        kernel: 1,
        stride: 1,
        padding: 0,
        groups: 3,
        bias: Bias::Channel(vec![0.5; 3]),
        slopes: None,
    };
    let wanted: Vec<f32> = made(&[])
        .iter()
        .enumerate()
        .map(|(at, x)| x * [1.0, 10.0, 100.0][at / 6] + 0.5)
        .collect();
    assert_made(&[Layer::Conv(grouped)], &wanted);
}
