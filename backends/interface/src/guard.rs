//! Failures and panics as numbers and words.

use crate::table::{Report, status};
use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Why a function of the table, or what it calls, did not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// One of [`status`], not OK.
    pub status: i32,
    /// One sentence.
    pub message: String,
}

impl Failure {
    /// A failure of a [`status`].
    pub fn new(status: i32, message: impl Into<String>) -> Failure {
        Failure {
            status,
            message: message.into(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

thread_local! {
    /// How many guarded calls this thread is in.
    static GUARDED: Cell<u32> = const { Cell::new(0) };
}

/// Keeps panics inside guarded calls off stderr, which is the host program's: their words are in the report. A plug-in has a
/// standard library of its own, whose hook this is; panics elsewhere go on to the hook that was there.
fn silence_panics() {
    static DONE: Once = Once::new();
    DONE.call_once(|| {
        let former = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.try_with(Cell::get).unwrap_or(0) == 0 {
                former(info);
            }
        }));
    });
}

/// Does `work`, and says how it ended: the status is returned, the reason is written to `report`. A panic becomes
/// [`status::PANICKED`], and prints nothing.
///
/// After a panic, what `work` was changing may be half changed: it is the caller's to know, see [`status::PANICKED`].
pub fn guard(report: &mut Report, work: impl FnOnce() -> Result<(), Failure>) -> i32 {
    silence_panics();
    let counted = GUARDED.try_with(|depth| depth.replace(depth.get() + 1)).is_ok();
    let outcome = catch_unwind(AssertUnwindSafe(work));
    if counted {
        let _ = GUARDED.try_with(|depth| depth.set(depth.get() - 1));
    }
    let failure = match outcome {
        Ok(Ok(())) => return status::OK,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure::new(status::PANICKED, format!("panicked: {}", words(&*panic))),
    };
    report.write(&failure.message);
    failure.status
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no reason given")
}

impl Report {
    /// Room for a reason.
    pub fn empty() -> Report {
        Report {
            length: 0,
            text: [0; 1000],
        }
    }

    /// Writes the first line of a reason, cut to the room.
    pub fn write(&mut self, reason: &str) {
        let line = reason.lines().next().unwrap_or_default();
        let end = line.floor_char_boundary(self.text.len());
        self.text[..end].copy_from_slice(&line.as_bytes()[..end]);
        self.length = end;
    }

    /// The reason, whatever the other side wrote.
    pub fn reason(&self) -> String {
        let text = &self.text[..self.length.min(self.text.len())];
        let text = String::from_utf8_lossy(text);
        let line = text.lines().next().unwrap_or_default();
        line.chars().filter(|c| !c.is_control()).collect()
    }
}

/// A status with its reason, as a result.
pub trait Told {
    /// `Ok` for [`status::OK`], else what `report` says.
    fn told(self, report: &Report) -> Result<(), Failure>;
}

impl Told for i32 {
    fn told(self, report: &Report) -> Result<(), Failure> {
        match self {
            status::OK => Ok(()),
            status => Err(Failure::new(status, report.reason())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
        let mut report = Report::empty();
        guard(&mut report, work).told(&report)
    }

    #[test]
    fn the_reason_goes_across() {
        assert_eq!(ended(|| Ok(())), Ok(()));
        let failure = Failure::new(status::FAILED, "out of memory");
        assert_eq!(ended(|| Err(failure.clone())), Err(failure.clone()));
        for panic in [|| panic!("at {}", 3), || panic!("at 3")] as [fn(); 2] {
            let told = ended(|| {
                panic();
                Ok(())
            });
            assert_eq!(told, Err(Failure::new(status::PANICKED, "panicked: at 3")));
        }
    }

    /// What a program prints is its own. The hook is the process's, so this is done in a process of its own, this test again.
    #[test]
    fn a_panic_prints_nothing() {
        const INSIDE: &str = "QMAGFACE_TEST_PANIC";
        if std::env::var_os(INSIDE).is_some() {
            assert!(ended(|| panic!("inside a call")).is_err());
            // What panics elsewhere still tells.
            assert!(catch_unwind(|| panic!("outside of calls")).is_err());
            return;
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "guard::tests::a_panic_prints_nothing", "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .unwrap();
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert!(
            printed.contains("1 passed") && printed.contains("outside of calls") && !printed.contains("inside a call"),
            "{printed}"
        );
    }

    #[test]
    fn a_reason_is_one_line_that_fits_whoever_wrote_it() {
        let mut report = Report::empty();
        report.write("first\nsecond");
        assert_eq!(report.reason(), "first");
        report.write(&"ä".repeat(900));
        assert_eq!(report.reason(), "ä".repeat(500));
        report.write("");
        assert_eq!(report.reason(), "");
        report.length = usize::MAX;
        report.text = [0xff; 1000];
        report.text[..4].copy_from_slice(b"a\x1b[2");
        assert!(report.reason().starts_with("a[2"), "{}", report.reason());
    }
}
