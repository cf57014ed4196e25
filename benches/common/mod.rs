//! What the benchmarks take: the set-up's photos and the installed packs. What is missing ends the program in one line.
#![allow(dead_code, unused_imports)] // each benchmark uses a part of it

#[path = "../../tests/common/pictures.rs"]
mod pictures;

use criterion::Criterion;
pub use pictures::{bgr, rgb};
use qmagface::Chip;
use qmagface::Workers;
use qmagface::detect::{DetectorOptions, Face, Mtcnn};
use qmagface::image::{self, BgrImage, DecodeLimits};
use qmagface::model::{Store, cache_folder};
use qmagface::weights::TensorMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

/// A photo of about one megapixel and one of three, from the `face_recognition` package.
pub const PHOTOS: [&str; 2] = ["obama.jpg", "obama3.jpg"];

/// The value, or the end of the program with the error in one line.
pub fn required<T, E: Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        std::process::exit(1)
    })
}

/// Criterion with as many samples as iterations of tens of milliseconds allow; arguments choose benchmarks.
pub fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(20)
        .measurement_time(Duration::from_secs(8))
        .configure_from_args()
}

/// The path of one of the photos.
pub fn photo_path(name: &str) -> PathBuf {
    let path = required(cache_folder()).join("photos").join(name);
    required(match path.exists() {
        true => Ok(path),
        false => Err(format!("{} is missing: run `make setup`", path.display())),
    })
}

/// The bytes of a photo.
pub fn photo_bytes(name: &str) -> Vec<u8> {
    required(std::fs::read(photo_path(name)))
}

/// The pixels of a photo.
pub fn photo(name: &str) -> BgrImage {
    required(image::decode(&photo_bytes(name), &DecodeLimits::default()))
}

/// The weights of an installed pack.
pub fn weights(pack: &str) -> TensorMap {
    let store = required(Store::default_location());
    required(store.open(pack).and_then(|pack| pack.load_weights()))
}

/// The installed detector without its fourth stage.
pub fn detector() -> Mtcnn {
    required(Mtcnn::new(&weights("mtcnn"), None, &required(Workers::new(None))))
}

/// The best face on a photo.
pub fn face(photo: &BgrImage) -> Face {
    let faces = required(detector().detect(photo, &DetectorOptions::default()));
    required(faces.first().copied().ok_or("no face is found on the photo"))
}

/// The best face on a photo, aligned.
pub fn chip(name: &str) -> Chip {
    let photo = photo(name);
    required(qmagface::align::align(&photo, &face(&photo).landmarks))
}

/// The number of pixels, for a throughput.
pub fn pixels(photo: &BgrImage) -> u64 {
    (photo.width() * photo.height()) as u64
}
