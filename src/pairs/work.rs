//! How long work runs: on how many threads, who is told how far it is, and who may stop it.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

/// How long work is run. The results never depend on it.
#[derive(Clone, Copy, Default)]
pub struct Work<'a> {
    /// Threads, at least 1; `None`: one per core.
    pub threads: Option<usize>,
    /// Called from any of the threads with what is done and what there is to do, in a unit of the work's choosing
    /// (mostly pairs). It may be called out of order.
    pub progress: Option<&'a (dyn Fn(u64, u64) + Sync)>,
    /// Set it to stop the work soon: it then fails with [`ErrorKind::Cancelled`].
    pub cancel: Option<&'a AtomicBool>,
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
    /// [`ErrorKind::Cancelled`].
    pub fn check(&self) -> Result<()> {
        match self.cancel {
            Some(flag) if flag.load(Ordering::Relaxed) => Err(Error::new(ErrorKind::Cancelled, "stopped as asked")),
            _ => Ok(()),
        }
    }

    /// Does the tasks `0..tasks` on the threads, each task on whichever is free. `run` says how much of `total` it did.
    /// Gives every thread's state, in the order of the threads.
    pub(crate) fn each<S: Send>(
        &self,
        tasks: usize,
        total: u64,
        make: impl Fn() -> S + Sync,
        run: impl Fn(&mut S, usize) -> u64 + Sync,
    ) -> Result<Vec<S>> {
        let threads = self.thread_count().min(tasks.max(1));
        let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
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
                    progress(sum, total);
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
