//! The locks and the clock of the queue of callers and of what ends a call early: named here alone, so that
//! `tests/queue_model.rs` can try the same code with a model's in their place.

pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};
pub(crate) use std::sync::atomic::{AtomicBool, Ordering};
pub(crate) use std::time::Instant;
