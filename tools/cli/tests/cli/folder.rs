//! Folders of photos and chips for the command line.

use crate::common;
use crate::program::{Run, text};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a run printed, one JSON value a line.
pub fn json(run: &Run) -> Vec<Value> {
    run.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// A small photo with one face, as JPEG.
pub fn photo() -> Vec<u8> {
    let small = image::open(common::photos().join("biden.jpg"))
        .unwrap()
        .thumbnail(300, 420);
    let mut bytes = std::io::Cursor::new(Vec::new());
    small.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

/// A chip of noise, as PNG.
pub fn chip(seed: u32) -> Vec<u8> {
    let noise = |x: u32, y: u32| ((x * 7919 + y * 104_729 + seed * 1_299_709).wrapping_mul(2_654_435_761) >> 24) as u8;
    let chip = image::RgbImage::from_fn(112, 112, |x, y| image::Rgb([noise(x, y), noise(y, x), x as u8]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    chip.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A folder of files.
pub struct Folder(pub TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    pub fn with(files: &[(&str, &[u8])]) -> Folder {
        let folder = Folder::new();
        for (name, bytes) in files {
            folder.write(name, bytes);
        }
        folder
    }

    pub fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        text(&self.at(name)).to_owned()
    }
}

/// All files below a folder but hidden ones, by relative path.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file() && !entry.file_name().as_encoded_bytes().starts_with(b"."))
        .map(|entry| entry.path().strip_prefix(folder).unwrap().to_owned())
        .collect();
    files.sort();
    files
}
