//! Lines of a text file that may be anything: bounded in length and number, with their place in every error.

use qmagface::error::{Error, ErrorKind, Result};
use std::io::BufRead;

/// Longest line, in bytes.
const LONGEST: usize = 4096;

/// Reads a text file line by line.
pub struct Lines<R> {
    reader: R,
    number: u64,
    most: u64,
    bytes: Vec<u8>,
    /// Whether the last line ended with CR, which LF may follow.
    after_cr: bool,
}

impl<R: BufRead> Lines<R> {
    /// Lines of `reader`, `most` of them at most.
    pub fn new(reader: R, most: u64) -> Self {
        Lines {
            reader,
            number: 0,
            most,
            bytes: Vec::new(),
            after_cr: false,
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
            let is_there = self
                .read_line()
                .map_err(|error| Error::new(ErrorKind::Io, format!("cannot read line {}: {error}", self.number + 1)))?;
            if !is_there {
                return Ok(None);
            }
            self.number += 1;
            if self.bytes.len() > LONGEST {
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
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(self.wrong("is not UTF-8 text")),
        }
    }

    /// Reads a line without its end, which is LF, CR LF or CR, or its first bytes where it is too long; `false`: there is none.
    fn read_line(&mut self) -> std::io::Result<bool> {
        let mut is_there = false;
        while self.bytes.len() <= LONGEST {
            let found = self.reader.fill_buf()?;
            if found.is_empty() {
                return Ok(is_there);
            }
            // The second half of CR LF.
            if std::mem::take(&mut self.after_cr) && found[0] == b'\n' {
                self.reader.consume(1);
                continue;
            }
            is_there = true;
            let found = &found[..found.len().min(LONGEST + 1)];
            let end = memchr::memchr2(b'\n', b'\r', found);
            self.bytes.extend_from_slice(&found[..end.unwrap_or(found.len())]);
            self.after_cr = end.is_some_and(|end| found[end] == b'\r');
            let used = end.map_or(found.len(), |end| end + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        Ok(is_there)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufReader, Read};

    fn all(text: &[u8], buffer: usize) -> Vec<String> {
        let mut lines = Lines::new(BufReader::with_capacity(buffer, text), 100);
        std::iter::from_fn(|| lines.next().unwrap().map(str::to_owned)).collect()
    }

    #[test]
    fn lines_end_as_any_system_ends_them() {
        for buffer in 1..9 {
            for end in ["\n", "\r\n", "\r"] {
                let text = ["a 1", "", "  ", "bc", "d"].join(end);
                assert_eq!(all(text.as_bytes(), buffer), ["a 1", "bc", "d"], "{end:?}, {buffer}");
                assert_eq!(
                    all((text + end).as_bytes(), buffer),
                    ["a 1", "bc", "d"],
                    "{end:?}, {buffer}"
                );
            }
            assert_eq!(all(b"\xef\xbb\xbfa\r\rb\n\r\nc", buffer), ["a", "b", "c"]);
            assert_eq!(all(b"", buffer), [""; 0]);
        }
    }

    #[test]
    fn long_lines_are_refused_wherever_they_end() {
        let longest = "a".repeat(LONGEST);
        assert_eq!(all(format!("{longest}\r\nb").as_bytes(), 100), [longest.as_str(), "b"]);
        for end in ["", "\n", "\rb"] {
            let text = format!("x\n{longest}a{end}");
            let mut lines = Lines::new(text.as_bytes(), 100);
            assert_eq!(lines.next().unwrap(), Some("x"));
            let error = lines.next().unwrap_err();
            assert!(
                error.kind() == ErrorKind::Limit && error.message().contains("line 2"),
                "{error}"
            );
        }
        let endless = BufReader::new(std::io::repeat(b'a').take(1 << 40));
        assert_eq!(Lines::new(endless, 100).next().unwrap_err().kind(), ErrorKind::Limit);
    }
}
