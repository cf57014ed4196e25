//! What is left of faces where nobody expects them: in freed memory, in texts of `{:?}`, and in log messages.
//!
//! What is looked for in every block that is freed are runs of numbers of a face: of embeddings, directions in every
//! precision, pixels of chips, and metadata.

use crate::watched::{SECRET, left_behind};
use crate::{alone, common};
use half::f16;
use qmagface::Work;
use qmagface::ffi;
use qmagface::gallery::{Gallery, SearchOptions};
use qmagface::model::Fingerprint;
use qmagface::network::FeatureMap;
use qmagface::pairs::Prepared;
use qmagface::{
    BgrImage, Cancel, Chip, DecodeLimits, DeviceChoice, Engine, EngineOptions, Fusion, ImageView, PixelFormat, Scalar,
    Template,
};
use std::fmt::Debug;
use std::ptr::{null, null_mut};
use std::sync::{Arc, LazyLock, Mutex};
use zeroize::Zeroizing;

/// A secret of 8 floats.
fn floats(values: &[f32]) -> [u8; SECRET] {
    bytes(&values[..8].iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<_>>())
}

fn bytes(values: &[u8]) -> [u8; SECRET] {
    values[..SECRET].try_into().unwrap()
}

const METADATA: &[u8; SECRET] = b"Ada, born 1815, of 12 St James S";

/// Different in every value.
fn embedding(seed: u64) -> Vec<f32> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..128).map(|_| random.f32() * 4.0 - 2.0).collect()
}

fn template(seed: u64) -> Template {
    Template::from_embedding("sface", Fingerprint([7; 32]), &embedding(seed)).unwrap()
}

/// A direction as it is kept in 16 bits and in 8, and as it is read from them again.
fn stored(direction: &[f32]) -> [(&'static str, [u8; SECRET]); 4] {
    let halves: Vec<f16> = direction.iter().map(|&v| f16::from_f32(v)).collect();
    let largest = direction.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
    let eighths: Vec<f64> = direction
        .iter()
        .map(|&v| (f64::from(v) * 127.0 / f64::from(largest)).round())
        .collect();
    let scaled = |values: Vec<f64>| {
        let scale = (1.0 / values.iter().map(|v| v * v).sum::<f64>().sqrt()) as f32;
        floats(&values.iter().map(|&v| v as f32 * scale).collect::<Vec<_>>())
    };
    [
        (
            "halves",
            bytes(&halves.iter().flat_map(|v| v.to_ne_bytes()).collect::<Vec<_>>()),
        ),
        ("halves as floats", scaled(halves.iter().map(|&v| v.into()).collect())),
        (
            "bytes",
            bytes(&eighths.iter().map(|&v| v as i8 as u8).collect::<Vec<_>>()),
        ),
        ("bytes as floats", scaled(eighths.clone())),
    ]
}

#[test]
fn what_is_freed_as_it_is_is_found() {
    let _alone = alone();
    let secret = embedding(1);
    let wanted = [("floats", floats(&secret)), ("others", floats(&embedding(2)))];
    assert_eq!(
        left_behind(&wanted, || drop(std::hint::black_box(secret.clone()))),
        ["floats"]
    );
    let mut growing = secret.clone();
    growing.shrink_to_fit();
    let grown = left_behind(&wanted, || growing.extend_from_slice(&[0.0; 10_000]));
    assert_eq!(grown, ["floats"], "a vector that grows leaves its old memory as it is");
    assert!(left_behind(&wanted, || drop(Zeroizing::new(secret.clone()))).is_empty());
}

#[test]
fn templates_leave_nothing() {
    let _alone = alone();
    let (made, other, given) = (template(1), template(2), embedding(1));
    let fused = Template::fuse(&[&made, &other], Fusion::Quality).unwrap();
    let key = [3; 32];
    let plain = Scalar::ALL.map(|scalar| made.clone().with_metadata(METADATA).unwrap().to_bytes(scalar));
    let read = |scalar: usize| floats(Template::from_bytes(&plain[scalar]).unwrap().direction());
    let stored = stored(made.direction());
    let wanted = [
        ("direction", floats(made.direction())),
        ("embedding", floats(&made.embedding())),
        ("fused direction", floats(fused.direction())),
        ("metadata", *METADATA),
        ("read from halves", read(1)),
        ("read from bytes", read(2)),
        stored[0],
        stored[2],
    ];
    let left = left_behind(&wanted, || {
        let mut one = Template::from_embedding("sface", Fingerprint([7; 32]), &given).unwrap();
        one = one.with_metadata(METADATA).unwrap();
        one = one.clone().with_metadata(b"").unwrap().with_metadata(METADATA).unwrap();
        for (scalar, plain) in Scalar::ALL.into_iter().zip(&plain) {
            drop(Template::from_bytes(plain).unwrap());
            let sealed = one.seal(scalar, &key, METADATA).unwrap();
            assert_eq!(Template::unseal(&sealed, &key, METADATA).unwrap().metadata(), METADATA);
        }
        for fusion in [Fusion::Quality, Fusion::Mean] {
            drop(Template::fuse(&[&one, &other], fusion).unwrap());
        }
    });
    assert_eq!(left, [""; 0]);
}

#[test]
fn galleries_leave_nothing() {
    let _alone = alone();
    let secret = template(1);
    let others: Vec<Template> = (2..300).map(template).collect();
    let calibration = qmagface::Calibration::from_parameters(qmagface::QualityParameters {
        alpha: 0.077428,
        beta: 0.125926,
    })
    .unwrap();
    let probes = [&secret; 40];
    let first = secret.direction()[0];
    let mut wanted = vec![
        ("direction", floats(secret.direction())),
        // What lies side by side in a panel of probes that are all the same.
        ("panel", floats(&[first; 8])),
    ];
    wanted.extend(stored(secret.direction()));
    for scalar in Scalar::ALL {
        let left = left_behind(&wanted, || {
            let mut gallery = Gallery::new(scalar);
            gallery.add(&[&secret]).unwrap();
            for other in &others {
                // It grows several times.
                gallery.add(&[other]).unwrap();
            }
            drop(gallery.clone());
            for count in [1, probes.len()] {
                let (options, work) = (SearchOptions::default(), Work::default());
                let found = gallery.search(&calibration, &probes[..count], &options, &work).unwrap();
                assert_eq!(found[0][0].index, 0);
                let mut scores = vec![0.0; count * gallery.len()];
                gallery
                    .score(&calibration, &probes[..count], &mut scores, &work)
                    .unwrap();
            }
            for count in [1, probes.len()] {
                drop(calibration.score_matrix(&probes[..count], &probes).unwrap());
            }
            gallery.remove(&[0]).unwrap();
        });
        assert_eq!(left, [""; 0], "{scalar:?}");
    }
}

fn options() -> EngineOptions {
    EngineOptions {
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    }
}

fn open(options: &EngineOptions) -> Engine {
    common::sface(options)
}

fn photo() -> BgrImage {
    qmagface::image::read(&common::photos().join("obama.jpg"), &DecodeLimits::default()).unwrap()
}

/// On the CPU in f32, where every number is in this library's own memory.
#[test]
fn an_engine_leaves_no_chip_and_no_embedding() {
    let _alone = alone();
    let engine = open(&options());
    let image = photo();
    let found = engine.extract(&image).unwrap().unwrap();
    let middle = Chip::BYTES / 2;
    let pixels = &found.chip.bgr()[middle..][..SECRET];
    assert!(pixels.windows(2).any(|pair| pair[0] != pair[1]));
    let template = engine.template(&found).unwrap();
    let as_floats: Vec<f32> = pixels.iter().map(|&pixel| pixel.into()).collect();
    let wanted = [
        ("embedding", floats(&found.embedding)),
        ("its middle", floats(&found.embedding[60..])),
        ("direction", floats(template.direction())),
        ("chip", bytes(pixels)),
        ("chip as floats", floats(&as_floats)),
    ];
    let cancelled = Cancel::default();
    cancelled.cancel();
    let mut taken = Zeroizing::new([0.0f32; 256]);
    let raw = [found.chip.bgr(), found.chip.bgr()].concat();
    let left = left_behind(&wanted, || {
        let again = Zeroizing::new(engine.extract(&image).unwrap().unwrap());
        assert_eq!(again.embedding, found.embedding);
        drop(engine.template(&again).unwrap());
        let chips = [&again.chip; 5];
        drop(Zeroizing::new(engine.embed(&chips).unwrap()));
        assert!(engine.embed_cancellable(&chips, &cancelled).is_err());
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| drop(Zeroizing::new(engine.embed(&chips).unwrap())));
            }
        });
    });
    assert_eq!(left, [""; 0]);
    drop(engine);

    let mut handle = null_mut();
    let mut options = std::mem::MaybeUninit::<ffi::qmf_engine_options>::uninit();
    // SAFETY: every pointer is to a variable of this test, with the sizes that are said.
    unsafe {
        assert_eq!(
            ffi::qmf_engine_options_init(options.as_mut_ptr(), size_of_val(&options)),
            0
        );
        let mut options = options.assume_init();
        options.device = ffi::QMF_DEVICE_CPU;
        assert_eq!(ffi::qmf_engine_create(c"sface".as_ptr(), &options, &mut handle), 0);
    }
    let view = ffi::qmf_image {
        format: ffi::QMF_IMAGE_BGR,
        width: image.width() as u32,
        height: image.height() as u32,
        stride: 3 * image.width(),
        data: image.data().as_ptr(),
        data_size: image.data().len(),
        ..Default::default()
    };
    let left = left_behind(&wanted, || {
        // SAFETY: as above.
        unsafe {
            let mut made = [null_mut(); 8];
            let (mut count, mut length) = (0, 0);
            assert_eq!(ffi::qmf_extract(handle, &view, null(), &mut made[0]), 0);
            ffi::qmf_template_destroy(made[0]);
            assert_eq!(
                ffi::qmf_extract_all(handle, &view, null(), made.as_mut_ptr(), 8, &mut count),
                0
            );
            for &one in &made[..count] {
                ffi::qmf_template_destroy(one);
            }
            assert_eq!(
                ffi::qmf_extract_chip(handle, raw.as_ptr(), Chip::BYTES, null(), &mut made[0]),
                0
            );
            let into = taken.as_mut_ptr();
            assert_eq!(ffi::qmf_template_get_embedding(made[0], into, 256, &mut length), 0);
            ffi::qmf_template_destroy(made[0]);
            assert_eq!(
                ffi::qmf_embed(handle, raw.as_ptr(), 2, null(), into, 256, &mut length),
                0
            );
            ffi::qmf_engine_destroy(handle);
        }
    });
    assert_eq!(taken[..8], found.embedding[..8]);
    assert_eq!(left, [""; 0]);
}

// --------------------------------------------------------------------------------------------------------------- texts

/// Says the values that stand in a text, however they are rounded.
fn shown<'a>(text: &str, values: impl IntoIterator<Item = &'a f32>) -> Vec<f32> {
    let stands = |value: &f32| {
        let rounded = (3..9).map(|places| format!("{:.places$}", value.abs()));
        rounded
            .chain([format!("{:?}", value.abs())])
            .any(|number| text.contains(&number))
    };
    values.into_iter().copied().filter(|value| stands(value)).collect()
}

#[test]
fn debug_shows_sizes_and_nothing_of_a_face() {
    let direction = [[0.731_234_56f32; 2], [0.112_233_44; 2]].concat();
    let length = direction.iter().map(|v| v * v).sum::<f32>().sqrt();
    let embedding: Vec<f32> = direction.iter().map(|v| v * 17.3).collect();
    let unit: Vec<f32> = direction.iter().map(|v| v / length).collect();
    let template = Template::from_embedding("sface", Fingerprint([7; 32]), &embedding)
        .unwrap()
        .with_metadata(b"Ada")
        .unwrap();
    let mut gallery = Gallery::new(Scalar::F32);
    gallery.add(&[&template]).unwrap();
    let pixels = vec![217u8; Chip::BYTES];
    let chip = Chip::from_bgr(pixels.clone()).unwrap();
    let image = chip.to_image();
    let view = ImageView::new(&pixels, 112, 112, 336, PixelFormat::Bgr).unwrap();
    let rows = qmagface::Matrix::new(1, 4, embedding.clone()).unwrap();
    let set = Prepared::from_names(rows, vec!["Ada/1.jpg".into()]).unwrap();
    let extraction = qmagface::Extraction {
        face: qmagface::Face {
            bbox: [1.0; 4],
            score: 0.5,
            landmarks: [[2.0; 2]; 5],
        },
        faces: 1,
        chip: chip.clone(),
        embedding: embedding.clone(),
        quality: 18.0,
        uqs: None,
    };
    let features = FeatureMap {
        shape: [1, 4, 1, 1],
        data: embedding.clone(),
    };
    let things: [(&str, &dyn Debug); 9] = [
        ("Template", &template),
        ("Extraction", &extraction),
        ("Chip", &chip),
        ("BgrImage", &image),
        ("ImageView", &view),
        ("Gallery", &gallery),
        ("Prepared", &set),
        ("FeatureMap", &features),
        ("EngineOptions", &options()),
    ];
    for (name, thing) in things {
        for text in [format!("{thing:?}"), format!("{thing:#?}")] {
            assert!(text.contains(name) && text.len() < 900, "{text}");
            assert_eq!(shown(&text, embedding.iter().chain(&unit)), [0.0; 0], "{text}");
            for secret in ["Ada", "65, 100, 97", "217"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }
    // Of the templates' it is all there is to see.
    assert!(format!("{template:?}").contains("metadata: 3 bytes"), "{template:?}");
}

/// Everything that is logged by anyone in this process.
static LOGGED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Collect;

impl log::Log for Collect {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        LOGGED.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

#[test]
fn no_message_has_anything_of_a_face() {
    static ONCE: LazyLock<()> = LazyLock::new(|| {
        log::set_logger(&Collect).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    LazyLock::force(&ONCE);
    let own = Arc::new(Mutex::new(Vec::new()));
    let sink = own.clone();
    let engine = open(&EngineOptions {
        log: qmagface::Log::new(qmagface::LogLevel::Debug, move |_, message| {
            sink.lock().unwrap().push(message.to_owned());
        }),
        ..options()
    });
    let by_default = open(&options());
    let mut numbers = Vec::new();
    let mut messages = Vec::new();
    for engine in [&engine, &by_default] {
        let found = engine.extract(&photo()).unwrap().unwrap();
        let template = engine.template(&found).unwrap().with_metadata(b"Ada Lovelace").unwrap();
        let mut broken = found.embedding.clone();
        broken[3] = f32::NAN;
        // What fails is told, too, and whoever wants to logs it.
        for failed in [
            engine.quality(&broken).unwrap_err(),
            engine.quality(&found.embedding[1..]).unwrap_err(),
            engine.template_of(&broken).unwrap_err(),
            engine.compare(&broken, &found.embedding).unwrap_err(),
            Template::from_bytes(&template.to_bytes(Scalar::F32)[1..]).unwrap_err(),
            Template::unseal(&template.to_bytes(Scalar::F32), &[0; 32], b"Ada Lovelace").unwrap_err(),
            Chip::from_bgr(found.chip.bgr()[1..].to_vec()).unwrap_err(),
        ] {
            messages.extend([failed.to_string(), format!("{failed:?}")]);
        }
        numbers.extend(found.embedding.iter().chain(template.direction()).copied());
    }
    let own = std::mem::take(&mut *own.lock().unwrap());
    let logged = std::mem::take(&mut *LOGGED.lock().unwrap());
    for of_engine in [&own, &logged] {
        assert!(of_engine.iter().any(|m| m.contains("faces embedded")), "{of_engine:?}");
    }
    messages.extend(own.into_iter().chain(logged));
    // Small numbers are in every text: 0.001 is no sign of anything.
    let telling: Vec<f32> = numbers.into_iter().filter(|v| v.abs() > 0.01).collect();
    assert!(telling.len() > 300);
    for message in &messages {
        assert_eq!(shown(message, &telling), [0.0; 0], "{message}");
        assert!(!message.contains("Ada") && message.len() < 400, "{message}");
    }
}
