//! Long work with its progress bar, stopped by Ctrl-C.

use crate::arguments::{Machine, Shared};
use crate::output;
use crate::stop::stop_flag;
use qmagface::Result;
use qmagface::Work;

/// How a command runs.
#[derive(Debug, Clone, Copy)]
pub struct Session {
    pub json: bool,
    /// Threads that compare pairs; `None`: one per core.
    pub threads: Option<usize>,
}

impl Session {
    pub fn new(shared: &Shared, machine: &Machine) -> Self {
        Session {
            json: shared.json,
            threads: machine.threads,
        }
    }
}

/// Runs `work` with a progress bar with the time left, stopped by Ctrl-C.
///
/// # Errors
/// Whatever `work` fails with, [`qmagface::ErrorKind::Cancelled`] after Ctrl-C.
pub fn with_bar<T>(session: Session, what: &str, work: impl FnOnce(&Work) -> Result<T>) -> Result<T> {
    let cancel = stop_flag()?;
    let bar = output::stages(session.json);
    bar.set_message(what.to_owned());
    let progress = |done: u64, total: u64| {
        // A new total is a new stage: its time left is reckoned anew.
        if bar.length() != Some(total) {
            bar.set_length(total);
            bar.reset_eta();
        }
        bar.set_position(done);
    };
    let result = work(&Work {
        threads: session.threads,
        progress: Some(&progress),
        cancel: Some(cancel),
    });
    bar.finish_and_clear();
    result
}
