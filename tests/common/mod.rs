//! What the integration tests share: where test data lies, and what happens when it is missing.
#![allow(dead_code)] // each test binary uses a part of it

use std::path::PathBuf;

/// A file or folder below `../shared`, the project's test data.
///
/// `None` when the folder is missing: the test then says that it skips. In CI (`CI` set) that is a failure.
pub fn shared(relative: &str) -> Option<PathBuf> {
    let root = std::env::var_os("QMAGFACE_TEST_DATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"));
    let path = root.join(relative);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "test data {} is missing, and in CI nothing is skipped",
        path.display()
    );
    eprintln!("SKIPPED: test data {} is missing", path.display());
    None
}

/// Where the set-up keeps downloads: `QMAGFACE_CACHE`, else `$XDG_CACHE_HOME/qmagface`, else `~/.cache/qmagface`.
pub fn cache() -> PathBuf {
    qmagface::model::cache_folder().expect("a cache folder")
}
