//! Where networks run: the processor or a GPU, as it is asked for and as it is.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;

mod driver;

pub use driver::{Driver, driver};
pub(crate) use driver::{driver_is_here, loader_says};

/// The largest CUDA device index.
pub const MAX_CUDA_INDEX: usize = 127;

/// What a network runs on.
///
/// Written as `cpu` and `cuda:N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The CUDA device of this index among the visible ones, counted from 0.
    Cuda(usize),
}

impl Device {
    /// Whether it is a CUDA device.
    pub fn is_cuda(self) -> bool {
        matches!(self, Device::Cuda(_))
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Device::Cpu => f.write_str("cpu"),
            Device::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

/// What a CUDA device's memory is used for, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeviceMemory {
    /// In what this process's networks and galleries hold now.
    pub allocated: u64,
    /// Held by this process's back end now, in use or for later.
    pub reserved: u64,
    /// In use by this process at most so far.
    pub peak: u64,
    /// Free on the device now, for every process.
    pub free: u64,
    /// Of the device.
    pub total: u64,
}

/// Where the networks are to run, as a person or a program asks for it.
///
/// Written and parsed as `cpu`, `cuda:N` (`cuda` is `cuda:0`) and `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DeviceChoice {
    /// The processor.
    Cpu,
    /// The CUDA device of this index among the visible ones, counted from 0.
    Cuda(usize),
    /// The first CUDA device where one can be had, else the processor.
    #[default]
    Auto,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeviceChoice::Cpu => f.write_str("cpu"),
            DeviceChoice::Cuda(index) => write!(f, "cuda:{index}"),
            DeviceChoice::Auto => f.write_str("auto"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let index = match text {
            "cpu" => return Ok(DeviceChoice::Cpu),
            "auto" => return Ok(DeviceChoice::Auto),
            "cuda" => Some(0),
            // usize's own parser would let a plus sign through.
            _ => text
                .strip_prefix("cuda:")
                .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|&index| index <= MAX_CUDA_INDEX),
        };
        index.map(DeviceChoice::Cuda).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("device {text:?} is none of cpu, cuda, cuda:N (N from 0 to {MAX_CUDA_INDEX}) and auto"),
            )
        })
    }
}

/// The error for a device that can't be had.
pub(crate) fn device_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Device, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_written_as_it_is_parsed() {
        for (text, choice) in [
            ("cpu", DeviceChoice::Cpu),
            ("auto", DeviceChoice::Auto),
            ("cuda:0", DeviceChoice::Cuda(0)),
            ("cuda:127", DeviceChoice::Cuda(127)),
        ] {
            assert_eq!(text.parse::<DeviceChoice>().unwrap(), choice);
            assert_eq!(choice.to_string(), text);
        }
        assert_eq!("cuda".parse::<DeviceChoice>().unwrap(), DeviceChoice::Cuda(0));
    }

    #[test]
    fn another_word_is_refused_by_name() {
        for text in [
            "",
            "gpu",
            "CPU",
            "cuda:",
            "cuda:+1",
            "cuda:-1",
            "cuda:128",
            "cuda:1x",
            "cuda:99999999999999999999",
        ] {
            let error = text.parse::<DeviceChoice>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(
                error.message().starts_with(&format!("device {text:?} is none of")),
                "{error}"
            );
        }
    }
}
