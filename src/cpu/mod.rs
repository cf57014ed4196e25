//! Convolutions in f32 on the CPU: what the networks are made of where no GPU runs them.
//!
//! Maps lie in memory as panels of 16 channels ([`Lane`]), weights are packed once for the kernel that uses them, and bias,
//! rectifier and residual are added while a result is still in registers. 3x3 convolutions with stride 1 are Winograd's
//! F(4x4, 3x3) ([`winograd`]), which needs a quarter of the multiplications; everything else is [`direct`].
//!
//! Every sum is formed in one order, whatever the number of threads, the images beside it or the width of the machine's
//! vectors: an image's results have the same bits in every batch. Where the processor has fused multiply-add (AVX2, AVX-512,
//! NEON: see [`crate::machine`]) they are the same on all of these; portable code rounds twice, and differs in the last bits.

// Closures, and so most of what stands in for an index, cost the vector instructions: see `kernel`.
#![allow(clippy::needless_range_loop, clippy::manual_map, clippy::manual_memcpy)]

pub(crate) mod arrange;
pub(crate) mod colour;
pub(crate) mod dense;
pub(crate) mod depthwise;
pub(crate) mod direct;
pub(crate) mod elementwise;
pub(crate) mod epilogue;
pub(crate) mod kernel;
pub(crate) mod map;
pub(crate) mod pooling;
pub(crate) mod program;
pub(crate) mod winograd;
pub(crate) mod workers;

#[cfg(test)]
mod tests;

pub(crate) use map::{LANES, Lane, Map, Scratch};
pub use workers::Workers;
