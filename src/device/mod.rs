//! CPU or CUDA, and loading libtorch's CUDA half at run time.
//!
//! The library links libtorch's CPU half only, so that it starts on a machine without a GPU stack. [`resolve`] loads
//! the CUDA half into the process when a CUDA device is asked for.
//!
//! libtorch decides once per process whether it has CUDA: at its first convolution, on whatever device. A process
//! that wants both must therefore resolve its CUDA device before it runs a network on the CPU; otherwise asking for
//! CUDA later is an error that says so.

use crate::error::{Error, ErrorKind, Result};
use std::fmt;
use std::str::FromStr;
use tch::{Device, Kind, Tensor};

pub(crate) mod accelerator;
#[cfg(target_os = "linux")]
mod cuda;

pub use accelerator::{DeviceMemory, memory};

/// The largest number of threads [`set_threads`] takes.
pub const MAX_THREADS: usize = 1024;

/// The largest CUDA device index: libtorch keeps it in eight bits, signed.
pub const MAX_CUDA_INDEX: usize = 127;

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

/// The device to run on: loads libtorch's CUDA half when a CUDA device is asked for, or can be had under `auto`.
///
/// The CUDA half (`libc10_cuda.so`, `libtorch_cuda.so` of the same libtorch version) is looked for in the folder named
/// by the environment variable `QMAGFACE_LIBTORCH_CUDA`, and there only when it is set; else in the folder that
/// `libtorch_cpu.so` was loaded from, else along the loader's own path (`LD_LIBRARY_PATH`, ldconfig).
///
/// # Errors
/// [`ErrorKind::Device`] saying what is missing (driver, library, matching version, device) when a CUDA device is
/// asked for and can't be had; never for `cpu` and `auto`.
pub fn resolve(choice: DeviceChoice) -> Result<Resolved> {
    let (device, no_gpu) = match choice {
        DeviceChoice::Cpu => (Device::Cpu, None),
        DeviceChoice::Cuda(index) => {
            let device = open_cuda(index).map_err(|e| e.at(format_args!("{choice} can't be used")))?;
            (device, None)
        }
        DeviceChoice::Auto => match open_cuda(0) {
            Ok(device) => (device, None),
            Err(why) => (Device::Cpu, Some(why)),
        },
    };
    Ok(Resolved { device, no_gpu })
}

/// The device that [`resolve`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// Where to run.
    pub device: Device,
    /// Why it is no GPU, where one would have been taken.
    pub no_gpu: Option<Error>,
}

/// Says how many threads libtorch uses inside one operation on the CPU, for the whole process, and gives how many it
/// used before.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when `count` is not in 1..=[`MAX_THREADS`].
pub fn set_threads(count: usize) -> Result<usize> {
    match i32::try_from(count) {
        Ok(n) if (1..=MAX_THREADS).contains(&count) => {
            let former = tch::get_num_threads();
            tch::set_num_threads(n);
            Ok(usize::try_from(former).unwrap_or(1))
        }
        _ => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("the number of threads must be from 1 to {MAX_THREADS}, not {count}"),
        )),
    }
}

/// Whether libtorch's CUDA half, once loaded, has what recording CUDA graphs takes.
///
/// # Errors
/// [`ErrorKind::Device`] naming what is missing.
pub fn check_graphs() -> Result<()> {
    accelerator::graph_functions().map(|_| ())
}

/// How many devices the NVIDIA driver shows, and the newest CUDA it knows.
///
/// # Errors
/// [`ErrorKind::Device`] saying what is missing.
pub fn cuda_driver() -> Result<(usize, String)> {
    #[cfg(target_os = "linux")]
    return cuda::open_driver().map(|driver| (driver.devices, driver.version.to_string()));
    #[cfg(not(target_os = "linux"))]
    return Err(device_error("this build loads CUDA on Linux only"));
}

#[cfg(target_os = "linux")]
fn open_cuda(index: usize) -> Result<Device> {
    let driver = cuda::open_driver()?;
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
             this process ran a network on the CPU before it asked for CUDA (ask for CUDA first)",
            driver.version,
            count_of_devices(driver.devices),
        )));
    }
    let device = Device::Cuda(index);
    // A device too old for libtorch's kernels, or one that is full, shows only when something runs.
    let sum = Tensor::f_ones([2], (Kind::Float, device))
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

fn device_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Device, message)
}

#[cfg(target_os = "linux")]
fn count_of_devices(count: usize) -> String {
    format!("{count} device{}", if count == 1 { "" } else { "s" })
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

    #[test]
    fn thread_counts_have_limits() {
        for count in [0, MAX_THREADS + 1, usize::MAX] {
            let error = set_threads(count).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(&count.to_string()), "{error}");
        }
    }

    #[test]
    fn cuda_is_had_or_the_error_says_what_is_missing() {
        match resolve(DeviceChoice::Cuda(0)) {
            Ok(found) => {
                assert_eq!(found.device, Device::Cuda(0));
                assert_eq!(resolve(DeviceChoice::Auto).unwrap().device, Device::Cuda(0));
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Device);
                assert!(error.message().starts_with("cuda:0 can't be used: "), "{error}");
                assert_eq!(error.message().lines().count(), 1, "{error}");
                let instead = resolve(DeviceChoice::Auto).unwrap();
                assert_eq!(instead.device, Device::Cpu);
                assert!(error.message().ends_with(instead.no_gpu.unwrap().message()));
                if !std::path::Path::new("/proc/driver/nvidia").exists() {
                    assert!(error.message().contains("NVIDIA driver"), "{error}");
                }
            }
        }
    }

    #[test]
    fn cpu_is_always_there() {
        assert_eq!(resolve(DeviceChoice::Cpu).unwrap().device, Device::Cpu);
    }
}
