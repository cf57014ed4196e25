//! The Rust library: engines, model packs, weight files, and limits of hostile input.

mod bundle;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/formula.rs"]
mod formula;
#[cfg(target_os = "linux")]
mod hostile_limits;
mod models;
mod modes;
mod pipeline;
#[cfg(target_os = "linux")]
#[path = "../common/process.rs"]
mod process;
mod setting;
mod weights;
