//! The threads that networks share on the CPU.

use super::Lane;
use crate::error::{Error, ErrorKind, Result};
use crate::process::Home;
use rayon::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

/// Threads that networks run on; clones share them. They end, and are waited for, when the last clone is dropped.
///
/// A child of `fork` has none of its parent's threads: there the one that calls does everything.
#[derive(Clone, Debug)]
pub struct Workers(Option<Arc<Pool>>);

#[derive(Debug)]
struct Pool {
    /// Whose threads they are.
    home: Home,
    /// Taken out when dropped.
    threads: Option<ThreadPool>,
    handles: Mutex<Vec<JoinHandle<()>>>,
}

impl Workers {
    /// No thread: everything is done by the one that calls.
    pub fn inline() -> Workers {
        Workers(None)
    }

    /// `count` threads, at least 1; `None`: one for each core this process may use. One thread is [`Workers::inline`].
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when the system starts no more threads.
    pub fn new(count: Option<usize>) -> Result<Workers> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let count = count.unwrap_or_else(cores).max(1);
        if count == 1 {
            return Ok(Workers::inline());
        }
        let mut handles = Vec::with_capacity(count);
        let threads = ThreadPoolBuilder::new()
            .num_threads(count)
            .spawn_handler(|thread| {
                let named = std::thread::Builder::new().name(format!("qmagface-{}", thread.index()));
                handles.push(named.spawn(|| thread.run())?);
                Ok(())
            })
            .build()
            .map_err(|error| Error::new(ErrorKind::Backend, format!("{count} threads can't be started: {error}")))?;
        Ok(Workers(Some(Arc::new(Pool {
            home: Home::here(),
            threads: Some(threads),
            handles: Mutex::new(handles),
        }))))
    }

    /// How many there are; 1 is the caller itself.
    pub fn count(&self) -> usize {
        self.pool().map_or(1, ThreadPool::current_num_threads)
    }

    /// Runs `work` on them, with the way to share its parts out.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce(Share) -> T + Send) -> T {
        match self.pool() {
            Some(pool) => pool.install(|| work(Share::All)),
            None => work(Share::Alone),
        }
    }

    fn pool(&self) -> Option<&ThreadPool> {
        let pool = self.0.as_ref()?;
        pool.threads.as_ref().filter(|_| pool.home.is_here())
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !self.home.is_here() {
            // Telling them takes their locks, and none of them would end.
            std::mem::forget(self.threads.take());
            std::mem::forget(std::mem::take(&mut self.handles));
            return;
        }
        // Dropping only tells them to end; a library that is unloaded must know that they did.
        drop(self.threads.take());
        let handles = self.handles.get_mut().unwrap_or_else(PoisonError::into_inner);
        for handle in handles.drain(..) {
            // One that panicked has told its caller already.
            let _ = handle.join();
        }
    }
}

/// How work inside [`Workers::run`] is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Share {
    /// By the thread that runs it.
    Alone,
    /// Its parts on all threads.
    All,
}

impl Share {
    /// Into how many equal parts a plane of `rows` rows is cut, of which there are `planes`: one, unless there are too few
    /// planes to keep some threads busy. A plane of several images stays whole.
    pub fn cuts(self, planes: usize, images: usize, rows: usize) -> usize {
        /// Parts that are enough to even out what each takes, on a few threads.
        const ENOUGH: usize = 8;
        match self {
            Share::All if images == 1 && planes < ENOUGH => {
                let most = ENOUGH / planes.max(1);
                (1..=most).rev().find(|&cuts| rows.is_multiple_of(cuts)).unwrap_or(1)
            }
            _ => 1,
        }
    }

    /// Calls `work` on each part of `size` lanes of `data`, with its number.
    pub fn parts(self, data: &mut [Lane], size: usize, work: impl Fn(usize, &mut [Lane]) + Sync) {
        match self {
            Share::Alone => data.chunks_mut(size).enumerate().for_each(|(at, part)| work(at, part)),
            Share::All => data
                .par_chunks_mut(size)
                .enumerate()
                .for_each(|(at, part)| work(at, part)),
        }
    }

    /// Makes something of each item, in order.
    pub fn map<I: Sync, O: Send>(self, items: &[I], work: impl Fn(&I) -> O + Sync + Send) -> Vec<O> {
        match self {
            Share::Alone => items.iter().map(work).collect(),
            Share::All => items.par_iter().map(work).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::Barrier;

    /// Sums of parts, of which one may panic.
    fn sums(workers: &Workers, items: &[usize], bad: Option<usize>) -> Vec<usize> {
        workers.run(|share| {
            share.map(items, |&item| {
                assert!(Some(item) != bad, "part {item} is broken");
                (0..=item).sum()
            })
        })
    }

    /// As a child of `fork` has them: threads that are another process's.
    #[test]
    fn threads_of_another_process_are_neither_used_nor_waited_for() {
        let mut workers = Workers::new(Some(3)).unwrap();
        Arc::get_mut(workers.0.as_mut().unwrap()).unwrap().home = Home::elsewhere();
        assert_eq!(workers.count(), 1);
        let caller = std::thread::current().id();
        let by = workers.run(|share| {
            assert_eq!(share, Share::Alone);
            share.map(&[0; 20], |_| std::thread::current().id())
        });
        assert_eq!(by, vec![caller; 20]);
        let pool = Arc::downgrade(workers.0.as_ref().unwrap());
        drop(workers);
        assert!(pool.upgrade().is_none());
    }

    #[test]
    fn a_panic_in_a_shared_part_reaches_its_caller_alone() {
        let items: Vec<usize> = (0..200).collect();
        let wanted: Vec<usize> = items.iter().map(|item| item * (item + 1) / 2).collect();
        for workers in [Workers::inline(), Workers::new(Some(3)).unwrap()] {
            let start = Barrier::new(6);
            std::thread::scope(|scope| {
                for caller in 0..6 {
                    let (workers, items, wanted, start) = (&workers, &items, &wanted, &start);
                    scope.spawn(move || {
                        start.wait();
                        for round in 0..50 {
                            let bad = (caller % 2 == 0).then_some((caller * 31 + round * 7) % 200);
                            let made = catch_unwind(AssertUnwindSafe(|| sums(workers, items, bad)));
                            match bad {
                                None => assert_eq!(&made.unwrap(), wanted, "another caller's panic"),
                                Some(bad) => {
                                    let why = made.expect_err("the panic was lost");
                                    let why = why.downcast_ref::<String>().unwrap();
                                    assert_eq!(*why, format!("part {bad} is broken"));
                                }
                            }
                        }
                    });
                }
            });
            // No thread ended of it, and later work goes on.
            assert_eq!(sums(&workers, &items, None), wanted);
            let mut lanes = vec![Lane::ZERO; 64];
            let broken = catch_unwind(AssertUnwindSafe(|| {
                workers.run(|share| share.parts(&mut lanes, 8, |at, _| assert!(at != 5, "part 5")));
            }));
            assert!(broken.is_err());
            workers.run(|share| {
                share.parts(&mut lanes, 8, |at, part| {
                    part.fill(Lane([at as f32; super::super::LANES]))
                })
            });
            assert!((0..64).all(|at| lanes[at].0[3] == (at / 8) as f32));
        }
    }
}
