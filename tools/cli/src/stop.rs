//! Stopping long work with Ctrl-C.

use qmagface::{Cancel, Error, ErrorKind, Result};
use std::sync::{LazyLock, OnceLock};

static STOP: LazyLock<Cancel> = LazyLock::new(Cancel::new);

/// The token that Ctrl-C cancels. The first Ctrl-C lets the work stop where nothing is half; a second ends the program
/// at once, which leaves no half file either, as every file is moved into its place when it is whole.
///
/// # Errors
/// [`ErrorKind::Internal`] when the system doesn't let Ctrl-C be caught.
pub fn stop_flag() -> Result<&'static Cancel> {
    static CAUGHT: OnceLock<Result<()>> = OnceLock::new();
    CAUGHT
        .get_or_init(|| {
            ctrlc::set_handler(|| {
                if STOP.is_cancelled() {
                    std::process::exit(130);
                }
                STOP.cancel();
                eprintln!("\nstopping; Ctrl-C again stops at once");
            })
            .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot catch Ctrl-C: {error}")))
        })
        .clone()
        .map(|()| &*STOP)
}
