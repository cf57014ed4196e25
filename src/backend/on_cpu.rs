//! The processor.

use super::Backend;
use crate::cpu::Workers;
use crate::detect::{Detector, DetectorKind};
use crate::device::{Device, DeviceMemory};
use crate::error::Result;
use crate::network::{self, EmbeddingNetwork, Precision, spec::Network};
use crate::weights::TensorMap;

/// The crate's own kernels, on threads that all its networks share.
pub(crate) struct OnCpu(pub Workers);

impl Backend for OnCpu {
    fn device(&self) -> Device {
        Device::Cpu
    }

    fn network(
        &self,
        network: Network,
        weights: &TensorMap,
        precision: Precision,
    ) -> Result<Box<dyn EmbeddingNetwork>> {
        network::build(network, weights, precision, &self.0)
    }

    fn detector(
        &self,
        kind: DetectorKind,
        weights: &TensorMap,
        landmark_weights: Option<&TensorMap>,
    ) -> Result<Detector> {
        Detector::new(kind, weights, landmark_weights, &self.0)
    }

    fn memory(&self) -> Result<Option<DeviceMemory>> {
        Ok(None)
    }
}
