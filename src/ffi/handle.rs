//! Handles: boxes that a caller owns, and how many of each kind are alive.

use super::memory::check;
use super::status::{Failure, QMF_OK, guard};
use std::sync::atomic::{AtomicU64, Ordering};

/// One count of a kind of handle, taken back when dropped.
pub(super) struct Live(&'static AtomicU64);

impl Live {
    pub(super) fn count(counter: &'static AtomicU64) -> Live {
        counter.fetch_add(1, Ordering::Relaxed);
        Live(counter)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Gives a handle to the caller.
///
/// # Safety
/// `place` was checked by [`check`] and can be written.
pub(super) unsafe fn give<T>(handle: T, place: *mut *mut T) {
    // SAFETY: promised by the caller.
    unsafe { *place = Box::into_raw(Box::new(handle)) };
}

/// Frees a handle; NULL is none. `name` is what the caller's mistakes call it.
///
/// # Safety
/// `handle` is NULL or came from [`give`], and nobody else has it.
pub(super) unsafe fn free<T>(handle: *mut T, name: &str) {
    if handle.is_null() {
        return;
    }
    guard(|| {
        check(handle, name)?;
        // SAFETY: it came from Box::into_raw in `give` and nobody else has it, promised by the caller.
        drop(unsafe { Box::from_raw(handle) });
        Ok::<_, Failure>(QMF_OK)
    });
}
