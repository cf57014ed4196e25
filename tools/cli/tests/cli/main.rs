//! The command line program, as its users run it.

mod calibrate;
mod commands;
#[path = "../../../../tests/common/mod.rs"]
mod common;
mod evaluate;
#[cfg(target_os = "linux")]
mod faults;
#[cfg(unix)]
mod folder;
#[path = "../../../../tests/common/golden.rs"]
mod golden;
#[cfg(unix)]
mod images;
#[cfg(unix)]
mod losses;
mod made_up;
mod program;
mod published;
mod readme;
mod report;
