//! The chips of a set's images, for the pairs that a report shows.

use crate::align::Format;
use crate::embed;
use qmagface::{Chip, DecodeLimits, Engine, image};
use std::path::{Component, Path, PathBuf};

/// Where chips come from.
#[derive(Default)]
pub struct Chips {
    /// A folder of chips with the tree of the set's names, as `qmagface align` makes it.
    pub folder: Option<PathBuf>,
    /// The photos the set was embedded from, and the engine that did.
    pub photos: Option<(Engine, PathBuf)>,
}

impl Chips {
    /// The chip of the image `name` as PNG; `None` where there is none.
    pub fn png(&self, name: &str) -> Option<Vec<u8>> {
        let relative = Path::new(name);
        // Names come from a file: they must stay below the folder.
        if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let chip = self.aligned(relative).or_else(|| {
            let (engine, photos) = self.photos.as_ref()?;
            embed::chip(engine, &photos.join(relative), true).ok()
        })?;
        Format::Png.encode(&chip).ok()
    }

    /// The chip in the folder, whatever format it was written in.
    fn aligned(&self, relative: &Path) -> Option<Chip> {
        let path = self.folder.as_ref()?.join(relative);
        let others = ["png", "bmp", "jpg"].map(|ending| path.with_extension(ending));
        let found = std::iter::once(path).chain(others).find(|path| path.is_file())?;
        Chip::from_image(image::read(&found, &DecodeLimits::default()).ok()?).ok()
    }
}
