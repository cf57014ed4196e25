//! Writing a file whole or not at all.

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
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".qmagface-");
    #[cfg(unix)]
    {
        // A temporary file is private by default; a result is as readable as any file (the umask still applies).
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(folder).map_err(failed)?;
    fill(file.as_file())?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
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
}
