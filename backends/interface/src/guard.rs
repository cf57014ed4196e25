//! Failures and panics as numbers and words.

use crate::table::{Report, status};
use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

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

/// Does `work`, and says how it ended: the status is returned, the reason is written to `report`. A panic becomes
/// [`status::PANICKED`].
///
/// What `work` changes is not looked at again after a panic by the callers in this project, or is behind a lock that
/// they take anew.
pub fn guard(report: &mut Report, work: impl FnOnce() -> Result<(), Failure>) -> i32 {
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
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
