//! One run at a time: a lock file beside the results, which says which process has it.

use crate::own_file;
use qmagface::{Error, ErrorKind, Result};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// A lock that this process has. The system takes it back when the process ends, however that happens.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock `path`, whose folder must exist. `what` is what it is for, in words.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when another process has it, naming it, or when it can't be written.
    pub fn take(path: &Path, what: &str) -> Result<Lock> {
        let failed = |error: std::io::Error| Error::io(path, "write", &error);
        loop {
            let is_process = |start: &[u8]| start.iter().all(|byte| byte.is_ascii_digit() || *byte == b'\n');
            let mut file = own_file::open(path, is_process).map_err(failed)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(held(path, what, &mut file)),
                Err(TryLockError::Error(error)) => return Err(Error::io(path, "lock", &error)),
            }
            // Whoever had it removes the file at its end: then this is a lock that nobody else will find.
            if !is_at(&file, path) {
                continue;
            }
            let mut lock = Lock {
                file,
                path: path.to_owned(),
            };
            lock.sign().map_err(failed)?;
            return Ok(lock);
        }
    }

    /// Writes who has it.
    fn sign(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        writeln!(self.file, "{}", std::process::id())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while it is held, so that it is this one.
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// The error that another process has the lock.
fn held(path: &Path, what: &str, file: &mut File) -> Error {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(32).read_to_string(&mut text));
    let process = match (read, text.trim()) {
        (Ok(_), number) if number.parse::<u32>().is_ok() => format!("process {number}"),
        _ => "another process".to_owned(),
    };
    Error::new(
        ErrorKind::Io,
        format!(
            "{process} is {what} already: wait until it ends ({} is its lock)",
            path.display()
        ),
    )
}

/// Whether `path` still is the file that was opened.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(opened), Ok(there)) => identity(opened) == identity(there),
        _ => false,
    }
}

/// Elsewhere a file that is open can't be replaced.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, "embedding x").unwrap();
        let error = Lock::take(&path, "embedding x").unwrap_err();
        let process = format!("process {}", std::process::id());
        assert!(
            error.message().contains(&process) && error.message().contains("embedding x"),
            "{error}"
        );
        drop(first);
        assert!(!path.exists());
        // What a process that was killed has left is no lock.
        std::fs::write(&path, "4294967295\n").unwrap();
        let again = Lock::take(&path, "embedding x").unwrap();
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            format!("{}\n", std::process::id())
        );
        drop(again);
        assert!(Lock::take(&folder.path().join("none/lock"), "x").is_err());
    }

    #[test]
    fn many_threads_never_have_it_together() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let inside = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Ok(lock) = Lock::take(&path, "x") {
                            assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                            inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                            drop(lock);
                        }
                    }
                });
            }
        });
    }
}
