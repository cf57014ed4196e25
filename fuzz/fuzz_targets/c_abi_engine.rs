//! Calls of the C ABI that need an engine, in any order, with any image, number and size, NULL among them.
//!
//! The networks have weights made here: what they see in a picture means nothing, that they find faces sometimes is enough.
//! What C code must promise is kept, as in `c_abi`.
#![no_main]

#[path = "../memory.rs"]
mod memory;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use memory::{Guarded, Handles};
use qmagface::ffi::*;
use qmagface::model::{Bundle, Origin, Store};
use qmagface::network::spec::Network;
use qmagface::weights::TensorMap;
use std::ptr::{null, null_mut};
use std::sync::LazyLock;

#[derive(Arbitrary, Debug)]
struct Picture<'a> {
    format: u8,
    width: u8,
    height: u8,
    stride: Option<u16>,
    data: &'a [u8],
    /// Fills the picture, so that most have the bytes they say.
    filled: bool,
    chroma: [u8; 2],
    chroma_stride: u8,
    rotation: u8,
    yuv: u8,
    size: Option<u32>,
    /// What a later release would have behind the fields known here.
    rest: u8,
}

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Detect {
        engine: u8,
        picture: Picture<'a>,
        capacity: u8,
    },
    Align {
        engine: u8,
        picture: Picture<'a>,
        landmarks: [[i8; 2]; 5],
        odd: Option<f32>,
        capacity: u16,
    },
    Embed {
        engine: u8,
        shade: u8,
        count: u8,
        capacity: u16,
    },
    Extract {
        engine: u8,
        picture: Picture<'a>,
    },
    ExtractAll {
        engine: u8,
        picture: Picture<'a>,
        capacity: u8,
    },
    ExtractFused {
        engine: u8,
        pictures: [Picture<'a>; 2],
        count: u8,
        fusion: u32,
    },
    ExtractLandmarks {
        engine: u8,
        picture: Picture<'a>,
        landmarks: [[f32; 2]; 5],
    },
    ExtractChip {
        engine: u8,
        shade: u8,
        size: Option<u16>,
    },
    Template {
        engine: u8,
        first: f32,
        length: u8,
    },
    Failed {
        engine: u8,
    },
    Quality {
        engine: u8,
        first: f32,
        length: u8,
        quality: f64,
    },
    Info {
        engine: u8,
    },
    Calibration {
        engine: u8,
    },
    Compare {
        a: u8,
        b: u8,
    },
    Create {
        bundle: Option<u16>,
        numbers: [u32; 6],
        floats: [f32; 4],
        doubles: [f64; 2],
        limits: [u64; 2],
        switches: [u32; 4],
    },
    DestroyTemplate {
        at: u8,
    },
}

/// A bundle of SFace and MTCNN.
static BUNDLE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("qmagface-fuzz-{}", std::process::id()));
    let store = Store::new(&folder);
    let origin = Origin {
        description: "made by a fuzz target".to_owned(),
        sha256: None,
    };
    let install = |network: Network, name| {
        store.install(name, &weights(network), &origin).expect("sound weights");
        store.open(name).expect("what was installed")
    };
    let (embedder, detector) = (install(Network::SFace, "sface"), install(Network::Mtcnn, "mtcnn"));
    let file = folder.join("made.qmf");
    Bundle::write(&file, &embedder, &detector).expect("a bundle");
    let bytes = std::fs::read(&file).expect("what was written");
    std::fs::remove_dir_all(&folder).expect("this process's folder");
    bytes
});

fn weights(network: Network) -> TensorMap {
    let mut map = TensorMap::new();
    for (name, shape) in network.tensor_specs() {
        let count: usize = shape.iter().product();
        let inputs: usize = shape.iter().skip(1).product();
        let factor = (3.0 / inputs.max(1) as f32).sqrt().min(0.5);
        let value = |at: usize| match name.contains("var") {
            true => 1.0,
            false => factor * (at as f32 * 1.7 + count as f32).sin(),
        };
        let values = (0..count).map(value).collect();
        map.insert(name, shape, values).expect("as many as the shape says");
    }
    map
}

/// An engine in the calling thread and one that merges callers, as C has them; or NULL.
struct Engines([*mut qmf_engine; 2]);

// SAFETY: an engine may be used by any thread.
unsafe impl Send for Engines {}
// SAFETY: as above.
unsafe impl Sync for Engines {}

static ENGINES: LazyLock<Engines> = LazyLock::new(|| {
    Engines([1, 0].map(|inline_mode| {
        let mut options = qmf_engine_options::default();
        options.device = QMF_DEVICE_CPU;
        options.inline_mode = inline_mode;
        options.threads = if inline_mode == 1 { 0 } else { 2 };
        options.minimum_face = 40.0;
        options.thresholds = [0.5, 0.4, 0.4];
        options.maximum_pixels = 1 << 16;
        options.maximum_bytes = 1 << 16;
        let mut engine = null_mut();
        // SAFETY: a live struct, and all of the bundle's bytes.
        let status = unsafe { qmf_engine_create_from_memory(BUNDLE.as_ptr(), BUNDLE.len(), &options, &mut engine) };
        assert_eq!(status, QMF_OK);
        engine
    }))
});

fn engine(at: u8) -> *const qmf_engine {
    // NULL seldom.
    match at {
        255 => std::ptr::null(),
        _ => ENGINES.0[usize::from(at % 2)],
    }
}

/// An image of a later release, which may say that it is this large.
#[repr(C)]
struct Later {
    image: qmf_image,
    rest: [u8; 4096],
}

/// Calls `work` with the picture as C has it.
fn with_image<T>(picture: &Picture, work: impl FnOnce(*const qmf_image) -> T) -> T {
    let mut bytes = picture.data.to_vec();
    if picture.filled {
        // Enough for any format of this size.
        bytes.resize(256 * 256 * 4, 0x5a);
    }
    let planes = picture.chroma.map(|size| vec![0x80u8; usize::from(size) * 64]);
    let plane = |at: usize| match planes[at].is_empty() {
        true => std::ptr::null(),
        false => planes[at].as_ptr(),
    };
    let image = qmf_image {
        struct_size: picture.size.unwrap_or(size_of::<qmf_image>() as u32),
        format: i32::from(picture.format % 11),
        width: picture.width.into(),
        height: picture.height.into(),
        stride: picture.stride.map_or(0, usize::from),
        data: bytes.as_ptr(),
        data_size: bytes.len(),
        chroma: [plane(0), plane(1)],
        chroma_size: [planes[0].len(), planes[1].len()],
        chroma_stride: picture.chroma_stride.into(),
        rotation: u32::from(picture.rotation % 5) * 90,
        yuv: i32::from(picture.yuv % 5),
    };
    let later = Later {
        image,
        rest: [picture.rest; 4096],
    };
    work((&raw const later).cast())
}

const MARK: f32 = 12345.0;

// The engines are made before the first input: that takes longer than one may.
fuzz_target!(init: { LazyLock::force(&ENGINES); }, |calls: Vec<Call>| {
    let mut templates: Handles<qmf_template> = Handles(Vec::new());
    for call in calls.iter().take(8) {
        // SAFETY: handles are live or NULL; every size is that of the memory behind the pointer.
        unsafe { one(call, &mut templates) };
    }
    // SAFETY: live, each once.
    unsafe { templates.0.drain(..).for_each(|handle| qmf_template_destroy(handle)) };
    assert_eq!(
        (qmf_live_templates(), qmf_live_calibrations(), qmf_live_engines()),
        (0, 0, 2)
    );
});

unsafe fn one(call: &Call, templates: &mut Handles<qmf_template>) {
    unsafe {
        match call {
            Call::Detect {
                engine: at,
                picture,
                capacity,
            } => {
                let mark = qmf_face {
                    score: MARK,
                    ..qmf_face::default()
                };
                let capacity = usize::from(*capacity);
                let mut faces = vec![mark; capacity + 1];
                let mut count = 0;
                let status = with_image(picture, |image| {
                    qmf_detect(engine(*at), image, null(), faces.as_mut_ptr(), capacity, &mut count)
                });
                assert_eq!(faces[capacity].score, MARK, "written past the capacity");
                if status == QMF_OK {
                    assert!(count <= capacity);
                    for face in &faces[..count] {
                        assert!((0.0..=1.0).contains(&face.score) && face.bbox.iter().all(|side| side.is_finite()));
                    }
                }
            }
            Call::Align {
                engine: at,
                picture,
                landmarks,
                odd,
                capacity,
            } => {
                let mut points = landmarks.map(|point| point.map(f32::from));
                if let Some(odd) = odd {
                    points[2][1] = *odd;
                }
                // Around what is needed, or anything.
                let capacity = if *capacity < 60_000 {
                    QMF_CHIP_SIZE
                } else {
                    usize::from(*capacity)
                };
                let mut chip = Guarded::new(capacity, 0xa5u8);
                let mut size = 0;
                with_image(picture, |image| {
                    qmf_align(
                        engine(*at),
                        image,
                        points.as_flattened().as_ptr(),
                        chip.0.as_mut_ptr(),
                        capacity,
                        &mut size,
                    )
                });
                chip.check(0xa5);
            }
            Call::Embed {
                engine: at,
                shade,
                count,
                capacity,
            } => {
                let count = usize::from(count % 4);
                let chips: Vec<u8> = (0..count * QMF_CHIP_SIZE).map(|at| (at % 251) as u8 ^ shade).collect();
                let mut embeddings = Guarded::new(usize::from(*capacity), MARK);
                let mut length = 0;
                let data = embeddings.0.as_mut_ptr();
                let status = qmf_embed(
                    engine(*at),
                    chips.as_ptr(),
                    count,
                    null(),
                    data,
                    embeddings.1,
                    &mut length,
                );
                embeddings.check(MARK);
                if status == QMF_OK {
                    assert!(
                        embeddings.0[..count * 128]
                            .iter()
                            .all(|value| value.is_finite() && *value != MARK)
                    );
                }
            }
            Call::Extract { engine: at, picture } => {
                let mut result = null_mut();
                let status = with_image(picture, |image| qmf_extract(engine(*at), image, null(), &mut result));
                templates.keep(status, result);
            }
            Call::ExtractAll {
                engine: at,
                picture,
                capacity,
            } => {
                let capacity = usize::from(capacity % 16);
                let mut results = vec![null_mut(); capacity + 1];
                let mut count = 0;
                let status = with_image(picture, |image| {
                    qmf_extract_all(engine(*at), image, null(), results.as_mut_ptr(), capacity, &mut count)
                });
                assert!(results[capacity].is_null(), "written past the capacity");
                let made = results.into_iter().filter(|handle| !handle.is_null());
                for handle in made {
                    templates.keep(status, handle);
                }
            }
            Call::ExtractFused {
                engine: at,
                pictures,
                count,
                fusion,
            } => {
                let mut result = null_mut();
                let [first, second] = pictures;
                let count = usize::from(count % 3);
                let fusion = (*fusion % 4) as _;
                let status = with_image(first, |first| {
                    with_image(second, |second| {
                        let images: [*const qmf_image; 2] = [first, second];
                        qmf_extract_fused(engine(*at), images.as_ptr(), count, fusion, null(), &mut result)
                    })
                });
                templates.keep(status, result);
            }
            Call::ExtractLandmarks {
                engine: at,
                picture,
                landmarks,
            } => {
                let mut result = null_mut();
                let points = landmarks.as_flattened().as_ptr();
                let status = with_image(picture, |image| {
                    qmf_extract_landmarks(engine(*at), image, points, null(), &mut result)
                });
                templates.keep(status, result);
            }
            Call::ExtractChip {
                engine: at,
                shade,
                size,
            } => {
                let mut result = null_mut();
                let chip = vec![*shade; size.map_or(QMF_CHIP_SIZE, usize::from)];
                let status = qmf_extract_chip(engine(*at), chip.as_ptr(), chip.len(), null(), &mut result);
                templates.keep(status, result);
            }
            Call::Template {
                engine: at,
                first,
                length,
            } => {
                let mut result = null_mut();
                let mut embedding = vec![0.5; if *length < 200 { 128 } else { (*length).into() }];
                embedding[0] = *first;
                let status = qmf_template_create(engine(*at), embedding.as_ptr(), embedding.len(), &mut result);
                templates.keep(status, result);
            }
            Call::Failed { engine: at } => {
                let mut result = null_mut();
                let status = qmf_template_create_failed(engine(*at), &mut result);
                templates.keep(status, result);
            }
            Call::Quality {
                engine: at,
                first,
                length,
                quality,
            } => {
                let embedding = vec![*first; if *length < 200 { 128 } else { (*length).into() }];
                let (mut value, mut uqs) = (0.0, 0);
                if qmf_quality(engine(*at), embedding.as_ptr(), embedding.len(), &mut value) == QMF_OK {
                    assert!(value.is_finite() && value >= 0.0);
                }
                if qmf_unified_quality(engine(*at), *quality, &mut uqs) == QMF_OK {
                    assert!((0..=100).contains(&uqs));
                }
                // A photo of one grey, and landmarks anywhere.
                let pixels = [90u8; 300];
                let mut image = qmf_image::default();
                (image.width, image.height) = (10, 10);
                (image.data, image.data_size) = (pixels.as_ptr(), pixels.len());
                let mut face = qmf_face::default();
                face.landmarks = std::array::from_fn(|at| [*first * at as f32, (*quality * at as f64 * at as f64) as f32]);
                let mut measured: [qmf_measured; 32] = std::array::from_fn(|_| std::mem::zeroed());
                let mut count = 0;
                let status = qmf_measure_face(
                    engine(*at), &image, &face, 1, 0, measured.as_mut_ptr(), measured.len(), &mut count,
                );
                if status == QMF_OK {
                    assert!(measured[..count].iter().all(|one| one.value.is_finite() && (0..=100).contains(&one.score)));
                }
            }
            Call::Info { engine: at } => {
                let mut info = qmf_engine_info::default();
                qmf_engine_get_info(engine(*at), &mut info);
            }
            Call::Calibration { engine: at } => {
                let mut calibration = null_mut();
                let status = qmf_engine_get_calibration(engine(*at), &mut calibration);
                assert_eq!(status == QMF_OK, !calibration.is_null());
                qmf_calibration_destroy(calibration);
            }
            Call::Compare { a, b } => {
                let mut calibration = null_mut();
                qmf_calibration_create(0.08, 0.12, &mut calibration);
                let mut comparison = qmf_comparison::default();
                if qmf_compare(calibration, templates.at(*a), templates.at(*b), &mut comparison) == QMF_OK {
                    assert!(!comparison.score.is_nan() && comparison.score <= 1.0 + 1e-6);
                }
                qmf_calibration_destroy(calibration);
            }
            Call::Create {
                bundle,
                numbers,
                floats,
                doubles,
                limits,
                switches,
            } => {
                let mut options = qmf_engine_options::default();
                let [device, index, threads, face, precision, size] = *numbers;
                // A device number of a GPU is refused here; threads are few.
                options.device = (device % 5) as _;
                options.device_index = index;
                options.threads = if threads % 4 == 0 { threads } else { threads % 3 };
                options.face_choice = (face % 6) as _;
                options.precision = (precision % 7) as _;
                options.batch_size = size % 400;
                options.minimum_face = floats[0] as _;
                options.thresholds = [floats[1] as _, floats[2] as _, floats[3] as _];
                [options.alpha, options.beta] = *doubles;
                [options.maximum_pixels, options.maximum_bytes] = limits.map(|limit| limit as _);
                let [wait, inline, level, turned] = switches.map(|value| value % 4);
                options.batch_wait_us = wait * 400_000;
                options.inline_mode = inline as _;
                options.log_level = level as _;
                options.turned = turned as _;
                // A bundle that is cut off, else no file at all: what is asked is looked at first.
                let mut result = null_mut();
                let status = match bundle {
                    Some(size) => {
                        qmf_engine_create_from_memory(BUNDLE.as_ptr(), usize::from(*size), &options, &mut result)
                    }
                    None => qmf_engine_create(c"./nothing".as_ptr(), &options, &mut result),
                };
                assert!(status != QMF_OK && result.is_null());
            }
            Call::DestroyTemplate { at } => qmf_template_destroy(templates.take(*at)),
        }
    }
}
