//! The locks and the clock of the queue of callers: named here alone, so that `tests/queue_model.rs` can try the same code
//! with a model's in their place.

pub(super) use parking_lot::{Condvar, Mutex, MutexGuard};
pub(super) use std::sync::atomic::{AtomicBool, Ordering};
pub(super) use std::time::Instant;
