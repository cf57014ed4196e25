//! Reading numpy's .npy files: a matrix of floats, or a list of texts. The files are taken for hostile.
//!
//! Our own reader of the three-field header: general ones follow nested Python literals and trust the stated sizes.

use crate::error::{Error, ErrorKind, Result};
use crate::matrix::Matrix;
use ndarray::{Array2, ShapeBuilder};
use same_file::Handle;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest header, in bytes; numpy's own are 118 for such arrays.
const MAX_HEADER: usize = 4096;

/// Bytes that are converted at a time.
const CHUNK: usize = 1 << 20;

/// An array's type and shape, as the header has them.
struct Header {
    /// Byte order and kind: `<f`, `>U`, ...
    big_endian: bool,
    kind: u8,
    /// Number behind the kind: bytes of a float, characters of a text.
    width: usize,
    fortran: bool,
    shape: Vec<usize>,
}

/// Reads a matrix of 32 or 64 bit floats (`embeddings_NAME.npy`), of either byte and axis order, as 32 bit.
///
/// Memory: the matrix and 1 MiB; a file that is shorter than its header says is refused before any is taken.
///
/// # Errors
/// [`ErrorKind::Io`] when the file can't be read, is no .npy file or is damaged; [`ErrorKind::InvalidArgument`] when it
/// holds something else than a matrix of floats. Both name the file.
pub fn read_matrix(path: &Path) -> Result<Matrix> {
    Array::open(path)?.matrix()
}

/// Reads a list of unicode texts (`filenames_NAME.npy`).
///
/// # Errors
/// As [`read_matrix`].
pub fn read_texts(path: &Path) -> Result<Vec<String>> {
    Array::open(path)?.texts()
}

/// The two arrays of a data set, opened: their headers are read and fit each other, their data is not read yet.
pub struct SetFiles {
    embeddings: Array,
    names: Array,
}

/// How often a set is opened anew while somebody else replaces its files, and the pause before each time.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);

impl SetFiles {
    /// Opens `embeddings_NAME.npy` and `filenames_NAME.npy`. The two belong together: where they are being replaced, both
    /// are the old ones or both the new ones.
    ///
    /// # Errors
    /// As [`read_matrix`] and [`read_texts`]; [`ErrorKind::InvalidArgument`] when there are not as many names as
    /// embeddings, or none.
    pub fn open(embeddings: &Path, names: &Path) -> Result<SetFiles> {
        let mut tries = 0;
        let files = loop {
            tries += 1;
            let files = Array::open(embeddings).and_then(|embeddings| {
                let names = Array::open(names)?;
                Ok(SetFiles { embeddings, names })
            });
            // Whoever replaces a set takes the names away first, so that nobody finds a new file beside an old one. Who
            // opened one of both before that sees here that it is no longer the one that is there.
            let stable = match &files {
                Ok(files) => files.embeddings.is_current() && files.names.is_current(),
                // It may be missing for a moment only.
                Err(error) => error.kind() != ErrorKind::Io,
            };
            if stable || tries == TRIES {
                // Whoever is killed while replacing a set leaves it without names.
                break files.map_err(|error| match embeddings.is_file() && !names.exists() {
                    true => Error::new(
                        error.kind(),
                        format!("{error} (if a run that writes these files was killed, run it again)"),
                    ),
                    false => error,
                })?;
            }
            std::thread::sleep(PAUSE);
        };
        files.check()?;
        Ok(files)
    }

    fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
        self.embeddings.matrix_shape()?;
        let names = self.names.texts_count()?;
        let rows = self.embeddings.header.shape[0];
        let (of_rows, of_names) = (self.embeddings.path.display(), self.names.path.display());
        if rows != names {
            return wrong(format!(
                "{of_rows} has {rows} embeddings, {of_names} has {names} names: they are of different sets"
            ));
        }
        if rows == 0 {
            return wrong(format!("{of_rows} holds no embedding"));
        }
        Ok(())
    }

    /// How many floats an embedding has.
    pub fn length(&self) -> usize {
        self.embeddings.header.shape[1]
    }

    /// Reads both.
    ///
    /// # Errors
    /// As [`read_matrix`] and [`read_texts`].
    pub fn read(self) -> Result<(Matrix, Vec<String>)> {
        let names = self.names.texts()?;
        Ok((self.embeddings.matrix()?, names))
    }
}

/// A file whose header is read.
struct Array {
    path: PathBuf,
    file: BufReader<File>,
    header: Header,
}

impl Array {
    /// Rows, columns and whether the floats are of 64 bits.
    fn matrix_shape(&self) -> Result<(usize, usize, bool)> {
        match (self.header.kind, self.header.width, &self.header.shape[..]) {
            (b'f', 4, &[rows, columns]) => Ok((rows, columns, false)),
            (b'f', 8, &[rows, columns]) => Ok((rows, columns, true)),
            (kind, width, _) => Err(self.another(
                "a matrix of 32 or 64 bit floats, one embedding a row",
                "numpy.asarray(embeddings, dtype=\"float32\")",
                kind == b'f' && matches!(width, 4 | 8),
            )),
        }
    }

    fn texts_count(&self) -> Result<usize> {
        match (self.header.kind, &self.header.shape[..]) {
            (b'U', &[count]) => Ok(count),
            (kind, _) => Err(self.another(
                "a list of unicode texts",
                "numpy.asarray(names, dtype=str)",
                kind == b'U',
            )),
        }
    }

    fn another(&self, wanted: &str, numpy: &str, is_kind: bool) -> Error {
        let Header { kind, width, shape, .. } = &self.header;
        let sides = match shape.len() {
            0 => "no shape, a single value".to_owned(),
            _ => format!("shape {shape:?}"),
        };
        let found = match kind {
            b'O' => "Python objects (dtype object), which would have to be unpickled,".to_owned(),
            kind => format!("type {}{width}", char::from(*kind)),
        };
        let advice = match is_kind {
            true => "its type is right, its shape is not".to_owned(),
            false => format!("save {numpy}"),
        };
        Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{} holds an array of {found} and {sides}; needed is {wanted}: {advice}",
                self.path.display()
            ),
        )
    }

    /// Whether the file that was opened is the one that is there now.
    fn is_current(&self) -> bool {
        let opened = self.file.get_ref().try_clone().and_then(Handle::from_file);
        matches!((opened, Handle::from_path(&self.path)), (Ok(opened), Ok(now)) if opened == now)
    }

    fn matrix(mut self) -> Result<Matrix> {
        let (rows, columns, wide) = self.matrix_shape()?;
        let header = &self.header;
        let float = |bytes: &[u8]| -> f32 {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            if header.big_endian {
                padded[..bytes.len()].reverse();
            }
            match wide {
                true => f64::from_le_bytes(padded) as f32,
                false => f32::from_le_bytes([padded[0], padded[1], padded[2], padded[3]]),
            }
        };
        let mut values = Vec::with_capacity(rows * columns);
        chunks(&self.path, &mut self.file, rows * columns, header.width, |bytes| {
            values.push(float(bytes));
            Ok(())
        })?;
        Array2::from_shape_vec((rows, columns).set_f(header.fortran), values)
            .map(Matrix::of)
            .map_err(|error| damaged(&self.path, error))
    }

    fn texts(mut self) -> Result<Vec<String>> {
        let count = self.texts_count()?;
        let header = &self.header;
        let code = |bytes: &[u8]| {
            let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
            match header.big_endian {
                true => u32::from_be_bytes(bytes),
                false => u32::from_le_bytes(bytes),
            }
        };
        let mut texts = Vec::with_capacity(count);
        if header.width == 0 {
            texts.resize(count, String::new());
            return Ok(texts);
        }
        let path = &self.path;
        chunks(path, &mut self.file, count, header.width * 4, |bytes| {
            // numpy fills up with NUL; one inside is a character.
            let codes: Vec<u32> = bytes.chunks_exact(4).map(code).collect();
            let end = codes.iter().rposition(|&code| code != 0).map_or(0, |last| last + 1);
            let text: Option<String> = codes[..end].iter().map(|&code| char::from_u32(code)).collect();
            texts.push(text.ok_or_else(|| damaged(path, format!("text {} is no unicode", texts.len())))?);
            Ok(())
        })?;
        Ok(texts)
    }

    /// Opens a file whose data is as long as its header says.
    fn open(path: &Path) -> Result<Array> {
        let failed = |error: std::io::Error| Error::io(path, "read", &error);
        let file = File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut file = BufReader::new(file);
        let mut start = [0; 10];
        read_exact(path, &mut file, &mut start)?;
        if start[..6] != *b"\x93NUMPY" {
            return Err(damaged(path, "it is no .npy file"));
        }
        let (length, before) = match start[6] {
            1 => (usize::from(u16::from_le_bytes([start[8], start[9]])), 10),
            2 | 3 => {
                let mut rest = [0; 2];
                read_exact(path, &mut file, &mut rest)?;
                (u32::from_le_bytes([start[8], start[9], rest[0], rest[1]]) as usize, 12)
            }
            version => return Err(damaged(path, format!("version {version} of the format is not known"))),
        };
        if length > MAX_HEADER {
            return Err(damaged(
                path,
                format!("its header has {length} bytes, at most {MAX_HEADER} are read"),
            ));
        }
        let mut text = vec![0; length];
        read_exact(path, &mut file, &mut text)?;
        let header = std::str::from_utf8(&text).ok().and_then(parse);
        let header = header.ok_or_else(|| damaged(path, "its header is not that of a plain array"))?;
        let width = if header.kind == b'U' {
            header.width.checked_mul(4)
        } else {
            Some(header.width)
        };
        let elements = header
            .shape
            .iter()
            .try_fold(1usize, |product, &side| product.checked_mul(side));
        let wanted = width
            .zip(elements)
            .and_then(|(width, elements)| width.checked_mul(elements));
        let data = size.saturating_sub((before + length) as u64);
        match wanted {
            // Elements of no bytes would be a list as long as the header likes.
            Some(wanted) if wanted as u64 == data && (wanted > 0 || elements <= Some(1 << 24)) => Ok(Array {
                path: path.to_owned(),
                file,
                header,
            }),
            // Objects are pickled, so that their bytes say nothing; whoever asks for them is told what they are.
            Some(_) if header.kind == b'O' => Ok(Array {
                path: path.to_owned(),
                file,
                header,
            }),
            _ => Err(damaged(
                path,
                format!(
                    "it has {data} bytes of data, its shape {:?} needs another number",
                    header.shape
                ),
            )),
        }
    }
}

/// Parses `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, keys in any order.
fn parse(text: &str) -> Option<Header> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    loop {
        rest = rest.trim_start_matches([' ', ',']);
        if rest.is_empty() {
            break;
        }
        let (key, after) = quoted(rest)?;
        rest = after.trim_start().strip_prefix(':')?.trim_start();
        match key {
            "descr" if descr.is_none() => {
                let (value, after) = quoted(rest)?;
                (descr, rest) = (Some(value), after);
            }
            "fortran_order" if fortran.is_none() => {
                let value = rest.starts_with("True");
                rest = rest.strip_prefix(if value { "True" } else { "False" })?;
                fortran = Some(value);
            }
            "shape" if shape.is_none() => {
                let (inside, after) = rest.strip_prefix('(')?.split_once(')')?;
                let sides = inside.trim().trim_end_matches(',');
                let side = |side: &str| side.trim().parse().ok();
                shape = Some(match sides {
                    "" => Vec::new(),
                    _ => sides.split(',').map(side).collect::<Option<Vec<usize>>>()?,
                });
                rest = after;
            }
            _ => return None,
        }
    }
    let (order, descr) = (descr?.get(..1)?, descr?.get(1..)?);
    Some(Header {
        big_endian: match order {
            "<" | "|" => false,
            "=" => cfg!(target_endian = "big"),
            ">" => true,
            _ => return None,
        },
        kind: *descr.as_bytes().first()?,
        // Objects have no width.
        width: match descr {
            "O" => 8,
            _ => descr.get(1..)?.parse().ok()?,
        },
        fortran: fortran?,
        shape: shape?,
    })
}

/// The text in the quotes that `text` begins with, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    text[1..].split_once(quote)
}

/// Gives each of `count` elements of `width` bytes to `take`.
fn chunks(
    path: &Path,
    file: &mut impl Read,
    count: usize,
    width: usize,
    mut take: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let at_once = (CHUNK / width).max(1);
    let mut buffer = vec![0; at_once.min(count) * width];
    let mut left = count;
    while left > 0 {
        let now = left.min(at_once);
        read_exact(path, file, &mut buffer[..now * width])?;
        buffer[..now * width].chunks_exact(width).try_for_each(&mut take)?;
        left -= now;
    }
    Ok(())
}

fn read_exact(path: &Path, file: &mut impl Read, buffer: &mut [u8]) -> Result<()> {
    file.read_exact(buffer).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => damaged(path, "it ends too early"),
        _ => Error::io(path, "read", &error),
    })
}

fn damaged(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read {}: {what}", path.display()))
}

#[cfg(test)]
mod tests;
