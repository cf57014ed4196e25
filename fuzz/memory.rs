//! Handles and buffers as a C program would have them.

use qmagface::ffi::{QMF_OK, qmf_status};
use std::ptr::null_mut;

/// Handles that were made, each live until it is taken out.
pub struct Handles<T>(pub Vec<*mut T>);

impl<T> Handles<T> {
    /// One of them, or NULL.
    pub fn at(&self, at: u8) -> *mut T {
        self.0
            .get(usize::from(at) % (self.0.len() + 1))
            .copied()
            .unwrap_or(null_mut())
    }

    pub fn take(&mut self, at: u8) -> *mut T {
        match self.0.is_empty() {
            true => null_mut(),
            false => self.0.swap_remove(usize::from(at) % self.0.len()),
        }
    }

    /// Keeps what a call gave: a handle if it went well, and nothing else.
    pub fn keep(&mut self, status: qmf_status, made: *mut T) {
        assert_eq!(status == QMF_OK, !made.is_null());
        if !made.is_null() {
            self.0.push(made);
        }
    }
}

/// A buffer whose places behind the capacity must stay as they are.
pub struct Guarded<T>(pub Vec<T>, pub usize);

impl<T: Clone + PartialEq + std::fmt::Debug> Guarded<T> {
    pub fn new(capacity: usize, mark: T) -> Self {
        Guarded(vec![mark; capacity + 8], capacity)
    }

    pub fn check(&self, mark: T) {
        assert!(
            self.0[self.1..].iter().all(|value| *value == mark),
            "written past the capacity"
        );
    }
}
