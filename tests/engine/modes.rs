//! How an engine can be made to work: precision, batches, logging; and what it makes of its results: templates
//! and the calibration.

use crate::common;
use crate::setting::{PHOTOS, SFACE, on_cpu, sface};
use qmagface::template::Fusion;
use qmagface::{
    BgrImage, Cancel, DecodeLimits, DeviceChoice, Engine, EngineOptions, ErrorKind, Extraction, Log, LogLevel,
    Precision, QualityParameters, image,
};
use std::sync::{Arc, Barrier, LazyLock, Mutex};
use std::time::Duration;

/// An engine of the default model that can be made.
fn opened(options: &EngineOptions) -> Engine {
    sface(options).unwrap()
}

static FACES: LazyLock<[Extraction; 3]> = LazyLock::new(|| {
    PHOTOS.map(|name| {
        let found = SFACE.extract_file(&common::photos().join(name)).unwrap();
        found.unwrap_or_else(|| panic!("a face in {name}"))
    })
});

/// The photo of the first of [`FACES`].
fn photo() -> BgrImage {
    image::read(&common::photos().join(PHOTOS[0]), &DecodeLimits::default()).unwrap()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    SFACE.compare(a, b).unwrap().cosine
}

#[test]
fn reduced_precision_changes_little_but_the_fingerprint_not_at_all() {
    for (precision, least_cosine, most_relative) in [(Precision::F16, 0.9999, 2e-3), (Precision::Bf16, 0.999, 2e-2)] {
        let engine = opened(&EngineOptions {
            precision: Some(precision),
            ..on_cpu()
        });
        assert_eq!(engine.info().precision, precision);
        assert_eq!(engine.info().fingerprint, SFACE.info().fingerprint);
        for face in FACES.iter() {
            let embedding = engine.embed(&[&face.chip]).unwrap().concat();
            let (cosine, quality) = (cosine(&embedding, &face.embedding), engine.quality(&embedding).unwrap());
            println!("{precision}: cosine {cosine}, quality {quality} for {}", face.quality);
            assert!(cosine > least_cosine && cosine < 1.0 - 1e-10, "{precision}: {cosine}");
            assert!(
                (quality / face.quality - 1.0).abs() < most_relative,
                "{precision}: {quality}"
            );
        }
    }
    assert_eq!(SFACE.info().precision, Precision::F32);
    assert_eq!(SFACE.device_memory(), Ok(None), "there is no device but the CPU");
}

#[test]
fn merged_callers_get_what_they_get_alone() {
    let engine = opened(&EngineOptions {
        batch_size: Some(8),
        batch_wait: Duration::from_millis(20),
        ..on_cpu()
    });
    let start = Barrier::new(6);
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let (engine, start) = (&engine, &start);
            scope.spawn(move || {
                start.wait();
                for call in 0..6 {
                    let face = &FACES[(thread + call) % 3];
                    let merged = engine.embed(&[&face.chip]).unwrap().concat();
                    assert_eq!(*merged, face.embedding);
                }
            });
        }
    });
}

#[test]
fn the_faces_of_an_image_get_together_what_each_gets_alone() {
    let engine = opened(&EngineOptions {
        batch_size: None,
        ..on_cpu()
    });
    assert_eq!(engine.info().batch_size, 16);
    let one_thread = EngineOptions {
        inline: true,
        ..on_cpu()
    };
    assert_eq!(opened(&one_thread).info().batch_size, 1);
    let image = &photo();
    // Other landmarks are other chips: faces of one image that differ.
    let faces: Vec<_> = (0..20u8)
        .map(|index| {
            let mut face = FACES[0].face;
            face.landmarks.iter_mut().for_each(|point| point[0] += f32::from(index));
            face
        })
        .collect();
    let together = engine.extract_faces(image, &faces).unwrap();
    assert_eq!(together.len(), faces.len());
    for (made, face) in together.iter().zip(&faces) {
        let alone = engine.extract_faces(image, std::slice::from_ref(face)).unwrap();
        assert_eq!((made.face, &made.embedding), (*face, &alone[0].embedding));
        assert_eq!((made.faces, made.quality), (20, alone[0].quality));
    }
    assert!(together[0].embedding != together[19].embedding);
}

#[test]
fn a_cancelled_call_ends_and_no_other() {
    let (token, other) = (Cancel::new(), Cancel::new());
    let (chip, image) = (&FACES[0].chip, photo());
    assert_eq!(
        SFACE.embed_cancellable(&[chip], &token).unwrap(),
        SFACE.embed(&[chip]).unwrap()
    );
    assert_eq!(
        SFACE.extract_cancellable(&image, &token).unwrap(),
        SFACE.extract(&image).unwrap()
    );
    token.cancel();
    let ended = SFACE.embed_cancellable(&[chip], &token).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Cancelled);
    let ended = SFACE.extract_cancellable(&image, &token).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Cancelled);
    assert_eq!(SFACE.embed_cancellable(&[chip], &other).unwrap().len(), 1);
}

#[test]
fn options_out_of_range_or_against_each_other_are_refused() {
    let refused = |options: EngineOptions, part: &str| {
        let error = options.validate().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(part), "{error}");
        assert_eq!(Engine::open("sface", &options).err(), Some(error));
    };
    for batch_size in [0, 257] {
        refused(
            EngineOptions {
                batch_size: Some(batch_size),
                ..on_cpu()
            },
            &format!("from 1 to 256, not {batch_size}"),
        );
    }
    let batch_wait = Duration::from_millis(1001);
    refused(EngineOptions { batch_wait, ..on_cpu() }, "1s at most, not 1.001s");
    let inline = || EngineOptions {
        inline: true,
        ..on_cpu()
    };
    refused(
        EngineOptions {
            threads: Some(2),
            ..inline()
        },
        "one thread",
    );
    refused(
        EngineOptions {
            batch_size: Some(2),
            ..inline()
        },
        "batch size of 1",
    );
    refused(
        EngineOptions {
            device: DeviceChoice::Cuda(0),
            ..inline()
        },
        "CPU only",
    );
}

#[test]
fn messages_go_to_the_engines_own_log_up_to_its_level() {
    let lines = |level: LogLevel| {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let sink = kept.clone();
        let log = Log::new(level, move |level, message| {
            sink.lock().unwrap().push((level, message.to_owned()))
        });
        let engine = opened(&EngineOptions { log, ..on_cpu() });
        engine.embed(&[&FACES[0].chip]).unwrap();
        drop(engine);
        Arc::into_inner(kept)
            .expect("the engine let go of it")
            .into_inner()
            .unwrap()
    };
    let debug = lines(LogLevel::Debug);
    assert!(
        debug
            .iter()
            .any(|(level, text)| *level == LogLevel::Info && text.contains("sface")),
        "{debug:?}"
    );
    assert!(
        debug
            .iter()
            .any(|(level, text)| *level == LogLevel::Debug && text.contains("embedded")),
        "{debug:?}"
    );
    let info = lines(LogLevel::Info);
    assert!(
        !info.is_empty() && info.iter().all(|(level, _)| *level <= LogLevel::Info),
        "{info:?}"
    );
    assert_eq!(lines(LogLevel::Warning), []);
}

#[test]
fn templates_carry_what_the_engine_knows() {
    let template = SFACE.template(&FACES[0]).unwrap();
    assert_eq!(
        (template.model(), template.fingerprint()),
        ("sface", SFACE.info().fingerprint)
    );
    let seen = template.face().unwrap();
    assert_eq!((seen.face, seen.faces as usize), (FACES[0].face, FACES[0].faces));
    assert_eq!((template.quality(), template.uqs()), (FACES[0].quality, FACES[0].uqs));

    let calibration = SFACE.calibration().unwrap();
    let [a, b, c] = FACES.each_ref().map(|face| SFACE.template(face).unwrap());
    for (x, y, fx, fy) in [(&a, &b, 0, 1), (&a, &c, 0, 2)] {
        let scored = calibration.compare(x, y).unwrap();
        let plain = SFACE.compare(&FACES[fx].embedding, &FACES[fy].embedding).unwrap();
        assert!(
            (scored.comparison.score - plain.score).abs() < 1e-5,
            "{scored:?} {plain:?}"
        );
        assert!(scored.negative_log10_fmr.is_some());
    }
    let failed = SFACE.failed_template().unwrap();
    assert_eq!(
        calibration.compare(&a, &failed).unwrap().comparison.score,
        f64::NEG_INFINITY
    );

    let fused = SFACE.fuse(&[&a, &b], Fusion::Quality).unwrap();
    assert_eq!((fused.images(), fused.is_fused()), (2, true));
    let with_fused = calibration.compare(&fused, &a).unwrap().comparison.cosine;
    assert!(
        with_fused > calibration.compare(&a, &b).unwrap().comparison.cosine,
        "{with_fused}"
    );
    assert!(SFACE.template_of(&[1.0; 64]).is_err());
}

#[test]
fn given_parameters_know_no_thresholds() {
    let own = QualityParameters { alpha: 0.3, beta: 0.2 };
    let engine = opened(&EngineOptions {
        parameters: Some(own),
        ..on_cpu()
    });
    let calibration = engine.calibration().unwrap();
    assert_eq!(calibration.parameters(), own);
    assert!(calibration.thresholds().is_empty() && calibration.fmr_range().is_none());
    assert_eq!(
        SFACE.calibration().unwrap().fingerprint(),
        Some(SFACE.info().fingerprint)
    );
}
