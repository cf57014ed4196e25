//! The one error type of the crate: a kind that maps to one C status, and a sentence for people.

use std::fmt;
use std::path::Path;

/// What went wrong, as a program distinguishes it. Each kind is one status of the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is outside its documented range (size, stride, threshold, option).
    InvalidArgument,
    /// A file or folder can't be read or written.
    Io,
    /// The bytes are not an image that can be decoded.
    ImageDecode,
    /// The input is larger than the limit in force.
    Limit,
    /// A weight file (checkpoint, ONNX, safetensors) is damaged, misshapen or not allowed.
    Weights,
    /// A model pack or its manifest is unknown, damaged or doesn't fit.
    Model,
    /// The model's weights are not on this machine yet.
    ModelNotInstalled,
    /// The compute device can't be had.
    Device,
    /// A back end failed: out of memory, or a failing device.
    Backend,
    /// The image has no face (only where a call needs one).
    NoFace,
    /// Templates or embeddings of two different models were compared.
    ModelMismatch,
    /// The bytes are no template, are damaged, or are of a newer format.
    Template,
    /// A calibration file is damaged, or a calibration's data can't support what is asked of it.
    Calibration,
    /// The caller asked for the work to stop.
    Cancelled,
    /// The object is of the process that this one was forked from, and so are the threads or locks that it needs.
    Forked,
    /// A defect of this library (a caught panic, a broken invariant).
    Internal,
}

impl ErrorKind {
    /// Its name for programs, such as `no_face`: what the command line's JSON says. Stable, and no two kinds share one.
    pub fn name(self) -> &'static str {
        match self {
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
            ErrorKind::Internal => "internal",
        }
    }

    /// Every kind. The `match` has no rest: a new kind doesn't compile before it is among them.
    #[cfg(test)]
    pub(crate) fn all() -> Vec<ErrorKind> {
        let follower = |kind: &ErrorKind| match kind {
            ErrorKind::InvalidArgument => Some(ErrorKind::Io),
            ErrorKind::Io => Some(ErrorKind::ImageDecode),
            ErrorKind::ImageDecode => Some(ErrorKind::Limit),
            ErrorKind::Limit => Some(ErrorKind::Weights),
            ErrorKind::Weights => Some(ErrorKind::Model),
            ErrorKind::Model => Some(ErrorKind::ModelNotInstalled),
            ErrorKind::ModelNotInstalled => Some(ErrorKind::Device),
            ErrorKind::Device => Some(ErrorKind::Backend),
            ErrorKind::Backend => Some(ErrorKind::NoFace),
            ErrorKind::NoFace => Some(ErrorKind::ModelMismatch),
            ErrorKind::ModelMismatch => Some(ErrorKind::Template),
            ErrorKind::Template => Some(ErrorKind::Calibration),
            ErrorKind::Calibration => Some(ErrorKind::Cancelled),
            ErrorKind::Cancelled => Some(ErrorKind::Forked),
            ErrorKind::Forked => Some(ErrorKind::Internal),
            ErrorKind::Internal => None,
        };
        std::iter::successors(Some(ErrorKind::InvalidArgument), follower).collect()
    }
}

/// An error: its [`ErrorKind`] and a message naming what was wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Makes an error from its kind and its full message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
        }
    }

    /// An I/O error on `path`.
    pub fn io(path: &Path, action: &str, source: &std::io::Error) -> Self {
        Error::new(ErrorKind::Io, format!("cannot {action} {}: {source}", path.display()))
    }

    /// The kind a program decides on.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence for people, without the kind.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The same error with the place where it happened put in front of its message.
    pub fn at(self, place: impl fmt::Display) -> Self {
        Error {
            message: format!("{place}: {}", self.message),
            ..self
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let all = ErrorKind::all();
        let names: HashSet<&str> = all.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), all.len(), "{names:?}");
        for (kind, name) in all.iter().map(|kind| (kind, kind.name())) {
            // The variant's own name, word by word.
            let joined: String = name.split('_').collect();
            assert_eq!(joined, format!("{kind:?}").to_lowercase(), "{name}");
        }
    }
}
