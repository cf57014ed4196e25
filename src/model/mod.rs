//! Model packs: manifests, where weights live, installing, bundles, fingerprints.
//!
//! ```no_run
//! use qmagface::model::Store;
//!
//! let store = Store::default_location()?;
//! for status in store.list()? {
//!     println!("{}: {}", status.manifest.name, status.manifest.summary);
//! }
//! let pack = store.open("sface")?;
//! println!("{} {}", pack.name(), pack.fingerprint().short());
//! # Ok::<(), qmagface::Error>(())
//! ```

mod bundle;
pub mod catalogue;
mod digest;
mod fingerprint;
mod install;
pub mod manifest;
mod pack;
mod store;
mod stored;

pub use crate::identity::Fingerprint;
pub use bundle::{BUNDLE_EXTENSION, Bundle};
pub use catalogue::DEFAULT_EMBEDDER;
pub use digest::{of_bytes as sha256_of, of_file as sha256_of_file};
pub use fingerprint::content_hash;
pub use install::Origin;
pub use manifest::Manifest;
pub use pack::{LNET_FILE, MANIFEST_FILE, Pack, PackOf, Verified, VerifiedFile, WEIGHTS_FILE, check_tensors};
pub use store::{PackState, PackStatus, Store};

use crate::error::{Error, ErrorKind, Result};
use std::path::PathBuf;

/// The folder for everything downloaded or imported: `QMAGFACE_CACHE`, else `$XDG_CACHE_HOME/qmagface`, else
/// `~/.cache/qmagface`. It need not exist yet.
///
/// # Errors
/// [`ErrorKind::Io`] when none of the three variables is set.
pub fn cache_folder() -> Result<PathBuf> {
    let from = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    from("QMAGFACE_CACHE")
        .or_else(|| from("XDG_CACHE_HOME").map(|path| path.join("qmagface")))
        .or_else(|| from("HOME").map(|path| path.join(".cache/qmagface")))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Io,
                "no cache folder: set QMAGFACE_CACHE, XDG_CACHE_HOME or HOME to a folder that can be written",
            )
        })
}
