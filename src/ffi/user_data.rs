//! A callback's pointer of the caller's.

use std::ffi::c_void;

/// The caller's pointer, which is only handed back.
pub(super) struct UserData(*mut c_void);

impl UserData {
    pub(super) fn new(pointer: *mut c_void) -> UserData {
        UserData(pointer)
    }

    pub(super) fn get(&self) -> *mut c_void {
        self.0
    }
}

// SAFETY: the library doesn't touch what it points to; the caller promises that its callback may be called by any
// thread, several at once.
unsafe impl Send for UserData {}
// SAFETY: as above.
unsafe impl Sync for UserData {}
