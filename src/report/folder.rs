//! Writes a report as a folder, as a whole or not at all.

use super::{Report, html, numbers};
use crate::error::{Error, ErrorKind, Result};
use crate::replace::{replace, replace_folder};
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

const JSON: &str = "results.json";

impl Report {
    /// Writes the report as the folder `path`, whose parent must exist. A report that is there is replaced once the
    /// new one is whole.
    ///
    /// # Errors
    /// As [`check_target`]; [`ErrorKind::Io`] when something can't be written, [`ErrorKind::InvalidArgument`] when two
    /// tables or two charts have one name or a name that is none for a file, or a row hasn't as many cells as its
    /// table has columns.
    pub fn write(&self, path: &Path) -> Result<()> {
        self.check()?;
        check_target(path)?;
        replace_folder(path, |folder| {
            write(&folder.join("index.html"), html::page(self)?.as_bytes())?;
            write(&folder.join(JSON), &numbers::json(self)?)?;
            let tables = subfolder(folder, "tables")?;
            for table in self.tables() {
                write(&tables.join(format!("{}.csv", table.name)), &numbers::csv(table)?)?;
            }
            let figures = subfolder(folder, "figures")?;
            for chart in self.charts() {
                write(&figures.join(format!("{}.svg", chart.name)), chart.svg()?.as_bytes())?;
                write(&figures.join(format!("{}.png", chart.name)), &chart.png()?)?;
            }
            Ok(())
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

/// Whether a report may be written as the folder `path`: nothing is there, or an empty folder, or a report. Asked
/// before long work, so that it isn't done in vain.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when something else is there: it is not overwritten. [`ErrorKind::Io`] when it can't
/// be looked at.
pub fn check_target(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(path, "look at", &error);
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
        Ok(metadata) if metadata.is_dir() => {}
        Ok(_) => return Err(occupied(path, "no folder")),
    }
    if std::fs::read_dir(path).map_err(failed)?.next().is_none() {
        return Ok(());
    }
    let mut start = vec![0; 200];
    let read = std::fs::File::open(path.join(JSON)).and_then(|mut file| std::io::Read::read(&mut file, &mut start));
    let ours = read.is_ok_and(|length| {
        let start = String::from_utf8_lossy(&start[..length]);
        start.contains(&format!("\"format\": \"{}\"", numbers::FORMAT))
    });
    if ours { Ok(()) } else { Err(occupied(path, "no report")) }
}

fn occupied(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "{} is there and is {what}: it is not overwritten, name another folder",
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
