//! Many items worked on by several threads, their results taken one by one in the items' order.

use parking_lot::{Condvar, Mutex};
use qmagface::{Error, ErrorKind, Result};
use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// How much is under way at a time.
#[derive(Debug, Clone, Copy)]
pub struct Width {
    /// Threads that work, 1 or more.
    pub workers: usize,
    /// Most items that are begun and not taken yet, 1 or more.
    pub ahead: usize,
}

/// What workers and taker share.
struct Progress<T> {
    /// The next item to begin.
    next: usize,
    /// The first item that is not taken yet.
    taken: usize,
    /// What became of the items from `taken` on; `None` while one is worked on.
    done: VecDeque<Option<thread::Result<T>>>,
    /// Nothing more is begun.
    stopped: bool,
}

struct Pipeline<T> {
    progress: Mutex<Progress<T>>,
    /// An item was taken, or all is over: to the workers.
    room: Condvar,
    /// The first item is done: to the taker.
    came: Condvar,
}

/// Runs `work` for each item in several threads and `take` on the results, in order, in the calling thread. The first
/// failure of `take` ends it; items that are being worked on are finished and dropped.
///
/// # Errors
/// Whatever `take` fails with; [`ErrorKind::Internal`] when `work` panicked or no thread can be started.
pub fn in_order<T: Send>(
    items: Range<usize>,
    width: Width,
    work: impl Fn(usize) -> T + Sync,
    mut take: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let pipeline = Pipeline {
        progress: Mutex::new(Progress {
            next: items.start,
            taken: items.start,
            done: VecDeque::new(),
            stopped: false,
        }),
        room: Condvar::new(),
        came: Condvar::new(),
    };
    thread::scope(|scope| {
        // Whatever ends this closure, a panic of `take` included, lets the workers go, for which the scope waits.
        let _stop = Stop(&pipeline);
        for started in 0..width.workers.min(items.len()) {
            let worker = || pipeline.work(items.end, width.ahead, &work);
            match thread::Builder::new().spawn_scoped(scope, worker) {
                Ok(_) => {}
                // Fewer do it too.
                Err(_) if started > 0 => break,
                Err(error) => {
                    let message = format!("cannot start a thread: {error}");
                    return Err(Error::new(ErrorKind::Internal, message));
                }
            }
        }
        for item in items.clone() {
            let value = pipeline.first().map_err(|_| {
                let message = format!("a defect, please report it: work on image {} panicked", item + 1);
                Error::new(ErrorKind::Internal, message)
            })?;
            take(item, value)?;
        }
        Ok(())
    })
}

impl<T> Pipeline<T> {
    /// Works on item after item, until all are begun or it is stopped.
    fn work(&self, end: usize, ahead: usize, work: impl Fn(usize) -> T) {
        let mut progress = self.progress.lock();
        loop {
            while !progress.stopped && progress.next < end && progress.next - progress.taken >= ahead {
                self.room.wait(&mut progress);
            }
            if progress.stopped || progress.next >= end {
                return;
            }
            let item = progress.next;
            progress.next += 1;
            progress.done.push_back(None);
            drop(progress);
            let value = catch_unwind(AssertUnwindSafe(|| work(item)));
            progress = self.progress.lock();
            let place = item - progress.taken;
            progress.done[place] = Some(value);
            if place == 0 {
                self.came.notify_one();
            }
        }
    }

    /// Waits for the first item that is not taken yet, and takes it.
    fn first(&self) -> thread::Result<T> {
        let mut progress = self.progress.lock();
        loop {
            if let Some(value) = progress.done.front_mut().and_then(Option::take) {
                progress.done.pop_front();
                progress.taken += 1;
                self.room.notify_one();
                return value;
            }
            self.came.wait(&mut progress);
        }
    }
}

/// Stops the workers when it goes.
struct Stop<'a, T>(&'a Pipeline<T>);

impl<T> Drop for Stop<'_, T> {
    fn drop(&mut self) {
        self.0.progress.lock().stopped = true;
        self.0.room.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    fn width(workers: usize, ahead: usize) -> Width {
        Width { workers, ahead }
    }

    /// Work that takes longer for some items than for others.
    fn uneven(item: usize) -> usize {
        std::thread::sleep(Duration::from_micros((item * 7919 % 400) as u64));
        item * item
    }

    #[test]
    fn results_come_in_order_and_few_are_ahead() {
        for (workers, ahead) in [(1, 1), (4, 1), (3, 5), (8, 200)] {
            let (begun, taken, most) = (AtomicUsize::new(0), AtomicUsize::new(10), AtomicUsize::new(0));
            let mut seen = Vec::new();
            let work = |item| {
                begun.fetch_add(1, Ordering::SeqCst);
                most.fetch_max(item + 1 - taken.load(Ordering::SeqCst), Ordering::SeqCst);
                uneven(item)
            };
            in_order(10..150, width(workers, ahead), work, |item, value| {
                taken.store(item + 1, Ordering::SeqCst);
                seen.push((item, value));
                Ok(())
            })
            .unwrap();
            assert!(seen.into_iter().eq((10..150).map(|item| (item, item * item))));
            assert_eq!(begun.load(Ordering::SeqCst), 140);
            // The counter here lags one behind the pipeline's.
            let most = most.load(Ordering::SeqCst);
            assert!(most <= ahead + 1, "{most} ahead with {ahead}");
        }
    }

    #[test]
    fn no_items_are_no_work() {
        in_order(5..5, width(2, 2), |_| panic!("no item"), |_, ()| Ok(())).unwrap();
    }

    #[test]
    fn a_failure_of_the_taker_ends_it_soon() {
        let begun = AtomicUsize::new(0);
        let work = |item| {
            begun.fetch_add(1, Ordering::SeqCst);
            uneven(item)
        };
        let error = in_order(0..10_000, width(4, 8), work, |item, _| match item {
            20 => Err(Error::new(ErrorKind::Cancelled, "enough")),
            _ => Ok(()),
        });
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Cancelled);
        let begun = begun.load(Ordering::SeqCst);
        assert!((21..=29).contains(&begun), "{begun} begun");
    }

    #[test]
    fn a_panic_in_either_part_ends_it() {
        let work = |item| match item {
            7 => panic!("seven"),
            _ => uneven(item),
        };
        let mut last = None;
        let error = in_order(0..1000, width(3, 9), work, |item, _| {
            last = Some(item);
            Ok(())
        })
        .unwrap_err();
        assert!(
            error.kind() == ErrorKind::Internal && error.message().contains("image 8"),
            "{error}"
        );
        assert_eq!(last, Some(6));
        let result = catch_unwind(|| {
            in_order(0..1000, width(3, 9), uneven, |item, _| {
                assert!(item < 5, "five");
                Ok(())
            })
        });
        assert!(result.is_err(), "and no thread waits for ever");
    }
}
