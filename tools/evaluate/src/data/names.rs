//! From the name of an image in a list to the row of a set: one rule for pair files, template lists and folders of chips.
//!
//! | the list's name | matches |
//! |---|---|
//! | with folders, `ann/1.jpg` | only a row whose name ends in those folders and that file: `set/ann/1.png`, never `bob/1.jpg` |
//! | absolute, `/data/set/ann/1.jpg` | a row that the list's name ends in, if that row names a folder: `ann/1.jpg` |
//! | bare, `1.jpg` | the row with that file name, where only one row has it |
//!
//! Not looked at are: the ending of an image file, `./`, whether `/` or `\` separates folders, and which of the
//! canonically equivalent Unicode forms a name is written in. Where rows differ only in those, the one that is equal to
//! the list's name comes first.

use qmagface::error::{Error, ErrorKind, Result};
use qmagface::pairs::{Prepared, common_folder, composed, parts};
use std::collections::HashMap;

/// What a name in a list means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// This row.
    Row(u32),
    /// No row.
    Missing,
    /// More than one row, these two among them.
    Several(u32, u32),
}

/// The rows of a set by name.
pub struct Names {
    rows: Vec<Name>,
    /// Rows by their file's name without its ending, and those with folders by `innermost folder/that name` too.
    by_place: HashMap<String, Vec<u32>>,
    /// Rows whose file's name is a number, by that number.
    by_number: HashMap<u64, Vec<u32>>,
    /// Rows of a set without names, which go by their number from 0.
    unnamed: usize,
}

/// A name in its parts.
struct Name {
    /// Folders, outermost first.
    folders: Vec<String>,
    file: String,
    /// Bytes of `file` before its ending.
    stem: usize,
    absolute: bool,
}

impl Name {
    fn new(text: &str) -> Name {
        let text = composed(text);
        let (absolute, parts) = parts(&text);
        let mut folders: Vec<String> = parts.into_iter().map(str::to_owned).collect();
        let file = folders.pop().unwrap_or_default();
        Name {
            stem: stem_length(&file),
            folders,
            file,
            absolute,
        }
    }

    fn stem(&self) -> &str {
        &self.file[..self.stem]
    }

    /// How the file's name agrees with `listed`'s; `None`: it doesn't. Less is closer.
    fn file_rank(&self, listed: &Name) -> Option<u8> {
        if self.file == listed.file {
            Some(0)
        } else if self.stem() == listed.file {
            // The chip `a.jpg.png` of the photo `a.jpg`, or a list without endings.
            Some(1)
        } else if self.stem() == listed.stem() {
            Some(2)
        } else {
            None
        }
    }

    /// How the folders agree with `listed`'s; `None`: they don't. Less is closer.
    fn folder_rank(&self, listed: &Name) -> Option<usize> {
        let (ours, theirs) = (&self.folders, &listed.folders);
        if ours == theirs {
            Some(0)
        } else if ours.ends_with(theirs) && !listed.absolute {
            Some(1)
        } else if listed.absolute && !ours.is_empty() && theirs.ends_with(ours) {
            // The more folders agree, the closer.
            Some(1 + theirs.len() - ours.len())
        } else {
            None
        }
    }
}

impl Names {
    /// The rows of `set` by name; a set without names goes by its rows' numbers, from 0.
    pub fn of(set: &Prepared) -> Self {
        match set.names() {
            Some(names) => Names::new(names),
            None => Names {
                unnamed: set.len(),
                ..Names::new::<&str>(&[])
            },
        }
    }

    /// Rows that are called `names`.
    pub fn new<N: AsRef<str>>(names: &[N]) -> Self {
        // Where all are absolute, what they have in common is where the set lies, and not part of its names.
        let root = common_folder(names.iter().map(AsRef::as_ref));
        let mut rows: Vec<Name> = names.iter().map(|name| Name::new(name.as_ref())).collect();
        let (mut by_place, mut by_number): (HashMap<String, Vec<u32>>, HashMap<u64, Vec<u32>>) = Default::default();
        for (row, index) in rows.iter_mut().zip(0u32..) {
            // The innermost folder stays: a set of one person is still that person's.
            row.folders.drain(..root.min(row.folders.len().saturating_sub(1)));
            by_place.entry(row.stem().to_owned()).or_default().push(index);
            if let Some(folder) = row.folders.last() {
                by_place
                    .entry(format!("{folder}/{}", row.stem()))
                    .or_default()
                    .push(index);
            }
            if let Some(number) = number_of(row.stem()) {
                by_number.entry(number).or_default().push(index);
            }
        }
        Names {
            rows,
            by_place,
            by_number,
            unnamed: 0,
        }
    }

    /// The row that a list calls `name`.
    pub fn find(&self, name: &str) -> Lookup {
        if self.unnamed > 0 {
            return self.numbered(name);
        }
        let listed = Name::new(name);
        let mut candidates: Vec<u32> = Vec::new();
        // What looks like an ending may be a part of the row's name.
        for stem in [listed.stem(), &listed.file] {
            candidates.extend(self.at(&listed, stem));
        }
        candidates.sort_unstable();
        candidates.dedup();
        let is_bare = listed.folders.is_empty() && !listed.absolute;
        let ranked = candidates.into_iter().filter_map(|row| {
            let found = &self.rows[row as usize];
            let folders = match is_bare {
                true => usize::from(!found.folders.is_empty()),
                false => found.folder_rank(&listed)?,
            };
            Some(((folders, found.file_rank(&listed)?), row))
        });
        closest(ranked)
    }

    /// The rows called `stem` in the innermost folder of `listed`.
    fn at(&self, listed: &Name, stem: &str) -> &[u32] {
        let found = match listed.folders.last() {
            Some(folder) => self.by_place.get(&format!("{folder}/{stem}")),
            None => self.by_place.get(stem),
        };
        found.map_or(&[], Vec::as_slice)
    }

    /// The row whose file's name is the number `number`, whatever zeros it begins with: for lists that know their images
    /// by number.
    pub fn numbered(&self, number: &str) -> Lookup {
        let Some(number) = number_of(number) else {
            return Lookup::Missing;
        };
        if self.unnamed > 0 {
            return match u32::try_from(number) {
                Ok(row) if (row as usize) < self.unnamed => Lookup::Row(row),
                _ => Lookup::Missing,
            };
        }
        closest(self.by_number.get(&number).into_iter().flatten().map(|&row| ((), row)))
    }

    /// As [`Names::find`], with a name that several rows have as an error.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming two of the rows.
    pub fn row(&self, name: &str) -> Result<Option<u32>> {
        match self.find(name) {
            Lookup::Row(row) => Ok(Some(row)),
            Lookup::Missing => Ok(None),
            Lookup::Several(a, b) => Err(self.several(name, a, b)),
        }
    }

    /// The error that the list's `name` means the rows `a` and `b`.
    pub fn several(&self, name: &str, a: u32, b: u32) -> Error {
        let (one, other) = (self.shown(a), self.shown(b));
        let of_row = |row: u32| self.rows.get(row as usize);
        let what = match (of_row(a), of_row(b)) {
            _ if one == other => format!(
                "{name:?} is {one:?}, which the set has more than once (rows {a} and {b}): leave one of them out of the set"
            ),
            (Some(first), Some(second)) if first.folders == second.folders => format!(
                "{name:?} may be {one:?} or {other:?} of the set, which differ only in their endings, in zeros before a \
                 number or in how their letters are encoded: the list must write the name exactly as the set does"
            ),
            _ => format!(
                "{name:?} may be {one:?} or {other:?} of the set: the list must name enough of its folders to tell them apart"
            ),
        };
        Error::new(ErrorKind::InvalidArgument, what)
    }

    /// A row that the list's missing `name` may have meant, where the list has more folders than the set.
    pub fn nearly(&self, name: &str) -> Option<String> {
        let listed = Name::new(name);
        let candidates = self.at(&listed, listed.stem());
        let row = candidates.iter().copied().find(|&row| {
            let found = &self.rows[row as usize];
            !found.folders.is_empty() && listed.folders.ends_with(&found.folders)
        })?;
        Some(self.shown(row))
    }

    fn shown(&self, row: u32) -> String {
        let Some(name) = self.rows.get(row as usize) else {
            return row.to_string();
        };
        let parts: Vec<&str> = name.folders.iter().chain([&name.file]).map(String::as_str).collect();
        parts.join("/")
    }
}

/// The row of the least rank.
fn closest<R: Ord + Copy>(ranked: impl Iterator<Item = (R, u32)>) -> Lookup {
    let mut best: Option<(R, u32, Option<u32>)> = None;
    for (rank, row) in ranked {
        best = match best {
            Some((least, first, _)) if rank == least => Some((least, first, Some(row))),
            Some(found) if rank > found.0 => Some(found),
            _ => Some((rank, row, None)),
        };
    }
    match best {
        None => Lookup::Missing,
        Some((_, row, None)) => Lookup::Row(row),
        Some((_, row, Some(other))) => Lookup::Several(row, other),
    }
}

/// Bytes of a file's name before the ending of an image file.
fn stem_length(file: &str) -> usize {
    match file.rsplit_once('.') {
        // What follows a dot is an ending only where it isn't part of the name (`J.K_Lee_0001`).
        Some((stem, ending)) if !stem.is_empty() && is_ending(ending) => stem.len(),
        _ => file.len(),
    }
}

fn is_ending(text: &str) -> bool {
    const KNOWN: [&str; 21] = [
        "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "dib", "webp", "tif", "tiff", "gif", "pgm", "ppm", "pbm", "pnm",
        "jp2", "j2k", "jxl", "avif", "heic", "heif",
    ];
    KNOWN.iter().any(|known| known.eq_ignore_ascii_case(text))
}

/// The value of a name of digits alone.
fn number_of(name: &str) -> Option<u64> {
    let digits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| name.parse().ok()).flatten()
}
