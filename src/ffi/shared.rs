//! A value that many threads read and one changes. In a child of `fork`, where a lock that another thread held at that
//! moment would never be given back, it goes on with a lock of the child's own.

use super::status::Failure;
use crate::error::{Error, ErrorKind};
use crate::process::Home;
use std::cell::UnsafeCell;
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// A value under a lock.
pub(super) struct Shared<T> {
    /// What a message calls it, such as "the gallery".
    name: &'static str,
    /// From `Box::into_raw`: the lock of the process that used the value last.
    lock: AtomicPtr<Lock>,
    /// Taken out at its end.
    value: UnsafeCell<Option<T>>,
}

/// The lock of one process.
struct Lock {
    home: Home,
    turns: RwLock<()>,
    /// Whether a thread changes the value now. A panic doesn't leave it set.
    changing: AtomicBool,
    /// The process that was left while a thread of it changed the value.
    broken_by: Option<Home>,
}

// SAFETY: a thread has the value mutably only while it alone has the lock; at its end the value goes to the thread that
// ends it, hence Send.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for Shared<T> {}

impl<T> Shared<T> {
    pub(super) fn new(name: &'static str, value: T) -> Shared<T> {
        Shared {
            name,
            lock: AtomicPtr::new(Lock::new(None)),
            value: UnsafeCell::new(Some(value)),
        }
    }

    /// The value, once no thread of this process changes it.
    ///
    /// # Errors
    /// [`ErrorKind::Forked`] where a thread of a parent was changing it when the parent was forked.
    pub(super) fn read(&self) -> Result<Reading<'_, T>, Failure> {
        let turn = self.lock()?.turns.read().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: who changes the value has the lock alone, and this process has one lock.
        match unsafe { &*self.value.get() } {
            Some(value) => Ok(Reading { value, _turn: turn }),
            None => unreachable!("the value is taken out at its end"),
        }
    }

    /// The value to be changed, once no other thread of this process has it.
    ///
    /// # Errors
    /// As [`Shared::read`].
    pub(super) fn write(&self) -> Result<Writing<'_, T>, Failure> {
        let lock = self.lock()?;
        let turn = lock.turns.write().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: this thread alone has the lock, and this process has one.
        match unsafe { &mut *self.value.get() } {
            Some(value) => {
                lock.changing.store(true, Ordering::SeqCst);
                Ok(Writing {
                    value,
                    changing: &lock.changing,
                    _turn: turn,
                })
            }
            None => unreachable!("the value is taken out at its end"),
        }
    }

    /// This process's lock, made where its parent's was the last.
    fn lock(&self) -> Result<&Lock, Failure> {
        let here = Home::here();
        let mut current = self.lock.load(Ordering::Acquire);
        loop {
            // SAFETY: from Box::into_raw; none that was put there is freed before the end of `self`.
            let lock = unsafe { &*current };
            if lock.home == here {
                return match lock.broken_by {
                    None => Ok(lock),
                    Some(parent) => Err(self.broken(parent)),
                };
            }
            // No thread of the parent's is here: its lock, in whatever state, is left behind.
            let own = Lock::new(lock.left_broken());
            match self
                .lock
                .compare_exchange(current, own, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => current = own,
                Err(other) => {
                    // SAFETY: from Box::into_raw just now, and nobody else got it.
                    drop(unsafe { Box::from_raw(own) });
                    current = other;
                }
            }
        }
    }

    #[cold]
    fn broken(&self, parent: Home) -> Failure {
        let (name, parent, here) = (self.name, parent.number(), Home::here().number());
        Error::new(
            ErrorKind::Forked,
            format!(
                "{name} was being changed by a thread of process {parent} when this process, {here}, was forked from \
                 it: what is here is half changed. Make it anew in this process"
            ),
        )
        .into()
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // SAFETY: from Box::into_raw, and nobody else has `self` any more.
        let lock = unsafe { Box::from_raw(ptr::replace(self.lock.get_mut(), ptr::null_mut())) };
        let broken = match lock.home.is_here() {
            true => lock.broken_by.is_some(),
            false => lock.left_broken().is_some(),
        };
        if broken {
            // What is half changed can't be ended: it may have given memory back already.
            std::mem::forget(self.value.get_mut().take());
        }
        if !lock.home.is_here() {
            std::mem::forget(lock);
        }
    }
}

impl Lock {
    /// This process's.
    fn new(broken_by: Option<Home>) -> *mut Lock {
        Box::into_raw(Box::new(Lock {
            home: Home::here(),
            turns: RwLock::new(()),
            changing: AtomicBool::new(false),
            broken_by,
        }))
    }

    /// The process whose fork left the value half changed, asked in a child.
    fn left_broken(&self) -> Option<Home> {
        self.broken_by
            .or(self.changing.load(Ordering::SeqCst).then_some(self.home))
    }
}

/// The value, to be read.
pub(super) struct Reading<'a, T> {
    value: &'a T,
    _turn: RwLockReadGuard<'a, ()>,
}

impl<T> Deref for Reading<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

/// The value, to be changed.
pub(super) struct Writing<'a, T> {
    value: &'a mut T,
    changing: &'a AtomicBool,
    _turn: RwLockWriteGuard<'a, ()>,
}

impl<T> Deref for Writing<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> DerefMut for Writing<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
    }
}

impl<T> Drop for Writing<'_, T> {
    fn drop(&mut self) {
        self.changing.store(false, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// As a child of fork finds a value: the lock as it is, of another process.
    fn forked<T>(value: &Shared<T>) {
        // SAFETY: from Box::into_raw; no other thread is here.
        unsafe { (*value.lock.load(Ordering::SeqCst)).home = Home::elsewhere() };
    }

    #[test]
    fn a_child_goes_on_with_a_lock_of_its_own() {
        let token = Arc::new(());
        let value = Shared::new("the list", vec![token.clone()]);
        // A thread of the parent's reads at the fork, and never ends.
        std::mem::forget(value.read().ok().unwrap());
        forked(&value);
        assert_eq!(value.read().ok().unwrap().len(), 1);
        value.write().ok().unwrap().push(token.clone());
        assert_eq!(value.read().ok().unwrap().len(), 2);
        // A child of the child, that only ends it.
        forked(&value);
        drop(value);
        assert_eq!(Arc::strong_count(&token), 1);
    }

    #[test]
    fn what_a_fork_left_half_changed_is_neither_used_nor_ended() {
        let token = Arc::new(());
        for asked in [true, false] {
            let value = Shared::new("the list", vec![token.clone()]);
            std::mem::forget(value.write().ok().unwrap());
            forked(&value);
            if asked {
                for _ in 0..2 {
                    let failures = [value.read().err(), value.write().err()];
                    for failure in failures.into_iter().flatten() {
                        let message = failure.message();
                        assert!(message.contains("the list was being changed"), "{message}");
                        assert!(message.contains(&format!("process {} when", Home::elsewhere().number())));
                    }
                    assert!(value.read().is_err());
                    // Nor by a child of the child.
                    forked(&value);
                }
            }
            drop(value);
        }
        assert_eq!(Arc::strong_count(&token), 3);
    }

    #[test]
    fn a_panic_while_it_is_changed_leaves_it_usable() {
        let value = Shared::new("the list", vec![1]);
        let broken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut list = value.write().ok().unwrap();
            list.push(2);
            panic!("in between");
        }));
        assert!(broken.is_err());
        forked(&value);
        assert_eq!(*value.read().ok().unwrap(), [1, 2]);
        value.write().ok().unwrap().push(3);
    }
}
