//! How a command fails: what it prints, and its exit code.

use crate::arguments::Shared;
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
            Failure::Error(error) => (name(error.kind()), error.message().to_owned()),
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
        let error = json!({"kind": name(error.kind()), "message": error.message()});
        output::line(json!({"image": path.to_string_lossy(), "error": error}));
    } else {
        eprintln!("error: {error}");
    }
}

/// The kind's name in JSON.
fn name(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidArgument => "invalid_argument",
        ErrorKind::Io => "io",
        ErrorKind::ImageDecode => "image_decode",
        ErrorKind::Limit => "limit",
        ErrorKind::Weights => "weights",
        ErrorKind::Model => "model",
        ErrorKind::ModelNotInstalled => "model_not_installed",
        ErrorKind::Device => "device",
        ErrorKind::Backend => "backend",
        ErrorKind::NoFace => "no_face",
        ErrorKind::ModelMismatch => "model_mismatch",
        ErrorKind::Template => "template",
        ErrorKind::Calibration => "calibration",
        ErrorKind::Cancelled => "cancelled",
        ErrorKind::Forked => "forked",
        _ => "internal",
    }
}
