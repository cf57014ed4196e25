//! Long work: its progress bar, and stopping it with Ctrl-C.

use crate::arguments::Shared;
use crate::output;
use qmagface::pairs::Work;
use qmagface::{Error, ErrorKind, Result};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// The flag that Ctrl-C sets. The first Ctrl-C lets the work stop where nothing is half; a second ends the program at
/// once, which leaves no half file either, as every file is moved into its place when it is whole.
///
/// # Errors
/// [`ErrorKind::Internal`] when the system doesn't let Ctrl-C be caught.
pub fn stop_flag() -> Result<&'static AtomicBool> {
    static CAUGHT: OnceLock<Result<()>> = OnceLock::new();
    CAUGHT
        .get_or_init(|| {
            ctrlc::set_handler(|| {
                if STOP.swap(true, Ordering::Relaxed) {
                    std::process::exit(130);
                }
                eprintln!("\nstopping; Ctrl-C again stops at once");
            })
            .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot catch Ctrl-C: {error}")))
        })
        .clone()
        .map(|()| &STOP)
}

/// Runs `work` with a progress bar with the time left, stopped by Ctrl-C.
///
/// # Errors
/// Whatever `work` fails with, [`ErrorKind::Cancelled`] after Ctrl-C.
pub fn with_bar<T>(shared: &Shared, what: &str, work: impl FnOnce(&Work) -> Result<T>) -> Result<T> {
    let cancel = stop_flag()?;
    let bar = output::stages(shared.json);
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
        threads: shared.threads,
        progress: Some(&progress),
        cancel: Some(cancel),
    });
    bar.finish_and_clear();
    result
}
