//! Loading a back end's file, and checking that both sides mean the same.

use crate::device::{device_error, loader_says};
use crate::error::Result;
use libloading::{Library, Symbol};
use qmagface_backend::{ENTRY, Entry, Table, VERSION};
use std::ffi::CStr;
use std::path::Path;

/// Loads `file` for the rest of the process and takes its table.
///
/// # Errors
/// [`crate::ErrorKind::Device`] saying in one sentence what is wrong with it.
pub(super) fn load(file: &Path) -> Result<&'static Table> {
    let wrong = |what: String| device_error(format!("{} {what}", file.display()));
    // SAFETY: the file's initialisers run: it is the one that the user put beside the library or named, as trusted as the
    // library itself. Where it is a back end it is never closed, so nothing of it can dangle.
    let library =
        unsafe { Library::new(file) }.map_err(|error| wrong(format!("does not load: {}", loader_says(&error))))?;
    let entry = {
        // SAFETY: the type of the function of this name is a part of the interface.
        let entry: Result<Symbol<Entry>, _> = unsafe { library.get(ENTRY.to_bytes_with_nul()) };
        let no_entry = |_| {
            let name = ENTRY.to_string_lossy();
            wrong(format!("exports no {name}, so it is no back end of qmagface"))
        };
        *entry.map_err(no_entry)?
    };
    std::mem::forget(library);
    // SAFETY: the interface's entry takes nothing and hands out a table that stays.
    unsafe { check(entry()) }.map_err(wrong)
}

/// Takes a table of the same version.
///
/// # Safety
/// `table` is NULL or begins with a size and a version, stays for the life of the process, and is a [`Table`] if both are
/// those of this library.
pub(super) unsafe fn check(table: *const Table) -> Result<&'static Table, String> {
    if table.is_null() {
        return Err("hands out no functions".into());
    }
    // SAFETY: as the caller promises: size and version come first in every version of the interface.
    let (size, version) = unsafe { ((&raw const (*table).size).read(), (&raw const (*table).version).read()) };
    if version != VERSION {
        return Err(format!(
            "speaks version {version} of the back ends' interface and this library version {VERSION}: take both from \
             the same release"
        ));
    }
    if size != size_of::<Table>() {
        return Err(format!(
            "hands out {size} bytes of functions in place of {}: take it and this library from the same release",
            size_of::<Table>()
        ));
    }
    // SAFETY: as the caller promises, now that both are right.
    Ok(unsafe { &*table })
}

/// What a table says computes.
pub(super) fn name_of(table: &Table) -> String {
    if table.name.is_null() {
        return String::new();
    }
    // SAFETY: a constant text that ends in NUL, as the interface says.
    unsafe { CStr::from_ptr(table.name.cast()) }
        .to_string_lossy()
        .into_owned()
}
