//! Detection and alignment against the reference detector and aligner (golden/mtcnn).

use crate::common::shared;
use crate::golden::{json, landmarks, number};
use crate::mtcnn_golden::{assert_faces, for_each_lfw, for_each_photo};
use crate::{common, golden};
use qmagface::Chip;
use qmagface::Workers;
use qmagface::align::{similarity, warp};
use qmagface::detect::{DetectorOptions, Face, Mtcnn};
use qmagface::image::{BgrImage, DecodeLimits};
use qmagface::model::Store;
use qmagface::weights::pack;

/// The detector in threads and without.
fn detectors(with_lnet: bool) -> Option<[Mtcnn; 2]> {
    let lnet = shared("models/mtcnn_lnet.safetensors")?;
    let store = Store::default_location().unwrap();
    let weights = common::installed(&store, "mtcnn").load_weights().unwrap();
    let lnet = with_lnet.then(|| pack::read(&lnet).unwrap().0);
    let detector = |workers| Mtcnn::new(&weights, lnet.as_ref(), &workers).unwrap();
    Some([detector(Workers::new(Some(3)).unwrap()), detector(Workers::inline())])
}

/// What is found: the same bits with threads and without.
fn detected(detectors: &[Mtcnn; 2], image: &BgrImage) -> Vec<Face> {
    let [with, without] = detectors
        .each_ref()
        .map(|detector| detector.detect(image, &DetectorOptions::default()).unwrap());
    assert_eq!(with, without);
    with
}

fn lfw_parity(stage: &str, with_lnet: bool, point_limit: f64) {
    let Some(detectors) = detectors(with_lnet) else { return };
    for_each_lfw(|entry, name, image, _| {
        assert_faces(name, &detected(&detectors, image), &entry[stage], 0.5, point_limit);
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
    let Some(detectors) = detectors(with_lnet) else { return };
    for_each_photo(|entry, name, image| assert_faces(name, &detected(&detectors, image), &entry[stage], 1.0, 1.0));
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
            minimum_face: Some(200.0),
            ..Default::default()
        }),
        1
    );
    assert_eq!(
        count(DetectorOptions {
            thresholds: [None, None, Some(0.99)],
            ..Default::default()
        }),
        1
    );
    assert_eq!(
        count(DetectorOptions {
            thresholds: [Some(1.0), None, None],
            ..Default::default()
        }),
        0
    );
}
