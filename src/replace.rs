//! Writing a file or a folder whole or not at all.

use crate::error::{Error, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::{Builder, NamedTempFile};

/// Lets `fill` write a new file beside `path`, then moves it there: a reader finds the old file or the new one, whatever
/// happens in between. The folder must exist.
///
/// # Errors
/// [`crate::ErrorKind::Io`] naming `path` when its folder can't be written to, and whatever `fill` fails with.
pub fn replace(path: &Path, fill: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    Replacement::write(path, fill)?.put()
}

/// A new file that is written as a whole, but not in its place yet. Dropped, it is removed.
#[derive(Debug)]
pub struct Replacement {
    file: NamedTempFile,
    path: PathBuf,
}

impl Replacement {
    /// Lets `fill` write it beside `path`. The folder must exist.
    ///
    /// # Errors
    /// As [`replace`].
    pub fn write(path: &Path, fill: impl FnOnce(&File) -> Result<()>) -> Result<Replacement> {
        let failed = |error: std::io::Error| Error::io(path, "write", &error);
        let mut builder = temporary();
        #[cfg(unix)]
        {
            // A temporary file is private by default; a result is as readable as any file (the umask still applies).
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file = builder.tempfile_in(parent(path)).map_err(failed)?;
        fill(file.as_file())?;
        file.as_file().sync_all().map_err(failed)?;
        Ok(Replacement {
            file,
            path: path.to_owned(),
        })
    }

    /// Moves it to its place.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`]; the old file is as it was then.
    pub fn put(self) -> Result<()> {
        let moved = self.file.persist(&self.path);
        moved.map_err(|error| Error::io(&self.path, "write", &error.error))?;
        Ok(())
    }

    /// Moves all to their places; where one can't be moved, all old files are put back.
    ///
    /// Files that belong together are never found mixed in silence: the last one's old file is taken away first, and its
    /// new one comes last. In between, and for ever where the process is ended there, the last one is missing.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Io`] naming the one that couldn't be moved.
    pub fn put_all(mut all: Vec<Replacement>) -> Result<()> {
        let Some(last) = all.pop() else { return Ok(()) };
        if all.is_empty() {
            return last.put();
        }
        // A second name for each old file. Where the file system has none of those, nothing can be put back.
        let olds: Vec<Option<NamedTempFile<()>>> = all
            .iter()
            .map(|new| {
                let link = |name: &Path| std::fs::hard_link(&new.path, name);
                temporary().make_in(parent(&new.path), link).ok()
            })
            .collect();
        let away = |name: &Path| std::fs::rename(&last.path, name);
        let old_last = match last.path.is_file() {
            true => {
                let made = temporary().make_in(parent(&last.path), away);
                Some(made.map_err(|error| Error::io(&last.path, "replace", &error))?)
            }
            false => None,
        };
        let mut put: Vec<(PathBuf, bool, Option<NamedTempFile<()>>)> = Vec::with_capacity(all.len());
        let mut failed = None;
        for (new, old) in all.into_iter().zip(olds) {
            let (path, is_new) = (new.path.clone(), !new.path.exists());
            if let Err(error) = new.put() {
                failed = Some(error);
                break;
            }
            put.push((path, is_new, old));
        }
        let last_path = last.path.clone();
        let Some(error) = failed.or_else(|| last.put().err()) else {
            return Ok(());
        };
        // What fails here fails for the reason that is told anyway.
        for (path, is_new, old) in put.into_iter().rev() {
            match old {
                Some(old) => drop(old.persist(&path)),
                None if is_new => drop(std::fs::remove_file(&path)),
                None => {}
            }
        }
        if let Some(old) = old_last {
            drop(old.persist(&last_path));
        }
        Err(error)
    }
}

/// How temporary files and folders are named.
fn temporary() -> Builder<'static, 'static> {
    let mut builder = Builder::new();
    builder.prefix(".qmagface-");
    builder
}

/// Lets `fill` write the content of a new folder beside `path`, then moves it there: a reader finds the old folder or
/// the new one. An old folder is removed with all its content, so check first that it may be. The parent must exist.
///
/// On Linux the two folders change places in one step; where that can't be had there is a moment without either.
///
/// # Errors
/// [`crate::ErrorKind::Io`] when the parent can't be written to, and whatever `fill` fails with.
pub fn replace_folder(path: &Path, fill: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(path, "write", &error);
    // Once the inner folder has moved away, the outer one is removed with what came in its place.
    let outer = temporary().tempdir_in(parent(path)).map_err(failed)?;
    let new = outer.path().join("new");
    std::fs::create_dir(&new).map_err(failed)?;
    fill(&new)?;
    if !path.exists() {
        return std::fs::rename(&new, path).map_err(failed);
    }
    if exchange(&new, path) {
        return Ok(());
    }
    let old = outer.path().join("old");
    std::fs::rename(path, &old).map_err(failed)?;
    let Err(error) = std::fs::rename(&new, path) else {
        return Ok(());
    };
    if std::fs::rename(&old, path).is_err() {
        let kept = outer.keep();
        return Err(failed(error).at(format_args!("the old folder is now {}", kept.join("old").display())));
    }
    Err(failed(error))
}

/// Lets two folders change places in one step; `false` where that can't be done.
#[cfg(target_os = "linux")]
pub(crate) fn exchange(a: &Path, b: &Path) -> bool {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    let (Ok(a), Ok(b)) = (
        CString::new(a.as_os_str().as_bytes()),
        CString::new(b.as_os_str().as_bytes()),
    ) else {
        return false;
    };
    // SAFETY: both are strings that end in a zero byte and outlive the call.
    let done = unsafe {
        libc::renameat2(
            libc::AT_FDCWD,
            a.as_ptr(),
            libc::AT_FDCWD,
            b.as_ptr(),
            libc::RENAME_EXCHANGE,
        )
    };
    done == 0
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn exchange(_: &Path, _: &Path) -> bool {
    false
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::io::Write;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result");
        let write = |mut file: &File, text: &str| -> Result<()> {
            file.write_all(text.as_bytes()).unwrap();
            Ok(())
        };
        replace(&path, |file| write(file, "old")).unwrap();
        let failed = replace(&path, |file| {
            write(file, "half of the new")?;
            Err(Error::new(ErrorKind::Internal, "stopped"))
        });
        assert_eq!(failed.unwrap_err().message(), "stopped");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        replace(&path, |file| write(file, "new")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(
            replace(&path.join("below-a-file"), |_| Ok(())).unwrap_err().kind(),
            ErrorKind::Io
        );
    }

    #[test]
    fn files_are_replaced_all_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &'static str| {
            Replacement::write(&path(name), |mut file| {
                file.write_all(text.as_bytes()).unwrap();
                Ok(())
            })
            .unwrap()
        };
        let read = |name: &str| std::fs::read_to_string(path(name)).ok();
        let entries = || std::fs::read_dir(folder.path()).unwrap().count();

        Replacement::put_all(vec![write("a", "old a"), write("b", "old b")]).unwrap();
        assert_eq!(
            (read("a").unwrap(), read("b").unwrap()),
            ("old a".into(), "old b".into())
        );
        assert_eq!(entries(), 2);
        // A folder can't be replaced by a file: what was put before it is taken back, one that wasn't there and one that was.
        std::fs::create_dir(path("folder")).unwrap();
        let all = ["a", "c", "folder", "b"].map(|name| write(name, "new"));
        let error = Replacement::put_all(all.into()).unwrap_err();
        assert!(error.message().contains("folder"), "{error}");
        assert_eq!(
            (read("a").unwrap(), read("b").unwrap()),
            ("old a".into(), "old b".into())
        );
        assert_eq!((read("c"), entries()), (None, 3));
        Replacement::put_all(vec![write("a", "new a"), write("c", "new c")]).unwrap();
        assert_eq!(
            (read("a").unwrap(), read("c").unwrap()),
            ("new a".into(), "new c".into())
        );
        assert_eq!(entries(), 4);
        drop(write("a", "not put"));
        assert_eq!((read("a").unwrap(), entries()), ("new a".into(), 4));
    }

    #[test]
    fn a_folder_is_replaced_whole_or_not_at_all() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("result");
        let names = |folder: &Path| -> Vec<_> {
            let entries = std::fs::read_dir(folder).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect()
        };
        let write = |name: &'static str| {
            move |folder: &Path| -> Result<()> {
                std::fs::write(folder.join(name), name).unwrap();
                Ok(())
            }
        };
        replace_folder(&path, write("first")).unwrap();
        assert_eq!(names(&path), ["first"]);
        let failed = replace_folder(&path, |folder| {
            write("half")(folder)?;
            Err(Error::new(ErrorKind::Internal, "stopped"))
        });
        assert_eq!(failed.unwrap_err().message(), "stopped");
        assert_eq!(names(&path), ["first"]);
        replace_folder(&path, write("second")).unwrap();
        assert_eq!(names(&path), ["second"]);
        assert_eq!(names(parent.path()), ["result"]);
        let nowhere = parent.path().join("nowhere/result");
        assert_eq!(replace_folder(&nowhere, |_| Ok(())).unwrap_err().kind(), ErrorKind::Io);
    }
}
