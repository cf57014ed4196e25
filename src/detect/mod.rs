//! Face detection: MTCNN (arXiv 1604.02878) with its optional fourth stage, as the reference pipeline does it, and YuNet.
//!
//! | file | its one job |
//! |---|---|
//! | `options.rs` | how a detector looks |
//! | `choice.rs` | which of several faces a call goes on with |
//! | `detector.rs` | one of the detectors, and photos that lie on their side |
//! | `mtcnn/` | a cascade of three or four networks |
//! | `yunet/` | one network that finds, MTCNN's third one that places the landmarks |
//! | `on_cpu.rs` | what both need to run small networks on the CPU |

mod choice;
mod detector;
pub(crate) mod mtcnn;
mod on_cpu;
mod options;
pub(crate) mod yunet;

pub use choice::FaceChoice;
pub use detector::Detector;
pub use mtcnn::Mtcnn;
pub use options::{DetectorKind, DetectorOptions};
pub use yunet::YuNet;

pub use crate::face::{Face, Landmarks};
