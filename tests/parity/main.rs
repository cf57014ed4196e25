//! Results held against golden data, the published results, and themselves in other batches and threads.

#[path = "../common/mod.rs"]
mod common;
mod decisions;
mod detection;
mod determinism;
mod fit;
#[path = "../common/formula.rs"]
mod formula;
#[path = "../common/golden.rs"]
mod golden;
#[path = "../common/mtcnn_golden.rs"]
mod mtcnn_golden;
mod network;
#[path = "../common/network_golden.rs"]
mod network_golden;
mod pictures;
#[path = "../python/mod.rs"]
mod python;
mod score;
mod sface;
mod template_precision;
mod yunet;
