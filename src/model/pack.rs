//! A model pack that can be used: its manifest, and its weights as safetensors in a folder or a bundle.

use super::fingerprint;
use super::manifest::{Kind, Manifest, WeightFile};
use super::stored::{Stored, changed};
use crate::detect::{DetectorKind, FaceChoice};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::Fingerprint;
use crate::network::spec::{Network, lnet_tensor_specs};
use crate::weights::TensorMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// File name of the manifest in a pack's folder.
pub const MANIFEST_FILE: &str = "manifest.toml";
/// File name of the weights in a pack's folder.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
/// File name of MTCNN's optional fourth stage in a pack's folder.
pub const LNET_FILE: &str = "lnet.safetensors";

/// A model pack: its manifest is in memory, its tensors are read when asked for. Borrows for `'a` where they lie in the
/// memory of a [`Bundle`](super::Bundle).
#[derive(Debug, Clone)]
pub struct PackOf<'a> {
    folder: Option<PathBuf>,
    manifest: Manifest,
    network: Network,
    weights: WeightFile,
    stored: Stored<'a>,
    stored_lnet: Option<Stored<'a>>,
}

/// A model pack whose weights are on disk: in a folder, or in a bundle file.
pub type Pack = PackOf<'static>;

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
    /// Its path; in a bundle file, the bundle's path with the entry's name behind; in memory, that name alone.
    pub path: PathBuf,
    /// Its SHA-256, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many tensors it holds.
    pub tensors: usize,
}

impl PackOf<'static> {
    /// Opens the pack in `folder`. The weights are checked when they are loaded.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the manifest or a weight file can't be read, [`ErrorKind::Model`] when the manifest is
    /// wrong or says nothing of installed weights.
    pub fn open(folder: &Path) -> Result<Pack> {
        let pack = Pack::new(folder, Manifest::read(&folder.join(MANIFEST_FILE))?)?;
        for (stored, _) in pack.files() {
            stored.length()?;
        }
        Ok(pack)
    }

    /// The pack in `folder`, whose manifest is known.
    pub(super) fn new(folder: &Path, manifest: Manifest) -> Result<Pack> {
        let stored = |name| Stored::File(folder.join(name));
        let lnet = manifest.lnet.is_some().then(|| stored(LNET_FILE));
        let pack = Self::of(manifest, stored(WEIGHTS_FILE), lnet).map_err(|e| e.at(folder.display()))?;
        Ok(PackOf {
            folder: Some(folder.to_owned()),
            ..pack
        })
    }
}

impl<'a> PackOf<'a> {
    /// The pack of a known manifest, whose weights are stored here, and the L-Net where the manifest has one.
    pub(super) fn of(manifest: Manifest, stored: Stored<'a>, stored_lnet: Option<Stored<'a>>) -> Result<Self> {
        let network = manifest.network()?;
        let wrong = |what: &str| Error::new(ErrorKind::Model, what);
        let weights = manifest
            .weights
            .clone()
            .ok_or_else(|| wrong("the manifest has no [weights]: not an installed pack"))?;
        match (&manifest.lnet, &stored_lnet) {
            (Some(_), None) => return Err(wrong("the manifest has an [lnet], its weights are missing")),
            (None, Some(_)) => return Err(wrong("there are weights of an L-Net, the manifest has no [lnet]")),
            _ => {}
        }
        Ok(PackOf {
            folder: None,
            manifest,
            network,
            weights,
            stored,
            stored_lnet,
        })
    }

    /// The pack's name.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// The folder it lies in; `None` for a pack in a bundle.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
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

    /// How many bytes its weight files have together; nothing of them is read.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when one of them isn't there any more.
    pub fn weight_bytes(&self) -> Result<u64> {
        let mut bytes = 0u64;
        for (stored, _) in self.files() {
            bytes = bytes.saturating_add(stored.length()?);
        }
        Ok(bytes)
    }

    /// Reads the network's tensors and checks them: names, shapes, and that they are the ones the fingerprint is of.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::Limit`], or [`ErrorKind::Weights`] when the file is damaged, doesn't fit the
    /// network or was changed since it was installed.
    pub fn load_weights(&self) -> Result<TensorMap> {
        load(&self.stored, &self.weights, &self.network.tensor_specs())
    }

    /// Reads and checks the tensors of MTCNN's fourth stage; `None` when it isn't installed.
    ///
    /// # Errors
    /// As [`Pack::load_weights`].
    pub fn load_lnet(&self) -> Result<Option<TensorMap>> {
        let (Some(file), Some(stored)) = (&self.manifest.lnet, &self.stored_lnet) else {
            return Ok(None);
        };
        load(stored, file, &lnet_tensor_specs()).map(Some)
    }

    /// The pack's own fingerprint; for an embedder, that of embeddings of chips which no known detector aligned.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint::of(&self.manifest, None)
    }

    /// The fingerprint of this embedder fed by `detector` (with its L-Net, if it has one).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when this is no embedder or `detector` no detector.
    pub fn fingerprint_with(&self, detector: Option<&PackOf>) -> Result<Fingerprint> {
        let Some(detector) = detector else {
            return Ok(self.fingerprint());
        };
        self.check_kind(Kind::Embedder)?;
        detector.check_kind(Kind::Detector)?;
        Ok(fingerprint::of(&self.manifest, Some(detector.fingerprint())))
    }

    /// Which detector it is.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when it is none.
    pub fn detector_kind(&self) -> Result<DetectorKind> {
        self.check_kind(Kind::Detector)?;
        self.network
            .detector()
            .ok_or_else(|| Error::new(ErrorKind::Model, format!("{} detects nothing", self.network)))
    }

    /// Which of several faces this embedder is of, where nobody says: the reference pipeline, which the packs that belong to
    /// MTCNN are of, takes the one with the best score.
    pub fn face_choice(&self) -> FaceChoice {
        match self.manifest.detector.as_deref() {
            Some("mtcnn") => FaceChoice::BestScore,
            _ => FaceChoice::MostProminent,
        }
    }

    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when it is of another kind.
    pub(super) fn check_kind(&self, kind: Kind) -> Result<()> {
        if self.manifest.kind == kind {
            return Ok(());
        }
        let what = match kind {
            Kind::Embedder => "an embedder",
            Kind::Detector => "a detector",
        };
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("model {} is not {what}", self.name()),
        ))
    }

    /// Checks every weight file: its hash against the manifest, its tensors against the network.
    ///
    /// # Errors
    /// [`ErrorKind::Weights`] naming the first file or tensor that is wrong, [`ErrorKind::Io`] when one can't be read.
    pub fn verify(&self) -> Result<Verified> {
        let mut files = Vec::new();
        for (stored, file) in self.files() {
            let path = stored.place();
            let sha256 = stored.sha256()?;
            if sha256 != file.sha256 {
                return Err(wrong_hash(stored, file, &sha256));
            }
            let specs = if path.ends_with(LNET_FILE) {
                lnet_tensor_specs()
            } else {
                self.network.tensor_specs()
            };
            let tensors = load(stored, file, &specs)?.len();
            files.push(VerifiedFile { path, sha256, tensors });
        }
        Ok(Verified {
            name: self.name().to_owned(),
            files,
            fingerprint: self.fingerprint(),
        })
    }

    /// Copies the weight file to `out`, which is at `target`.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], or [`ErrorKind::Weights`] when it isn't the file the manifest is of.
    pub(super) fn copy_weights(&self, out: impl Write, target: &Path) -> Result<()> {
        copy(&self.stored, &self.weights, out, target)
    }

    /// The weight files and what the manifest says of each.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Stored<'a>, &WeightFile)> {
        let lnet = self.stored_lnet.as_ref().zip(self.manifest.lnet.as_ref());
        std::iter::once((&self.stored, &self.weights)).chain(lnet)
    }
}

/// Copies a weight file to `out`, which is at `target`, and checks its hash on the way.
pub(super) fn copy(stored: &Stored, file: &WeightFile, out: impl Write, target: &Path) -> Result<()> {
    let sha256 = stored.copy_to(out, target)?;
    if sha256 != file.sha256 {
        return Err(wrong_hash(stored, file, &sha256));
    }
    Ok(())
}

fn wrong_hash(stored: &Stored, file: &WeightFile, found: &str) -> Error {
    changed(
        &stored.place(),
        &format!("its SHA-256 is {found}, installed was {}", file.sha256),
    )
}

fn load(stored: &Stored, file: &WeightFile, specs: &[(String, Vec<usize>)]) -> Result<TensorMap> {
    let tensors = stored.tensors()?;
    let place = stored.place();
    check_tensors(&tensors, specs).map_err(|e| e.at(place.display()))?;
    if hex::encode(fingerprint::content_hash(&tensors)) != file.content_sha256 {
        return Err(changed(&place, "its tensors are not the installed ones"));
    }
    Ok(tensors)
}

/// Checks that `tensors` are exactly the wanted ones: every name, every shape, every value a number, nothing else.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the first tensor, in the network's order, that is missing, misshapen or not finite,
/// else the first one that doesn't belong.
pub fn check_tensors(tensors: &TensorMap, specs: &[(String, Vec<usize>)]) -> Result<()> {
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
