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
use qmagface::network::Precision;
use qmagface::network::spec::Network;
use qmagface::torch::{self, DeviceGallery};
use qmagface::weights::pack;
use qmagface::{Chip, Device, Workers};

/// The most that an element of an embedding in f32 may differ from batch to batch.
const ROUNDING: f32 = 1e-5;

#[test]
fn iresnets_parity() {
    formula::assert_check_values();
    for network in [Network::IResNet18, Network::IResNet50, Network::IResNet100] {
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
    let weights = common::installed(&Store::default_location().unwrap(), "mtcnn")
        .load_weights()
        .unwrap();
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

/// SFace as installed: close to the crate's own, and hardly moved by the size of the batch.
#[test]
fn sface_is_the_crates_own_whatever_the_batch() {
    let Some(golden) = Golden::of(Network::IResNet18) else {
        return;
    };
    let chips: Vec<&Chip> = golden.chips.iter().collect();
    let weights = common::installed(&Store::default_location().unwrap(), "sface")
        .load_weights()
        .unwrap();
    let own = qmagface::network::build(Network::SFace, &weights, Precision::F32, &Workers::inline()).unwrap();
    let other = torch::build(Network::SFace, &weights, Device::Cpu, Precision::F32).unwrap();
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
}

#[test]
fn wrong_weights_are_refused_as_the_crates_own_back_end_does() {
    let mut weights = formula::weights(Network::IResNet18);
    weights.remove("layer2.0.downsample.0.weight").unwrap();
    let refused = torch::build(Network::IResNet18, &weights, Device::Cpu, Precision::F32);
    let workers = Workers::inline();
    let own = qmagface::network::build(Network::IResNet18, &weights, Precision::F32, &workers);
    assert_eq!(refused.err().expect("a refusal"), own.err().expect("a refusal"));
    let tf32 = torch::build(Network::IResNet18, &weights, Device::Cpu, Precision::Tf32);
    assert!(tf32.err().expect("a refusal").message().contains("tf32"));
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
