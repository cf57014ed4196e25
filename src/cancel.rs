//! A token by which one thread ends another's work early.

use super::sync::{AtomicBool, Mutex, Ordering};
use crate::error::{Error, ErrorKind, Result};
use std::sync::{Arc, Weak};

/// Ends the calls it was given to, from any thread. Clones are the same token; a token that was cancelled stays so.
///
/// A call that waits for the embedding network leaves at once, and what it waited with is not computed; one whose faces
/// are going through the network leaves too, except the call that runs the network for others too, which leaves when
/// that batch is done. Work of other kinds looks at the token between its parts, most of which take milliseconds.
/// Others' results are not touched.
#[derive(Clone, Default)]
pub struct Cancel {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    /// Who waits now.
    waiting: Mutex<Vec<Weak<dyn Wake>>>,
}

/// What a token tells that it was cancelled.
pub(crate) trait Wake: Send + Sync {
    /// Called at most once, from any thread.
    fn wake(&self);
}

impl Cancel {
    /// A token that nobody has cancelled yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Ends the token's calls, now and later, with [`ErrorKind::Cancelled`]. A call that has its result already keeps
    /// it.
    pub fn cancel(&self) {
        let waiting = {
            let mut waiting = self.shared.waiting.lock();
            // Under the lock: a caller that sits down now finds it set.
            self.shared.cancelled.store(true, Ordering::Release);
            std::mem::take(&mut *waiting)
        };
        for one in waiting.iter().filter_map(Weak::upgrade) {
            one.wake();
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.shared.cancelled.load(Ordering::Acquire)
    }

    /// # Errors
    /// [`ErrorKind::Cancelled`] once [`Cancel::cancel`] was called.
    pub fn check(&self) -> Result<()> {
        match self.is_cancelled() {
            true => Err(cancelled()),
            false => Ok(()),
        }
    }

    /// Wakes `who` when the token is cancelled, until the result is dropped; at once where it is already.
    pub(crate) fn watch<W: Wake + 'static>(&self, who: &Arc<W>) -> Watch<'_> {
        let who: Weak<dyn Wake> = Arc::downgrade(who) as Weak<dyn Wake>;
        let mut waiting = self.shared.waiting.lock();
        if self.is_cancelled() {
            drop(waiting);
            if let Some(who) = who.upgrade() {
                who.wake();
            }
        } else {
            waiting.push(who.clone());
        }
        Watch { cancel: self, who }
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cancel")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// Somebody that a token knows.
pub(crate) struct Watch<'a> {
    cancel: &'a Cancel,
    who: Weak<dyn Wake>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.cancel.shared.waiting.lock().retain(|one| !one.ptr_eq(&self.who));
    }
}

/// Fails where there is a token and it was cancelled.
///
/// # Errors
/// [`ErrorKind::Cancelled`].
pub(crate) fn check(cancel: Option<&Cancel>) -> Result<()> {
    cancel.map_or(Ok(()), Cancel::check)
}

/// What a cancelled call gives.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was cancelled")
}
