//! What runs networks: the processor, or a GPU's back end. Each makes the same networks of the same weights; what they
//! compute is the same up to rounding.

mod on_cpu;

use crate::detect::{Detector, DetectorKind};
use crate::device::{Device, DeviceMemory};
use crate::error::Result;
use crate::network::{EmbeddingNetwork, Precision, spec::Network};
use crate::weights::TensorMap;

pub(crate) use on_cpu::OnCpu;

/// One device with all that makes networks for it.
pub(crate) trait Backend: Send + Sync {
    /// The device.
    fn device(&self) -> Device;

    /// An embedding network that computes in `precision`.
    ///
    /// # Errors
    /// As [`crate::network::build`].
    fn network(&self, network: Network, weights: &TensorMap, precision: Precision)
    -> Result<Box<dyn EmbeddingNetwork>>;

    /// A detector, see [`Detector::new`].
    ///
    /// # Errors
    /// As [`Detector::new`].
    fn detector(
        &self,
        kind: DetectorKind,
        weights: &TensorMap,
        landmark_weights: Option<&TensorMap>,
    ) -> Result<Detector>;

    /// What the device's memory is used for; `None` on the CPU.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Backend`] when the device can't say.
    fn memory(&self) -> Result<Option<DeviceMemory>>;
}
