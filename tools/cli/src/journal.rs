//! The journal of an `embed` run: what is done is on disk, so that an interrupted run goes on where it stopped.
//!
//! A text file beside the results, one JSON value and its checksum per line: first what the run is (model, folder, kind of
//! input), then for each image of each finished batch its embedding or why it was skipped. Embeddings are hexadecimal, so
//! that the resumed run gives the very same bytes.

use crate::checked_line;
use crate::lock::Lock;
use crate::own_file;
use qmagface::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::path::{Path, PathBuf};

/// What a run is. A journal of another run is not gone on with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Version of this format.
    pub format: u32,
    /// The model's fingerprint.
    pub model: String,
    /// The source folder, in full.
    pub source: String,
    /// How faces are looked for, or that the images are chips.
    pub input: String,
    /// Hash over the images: their names, and what tells that one was replaced.
    pub images: String,
    /// How many images there are.
    pub count: usize,
}

/// What became of one image.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The embedding's floats, little-endian, in hexadecimal.
    Embedding(String),
    /// Why there is none, and whether that is a failure.
    Skipped { reason: String, failed: bool },
}

/// Nothing of the embedding.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entry::Embedding(hexadecimal) => write!(f, "Embedding({} floats)", hexadecimal.len() / 8),
            Entry::Skipped { reason, failed } => f
                .debug_struct("Skipped")
                .field("reason", reason)
                .field("failed", failed)
                .finish(),
        }
    }
}

impl Entry {
    pub fn embedding(values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        Entry::Embedding(hex::encode(bytes))
    }

    /// The floats of an embedding; `None` for a skipped image or a damaged line.
    pub fn values(&self) -> Option<Vec<f32>> {
        let Entry::Embedding(text) = self else { return None };
        let bytes = hex::decode(text).ok()?;
        let floats = bytes
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
        (bytes.len() % 4 == 0).then(|| floats.collect())
    }
}

/// An open journal: entry `i` is of image `i`. While it is open, no other process can have it or replace its results.
pub struct Journal {
    path: PathBuf,
    file: File,
    done: usize,
    _lock: Lock,
}

impl Journal {
    /// Opens the journal of this run, or begins it. It is cut off before the first line that isn't whole: what was damaged
    /// is done again.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it can't be read or written, or another process has it; [`ErrorKind::InvalidArgument`] when
    /// it is of another run that isn't finished.
    pub fn open(path: &Path, header: &Header) -> Result<Journal> {
        let failed = |error: std::io::Error| Error::io(path, "write", &error);
        let what = format!("embedding {} into {}", header.source, path.display());
        let lock = Lock::take(&path.with_extension("lock"), &what)?;
        let mut file = own_file::open(path, checked_line::is_start).map_err(failed)?;
        file.rewind().map_err(failed)?;
        let (mut done, mut whole, mut finished) = (0, 0, None);
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            match whole {
                0 => match checked_line::parse::<Header>(&line) {
                    Some(found) if found == *header => {}
                    // Whole, it only waited to serve again: it gives way. Else it is hours of work.
                    Some(found) => finished = Some(found.count),
                    None => break,
                },
                _ if checked_line::parse::<Entry>(&line).is_none() => break,
                _ => done += 1,
            }
            whole += line.len() as u64;
            line.clear();
        }
        if let Some(count) = finished {
            if done < count {
                return Err(other_run(path));
            }
            (done, whole) = (0, 0);
        }
        file.set_len(whole).map_err(failed)?;
        if whole == 0 {
            let line = checked_line::line(header).map_err(failed)?;
            file.write_all(&line).map_err(failed)?;
        }
        Ok(Journal {
            path: path.to_owned(),
            file,
            done,
            _lock: lock,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many images are done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the disk is full.
    pub fn append(&mut self, entries: &[Entry]) -> Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            lines.extend(checked_line::line(entry).map_err(|error| Error::io(&self.path, "write", &error))?);
        }
        self.file
            .write_all(&lines)
            .map_err(|error| Error::io(&self.path, "write", &error))?;
        self.done += entries.len();
        Ok(())
    }

    /// All entries, in order, one at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it can't be read again; an item fails when its line was changed meanwhile.
    pub fn entries(&self) -> Result<impl Iterator<Item = Result<Entry>>> {
        let path = self.path.clone();
        let file = File::open(&path).map_err(|error| Error::io(&path, "read", &error))?;
        Ok(BufReader::new(file).split(b'\n').skip(1).map(move |line| {
            let mut line = line.map_err(|error| Error::io(&path, "read", &error))?;
            line.push(b'\n');
            let changed = || Error::new(ErrorKind::Io, format!("{} was changed meanwhile", path.display()));
            checked_line::parse(&line).ok_or_else(changed)
        }))
    }

    /// Removes the journal, once the results are written or it is clear that there are none.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when it can't be removed.
    pub fn remove(&self) -> Result<()> {
        std::fs::remove_file(&self.path).map_err(|error| Error::io(&self.path, "remove", &error))
    }
}

fn other_run(path: &Path) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "{} is the journal of an interrupted run with another model, source folder, options or images (one was added, \
             removed or replaced since): finish that run, or delete the file to begin anew",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        Header {
            format: 2,
            model: "m".into(),
            source: "s".into(),
            input: "chips".into(),
            images: "i".into(),
            count: 1,
        }
    }

    #[test]
    fn no_embedding_is_shown() {
        assert_eq!(format!("{:?}", Entry::embedding(&[1.5, -0.1])), "Embedding(2 floats)");
    }

    #[test]
    fn a_cut_off_journal_goes_on_after_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let entries = [
            Entry::embedding(&[1.5, -0.1]),
            Entry::Skipped {
                reason: "no face".into(),
                failed: false,
            },
            Entry::embedding(&[f32::MIN_POSITIVE, 3e38]),
        ];
        Journal::open(&path, &header()).unwrap().append(&entries).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let ends: Vec<usize> = (1..=whole.len()).filter(|&at| whole[at - 1] == b'\n').collect();
        for cut in 0..=whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let mut journal = Journal::open(&path, &header()).unwrap();
            assert_eq!(
                journal.done(),
                ends.iter().filter(|&&end| end <= cut).count().saturating_sub(1),
                "cut at {cut}"
            );
            let rest = &entries[journal.done()..];
            journal.append(rest).unwrap();
            let read: Vec<_> = journal.entries().unwrap().map(Result::unwrap).collect();
            assert_eq!(read, entries, "cut at {cut}");
            assert_eq!(std::fs::read(&path).unwrap(), whole, "cut at {cut}");
        }
        assert_eq!(entries[2].values().unwrap(), [f32::MIN_POSITIVE, 3e38]);
    }

    #[test]
    fn what_was_damaged_is_done_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let entries: Vec<Entry> = (0..6u8).map(|at| Entry::embedding(&[f32::from(at), 1.5])).collect();
        Journal::open(&path, &header()).unwrap().append(&entries).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for at in (0..whole.len()).filter(|at| at % 7 == 0) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0b10;
            std::fs::write(&path, &damaged).unwrap();
            let line = whole[..at].iter().filter(|&&byte| byte == b'\n').count();
            let mut journal = Journal::open(&path, &header()).unwrap();
            assert_eq!(journal.done(), line.saturating_sub(1), "byte {at}");
            journal.append(&entries[journal.done()..]).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), whole, "byte {at}");
        }
    }

    #[test]
    fn the_journal_of_another_run_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        Journal::open(&path, &header()).unwrap();
        let other = Header {
            model: "n".into(),
            ..header()
        };
        assert_eq!(
            Journal::open(&path, &other).err().unwrap().kind(),
            ErrorKind::InvalidArgument
        );
        // A finished one gives way.
        let mut journal = Journal::open(&path, &header()).unwrap();
        journal.append(&[Entry::embedding(&[1.0])]).unwrap();
        drop(journal);
        assert_eq!(Journal::open(&path, &other).unwrap().done(), 0);
        assert_eq!(
            Journal::open(&path, &header()).err().unwrap().kind(),
            ErrorKind::InvalidArgument
        );
    }
}
