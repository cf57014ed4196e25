//! Which photo each chip of a folder is of: a file beside the chips, so that a chip is never taken for another photo's, nor
//! for that of a photo that was replaced since or was aligned with other options.
//!
//! What is written down comes before the chips: a run that is killed in between finds that they are missing.

use crate::checked_line;
use crate::folder;
use crate::lock::Lock;
use crate::own_file;
use qmagface::{Error, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Component, Path, PathBuf};

/// The record's name in the folder of the chips.
pub const RECORD: &str = ".qmagface-chips";

/// A photo, and how its faces are aligned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Photo {
    /// The folder it is in, in full.
    pub source: String,
    /// Its path below that.
    pub name: String,
    /// What tells that it was replaced, see [`folder::state`].
    pub state: String,
    /// The model and how faces are looked for and aligned.
    pub options: String,
}

impl Photo {
    /// Whether it is the same photo, aligned in the same way, but for its name and where it lies.
    pub fn is_like(&self, other: &Photo) -> bool {
        (&self.state, &self.options) == (&other.state, &other.options)
    }
}

/// A chip's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChipFile {
    /// Its path below the folder of the chips, as [`folder::name`] shows it.
    pub name: String,
    pub sha256: String,
}

impl ChipFile {
    pub fn new(path: &Path, bytes: &[u8]) -> Self {
        ChipFile {
            name: folder::name(path),
            sha256: sha256(bytes),
        }
    }

    /// Whether the file at `path` is this one, as it was written.
    pub fn is_at(&self, path: &Path) -> bool {
        own_file::read(path).is_some_and(|bytes| sha256(&bytes) == self.sha256)
    }

    /// Its path below the folder of the chips, unless the name has bytes that are no text; `None` for a name that leads out
    /// of the folder.
    pub fn path(&self) -> Option<&Path> {
        let inside = Path::new(&self.name);
        let is_inside = inside.components().all(|part| matches!(part, Component::Normal(_)));
        is_inside.then_some(inside)
    }
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A photo's chips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub photo: Photo,
    /// The name that its chips' names are made of, see [`crate::targets`].
    pub target: String,
    pub chips: Vec<ChipFile>,
}

/// The record of a folder of chips. While it is open, no other process can have it.
pub struct Record {
    folder: PathBuf,
    file: File,
    /// Each photo's last entry, by its source and its name.
    entries: HashMap<(String, String), Entry>,
    /// The folder whose photos are aligned, and their names.
    source: String,
    names: HashSet<String>,
    /// Whose each chip is: the photo's source and name.
    owners: HashMap<String, (String, String)>,
    _lock: Lock,
}

impl Record {
    /// Opens the record of the folder `chips`, which must exist, or begins it. Lines that were damaged are passed over: the
    /// chips that they were of are unknown then.
    ///
    /// # Errors
    /// [`qmagface::ErrorKind::Io`] when it can't be read or written, or another process has it.
    pub fn open(chips: &Path) -> Result<Record> {
        let path = chips.join(RECORD);
        let lock = Lock::take(
            &path.with_extension("lock"),
            &format!("aligning into {}", chips.display()),
        )?;
        let failed = |error: std::io::Error| Error::io(&path, "write", &error);
        let mut file = own_file::open(&path, checked_line::is_start).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let mut reader = BufReader::new(file.try_clone().map_err(failed)?);
        let mut record = Record {
            folder: chips.to_owned(),
            file,
            entries: HashMap::new(),
            source: String::new(),
            names: HashSet::new(),
            owners: HashMap::new(),
            _lock: lock,
        };
        let (mut line, mut whole) = (Vec::new(), 0);
        while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            if line.ends_with(b"\n") {
                whole += line.len() as u64;
            }
            if let Some(entry) = checked_line::parse(&line) {
                record.take(entry);
            }
            line.clear();
        }
        // A line that was cut off must not begin the next one.
        record.file.set_len(whole).map_err(failed)?;
        Ok(record)
    }

    fn take(&mut self, entry: Entry) {
        let key = (entry.photo.source.clone(), entry.photo.name.clone());
        // What it no longer has is nobody's.
        for chip in self.entries.get(&key).iter().flat_map(|before| &before.chips) {
            if self.owners.get(&chip.name) == Some(&key) {
                self.owners.remove(&chip.name);
            }
        }
        let owners = entry.chips.iter().map(|chip| (chip.name.clone(), key.clone()));
        self.owners.extend(owners);
        self.entries.insert(key, entry);
    }

    /// The folder of the chips.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is known of a photo, whatever its state and the options were.
    pub fn entry(&self, source: &str, name: &str) -> Option<&Entry> {
        self.entries.get(&(source.to_owned(), name.to_owned()))
    }

    /// Of which photo the chip `name` is: its source and its name.
    pub fn owner(&self, name: &str) -> Option<(&str, &str)> {
        let (source, photo) = self.owners.get(name)?;
        Some((source, photo))
    }

    /// Whether the chip `name` is of this photo, whatever its state and the options were.
    pub fn is_of(&self, name: &str, photo: &Photo) -> bool {
        self.owner(name) == Some((&photo.source, &photo.name))
    }

    /// Whether the file at `place` is the chip `name` of this photo, as it was written, or one of a photo that is gone.
    pub fn may_replace(&self, name: &str, photo: &Photo, place: &Path) -> bool {
        let owner = self.owner(name).and_then(|(source, other)| self.entry(source, other));
        let owner = owner.filter(|owner| self.is_of(name, photo) || self.is_gone(&owner.photo));
        let chip = owner.and_then(|owner| owner.chips.iter().find(|chip| chip.name == name));
        chip.is_some_and(|chip| chip.is_at(place))
    }

    /// Chips of a photo that is gone, which was this one, by size, time and options, but for its name or folder.
    pub fn of_the_same(&self, name: &str, photo: &Photo) -> Option<&Entry> {
        let (source, other) = self.owner(name)?;
        let entry = self.entry(source, other)?;
        (self.is_gone(&entry.photo) && entry.photo.is_like(photo)).then_some(entry)
    }

    /// Says which photos there are in the folder `source`, by name.
    pub fn set_photos(&mut self, source: &str, names: HashSet<String>) {
        (self.source, self.names) = (source.to_owned(), names);
    }

    /// Whether a photo is no longer where it was.
    fn is_gone(&self, photo: &Photo) -> bool {
        match photo.source == self.source {
            true => !self.names.contains(&photo.name),
            false => !Path::new(&photo.source).exists(),
        }
    }

    /// Chips of photos that are gone, by name.
    pub fn of_gone(&self) -> Vec<&ChipFile> {
        let entries = self.entries.values().filter(|entry| self.is_gone(&entry.photo));
        let own = entries.flat_map(|entry| entry.chips.iter().filter(|chip| self.is_of(&chip.name, &entry.photo)));
        let mut chips: Vec<&ChipFile> = own.collect();
        chips.sort_by(|a, b| a.name.cmp(&b.name));
        chips
    }

    /// Writes down what chips a photo has, which are written afterwards. Gives the chips that it had before and hasn't now.
    ///
    /// # Errors
    /// [`qmagface::ErrorKind::Io`].
    pub fn write(&mut self, entry: Entry) -> Result<Vec<ChipFile>> {
        let failed = |error: std::io::Error| Error::io(&self.folder.join(RECORD), "write", &error);
        let before = self.entry(&entry.photo.source, &entry.photo.name);
        if before == Some(&entry) {
            return Ok(Vec::new());
        }
        let gone = before.map_or_else(Vec::new, |before| {
            let is_gone = |chip: &&ChipFile| {
                entry.chips.iter().all(|new| new.name != chip.name) && self.is_of(&chip.name, &entry.photo)
            };
            before.chips.iter().filter(is_gone).cloned().collect()
        });
        let line = checked_line::line(&entry).map_err(failed)?;
        self.file.write_all(&line).map_err(failed)?;
        self.take(entry);
        Ok(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(source: &str, name: &str, chips: &[&str]) -> Entry {
        Entry {
            photo: Photo {
                source: source.to_owned(),
                name: name.to_owned(),
                state: "1 2".to_owned(),
                options: "x".to_owned(),
            },
            target: chips[0].to_owned(),
            chips: chips
                .iter()
                .map(|name| ChipFile::new(Path::new(name), name.as_bytes()))
                .collect(),
        }
    }

    #[test]
    fn a_record_is_read_again_whatever_was_cut_or_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let entries = [
            entry("/a", "1.jpg", &["1.png"]),
            entry("/a", "2.jpg", &["2_0.png", "2_1.png"]),
        ];
        let mut record = Record::open(folder.path()).unwrap();
        for entry in &entries {
            assert!(record.write(entry.clone()).unwrap().is_empty());
        }
        drop(record);
        let path = folder.path().join(RECORD);
        let whole = std::fs::read(&path).unwrap();
        let first = whole.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut record = Record::open(folder.path()).unwrap();
            assert_eq!(record.entry("/a", "1.jpg").is_some(), cut >= first, "cut at {cut}");
            assert_eq!(record.owner("2_1.png").is_some(), cut == whole.len(), "cut at {cut}");
            for entry in &entries {
                record.write(entry.clone()).unwrap();
            }
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
        let mut damaged = whole.clone();
        damaged[first / 2] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let record = Record::open(folder.path()).unwrap();
        assert!(record.entry("/a", "1.jpg").is_none() && record.entry("/a", "2.jpg") == Some(&entries[1]));
    }

    #[test]
    fn the_last_photo_has_the_chip_and_chips_that_went_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut record = Record::open(folder.path()).unwrap();
        assert!(Record::open(folder.path()).is_err(), "one at a time");
        record.write(entry("/a", "1.jpg", &["1.png"])).unwrap();
        let gone = record.write(entry("/a", "1.jpg", &["1_0.png", "1_1.png"])).unwrap();
        assert_eq!(gone, [ChipFile::new(Path::new("1.png"), b"1.png")]);
        record.write(entry("/b", "1.jpg", &["1_0.png"])).unwrap();
        assert_eq!(record.owner("1_0.png"), Some(("/b", "1.jpg")));
        let first = entry("/a", "1.jpg", &["1_1.png"]);
        assert!(record.write(first).unwrap().is_empty(), "it is another photo's now");
        // What was given up is nobody's, also when the record is read again.
        record.write(entry("/a", "1.jpg", &["x.png"])).unwrap();
        drop(record);
        let mut record = Record::open(folder.path()).unwrap();
        assert_eq!(record.owner("1_1.png"), None);
        let gone = |record: &Record| {
            record
                .of_gone()
                .iter()
                .map(|chip| chip.name.clone())
                .collect::<Vec<_>>()
        };
        record.set_photos("/a", HashSet::new());
        assert_eq!(gone(&record), ["1_0.png", "x.png"], "there is no folder /b");
        record.set_photos("/a", HashSet::from(["1.jpg".to_owned()]));
        assert_eq!(gone(&record), ["1_0.png"]);
        let new = entry("/a", "new.jpg", &["x.png"]);
        assert!(record.of_the_same("x.png", &new.photo).is_none());
        assert!(record.of_the_same("1_0.png", &new.photo).is_some());
    }

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        for name in ["../1.png", "/1.png", "a/../../1.png", "./1.png"] {
            let chip = ChipFile {
                name: name.to_owned(),
                sha256: String::new(),
            };
            assert_eq!(chip.path(), None, "{name}");
        }
        let chip = ChipFile::new(Path::new("a/1.png"), b"x");
        assert_eq!(chip.path(), Some(Path::new("a/1.png")));
    }
}
