//! The benchmarks' own files: pair lists, template lists, and the rows of a set they mean.

pub mod ijb;
mod lines;
mod pairs;
mod resolve;

pub use pairs::{NamedPair, PairFile, PairFormat};
pub use resolve::{Missing, Names, Resolved, people_of};

#[cfg(test)]
mod tests;
