//! The golden data of the detector: 32 LFW images and six photos, with what the reference finds in them.

use crate::common::{self, shared};
use crate::golden::{self, json, landmarks, number};
use qmagface::detect::Face;
use qmagface::image::{BgrImage, DecodeLimits};
use safetensors::SafeTensors;
use serde_json::Value;

/// Compares with one golden entry; boxes and landmarks within the given pixels.
pub fn assert_faces(name: &str, faces: &[Face], entry: &Value, box_limit: f64, point_limit: f64) {
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
pub fn for_each_lfw(check: impl Fn(&Value, &str, &BgrImage, &SafeTensors)) {
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

/// Calls `check` with the entry, name and pixels of each of the six photos, read from their JPEG files.
pub fn for_each_photo(check: impl Fn(&Value, &str, &BgrImage)) {
    let Some(file) = shared("golden/mtcnn.json") else {
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
            check(entry, name, &image);
            compared += 1;
        }
    }
    assert_eq!(compared, 6);
}
