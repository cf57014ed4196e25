//! The benchmarks' own files: pair lists, template lists, and the rows of a set they mean.

pub mod ijb;
mod lines;
mod names;
mod packed;
mod pairs;
mod resolve;

pub use names::{Lookup, Names};
pub use packed::PackedPairs;
pub use pairs::{NamedPair, PairFile, PairFormat};
pub use resolve::{Missing, Resolved, people_of};

#[cfg(test)]
mod tests;
