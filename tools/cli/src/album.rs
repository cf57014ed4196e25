//! Where a command's images are: a folder of them, or a `.bin` file that holds them.

use crate::arguments::Reading;
use crate::folder::{self, Listing, Skipped};
use qmagface::{BgrImage, Error, ErrorKind, Result};
use qmagface_evaluate::data::PackedPairs;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Images, each with its name.
pub struct Album {
    /// The folder or the file.
    pub source: PathBuf,
    images: Images,
    /// What was passed over in the folder.
    pub skipped: Vec<Skipped>,
    /// Hidden files and folders, left out.
    pub hidden: usize,
}

enum Images {
    /// Paths relative to the folder, sorted.
    Files(Vec<PathBuf>),
    Packed(PackedPairs),
}

impl Album {
    /// Lists a folder's images, or reads a `.bin` file of aligned chips.
    ///
    /// # Errors
    /// As [`folder::list`] and [`PackedPairs::read`].
    pub fn open(source: &Path) -> Result<Album> {
        if source.is_file() && PackedPairs::is_at(source) {
            return Ok(Album {
                source: source.to_owned(),
                images: Images::Packed(PackedPairs::read(source)?),
                skipped: Vec::new(),
                hidden: 0,
            });
        }
        if source.is_file() {
            return Err(no_set(source));
        }
        let Listing {
            images,
            skipped,
            hidden,
        } = folder::list(source)?;
        Ok(Album {
            source: source.to_owned(),
            images: Images::Files(images),
            skipped,
            hidden,
        })
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        match &self.images {
            Images::Files(images) => images.len(),
            Images::Packed(images) => images.len(),
        }
    }

    /// How many files there are for which a command may fail.
    pub fn tried(&self) -> usize {
        self.len() + folder::failures(&self.skipped)
    }

    /// The image's name: its path below the folder, or its number.
    pub fn name(&self, index: usize) -> String {
        match &self.images {
            Images::Files(images) => folder::name(&images[index]),
            Images::Packed(images) => images.name(index),
        }
    }

    pub fn names(&self) -> Vec<String> {
        (0..self.len()).map(|index| self.name(index)).collect()
    }

    /// The images as files below the folder; none in a `.bin` file.
    pub fn files(&self) -> &[PathBuf] {
        match &self.images {
            Images::Files(images) => images,
            Images::Packed(_) => &[],
        }
    }

    /// The pairs that a `.bin` file has with its images.
    pub fn packed(&self) -> Option<&PackedPairs> {
        match &self.images {
            Images::Files(_) => None,
            Images::Packed(images) => Some(images),
        }
    }

    /// Reads an image and turns it.
    ///
    /// # Errors
    /// Why it can't be read, as what is passed over for that.
    pub fn read(&self, index: usize, reading: &Reading) -> Result<BgrImage> {
        match &self.images {
            Images::Files(images) => reading.read(&self.source.join(&images[index])),
            Images::Packed(images) => reading.decode(images.image(index)),
        }
    }

    /// The image as one that is passed over for `error`.
    pub fn skip(&self, index: usize, error: &qmagface::Error) -> Skipped {
        match &self.images {
            Images::Files(images) => Skipped::image(&images[index], &self.source.join(&images[index]), error),
            Images::Packed(images) => Skipped::image(Path::new(&images.name(index)), &self.source, error),
        }
    }

    /// The image passed over for a reason that is known already.
    pub fn skipped(&self, index: usize, reason: String, failed: bool) -> Skipped {
        let path = match &self.images {
            Images::Files(images) => images[index].clone(),
            Images::Packed(images) => PathBuf::from(images.name(index)),
        };
        Skipped { path, reason, failed }
    }
}

/// The error that a file is no set of pairs.
fn no_set(path: &Path) -> Error {
    let mut start = [0; 2];
    let is_old = File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok())
        && [&b"(l"[..], b"(]", b"((", b"(c", b"]q"].contains(&&start[..]);
    let hint = match is_old {
        true => "; it may be a pickle of protocol 0 or 1: write it again with protocol 2 or later",
        false => "",
    };
    Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "{} is a file: give a folder of images, or a .bin file of image pairs (a pickle of protocol 2 to 5){hint}",
            path.display()
        ),
    )
}
