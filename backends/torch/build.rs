//! Checks that libtorch is set up, compiles the shim to what its bindings lack, and says how the plug-in finds it at run
//! time.
//!
//! It has no build-dependencies but `cc` on purpose, so that it can run early: the build script of libtorch's bindings
//! fails too when libtorch is missing, and knows nothing of `make gpu`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::exit;

/// The libtorch that tch 0.24 is made for.
const LIBTORCH_VERSION: &str = "2.11.0";

/// What the GPU back end takes: a libtorch, the shim, and a way to find libtorch at run time.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_BYPASS_VERSION_CHECK");
    println!("cargo:rustc-env=QMAGFACE_LIBTORCH_VERSION={LIBTORCH_VERSION}");
    let libtorch = match libtorch() {
        Ok(libtorch) => libtorch,
        Err(reason) => {
            // A stop with a message; a panic would bury it in a backtrace hint.
            println!("cargo:error={reason}");
            exit(1);
        }
    };
    let lib = libtorch.join("lib");
    println!("cargo:rerun-if-changed={}", lib.join("libtorch_cpu.so").display());
    compile_shim(&libtorch);
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Libraries shipped beside the file or in ../lib come first, then the libtorch of this build.
        for folder in ["$ORIGIN", "$ORIGIN/../lib"] {
            println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
        }
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", lib.display());
    }
}

/// Compiles the shim, as the bindings to libtorch compile theirs.
fn compile_shim(libtorch: &Path) {
    let source = "src/accelerator.cpp";
    println!("cargo:rerun-if-changed={source}");
    println!("cargo:rerun-if-env-changed=LIBTORCH_CXX11_ABI");
    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .warnings(false)
        .include(libtorch.join("include"))
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .define("GLOG_USE_GLOG_EXPORT", None)
        .file(source)
        .compile("qmagface_accelerator");
}

/// The folder that `LIBTORCH` names, once it is known to hold the right libtorch.
fn libtorch() -> Result<PathBuf, String> {
    let advice = "run `make gpu`, which finds or fetches it and tells cargo where it is, or set LIBTORCH to the folder \
                  that holds libtorch's include/ and lib/";
    let folder = env::var_os("LIBTORCH")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .ok_or_else(|| format!("libtorch {LIBTORCH_VERSION} is not set up: {advice}"))?;
    if !folder.join("lib").is_dir() || !folder.join("include").is_dir() {
        return Err(format!(
            "LIBTORCH is {}, which has no include/ and lib/: {advice}",
            folder.display()
        ));
    }
    if env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_none() {
        match version(&folder) {
            Some(version) if version == LIBTORCH_VERSION => {}
            Some(version) => {
                return Err(format!(
                    "LIBTORCH is {}, libtorch {version}, and {LIBTORCH_VERSION} is needed: {advice}",
                    folder.display()
                ));
            }
            None => {
                return Err(format!(
                    "LIBTORCH is {}, whose version can't be read from its headers, and {LIBTORCH_VERSION} is \
                     needed: {advice}",
                    folder.display()
                ));
            }
        }
    }
    Ok(folder)
}

/// The version that libtorch's own header states.
fn version(libtorch: &Path) -> Option<String> {
    // Older releases keep the macros in the second file.
    let text = ["torch/headeronly/version.h", "torch/csrc/api/include/torch/version.h"]
        .iter()
        .filter_map(|path| std::fs::read_to_string(libtorch.join("include").join(path)).ok())
        .find(|text| text.contains("#define TORCH_VERSION_MAJOR"))?;
    let part = |name: &str| -> Option<u32> {
        text.lines()
            .find_map(|line| line.strip_prefix(&format!("#define TORCH_VERSION_{name} ")))?
            .trim()
            .parse()
            .ok()
    };
    Some(format!("{}.{}.{}", part("MAJOR")?, part("MINOR")?, part("PATCH")?))
}
