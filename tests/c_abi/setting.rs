//! What the C and C++ programs need: the library, packs, files to read, a compiler, and a way to run them.

use crate::common;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage, imageops};
use ndarray::{Array2, Axis};
use qmagface::model::{Bundle, Fingerprint, MANIFEST_FILE, Pack, Store};
use qmagface::{BgrImage, Calibration, DecodeLimits, DeviceChoice, Engine, EngineOptions, Matrix, Scalar, Template};
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// The photos of the set-up that the programs see a part of, and the name of that part.
pub const CROPS: [(&str, &str); 3] = [("obama.jpg", "a.png"), ("obama2.jpg", "b.png"), ("biden.jpg", "c.png")];

/// Sides of view.FORMAT: even, and not alike.
pub const VIEW: (usize, usize) = (144, 112);

/// The key and the context that templates.c seals with.
pub const KEY: [u8; 32] = {
    let mut key = [0; 32];
    key[0] = 7;
    key[2] = 255;
    key
};
pub const RECORD: [u8; 4] = [4, 7, 1, 1];

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The newest file below `folder`, `but` left out.
fn newest(folder: &Path, but: &Path) -> SystemTime {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| entry.path() != but)
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| entry.metadata().unwrap().modified().unwrap())
        .max()
        .expect("a file")
}

/// The shared library that cargo made with this test: it lies beside it.
pub fn library() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let library = test.parent().unwrap().join("libqmagface.so");
    let made = fs::metadata(&library).and_then(|data| data.modified());
    let made =
        made.unwrap_or_else(|error| panic!("no shared library beside this test, {}: {error}", library.display()));
    let source = root().join("src");
    assert!(
        made >= newest(&source, &source.join("bin")),
        "{} is older than the library's source: this is not what cargo makes of it",
        library.display()
    );
    library
}

/// A folder with the library under the name it is asked for, a cache with the packs, and the files to read.
pub fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c_abi");
        let _ = fs::remove_dir_all(&folder); // the last run's
        fs::create_dir_all(&folder).unwrap();
        let at = |name: &str| folder.join(name);
        for name in ["libqmagface.so", "libqmagface.so.0"] {
            std::os::unix::fs::symlink(library(), at(name)).unwrap();
        }
        // A cache of its own: what else is installed on this machine must not matter.
        let store = Store::default_location().unwrap();
        fs::create_dir_all(at("cache/models")).unwrap();
        let [_, detector, embedder] = ["mtcnn", "yunet", "sface"].map(|name| {
            let pack = common::installed(&store, name);
            std::os::unix::fs::symlink(pack.folder().unwrap(), at("cache/models").join(name)).unwrap();
            pack
        });
        write_models(&folder, &embedder, &detector);
        let engine = Engine::from_packs(&embedder, &detector, &options()).unwrap();
        write_images(&folder, &engine);
        write_foreign(&folder, &engine);
        let people: Vec<u8> = people()
            .0
            .values()
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        fs::write(folder.join("people.f32"), people).unwrap();
        folder
    })
}

/// Images of each made-up person.
const EACH: usize = 5;

/// Embeddings of 60 made-up people, and who is on each: the shorter an embedding is, the less it resembles its person's
/// others, as with real ones.
pub fn people() -> (Matrix, Vec<u32>) {
    let mut state = 1u64;
    // splitmix64, to -1..1.
    let mut next = move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    let mut embeddings = Array2::zeros((60 * EACH, 128));
    for mut person in embeddings.axis_chunks_iter_mut(Axis(0), EACH) {
        let centre: Vec<f32> = (0..128).map(|_| next()).collect();
        for mut image in person.rows_mut() {
            let quality = 11.0 + 3.0 * next();
            for (value, centre) in image.iter_mut().zip(&centre) {
                *value = centre + (14.5 - quality) * 0.35 * next();
            }
            let length = image.iter().map(|value| value * value).sum::<f32>().sqrt();
            image.mapv_inplace(|value| value * quality / length);
        }
    }
    let subjects = (0..60 * EACH).map(|image| (image / EACH) as u32).collect();
    let embeddings = Matrix::new(60 * EACH, 128, embeddings.into_iter().collect()).unwrap();
    (embeddings, subjects)
}

/// The options of the programs' engines.
pub fn options() -> EngineOptions {
    EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(1),
        ..EngineOptions::default()
    }
}

/// A program's engine: `model` is a pack's name or a path in the folder.
pub fn open(model: &str, options: EngineOptions) -> Engine {
    let store = Some(folder().join("cache"));
    let model = match model.strip_prefix("./") {
        Some(path) => folder().join(path).to_str().unwrap().to_owned(),
        None => model.to_owned(),
    };
    Engine::open(&model, &EngineOptions { store, ..options }).unwrap()
}

/// The bundle of the two packs, and variants of the embedder's: with iResNet-50's constants of the unified quality score,
/// without those and a calibration, and with a damaged weight.
fn write_models(folder: &Path, embedder: &Pack, detector: &Pack) {
    Bundle::write(&folder.join("sface.qmfmodel"), embedder, detector).unwrap();
    let variant = |name: &str, manifest: &dyn Fn(String) -> String| {
        let to = folder.join(name);
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(embedder.folder().unwrap()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        let file = to.join(MANIFEST_FILE);
        let changed = manifest(fs::read_to_string(&file).unwrap());
        fs::write(&file, changed).unwrap();
        to
    };
    variant("sface-other-uqs", &|text| {
        let at = text
            .find("[uqs]")
            .expect("sface has constants of the unified quality score");
        let to = text.find("[weights]").expect("the weights come last");
        let others = "[uqs]\ncentre = 23.0\nscale = 2.6\nbasis = \"ISO/IEC 29794-5\"\n\n";
        text[..at].to_owned() + others + &text[to..]
    });
    variant("sface-uncalibrated", &|text| {
        let from = text.find("[calibration]").expect("sface has a calibration");
        let to = text.find("[weights]").expect("the weights come last");
        text[..from].to_owned() + &text[to..]
    });
    let damaged = variant("sface-damaged", &|text| text).join("weights.safetensors");
    let mut weights = fs::read(&damaged).unwrap();
    let middle = weights.len() / 2;
    weights[middle] ^= 1;
    fs::write(&damaged, weights).unwrap();
}

/// The part of a photo around its first face, so small that detection takes milliseconds.
fn crop(photo: &BgrImage, engine: &Engine) -> RgbImage {
    let [x1, y1, x2, y2] = engine.detect(photo).unwrap().first().expect("a face").bbox;
    let (side, x, y) = ((x2 - x1).max(y2 - y1), (x1 + x2) / 2.0, (y1 + y2) / 2.0);
    let from = |centre: f32, half: f32| (centre - half).max(0.0) as u32;
    let part = imageops::crop_imm(
        &common::rgb(photo),
        from(x, side),
        from(y, side),
        (2.0 * side) as u32,
        (2.0 * side) as u32,
    )
    .to_image();
    imageops::resize(&part, 180, 200, imageops::FilterType::Triangle)
}

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn write_images(folder: &Path, engine: &Engine) {
    let at = |name: &str| folder.join(name);
    fs::copy(common::photos().join("obama.jpg"), at("obama.jpg")).unwrap();
    let mut chips = Vec::new();
    for (photo, name) in CROPS {
        let photo = qmagface::image::read(&common::photos().join(photo), &DecodeLimits::default()).unwrap();
        let part = crop(&photo, engine);
        part.save(at(name)).unwrap();
        let part = common::bgr(part);
        chips.extend_from_slice(engine.extract(&part).unwrap().expect("a face").chip.bgr());
    }
    fs::write(at("chips.bgr"), chips).unwrap();

    // Two people in one photo.
    let two = ["a.png", "b.png"].map(|name| image::open(at(name)).unwrap().to_rgb8());
    let [a, b] = &two;
    let mut group = image::RgbImage::new(a.width() + b.width(), a.height().max(b.height()));
    image::imageops::replace(&mut group, a, 0, 0);
    image::imageops::replace(&mut group, b, i64::from(a.width()), 0);
    group.save(at("group.png")).unwrap();

    let face = image::open(at("a.png")).unwrap();
    for (name, format) in [
        ("face.png", ImageFormat::Png),
        ("face.jpg", ImageFormat::Jpeg),
        ("face.bmp", ImageFormat::Bmp),
        ("face.tif", ImageFormat::Tiff),
        ("face.webp", ImageFormat::WebP),
    ] {
        fs::write(at(name), encoded(&face, format)).unwrap();
    }
    fs::write(
        at("face.exif.jpg"),
        with_orientation(&encoded(&face, ImageFormat::Jpeg)),
    )
    .unwrap();
    face.to_luma8().save(at("face.gray.png")).unwrap();
    write_layouts(folder, &face.to_rgb8());

    GrayImage::from_fn(320, 240, |x, y| image::Luma([((x + y) / 3) as u8]))
        .save(at("blank.png"))
        .unwrap();
    let jpeg = fs::read(at("face.jpg")).unwrap();
    fs::write(at("truncated.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    let png = fs::read(at("face.png")).unwrap();
    fs::write(at("truncated.png"), &png[..png.len() / 2]).unwrap();
    fs::write(at("text.jpg"), "This is no picture.\n").unwrap();
    fs::write(at("bomb.png"), bomb()).unwrap();
}

/// A JPEG that must be turned by 90 degrees, by its EXIF: an APP1 segment with one entry, tag 0x0112 (orientation),
/// SHORT, 1 value, 6.
fn with_orientation(jpeg: &[u8]) -> Vec<u8> {
    let tiff: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut turned = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, (8 + tiff.len()) as u8];
    turned.extend_from_slice(b"Exif\0\0");
    turned.extend_from_slice(tiff);
    turned.extend_from_slice(&jpeg[2..]);
    turned
}

/// A PNG of a few bytes that says it has 60,000 x 60,000 pixels: 10 GB decoded.
fn bomb() -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], content: &[u8]| {
        let body = [kind, content].concat();
        png.extend((content.len() as u32).to_be_bytes());
        png.extend(&body);
        png.extend(crc32fast::hash(&body).to_be_bytes());
    };
    let side = 60_000u32.to_be_bytes();
    let header = [&side[..], &side[..], &[8, 2, 0, 0, 0]].concat();
    chunk(b"IHDR", &header);
    chunk(b"IDAT", b"\x78\x9c\x03\x00\x00\x00\x00\x01");
    chunk(b"IEND", b"");
    png
}

/// view.FORMAT: a part of the face in each layout. Luma and chroma are any bytes that look like a picture's: what they
/// mean is the same for both interfaces.
fn write_layouts(folder: &Path, face: &RgbImage) {
    let (width, height) = VIEW;
    let view = imageops::crop_imm(face, 20, 40, width as u32, height as u32).to_image();
    let gray = DynamicImage::from(view.clone()).into_luma8().into_raw();
    let rgb = view.into_raw();
    let pixels = |pixel: &dyn Fn(&[u8]) -> Vec<u8>| rgb.chunks_exact(3).flat_map(pixel).collect::<Vec<u8>>();
    let planes: Vec<[u8; 2]> = (0..width * height / 4)
        .map(|i| [90 + (i % 71) as u8, 200 - (i / 72 % 80) as u8])
        .collect();
    let pair = |swap: bool| {
        planes
            .iter()
            .flat_map(move |&[u, v]| if swap { [v, u] } else { [u, v] })
    };
    let one = |which: usize| planes.iter().map(move |pair| pair[which]);
    for (name, data) in [
        ("bgr", pixels(&|p| vec![p[2], p[1], p[0]])),
        ("rgb", rgb.clone()),
        ("gray", gray.clone()),
        ("bgra", pixels(&|p| vec![p[2], p[1], p[0], p[1] ^ 0x55])),
        ("rgba", pixels(&|p| vec![p[0], p[1], p[2], p[1] ^ 0x55])),
        ("nv12", gray.iter().copied().chain(pair(false)).collect()),
        ("nv21", gray.iter().copied().chain(pair(true)).collect()),
        ("i420", gray.iter().copied().chain(one(0)).chain(one(1)).collect()),
    ] {
        fs::write(folder.join(format!("view.{name}")), data).unwrap();
    }
}

/// Templates and a calibration of another model, a template of this one that can't be, and calibrations of this one.
fn write_foreign(folder: &Path, engine: &Engine) {
    let ours = engine.info().fingerprint;
    let other = Fingerprint([7; 32]);
    let embedding: Vec<f32> = (0..128).map(|i| i as f32 - 50.0).collect();
    for (name, model, fingerprint, length) in [
        ("foreign.qmft", "other", other, 128),
        ("shorter.qmft", "sface", ours, 64),
        ("ours.qmft", "sface", ours, 128),
    ] {
        let template = Template::from_embedding(model, fingerprint, &embedding[..length]).unwrap();
        fs::write(folder.join(name), template.to_bytes(Scalar::F32)).unwrap();
    }
    let template = engine
        .template_of(&embedding)
        .unwrap()
        .with_metadata(b"sealed")
        .unwrap();
    let sealed = template.seal(Scalar::F32, &KEY, &RECORD).unwrap();
    fs::write(folder.join("rust.qmfs"), sealed).unwrap();
    let text = engine.calibration().unwrap().to_toml().unwrap();
    let foreign = text
        .replace("\"sface\"", "\"other\"")
        .replace(&ours.to_string(), &other.to_string());
    assert_eq!(
        Calibration::parse(foreign.as_bytes()).unwrap().fingerprint(),
        Some(other)
    );
    fs::write(folder.join("foreign.toml"), foreign).unwrap();
    // Measured from far below to above any score of the test's faces but one's with itself.
    let wide = text
        .replace("score = -0.4354", "score = -9.0")
        .replace("score = 0.1689", "score = 0.9");
    let scores = Calibration::parse(wide.as_bytes()).unwrap();
    assert_eq!(
        (scores.thresholds()[0].score, scores.thresholds()[3].score),
        (-9.0, 0.9)
    );
    fs::write(folder.join("wide.toml"), wide).unwrap();
    fs::write(folder.join("ours.toml"), text).unwrap();
}

/// A compiler of C or C++ and how it is asked.
pub struct Compiler {
    variable: &'static str,
    usual: &'static str,
    standard: &'static str,
}

pub const C99: Compiler = Compiler {
    variable: "CC",
    usual: "cc",
    standard: "c99",
};

pub const CPP17: Compiler = Compiler {
    variable: "CXX",
    usual: "c++",
    standard: "c++17",
};

/// Compiles a program of tests/c_abi against the header; `more` are the libraries it is linked to and other options.
pub fn compile(source: &str, compiler: &Compiler, more: &[&str]) -> PathBuf {
    let program = folder().join(source.replace('.', "-"));
    let command = std::env::var(compiler.variable).unwrap_or_else(|_| compiler.usual.into());
    let output = Command::new(&command)
        .arg(format!("-std={}", compiler.standard))
        .args(WARNINGS)
        .arg("-I")
        .arg(root().join("include"))
        .arg("-o")
        .arg(&program)
        .arg(root().join("tests/c_abi").join(source))
        .args(more)
        .output()
        .unwrap_or_else(|error| panic!("cannot run the compiler {command}: {error}"));
    assert_success(&format!("{command} {source}"), &output);
    program
}

/// As [`compile`], linked to the library.
pub fn build(source: &str, compiler: &Compiler, more: &[&str]) -> PathBuf {
    let (place, rpath) = (
        format!("-L{}", folder().display()),
        format!("-Wl,-rpath,{}", folder().display()),
    );
    compile(
        source,
        compiler,
        &[&[&place, &rpath, "-lqmagface", "-lm"], more].concat(),
    )
}

#[track_caller]
pub fn assert_success(what: &str, output: &Output) {
    assert!(
        output.status.success(),
        "{what}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs a program on the test's folder and its packs; it must succeed, and the library write nothing of its own: all
/// that the programs complain of is on stderr. What it prints is given back.
#[track_caller]
pub fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .arg(folder())
        .arg("sface")
        .args(arguments)
        .env("QMAGFACE_CACHE", folder().join("cache"))
        .current_dir(folder())
        .output()
        .unwrap();
    assert_success(&program.display().to_string(), &output);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}
