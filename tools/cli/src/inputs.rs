//! The images of a command: files, folders, and lists of them.

use crate::folder::{self, Skipped};
use clap::Args;
use qmagface::{Error, ErrorKind, Result};
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::{Path, PathBuf};

/// Longest line of a list, in bytes; no path that a system takes is longer.
const LONGEST_LINE: u64 = 1 << 16;
/// Most lines of a list.
const MOST_LINES: usize = 50_000_000;

/// The images.
#[derive(Args)]
pub struct Inputs {
    /// Images, and folders of images
    #[arg(value_name = "IMAGE", required_unless_present = "list")]
    paths: Vec<PathBuf>,
    /// Text file that names further images and folders, one a line; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
}

/// The images that were found.
#[derive(Debug, Default)]
pub struct Images {
    /// Images in the order in which they were given; those of a folder by name.
    pub files: Vec<PathBuf>,
    /// For each, the folder that was given and that it was found in.
    pub folders: Vec<Option<PathBuf>>,
    /// What was passed over in folders, by full path.
    pub skipped: Vec<Skipped>,
    /// Hidden files and folders in folders, left out.
    pub hidden: usize,
}

impl Inputs {
    /// Whether all there is is one path, and no list.
    pub fn one(&self) -> Option<&Path> {
        match (&self.paths[..], &self.list) {
            ([path], None) => Some(path),
            _ => None,
        }
    }

    /// Finds the images. A file that is named itself is always tried.
    ///
    /// # Errors
    /// As [`folder::list`]; [`ErrorKind::Io`] for a list that can't be read, [`ErrorKind::InvalidArgument`] for one that
    /// names nothing, [`ErrorKind::Limit`].
    pub fn find(&self) -> Result<Images> {
        let mut images = Images::default();
        for path in &self.paths {
            images.add(path)?;
        }
        if let Some(list) = &self.list {
            let place = |error: Error| error.at(list.display());
            let paths = match list.as_os_str() == "-" {
                true => lines(stdin().lock()).map_err(place)?,
                false => {
                    let file = File::open(list).map_err(|error| Error::io(list, "read", &error))?;
                    lines(BufReader::new(file)).map_err(place)?
                }
            };
            for path in &paths {
                images.add(path)?;
            }
        }
        folder::check_names("the images", &images.files)?;
        Ok(images)
    }
}

impl Images {
    /// Takes a file, or a folder's images.
    fn add(&mut self, path: &Path) -> Result<()> {
        if !path.is_dir() {
            self.files.push(path.to_owned());
            self.folders.push(None);
            return Ok(());
        }
        let listing = folder::list(path)?;
        self.files.extend(listing.images.iter().map(|image| path.join(image)));
        self.folders.resize(self.files.len(), Some(path.to_owned()));
        self.hidden += listing.hidden;
        self.skipped.extend(listing.skipped.into_iter().map(|skipped| Skipped {
            path: path.join(skipped.path),
            ..skipped
        }));
        Ok(())
    }

    /// Leaves out what is there more than once, by whatever path.
    pub fn once_each(&mut self) {
        let mut known = HashSet::with_capacity(self.files.len());
        let files = self.files.drain(..).zip(self.folders.drain(..));
        let mut is_new = |path: &PathBuf| known.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
        let (files, folders) = files.filter(|(path, _)| is_new(path)).unzip();
        (self.files, self.folders) = (files, folders);
    }

    /// How many files there are for which a command may fail.
    pub fn tried(&self) -> usize {
        self.files.len() + folder::failures(&self.skipped)
    }
}

/// The paths of a list, one a line; blank lines are none.
fn lines(mut reader: impl BufRead) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        number += 1;
        let read = (&mut reader).take(LONGEST_LINE + 1).read_until(b'\n', &mut line);
        let read = read.map_err(|error| Error::new(ErrorKind::Io, format!("cannot read line {number}: {error}")))?;
        if read == 0 {
            break;
        }
        if read as u64 > LONGEST_LINE || number > MOST_LINES {
            let what = match number > MOST_LINES {
                true => format!("it has more than {MOST_LINES} lines"),
                false => format!("line {number} is longer than {LONGEST_LINE} bytes"),
            };
            return Err(Error::new(ErrorKind::Limit, what));
        }
        let mut path = line.strip_suffix(b"\n").unwrap_or(&line);
        path = path.strip_suffix(b"\r").unwrap_or(path);
        if number == 1 {
            path = path.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(path);
        }
        if !path.trim_ascii().is_empty() {
            paths.push(PathBuf::from(os_string(path)?));
        }
    }
    match paths.is_empty() {
        true => Err(Error::new(ErrorKind::InvalidArgument, "the list names no image")),
        false => Ok(paths),
    }
}

/// A path as the system has it: any bytes on Unix, Unicode elsewhere.
#[cfg(unix)]
fn os_string(bytes: &[u8]) -> Result<OsString> {
    Ok(std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec()))
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> Result<OsString> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::InvalidArgument, "the list is not UTF-8 text"))?;
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_a_path_a_line() {
        let found = lines(&b"\xEF\xBB\xBFa b.jpg\r\n\n \t\n./c.png\n d\n#e"[..]).unwrap();
        assert_eq!(found, ["a b.jpg", "./c.png", " d", "#e"].map(PathBuf::from));
        assert_eq!(lines(&b"\n\n"[..]).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let endless = BufReader::new(std::io::repeat(b'a'));
        assert_eq!(lines(endless).unwrap_err().kind(), ErrorKind::Limit);
    }
}
