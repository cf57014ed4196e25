//! Where a caller sits until it is called: it has its result, it is to run the network, or it is to leave.

use super::cancel::Wake;
use super::sync::{Condvar, Instant, Mutex, MutexGuard};
use crate::error::Result;
use zeroize::Zeroize;

/// What a part of a call gives.
pub(super) type Embeddings = Result<Vec<Vec<f32>>>;

/// One waiting caller's place. Others write to it, its caller alone waits on it.
#[derive(Default)]
pub(super) struct Seat {
    word: Mutex<Word>,
    called: Condvar,
}

/// What was said to a caller so far.
#[derive(Default)]
pub(super) struct Word {
    /// It may join the line.
    pub(super) admitted: bool,
    /// It is to run the network. Whoever takes this has to pass it on.
    pub(super) lead: bool,
    /// The batch it waits for is as full as it will be.
    pub(super) nudged: bool,
    /// It is to leave.
    pub(super) cancelled: bool,
    pub(super) result: Option<Embeddings>,
}

/// What a caller that left didn't take is overwritten.
impl Drop for Word {
    fn drop(&mut self) {
        if let Some(Ok(embeddings)) = &mut self.result {
            embeddings.zeroize();
        }
    }
}

impl Wake for Seat {
    fn wake(&self) {
        self.tell(|word| word.cancelled = true);
    }
}

impl Seat {
    /// Says something to the caller.
    pub(super) fn tell(&self, say: impl FnOnce(&mut Word)) {
        say(&mut self.word.lock());
        self.called.notify_one();
    }

    /// What was said so far.
    pub(super) fn word(&self) -> MutexGuard<'_, Word> {
        self.word.lock()
    }

    /// Waits until `heard` finds what it waits for.
    pub(super) fn wait(&self, heard: impl Fn(&Word) -> bool) -> MutexGuard<'_, Word> {
        let mut word = self.word.lock();
        while !heard(&word) {
            self.called.wait(&mut word);
        }
        word
    }

    /// As [`Seat::wait`], to `end` at the latest.
    pub(super) fn wait_until(&self, end: Instant, heard: impl Fn(&Word) -> bool) {
        let mut word = self.word.lock();
        while !heard(&word) && !self.called.wait_until(&mut word, end).timed_out() {}
    }
}
