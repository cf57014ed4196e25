//! What this library was built with, and what it finds on this machine.

use crate::device;
use crate::machine;
use crate::plugin;
use serde::Serialize;

/// The version of the C ABI.
pub const ABI_VERSION: u32 = 1;

/// Facts for a support request: versions, the processor's vector instructions, the GPUs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BuildInfo {
    /// The library's version.
    pub version: &'static str,
    /// The version of its C ABI.
    pub abi_version: u32,
    /// Processor and system it was built for, like `x86_64-linux`.
    pub target: String,
    /// The file of the GPU's back end, which is loaded when a GPU is asked for; empty where there is none.
    pub gpu_back_end: String,
    /// The vector instructions that this library computes with here: AVX-512, AVX2, NEON or portable (the compiler's
    /// baseline).
    pub instructions: &'static str,
    /// Instructions of this machine's processor that matter to this library.
    pub cpu_features: Vec<&'static str>,
    /// The GPUs that the NVIDIA driver shows.
    pub cuda: CudaInfo,
}

/// What the NVIDIA driver shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CudaInfo {
    /// How many devices.
    pub devices: usize,
    /// The newest CUDA that the driver knows, like `13.0`; empty without a driver.
    pub driver: String,
    /// Why there is no device; empty where there is one.
    pub missing: String,
}

impl BuildInfo {
    /// Looks at this machine. It asks the NVIDIA driver, which starts threads of its own.
    pub fn collect() -> BuildInfo {
        let cuda = match device::driver() {
            Ok(driver) => CudaInfo {
                devices: driver.devices,
                driver: driver.version,
                missing: String::new(),
            },
            Err(why) => CudaInfo {
                devices: 0,
                driver: String::new(),
                missing: why.to_string(),
            },
        };
        BuildInfo {
            version: env!("CARGO_PKG_VERSION"),
            abi_version: ABI_VERSION,
            target: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            gpu_back_end: plugin::find().map_or_else(|_| String::new(), |file| file.display().to_string()),
            instructions: machine::instructions(),
            cpu_features: cpu_features(),
            cuda,
        }
    }
}

#[cfg(target_arch = "x86_64")]
fn cpu_features() -> Vec<&'static str> {
    macro_rules! present {
        ($($name:tt),*) => { [$(($name, is_x86_feature_detected!($name))),*] };
    }
    let known = present!(
        "sse4.2",
        "avx",
        "avx2",
        "fma",
        "f16c",
        "avx512f",
        "avx512bw",
        "avx512vl",
        "avx512vnni",
        "avx512bf16",
        "avx512fp16"
    );
    known
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect()
}

#[cfg(target_arch = "aarch64")]
fn cpu_features() -> Vec<&'static str> {
    macro_rules! present {
        ($($name:tt),*) => { [$(($name, std::arch::is_aarch64_feature_detected!($name))),*] };
    }
    let known = present!("neon", "fp16", "dotprod", "bf16", "i8mm", "sve");
    known
        .into_iter()
        .filter(|(_, there)| *there)
        .map(|(name, _)| name)
        .collect()
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn cpu_features() -> Vec<&'static str> {
    Vec::new()
}
