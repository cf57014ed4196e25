//! Names the shared library.

use std::env;

/// The name under which programs ask the dynamic linker for the C library: its ABI's major version is in it.
const SONAME: &str = "libqmagface.so.0";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,{SONAME}");
        // Some dependencies mark functions of their own for export; only the C interface leaves the library.
        println!("cargo:rustc-cdylib-link-arg=-Wl,--exclude-libs,ALL");
    }
}
