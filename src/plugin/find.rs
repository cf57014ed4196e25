//! Where the GPU's back end is.

use crate::device::device_error;
use crate::error::Result;
use std::path::{Path, PathBuf};

/// The environment variable that names the file; set, no other place is looked at.
pub const VARIABLE: &str = "QMAGFACE_GPU_BACKEND";

/// The name of the file.
pub const FILE: &str = if cfg!(target_os = "windows") {
    "qmagface_torch.dll"
} else if cfg!(target_os = "macos") {
    "libqmagface_torch.dylib"
} else {
    "libqmagface_torch.so"
};

/// The file of the GPU's back end: the one that [`VARIABLE`] names; else [`FILE`] beside this library (beside the program,
/// where it is linked into one) or in `../lib` from there.
///
/// # Errors
/// [`crate::ErrorKind::Device`] saying where it is not, and how it is had.
pub fn find() -> Result<PathBuf> {
    find_from(std::env::var_os(VARIABLE).map(PathBuf::from), home().as_deref())
}

/// [`find`] with what the variable says and the folder of this library.
pub(super) fn find_from(named: Option<PathBuf>, home: Option<&Path>) -> Result<PathBuf> {
    if let Some(named) = named.filter(|named| !named.as_os_str().is_empty()) {
        // With its folder: a name alone would be looked for along the loader's path.
        let named = std::path::absolute(&named).unwrap_or(named);
        return match named.is_file() {
            true => Ok(named),
            false => Err(device_error(format!(
                "{VARIABLE} names {}, where there is no file",
                named.display()
            ))),
        };
    }
    let Some(home) = home else {
        return Err(device_error(format!(
            "the GPU back end is looked for beside this library, whose own place can't be found: set {VARIABLE} to the \
             path of {FILE}"
        )));
    };
    let places = [home.to_owned(), home.join("../lib")];
    let files = places.iter().map(|place| place.join(FILE));
    if let Some(file) = files.into_iter().find(|file| file.is_file()) {
        return Ok(file);
    }
    Err(device_error(format!(
        "the GPU back end {FILE} is neither in {} nor in ../lib from there: `make gpu` builds it, and {VARIABLE} may name \
         it elsewhere",
        home.display()
    )))
}

/// The folder of the file that holds this code: the library's, or the program's.
#[cfg(target_os = "linux")]
fn home() -> Option<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    // The address of anything in this file's code.
    let address = home as *const () as usize;
    let maps = std::fs::read("/proc/self/maps").ok()?;
    maps.split(|&byte| byte == b'\n').find_map(|line| {
        let (start, rest) = std::str::from_utf8(line.split(|&byte| byte == b' ').next()?)
            .ok()?
            .split_once('-')?;
        let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(rest, 16).ok()?;
        // Five columns before the path hold no slash.
        let path = &line[line.iter().position(|&byte| byte == b'/')?..];
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        range.contains(&address).then(|| path.parent().map(Path::to_owned))?
    })
}

#[cfg(not(target_os = "linux"))]
fn home() -> Option<PathBuf> {
    std::env::current_exe().ok()?.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use std::fs;

    #[test]
    fn this_code_is_in_the_test_program() {
        let program = std::env::current_exe().unwrap().canonicalize().unwrap();
        assert_eq!(home().as_deref(), program.parent());
    }

    #[test]
    fn the_named_file_comes_first_then_beside_then_lib() {
        let root = tempfile::tempdir().unwrap();
        let bin = root.path().join("bin");
        let lib = root.path().join("lib");
        fs::create_dir(&bin).unwrap();
        fs::create_dir(&lib).unwrap();
        let named = root.path().join("other.so");

        let error = find_from(None, Some(&bin)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Device);
        let says = error.message();
        assert!(
            says.contains("make gpu") && says.contains(VARIABLE) && says.contains("bin"),
            "{says}"
        );
        let error = find_from(Some(named.clone()), Some(&bin)).unwrap_err();
        assert!(error.message().contains("other.so"), "{error}");
        assert!(find_from(None, None).unwrap_err().message().contains(VARIABLE));

        fs::write(lib.join(FILE), "").unwrap();
        let found = find_from(None, Some(&bin)).unwrap();
        assert_eq!(found.canonicalize().unwrap(), lib.join(FILE).canonicalize().unwrap());
        fs::write(bin.join(FILE), "").unwrap();
        assert_eq!(find_from(Some(PathBuf::new()), Some(&bin)).unwrap(), bin.join(FILE));
        // A folder is no file.
        fs::create_dir(&named).unwrap();
        assert!(find_from(Some(named.clone()), Some(&bin)).is_err());
        fs::remove_dir(&named).unwrap();
        fs::write(&named, "").unwrap();
        assert_eq!(find_from(Some(named.clone()), Some(&bin)).unwrap(), named);
        // A name alone is a file of the working folder, as it says, not one along the loader's path.
        let here = find_from(Some("Cargo.toml".into()), Some(&bin)).unwrap();
        assert!(here.is_absolute() && here.ends_with("Cargo.toml"), "{here:?}");
    }
}
