//! The CPU or a CUDA device, made ready.

use crate::{Error, Result};
use qmagface_backend::CPU;
use std::fmt;
use tch::{Kind, Tensor};

/// Where libtorch computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Device {
    /// The CPU.
    Cpu,
    /// The CUDA device of this index.
    Cuda(usize),
}

impl Device {
    /// The device of a number of the interface.
    ///
    /// # Errors
    /// Below [`CPU`] is none.
    pub fn of(number: i32) -> Result<Device> {
        match usize::try_from(number) {
            Ok(index) => Ok(Device::Cuda(index)),
            Err(_) if number == CPU => Ok(Device::Cpu),
            Err(_) => Err(Error::broken(format!("{number} is the number of no device"))),
        }
    }

    /// Whether it is a CUDA device.
    pub fn is_cuda(self) -> bool {
        matches!(self, Device::Cuda(_))
    }

    /// libtorch's name of it.
    pub fn in_torch(self) -> tch::Device {
        match self {
            Device::Cpu => tch::Device::Cpu,
            Device::Cuda(index) => tch::Device::Cuda(index),
        }
    }

    /// Makes it ready: for a CUDA device loads libtorch's CUDA half, which `libc10_cuda.so` and `libtorch_cuda.so` of the
    /// same release are. It is looked for in the folder named by the environment variable `QMAGFACE_LIBTORCH_CUDA`, and
    /// there only when it is set; else in the folder that `libtorch_cpu.so` was loaded from, else along the loader's own
    /// path.
    ///
    /// # Errors
    /// Says what is missing (library, matching version, device).
    pub fn open(self) -> Result<()> {
        match self {
            Device::Cpu => Ok(()),
            Device::Cuda(index) => open_cuda(index),
        }
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

#[cfg(target_os = "linux")]
fn open_cuda(index: usize) -> Result<()> {
    crate::cuda::load_libtorch()?;
    let seen = usize::try_from(tch::Cuda::device_count()).unwrap_or(0);
    if index >= seen {
        return Err(Error::no_device(format!(
            "libtorch shows {seen} device{}: either the driver is older than libtorch's CUDA, or this process ran \
             libtorch on the CPU before it asked for CUDA (ask for CUDA first)",
            if seen == 1 { "" } else { "s" },
        )));
    }
    // A device too old for libtorch's kernels, or one that is full, shows only when something runs.
    let sum = Tensor::f_ones([2], (Kind::Float, tch::Device::Cuda(index)))
        .and_then(|ones| ones.f_sum(Kind::Float))
        .and_then(f64::try_from);
    match sum {
        Ok(2.0) => Ok(()),
        Ok(wrong) => Err(Error::no_device(format!("a first sum of two ones gave {wrong}"))),
        Err(e) => Err(Error::no_device(format!(
            "a first computation failed: {}",
            Error::from(e)
        ))),
    }
}

#[cfg(not(target_os = "linux"))]
fn open_cuda(_index: usize) -> Result<()> {
    Err(Error::no_device("this build loads CUDA on Linux only"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use qmagface_backend::status;

    #[test]
    fn numbers_are_devices() {
        assert_eq!(Device::of(CPU), Ok(Device::Cpu));
        assert_eq!(Device::of(0), Ok(Device::Cuda(0)));
        assert_eq!(Device::of(-2).unwrap_err().0.status, status::BROKEN);
        assert!(Device::Cpu.open().is_ok());
    }
}
