//! The GPU back end on libtorch's CPU, against the golden data and against the crate's own back end.

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
use qmagface::detect::{DetectorOptions, Mtcnn};
use qmagface::model::Store;
use qmagface::network::spec::Network;
use qmagface::network::{EmbeddingNetwork, MOST_INSPECTED, Precision};
use qmagface::torch::{self, DeviceGallery};
use qmagface::weights::{TensorMap, pack};
use qmagface::{Chip, Device, ErrorKind, Result, Workers};

/// The most that an element of an embedding in f32 may differ from batch to batch.
const ROUNDING: f32 = 1e-5;

#[test]
fn iresnets_parity() {
    formula::assert_check_values();
    for network in Network::IRESNETS {
        let Some(golden) = Golden::of(network) else { return };
        let built = torch::build(network, &formula::weights(network), Device::Cpu, Precision::F32).unwrap();
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
        let built = torch::build(network, &formula::weights(network), Device::Cpu, precision).unwrap();
        reduced(
            &format!("{network} in {precision}, libtorch"),
            &*built,
            &golden,
            precision,
            2,
        );
    }
}

fn detector(with_lnet: bool) -> Option<Mtcnn> {
    let lnet = common::shared("models/mtcnn_lnet.safetensors")?;
    let weights = installed("mtcnn");
    let lnet = with_lnet.then(|| pack::read(&lnet).unwrap().0);
    Some(torch::mtcnn(&weights, lnet.as_ref(), Device::Cpu).unwrap())
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

fn installed(name: &str) -> TensorMap {
    let store = Store::default_location().unwrap();
    common::installed(&store, name).load_weights().unwrap()
}

/// SFace as installed: close to the crate's own, and hardly moved by batches, threads and neighbours.
#[test]
fn sface_is_the_crates_own_whatever_the_batch_the_threads_and_the_neighbours() {
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
    // A number of the whole process: the other tests' results move by as little.
    let before = tch::get_num_threads();
    for threads in [1, 2, 3, 8] {
        tch::set_num_threads(threads);
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
    tch::set_num_threads(before);
}

/// The two back ends on their CPU, to be held against each other.
fn both(network: Network, weights: &TensorMap, precision: Precision) -> [Result<Box<dyn EmbeddingNetwork>>; 2] {
    [
        torch::build(network, weights, Device::Cpu, precision),
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
    let network = torch::build(Network::SFace, &weights, Device::Cpu, Precision::F32).unwrap();
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
fn a_gallery_shows_nothing_of_its_faces() {
    let rows = ndarray::Array2::from_shape_vec((1, 4), vec![7.25f32, -3.5, 11.75, 9.125]).unwrap();
    let gallery = DeviceGallery::new(rows.view(), Device::Cpu, false).unwrap();
    let text = format!("{gallery:?}");
    assert!(text.contains("DeviceGallery"), "{text}");
    for number in rows.iter().map(|value| value.to_string()) {
        assert!(!text.contains(&number), "{text}");
    }
}
