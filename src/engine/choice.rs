//! Which back end an engine runs on, by the device that is asked for.

use crate::backend::{Backend, OnCpu};
use crate::cpu::Workers;
use crate::device::{Device, DeviceChoice, device_error, driver, driver_is_here};
use crate::error::{Error, Result};
use crate::message::Log;
use crate::plugin::GpuBackEnd;

/// What [`open`] found.
pub(super) struct Opened {
    /// What runs networks.
    pub backend: Box<dyn Backend>,
    /// Why it is no GPU, where one would have been taken.
    pub no_gpu: Option<Error>,
}

/// The back end for what is asked for; on the CPU it computes on `workers`. A GPU's warnings go to `log`. `auto` starts
/// nothing of a GPU where the system has no NVIDIA driver.
///
/// # Errors
/// [`crate::ErrorKind::Device`] saying what is missing (driver, device, back end) when a CUDA device is asked for and
/// can't be had; never for `cpu` and `auto`.
pub(super) fn open(choice: DeviceChoice, workers: &Workers, log: &Log) -> Result<Opened> {
    let on_gpu = |backend| Ok(Opened { backend, no_gpu: None });
    let no_gpu = match choice {
        DeviceChoice::Cpu => None,
        DeviceChoice::Cuda(index) => {
            return on_gpu(gpu(index, log).map_err(|error| error.at(format_args!("{choice} can't be used")))?);
        }
        DeviceChoice::Auto if driver_is_here() => match gpu(0, log) {
            Ok(backend) => return on_gpu(backend),
            Err(why) => Some(why),
        },
        DeviceChoice::Auto => Some(device_error("this system has no NVIDIA driver")),
    };
    Ok(Opened {
        backend: Box::new(OnCpu(workers.clone())),
        no_gpu,
    })
}

/// The back end of the CUDA device of this index. The driver is asked first: without one nothing is loaded.
fn gpu(index: usize, log: &Log) -> Result<Box<dyn Backend>> {
    let driver = driver()?;
    if index >= driver.devices {
        let s = if driver.devices == 1 { "" } else { "s" };
        return Err(device_error(format!(
            "there is no device {index}; the driver shows {} device{s} (CUDA_VISIBLE_DEVICES may hide some)",
            driver.devices
        )));
    }
    Ok(Box::new(GpuBackEnd::load()?.open(Device::Cuda(index), log)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn cpu_is_always_there() {
        let opened = open(DeviceChoice::Cpu, &Workers::inline(), &Log::default()).unwrap();
        assert_eq!((opened.backend.device(), opened.no_gpu), (Device::Cpu, None));
    }

    #[test]
    fn cuda_is_had_or_the_error_says_what_is_missing() {
        let workers = Workers::inline();
        let auto = open(DeviceChoice::Auto, &workers, &Log::default()).unwrap();
        match open(DeviceChoice::Cuda(0), &workers, &Log::default()) {
            Ok(found) => {
                assert_eq!(found.backend.device(), Device::Cuda(0));
                assert_eq!((auto.backend.device(), auto.no_gpu), (Device::Cuda(0), None));
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Device);
                assert!(error.message().starts_with("cuda:0 can't be used: "), "{error}");
                assert_eq!(error.message().lines().count(), 1, "{error}");
                assert_eq!(auto.backend.device(), Device::Cpu);
                assert_eq!(auto.no_gpu.unwrap().kind(), ErrorKind::Device);
            }
        }
    }
}
