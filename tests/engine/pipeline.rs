//! The engine end to end on real photos: threads, options, models, and what it refuses.

use crate::setting::{PHOTOS, SFACE, assert_error, on_cpu, pack, sface};
use crate::{common, formula};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{self, FilterType};
use image::{RgbImage, imageops::replace};
use qmagface::Chip;
use qmagface::compare::magnitude;
use qmagface::model::{Origin, Store};
use qmagface::network::{self, Precision, spec::Network};
use qmagface::{
    BgrImage, DecodeLimits, DetectorOptions, DeviceChoice, Engine, EngineOptions, ErrorKind, Extraction, Face,
    FaceChoice, ImageView, PixelFormat, QualityParameters, Rotation, Workers,
};
use qmagface_import::Importing;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn photo(name: &str) -> PathBuf {
    common::photos().join(name)
}

fn pixels(name: &str) -> BgrImage {
    qmagface::image::read(&photo(name), &DecodeLimits::default()).unwrap()
}

fn face_of(engine: &Engine, name: &str) -> Extraction {
    let found = engine.extract_file(&photo(name)).unwrap();
    found.unwrap_or_else(|| panic!("a face in {name}"))
}

/// An empty store in a folder that goes with the test, and options that use it.
fn empty_store() -> (TempDir, Store, EngineOptions) {
    let folder = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        store: Some(folder.path().to_owned()),
        ..on_cpu()
    };
    let store = Store::new(folder.path());
    (folder, store, options)
}

fn origin() -> Origin {
    Origin {
        description: "a test".into(),
        sha256: None,
    }
}

/// The machine's own pack of this name, in another store.
fn install_again(store: &Store, name: &str) {
    store
        .install(name, &pack(name).load_weights().unwrap(), &origin())
        .unwrap();
}

/// A pack of formula weights, and the detector.
fn install_formula(store: &Store, name: &str, network: Network) {
    formula::assert_check_values();
    store.install(name, &formula::weights(network), &origin()).unwrap();
    install_again(store, "mtcnn");
}

// ------------------------------------------------------------------------------------------------ the whole pipeline

#[test]
fn one_person_scores_higher_than_two() {
    let [obama, obama2, biden] = PHOTOS.map(|name| face_of(&SFACE, name).embedding);
    let genuine = SFACE.compare(&obama, &obama2).unwrap();
    for (a, impostor) in [("obama.jpg", &obama), ("obama2.jpg", &obama2)] {
        let result = SFACE.compare(impostor, &biden).unwrap();
        assert!(
            genuine.score > result.score + 0.5 && genuine.cosine > result.cosine + 0.2,
            "{genuine:?} against {result:?} of {a}"
        );
    }
    let swapped = SFACE.compare(&obama2, &obama).unwrap();
    assert_eq!((swapped.score, swapped.quality_a), (genuine.score, genuine.quality_b));
}

#[test]
fn eight_threads_get_what_one_gets() {
    let alone = PHOTOS.map(|name| face_of(&SFACE, name));
    let scores = |faces: &[Extraction; 3]| {
        let of = |a: usize, b: usize| SFACE.compare(&faces[a].embedding, &faces[b].embedding).unwrap();
        [of(0, 1), of(0, 2), of(1, 2)]
    };
    let alone_scores = scores(&alone);
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (alone, alone_scores) = (&alone, &alone_scores);
            scope.spawn(move || {
                for call in 0..PHOTOS.len() {
                    let index = (thread + call) % PHOTOS.len();
                    // Equal to the last bit: box, landmarks, chip, embedding.
                    assert_eq!(face_of(&SFACE, PHOTOS[index]), alone[index], "{}", PHOTOS[index]);
                    assert_eq!(scores(alone), *alone_scores);
                }
            });
        }
    });
}

#[test]
fn files_bytes_and_pixels_give_the_same() {
    let name = "obama2.jpg";
    let from_file = face_of(&SFACE, name);
    let bytes = fs::read(photo(name)).unwrap();
    assert_eq!(SFACE.extract_encoded(&bytes).unwrap().as_ref(), Some(&from_file));
    let image = pixels(name);
    let rgb = image.to_rgb();
    for (data, format) in [(image.data(), PixelFormat::Bgr), (&rgb[..], PixelFormat::Rgb)] {
        let view = ImageView::new(data, image.width(), image.height(), image.width() * 3, format).unwrap();
        assert_eq!(
            SFACE.extract_pixels(&view).unwrap().as_ref(),
            Some(&from_file),
            "{format:?}"
        );
        let few = EngineOptions {
            limits: DecodeLimits {
                pixels: (image.width() * image.height()) as u64 - 1,
                ..DecodeLimits::default()
            },
            ..on_cpu()
        };
        assert_error(
            sface(&few).unwrap().extract_pixels(&view),
            ErrorKind::Limit,
            &["pixels"],
        );
        // Stored upside down, and said so.
        let turned = image.clone().rotated(Rotation::Clockwise180);
        let view = ImageView::new(
            turned.data(),
            image.width(),
            image.height(),
            image.width() * 3,
            PixelFormat::Bgr,
        );
        let view = view.unwrap().rotated(Rotation::Clockwise180);
        assert_eq!(SFACE.extract_pixels(&view).unwrap().as_ref(), Some(&from_file));
    }
    // The steps one by one are what extraction does.
    let faces = SFACE.detect(&image).unwrap();
    let chip = SFACE.align(&image, &faces[0].landmarks).unwrap();
    assert_eq!(
        (faces.len(), faces[0], &chip),
        (from_file.faces, from_file.face, &from_file.chip)
    );
    assert_eq!(SFACE.embed(&[&chip]).unwrap()[0], from_file.embedding);
    assert_eq!(SFACE.quality(&from_file.embedding).unwrap(), from_file.quality);
    assert_eq!(from_file.embedding.len(), SFACE.info().embedding_length);
}

#[test]
fn no_face_is_an_answer() {
    for image in [
        BgrImage::new(1, 1, vec![9; 3]).unwrap(),
        BgrImage::new(320, 240, vec![120; 320 * 240 * 3]).unwrap(),
    ] {
        assert_eq!(SFACE.detect(&image).unwrap(), []);
        assert_eq!(SFACE.extract(&image).unwrap(), None);
        assert_eq!(SFACE.extract_all(&image).unwrap(), []);
    }
}

/// The JPEG with an EXIF orientation put into it.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    // One IFD entry: tag 0x0112 (orientation), SHORT, 1 value.
    let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let mut out = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, (8 + tiff.len()) as u8];
    out.extend(b"Exif\0\0");
    out.extend(tiff);
    out.extend(&jpeg[2..]);
    out
}

#[test]
fn a_photo_turned_by_exif_gives_what_its_upright_pixels_give() {
    let upright = common::rgb(&pixels("obama2.jpg"));
    // (orientation, how the camera stores the picture, how it is turned back)
    type Turn = fn(&RgbImage) -> RgbImage;
    let cases: [(u8, Turn, Turn); 3] = [
        (6, |p| imageops::rotate270(p), |p| imageops::rotate90(p)),
        (3, |p| imageops::rotate180(p), |p| imageops::rotate180(p)),
        (8, |p| imageops::rotate90(p), |p| imageops::rotate270(p)),
    ];
    for (orientation, store, turn_back) in cases {
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, 95)
            .encode_image(&store(&upright))
            .unwrap();
        let stored = qmagface::image::decode(&jpeg, &DecodeLimits::default()).unwrap();
        let expected = SFACE.extract(&common::bgr(turn_back(&common::rgb(&stored)))).unwrap();
        assert!(expected.is_some());
        let turned = SFACE.extract_encoded(&with_orientation(&jpeg, orientation)).unwrap();
        assert_eq!(turned, expected, "orientation {orientation}");
        // The orientation matters: without it the answer is another one.
        assert_ne!(
            SFACE.extract_encoded(&jpeg).unwrap(),
            expected,
            "orientation {orientation}"
        );
    }
}

// ------------------------------------------------------------------------------------------------ options

/// Three photos side by side, of different widths: the largest face left, the most central one in the middle, the one
/// with the highest score right.
fn three_people() -> BgrImage {
    let parts = PHOTOS.iter().zip([600, 300, 400]).map(|(name, width)| {
        let photo = common::rgb(&pixels(name));
        let height = photo.height() * width / photo.width();
        imageops::resize(&photo, width, height, FilterType::Triangle)
    });
    let parts: Vec<_> = parts.collect();
    let width = parts.iter().map(|part| part.width()).sum();
    let height = parts.iter().map(|part| part.height()).max().unwrap();
    let mut all = RgbImage::new(width, height);
    let mut left = 0;
    for part in &parts {
        replace(&mut all, part, left, 0);
        left += i64::from(part.width());
    }
    common::bgr(all)
}

#[test]
fn the_face_that_is_asked_for_is_extracted() {
    let image = three_people();
    let engine = |face: Option<FaceChoice>| {
        let options = EngineOptions { face, ..on_cpu() };
        Engine::from_packs(&pack("sface"), &pack("mtcnn"), &options).unwrap()
    };
    let extract = |face: FaceChoice| engine(Some(face)).extract(&image).unwrap().unwrap();
    let unasked = engine(None);
    let faces = unasked.detect(&image).unwrap();
    assert_eq!(faces.len(), 3);
    let by = |rank: &dyn Fn(&Face) -> f32| *faces.iter().max_by(|a, b| rank(a).total_cmp(&rank(b))).unwrap();
    let off_centre = |face: &Face| {
        let [x1, y1, x2, y2] = face.bbox;
        ((x1 + x2) / 2.0 - image.width() as f32 / 2.0).hypot((y1 + y2) / 2.0 - image.height() as f32 / 2.0)
    };
    let best = extract(FaceChoice::BestScore);
    let largest = extract(FaceChoice::Largest);
    let central = extract(FaceChoice::MostCentral);
    assert_eq!(best.face, by(&|face| face.score));
    assert_eq!(largest.face, by(&Face::area));
    assert_eq!(central.face, by(&|face| -off_centre(face)));
    // Three different faces: left, in the middle, right.
    assert!(largest.face.bbox[2] < 600.0 && central.face.bbox[0] > 600.0 && central.face.bbox[2] < 900.0);
    assert!(best.face.bbox[0] > 900.0);
    assert_eq!([best.faces, largest.faces, central.faces], [3; 3]);

    // Nearer to the centre than the largest, larger than the best; and what SFace takes where nobody asks.
    assert_eq!(extract(FaceChoice::MostProminent), central);
    assert_eq!(unasked.info().face, FaceChoice::MostProminent);
    assert_eq!(unasked.extract(&image).unwrap().unwrap(), central);

    let all = unasked.extract_all(&image).unwrap();
    assert_eq!(all.iter().map(|one| one.face).collect::<Vec<_>>(), faces);
    for one in [best, largest, central] {
        assert!(all.contains(&one));
    }
}

#[test]
fn detector_options_are_honoured() {
    let image = three_people();
    let defaults = DetectorOptions::default();
    let large = |side: f32| DetectorOptions {
        minimum_face: Some(side),
        ..defaults
    };
    let strict = DetectorOptions {
        thresholds: [None, None, Some(1.0)],
        ..defaults
    };
    for (detector, side) in [("yunet", 200.0), ("mtcnn", 260.0)] {
        let count = |options: DetectorOptions| {
            let options = EngineOptions {
                detector: options,
                ..on_cpu()
            };
            let engine = Engine::from_packs(&pack("sface"), &pack(detector), &options).unwrap();
            engine.detect(&image).unwrap().len()
        };
        assert_eq!(count(defaults), 3, "{detector}");
        assert!((1..3).contains(&count(large(side))), "{detector}");
        assert_eq!(count(strict), 0, "{detector}");
    }
    // What a detector hasn't is refused.
    let options = EngineOptions {
        detector: DetectorOptions {
            factor: Some(0.7),
            ..defaults
        },
        ..on_cpu()
    };
    assert_error(
        sface(&options),
        ErrorKind::InvalidArgument,
        &["yunet has no pyramid factor"],
    );
    Engine::from_packs(&pack("sface"), &pack("mtcnn"), &options).unwrap();
}

#[test]
fn decode_limits_are_honoured() {
    let limits = DecodeLimits {
        pixels: 1000,
        ..DecodeLimits::default()
    };
    let engine = sface(&EngineOptions { limits, ..on_cpu() }).unwrap();
    let result = engine.extract_file(&photo("obama2.jpg"));
    assert_error(result, ErrorKind::Limit, &["obama2.jpg", "626 x 1200", "1000 pixels"]);
}

#[test]
fn parameters_in_the_options_take_the_place_of_the_packs() {
    let own = QualityParameters { alpha: 0.3, beta: 0.2 };
    let engine = sface(&EngineOptions {
        parameters: Some(own),
        ..on_cpu()
    })
    .unwrap();
    let packs = QualityParameters {
        alpha: 0.116097,
        beta: 0.172889,
    };
    assert_eq!(SFACE.info().parameters, Some(packs));
    assert_eq!(engine.info().parameters, Some(own));
    // They change the score, not what an embedding means.
    assert_eq!(engine.info().fingerprint, SFACE.info().fingerprint);
    let [a, b] = ["obama.jpg", "biden.jpg"].map(|name| face_of(&SFACE, name).embedding);
    let (with_own, with_packs) = (engine.compare(&a, &b).unwrap(), SFACE.compare(&a, &b).unwrap());
    assert_eq!(with_own.cosine, with_packs.cosine);
    let quality = with_own.quality_a.min(with_own.quality_b);
    for (result, QualityParameters { alpha, beta }) in [(with_own, own), (with_packs, packs)] {
        let expected = result.cosine + (beta * result.cosine - alpha).min(0.0) * quality;
        assert!((result.score - expected).abs() < 1e-12, "{result:?}");
    }
    assert_ne!(with_own.score, with_packs.score);
}

#[test]
fn impossible_options_are_refused_by_name() {
    let refused = |options: EngineOptions, part: &str| {
        assert_error(sface(&options), ErrorKind::InvalidArgument, &[part]);
        assert_error(Engine::open("sface", &options), ErrorKind::InvalidArgument, &[part]);
    };
    for threads in [0, 1025, usize::MAX] {
        let options = EngineOptions {
            threads: Some(threads),
            ..on_cpu()
        };
        refused(options, &format!("threads must be from 1 to 1024, not {threads}"));
    }
    let detector = |detector| EngineOptions { detector, ..on_cpu() };
    let defaults = DetectorOptions::default();
    refused(
        detector(DetectorOptions {
            minimum_face: Some(0.0),
            ..defaults
        }),
        "minimum face 0",
    );
    refused(
        detector(DetectorOptions {
            thresholds: [None, Some(f32::NAN), None],
            ..defaults
        }),
        "threshold NaN",
    );
    refused(
        detector(DetectorOptions {
            factor: Some(0.0),
            ..defaults
        }),
        "factor 0",
    );
    for (alpha, beta) in [(f64::NAN, 0.1), (0.1, f64::INFINITY)] {
        let parameters = Some(QualityParameters { alpha, beta });
        refused(EngineOptions { parameters, ..on_cpu() }, "allowed is -100 to 100");
    }
    let device = DeviceChoice::Cuda(4_000_000_000);
    let result = sface(&EngineOptions { device, ..on_cpu() });
    assert_error(result, ErrorKind::Device, &["cuda:4000000000"]);
}

// ------------------------------------------------------------------------------------------------ models

#[test]
fn embeddings_of_another_length_are_refused() {
    let good = vec![1.0; 128];
    for wrong in [0, 1, 127, 129, 512] {
        let wrong = vec![1.0; wrong];
        let part = format!("has 128 floats, {} were given", wrong.len());
        assert_error(SFACE.quality(&wrong), ErrorKind::InvalidArgument, &["sface", &part]);
        assert_error(SFACE.compare(&good, &wrong), ErrorKind::InvalidArgument, &[&part]);
        assert_error(SFACE.compare(&wrong, &good), ErrorKind::InvalidArgument, &[&part]);
    }
    assert_error(SFACE.quality(&[0.0; 128]), ErrorKind::InvalidArgument, &["zero"]);
    assert_error(SFACE.quality(&[f32::NAN; 128]), ErrorKind::InvalidArgument, &["finite"]);
    assert_eq!(
        [0.0, 9.96, 24.0].map(|quality| SFACE.uqs(quality)),
        [Some(0), Some(50), Some(100)]
    );
}

#[test]
fn magface_runs_end_to_end() {
    let (_folder, store, options) = empty_store();
    install_formula(&store, "magface-iresnet18", Network::IResNet18);
    let engine = Engine::open("magface-iresnet18", &options).unwrap();
    let info = engine.info();
    assert_eq!(
        (info.model.as_str(), info.detector.as_str()),
        ("magface-iresnet18", "mtcnn")
    );
    assert_eq!((info.embedding_length, info.landmark_refinement), (512, false));
    let [a, b] = ["obama.jpg", "biden.jpg"].map(|name| face_of(&engine, name));

    // The detector and the aligner are the ones that any model has with MTCNN, the embedding is the network's.
    let sface = Engine::from_packs(&pack("sface"), &pack("mtcnn"), &on_cpu()).unwrap();
    let of_sface = face_of(&sface, "obama.jpg");
    assert_eq!((a.face, &a.chip), (of_sface.face, &of_sface.chip));
    // It may have another detector, and is another model then: it wants the most prominent face no more than before.
    install_again(&store, "yunet");
    let other = EngineOptions {
        detector_pack: Some("yunet".into()),
        ..options.clone()
    };
    let other = Engine::open("magface-iresnet18", &other).unwrap();
    assert_eq!(
        (info.face, other.info().face),
        (FaceChoice::BestScore, FaceChoice::BestScore)
    );
    assert_eq!(other.info().detector, "yunet");
    assert_ne!(other.info().fingerprint, info.fingerprint);
    assert_eq!(face_of(&other, "obama.jpg").face, face_of(&SFACE, "obama.jpg").face);
    let network = network::build(
        Network::IResNet18,
        &formula::weights(Network::IResNet18),
        Precision::F32,
        &Workers::inline(),
    )
    .unwrap();
    assert_eq!(network.forward(&[&a.chip]).unwrap()[0], a.embedding);
    assert_eq!((a.embedding.len(), a.quality), (512, magnitude(&a.embedding).unwrap()));

    // The published constants.
    let result = engine.compare(&a.embedding, &b.embedding).unwrap();
    let weight = (0.135311 * result.cosine - 0.092861).min(0.0);
    assert!((result.score - (result.cosine + weight * a.quality.min(b.quality))).abs() < 1e-12);
    assert_ne!(info.fingerprint, SFACE.info().fingerprint);

    // The folder's path opens the same.
    let path = store.models_folder().join("magface-iresnet18");
    let by_path = Engine::open(path.to_str().unwrap(), &options).unwrap();
    assert_eq!(by_path.info(), info);
}

#[test]
fn a_model_without_calibration_says_so_and_takes_the_options() {
    let (_folder, store, options) = empty_store();
    install_formula(&store, "magface-iresnet34", Network::IResNet34);
    let engine = Engine::open("magface-iresnet34", &options).unwrap();
    assert_eq!(engine.info().parameters, None);
    let chips = [40, 200].map(|grey| Chip::from_bgr(vec![grey; Chip::BYTES]).unwrap());
    let embeddings = engine.embed(&[&chips[0], &chips[1]]).unwrap();
    let [a, b] = [&embeddings[0], &embeddings[1]];
    assert!(engine.quality(a).unwrap() > 0.0);
    let result = engine.compare(a, b);
    assert_error(
        result,
        ErrorKind::Model,
        &["magface-iresnet34", "(alpha, beta)", "options"],
    );
    let parameters = Some(QualityParameters { alpha: 0.1, beta: 0.1 });
    let engine = Engine::open("magface-iresnet34", &EngineOptions { parameters, ..options }).unwrap();
    assert!(engine.compare(a, b).unwrap().score.is_finite());
}

#[test]
fn what_is_no_embedder_or_not_here_is_refused_with_what_to_do() {
    let (folder, store, options) = empty_store();
    let open = |model: &str| Engine::open(model, &options);
    let missing = ErrorKind::ModelNotInstalled;
    assert_error(
        open("sface"),
        missing,
        &["sface is not installed", "`qmagface models fetch sface`"],
    );
    assert_error(
        open("magface-iresnet100"),
        missing,
        &["`qmagface models import magface_epoch_00025.pth`"],
    );
    assert_error(
        open("sphere"),
        ErrorKind::Model,
        &["\"sphere\"", "sface", "mtcnn", "yunet", "magface-iresnet100"],
    );
    let nowhere = folder.path().join("nowhere");
    assert_error(open(nowhere.to_str().unwrap()), ErrorKind::Io, &["nowhere"]);
    // The embedder without its detector, then the detector as an embedder.
    install_again(&store, "sface");
    assert_error(
        open("sface"),
        missing,
        &["yunet is not installed", "`qmagface models fetch yunet`"],
    );
    install_again(&store, "yunet");
    install_again(&store, "mtcnn");
    assert_error(open("mtcnn"), ErrorKind::Model, &["mtcnn is a detector", "sface"]);
    let swapped = Engine::from_packs(&pack("sface"), &pack("sface"), &options);
    assert_error(swapped, ErrorKind::InvalidArgument, &["sface is not a detector"]);
    // The same weights in another store are the same model.
    assert_eq!(open("sface").unwrap().info().fingerprint, SFACE.info().fingerprint);
}

#[test]
fn damaged_weights_are_refused() {
    let (_folder, store, options) = empty_store();
    install_again(&store, "sface");
    install_again(&store, "yunet");
    let file = store.models_folder().join("sface").join(qmagface::model::WEIGHTS_FILE);
    let mut bytes = fs::read(&file).unwrap();
    let end = bytes.len();
    bytes[end - 1] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert_error(Engine::open("sface", &options), ErrorKind::Weights, &["sface"]);
    fs::write(&file, &bytes[..end / 2]).unwrap();
    assert_error(Engine::open("sface", &options), ErrorKind::Weights, &["sface"]);
}

#[test]
fn lnet_changes_landmarks_and_fingerprint() {
    let Some(lnet) = common::shared("models/mtcnn_lnet.safetensors") else {
        return;
    };
    let (_folder, store, options) = empty_store();
    install_again(&store, "sface");
    install_again(&store, "mtcnn");
    let options = EngineOptions {
        detector_pack: Some("mtcnn".into()),
        ..options
    };
    let without = Engine::open("sface", &options).unwrap();
    assert!(!without.info().landmark_refinement);
    assert_ne!(without.info().fingerprint, SFACE.info().fingerprint);
    store.import(Path::new(&lnet), None).unwrap();
    let with = Engine::open("sface", &options).unwrap();
    assert!(with.info().landmark_refinement);
    assert_ne!(with.info().fingerprint, without.info().fingerprint);

    let [plain, refined] = [&without, &with].map(|engine| face_of(engine, "obama.jpg"));
    assert_eq!(
        (plain.face.bbox, plain.face.score),
        (refined.face.bbox, refined.face.score)
    );
    assert_ne!(plain.face.landmarks, refined.face.landmarks);
    assert_ne!(plain.embedding, refined.embedding);
    let flat = |face: &Extraction| face.face.landmarks.as_flattened().to_vec();
    for (a, b) in flat(&plain).iter().zip(flat(&refined)) {
        assert!((a - b).abs() < 20.0, "a refined landmark stays near: {a} and {b}");
    }
}
