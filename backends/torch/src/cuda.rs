//! libtorch's CUDA half, loaded when it is asked for.

use crate::{Error, LIBTORCH_VERSION, Result};
use once_cell::sync::OnceCell;
use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The environment variable naming the folder of libtorch's CUDA half.
const FOLDER_VARIABLE: &str = "QMAGFACE_LIBTORCH_CUDA";

/// libtorch's CUDA half, in the order of loading.
const LIBRARIES: [&str; 2] = ["libc10_cuda.so", "libtorch_cuda.so"];

/// Loads libtorch's CUDA half, once. A failure is not kept: a later call looks again.
///
/// Must come before anything asks libtorch about CUDA, which answers for good the first time.
pub(crate) fn load_libtorch() -> Result<()> {
    static LOADED: OnceCell<()> = OnceCell::new();
    LOADED.get_or_try_init(find_and_load).copied()
}

fn find_and_load() -> Result<()> {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).filter(|value| !value.is_empty()) {
        let folder = PathBuf::from(folder);
        return match missing_in(&folder) {
            None => load_from(&folder),
            Some(library) => Err(Error::no_device(format!(
                "{library} is not in {} (the folder named by {FOLDER_VARIABLE})",
                folder.display()
            ))),
        };
    }
    let mut places = Vec::new();
    if let Some(folder) = folder_of_cpu_half() {
        if missing_in(&folder).is_none() {
            return load_from(&folder);
        }
        places.push(folder.display().to_string());
    }
    places.push("the loader's path".to_owned());
    for library in LIBRARIES {
        load(Path::new(library)).map_err(|why| {
            // The loader names what it could not find: the library itself, or something it needs.
            if why.starts_with(library) {
                Error::no_device(format!(
                    "libtorch's CUDA half is missing: {library} is neither in {} ({why}); set {FOLDER_VARIABLE} to the folder \
                     of a CUDA build of libtorch {LIBTORCH_VERSION}",
                    places.join(" nor on ")
                ))
            } else {
                does_not_load(library, &why)
            }
        })?;
    }
    Ok(())
}

/// Loads the CUDA half from `folder`, where it is.
fn load_from(folder: &Path) -> Result<()> {
    if let Some(version) = version_beside(folder)
        && version != LIBTORCH_VERSION
    {
        return Err(Error::no_device(format!(
            "{} is of libtorch {version}, and this back end needs the CUDA half of {LIBTORCH_VERSION}",
            folder.display()
        )));
    }
    for library in LIBRARIES {
        let path = folder.join(library);
        load(&path).map_err(|why| does_not_load(&path.display().to_string(), &why))?;
    }
    Ok(())
}

fn does_not_load(library: &str, why: &str) -> Error {
    let hint = if why.contains("undefined symbol") || why.contains("symbol lookup") {
        format!(", so it is not of libtorch {LIBTORCH_VERSION}")
    } else {
        String::new()
    };
    Error::no_device(format!("{library} does not load: {why}{hint}"))
}

/// The first of the CUDA half's libraries that `folder` lacks.
fn missing_in(folder: &Path) -> Option<&'static str> {
    LIBRARIES.into_iter().find(|library| !folder.join(library).is_file())
}

/// The folder this process loaded libtorch's CPU half from, links resolved.
fn folder_of_cpu_half() -> Option<PathBuf> {
    let maps = std::fs::read("/proc/self/maps").ok()?;
    maps.split(|&byte| byte == b'\n').find_map(|line| {
        // Five columns before the path hold no slash.
        let path = Path::new(std::ffi::OsStr::from_bytes(
            &line[line.iter().position(|&byte| byte == b'/')?..],
        ));
        (path.file_name()? == "libtorch_cpu.so").then(|| path.parent().map(Path::to_owned))?
    })
}

/// The release that a libtorch says it is of: in `build-version` (the C++ archives) or `version.py` (the Python
/// package), both one level above the libraries. Without the local part (`+cu130`).
fn version_beside(folder: &Path) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(folder.parent()?.join(name)).ok();
    let version = read("build-version").or_else(|| {
        let text = read("version.py")?;
        let line = text.lines().find(|line| line.starts_with("__version__"))?;
        Some(line.split(['\'', '"']).nth(1)?.to_owned())
    })?;
    Some(version.trim().split('+').next()?.to_owned())
}

fn load(library: &Path) -> Result<(), String> {
    let name = CString::new(library.as_os_str().as_bytes()).map_err(|_| "its path holds a NUL byte".to_owned())?;
    // RTLD_NOW finds a library of another version here rather than in the middle of a computation.
    // SAFETY: `name` ends in NUL. The library's initialisers run: it is libtorch's CUDA half, made to be loaded this way,
    // and it is never closed, so nothing of it can dangle.
    if !unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) }.is_null() {
        return Ok(());
    }
    // SAFETY: dlerror returns NULL or a string that stays until this thread's next dl call.
    let message = unsafe { libc::dlerror() };
    if message.is_null() {
        return Err("the loader gives no reason".to_owned());
    }
    // SAFETY: not NULL, and ends in NUL as said above; copied at once.
    Err(unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmagface_backend::status;
    use std::fs;

    #[test]
    fn the_cpu_half_is_found_where_it_was_loaded_from() {
        // Any call keeps libtorch linked into this test.
        assert!(tch::get_num_threads() > 0);
        let folder = folder_of_cpu_half().expect("libtorch_cpu.so is loaded");
        assert!(folder.join("libtorch_cpu.so").is_file());
    }

    #[test]
    fn the_version_is_read_beside_the_libraries() {
        let root = tempfile::tempdir().unwrap();
        let lib = root.path().join("lib");
        fs::create_dir(&lib).unwrap();
        assert_eq!(version_beside(&lib), None);
        fs::write(
            root.path().join("version.py"),
            "from x import y\n__version__ = '2.11.0+cu130'\n",
        )
        .unwrap();
        assert_eq!(version_beside(&lib).as_deref(), Some("2.11.0"));
        fs::write(root.path().join("build-version"), "2.10.1+cu128\n").unwrap();
        assert_eq!(version_beside(&lib).as_deref(), Some("2.10.1"));
        for library in LIBRARIES {
            fs::write(lib.join(library), "").unwrap();
        }
        let error = load_from(&lib).unwrap_err();
        assert_eq!(error.0.status, status::DEVICE);
        assert!(error.message().contains("libtorch 2.10.1"), "{error}");
    }

    #[test]
    fn a_damaged_library_is_named_with_the_loaders_reason() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("libc10_cuda.so"), "no library").unwrap();
        assert_eq!(missing_in(root.path()), Some("libtorch_cuda.so"));
        fs::write(root.path().join("libtorch_cuda.so"), "no library").unwrap();
        assert_eq!(missing_in(root.path()), None);
        let error = load_from(root.path()).unwrap_err();
        assert_eq!(error.0.status, status::DEVICE);
        assert!(error.message().contains("libc10_cuda.so does not load: "), "{error}");
    }
}
