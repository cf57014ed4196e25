//! How a command fails: what it prints, and its exit code.

use crate::arguments::Shared;
use crate::folder::name;
use crate::inputs::Images;
use crate::output;
use qmagface::{Error, ErrorKind};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

/// Why a command ends with another exit code than 0.
#[derive(Debug)]
pub enum Failure {
    /// The command itself failed.
    Error(Error),
    /// Some of many files failed; each was reported already.
    SomeFiles { failed: usize, of: usize },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

/// What a command gives.
pub type Outcome = Result<(), Failure>;

impl Failure {
    /// Fails if any of the files did.
    pub fn if_some(failed: usize, of: usize) -> Outcome {
        if failed == 0 {
            Ok(())
        } else {
            Err(Failure::SomeFiles { failed, of })
        }
    }

    /// Says on standard error what went wrong.
    pub fn report(&self, json: bool) {
        let (kind, message) = match self {
            Failure::Error(error) => (error.kind().name(), error.message().to_owned()),
            Failure::SomeFiles { failed, of } => ("some_files", format!("{failed} of {of} files failed")),
        };
        if json {
            eprintln!("{}", json!({"error": {"kind": kind, "message": message}}));
        } else {
            eprintln!("error: {message}");
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::SomeFiles { .. } => 1,
            Failure::Error(error) => match error.kind() {
                ErrorKind::NoFace => 3,
                ErrorKind::ModelNotInstalled => 4,
                ErrorKind::Device => 5,
                ErrorKind::Cancelled => 130,
                _ => 1,
            },
        })
    }
}

/// Says that one of several images failed, in its place among the results.
pub fn report_image(shared: &Shared, path: &Path, error: &Error) {
    if shared.json {
        let error = json!({"kind": error.kind().name(), "message": error.message()});
        output::line(json!({"image": name(path), "error": error}));
    } else {
        eprintln!("error: {error}");
    }
}

/// Says what was passed over in folders: failures as those of images, the rest as numbers.
pub fn report_skipped(shared: &Shared, images: &Images) {
    for skipped in images.skipped.iter().filter(|skipped| skipped.failed) {
        report_image(
            shared,
            &skipped.path,
            &Error::new(ErrorKind::ImageDecode, &skipped.reason).at(name(&skipped.path)),
        );
    }
    let others = images.skipped.iter().filter(|skipped| !skipped.failed).count();
    if others + images.hidden > 0 && !shared.json {
        eprintln!(
            "left out: {others} files that are no images, {} hidden files and folders",
            images.hidden
        );
    }
}
