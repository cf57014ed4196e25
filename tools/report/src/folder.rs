//! Writes a report as a folder, as a whole or not at all.

use super::{Report, html, numbers};
use qmagface::error::{Error, ErrorKind, Result};
use qmagface::replace::{replace, replace_folder};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::io::Write;
use std::path::{Path, PathBuf};

const PAGE: &str = "index.html";
const JSON: &str = "results.json";
const FOLDERS: [&str; 2] = ["tables", "figures"];
/// Longest JSON file of a report that is read to see what is its own.
const MOST_JSON: u64 = 1 << 30;

impl Report {
    /// Writes the report as the folder `path`, whose parent must exist. A report that is there is replaced once the
    /// new one is whole. Where `path` is a link, the folder that it leads to is.
    ///
    /// # Errors
    /// As [`check_target`]; [`ErrorKind::Io`] when something can't be written, [`ErrorKind::InvalidArgument`] when two
    /// tables or two charts have one name or a name that is none for a file, or a row hasn't as many cells as its
    /// table has columns.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.check()?;
        check_target(path)?;
        let real = path.canonicalize();
        let mut files = vec![(PAGE.to_owned(), html::page(self)?.into_bytes())];
        for table in self.tables() {
            files.push((format!("{}/{}.csv", FOLDERS[0], table.name), numbers::csv(table)?));
        }
        for chart in self.charts() {
            let path = |ending: &str| format!("{}/{}.{ending}", FOLDERS[1], chart.name);
            files.push((path("svg"), chart.svg()?.into_bytes()));
            files.push((path("png"), chart.png()?));
        }
        let hashes: BTreeMap<&str, String> = files
            .iter()
            .map(|(path, bytes)| (path.as_str(), sha256(bytes)))
            .collect();
        let json = numbers::json(self, &hashes)?;
        replace_folder(real.as_deref().unwrap_or(path), |folder| {
            for name in FOLDERS {
                subfolder(folder, name)?;
            }
            for (path, bytes) in &files {
                write(&folder.join(path), bytes)?;
            }
            write(&folder.join(JSON), &json)
        })
    }

    fn check(&self) -> Result<()> {
        let wrong = |what: String| Err(Error::new(ErrorKind::InvalidArgument, what));
        let tables: Vec<&str> = self.tables().map(|table| table.name.as_str()).collect();
        let charts: Vec<&str> = self.charts().map(|chart| chart.name.as_str()).collect();
        for (what, names) in [("table", tables), ("chart", charts)] {
            let mut seen = HashSet::new();
            for name in names {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
                if name.is_empty() || name.len() > 100 || !name.bytes().all(plain) {
                    return wrong(format!("a {what} is called {name:?}: use letters, digits, - and _"));
                }
                if !seen.insert(name) {
                    return wrong(format!("two {what}s are called {name}"));
                }
            }
        }
        for table in self.tables() {
            if let Some(row) = table.rows.iter().position(|row| row.len() != table.columns.len()) {
                return wrong(format!(
                    "table {}, row {}: {} cells for {} columns",
                    table.name,
                    row + 1,
                    table.rows[row].len(),
                    table.columns.len()
                ));
            }
        }
        Ok(())
    }
}

/// Whether a report may be written as the folder `path`: nothing is there, or an empty folder, or a report as it was
/// written and nothing else. Asked before long work, so that it isn't done in vain.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when something else is there, naming it: it is not overwritten. [`ErrorKind::Io`] when
/// it can't be looked at.
pub fn check_target(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(path, "look at", &error);
    match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return match path.is_symlink() {
                true => Err(occupied(path, "is a link that leads nowhere")),
                false => Ok(()),
            };
        }
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(occupied(path, "is no folder")),
    }
    if std::fs::read_dir(path).map_err(failed)?.next().is_none() {
        return Ok(());
    }
    let Some(own) = own_files(path) else {
        return Err(occupied(
            path,
            "is no report, or one of an earlier version that doesn't say which files are its own",
        ));
    };
    if let Some(found) = foreign(path, &own).map_err(failed)? {
        let what = format!("holds {}, which isn't the report's", found.display());
        return Err(occupied(path, &what));
    }
    let is_changed = |(file, hash): &(&PathBuf, &String)| {
        let found = std::fs::read(path.join(file));
        found.is_ok_and(|bytes| sha256(&bytes) != **hash)
    };
    match own.iter().find(is_changed) {
        None => Ok(()),
        Some((file, _)) => Err(occupied(
            path,
            &format!("holds {}, which was changed since it was written", file.display()),
        )),
    }
}

/// The files of the report in the folder `path`, with their hashes, as its own JSON file lists them; `None`: it is
/// no report.
fn own_files(path: &Path) -> Option<BTreeMap<PathBuf, String>> {
    #[derive(serde::Deserialize)]
    struct Content {
        format: String,
        files: BTreeMap<PathBuf, String>,
    }
    let mut text = Vec::new();
    // A pipe would be waited for.
    let json = Some(path.join(JSON)).filter(|json| json.is_file())?;
    let file = std::fs::File::open(json).ok()?;
    std::io::Read::read_to_end(&mut std::io::Read::take(file, MOST_JSON), &mut text).ok()?;
    let content: Content = serde_json::from_slice(&text).ok()?;
    (content.format == numbers::FORMAT).then_some(content.files)
}

/// A file below the folder `top` that isn't one of `own`, or a folder that none of these is in; links are not followed.
fn foreign(top: &Path, own: &BTreeMap<PathBuf, String>) -> std::io::Result<Option<PathBuf>> {
    let folders: HashSet<&Path> = own.keys().flat_map(|file| file.ancestors().skip(1)).collect();
    // A report's folder of figures is there even where it has none.
    let is_own_folder = |inside: &Path| folders.contains(inside) || FOLDERS.iter().any(|own| inside == Path::new(own));
    let mut left = vec![PathBuf::new()];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(top.join(&folder))? {
            let entry = entry?;
            let inside = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() && is_own_folder(&inside) {
                left.push(inside);
            } else if !kind.is_file() || !own.contains_key(&inside) && inside != Path::new(JSON) {
                return Ok(Some(inside));
            }
        }
    }
    Ok(None)
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn occupied(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "{} is there and {what}: it is not overwritten, name another folder",
            path.display()
        ),
    )
}

fn subfolder(folder: &Path, name: &str) -> Result<std::path::PathBuf> {
    let path = folder.join(name);
    std::fs::create_dir(&path).map_err(|error| Error::io(&path, "create", &error))?;
    Ok(path)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    replace(path, |mut file| {
        file.write_all(bytes).map_err(|error| Error::io(path, "write", &error))
    })
}
