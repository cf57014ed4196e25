//! The cancel handle.

use super::handle::{Live, free, give};
use super::memory::{check, reference};
use super::status::{Failure, QMF_OK, guard, qmf_status};
use crate::cancel::Cancel;
use std::sync::atomic::{AtomicU64, Ordering};

/// Ends calls early, from any thread: the calls that take one, all that can take longer than a tenth of a second.
///
/// A call whose `cancel` is triggered answers `QMF_ERROR_CANCELLED` and writes nothing; what it was called on stays
/// usable. One that was triggered stays so: calls that begin later are ended at once. One that is triggered when a call
/// has its result already changes nothing. It may be given to any number of calls, one after the other and at once;
/// NULL in its place means that nothing ends the call early.
///
/// It is looked at between parts of the work: mostly every few milliseconds, between batches of the embedding network
/// (which a call that runs others' faces too finishes), and between steps of a second or two of a fit with the most
/// pairs. Reading an image file is one part.
///
/// Any number of threads may use one; only `qmf_cancel_destroy` needs it alone.
pub struct qmf_cancel {
    cancel: Cancel,
    _live: Live,
}

static LIVE_CANCELS: AtomicU64 = AtomicU64::new(0);

impl qmf_cancel {
    /// The token of a handle, if there is one. It is the call's own: it stays when the handle is destroyed, though it
    /// must not be.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cancelled`] where it was triggered already.
    ///
    /// # Safety
    /// A `pointer` that isn't NULL is a live handle.
    pub(super) unsafe fn begin(pointer: *const qmf_cancel) -> Result<Option<Cancel>, Failure> {
        if pointer.is_null() {
            return Ok(None);
        }
        // SAFETY: promised by the caller.
        let cancel = unsafe { reference(pointer, "cancel") }?.cancel.clone();
        cancel.check()?;
        Ok(Some(cancel))
    }
}

/// Makes a cancel that nobody has triggered yet.
///
/// # Safety
/// `result` is writable.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_cancel_create(result: *mut *mut qmf_cancel) -> qmf_status {
    guard(|| {
        check(result, "result")?;
        let cancel = qmf_cancel {
            cancel: Cancel::new(),
            _live: Live::count(&LIVE_CANCELS),
        };
        // SAFETY: promised by the caller.
        unsafe { give(cancel, result) };
        Ok(QMF_OK)
    })
}

/// Ends the calls that have this cancel: those that run soon, later ones at once. It doesn't wait for them. Any thread
/// may do it, several at once, and any number of times.
///
/// # Safety
/// `handle` is a live handle.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_cancel_trigger(handle: *const qmf_cancel) -> qmf_status {
    guard(|| {
        // SAFETY: promised by the caller.
        unsafe { reference(handle, "handle") }?.cancel.cancel();
        Ok(QMF_OK)
    })
}

/// Frees a cancel. NULL is allowed. No other call may use it at the same time or afterwards: let the calls that have it
/// return first.
///
/// # Safety
/// `handle` is NULL or a live handle that nobody else uses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qmf_cancel_destroy(handle: *mut qmf_cancel) {
    // SAFETY: promised by the caller.
    unsafe { free(handle, "handle") }
}

/// How many cancels exist in this process: for finding leaks.
#[unsafe(no_mangle)]
pub extern "C" fn qmf_live_cancels() -> u64 {
    LIVE_CANCELS.load(Ordering::Relaxed)
}
