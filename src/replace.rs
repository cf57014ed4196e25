//! Writing a file or a folder whole or not at all.

use crate::error::{Error, Result};
use std::fs::File;
use std::path::Path;

/// Lets `fill` write a new file beside `path`, then moves it there: a reader finds the old file or the new one, whatever
/// happens in between. The folder must exist.
///
/// # Errors
/// [`crate::ErrorKind::Io`] naming `path` when its folder can't be written to, and whatever `fill` fails with.
pub fn replace(path: &Path, fill: impl FnOnce(&File) -> Result<()>) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(path, "write", &error);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".qmagface-");
    #[cfg(unix)]
    {
        // A temporary file is private by default; a result is as readable as any file (the umask still applies).
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(parent(path)).map_err(failed)?;
    fill(file.as_file())?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
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
    let outer = tempfile::Builder::new().prefix(".qmagface-").tempdir_in(parent(path));
    let outer = outer.map_err(failed)?;
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
fn exchange(a: &Path, b: &Path) -> bool {
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
fn exchange(_: &Path, _: &Path) -> bool {
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
