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

#[cfg(target_os = "linux")]
mod linux {
    use super::{Driver, device_error};
    use crate::error::Result;
    use std::ffi::{CStr, c_int, c_void};
    use std::ptr::NonNull;

    pub fn driver() -> Result<Driver> {
        let library = open(c"libcuda.so.1")
            .map_err(|why| device_error(format!("the NVIDIA driver's library libcuda.so.1 is missing ({why})")))?;
        let symbol = |name: &CStr| {
            // SAFETY: `library` is a handle that dlopen returned and nothing closes; `name` ends in NUL.
            NonNull::new(unsafe { libc::dlsym(library.as_ptr(), name.as_ptr()) }).ok_or_else(|| {
                device_error(format!(
                    "libcuda.so.1 has no {}, so it is no NVIDIA driver",
                    name.to_string_lossy()
                ))
            })
        };
        let check = |what: &str, code: c_int| match code {
            0 => Ok(()),
            100 => Err(device_error(
                "the NVIDIA driver is here but shows no CUDA device (CUDA_VISIBLE_DEVICES may hide it)",
            )),
            _ => Err(device_error(format!(
                "the NVIDIA driver failed: {what} returned CUDA error {code}"
            ))),
        };
        let (init, count, version) = (
            symbol(c"cuInit")?,
            symbol(c"cuDeviceGetCount")?,
            symbol(c"cuDriverGetVersion")?,
        );
        // SAFETY: the CUDA driver API declares these as `CUresult cuInit(unsigned)`, `CUresult cuDeviceGetCount(int *)`
        // and `CUresult cuDriverGetVersion(int *)`, CUresult being a C enum; the library stays loaded.
        let (init, count, version) = unsafe {
            (
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(u32) -> c_int>(init.as_ptr()),
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_int) -> c_int>(count.as_ptr()),
                std::mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_int) -> c_int>(version.as_ptr()),
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

    /// Opens a library for the rest of the process; the loader's own words on failure.
    fn open(name: &CStr) -> Result<NonNull<c_void>, String> {
        // SAFETY: `name` ends in NUL. The library's initialisers run: it is the NVIDIA driver, made to be loaded this way,
        // and it is never closed, so nothing of it can dangle.
        NonNull::new(unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW) }).ok_or_else(|| {
            // SAFETY: dlerror returns NULL or a string that stays until this thread's next dl call.
            let message = unsafe { libc::dlerror() };
            if message.is_null() {
                return "the loader gives no reason".to_owned();
            }
            // SAFETY: not NULL, and ends in NUL as said above; copied at once.
            unsafe { CStr::from_ptr(message) }.to_string_lossy().into_owned()
        })
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
