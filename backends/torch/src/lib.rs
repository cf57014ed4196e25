//! qmagface's GPU back end, in libtorch: a plug-in with embedding networks, detectors' networks and galleries on CUDA
//! devices, in every precision.
//!
//! libtorch's CPU half is linked; its CUDA half is loaded when a CUDA device is opened, so that the file can be loaded,
//! and say what is missing, where there is no CUDA. All of it runs on libtorch's CPU too, which is how it is tested where
//! there is no GPU.
//!
//! libtorch decides once per process whether it has CUDA: at its first convolution, on whatever device. A process that
//! runs this back end on the CPU can't have CUDA afterwards; the error says so.
//!
//! | file | its one job |
//! |---|---|
//! | `table.rs` | the C functions that qmagface calls |
//! | `device.rs` | the CPU or a CUDA device, made ready |
//! | `cuda.rs` | libtorch's CUDA half, found and loaded |
//! | `program.rs` | any network as libtorch's tensors, run step by step |
//! | `pixels.rs` | images as tensors |
//! | `embedder.rs` | many chips through a network |
//! | `batches.rs` | in batches of a size that fits the memory |
//! | `eager.rs`, `overlapped.rs`, `graphs.rs` | how a batch is run: on the CPU; on a GPU; small ones in one call |
//! | `accelerator.rs`, `accelerator.cpp` | streams, events, CUDA graphs and memory |
//! | `gallery.rs` | many templates, compared with probes |
//! | `log.rs` | messages to whom a program belongs |

mod accelerator;
mod batches;
#[cfg(target_os = "linux")]
mod cuda;
mod device;
mod eager;
mod embedder;
mod gallery;
mod graphs;
mod log;
mod overlapped;
mod pixels;
mod program;
mod table;
#[cfg(test)]
mod tests;

use qmagface_backend::{Failure, status};
use std::fmt;

/// The libtorch that this back end is made for: the CUDA half must be of the same release.
const LIBTORCH_VERSION: &str = env!("QMAGFACE_LIBTORCH_VERSION");

/// Pixels along each side of a chip.
const CHIP_SIDE: usize = 112;

/// Bytes of a chip's pixels.
const CHIP_BYTES: usize = CHIP_SIDE * CHIP_SIDE * 3;

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Error(Failure);

/// What a function of this crate gives.
type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// libtorch, or something it calls, failed.
    fn failed(message: impl Into<String>) -> Error {
        Error(Failure::new(status::FAILED, message))
    }

    /// A device can't be had.
    fn no_device(message: impl Into<String>) -> Error {
        Error(Failure::new(status::DEVICE, message))
    }

    /// What qmagface asked for can't be.
    fn broken(message: impl Into<String>) -> Error {
        Error(Failure::new(status::BROKEN, message))
    }

    fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}

impl From<tch::TchError> for Error {
    fn from(source: tch::TchError) -> Self {
        // libtorch appends a C++ stack trace: the first line is the message.
        let text = source.to_string();
        Error::failed(format!(
            "libtorch: {}",
            text.lines().next().unwrap_or("unknown failure")
        ))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        error.0
    }
}
