//! A bundle: an embedder and a detector in one file, for programs that carry their model with them.
//!
//! It is a zip file of stored (uncompressed) entries, so that the weights are read where they lie.

use super::manifest::{Kind, MAX_MANIFEST_BYTES, Manifest};
use super::pack::{self, PackOf};
use super::stored::Stored;
use crate::error::{Error, ErrorKind, Result};
use crate::identity::is_pack_name;
use crate::replace::replace;
use crate::weights::pack::MAX_BYTES;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

/// A bundle's file name extension, without the dot.
pub const BUNDLE_EXTENSION: &str = "qmfmodel";

const EMBEDDER_MANIFEST: &str = "embedder/manifest.toml";
const EMBEDDER_WEIGHTS: &str = "embedder/weights.safetensors";
const DETECTOR_MANIFEST: &str = "detector/manifest.toml";
const DETECTOR_WEIGHTS: &str = "detector/weights.safetensors";
const DETECTOR_LNET: &str = "detector/lnet.safetensors";

/// Every entry a bundle may have, in the order they are written in; only the last may be missing.
const ENTRIES: [&str; 5] = [
    EMBEDDER_MANIFEST,
    EMBEDDER_WEIGHTS,
    DETECTOR_MANIFEST,
    DETECTOR_WEIGHTS,
    DETECTOR_LNET,
];

/// Most bytes read of a bundle beside its weights: the two manifests, and the zip file's directory of five entries, are
/// well below it.
const MAX_READ: u64 = 1 << 20;

/// An embedder and a detector, from one file or from memory.
///
/// It holds the two manifests and where the weights lie, not the weights. Loading a pack of a bundle file holds one
/// pack's bytes while they become tensors, as loading one from a folder does; loading one from memory makes the tensors
/// of the caller's bytes, without a copy of them. An engine keeps neither; while it is made there are at most two copies
/// of the weights (the tensors and the network's own), beside the caller's bytes.
#[derive(Debug, Clone)]
pub struct Bundle<'a> {
    embedder: PackOf<'a>,
    detector: PackOf<'a>,
}

impl Bundle<'static> {
    /// Opens the bundle file at `path`. The weights are checked when they are loaded.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it can't be read, else as [`Bundle::parse`], with the path in front.
    pub fn open(path: &Path) -> Result<Bundle<'static>> {
        let failed = |e: io::Error| Error::io(path, "open", &e);
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::new(
                ErrorKind::Io,
                format!("cannot open {}: not a file", path.display()),
            ));
        }
        let stored = |name, start, length| Stored::Part {
            bundle: path.to_owned(),
            name,
            start,
            length,
        };
        read(file, metadata.len(), stored).map_err(|e| e.at(path.display()))
    }
}

impl<'a> Bundle<'a> {
    /// Reads a bundle in memory, which it borrows. The weights are checked when they are loaded.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] saying what is wrong: not a zip file or a damaged one; an entry that is missing, unknown,
    /// there twice, compressed, encrypted or too large; a wrong manifest; two that are no embedder and detector.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        // The range was checked against the length; a part that wasn't there would be empty.
        let part = |start: u64, length: u64| bytes.get(start as usize..(start + length) as usize).unwrap_or_default();
        let stored = |name, start, length| Stored::Memory {
            name,
            bytes: part(start, length),
        };
        read(Cursor::new(bytes), bytes.len() as u64, stored)
    }

    /// The embedder.
    pub fn embedder(&self) -> &PackOf<'a> {
        &self.embedder
    }

    /// The detector that finds faces for it.
    pub fn detector(&self) -> &PackOf<'a> {
        &self.detector
    }

    /// Checks that the detector, if one is wanted, is the one in here.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] naming both.
    pub fn check_detector(&self, wanted: Option<&str>) -> Result<()> {
        match wanted.filter(|wanted| *wanted != self.detector.name()) {
            None => Ok(()),
            Some(wanted) => Err(model(format!(
                "the bundle has the detector {}, not {wanted}: `qmagface models export {} --detector {wanted}` makes one that has it",
                self.detector.name(),
                self.embedder.name()
            ))),
        }
    }

    /// Both packs, the embedder first.
    pub fn into_packs(self) -> (PackOf<'a>, PackOf<'a>) {
        (self.embedder, self.detector)
    }
}

impl Bundle<'_> {
    /// Whether `model`, as a person gives it to choose one, is the path of a bundle: no pack's name and no folder, but
    /// a file, or something with the extension of one.
    pub fn is_path(model: &str) -> bool {
        let path = Path::new(model);
        !is_pack_name(model)
            && !path.is_dir()
            && (path.is_file() || path.extension().is_some_and(|e| e == BUNDLE_EXTENSION))
    }

    /// Writes a bundle of `embedder` and `detector` to `path`, whole or not at all. The same packs give the same bytes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when the two are no embedder and no detector, [`ErrorKind::Weights`] when a
    /// weight file is damaged, [`ErrorKind::Io`] when one can't be read or `path` can't be written.
    pub fn write(path: &Path, embedder: &PackOf, detector: &PackOf) -> Result<()> {
        embedder.check_kind(Kind::Embedder)?;
        detector.check_kind(Kind::Detector)?;
        // What the bundle vouches for is checked first.
        embedder.verify()?;
        detector.verify()?;
        replace(path, |file| {
            let failure = RefCell::new(None);
            let written = write_entries(Patient::new(file, &failure), path, [embedder, detector]);
            match failure.into_inner() {
                Some(error) => Err(Error::io(path, "write", &error)),
                None => written,
            }
        })
    }
}

/// Writes the entries of a bundle that will be at `path`.
fn write_entries(out: Patient, path: &Path, packs: [&PackOf; 2]) -> Result<()> {
    let failed = |e: zip::result::ZipError| Error::io(path, "write", &io::Error::other(e));
    let failure = out.failure;
    // Fixed times and rights: equal packs must be equal files.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::DEFAULT)
        .system(zip::System::Unix)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(out);
    let mut names = ENTRIES.into_iter();
    for pack in packs {
        let text = pack.manifest().to_toml()?;
        if text.len() as u64 > MAX_MANIFEST_BYTES {
            return Err(model(format!("the manifest of {} is too large", pack.name())));
        }
        zip.start_file(names.next().unwrap_or_default(), options)
            .map_err(failed)?;
        zip.write_all(text.as_bytes())
            .map_err(|e| Error::io(path, "write", &e))?;
        for (stored, weights) in pack.files() {
            if failure.borrow().is_some() {
                break;
            }
            zip.start_file(names.next().unwrap_or_default(), options)
                .map_err(failed)?;
            pack::copy(stored, weights, &mut zip, path)?;
        }
    }
    zip.finish().map(|_| ()).map_err(failed)
}

/// Writes to a file and keeps the first failure for later: the zip writer, which ends its file when it is dropped, panics
/// over one. After a failure nothing is written, and it looks as if it were.
struct Patient<'a> {
    file: &'a File,
    failure: &'a RefCell<Option<io::Error>>,
    position: u64,
    length: u64,
}

impl<'a> Patient<'a> {
    fn new(file: &'a File, failure: &'a RefCell<Option<io::Error>>) -> Self {
        Patient {
            file,
            failure,
            position: 0,
            length: 0,
        }
    }

    /// Does something to the file, unless something failed before.
    fn attempt(&mut self, work: impl FnOnce(&mut &File) -> io::Result<()>) {
        let mut failure = self.failure.borrow_mut();
        if failure.is_none() {
            *failure = work(&mut self.file).err();
        }
    }
}

impl Write for Patient<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(|file| file.write_all(bytes));
        self.position += bytes.len() as u64;
        self.length = self.length.max(self.position);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(|file| file.flush());
        Ok(())
    }
}

impl Seek for Patient<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        let position = self.position;
        self.attempt(|file| file.seek(SeekFrom::Start(position)).map(drop));
        Ok(position)
    }
}

/// Reads the directory and the manifests of a bundle of `length` bytes; `stored` says where an entry's bytes lie, by its
/// name, first byte and length.
fn read<'a>(
    input: impl Read + Seek,
    length: u64,
    stored: impl Fn(&'static str, u64, u64) -> Stored<'a>,
) -> Result<Bundle<'a>> {
    let damaged = |e: zip::result::ZipError| model(format!("not a bundle, or a damaged one: {e}"));
    let input = Limited { input, left: MAX_READ };
    let mut archive = ZipArchive::new(input).map_err(damaged)?;
    if archive.len() > ENTRIES.len() {
        return Err(model(format!(
            "not a bundle: it has {} entries, a bundle has at most {}",
            archive.len(),
            ENTRIES.len()
        )));
    }
    if archive.has_duplicate_names() {
        return Err(model("damaged bundle: an entry is there twice".into()));
    }
    let mut found: [Option<(usize, u64, u64)>; ENTRIES.len()] = Default::default();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        let name = entry.name_raw();
        let Some(place) = ENTRIES.iter().position(|known| known.as_bytes() == name) else {
            return Err(model(format!(
                "not a bundle: it has the entry \"{}\"; known are {}",
                name.escape_ascii(),
                ENTRIES.join(", ")
            )));
        };
        let name = ENTRIES[place];
        if entry.encrypted() || entry.compression() != CompressionMethod::Stored {
            return Err(model(format!(
                "{name} is compressed or encrypted, entries of a bundle are stored"
            )));
        }
        let most = if name.ends_with(".toml") {
            MAX_MANIFEST_BYTES
        } else {
            MAX_BYTES
        };
        let (size, start) = (entry.size(), entry.data_start());
        if size > most {
            return Err(model(format!("{name} has {size} bytes, the limit is {most}")));
        }
        let start = start.filter(|start| start.checked_add(size).is_some_and(|end| end <= length));
        let Some(start) = start.filter(|_| entry.compressed_size() == size) else {
            return Err(model(format!("damaged bundle: {name} is cut off")));
        };
        found[place] = Some((index, start, size));
    }
    // What the directory says against what stands before each entry; nothing hidden between them.
    archive.validate_header_consistency().map_err(damaged)?;

    let place = |name: &str| {
        ENTRIES
            .iter()
            .position(|known| *known == name)
            .and_then(|place| found[place])
    };
    let missing = |name: &str| model(format!("not a bundle: {name} is missing"));
    let weights = |name| place(name).map(|(_, start, size)| stored(name, start, size));
    let mut pack = |manifest: &str, stored: Option<Stored<'a>>, lnet| -> Result<PackOf<'a>> {
        let (index, _, size) = place(manifest).ok_or_else(|| missing(manifest))?;
        let mut text = String::new();
        // Not more than the checked size is read; the zip reader compares the checksum at the end.
        let entry = archive.by_index(index).map_err(damaged)?;
        let read = entry.take(size + 1).read_to_string(&mut text);
        read.map_err(|e| model(format!("{manifest} is damaged: {e}")))?;
        let parsed = Manifest::parse(&text).map_err(|e| e.at(manifest))?;
        let folder = manifest.trim_end_matches("/manifest.toml");
        let stored = stored.ok_or_else(|| missing(&format!("{folder}/weights.safetensors")))?;
        PackOf::of(parsed, stored, lnet).map_err(|e| e.at(manifest))
    };
    let embedder = pack(EMBEDDER_MANIFEST, weights(EMBEDDER_WEIGHTS), None)?;
    let detector = pack(DETECTOR_MANIFEST, weights(DETECTOR_WEIGHTS), weights(DETECTOR_LNET))?;
    for (pack, kind, name) in [
        (&embedder, Kind::Embedder, EMBEDDER_MANIFEST),
        (&detector, Kind::Detector, DETECTOR_MANIFEST),
    ] {
        pack.check_kind(kind).map_err(|e| model(format!("{name}: {e}")))?;
    }
    Ok(Bundle { embedder, detector })
}

fn model(message: String) -> Error {
    Error::new(ErrorKind::Model, message)
}

/// Gives at most `left` more bytes, wherever they are read: a forged directory can't fill the memory.
struct Limited<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !buffer.is_empty() {
            return Err(io::Error::other(
                "it has more beside its weights than a bundle can have",
            ));
        }
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.input.read(&mut buffer[..room])?;
        self.left -= read as u64;
        Ok(read)
    }
}

impl<R: Seek> Seek for Limited<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.input.seek(to)
    }
}
