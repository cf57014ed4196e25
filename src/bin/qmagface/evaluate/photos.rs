//! Photos as a set: embedded once, and kept for the next run.

use crate::arguments::Shared;
use crate::embed::{self, Input, Paths, embed_all, write_arrays};
use crate::folder;
use crate::stop::stop_flag;
use qmagface::replace::replace;
use qmagface::{Engine, Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Name of the kept arrays.
pub const PHOTOS: &str = "photos";

/// What the kept embeddings are of: they serve again while it is the same.
#[derive(Serialize, Deserialize, PartialEq)]
pub struct Kept {
    run: crate::journal::Header,
    /// Hash over the photos' names, sizes and times of change.
    photos: String,
    /// How many photos there are, and how many of them have an embedding.
    pub images: usize,
    pub count: usize,
}

/// The embeddings of the photos below `source`, in the folder `keep`: those kept there, or new ones.
///
/// # Errors
/// [`ErrorKind::Io`], whatever embedding fails with, [`ErrorKind::Cancelled`].
pub fn embedded(shared: &Shared, engine: &Engine, source: &Path, keep: &Path) -> Result<Kept> {
    let listing = folder::list(source)?;
    let input = Input {
        source,
        align: true,
        cancel: Some(stop_flag()?),
    };
    let mut now = Kept {
        run: embed::header(engine, &input, &listing.images),
        photos: state(source, &listing.images)?,
        images: listing.images.len(),
        count: 0,
    };
    let paths = Paths::new(keep, PHOTOS);
    let note = keep.join("photos.json");
    let old: Option<Kept> = std::fs::read(&note)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    if let Some(old) = old
        && old.run == now.run
        && old.photos == now.photos
        && paths.embeddings.is_file()
        && paths.filenames.is_file()
    {
        return Ok(old);
    }
    if !shared.json {
        eprintln!("embedding {} photos of {}", listing.images.len(), source.display());
    }
    std::fs::create_dir_all(keep).map_err(|error| Error::io(keep, "create", &error))?;
    let journal = embed_all(shared, engine, &input, &listing.images, &keep.join(".photos.journal"))?;
    let length = engine.info().embedding_length;
    let mut skipped = listing.skipped;
    now.count = write_arrays(&journal, &listing.images, &paths, length, &mut skipped)?;
    let text = serde_json::to_vec(&now).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
    replace(&note, |mut file| {
        file.write_all(&text).map_err(|error| Error::io(&note, "write", &error))
    })?;
    journal.remove()?;
    Ok(now)
}

/// Hash over the photos' names, sizes and times of change.
fn state(source: &Path, images: &[PathBuf]) -> Result<String> {
    let mut hash = Sha256::new();
    for image in images {
        let path = source.join(image);
        let metadata = path.metadata().map_err(|error| Error::io(&path, "look at", &error))?;
        hash.update(folder::name(image));
        hash.update(format!("\0{} {:?}\0", metadata.len(), metadata.modified().ok()));
    }
    Ok(hex::encode(hash.finalize()))
}
