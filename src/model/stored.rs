//! Where a pack's weight file lies: a file of its own, a part of a bundle file, or memory.

use super::digest;
use crate::error::{Error, ErrorKind, Result};
use crate::weights::{self, TensorMap};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A weight file that is read when asked for.
#[derive(Debug, Clone)]
pub(super) enum Stored<'a> {
    /// A file of its own.
    File(PathBuf),
    /// A stretch of a bundle file.
    Part {
        bundle: PathBuf,
        name: &'static str,
        start: u64,
        length: u64,
    },
    /// A stretch of a bundle in memory.
    Memory { name: &'static str, bytes: &'a [u8] },
}

impl Stored<'_> {
    /// For messages: the file's path; of a part, the bundle's path with its name behind; in memory its name alone.
    pub fn place(&self) -> PathBuf {
        match self {
            Stored::File(path) => path.clone(),
            Stored::Part { bundle, name, .. } => bundle.join(name),
            Stored::Memory { name, .. } => PathBuf::from(name),
        }
    }

    /// The tensors. Holds the bytes of a file, and the tensors made of them, until it returns.
    pub fn tensors(&self) -> Result<TensorMap> {
        let (tensors, _) = match self {
            Stored::File(path) => weights::pack::read(path)?,
            Stored::Part { length, .. } => {
                let place = self.place();
                weights::pack::read_from(self.reader()?, *length, &place)?
            }
            Stored::Memory { name, bytes } => weights::pack::read_bytes(bytes).map_err(|e| e.at(name))?,
        };
        Ok(tensors)
    }

    /// SHA-256 of its bytes, 64 lower-case hexadecimal digits.
    pub fn sha256(&self) -> Result<String> {
        let mut reader = self.reader()?;
        digest::of_reader(&mut reader, |_| Ok(())).map_err(|e| Error::io(&self.place(), "read", &e))
    }

    /// Copies its bytes to `out`, which is at `target`, and gives their SHA-256.
    pub fn copy_to(&self, mut out: impl Write, target: &Path) -> Result<String> {
        let mut reader = self.reader()?;
        let mut failed = None;
        let hash = digest::of_reader(&mut reader, |piece| {
            out.write_all(piece).map_err(|e| {
                failed = Some(Error::io(target, "write", &e));
                std::io::ErrorKind::Other.into()
            })
        });
        hash.map_err(|e| failed.unwrap_or_else(|| Error::io(&self.place(), "read", &e)))
    }

    fn reader(&self) -> Result<Box<dyn Read + '_>> {
        let open = |path: &Path| File::open(path).map_err(|e| Error::io(path, "open", &e));
        Ok(match self {
            Stored::File(path) => Box::new(open(path)?),
            Stored::Part {
                bundle, start, length, ..
            } => {
                let mut file = open(bundle)?;
                file.seek(SeekFrom::Start(*start))
                    .map_err(|e| Error::io(bundle, "read", &e))?;
                Box::new(file.take(*length))
            }
            Stored::Memory { bytes, .. } => Box::new(Cursor::new(bytes)),
        })
    }

    /// How many bytes it has.
    pub fn length(&self) -> Result<u64> {
        match self {
            Stored::File(path) => std::fs::metadata(path)
                .map(|known| known.len())
                .map_err(|e| Error::io(path, "read", &e)),
            Stored::Part { length, .. } => Ok(*length),
            Stored::Memory { bytes, .. } => Ok(bytes.len() as u64),
        }
    }
}

/// The error for a weight file at `place` that isn't the installed one.
pub(super) fn changed(place: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::Weights,
        format!(
            "{} was changed after it was installed: {what}; install the model again",
            place.display()
        ),
    )
}
