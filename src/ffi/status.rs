//! Statuses, the last error of a thread, and the guard every function runs in.

use crate::error::{Error, ErrorKind};
use std::cell::{Cell, RefCell};
use std::os::raw::c_char;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// What a call answers. Values are stable and never reused; new ones may be added.
///
/// `QMF_OK` and `QMF_NO_FACE` are answers, everything else is a failure whose text `qmf_last_error` gives.
pub type qmf_status = i32;

/// The call did what it says.
pub const QMF_OK: qmf_status = 0;
/// The call worked and its answer is: the image has no face. Nothing was written.
pub const QMF_NO_FACE: qmf_status = 1;
/// An argument is NULL, misaligned or outside its documented range.
pub const QMF_ERROR_INVALID_ARGUMENT: qmf_status = 2;
/// A file or folder can't be read or written.
pub const QMF_ERROR_IO: qmf_status = 3;
/// The bytes are not an image that can be decoded.
pub const QMF_ERROR_IMAGE_DECODE: qmf_status = 4;
/// The input is larger than the limit in force.
pub const QMF_ERROR_LIMIT: qmf_status = 5;
/// A weight file is damaged, misshapen or not allowed.
pub const QMF_ERROR_WEIGHTS: qmf_status = 6;
/// A model pack is unknown, damaged or lacks what the call needs.
pub const QMF_ERROR_MODEL: qmf_status = 7;
/// The model's weights are not on this machine yet.
pub const QMF_ERROR_MODEL_NOT_INSTALLED: qmf_status = 8;
/// The compute device can't be had.
pub const QMF_ERROR_DEVICE: qmf_status = 9;
/// A back end failed: a lack of memory, or a failing device.
pub const QMF_ERROR_BACKEND: qmf_status = 10;
/// Templates or embeddings of two different models were compared.
pub const QMF_ERROR_MODEL_MISMATCH: qmf_status = 11;
/// The caller's buffer is too small; the needed size was written, where the call has a place for it.
pub const QMF_ERROR_BUFFER_TOO_SMALL: qmf_status = 12;
/// A defect of the library was caught. The handle stays usable.
pub const QMF_ERROR_PANIC: qmf_status = 13;
/// The library contradicts itself; please report it.
pub const QMF_ERROR_INTERNAL: qmf_status = 14;
/// The bytes are no template, are damaged, or are of a newer format.
pub const QMF_ERROR_TEMPLATE: qmf_status = 15;
/// A calibration file is damaged, or a calibration's data can't support the FMR that is asked for.
pub const QMF_ERROR_CALIBRATION: qmf_status = 16;
/// The caller asked for the work to stop.
pub const QMF_ERROR_CANCELLED: qmf_status = 17;
/// The object is of the process that this one was forked from, and so are the threads or locks that it needs.
pub const QMF_ERROR_FORKED: qmf_status = 18;

/// The name of a status, "QMF_OK" or "QMF_ERROR_IO"; "QMF_UNKNOWN" for another number. A static text: don't free it.
#[unsafe(no_mangle)]
pub extern "C" fn qmf_status_name(status: qmf_status) -> *const c_char {
    let name = match status {
        QMF_OK => c"QMF_OK",
        QMF_NO_FACE => c"QMF_NO_FACE",
        QMF_ERROR_INVALID_ARGUMENT => c"QMF_ERROR_INVALID_ARGUMENT",
        QMF_ERROR_IO => c"QMF_ERROR_IO",
        QMF_ERROR_IMAGE_DECODE => c"QMF_ERROR_IMAGE_DECODE",
        QMF_ERROR_LIMIT => c"QMF_ERROR_LIMIT",
        QMF_ERROR_WEIGHTS => c"QMF_ERROR_WEIGHTS",
        QMF_ERROR_MODEL => c"QMF_ERROR_MODEL",
        QMF_ERROR_MODEL_NOT_INSTALLED => c"QMF_ERROR_MODEL_NOT_INSTALLED",
        QMF_ERROR_DEVICE => c"QMF_ERROR_DEVICE",
        QMF_ERROR_BACKEND => c"QMF_ERROR_BACKEND",
        QMF_ERROR_MODEL_MISMATCH => c"QMF_ERROR_MODEL_MISMATCH",
        QMF_ERROR_BUFFER_TOO_SMALL => c"QMF_ERROR_BUFFER_TOO_SMALL",
        QMF_ERROR_PANIC => c"QMF_ERROR_PANIC",
        QMF_ERROR_INTERNAL => c"QMF_ERROR_INTERNAL",
        QMF_ERROR_TEMPLATE => c"QMF_ERROR_TEMPLATE",
        QMF_ERROR_CALIBRATION => c"QMF_ERROR_CALIBRATION",
        QMF_ERROR_CANCELLED => c"QMF_ERROR_CANCELLED",
        QMF_ERROR_FORKED => c"QMF_ERROR_FORKED",
        _ => c"QMF_UNKNOWN",
    };
    name.as_ptr()
}

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
    /// How many guarded calls this thread is in.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// Keeps panics inside guarded calls off stderr, which is the caller's: their text is the thread's last error. Panics
/// elsewhere in a Rust program go on to the hook that was there.
fn silence_panics() {
    /// Nobody waits for the thread that does it: it may have been left behind by a fork.
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.load(Ordering::Relaxed) || DONE.swap(true, Ordering::Relaxed) {
        return;
    }
    let former = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if GUARDED.try_with(Cell::get).unwrap_or(0) == 0 {
            former(info);
        }
    }));
}

/// The status of an error kind. One to one, but for the statuses that are no error of the Rust library.
fn status_of(kind: ErrorKind) -> qmf_status {
    match kind {
        ErrorKind::InvalidArgument => QMF_ERROR_INVALID_ARGUMENT,
        ErrorKind::Io => QMF_ERROR_IO,
        ErrorKind::ImageDecode => QMF_ERROR_IMAGE_DECODE,
        ErrorKind::Limit => QMF_ERROR_LIMIT,
        ErrorKind::Weights => QMF_ERROR_WEIGHTS,
        ErrorKind::Model => QMF_ERROR_MODEL,
        ErrorKind::ModelNotInstalled => QMF_ERROR_MODEL_NOT_INSTALLED,
        ErrorKind::Device => QMF_ERROR_DEVICE,
        ErrorKind::Backend => QMF_ERROR_BACKEND,
        ErrorKind::NoFace => QMF_NO_FACE,
        ErrorKind::ModelMismatch => QMF_ERROR_MODEL_MISMATCH,
        ErrorKind::Template => QMF_ERROR_TEMPLATE,
        ErrorKind::Calibration => QMF_ERROR_CALIBRATION,
        ErrorKind::Cancelled => QMF_ERROR_CANCELLED,
        ErrorKind::Forked => QMF_ERROR_FORKED,
        ErrorKind::Internal => QMF_ERROR_INTERNAL,
    }
}

/// How a guarded call fails: an error of the library, or a buffer that is too small.
pub(super) enum Failure {
    Library(Error),
    BufferTooSmall { capacity: usize, needed: usize },
}

impl Failure {
    /// The sentence for people.
    pub(super) fn message(&self) -> String {
        match self {
            Failure::Library(error) => error.message().to_owned(),
            Failure::BufferTooSmall { capacity, needed } => {
                format!("the buffer has room for {capacity} elements, {needed} are needed")
            }
        }
    }

    /// The same failure with the place where it happened in front.
    pub(super) fn at(self, place: impl std::fmt::Display) -> Self {
        match self {
            Failure::Library(error) => Failure::Library(error.at(place)),
            short => short,
        }
    }

    fn status(&self) -> qmf_status {
        match self {
            Failure::Library(error) => status_of(error.kind()),
            Failure::BufferTooSmall { .. } => QMF_ERROR_BUFFER_TOO_SMALL,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Library(error)
    }
}

/// Runs the body of an exported function: turns its errors and panics into a status and this thread's last error.
pub(super) fn guard(body: impl FnOnce() -> Result<qmf_status, Failure>) -> qmf_status {
    silence_panics();
    // A panic can't leave a handle half changed: handles are locked by parking_lot (no poisoning) and the networks
    // hold no state between calls.
    let guarded = GUARDED.try_with(|depth| depth.replace(depth.get() + 1)).is_ok();
    let outcome = catch_unwind(AssertUnwindSafe(body));
    if guarded {
        let _ = GUARDED.try_with(|depth| depth.set(depth.get() - 1));
    }
    let (status, message) = match outcome {
        Ok(Ok(status)) => return status,
        Ok(Err(failure)) => (failure.status(), failure.message()),
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_default();
            (
                QMF_ERROR_PANIC,
                format!("a defect of qmagface was caught, please report it: {text}"),
            )
        }
    };
    // A thread that is ending may have lost its text already; the status still tells.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = message);
    status
}

/// The text of this thread's last failure. A thread that is ending may have lost its text already.
pub(super) fn last_error() -> String {
    LAST_ERROR.try_with(|last| last.borrow().clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panics_become_a_status_and_a_text() {
        let status = guard(|| panic!("broken {}", 7));
        assert_eq!(status, QMF_ERROR_PANIC);
        assert!(last_error().ends_with("broken 7"));
    }

    /// A panic inside a call must write nothing: what the program prints is its own. The hook is the process's, so the
    /// call is made in a process of its own, this test again.
    #[test]
    fn a_panic_prints_nothing() {
        const INSIDE: &str = "QMAGFACE_TEST_PANIC";
        if std::env::var_os(INSIDE).is_some() {
            assert_eq!(guard(|| panic!("inside a call")), QMF_ERROR_PANIC);
            assert!(last_error().ends_with("inside a call"));
            // What panics outside a call is none of the library's business and still tells.
            assert!(catch_unwind(|| panic!("outside of calls")).is_err());
            return;
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "ffi::status::tests::a_panic_prints_nothing", "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert!(output.status.success(), "{printed}");
        assert!(
            printed.contains("1 passed") && printed.contains("outside of calls"),
            "{printed}"
        );
        assert!(!printed.contains("inside a call"), "{printed}");
    }

    #[test]
    fn every_kind_of_error_has_a_status_of_its_own_and_that_a_name() {
        let all = ErrorKind::all();
        let statuses: std::collections::HashSet<qmf_status> = all.iter().map(|&kind| status_of(kind)).collect();
        assert_eq!(statuses.len(), all.len());
        for kind in all {
            // SAFETY: a static text that ends with NUL.
            let named = unsafe { std::ffi::CStr::from_ptr(qmf_status_name(status_of(kind))) };
            // Finding no face is an answer, not an error.
            let prefix = if kind == ErrorKind::NoFace {
                "QMF_"
            } else {
                "QMF_ERROR_"
            };
            assert_eq!(
                named.to_str().unwrap(),
                format!("{prefix}{}", kind.name().to_uppercase())
            );
        }
    }

    #[test]
    fn the_last_error_belongs_to_its_thread() {
        guard(|| Err(Error::new(ErrorKind::Io, "mine").into()));
        std::thread::spawn(|| assert_eq!(last_error(), "")).join().unwrap();
        assert_eq!(last_error(), "mine");
    }
}
