//! Detection and alignment against the reference detector and aligner (golden/mtcnn).

mod common;
#[path = "common/golden.rs"]
mod golden;

use common::shared;
use golden::{json, landmarks, number};
use qmagface::Workers;
use qmagface::align::{Chip, similarity, warp};
use qmagface::detect::{DetectorOptions, Face, Mtcnn};
use qmagface::image::{BgrImage, DecodeLimits};
use qmagface::model::Store;
use qmagface::weights::pack;
use safetensors::SafeTensors;
use serde_json::Value;

/// The detector on the crate's own convolutions, in threads and without, and the one in libtorch.
fn detectors(with_lnet: bool) -> Option<[Mtcnn; 3]> {
    let lnet = shared("models/mtcnn_lnet.safetensors")?;
    let store = Store::default_location().unwrap();
    let weights = common::installed(&store, "mtcnn").load_weights().unwrap();
    let lnet = with_lnet.then(|| pack::read(&lnet).unwrap().0);
    let lnet = lnet.as_ref();
    let own = |workers| Mtcnn::new(&weights, lnet, tch::Device::Cpu, &workers).unwrap();
    Some([
        own(Workers::new(Some(3)).unwrap()),
        own(Workers::inline()),
        Mtcnn::in_libtorch(&weights, lnet, tch::Device::Cpu).unwrap(),
    ])
}

/// Compares with one golden entry; boxes and landmarks within the given pixels.
fn assert_faces(name: &str, faces: &[Face], entry: &Value, box_limit: f64, point_limit: f64) {
    let boxes = entry["boxes_x1y1x2y2_score"].as_array().unwrap();
    let points = entry["points_xxxxxyyyyy"].as_array().unwrap();
    assert_eq!(faces.len(), boxes.len(), "{name}: number of faces");
    for (index, face) in faces.iter().enumerate() {
        for (side, ours) in face.bbox.map(f64::from).into_iter().enumerate() {
            let golden = number(&boxes[index][side]);
            assert!(
                (ours - golden).abs() <= box_limit,
                "{name} face {index} side {side}: {ours} against {golden}"
            );
        }
        let (ours, golden) = (f64::from(face.score), number(&boxes[index][4]));
        assert!(
            (ours - golden).abs() <= 1e-3,
            "{name} face {index}: score {ours} against {golden}"
        );
        for (ours, golden) in face
            .landmarks
            .iter()
            .flatten()
            .zip(landmarks(&points[index]).iter().flatten())
        {
            let difference = f64::from((ours - golden).abs());
            assert!(
                difference <= point_limit,
                "{name} face {index}: landmark {ours} against {golden}"
            );
        }
    }
}

/// Calls `check` with the entry, name, stored pixels and stored tensors of each of the 32 LFW images. The photos' pixels
/// are not stored: their JPEG decoding is measured with the detector.
fn for_each_lfw(check: impl Fn(&Value, &str, &BgrImage, &SafeTensors)) {
    let Some(file) = shared("golden/mtcnn.safetensors") else {
        return;
    };
    let bytes = std::fs::read(&file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut compared = 0;
    for entry in json(&file.with_extension("json")).as_array().unwrap() {
        let name = entry["image"].as_str().unwrap();
        let key = format!("pixels_bgr_{name}");
        if tensors.tensor(&key).is_ok() {
            check(entry, name, &golden::image(&tensors, &key), &tensors);
            compared += 1;
        }
    }
    assert_eq!(compared, 32);
}

/// What each detector finds. With threads and without, the crate's own convolutions give the same bits.
fn detected(detectors: &[Mtcnn; 3], image: &BgrImage) -> [Vec<Face>; 3] {
    let found = detectors
        .each_ref()
        .map(|detector| detector.detect(image, &DetectorOptions::default()).unwrap());
    assert_eq!(found[0], found[1]);
    found
}

fn lfw_parity(stage: &str, with_lnet: bool, point_limit: f64) {
    let Some(detectors) = detectors(with_lnet) else { return };
    for_each_lfw(|entry, name, image, _| {
        for faces in detected(&detectors, image) {
            assert_faces(name, &faces, &entry[stage], 0.5, point_limit);
        }
    });
}

#[test]
fn lfw_onet_boxes_landmarks_and_scores() {
    lfw_parity("onet", false, 0.25);
}

#[test]
fn lfw_lnet_landmarks() {
    lfw_parity("lnet", true, 1.0);
}

/// Runs the six photos from their JPEG files.
fn photo_parity(stage: &str, with_lnet: bool) {
    let (Some(detectors), Some(file)) = (detectors(with_lnet), shared("golden/mtcnn.json")) else {
        return;
    };
    let photos = common::photos();
    let mut compared = 0;
    for entry in json(&file).as_array().unwrap() {
        let name = entry["image"].as_str().unwrap();
        let path = photos.join(name);
        if path.exists() {
            let image = qmagface::image::read(&path, &DecodeLimits::default()).unwrap();
            assert_eq!(image.width() as f64, number(&entry["width"]), "{name}");
            for faces in detected(&detectors, &image) {
                assert_faces(name, &faces, &entry[stage], 1.0, 1.0);
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 6);
}

#[test]
fn photos_onet_from_jpeg() {
    photo_parity("onet", false);
}

#[test]
fn photos_lnet_from_jpeg() {
    photo_parity("lnet", true);
}

#[test]
fn alignment_matrix_from_golden_landmarks() {
    let Some(file) = shared("golden/mtcnn.json") else {
        return;
    };
    let mut compared = 0;
    for entry in json(&file).as_array().unwrap() {
        for stage in ["onet", "lnet"] {
            let matrix = similarity(&landmarks(&entry[stage]["points_xxxxxyyyyy"][0])).unwrap();
            for (row, values) in matrix.iter().enumerate() {
                for (column, ours) in values.iter().enumerate() {
                    let golden = number(&entry[stage]["similarity_2x3"][row][column]);
                    assert!(
                        (ours - golden).abs() <= 1e-3,
                        "{} {stage}: {ours} against {golden}",
                        entry["image"]
                    );
                }
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 2 * 38);
}

#[test]
fn alignment_chips_from_golden_landmarks() {
    for_each_lfw(|entry, name, image, tensors| {
        for stage in ["onet", "lnet"] {
            let matrix = similarity(&landmarks(&entry[stage]["points_xxxxxyyyyy"][0])).unwrap();
            let chip = warp(image, &matrix).unwrap();
            let golden = golden::image(tensors, &format!("chip_{stage}_{name}"));
            assert_chip(name, chip.bgr(), &golden);
        }
    });
}

/// Within 2 grey levels for 99.9 % of the pixels, within 4 for all.
fn assert_chip(name: &str, ours: &[u8], golden: &BgrImage) {
    let differences = || {
        ours.chunks_exact(3)
            .zip(golden.data().chunks_exact(3))
            .map(|(a, b)| a.iter().zip(b).map(|(x, y)| x.abs_diff(*y)).max().unwrap())
    };
    let above_two = differences().filter(|&d| d > 2).count();
    let largest = differences().max().unwrap();
    let pixels = Chip::SIZE * Chip::SIZE;
    println!("{name}: {above_two} of {pixels} pixels above 2 grey levels, largest {largest}");
    assert!(
        above_two * 1000 <= pixels && largest <= 4,
        "{name}: {above_two} of {pixels} above 2, largest {largest}"
    );
}

#[test]
fn an_image_without_a_face_or_too_small_for_one_is_an_empty_answer() {
    let Some([detector, ..]) = detectors(true) else { return };
    for (width, height) in [(1, 1), (11, 300), (300, 200)] {
        let grey = BgrImage::new(width, height, vec![128; width * height * 3]).unwrap();
        assert_eq!(detector.detect(&grey, &DetectorOptions::default()).unwrap(), []);
    }
}

#[test]
fn options_change_what_is_found() {
    let Some([detector, ..]) = detectors(false) else { return };
    let image = qmagface::image::read(&common::photos().join("obama.jpg"), &DecodeLimits::default()).unwrap();
    let count = |options: DetectorOptions| detector.detect(&image, &options).unwrap().len();
    assert_eq!(count(DetectorOptions::default()), 2);
    assert_eq!(
        count(DetectorOptions {
            minimum_face: 200.0,
            ..Default::default()
        }),
        1
    );
    assert_eq!(
        count(DetectorOptions {
            thresholds: [0.6, 0.7, 0.99],
            ..Default::default()
        }),
        1
    );
    assert_eq!(
        count(DetectorOptions {
            thresholds: [1.0, 0.7, 0.8],
            ..Default::default()
        }),
        0
    );
}
