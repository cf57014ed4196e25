//! A token by which one thread ends another's call early.

use super::seat::Seat;
use super::sync::{AtomicBool, Mutex, Ordering};
use crate::error::{Error, ErrorKind, Result};
use std::sync::{Arc, Weak};

/// Ends the calls it was given to, from any thread. Clones are the same token; a token that was cancelled stays so.
///
/// A call that waits for the network leaves at once, and what it waited with is not computed; one whose faces are going
/// through the network leaves too, except the call that runs the network for all, which leaves when that batch is done.
/// Others' results are not touched.
#[derive(Clone, Default)]
pub struct Cancel {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    cancelled: AtomicBool,
    /// The callers that wait now.
    seats: Mutex<Vec<Weak<Seat>>>,
}

impl Cancel {
    /// A token that nobody has cancelled yet.
    pub fn new() -> Cancel {
        Cancel::default()
    }

    /// Ends the token's calls, now and later, with [`ErrorKind::Cancelled`]. A call that has its result already keeps
    /// it.
    pub fn cancel(&self) {
        let seats = {
            let mut seats = self.shared.seats.lock();
            // Under the lock: a caller that sits down now finds it set.
            self.shared.cancelled.store(true, Ordering::Release);
            std::mem::take(&mut *seats)
        };
        for seat in seats.iter().filter_map(Weak::upgrade) {
            seat.tell(|word| word.cancelled = true);
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

    /// Tells the seat's caller when the token is cancelled, until the result is dropped.
    pub(super) fn watch<'a>(&'a self, seat: &'a Arc<Seat>) -> Watch<'a> {
        let mut seats = self.shared.seats.lock();
        match self.is_cancelled() {
            true => seat.tell(|word| word.cancelled = true),
            false => seats.push(Arc::downgrade(seat)),
        }
        Watch { cancel: self, seat }
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cancel")
            .field("cancelled", &self.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// A seat that a token knows.
pub(super) struct Watch<'a> {
    cancel: &'a Cancel,
    seat: &'a Arc<Seat>,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let own = Arc::downgrade(self.seat);
        self.cancel.shared.seats.lock().retain(|seat| !seat.ptr_eq(&own));
    }
}

/// What a cancelled call gives.
pub(super) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the call was cancelled")
}
