//! The image files of a folder tree, in a fixed order.

use qmagface::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// File name endings of the formats that are read.
const ENDINGS: [&str; 8] = ["jpg", "jpeg", "jpe", "png", "bmp", "tif", "tiff", "webp"];

/// A file that a command passed over.
#[derive(Debug, Clone, PartialEq)]
pub struct Skipped {
    /// Path relative to the source folder.
    pub path: PathBuf,
    pub reason: String,
    /// Whether that is a failure; a photo without a face, or a file that is no image by its name, is none.
    pub failed: bool,
}

impl Skipped {
    /// An image that gave `error`, which names it by the full path `source`.
    pub fn image(relative: &Path, source: &Path, error: &Error) -> Self {
        let prefix = format!("{}: ", source.display());
        let reason = error.message().strip_prefix(&prefix).unwrap_or(error.message());
        Skipped {
            path: relative.to_owned(),
            reason: reason.to_owned(),
            failed: error.kind() != ErrorKind::NoFace,
        }
    }

    pub fn json(&self) -> Value {
        json!({"image": name(&self.path), "reason": self.reason})
    }
}

/// How many of the skipped files are failures.
pub fn failures(skipped: &[Skipped]) -> usize {
    skipped.iter().filter(|skipped| skipped.failed).count()
}

/// The images below a folder, and what of it was passed over.
#[derive(Debug, Default)]
pub struct Listing {
    /// Paths relative to the folder, sorted.
    pub images: Vec<PathBuf>,
    /// Files with another ending, and folders without rights.
    pub skipped: Vec<Skipped>,
}

/// Lists the folder.
///
/// # Errors
/// [`ErrorKind::Io`] when `source` itself can't be read or holds no image.
pub fn list(source: &Path) -> Result<Listing> {
    // Reading it once here gives the plain error for a missing folder, a file, or missing rights.
    std::fs::read_dir(source).map_err(|error| Error::io(source, "read the folder", &error))?;
    let mut listing = Listing::default();
    let relative = |path: &Path| path.strip_prefix(source).unwrap_or(path).to_owned();
    for entry in WalkDir::new(source).follow_links(true).sort_by_file_name() {
        match entry {
            Ok(entry) if entry.file_type().is_dir() => {}
            Ok(entry) if entry.file_type().is_file() && is_image(entry.path()) => {
                listing.images.push(relative(entry.path()));
            }
            Ok(entry) => {
                // Reading a pipe would wait for ever.
                let reason = match entry.file_type().is_file() {
                    true => "not an image by its name",
                    false => "not a regular file",
                };
                listing.skipped.push(Skipped {
                    path: relative(entry.path()),
                    reason: reason.to_owned(),
                    failed: false,
                });
            }
            Err(error) => listing.skipped.push(Skipped {
                path: error.path().map(relative).unwrap_or_default(),
                reason: error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
                failed: true,
            }),
        }
    }
    if listing.images.is_empty() {
        let unread = listing.skipped.iter().find(|skipped| skipped.failed);
        let reason = unread
            .map(|skipped| format!("; {}: {}", name(&skipped.path), skipped.reason))
            .unwrap_or_default();
        return Err(Error::new(
            ErrorKind::Io,
            format!("{} holds no image ({}){reason}", source.display(), ENDINGS.join(", ")),
        ));
    }
    listing.images.sort();
    Ok(listing)
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// A path as it is shown and stored: with `/` between its parts everywhere.
pub fn name(relative: &Path) -> String {
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
