//! Photos as a set: embedded once, and kept for the next run.

use super::set::sha256;
use crate::album::Album;
use crate::arguments::{Machine, Reading, Shared};
use crate::embed::{self, Embedded, Input, Paths, embed_all, write_arrays};
use crate::folder;
use crate::own_file;
use crate::stop::stop_flag;
use qmagface::replace::replace;
use qmagface::{Engine, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::Path;

/// Name of the kept arrays.
pub const PHOTOS: &str = "photos";

/// What the kept embeddings are of: they serve again while it is the same.
#[derive(Clone, Serialize, Deserialize, PartialEq)]
pub struct Kept {
    run: crate::journal::Header,
    /// Hash over what was passed over in the folder.
    passed_over: String,
    /// SHA-256 of the two arrays.
    arrays: [String; 2],
    /// How many photos there are, and how many of them have an embedding.
    pub images: usize,
    pub count: usize,
    /// How many files failed, those included that are images of a kind that is not read; and of how many.
    pub failed: usize,
    pub tried: usize,
    /// The first files that failed, and why.
    pub failures: Vec<String>,
}

/// Failed files that are named on a page.
const MOST_NAMED: usize = 10;

/// The embeddings of the images of `album`, in the folder `keep`: those kept there, or new ones. Images of a folder are
/// photos, those of a `.bin` file are aligned chips.
///
/// # Errors
/// [`ErrorKind::Io`], whatever embedding fails with, [`ErrorKind::Cancelled`].
pub fn embedded(
    shared: &Shared,
    engine: &Engine,
    album: &Album,
    (reading, machine): (&Reading, &Machine),
    keep: &Path,
) -> Result<Kept> {
    let input = Input {
        album,
        align: album.packed().is_none(),
        reading,
        machine,
        cancel: Some(stop_flag()?),
    };
    let mut now = Kept {
        run: embed::header(engine, &input)?,
        passed_over: passed_over(album),
        arrays: Default::default(),
        images: album.len(),
        count: 0,
        failed: 0,
        tried: album.tried(),
        failures: Vec::new(),
    };
    let paths = Paths::new(keep, PHOTOS);
    let note = keep.join("photos.json");
    let journal_path = keep.join(".photos.journal");
    let old: Option<Kept> = own_file::read(&note).and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let hashes = |paths: &Paths| Some([sha256(&paths.embeddings).ok()?, sha256(&paths.filenames).ok()?]);
    if let Some(old) = &old
        && old.run == now.run
        && old.passed_over == now.passed_over
        && hashes(&paths).as_ref() == Some(&old.arrays)
    {
        return Ok(old.clone());
    }
    // Without a note of ours, or what a run leaves that was ended in between, they are somebody else's.
    let others = [&note, &paths.embeddings, &paths.filenames];
    if old.is_none()
        && !journal_path.exists()
        && let Some(other) = others.into_iter().find(|path| path.symlink_metadata().is_ok())
    {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{} is there and wasn't kept by this version of this program: name another folder with --keep, or move it \
                 away",
                other.display()
            ),
        ));
    }
    if !shared.json {
        eprintln!("embedding {} photos of {}", album.len(), album.source.display());
    }
    std::fs::create_dir_all(keep).map_err(|error| Error::io(keep, "create", &error))?;
    let journal = embed_all(shared, engine, &input, &journal_path)?;
    let Embedded { names, skipped } = embed::embedded(&journal, album)?;
    // What is kept is not what this note is of, from here on.
    match std::fs::remove_file(&note) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&note, "remove", &error)),
        _ => {}
    }
    write_arrays(&journal, &names, &paths, engine.info().embedding_length, None)?;
    now.count = names.len();
    now.arrays = [sha256(&paths.embeddings)?, sha256(&paths.filenames)?];
    now.failed = folder::failures(&skipped);
    let failures = skipped.iter().filter(|skipped| skipped.failed).take(MOST_NAMED);
    now.failures = failures
        .map(|skipped| format!("{}: {}", folder::name(&skipped.path), skipped.reason))
        .collect();
    let text = serde_json::to_vec(&now).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    replace(&note, |mut file| {
        file.write_all(&text).map_err(|error| Error::io(&note, "write", &error))
    })?;
    journal.remove()?;
    Ok(now)
}

/// Hash over what was passed over, and why.
fn passed_over(album: &Album) -> String {
    let mut hash = Sha256::new();
    for skipped in &album.skipped {
        hash.update(format!("{} {}\0", folder::name(&skipped.path), skipped.reason));
    }
    hex::encode(hash.finalize())
}
