//! Sets of image pairs in one file, as InsightFace's `.bin` files have them: a pickled list of encoded images, two for each
//! pair, and a list of booleans, one for each pair, that say which pairs are of one person.

use super::pairs::{NamedPair, PairFile, PairFormat};
use qmagface::error::{Error, ErrorKind, Result};
use qmagface_import::read_packed_images;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// A set of image pairs.
pub struct PackedPairs {
    images: Vec<Arc<[u8]>>,
    pairs: PairFile,
}

impl PackedPairs {
    /// Whether the file at `path` begins as a pickle does.
    pub fn is_at(path: &Path) -> bool {
        let mut start = [0; 2];
        let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
        read.is_ok() && start[0] == 0x80 && (2..=5).contains(&start[1])
    }

    /// Reads a file. Nothing in it is executed. Its pairs are in ten folds, in their order, as InsightFace's own
    /// verification has them.
    ///
    /// Memory: twice the file's size at most.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; [`ErrorKind::InvalidArgument`] for a file that holds anything else than images and booleans, or
    /// not two images for each boolean; [`ErrorKind::Limit`] for one of more than 4 GiB. The file's name is in front.
    pub fn read(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, "read", &error))?;
        Self::parse(&mut BufReader::new(file)).map_err(|error| error.at(path.display()))
    }

    /// As [`PackedPairs::read`], from bytes.
    ///
    /// # Errors
    /// As [`PackedPairs::read`], without the name.
    pub fn parse(input: &mut dyn Read) -> Result<Self> {
        let wrong = |what: String| Error::new(ErrorKind::InvalidArgument, what);
        let found = read_packed_images(input);
        let (images, labels) = found.map_err(|error| match error.kind() {
            ErrorKind::Limit => error,
            _ => wrong(format!(
                "no set of image pairs (a pickled list of images and one of booleans): {error}"
            )),
        })?;
        if images.len() != 2 * labels.len() {
            return Err(wrong(format!(
                "{} images and {} labels: there must be two images for each label",
                images.len(),
                labels.len()
            )));
        }
        let pairs = labels.iter().enumerate().map(|(at, &genuine)| NamedPair {
            a: Self::name_of(2 * at),
            b: Self::name_of(2 * at + 1),
            genuine,
            fold: 0,
        });
        Ok(PackedPairs {
            pairs: PairFile::new(pairs.collect(), None, PairFormat::Packed)?,
            images,
        })
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.images.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.images.is_empty()
    }

    /// Image `index` as it is encoded, most often as JPEG.
    ///
    /// # Panics
    /// If there is none.
    pub fn image(&self, index: usize) -> &[u8] {
        &self.images[index]
    }

    /// How image `index` is called: the images of pair n have the numbers 2n and 2n + 1.
    pub fn name(&self, index: usize) -> String {
        Self::name_of(index)
    }

    fn name_of(index: usize) -> String {
        format!("{index:06}")
    }

    /// The pairs, by the images' names.
    pub fn pairs(&self) -> &PairFile {
        &self.pairs
    }
}

#[cfg(test)]
mod tests;
