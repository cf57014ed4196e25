//! Where model packs live on this machine.

use super::bundle::Bundle;
use super::catalogue;
use super::manifest::{Kind, Manifest};
use super::pack::{MANIFEST_FILE, Pack, Verified};
use crate::error::{Error, ErrorKind, Result};
use crate::identity::is_pack_name;
use std::path::{Path, PathBuf};

/// The model packs below one folder: `models/NAME/` for each pack, `downloads/` for what they were made from.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) models: PathBuf,
    pub(super) downloads: PathBuf,
}

/// One line of [`Store::list`].
#[derive(Debug, Clone)]
pub struct PackStatus {
    /// What is known of the pack: the installed manifest, else the built-in one.
    pub manifest: Manifest,
    /// Whether it can be used.
    pub state: PackState,
}

/// Whether a pack can be used.
#[derive(Debug, Clone)]
pub enum PackState {
    /// It is here.
    Installed(Box<Pack>),
    /// Its weights are not on this machine yet; the error says how to get them.
    NotInstalled(Error),
    /// Its folder is here but can't be opened, for this reason.
    Damaged(Error),
}

impl Store {
    /// The store below `folder`, which need not exist yet.
    pub fn new(folder: impl AsRef<Path>) -> Store {
        Store {
            models: folder.as_ref().join("models"),
            downloads: folder.as_ref().join("downloads"),
        }
    }

    /// The store in the user's cache folder, see [`cache_folder`](super::cache_folder).
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when there is no such folder.
    pub fn default_location() -> Result<Store> {
        super::cache_folder().map(Store::new)
    }

    /// The same store with its downloads kept in `folder`.
    pub fn with_downloads(self, folder: impl Into<PathBuf>) -> Store {
        Store {
            downloads: folder.into(),
            ..self
        }
    }

    /// The folder with one folder per pack.
    pub fn models_folder(&self) -> &Path {
        &self.models
    }

    /// The folder of downloaded wheels.
    pub fn downloads_folder(&self) -> &Path {
        &self.downloads
    }

    /// Every built-in pack and every other one in the store, the default embedder first.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when the store's folder is there but can't be read.
    pub fn list(&self) -> Result<Vec<PackStatus>> {
        let mut all = Vec::new();
        for builtin in catalogue::builtin()? {
            let (manifest, state) = match self.open(&builtin.name) {
                Ok(pack) => (pack.manifest().clone(), PackState::Installed(Box::new(pack))),
                Err(e) if e.kind() == ErrorKind::ModelNotInstalled => (builtin.clone(), PackState::NotInstalled(e)),
                Err(e) => (builtin.clone(), PackState::Damaged(e)),
            };
            all.push(PackStatus { manifest, state });
        }
        for name in self.folders()? {
            // A folder that can't be opened under a name we don't know is nothing of ours.
            if let (Err(_), Ok(pack)) = (catalogue::find(&name), self.open(&name)) {
                all.push(PackStatus {
                    manifest: pack.manifest().clone(),
                    state: PackState::Installed(Box::new(pack)),
                });
            }
        }
        Ok(all)
    }

    /// Opens a pack by its name, or by the path of its folder (anything with a separator, or `.` in front).
    ///
    /// # Errors
    /// [`ErrorKind::ModelNotInstalled`] with the command that installs it, [`ErrorKind::Model`] listing the known names
    /// when there is no such model, or as [`Pack::open`].
    pub fn open(&self, name_or_path: &str) -> Result<Pack> {
        if !is_pack_name(name_or_path) {
            let is_path = name_or_path.starts_with('.') || name_or_path.contains(std::path::is_separator);
            return match is_path {
                true => Pack::open(Path::new(name_or_path)),
                false => Err(catalogue::unknown(name_or_path)?),
            };
        }
        let folder = self.models.join(name_or_path);
        let mut tries = 0;
        loop {
            self.bring_back(name_or_path)?;
            if !folder.join(MANIFEST_FILE).exists() {
                break;
            }
            let pack = match Pack::open(&folder) {
                // A file that went away: another process may be replacing the pack at this moment.
                Err(e) if e.kind() == ErrorKind::Io && tries < 10 => {
                    tries += 1;
                    std::thread::sleep(std::time::Duration::from_millis(2));
                    continue;
                }
                pack => pack?,
            };
            if pack.name() != name_or_path {
                return Err(Error::new(
                    ErrorKind::Model,
                    format!("{} holds the model {}", folder.display(), pack.name()),
                ));
            }
            return Ok(pack);
        }
        Err(not_installed(catalogue::find(name_or_path)?))
    }

    /// Opens an embedder as [`Store::open`] does, and the detector `detector`, or the one it belongs to where that is `None`;
    /// or both from a bundle file, whose path `model` is.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Bundle::open`]; [`ErrorKind::Model`] for a detector as the model, and for an embedder or a
    /// bundle's other detector as the detector.
    pub fn open_with_detector(&self, model: &str, detector: Option<&str>) -> Result<(Pack, Pack)> {
        if Bundle::is_path(model) {
            let bundle = Bundle::open(Path::new(model))?;
            bundle.check_detector(detector)?;
            return Ok(bundle.into_packs());
        }
        let pack = self.open(model)?;
        let manifest = pack.manifest();
        let own = manifest.detector.as_deref().filter(|_| manifest.kind == Kind::Embedder);
        let Some(own) = own else {
            return Err(Error::new(
                ErrorKind::Model,
                format!("model {} is a detector: open an embedder such as sface", pack.name()),
            ));
        };
        let detector = self.open(detector.unwrap_or(own))?;
        if detector.manifest().kind != Kind::Detector {
            return Err(Error::new(
                ErrorKind::Model,
                format!("model {} is no detector: yunet and mtcnn are", detector.name()),
            ));
        }
        Ok((pack, detector))
    }

    /// Checks an installed pack's files and tensors, see [`Pack::verify`].
    ///
    /// # Errors
    /// As [`Store::open`] and [`Pack::verify`].
    pub fn verify(&self, name_or_path: &str) -> Result<Verified> {
        self.open(name_or_path)?.verify()
    }

    /// Names of the folders that could be packs, sorted.
    fn folders(&self) -> Result<Vec<String>> {
        let failed = |e: &std::io::Error| Error::io(&self.models, "read", e);
        let entries = match std::fs::read_dir(&self.models) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|e| failed(&e))?,
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(|e| failed(&e))?.file_name();
            names.extend(name.to_str().filter(|name| is_pack_name(name)).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }
}

/// The error for a pack whose weights aren't here, with what to do.
fn not_installed(manifest: &Manifest) -> Error {
    let name = &manifest.name;
    let how = match (&manifest.source, &manifest.checkpoint) {
        (Some(_), _) => format!("run `qmagface models fetch {name}`"),
        (None, Some(file)) => format!(
            "run `qmagface models import {}` on the official checkpoint; where it comes from: {}",
            file.file, file.location
        ),
        (None, None) => "its manifest names no source".into(),
    };
    Error::new(
        ErrorKind::ModelNotInstalled,
        format!("the model {name} is not installed: {how}"),
    )
}
