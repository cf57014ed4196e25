//! Files that the program keeps for itself beside results: a link or anything else of that name is never written to.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Result};
use std::path::Path;

/// Opens a file for reading and appending, or makes it. What is there must be a regular file, no link, and be empty or begin as
/// `is_ours` says.
///
/// # Errors
/// As the system has them; [`ErrorKind::AlreadyExists`] for something else.
pub fn open(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // A pipe is opened, and refused, without waiting for whoever is at its other end.
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
    }
    let other = || {
        Error::new(
            ErrorKind::AlreadyExists,
            "something else of this name is there, which this program didn't write: move it away",
        )
    };
    let mut file = options
        .open(path)
        .map_err(|error| match path.is_symlink() || path.is_dir() {
            true => other(),
            false => error,
        })?;
    if path.is_symlink() || !file.metadata()?.is_file() {
        return Err(other());
    }
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(START).read_to_end(&mut start)?;
    match start.is_empty() || is_ours(&start) {
        true => Ok(file),
        false => Err(other()),
    }
}

/// The bytes of a regular file; `None` for anything else: a pipe would be waited for.
pub fn read(path: &Path) -> Option<Vec<u8>> {
    path.is_file().then(|| std::fs::read(path).ok()).flatten()
}

/// Bytes that `is_ours` is given at most.
const START: u64 = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn only_our_own_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let ours = |start: &[u8]| start.starts_with(b"ours");
        open(&path("new"), ours).unwrap();
        fs::write(path("old"), "ours, and more").unwrap();
        open(&path("old"), ours).unwrap();
        fs::write(path("mine"), "mine").unwrap();
        fs::create_dir(path("folder")).unwrap();
        let mut others = vec!["mine", "folder"];
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("old"), path("link")).unwrap();
            std::os::unix::fs::symlink(path("nothing"), path("dangling")).unwrap();
            let pipe = std::ffi::CString::new(path("pipe").to_str().unwrap()).unwrap();
            // SAFETY: the name is a string that ends in a zero byte.
            assert_eq!(unsafe { libc::mkfifo(pipe.as_ptr(), 0o600) }, 0);
            others.extend(["link", "dangling", "pipe"]);
        }
        for name in others {
            assert!(open(&path(name), ours).is_err(), "{name}");
        }
        assert_eq!(fs::read(path("mine")).unwrap(), b"mine");
        assert!(!path("nothing").exists());
    }
}
