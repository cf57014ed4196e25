//! Long work with its progress bar, stopped by Ctrl-C.

use crate::arguments::Shared;
use crate::output;
use crate::stop::stop_flag;
use qmagface::Result;
use qmagface::pairs::Work;

/// Runs `work` with a progress bar with the time left, stopped by Ctrl-C.
///
/// # Errors
/// Whatever `work` fails with, [`qmagface::ErrorKind::Cancelled`] after Ctrl-C.
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
