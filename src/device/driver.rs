//! The NVIDIA driver: whether it is here, and what it says.

use super::device_error;
use crate::error::Result;

/// What the NVIDIA driver says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driver {
    /// How many devices it shows.
    pub devices: usize,
    /// The newest CUDA it can run, like `13.0`.
    pub version: String,
}

/// Asks the NVIDIA driver for its devices. This starts the driver, which starts threads of its own in this process.
///
/// # Errors
/// [`crate::ErrorKind::Device`] saying what is missing.
pub fn driver() -> Result<Driver> {
    #[cfg(target_os = "linux")]
    return linux::driver();
    #[cfg(not(target_os = "linux"))]
    return Err(device_error("this build looks for NVIDIA's driver on Linux only"));
}

/// Whether the system has an NVIDIA driver, by its traces in the file system: nothing of it is started.
pub(crate) fn driver_is_here() -> bool {
    // A driver in the kernel, and that of Windows seen from its Linux.
    ["/proc/driver/nvidia/version", "/usr/lib/wsl/lib/libcuda.so.1"]
        .iter()
        .any(|path| std::path::Path::new(path).exists())
}

/// The loader's own words on a library that doesn't load, in one line.
pub(crate) fn loader_says(error: &libloading::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    let text = source.unwrap_or_else(|| error.to_string());
    text.lines().next().unwrap_or("the loader gives no reason").to_owned()
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{Driver, device_error, loader_says};
    use crate::error::{Error, Result};
    use libloading::{Library, Symbol};
    use once_cell::sync::OnceCell;
    use std::ffi::c_int;

    /// `CUresult cuInit(unsigned flags)`; CUresult is a C enum.
    type Init = unsafe extern "C" fn(u32) -> c_int;
    /// `CUresult cuDeviceGetCount(int *)` and `CUresult cuDriverGetVersion(int *)`.
    type Number = unsafe extern "C" fn(*mut c_int) -> c_int;

    pub fn driver() -> Result<Driver> {
        // Opened once and never closed: what runs in it goes on when this call is over.
        static LIBRARY: OnceCell<Library> = OnceCell::new();
        let library = LIBRARY.get_or_try_init(|| {
            // SAFETY: the library's initialisers run: it is the NVIDIA driver, made to be loaded this way.
            unsafe { Library::new("libcuda.so.1") }.map_err(|why| {
                let why = loader_says(&why);
                device_error(format!("the NVIDIA driver's library libcuda.so.1 is missing ({why})"))
            })
        })?;
        let check = |what: &str, code: c_int| match code {
            0 => Ok(()),
            100 => Err(device_error(
                "the NVIDIA driver is here but shows no CUDA device (CUDA_VISIBLE_DEVICES may hide it)",
            )),
            _ => Err(device_error(format!(
                "the NVIDIA driver failed: {what} returned CUDA error {code}"
            ))),
        };
        // SAFETY: the CUDA driver API declares these three so.
        let (init, count, version) = unsafe {
            (
                symbol::<Init>(library, "cuInit")?,
                symbol::<Number>(library, "cuDeviceGetCount")?,
                symbol::<Number>(library, "cuDriverGetVersion")?,
            )
        };
        let (mut devices, mut newest) = (0, 0);
        // SAFETY: as above; cuInit takes no flags, and the two out parameters are live ints.
        unsafe {
            check("cuInit", init(0))?;
            check("cuDeviceGetCount", count(&mut devices))?;
            check("cuDriverGetVersion", version(&mut newest))?;
        }
        Ok(Driver {
            devices: usize::try_from(devices).unwrap_or(0),
            // As the driver encodes it: 1000 * major + 10 * minor.
            version: format!("{}.{}", newest / 1000, newest % 1000 / 10),
        })
    }

    /// A function of the driver's library.
    ///
    /// # Safety
    /// `T` is the type of the function of this name.
    unsafe fn symbol<T>(library: &'static Library, name: &str) -> Result<Symbol<'static, T>, Error> {
        // SAFETY: as the caller promises.
        unsafe { library.get(name.as_bytes()) }
            .map_err(|_| device_error(format!("libcuda.so.1 has no {name}, so it is no NVIDIA driver")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_driver_that_left_no_trace_is_missing_by_name() {
        match driver() {
            Ok(driver) => assert!(driver.devices > 0 && driver.version.contains('.'), "{driver:?}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Device);
                assert_eq!(error.message().lines().count(), 1, "{error}");
                if !driver_is_here() {
                    assert!(error.message().contains("NVIDIA driver"), "{error}");
                }
            }
        }
    }
}
