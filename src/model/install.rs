//! Writing a pack in one step: it is there whole, or what was there before stays.

use super::catalogue;
use super::digest;
use super::fingerprint::content_hash;
use super::manifest::{Manifest, WeightFile};
use super::pack::{LNET_FILE, MANIFEST_FILE, Pack, WEIGHTS_FILE, check_tensors};
use super::store::Store;
use crate::error::{Error, ErrorKind, Result};
use crate::network::spec::{Network, lnet_tensor_specs};
use crate::replace::exchange;
use crate::weights::{self, TensorMap};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotFound};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Prefix of a folder in which a pack is being written.
const NEW: &str = ".installing-";
/// Prefix of a folder that a new pack is about to replace.
const OLD: &str = ".replaced-";
/// A pack is written in seconds; what is this old was left by a process that died.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// How often a new pack is tried to be put in place while other processes put theirs there.
const MOST_REFUSALS: u32 = 1000;

/// Where tensors came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// In words: a package and version, or a file name.
    pub description: String,
    /// SHA-256 of that wheel or file, 64 lower-case hexadecimal digits, where there is one.
    pub sha256: Option<String>,
}

impl Store {
    /// Installs `tensors` as the built-in pack `name`, in place of what is there. An installed L-Net stays.
    ///
    /// # Errors
    /// [`Model`](ErrorKind::Model) for an unknown name, [`Weights`](ErrorKind::Weights) naming the tensor that is missing, misshapen,
    /// not finite or too many, [`Io`](ErrorKind::Io) when the store can't be written. The old pack stays then.
    pub fn install(&self, name: &str, tensors: &TensorMap, origin: &Origin) -> Result<Pack> {
        let manifest = catalogue::find(name)?.clone();
        check_tensors(tensors, &manifest.network()?.tensor_specs())?;
        let lnet = match self
            .open(name)
            .and_then(|pack| Ok((pack.load_lnet()?, pack.manifest().lnet.clone())))
        {
            Ok((tensors, file)) => tensors.zip(file),
            Err(e) => {
                // A damaged old pack must not be in the way of a good new one.
                if e.kind() != ErrorKind::ModelNotInstalled {
                    log::warn!("the pack that is replaced is damaged: {e}");
                }
                None
            }
        };
        self.write(manifest, |folder, manifest| {
            manifest.weights = Some(write_tensors(&folder.join(WEIGHTS_FILE), tensors, origin)?);
            if let Some((tensors, file)) = lnet {
                let origin = Origin {
                    description: file.origin,
                    sha256: file.origin_sha256,
                };
                manifest.lnet = Some(write_tensors(&folder.join(LNET_FILE), &tensors, &origin)?);
            }
            Ok(())
        })
    }

    /// Adds the L-Net, MTCNN's fourth stage, to the installed `mtcnn` pack.
    ///
    /// # Errors
    /// [`ModelNotInstalled`](ErrorKind::ModelNotInstalled) when that pack isn't installed, else as [`Store::install`].
    pub fn install_lnet(&self, tensors: &TensorMap, origin: &Origin) -> Result<Pack> {
        check_tensors(tensors, &lnet_tensor_specs())?;
        let pack = self.open(catalogue::of_network(Network::Mtcnn)?.name.as_str())?;
        // What the new manifest vouches for is checked first.
        pack.verify()?;
        self.write(pack.manifest().clone(), |folder, manifest| {
            let to = folder.join(WEIGHTS_FILE);
            let file = fs::File::create(&to).map_err(|e| Error::io(&to, "write", &e))?;
            pack.copy_weights(&file, &to)?;
            file.sync_all().map_err(|e| Error::io(&to, "write", &e))?;
            manifest.lnet = Some(write_tensors(&folder.join(LNET_FILE), tensors, origin)?);
            Ok(())
        })
    }

    /// Puts back a pack whose replacement was cut off between taking the old one away and bringing the new one.
    pub(super) fn bring_back(&self, name: &str) -> Result<()> {
        let target = self.models.join(name);
        if target.exists() {
            return Ok(());
        }
        let Ok(entries) = fs::read_dir(&self.models) else {
            return Ok(()); // no store yet, or one that opening the pack will complain about
        };
        let prefix = format!("{OLD}{name}.");
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                match fs::rename(entry.path(), &target) {
                    Ok(()) => log::warn!("put back {}, whose replacement was cut off", target.display()),
                    // The process that is replacing it was quicker.
                    Err(_) if target.exists() || !entry.path().exists() => {}
                    Err(e) => return Err(Error::io(&target, "put back", &e)),
                }
                break;
            }
        }
        Ok(())
    }

    /// Lets `fill` write the files of a pack into a new folder, adds the manifest, and puts it in place.
    fn write(&self, mut manifest: Manifest, fill: impl FnOnce(&Path, &mut Manifest) -> Result<()>) -> Result<Pack> {
        fs::create_dir_all(&self.models).map_err(|e| Error::io(&self.models, "create", &e))?;
        self.sweep();
        let new = tempfile::Builder::new()
            .prefix(NEW)
            .tempdir_in(&self.models)
            .map_err(|e| Error::io(&self.models, "write into", &e))?;
        fill(new.path(), &mut manifest)?;
        let file = new.path().join(MANIFEST_FILE);
        write_synced(&file, &manifest.to_toml()?).map_err(|e| Error::io(&file, "write", &e))?;
        open_to_readers(new.path())?;
        let target = self.models.join(&manifest.name);
        self.swap(new.path(), &target, exchange)?;
        Pack::new(&target, manifest)
    }

    /// Moves the folder `new` to `target`. What was there is left at `new`, to be removed with it, where the two can change
    /// places in one step; elsewhere it is kept aside until the new one is in place.
    fn swap(&self, new: &Path, target: &Path, exchange: fn(&Path, &Path) -> bool) -> Result<()> {
        let failed = |e: &std::io::Error| Error::io(target, "replace", e);
        let mut old: Option<PathBuf> = None;
        let mut refusals = 0;
        while let Err(e) = fs::rename(new, target) {
            if exchange(new, target) {
                break;
            }
            refusals += 1;
            // One refusal is the old pack; more are other processes that bring theirs at the same moment. Whether the old
            // pack is in the way is for the error to say: by now another process may have taken it away.
            let in_the_way = matches!(e.kind(), DirectoryNotEmpty | AlreadyExists) || target.exists();
            if refusals > MOST_REFUSALS || !in_the_way {
                if let Some(old) = old {
                    fs::rename(old, target).map_err(|e| failed(&e))?;
                }
                return Err(failed(&e));
            }
            let aside = self.aside(target)?;
            match fs::rename(target, &aside) {
                Ok(()) => {
                    if let Some(older) = old.replace(aside) {
                        let _ = fs::remove_dir_all(older);
                    }
                }
                Err(e) if e.kind() == NotFound => {} // another process took it away
                Err(e) => return Err(failed(&e)),
            }
        }
        if let Some(old) = old {
            // The new pack is in place; what can't be removed now is swept later.
            let _ = fs::remove_dir_all(old);
        }
        Ok(())
    }

    /// A path beside `target` that nothing has, and that tells whose old pack it holds.
    fn aside(&self, target: &Path) -> Result<PathBuf> {
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let folder = tempfile::Builder::new()
            .prefix(&format!("{OLD}{name}."))
            .tempdir_in(&self.models)
            .map_err(|e| Error::io(&self.models, "write into", &e))?;
        // The empty folder goes when the value does, and leaves its random name.
        Ok(folder.path().to_owned())
    }

    /// Removes what dead processes left. Failing to do so is no reason not to install.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.models).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let replaced = name
                .strip_prefix(OLD)
                .and_then(|rest| rest.rsplit_once('.'))
                .is_some_and(|(pack, _)| self.models.join(pack).exists());
            let old = || {
                let modified = entry.metadata().and_then(|data| data.modified());
                modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFT_BEHIND))
            };
            if (replaced || name.starts_with(NEW)) && old() {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Writes `text` so that it survives a power cut once the folder is renamed.
fn write_synced(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = fs::File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Writes a weight file and says what a manifest keeps of it.
fn write_tensors(path: &Path, tensors: &TensorMap, origin: &Origin) -> Result<WeightFile> {
    weights::pack::write(path, tensors, &BTreeMap::new())?;
    Ok(WeightFile {
        origin: origin.description.clone(),
        origin_sha256: origin.sha256.clone(),
        sha256: digest::of_file(path)?,
        content_sha256: hex::encode(content_hash(tensors)),
    })
}

/// A temporary folder is private; a pack is as readable as any folder.
fn open_to_readers(folder: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(|e| Error::io(folder, "write", &e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_that_come_at_the_same_moment_replace_each_other() {
        let changing_places: [fn(&Path, &Path) -> bool; 2] = [exchange, |_, _| false];
        for exchange in changing_places {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::new(folder.path());
            fs::create_dir_all(&store.models).unwrap();
            let target = store.models.join("pack");
            std::thread::scope(|scope| {
                for _ in 0..3 {
                    scope.spawn(|| {
                        for _ in 0..200 {
                            let new = tempfile::tempdir_in(&store.models).unwrap();
                            fs::write(new.path().join("file"), "whole").unwrap();
                            store.swap(new.path(), &target, exchange).unwrap();
                        }
                    });
                }
            });
            assert_eq!(fs::read_to_string(target.join("file")).unwrap(), "whole");
            assert_eq!(fs::read_dir(&store.models).unwrap().count(), 1);
        }
    }
}
