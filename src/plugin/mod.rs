//! Back ends in files of their own: today the GPU's, `libqmagface_torch.so`, which brings libtorch with it.
//!
//! The library computes on the CPU by itself and links nothing of a GPU. A GPU's back end is loaded when a CUDA device is
//! asked for, and talks through the C table of the crate `qmagface-backend`. What it computes is the same up to rounding.
//!
//! | file | its one job |
//! |---|---|
//! | `find.rs` | where the file is |
//! | `load.rs` | loading it, and checking that both mean the same |
//! | `program.rs`, `net.rs` | a network over there, and a detector's |
//! | `embedder.rs`, `mtcnn.rs`, `yunet.rs` | what the library asks of networks, by such programs |
//! | `gallery.rs` | many embeddings over there, to be compared with |

mod embedder;
mod find;
mod gallery;
mod load;
mod mtcnn;
mod net;
mod program;
#[cfg(test)]
mod tests;
mod yunet;

pub use find::{FILE, VARIABLE, find};
pub use gallery::{Candidate, DeviceGallery};

use crate::backend::Backend;
use crate::detect::{Detector, DetectorKind, Mtcnn, YuNet};
use crate::device::{Device, DeviceMemory};
use crate::error::{Error, ErrorKind, Result};
use crate::message::Log;
use crate::network::{EmbeddingNetwork, Precision, folded, spec::Network};
use crate::weights::TensorMap;
use once_cell::sync::OnceCell;
use qmagface_backend::{Failure, Report, Table, Told, status};
use std::fmt;

/// The GPU's back end, loaded.
pub struct GpuBackEnd {
    table: &'static Table,
}

impl GpuBackEnd {
    /// The one that [`find`] finds: loaded once per process, and never closed. A failure is not kept: a later call looks
    /// again.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] saying in one sentence what is wrong: no file, one that doesn't load, one of another release.
    pub fn load() -> Result<&'static GpuBackEnd> {
        static LOADED: OnceCell<GpuBackEnd> = OnceCell::new();
        LOADED.get_or_try_init(|| {
            let table = load::load(&find()?)?;
            Ok(GpuBackEnd { table })
        })
    }

    /// What computes there, with its version, like `libtorch 2.11.0`.
    pub fn name(&self) -> String {
        load::name_of(self.table)
    }

    /// Makes a device ready. The CPU is one too: the back end then computes where the library itself does, which shows
    /// without a GPU that it computes the same. After that the process can't have CUDA any more.
    ///
    /// Warnings (a batch that the memory doesn't do for) go to `log`.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] saying what is missing (CUDA half, matching version, device).
    pub fn open(&self, device: Device, log: &Log) -> Result<OnDevice> {
        let number = match device {
            Device::Cpu => qmagface_backend::CPU,
            Device::Cuda(index) => i32::try_from(index).unwrap_or(i32::MAX),
        };
        // SAFETY: as `call` says.
        call(|report| unsafe { (self.table.open)(number, report) })?;
        Ok(OnDevice {
            table: self.table,
            device,
            number,
            log: log.clone(),
        })
    }

    /// Whether small batches can be recorded and given to a GPU in one call (CUDA graphs), once a CUDA device was opened.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] naming what is missing.
    pub fn check_graphs(&self) -> Result<()> {
        // SAFETY: as `call` says.
        call(|report| unsafe { (self.table.check_graphs)(report) })
    }
}

impl fmt::Debug for GpuBackEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GpuBackEnd").field("name", &self.name()).finish()
    }
}

/// A device of a back end, ready.
#[derive(Clone)]
pub struct OnDevice {
    table: &'static Table,
    device: Device,
    /// The interface's number of it.
    number: i32,
    log: Log,
}

impl fmt::Debug for OnDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDevice")
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

impl OnDevice {
    /// As [`crate::network::build`], on this device.
    ///
    /// # Errors
    /// As [`crate::network::build`]; [`ErrorKind::Backend`] when the device fails (out of memory).
    pub fn network(
        &self,
        network: Network,
        weights: &TensorMap,
        precision: Precision,
    ) -> Result<Box<dyn EmbeddingNetwork>> {
        let precision = Precision::choose(Some(precision), self.device)?;
        let folded = folded(network, weights)?;
        Ok(Box::new(embedder::Embedder::new(self, network, folded, precision)?))
    }

    /// As [`Detector::new`], on this device.
    ///
    /// # Errors
    /// As [`Detector::new`]; [`ErrorKind::Backend`] when the device fails (out of memory).
    pub fn detector(
        &self,
        kind: DetectorKind,
        weights: &TensorMap,
        landmark_weights: Option<&TensorMap>,
    ) -> Result<Detector> {
        Ok(match kind {
            DetectorKind::Mtcnn => {
                let networks = mtcnn::Mtcnn::load(self, weights, landmark_weights)?;
                Detector::Mtcnn(Mtcnn::on(Box::new(networks)))
            }
            DetectorKind::YuNet => Detector::YuNet(YuNet::on(Box::new(yunet::YuNet::load(self, weights)?))),
        })
    }

    /// What the device's memory is used for; `None` on the CPU.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when the device can't say.
    pub fn memory(&self) -> Result<Option<DeviceMemory>> {
        let mut bytes = [0; 5];
        // SAFETY: room for five numbers, and as `call` says.
        call(|report| unsafe { (self.table.memory)(self.number, &mut bytes, report) })?;
        let [allocated, reserved, peak, free, total] = bytes;
        Ok(self.device.is_cuda().then_some(DeviceMemory {
            allocated,
            reserved,
            peak,
            free,
            total,
        }))
    }
}

impl Backend for OnDevice {
    fn device(&self) -> Device {
        self.device
    }

    fn network(
        &self,
        network: Network,
        weights: &TensorMap,
        precision: Precision,
    ) -> Result<Box<dyn EmbeddingNetwork>> {
        OnDevice::network(self, network, weights, precision)
    }

    fn detector(
        &self,
        kind: DetectorKind,
        weights: &TensorMap,
        landmark_weights: Option<&TensorMap>,
    ) -> Result<Detector> {
        OnDevice::detector(self, kind, weights, landmark_weights)
    }

    fn memory(&self) -> Result<Option<DeviceMemory>> {
        OnDevice::memory(self)
    }
}

/// Calls a function of a table, which takes room for its reason and returns a status.
///
/// Every function of a table that `load.rs` accepted is there for the life of the process, takes a live report, and may be
/// called by any thread: that is the interface's promise.
fn call(function: impl FnOnce(*mut Report) -> i32) -> Result<()> {
    let mut report = Report::empty();
    let status = function(&mut report);
    status.told(&report).map_err(failed)
}

/// What the other side says, as the library's error.
fn failed(failure: Failure) -> Error {
    let message = match failure.message.is_empty() {
        true => "the GPU back end gives no reason".to_owned(),
        false => failure.message,
    };
    match failure.status {
        status::DEVICE => Error::new(ErrorKind::Device, message),
        status::FAILED => Error::new(ErrorKind::Backend, message),
        status::PANICKED => Error::new(
            ErrorKind::Internal,
            format!("the GPU back end {message} (please report it)"),
        ),
        other => Error::new(
            ErrorKind::Internal,
            format!("the GPU back end refuses with {other}: {message}"),
        ),
    }
}
