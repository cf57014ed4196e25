//! Model packs: manifests, where weights live, fetching, importing, fingerprints.

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
