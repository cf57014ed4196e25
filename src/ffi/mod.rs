//! The C ABI, `include/qmagface.h`. The only place with `extern "C"`; one file per subject.
//!
//! The header is generated from these files by cbindgen, comments included: they are written for C programmers.
//! Every function catches panics, checks every pointer for NULL and alignment, and writes nothing on failure but a
//! needed size.
#![allow(non_camel_case_types)] // the names are the C names

mod calibration;
mod cancel;
mod capture;
mod compare;
mod comparison;
mod decision;
mod engine;
mod extract;
mod fit;
mod gallery;
mod handle;
mod image;
mod last_error;
mod memory;
mod review;
mod shared;
mod stages;
mod status;
mod template;
mod user_data;
mod version;

pub use calibration::*;
pub use cancel::*;
pub use capture::*;
pub use compare::*;
pub use comparison::*;
pub use decision::*;
pub use engine::*;
pub use extract::*;
pub use fit::*;
pub use gallery::*;
pub use image::*;
pub use last_error::*;
pub use review::*;
pub use stages::*;
pub use status::*;
pub use template::*;
pub use version::*;
