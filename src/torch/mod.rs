//! The GPU back end, in libtorch: embedding networks, the detector and galleries on CUDA devices, in every precision.
//!
//! libtorch's CPU half is linked; its CUDA half is loaded into the process when a CUDA device is asked for
//! ([`OnCuda::open`]), so that the library starts on a machine without a GPU. All of it runs on libtorch's CPU too, which
//! is how it is tested where there is no GPU.
//!
//! libtorch decides once per process whether it has CUDA: at its first convolution, on whatever device. A process that
//! runs this back end on the CPU can't have CUDA afterwards; the error says so.

mod accelerator;
#[cfg(target_os = "linux")]
mod cuda;
mod detector;
mod gallery;
mod network;
mod program;

pub use accelerator::memory;
pub use gallery::{Candidate, DeviceGallery};

use crate::backend::Backend;
use crate::detect::Mtcnn;
use crate::device::{Device, DeviceMemory, device_error, driver};
use crate::error::{Error, ErrorKind, Result};
use crate::network::{EmbeddingNetwork, Precision, folded, spec::Network};
use crate::weights::{TensorMap, WeightTensor};
use tch::{Kind, Tensor};

/// The libtorch that this back end is made for: the CUDA half must be of the same release.
pub const LIBTORCH_VERSION: &str = env!("QMAGFACE_LIBTORCH_VERSION");

/// A CUDA device.
pub(crate) struct OnCuda(Device);

impl OnCuda {
    /// The CUDA device of this index: loads libtorch's CUDA half, which `libc10_cuda.so` and `libtorch_cuda.so` of the same
    /// release are. It is looked for in the folder named by the environment variable `QMAGFACE_LIBTORCH_CUDA`, and there
    /// only when it is set; else in the folder that `libtorch_cpu.so` was loaded from, else along the loader's own path.
    ///
    /// # Errors
    /// [`ErrorKind::Device`] saying what is missing (driver, library, matching version, device).
    pub(crate) fn open(index: usize) -> Result<OnCuda> {
        open_cuda(index).map(OnCuda)
    }
}

impl Backend for OnCuda {
    fn device(&self) -> Device {
        self.0
    }

    fn network(
        &self,
        network: Network,
        weights: &TensorMap,
        precision: Precision,
    ) -> Result<Box<dyn EmbeddingNetwork>> {
        build(network, weights, self.0, precision)
    }

    fn detector(&self, weights: &TensorMap, landmark_weights: Option<&TensorMap>) -> Result<Mtcnn> {
        mtcnn(weights, landmark_weights, self.0)
    }

    fn memory(&self) -> Result<Option<DeviceMemory>> {
        memory(self.0)
    }
}

/// Loads what a CUDA device takes, see [`OnCuda::open`]; `cpu` is always there.
///
/// # Errors
/// As [`OnCuda::open`].
pub fn prepare(device: Device) -> Result<()> {
    match device {
        Device::Cpu => Ok(()),
        Device::Cuda(index) => open_cuda(index).map(drop),
    }
}

/// As [`crate::network::build`], in libtorch on a device that [`prepare`] prepared.
///
/// # Errors
/// As [`crate::network::build`]; [`ErrorKind::Backend`] when libtorch fails (out of memory).
pub fn build(
    network: Network,
    weights: &TensorMap,
    device: Device,
    precision: Precision,
) -> Result<Box<dyn EmbeddingNetwork>> {
    let precision = Precision::choose(Some(precision), device)?;
    let folded = folded(network, weights)?;
    Ok(Box::new(network::Torch::new(network, folded, device, precision)?))
}

/// As [`Mtcnn::new`], in libtorch on a device that [`prepare`] prepared.
///
/// # Errors
/// As [`Mtcnn::new`]; [`ErrorKind::Backend`] when libtorch fails (out of memory).
pub fn mtcnn(weights: &TensorMap, landmark_weights: Option<&TensorMap>, device: Device) -> Result<Mtcnn> {
    Ok(Mtcnn::on(Box::new(detector::OnTorch::load(
        weights,
        landmark_weights,
        device,
    )?)))
}

/// Waits until a CUDA device has nothing left to do.
pub fn synchronize(device: Device) {
    if let Device::Cuda(index) = device {
        tch::Cuda::synchronize(index as i64);
    }
}

/// Whether libtorch's CUDA half, once loaded, has what recording CUDA graphs takes.
///
/// # Errors
/// [`ErrorKind::Device`] naming what is missing.
pub fn check_graphs() -> Result<()> {
    accelerator::graph_functions().map(|_| ())
}

#[cfg(target_os = "linux")]
fn open_cuda(index: usize) -> Result<Device> {
    let driver = driver()?;
    if index >= driver.devices {
        return Err(device_error(format!(
            "there is no device {index}; the driver shows {} (CUDA_VISIBLE_DEVICES may hide some)",
            count_of_devices(driver.devices)
        )));
    }
    cuda::load_libtorch()?;
    let seen = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
    if index >= seen {
        return Err(device_error(format!(
            "the driver (CUDA {}) shows {} and libtorch {seen}: either the driver is older than libtorch's CUDA, or \
             this process ran libtorch on the CPU before it asked for CUDA (ask for CUDA first)",
            driver.version,
            count_of_devices(driver.devices),
        )));
    }
    let device = Device::Cuda(index);
    // A device too old for libtorch's kernels, or one that is full, shows only when something runs.
    let sum = Tensor::f_ones([2], (Kind::Float, in_torch(device)))
        .and_then(|ones| ones.f_sum(Kind::Float))
        .and_then(f64::try_from);
    match sum {
        Ok(2.0) => Ok(device),
        Ok(wrong) => Err(device_error(format!("a first sum of two ones gave {wrong}"))),
        Err(e) => Err(device_error(format!("a first computation failed: {}", Error::from(e)))),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_cuda(_index: usize) -> Result<Device> {
    Err(device_error("this build loads CUDA on Linux only"))
}

/// So many devices, in words.
#[cfg(target_os = "linux")]
fn count_of_devices(count: usize) -> String {
    format!("{count} device{}", if count == 1 { "" } else { "s" })
}

/// libtorch's name of a device.
fn in_torch(device: Device) -> tch::Device {
    match device {
        Device::Cpu => tch::Device::Cpu,
        Device::Cuda(index) => tch::Device::Cuda(index),
    }
}

/// A tensor in libtorch, on `device`.
fn on_device(tensor: &WeightTensor, device: tch::Device) -> Result<Tensor> {
    let shape: Vec<i64> = tensor.shape.iter().map(|&side| side as i64).collect();
    let tensor = Tensor::f_from_slice(&tensor.data)?.f_reshape(shape)?;
    Ok(tensor.f_to_device(device)?)
}

impl From<tch::TchError> for Error {
    fn from(source: tch::TchError) -> Self {
        // libtorch appends a C++ stack trace: the first line is the message.
        let text = source.to_string();
        let line = text.lines().next().unwrap_or("unknown failure");
        Error::new(ErrorKind::Backend, format!("libtorch: {line}"))
    }
}
