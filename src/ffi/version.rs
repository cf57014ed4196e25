//! Versions, and what the library was built with.

use super::memory::put_text;
use super::status::{QMF_OK, guard, qmf_status};
use crate::build_info::{ABI_VERSION, BuildInfo};
use crate::error::{Error, ErrorKind};
use std::os::raw::c_char;

/// The version of this C ABI. It grows when something is added; what exists stays.
///
/// A program built against this header works with every library whose `qmf_abi_version()` is this or larger.
pub const QMF_ABI_VERSION: u32 = 1;

// The header needs the number itself.
const _: () = assert!(QMF_ABI_VERSION == ABI_VERSION);

/// The version of the ABI the loaded library has. Compare it with `QMF_ABI_VERSION` once, after loading.
#[unsafe(no_mangle)]
pub extern "C" fn qmf_abi_version() -> u32 {
    QMF_ABI_VERSION
}

/// Copies the library's version ("0.1.0"), NUL-terminated, into `buffer` of `capacity` bytes.
///
/// `buffer`, `capacity` and `length` are as for `qmf_last_error`.
///
/// # Safety
/// `buffer` points to `capacity` writable bytes, `length` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_version(buffer: *mut c_char, capacity: usize, length: *mut usize) -> qmf_status {
    // SAFETY: promised by the caller.
    guard(|| unsafe { put_text(env!("CARGO_PKG_VERSION"), buffer, capacity, length) }.map(|()| QMF_OK))
}

/// Copies what the library was built with and what it finds on this machine as a JSON object, NUL-terminated, into
/// `buffer` of `capacity` bytes: `version`, `abi_version`, `target`, `gpu_back_end` (the path of the file that is loaded
/// when a GPU is asked for, empty where there is none), `instructions` (the vector instructions it computes with),
/// `cpu_features` (a list), `cuda` (an object with `devices`, `driver` and, where there is no device, the reason as
/// `missing`). More may be added.
///
/// `buffer`, `capacity` and `length` are as for `qmf_last_error`. It asks the NVIDIA driver, which starts threads.
///
/// # Safety
/// `buffer` points to `capacity` writable bytes, `length` is NULL or writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_build_info(buffer: *mut c_char, capacity: usize, length: *mut usize) -> qmf_status {
    guard(|| {
        let info = serde_json::to_string(&BuildInfo::collect())
            .map_err(|error| Error::new(ErrorKind::Internal, format!("the build info: {error}")))?;
        // SAFETY: promised by the caller.
        unsafe { put_text(&info, buffer, capacity, length) }.map(|()| QMF_OK)
    })
}
