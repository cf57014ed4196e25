//! The chips of a set's images, for the pairs that a report shows.

use crate::album::Album;
use crate::align::Format;
use crate::arguments::Reading;
use crate::embed;
use crate::folder;
use qmagface::pairs::Prepared;
use qmagface::{Chip, DecodeLimits, Engine, Error, Result, image};
use qmagface_evaluate::data::{Lookup, Names};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Where chips come from.
#[derive(Default)]
pub struct Chips {
    /// A folder of chips, as `qmagface align` makes it.
    pub folder: Option<ChipFolder>,
    /// The photos the set was embedded from, and the engine that did.
    pub photos: Option<(Engine, Album, Reading)>,
    /// The photos by name.
    by_name: OnceLock<HashMap<String, usize>>,
}

/// A folder of chips.
pub struct ChipFolder {
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// The chips by their paths below the folder: an image's chip has its name, whatever its ending.
    names: Names,
}

impl Chips {
    /// Lists a folder of chips.
    ///
    /// # Errors
    /// As [`folder::list`].
    pub fn folder(path: &Path) -> Result<ChipFolder> {
        let listing = folder::list(path)?;
        Ok(ChipFolder {
            folder: path.to_owned(),
            names: Names::new(&listing.names()),
            files: listing.images,
        })
    }

    /// The chip of the image `name` as PNG; `None` where there is none.
    pub fn png(&self, name: &str) -> Option<Vec<u8>> {
        let in_folder = self.folder.as_ref().and_then(|folder| folder.chip(name));
        Format::Png.encode(&in_folder.or_else(|| self.photo(name))?).ok()
    }

    fn photo(&self, name: &str) -> Option<Chip> {
        let (engine, album, reading) = self.photos.as_ref()?;
        let by_name = self
            .by_name
            .get_or_init(|| (0..album.len()).map(|index| (album.name(index), index)).collect());
        let image = album.read(*by_name.get(name)?, reading).ok()?;
        embed::chip(engine, image, album.packed().is_none()).ok()
    }
}

impl ChipFolder {
    /// Checks that what is in the folder are chips, by the first one.
    ///
    /// # Errors
    /// Why it is none.
    pub fn check(&self) -> Result<()> {
        let Some(file) = self.files.first() else { return Ok(()) };
        let path = self.folder.join(file);
        let chip = image::read(&path, &DecodeLimits::default()).and_then(Chip::from_image);
        let error = chip
            .map(drop)
            .map_err(|error| match error.message().contains(&*path.to_string_lossy()) {
                true => error,
                false => error.at(path.display()),
            });
        error.map_err(|error| {
            Error::new(
                error.kind(),
                format!("{error} (--chips takes what `qmagface align` makes)"),
            )
        })
    }

    /// A note on the images of `set` that have no chip here; `None`: each has one.
    pub fn lacking(&self, set: &Prepared) -> Option<String> {
        let (mut missing, mut unclear, mut first) = (0u64, 0u64, None);
        for row in 0..set.len() {
            let name = set.name(row);
            match self.names.find(&name) {
                Lookup::Row(_) => continue,
                Lookup::Missing => missing += 1,
                Lookup::Several(..) => unclear += 1,
            }
            first.get_or_insert(name);
        }
        let first = first?;
        let unclear = match unclear {
            0 => String::new(),
            unclear => format!(", and several that may be the chip of {unclear} more"),
        };
        Some(format!(
            "{} has no chip of {missing} of {} images{unclear}, such as {first:?}: pairs of these are shown without a picture.",
            self.folder.display(),
            set.len()
        ))
    }

    fn chip(&self, name: &str) -> Option<Chip> {
        // A name that several chips have shows none of them: it might be the wrong one.
        let Lookup::Row(file) = self.names.find(name) else {
            return None;
        };
        let path = self.folder.join(&self.files[file as usize]);
        Chip::from_image(image::read(&path, &DecodeLimits::default()).ok()?).ok()
    }
}
