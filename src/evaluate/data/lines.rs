//! Lines of a text file that may be anything: bounded in length and number, with their place in every error.

use crate::error::{Error, ErrorKind, Result};
use std::io::{BufRead, Read};

/// Longest line, in bytes.
const LONGEST: u64 = 4096;

/// Reads a text file line by line.
pub struct Lines<R> {
    reader: R,
    number: u64,
    most: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// Lines of `reader`, `most` of them at most.
    pub fn new(reader: R, most: u64) -> Self {
        Lines {
            reader,
            number: 0,
            most,
            bytes: Vec::new(),
        }
    }

    /// The next line that isn't blank, without what ends it.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; [`ErrorKind::Limit`] for a line of more than 4096 bytes or one line too many;
    /// [`ErrorKind::InvalidArgument`] for one that isn't UTF-8.
    pub fn next(&mut self) -> Result<Option<&str>> {
        loop {
            self.bytes.clear();
            let read = (&mut self.reader)
                .take(LONGEST + 1)
                .read_until(b'\n', &mut self.bytes)
                .map_err(|error| Error::new(ErrorKind::Io, format!("cannot read line {}: {error}", self.number + 1)))?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            if read as u64 > LONGEST {
                return Err(self.limit(format!("is longer than {LONGEST} bytes")));
            }
            if self.number > self.most {
                return Err(self.limit("is one too many: the file has more lines than any such list"));
            }
            if self.number == 1 && self.bytes.starts_with(b"\xef\xbb\xbf") {
                self.bytes.drain(..3);
            }
            if !self.bytes.trim_ascii().is_empty() {
                break;
            }
        }
        match std::str::from_utf8(&self.bytes) {
            Ok(text) => Ok(Some(text.trim_end_matches(['\n', '\r']))),
            Err(_) => Err(self.wrong("is not UTF-8 text")),
        }
    }

    /// The error that the last line is wrong.
    pub fn wrong(&self, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::InvalidArgument, format!("line {} {what}", self.number))
    }

    fn limit(&self, what: impl std::fmt::Display) -> Error {
        Error::new(ErrorKind::Limit, format!("line {} {what}", self.number))
    }
}

/// A line as it is shown in an error: short, without control characters.
pub fn shown(line: &str) -> String {
    let mut short: String = line.chars().take(80).collect();
    if short.len() < line.len() {
        short.push_str("...");
    }
    format!("{short:?}")
}

/// The fields of a line: parted by tabs where it has any, so that names may hold blanks, else by blanks.
pub fn fields(line: &str) -> Vec<&str> {
    match line.contains('\t') {
        true => line
            .split('\t')
            .map(str::trim)
            .filter(|field| !field.is_empty())
            .collect(),
        false => line.split_whitespace().collect(),
    }
}
