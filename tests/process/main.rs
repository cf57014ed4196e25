//! What the library takes of its process and leaves in its memory. The tests run one at a time.

mod buffers;
#[path = "../common/mod.rs"]
mod common;
#[cfg(target_os = "linux")]
mod growth;
#[cfg(target_os = "linux")]
#[path = "../common/load.rs"]
mod load;
mod privacy;
#[cfg(target_os = "linux")]
#[path = "../common/process.rs"]
mod process;
mod watched;

use std::sync::{Mutex, MutexGuard};

/// Keeps the other tests of this program waiting: what one looks for, another could change.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
