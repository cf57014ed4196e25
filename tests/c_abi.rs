//! The C interface as C99 and C++17 programs use it: `include/qmagface.h`, the shared library, and nothing else.
//!
//! The programs are in tests/c_abi/. They are compiled with all warnings as errors, and what results.c prints, bit by
//! bit, is what the Rust interface gives.

mod common;

use image::GrayImage;
use qmagface::model::{MANIFEST_FILE, Pack, Store};
use qmagface::{Comparison, DecodeLimits, DeviceChoice, Engine, EngineOptions, Extraction};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// The photos that the programs read.
const PHOTOS: [&str; 3] = ["obama.jpg", "obama2.jpg", "biden.jpg"];

fn root() -> &'static Path {
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
fn library() -> PathBuf {
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

/// What all programs use: the library under the name it is asked for, a cache with the packs, and the files to read.
struct Setting {
    folder: PathBuf,
    with_uqs: PathBuf,
    size: (usize, usize),
}

fn setting() -> &'static Setting {
    static SETTING: OnceLock<Setting> = OnceLock::new();
    SETTING.get_or_init(|| {
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
        for name in ["mtcnn", "sface"] {
            let pack = common::installed(&store, name);
            std::os::unix::fs::symlink(pack.folder(), at("cache/models").join(name)).unwrap();
        }
        let with_uqs = at("sface-with-uqs");
        copy_with_uqs(&common::installed(&store, "sface"), &with_uqs);
        let size = write_inputs(&folder);
        Setting { folder, with_uqs, size }
    })
}

/// The pack with the constants of the unified quality score added (iResNet-50's: any will do here).
fn copy_with_uqs(pack: &Pack, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(pack.folder()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    let file = to.join(MANIFEST_FILE);
    let manifest = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{manifest}\n[uqs]\ncentre = 23.0\nscale = 2.6\n")).unwrap();
}

/// Writes the files the programs read, and gives the size of photo.bgr.
fn write_inputs(folder: &Path) -> (usize, usize) {
    let at = |name: &str| folder.join(name);
    for name in PHOTOS {
        fs::copy(common::photos().join(name), at(name)).unwrap();
    }
    let photo = qmagface::image::read(&at("obama.jpg"), &DecodeLimits::default()).unwrap();
    fs::write(at("photo.bgr"), photo.data()).unwrap();
    let grey = image::DynamicImage::from(photo.to_rgb()).into_luma8();
    grey.save(at("grey.png")).unwrap();
    fs::write(at("grey.raw"), grey.as_raw()).unwrap();
    GrayImage::from_pixel(1, 1, image::Luma([99]))
        .save(at("pixel.png"))
        .unwrap();
    GrayImage::from_fn(320, 240, |x, y| image::Luma([((x + y) / 3) as u8]))
        .save(at("blank.png"))
        .unwrap();
    let jpeg = fs::read(at("obama.jpg")).unwrap();
    fs::write(at("truncated.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    fs::write(at("text.jpg"), "This is no picture.\n").unwrap();
    (photo.width(), photo.height())
}

/// Compiles a program of tests/c_abi against the header and the shared library.
fn build(source: &str, compiler: (&str, &str), standard: &str, more: &[&str]) -> PathBuf {
    let folder = &setting().folder;
    let program = folder.join(source.replace('.', "-"));
    let (variable, usual) = compiler;
    let compiler = std::env::var(variable).unwrap_or_else(|_| usual.into());
    let output = Command::new(&compiler)
        .arg(format!("-std={standard}"))
        .args(WARNINGS)
        .args(more)
        .arg("-I")
        .arg(root().join("include"))
        .arg("-o")
        .arg(&program)
        .arg(root().join("tests/c_abi").join(source))
        .arg("-L")
        .arg(folder)
        .arg(format!("-Wl,-rpath,{}", folder.display()))
        .args(["-lqmagface", "-lm"])
        .output()
        .unwrap_or_else(|error| panic!("cannot run the compiler {compiler}: {error}"));
    assert_success(&format!("{compiler} {source}"), &output);
    program
}

fn build_c(source: &str) -> PathBuf {
    build(source, ("CC", "cc"), "c99", &[])
}

#[track_caller]
fn assert_success(what: &str, output: &Output) {
    assert!(
        output.status.success(),
        "{what}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Runs a program on the test's folder and its packs; it must succeed and complain of nothing.
fn run(program: &Path, arguments: &[&str]) -> String {
    let folder = &setting().folder;
    let output = Command::new(program)
        .arg(folder)
        .arg("sface")
        .args(arguments)
        .env("QMAGFACE_CACHE", folder.join("cache"))
        .current_dir(folder)
        .output()
        .unwrap();
    assert_success(&program.display().to_string(), &output);
    // The library writes nothing of its own anywhere.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

fn f32s(line: &mut String, values: &[f32]) {
    values
        .iter()
        .for_each(|v| write!(line, " {:08x}", v.to_bits()).unwrap());
}

fn f64s(line: &mut String, values: &[f64]) {
    values
        .iter()
        .for_each(|v| write!(line, " {:016x}", v.to_bits()).unwrap());
}

/// The line that results.c prints of an engine.
fn info_line(engine: &Engine) -> String {
    let info = engine.info();
    let parameters = info.parameters.expect("sface has a calibration");
    let mut line = format!(
        "info {} {} {} 1 {} {}",
        info.model,
        info.detector,
        info.fingerprint,
        u8::from(info.has_uqs),
        u8::from(info.landmark_refinement)
    );
    f64s(&mut line, &[parameters.alpha, parameters.beta]);
    line
}

/// The line that results.c prints of an extraction.
fn face_line(name: &str, found: &Extraction) -> String {
    let mut line = format!("face {name} {} {}", found.faces, found.uqs.map_or(-1, i32::from));
    f32s(&mut line, &found.face.bbox);
    f32s(&mut line, &[found.face.score]);
    f32s(&mut line, found.face.landmarks.as_flattened());
    f64s(&mut line, &[found.quality]);
    f32s(&mut line, &found.embedding);
    line
}

/// The line that results.c prints of a comparison.
fn compare_line(a: &str, b: &str, result: &Comparison) -> String {
    let mut line = format!("compare {a} {b}");
    f64s(
        &mut line,
        &[result.cosine, result.quality_a, result.quality_b, result.score],
    );
    line
}

/// All that results.c prints, from the Rust interface.
fn rust_results() -> Vec<String> {
    let setting = setting();
    let folder = &setting.folder;
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(1),
        store: Some(folder.join("cache")),
        ..EngineOptions::default()
    };
    let engine = Engine::open("sface", &options).unwrap();
    let extract = |engine: &Engine, name: &str| {
        let found = engine.extract_file(&folder.join(name)).unwrap();
        found.unwrap_or_else(|| panic!("a face in {name}"))
    };
    let photos = PHOTOS.map(|name| extract(&engine, name));
    let mut lines = vec![format!("version {}", env!("CARGO_PKG_VERSION")), info_line(&engine)];
    lines.extend(PHOTOS.iter().zip(&photos).map(|(name, found)| face_line(name, found)));
    lines.push(face_line("grey.png", &extract(&engine, "grey.png")));
    for (name_a, a) in PHOTOS.iter().zip(&photos) {
        for (name_b, b) in PHOTOS.iter().zip(&photos) {
            let result = engine.compare(&a.embedding, &b.embedding).unwrap();
            lines.push(compare_line(name_a, name_b, &result));
        }
    }
    let with_uqs = Engine::open(setting.with_uqs.to_str().unwrap(), &options).unwrap();
    lines.push(info_line(&with_uqs));
    lines.push(face_line("with-uqs", &extract(&with_uqs, "obama.jpg")));
    lines
}

#[test]
fn c_gets_what_rust_gets() {
    let program = build_c("results.c");
    let (width, height) = setting().size;
    let with_uqs = setting().with_uqs.to_str().unwrap();
    let output = run(&program, &[with_uqs, &width.to_string(), &height.to_string()]);
    let (theirs, ours): (Vec<_>, Vec<_>) = (output.lines().collect(), rust_results());
    for (theirs, ours) in theirs.iter().zip(&ours) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(theirs.len(), ours.len());
}

#[test]
fn c_mistakes_are_refused_and_nothing_is_written() {
    run(&build_c("refusals.c"), &[]);
}

#[test]
fn cpp_threads_share_an_engine_and_have_errors_of_their_own() {
    let program = build("threads.cpp", ("CXX", "c++"), "c++17", &["-pthread"]);
    run(&program, &[]);
}

#[test]
fn only_the_functions_of_the_header_leave_the_library() {
    let output = Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(library())
        .output()
        .expect("nm runs (package binutils)");
    assert_success("nm", &output);
    let symbols = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<_> = symbols.lines().filter_map(|line| line.split(' ').next()).collect();

    let header = fs::read_to_string(root().join("include/qmagface.h")).unwrap();
    let declared: BTreeSet<_> = header
        .lines()
        // Declarations begin at the margin, comments don't begin with a type.
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .collect();
    assert!(
        declared.contains("qmf_abi_version") && declared.contains("qmf_compare"),
        "{declared:?}"
    );
    assert_eq!(exported, declared);
}
