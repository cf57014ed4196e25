//! Versions.

use super::memory::put_text;
use super::status::{QMF_OK, guard, qmf_status};
use std::os::raw::c_char;

/// The version of this C ABI. It grows when something is added; what exists stays.
///
/// A program built against this header works with every library whose `qmf_abi_version()` is this or larger.
pub const QMF_ABI_VERSION: u32 = 1;

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
