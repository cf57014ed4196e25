//! The GPU back end's plug-in on libtorch's CPU, against the golden data and against the library's own back end.
//!
//! It is loaded as users have it: `cargo build --release -p qmagface-torch` puts it where these tests find it.

mod common;
#[path = "common/formula.rs"]
mod formula;
#[path = "common/golden.rs"]
mod golden;
#[path = "common/mtcnn_golden.rs"]
mod mtcnn_golden;
#[path = "common/network_golden.rs"]
mod network_golden;

use mtcnn_golden::{assert_faces, for_each_lfw, for_each_photo};
use network_golden::{Golden, against_golden, reduced};
use qmagface::detect::{Detector, DetectorKind, DetectorOptions};
use qmagface::model::Store;
use qmagface::network::spec::Network;
use qmagface::network::{EmbeddingNetwork, MOST_INSPECTED, Precision};
use qmagface::plugin::{GpuBackEnd, OnDevice};
use qmagface::weights::{TensorMap, pack};
use qmagface::{BgrImage, Chip, DecodeLimits, Device, ErrorKind, Face, Log, QualityParameters, Result, Workers};

/// The most that an element of an embedding in f32 may differ from batch to batch.
const ROUNDING: f32 = 1e-5;

/// The plug-in on the CPU.
fn on_cpu() -> OnDevice {
    let back_end = GpuBackEnd::load().expect("the plug-in: cargo build --release -p qmagface-torch");
    assert!(back_end.name().starts_with("libtorch 2."), "{back_end:?}");
    back_end.open(Device::Cpu, &Log::default()).unwrap()
}

#[test]
fn iresnets_parity() {
    formula::assert_check_values();
    for network in Network::IRESNETS {
        let Some(golden) = Golden::of(network) else { return };
        let built = on_cpu()
            .network(network, &formula::weights(network), Precision::F32)
            .unwrap();
        assert!(!built.batch_invariant());
        against_golden(&format!("{network} in libtorch"), &*built, &golden);
    }
}

/// On a CPU without instructions for 16 bits libtorch takes seconds for a chip.
#[test]
fn reduced_precisions_stay_close() {
    let network = Network::IResNet18;
    for precision in [Precision::F16, Precision::Bf16] {
        let Some(golden) = Golden::of(network) else { return };
        let built = on_cpu()
            .network(network, &formula::weights(network), precision)
            .unwrap();
        reduced(
            &format!("{network} in {precision}, libtorch"),
            &*built,
            &golden,
            precision,
            2,
        );
    }
}

fn detector(with_lnet: bool) -> Option<Detector> {
    let lnet = common::shared("models/mtcnn_lnet.safetensors")?;
    let weights = installed("mtcnn");
    let lnet = with_lnet.then(|| pack::read(&lnet).unwrap().0);
    Some(on_cpu().detector(DetectorKind::Mtcnn, &weights, lnet.as_ref()).unwrap())
}

#[test]
fn faces_are_the_references() {
    let options = DetectorOptions::default();
    for (stage, with_lnet, lfw_limit) in [("onet", false, 0.25), ("lnet", true, 1.0)] {
        let Some(detector) = detector(with_lnet) else { return };
        for_each_lfw(|entry, name, image, _| {
            let faces = detector.detect(image, &options).unwrap();
            assert_faces(name, &faces, &entry[stage], 0.5, lfw_limit);
        });
        for_each_photo(|entry, name, image| {
            let faces = detector.detect(image, &options).unwrap();
            assert_faces(name, &faces, &entry[stage], 1.0, 1.0);
        });
    }
}

/// YuNet finds what it finds by the crate's own kernels.
#[test]
fn yunets_faces_are_the_crates_own() {
    let weights = installed("yunet");
    let other = on_cpu().detector(DetectorKind::YuNet, &weights, None).unwrap();
    let own = Detector::new(DetectorKind::YuNet, &weights, None, &Workers::inline()).unwrap();
    let options = DetectorOptions::default();
    let mut compared = 0;
    let same = |name: &str, image: &BgrImage| {
        let [found, wanted] = [&other, &own].map(|detector| detector.detect(image, &options).unwrap());
        assert_eq!(found.len(), wanted.len(), "{name}");
        for (found, wanted) in found.iter().zip(&wanted) {
            assert!((found.score - wanted.score).abs() < 1e-4, "{name}");
            let places = |face: &Face| [&face.bbox[..], face.landmarks.as_flattened()].concat();
            for (a, b) in places(found).iter().zip(places(wanted)) {
                assert!((a - b).abs() < 0.05, "{name}: {a} and {b}");
            }
        }
        found.len()
    };
    for name in ["obama.jpg", "obama2.jpg", "biden.jpg"] {
        let image = qmagface::image::read(&common::photos().join(name), &DecodeLimits::default()).unwrap();
        compared += same(name, &image);
    }
    assert!(compared >= 3);
}

fn installed(name: &str) -> TensorMap {
    let store = Store::default_location().unwrap();
    common::installed(&store, name).load_weights().unwrap()
}

/// SFace as installed: close to the crate's own, and hardly moved by batches and neighbours.
#[test]
fn sface_is_the_crates_own_whatever_the_batch_and_the_neighbours() {
    let Some(golden) = Golden::of(Network::IResNet18) else {
        return;
    };
    let chips: Vec<&Chip> = golden.chips.iter().collect();
    let weights = installed("sface");
    let [other, own] = both(Network::SFace, &weights, Precision::F32).map(Result::unwrap);
    let worst = |a: &[Vec<f32>], b: &[Vec<f32>]| {
        let pairs = a.iter().flatten().zip(b.iter().flatten());
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    let together = other.forward(&chips).unwrap();
    let off = worst(&own.forward(&chips).unwrap(), &together);
    assert!(off < 1e-4, "off by {off}");
    for size in [1, 3, 8] {
        let batches = chips.chunks(size).flat_map(|some| other.forward(some).unwrap());
        let off = worst(&batches.collect::<Vec<_>>(), &together);
        assert!(off <= ROUNDING, "batches of {size}: off by {off}");
    }
    // The neighbours: all others before it, black ones, and itself many times.
    let black = Chip::from_bgr(vec![0; Chip::BYTES]).unwrap();
    let turned: Vec<&Chip> = chips.iter().rev().copied().collect();
    for (index, &chip) in chips.iter().enumerate() {
        for before in [&turned[..], &[&black; 6], &[chip; 6]] {
            let made = other.forward(&[before, &[chip]].concat()).unwrap();
            let off = worst(&made[made.len() - 1..], &together[index..=index]);
            assert!(
                off <= ROUNDING,
                "chip {index} behind {} others: off by {off}",
                before.len()
            );
        }
    }
}

/// The two back ends on their CPU, to be held against each other.
fn both(network: Network, weights: &TensorMap, precision: Precision) -> [Result<Box<dyn EmbeddingNetwork>>; 2] {
    [
        on_cpu().network(network, weights, precision),
        qmagface::network::build(network, weights, precision, &Workers::inline()),
    ]
}

#[test]
fn what_is_wrong_is_refused_as_the_crates_own_back_end_does() {
    let refused = |network, weights: &TensorMap, precision| {
        let [theirs, own] = both(network, weights, precision).map(|built| built.err().expect("a refusal"));
        assert_eq!(theirs, own);
        theirs
    };
    let good = formula::weights(Network::IResNet18);
    let name = "layer2.0.downsample.0.weight";
    let mut weights = good.clone();
    let tensor = weights.remove(name).unwrap();
    assert!(
        refused(Network::IResNet18, &weights, Precision::F32)
            .message()
            .contains(name)
    );
    weights
        .insert(name, vec![tensor.data.len()], tensor.data.clone())
        .unwrap();
    assert!(
        refused(Network::IResNet18, &weights, Precision::F32)
            .message()
            .contains(name)
    );
    let mut broken = tensor.data;
    broken[1] = f32::NAN;
    weights.insert(name, tensor.shape, broken).unwrap();
    assert!(
        refused(Network::IResNet18, &weights, Precision::F32)
            .message()
            .contains(name)
    );
    assert_eq!(
        refused(Network::Mtcnn, &installed("mtcnn"), Precision::F32).kind(),
        ErrorKind::Model
    );
    let tf32 = refused(Network::IResNet18, &good, Precision::Tf32);
    assert_eq!(tf32.kind(), ErrorKind::InvalidArgument);
    assert!(tf32.message().contains("tf32"), "{tf32}");
}

#[test]
fn no_chip_is_no_embedding_and_an_overflow_an_error() {
    let mut weights = installed("sface");
    for name in ["fc1_beta", "pre_fc1_bias", "fc1_gamma"] {
        let tensor = weights.remove(name).unwrap();
        weights
            .insert(name, tensor.shape, vec![f32::MAX; tensor.data.len()])
            .unwrap();
    }
    let network = on_cpu().network(Network::SFace, &weights, Precision::F32).unwrap();
    let chip = Chip::from_bgr(vec![0; Chip::BYTES]).unwrap();
    assert!(network.forward(&[]).unwrap().is_empty());
    assert_eq!(network.forward(&[&chip]).unwrap_err().kind(), ErrorKind::Weights);
    for count in [0, MOST_INSPECTED + 1] {
        let error = network.forward_stages(&vec![&chip; count]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.message().ends_with(&format!("not {count}")), "{error}");
    }
}

#[test]
fn a_gallery_gives_the_librarys_scores_and_shows_nothing_of_its_faces() {
    let length = 128;
    let mut random = fastrand::Rng::with_seed(5);
    let mut embeddings = |count: usize| -> Vec<f32> { (0..count * length).map(|_| 8.0 * random.f32() - 3.0).collect() };
    let (rows, probes) = (embeddings(40), embeddings(3));
    let parameters = QualityParameters {
        alpha: 0.077428,
        beta: 0.125926,
    };
    let gallery = on_cpu().gallery(&rows, length, false).unwrap();
    let scores = gallery.scores(&probes, &parameters).unwrap();
    let best = gallery.best(&probes, &parameters, 5).unwrap();
    for (probe, (scores, best)) in probes.chunks(length).zip(scores.chunks(40).zip(&best)) {
        for (row, score) in rows.chunks(length).zip(scores) {
            let expected = qmagface::compare::compare(probe, row, &parameters).unwrap().score;
            assert!(
                (f64::from(*score) - expected).abs() < 1e-4,
                "{score} in place of {expected}"
            );
        }
        let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        assert!(best.len() == 5 && (best[0].score - most).abs() < 1e-5);
        assert!(best.is_sorted_by(|a, b| a.score >= b.score));
    }
    let text = format!("{gallery:?}");
    assert!(text.contains("DeviceGallery"), "{text}");
    for number in &rows[..length] {
        assert!(!text.contains(&number.to_string()), "{text}");
    }
}

/// libtorch decides once per process whether it has CUDA, and a machine without a GPU has none: asked for one, it says so.
#[test]
fn a_gpu_that_is_not_there_is_refused_in_a_sentence() {
    let error = match GpuBackEnd::load().unwrap().open(Device::Cuda(0), &Log::default()) {
        Err(error) => error,
        // A machine with a GPU, seen before libtorch ran on the CPU.
        Ok(_) => return,
    };
    assert_eq!(error.kind(), ErrorKind::Device);
    assert_eq!(error.message().lines().count(), 1, "{error}");
    let words = ["libtorch", "CUDA"];
    assert!(words.iter().all(|word| error.message().contains(word)), "{error}");
}
