//! An installed model pack: a folder with its manifest and its weights as safetensors.

use super::digest;
use super::fingerprint::{self, Fingerprint};
use super::manifest::{Kind, Manifest, WeightFile};
use crate::error::{Error, ErrorKind, Result};
use crate::network::spec::{Network, lnet_tensor_specs};
use crate::weights::{self, TensorMap};
use std::path::{Path, PathBuf};

/// File name of the manifest in a pack's folder.
pub const MANIFEST_FILE: &str = "manifest.toml";
/// File name of the weights in a pack's folder.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// File name of MTCNN's optional fourth stage in a pack's folder.
pub const LNET_FILE: &str = "lnet.safetensors";

/// A model pack on disk. Its manifest is in memory, its tensors are read when asked for.
#[derive(Debug, Clone)]
pub struct Pack {
    folder: PathBuf,
    manifest: Manifest,
    network: Network,
    weights: WeightFile,
}

/// What [`Pack::verify`] found to be in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The pack's name.
    pub name: String,
    /// The weight files, each as large and as hashed as its manifest says.
    pub files: Vec<VerifiedFile>,
    /// The pack's own fingerprint, see [`Pack::fingerprint`].
    pub fingerprint: Fingerprint,
}

/// A weight file that is in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Its path.
    pub path: PathBuf,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many tensors it holds.
    pub tensors: usize,
}

impl Pack {
    /// Opens the pack in `folder`. The weights are checked when they are loaded.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the manifest or a weight file can't be read, [`ErrorKind::Model`] when the manifest is
    /// wrong or says nothing of installed weights.
    pub fn open(folder: &Path) -> Result<Pack> {
        let pack = Pack::new(folder, Manifest::read(&folder.join(MANIFEST_FILE))?)?;
        for (path, _) in pack.files() {
            std::fs::metadata(&path).map_err(|e| Error::io(&path, "read", &e))?;
        }
        Ok(pack)
    }

    /// The pack in `folder`, whose manifest is known.
    pub(super) fn new(folder: &Path, manifest: Manifest) -> Result<Pack> {
        let network = manifest.network()?;
        let weights = manifest.weights.clone().ok_or_else(|| {
            Error::new(
                ErrorKind::Model,
                format!(
                    "{}: the manifest has no [weights]: not an installed pack",
                    folder.display()
                ),
            )
        })?;
        Ok(Pack {
            folder: folder.to_owned(),
            manifest,
            network,
            weights,
        })
    }

    /// The pack's name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// The folder it lies in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Everything known about it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its network.
    pub fn network(&self) -> Network {
        self.network
    }

    /// Where its weights came from, and their hashes.
    pub fn weights(&self) -> &WeightFile {
        &self.weights
    }

    /// Whether MTCNN's fourth stage is there.
    pub fn has_lnet(&self) -> bool {
        self.manifest.lnet.is_some()
    }

    /// Whether the weights were made from the very file the manifest names: `None` when it gives no hash to tell.
    pub fn is_official(&self) -> Option<bool> {
        let source = self.manifest.source.as_ref().map(|source| &source.sha256);
        let checkpoint = self.manifest.checkpoint.as_ref().and_then(|file| file.sha256.as_ref());
        let known: Vec<_> = source.into_iter().chain(checkpoint).collect();
        (!known.is_empty()).then(|| {
            self.weights
                .origin_sha256
                .as_ref()
                .is_some_and(|hash| known.contains(&hash))
        })
    }

    /// Reads the network's tensors and checks them: names, shapes, and that they are the ones the fingerprint is of.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::Limit`], or [`ErrorKind::Weights`] when the file is damaged, doesn't fit the
    /// network or was changed since it was installed.
    pub fn load_weights(&self) -> Result<TensorMap> {
        load(
            &self.folder.join(WEIGHTS_FILE),
            &self.weights,
            &self.network.tensor_specs(),
        )
    }

    /// Reads and checks the tensors of MTCNN's fourth stage; `None` when it isn't installed.
    ///
    /// # Errors
    /// As [`Pack::load_weights`].
    pub fn load_lnet(&self) -> Result<Option<TensorMap>> {
        let Some(file) = &self.manifest.lnet else {
            return Ok(None);
        };
        load(&self.folder.join(LNET_FILE), file, &lnet_tensor_specs()).map(Some)
    }

    /// The pack's own fingerprint; for an embedder, that of embeddings of chips which no known detector aligned.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint::of(&self.manifest, None)
    }

    /// The fingerprint of this embedder fed by `detector` (with its L-Net, if it has one).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when this is no embedder or `detector` no detector.
    pub fn fingerprint_with(&self, detector: Option<&Pack>) -> Result<Fingerprint> {
        let Some(detector) = detector else {
            return Ok(self.fingerprint());
        };
        for (pack, kind, what) in [
            (self, Kind::Embedder, "an embedder"),
            (detector, Kind::Detector, "a detector"),
        ] {
            if pack.manifest.kind != kind {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("model {} is not {what}", pack.name()),
                ));
            }
        }
        Ok(fingerprint::of(&self.manifest, Some(detector.fingerprint())))
    }

    /// Checks every weight file: its hash against the manifest, its tensors against the network.
    ///
    /// # Errors
    /// [`ErrorKind::Weights`] naming the first file or tensor that is wrong, [`ErrorKind::Io`] when one can't be read.
    pub fn verify(&self) -> Result<Verified> {
        let mut files = Vec::new();
        for (path, file) in self.files() {
            let sha256 = digest::of_file(&path)?;
            if sha256 != file.sha256 {
                return Err(changed(
                    &path,
                    &format!("its SHA-256 is {sha256}, installed was {}", file.sha256),
                ));
            }
            let specs = if path.ends_with(LNET_FILE) {
                lnet_tensor_specs()
            } else {
                self.network.tensor_specs()
            };
            let tensors = load(&path, file, &specs)?.len();
            files.push(VerifiedFile { path, sha256, tensors });
        }
        Ok(Verified {
            name: self.name().to_owned(),
            files,
            fingerprint: self.fingerprint(),
        })
    }

    /// The weight files and what the manifest says of each.
    fn files(&self) -> impl Iterator<Item = (PathBuf, &WeightFile)> {
        let lnet = self.manifest.lnet.as_ref().map(|file| (LNET_FILE, file));
        [(WEIGHTS_FILE, &self.weights)]
            .into_iter()
            .chain(lnet)
            .map(|(name, file)| (self.folder.join(name), file))
    }
}

fn load(path: &Path, file: &WeightFile, specs: &[(String, Vec<usize>)]) -> Result<TensorMap> {
    let (tensors, _) = weights::pack::read(path)?;
    check_tensors(&tensors, specs).map_err(|e| e.at(path.display()))?;
    if hex::encode(fingerprint::content_hash(&tensors)) != file.content_sha256 {
        return Err(changed(path, "its tensors are not the installed ones"));
    }
    Ok(tensors)
}

fn changed(path: &Path, what: &str) -> Error {
    Error::new(
        ErrorKind::Weights,
        format!(
            "{} was changed after it was installed: {what}; install the model again",
            path.display()
        ),
    )
}

/// Checks that `tensors` are exactly the wanted ones: every name, every shape, every value a number, nothing else.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the first tensor, in the network's order, that is missing, misshapen or not finite,
/// else the first one that doesn't belong.
pub(super) fn check_tensors(tensors: &TensorMap, specs: &[(String, Vec<usize>)]) -> Result<()> {
    for (name, shape) in specs {
        let tensor = tensors.require(name, shape)?;
        if tensor.data.iter().any(|value| !value.is_finite()) {
            return Err(Error::new(
                ErrorKind::Weights,
                format!("tensor \"{name}\" has a value that is not finite"),
            ));
        }
    }
    if tensors.len() > specs.len() {
        let known: std::collections::HashSet<_> = specs.iter().map(|(name, _)| name.as_str()).collect();
        if let Some((name, tensor)) = tensors.iter().find(|(name, _)| !known.contains(name)) {
            return Err(Error::new(
                ErrorKind::Weights,
                format!("tensor {name:?} of shape {:?} is none of the network's", tensor.shape),
            ));
        }
    }
    Ok(())
}
