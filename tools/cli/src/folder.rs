//! The image files of a folder tree, in a fixed order. What is an image is told by content, not by name.

use crate::chip_record::RECORD;
use qmagface::image::ImageKind;
use qmagface::pairs::is_hidden;
use qmagface::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use walkdir::WalkDir;

/// File name endings that promise an image: such a file is tried, and fails, whatever it holds.
const ENDINGS: [&str; 10] = ["jpg", "jpeg", "jpe", "jfif", "png", "bmp", "dib", "tif", "tiff", "webp"];

/// Reasons that are told of many.
const MOST_REASONS: usize = 10;

/// A file that a command passed over.
#[derive(Debug, Clone, PartialEq)]
pub struct Skipped {
    /// Path relative to the source folder.
    pub path: PathBuf,
    pub reason: String,
    /// Whether that is a failure; a photo without a face, or a file that is no image, is none.
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

/// Why files were passed over, in words: each reason once, with one of its files.
pub fn reasons<'a>(skipped: impl Iterator<Item = &'a Skipped>) -> String {
    let mut reasons: BTreeMap<&str, (usize, &Path)> = BTreeMap::new();
    for skipped in skipped {
        reasons.entry(&skipped.reason).or_insert((0, &skipped.path)).0 += 1;
    }
    let told: Vec<String> = reasons
        .iter()
        .take(MOST_REASONS)
        .map(|(reason, (count, path))| match count {
            1 => format!("{}: {reason}", name(path)),
            count => format!("{count} files such as {}: {reason}", name(path)),
        })
        .collect();
    match reasons.len().saturating_sub(MOST_REASONS) {
        0 => told.join("; "),
        more => format!("{}; and {more} other reasons", told.join("; ")),
    }
}

/// What tells that a file was replaced: its size and when it was last changed.
///
/// # Errors
/// [`ErrorKind::Io`] when it isn't there.
pub fn state(path: &Path) -> Result<String> {
    let metadata = path.metadata().map_err(|error| Error::io(path, "look at", &error))?;
    let since = |time: SystemTime| time.duration_since(UNIX_EPOCH).ok();
    let changed = metadata.modified().ok().and_then(since).map(|since| since.as_nanos());
    Ok(format!("{} {}", metadata.len(), changed.unwrap_or_default()))
}

/// The images below a folder, and what of it was passed over.
#[derive(Debug, Default)]
pub struct Listing {
    /// Paths relative to the folder, sorted.
    pub images: Vec<PathBuf>,
    /// Files that are no image, images of a kind that is not read, and folders without rights.
    pub skipped: Vec<Skipped>,
    /// Hidden files and folders, left out.
    pub hidden: usize,
}

impl Listing {
    /// How many files there are for which a command may fail: the images, and the files that failed already.
    pub fn tried(&self) -> usize {
        self.images.len() + failures(&self.skipped)
    }

    /// The images' names, see [`name`].
    pub fn names(&self) -> Vec<String> {
        self.images.iter().map(|image| name(image)).collect()
    }
}

/// Lists the folder. Hidden files and folders (`._1.jpg`, `@eaDir`) are left out.
///
/// # Errors
/// [`ErrorKind::Io`] when `source` itself can't be read or holds no image; [`ErrorKind::InvalidArgument`] when it is a file,
/// or two images have one name, see [`name`].
pub fn list(source: &Path) -> Result<Listing> {
    if source.is_file() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("{} is a file: give a folder of images", source.display()),
        ));
    }
    // Reading it once here gives the plain error for a missing folder, a file, or missing rights.
    std::fs::read_dir(source).map_err(|error| Error::io(source, "read the folder", &error))?;
    let mut listing = Listing::default();
    let relative = |path: &Path| path.strip_prefix(source).unwrap_or(path).to_owned();
    let mut entries = WalkDir::new(source).follow_links(true).sort_by_file_name().into_iter();
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                listing.skipped.push(Skipped {
                    path: error.path().map(relative).unwrap_or_default(),
                    reason: error.io_error().map_or_else(|| error.to_string(), ToString::to_string),
                    failed: true,
                });
                continue;
            }
        };
        let is_folder = entry.file_type().is_dir();
        if entry.depth() > 0 && entry.file_name() == RECORD {
            continue;
        }
        if entry.depth() > 0 && is_hidden(&entry.file_name().to_string_lossy()) {
            listing.hidden += 1;
            if is_folder {
                entries.skip_current_dir();
            }
            continue;
        }
        if is_folder {
            continue;
        }
        let path = relative(entry.path());
        // Reading a pipe would wait for ever.
        let passed_over = match entry.file_type().is_file() {
            true => passed_over(entry.path()),
            false => Some(("not a regular file".to_owned(), false)),
        };
        match passed_over {
            None => listing.images.push(path),
            Some((reason, failed)) => listing.skipped.push(Skipped { path, reason, failed }),
        }
    }
    if listing.images.is_empty() {
        return Err(no_image(source, &listing));
    }
    listing.images.sort();
    check_names(&source.display().to_string(), &listing.images)?;
    Ok(listing)
}

/// Why a file is not tried as an image, and whether that is a failure; `None`: it is one.
fn passed_over(path: &Path) -> Option<(String, bool)> {
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(ImageKind::HEAD_BYTES as u64).read_to_end(&mut start));
    if let Err(error) = read {
        return Some((format!("cannot read it: {error}"), true));
    }
    match ImageKind::of(&start) {
        Some(kind) if kind.is_read() => None,
        Some(kind) => {
            let how = kind
                .feature()
                .map(|feature| format!(" without the feature `{feature}`"));
            let reason = format!("{}, which is not read{}", kind.with_article(), how.unwrap_or_default());
            Some((reason, kind.is_picture()))
        }
        None if promises_image(path) => None,
        None => Some(("not an image by its content".to_owned(), false)),
    }
}

/// Whether a file's name promises an image.
pub fn promises_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// The error that a folder has nothing to go on with, and what it has instead.
fn no_image(source: &Path, listing: &Listing) -> Error {
    let mut found: Vec<String> = Vec::new();
    if failures(&listing.skipped) > 0 {
        found.push(reasons(listing.skipped.iter().filter(|skipped| skipped.failed)));
    }
    let others = listing.skipped.len() - failures(&listing.skipped);
    if others > 0 {
        found.push(format!("{others} files are no images"));
    }
    if listing.hidden > 0 {
        found.push(format!("{} hidden files and folders were left out", listing.hidden));
    }
    let found = match found.is_empty() {
        true => String::new(),
        false => format!("; {}", found.join("; ")),
    };
    Error::new(
        ErrorKind::Io,
        format!(
            "{} holds no image that is read ({}){found}",
            source.display(),
            ImageKind::read_names()
        ),
    )
}

/// Fails where two images of `place` have one name, which only names with bytes that are shown as `%FF` can.
pub fn check_names(place: &str, images: &[PathBuf]) -> Result<()> {
    let mut known: HashMap<String, &Path> = HashMap::with_capacity(images.len());
    for image in images {
        let name = name(image);
        if let Some(other) = known.insert(name.clone(), image).filter(|other| *other != image) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{place}: {other:?} and {image:?} would both be called {name:?}: rename one of them"),
            ));
        }
    }
    Ok(())
}

/// A path as it is shown and stored: with `/` between its parts everywhere, and bytes that are no Unicode, and
/// control characters, as `%FF`.
pub fn name(path: &Path) -> String {
    let parts: Vec<String> = path.iter().map(part).collect();
    // The root of a whole path is a part of its own, written as the separator.
    parts.join("/").replacen("//", "/", 1)
}

fn part(part: &OsStr) -> String {
    let mut text = String::new();
    for chunk in part.as_encoded_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter.is_control() {
                // A line feed or an escape would be obeyed by the terminal.
                true => letter
                    .to_string()
                    .bytes()
                    .for_each(|byte| text += &format!("%{byte:02X}")),
                false => text.push(letter),
            }
        }
        for byte in chunk.invalid() {
            text += &format!("%{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0";

    #[test]
    fn names_have_one_separator_between_their_parts() {
        for (path, expected) in [("/a/b", "/a/b"), ("a/b.jpg", "a/b.jpg"), ("a//b", "a/b"), ("/", "/")] {
            assert_eq!(name(Path::new(path)), expected);
        }
    }

    #[test]
    fn images_are_told_by_content() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        let jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 16, b'J', b'F', b'I', b'F'];
        write("a/photo", PNG);
        write("a/photo.jfif", &jpeg);
        write("a/photo.dat", &jpeg);
        write("a/letter.jpg", b"Dear sir or madam");
        write("a/notes.txt", b"Dear sir or madam");
        write("a/camera.raf", b"FUJIFILMCCD-RAW 0201");
        write("a/camera", b"FUJIFILMCCD-RAW 0201");
        write("a/._photo", PNG);
        write("a/@eaDir/thumb.png", PNG);
        write(".cache/x/thumb.png", PNG);
        let listing = list(folder.path()).unwrap();
        assert_eq!(
            listing.names(),
            ["a/letter.jpg", "a/photo", "a/photo.dat", "a/photo.jfif"]
        );
        assert_eq!(listing.hidden, 3);
        let skipped: Vec<_> = listing.skipped.iter().map(|s| (name(&s.path), s.failed)).collect();
        let wanted = [("a/camera", true), ("a/camera.raf", true), ("a/notes.txt", false)];
        assert_eq!(skipped, wanted.map(|(name, failed)| (name.to_owned(), failed)));
        assert!(
            listing.skipped[1].reason.contains("camera raw"),
            "{:?}",
            listing.skipped
        );
        assert_eq!(listing.tried(), 6);

        let empty = tempfile::tempdir().unwrap();
        fs::write(empty.path().join("x.raf"), b"FUJIFILMCCD-RAW 0201").unwrap();
        fs::write(empty.path().join("x.txt"), b"text").unwrap();
        let error = list(empty.path()).unwrap_err();
        for word in ["x.raf", "camera raw", "1 files are no images", "JPEG"] {
            assert!(error.message().contains(word), "{word}: {error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_unicode_stay_apart() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        for bytes in [b"a\xFE.png", b"a\xFF.png"] {
            fs::write(folder.path().join(OsStr::from_bytes(bytes)), PNG).unwrap();
        }
        assert_eq!(list(folder.path()).unwrap().names(), ["a%FE.png", "a%FF.png"]);
        fs::write(folder.path().join("a%FE.png"), PNG).unwrap();
        let error = list(folder.path()).unwrap_err();
        assert!(
            error.message().contains("a\\xFE.png") && error.message().contains("\"a%FE.png\""),
            "{error}"
        );
    }
}
