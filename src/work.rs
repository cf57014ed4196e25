//! How long work runs: on how many threads, who is told how far it is, and who may stop it.

use crate::cancel::{self, Cancel};
use crate::error::Result;
use parking_lot::Mutex;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How long work is run. The results never depend on it.
#[derive(Clone, Copy, Default)]
pub struct Work<'a> {
    /// Threads, at least 1; `None`: one per core.
    pub threads: Option<usize>,
    /// Called from any of the threads, one at a time, with what is done and what there is to do, in a unit of the
    /// work's choosing (mostly pairs). Work of several steps counts each from the start; within a step what is done
    /// only rises, to what there is to do.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
    /// Ends the work soon when it is cancelled: it then fails with [`crate::ErrorKind::Cancelled`]. Looked at between
    /// parts of the work, most of which take milliseconds and the largest, with the most pairs that are kept, a second
    /// or two.
    pub cancel: Option<&'a Cancel>,
}

impl fmt::Debug for Work<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Work")
            .field("threads", &self.threads)
            .finish_non_exhaustive()
    }
}

impl Work<'_> {
    /// How many threads work with tasks enough for all is done on.
    pub fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores).max(1)
    }

    /// Fails if the caller asked to stop.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cancelled`].
    pub fn check(&self) -> Result<()> {
        cancel::check(self.cancel)
    }

    /// Does the tasks `0..tasks` on the threads, each task on whichever is free. `run` says how much of `total` it did.
    /// Gives every thread's state, in the order of the threads.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Cancelled`].
    pub fn each<S: Send>(
        &self,
        tasks: usize,
        total: u64,
        make: impl Fn() -> S + Sync,
        run: impl Fn(&mut S, usize) -> u64 + Sync,
    ) -> Result<Vec<S>> {
        let threads = self.thread_count().min(tasks.max(1));
        let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
        let told = Mutex::new(None);
        let worker = || {
            let mut state = make();
            loop {
                let task = next.fetch_add(1, Ordering::Relaxed);
                if task >= tasks || self.check().is_err() {
                    return state;
                }
                let part = run(&mut state, task);
                let sum = done.fetch_add(part, Ordering::Relaxed) + part;
                if let Some(progress) = self.progress {
                    let mut told = told.lock();
                    // A thread that did less may come here later.
                    if *told < Some(sum) {
                        *told = Some(sum);
                        progress(sum, total);
                    }
                }
            }
        };
        let states = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(worker)).collect();
            let mut states = vec![worker()];
            for thread in others {
                match thread.join() {
                    Ok(state) => states.push(state),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            states
        });
        self.check()?;
        Ok(states)
    }
}
