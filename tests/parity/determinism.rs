//! The same input gives the same result on the CPU, to the last bit, whatever the batch, the number of threads and the
//! neighbours in the batch.
//!
//! tests/parity/network.rs shows the same of the iResNets on golden chips, src/cpu/tests.rs of each kind of layer.

use crate::{common, formula};
use qmagface::model::Store;
use qmagface::network::{self, EmbeddingNetwork, Precision, spec::Network};
use qmagface::weights::TensorMap;
use qmagface::{BgrImage, Chip, DecodeLimits, DeviceChoice, Engine, EngineOptions, Extraction, Workers, image};
use std::sync::Barrier;

fn packs() -> [qmagface::model::Pack; 2] {
    ["sface", "mtcnn"].map(|name| common::installed(&Store::default_location().unwrap(), name))
}

/// Chips of smooth noise that look unlike each other.
fn chips(count: usize) -> Vec<Chip> {
    (0..count)
        .map(|index| {
            let mut random = fastrand::Rng::with_seed(index as u64);
            let waves: Vec<[f32; 3]> = (0..9)
                .map(|_| [random.f32() * 0.3, random.f32() * 0.3, random.f32() * 6.0])
                .collect();
            let value = |x: usize, y: usize, channel: usize| {
                let waves = waves[3 * channel..][..3].iter();
                let sum: f32 = waves.map(|[a, b, c]| (a * x as f32 + b * y as f32 + c).sin()).sum();
                (127.5 + 40.0 * sum).clamp(0.0, 255.0) as u8
            };
            let pixels = (0..Chip::SIZE * Chip::SIZE)
                .flat_map(|at| [0, 1, 2].map(|channel| value(at % Chip::SIZE, at / Chip::SIZE, channel)));
            Chip::from_bgr(pixels.collect()).unwrap()
        })
        .collect()
}

fn bits(embeddings: &[Vec<f32>]) -> Vec<u32> {
    embeddings.iter().flatten().map(|value| value.to_bits()).collect()
}

/// The chips' embeddings, in several ways of calling; each must be `wanted`.
fn whatever_the_batch(what: &str, network: &dyn EmbeddingNetwork, chips: &[Chip], wanted: &[Vec<f32>]) {
    let all: Vec<&Chip> = chips.iter().collect();
    let check = |how: String, made: Vec<Vec<f32>>, wanted: &[Vec<f32>]| {
        assert!(bits(&made) == bits(wanted), "{what}, {how}: other bits");
    };
    // The size of the batch, and with it the place in it.
    for size in [1, 3, 8, all.len()] {
        let made = all
            .chunks(size)
            .flat_map(|some| network.forward(some).unwrap())
            .collect();
        check(format!("batches of {size}"), made, wanted);
    }
    // The neighbours: others before and behind, and itself many times.
    for (index, &chip) in all.iter().enumerate().step_by(7) {
        let one = &wanted[index..=index];
        let black = Chip::from_bgr(vec![0; Chip::BYTES]).unwrap();
        let turned: Vec<&Chip> = all.iter().rev().copied().collect();
        for (how, before) in [
            ("after all others", &turned[..]),
            ("after black", &[&black; 6]),
            ("after itself", &[chip; 6]),
        ] {
            let batch = [before, &[chip]].concat();
            let mut made = network.forward(&batch).unwrap();
            check(format!("chip {index} {how}"), vec![made.pop().unwrap()], one);
        }
    }
    // From run to run.
    for _ in 0..2 {
        check("again".to_owned(), network.forward(&all).unwrap(), wanted);
    }
}

fn whatever_the_threads(network: Network, weights: &TensorMap, count: usize) {
    let chips = chips(count);
    let all: Vec<&Chip> = chips.iter().collect();
    let own = |workers: &Workers| network::build(network, weights, Precision::F32, workers).unwrap();
    let inline = own(&Workers::inline());
    assert!(inline.batch_invariant());
    let wanted = inline.forward(&all).unwrap();
    let apart = wanted[0].iter().zip(&wanted[1]).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0.0, f32::max) > 0.1, "chips that differ");
    for threads in [1, 2, 3, 8] {
        let network = own(&Workers::new(Some(threads)).unwrap());
        whatever_the_batch(&format!("{threads} threads"), &*network, &chips, &wanted);
    }
    whatever_the_batch("inline", &*inline, &chips, &wanted);
}

#[test]
fn networks_give_the_same_whatever_the_batch_the_threads_and_the_neighbours() {
    let [sface, _] = packs();
    whatever_the_threads(Network::SFace, &sface.load_weights().unwrap(), 16);
    formula::assert_check_values();
    whatever_the_threads(Network::IResNet18, &formula::weights(Network::IResNet18), 4);
}

/// Photos with one face and with two, small enough for many turns.
fn photos() -> Vec<BgrImage> {
    let read = |name: &str| image::read(&common::photos().join(name), &DecodeLimits::default()).unwrap();
    let small = |whole: BgrImage, by: u32| {
        let (whole, filter) = (common::rgb(&whole), ::image::imageops::FilterType::Triangle);
        let small = ::image::imageops::resize(&whole, whole.width() / by, whole.height() / by, filter);
        common::bgr(small)
    };
    vec![read("obama.jpg"), small(read("obama2.jpg"), 2)]
}

/// A face found, as the bits of all its numbers.
fn all_bits(found: &[Extraction]) -> Vec<u64> {
    let numbers = |found: &Extraction| -> Vec<u64> {
        let face = &found.face;
        let floats = face
            .bbox
            .iter()
            .chain([&face.score])
            .chain(face.landmarks.as_flattened());
        let floats = floats.chain(&found.embedding).map(|value| u64::from(value.to_bits()));
        floats.chain([found.quality.to_bits()]).collect()
    };
    found.iter().flat_map(numbers).collect()
}

#[test]
fn an_engine_gives_the_same_inline_and_with_any_number_of_threads_and_callers() {
    let [sface, mtcnn] = packs();
    let engine = |options: EngineOptions| {
        let options = EngineOptions {
            device: DeviceChoice::Cpu,
            ..options
        };
        Engine::from_packs(&sface, &mtcnn, &options).unwrap()
    };
    let inline = || {
        engine(EngineOptions {
            inline: true,
            ..EngineOptions::default()
        })
    };
    let photos = photos();
    let of = |engine: &Engine| -> Vec<Vec<Extraction>> {
        photos.iter().map(|photo| engine.extract_all(photo).unwrap()).collect()
    };
    let first = inline();
    assert!(first.info().batch_invariant);
    let wanted = of(&first);
    assert!(wanted.iter().all(|faces| !faces.is_empty()) && wanted.iter().any(|faces| faces.len() > 1));
    let same = |what: &str, made: &[Vec<Extraction>]| {
        for (made, wanted) in made.iter().zip(&wanted) {
            assert!(
                made == wanted && all_bits(made) == all_bits(wanted),
                "{what}: other bits"
            );
        }
    };
    // From run to run, of this engine and of another.
    same("inline, again", &of(&first));
    same("inline, another engine", &of(&inline()));
    for threads in [1, 2, 3, 8] {
        for batch_size in [None, Some(1), Some(3)] {
            let options = EngineOptions {
                threads: Some(threads),
                batch_size,
                ..EngineOptions::default()
            };
            let engine = engine(options);
            let what = format!("{threads} threads, batches of {batch_size:?}");
            same(&what, &of(&engine));
            // Several callers at a time, whose chips are merged.
            let start = Barrier::new(4);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        start.wait();
                        same(&what, &of(&engine));
                    });
                }
            });
        }
    }
}
