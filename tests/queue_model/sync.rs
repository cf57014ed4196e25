//! What `src/sync.rs` names, as loom has it: each lock and each wait is a point where the model tries every order.

use loom::sync as model;
use std::ops::{Add, Deref, DerefMut};
use std::time::Duration;

pub use loom::sync::atomic::{AtomicBool, Ordering};

/// As parking_lot's.
#[derive(Default)]
pub struct Mutex<T>(model::Mutex<T>);

/// As parking_lot's; empty only while it is unlocked for a moment.
pub struct MutexGuard<'a, T> {
    held: Option<model::MutexGuard<'a, T>>,
    mutex: &'a model::Mutex<T>,
}

impl<T> Mutex<T> {
    pub fn lock(&self) -> MutexGuard<'_, T> {
        MutexGuard {
            held: Some(locked(&self.0)),
            mutex: &self.0,
        }
    }
}

fn locked<T>(mutex: &model::Mutex<T>) -> model::MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics under a lock")
}

impl<T> MutexGuard<'_, T> {
    pub fn unlocked<O>(guard: &mut Self, work: impl FnOnce() -> O) -> O {
        drop(guard.held.take());
        let output = work();
        guard.held = Some(locked(guard.mutex));
        output
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.held.as_ref().expect("locked")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.held.as_mut().expect("locked")
    }
}

#[derive(Default)]
pub struct Condvar(model::Condvar);

pub struct TimedOut;

impl TimedOut {
    pub fn timed_out(&self) -> bool {
        true
    }
}

impl Condvar {
    pub fn notify_one(&self) {
        self.0.notify_one();
    }

    pub fn wait<T>(&self, guard: &mut MutexGuard<T>) {
        let held = guard.held.take().expect("locked");
        guard.held = Some(self.0.wait(held).expect("nothing panics under a lock"));
    }

    /// The time is over after any number of the others' steps: none, or all they can take.
    pub fn wait_until<T>(&self, guard: &mut MutexGuard<T>, _: Instant) -> TimedOut {
        MutexGuard::unlocked(guard, loom::thread::yield_now);
        TimedOut
    }
}

/// A clock by which every run of the network takes a second.
#[derive(Clone, Copy)]
pub struct Instant;

impl Instant {
    pub fn now() -> Instant {
        Instant
    }

    pub fn elapsed(&self) -> Duration {
        Duration::from_secs(1)
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    fn add(self, _: Duration) -> Instant {
        self
    }
}
