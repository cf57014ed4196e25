//! A thread for decoders that would spread over all cores.

use crate::error::{Error, ErrorKind, Result};

/// Runs `work` where its parallel iterators find one thread, which ends with it. Decoders would else start threads for the
/// whole process, which a host may not want and a child of `fork` has not.
///
/// # Errors
/// [`ErrorKind::Backend`] where no thread can be started.
pub(super) fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T> {
    // Scoped, so that it is waited for: a library that is unloaded must know that it ended.
    let builder = rayon::ThreadPoolBuilder::new().num_threads(1);
    let done = builder.build_scoped(|thread| thread.run(), |pool| pool.install(work));
    done.map_err(|error| {
        let message = format!("a thread that decodes an image can't be started: {error}");
        Error::new(ErrorKind::Backend, message)
    })
}
