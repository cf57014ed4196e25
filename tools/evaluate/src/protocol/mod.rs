//! The experiments: what is compared, and what is measured of it.
//!
//! | protocol | pairs |
//! |---|---|
//! | [`single_image`] | a pair file's, in its folds |
//! | [`robustness`] | generated for each person, as published |
//! | [`all_pairs`] | all of a set, in blocks |
//! | [`ijb`] | listed pairs of fused templates |
//! | [`reject`] | a list, without the images of the lowest quality |
//! | [`optimal_weight`] | what a fit finds, for a plot |
//! | [`runtime`], [`memory`] | what comparing and fitting cost |
//!
//! [`cross_validate`] makes a score whose parameters were fitted on none of the people they are applied to.

mod all_pairs;
mod counted;
mod cross;
mod ijb;
mod listed;
mod memory;
mod placed;
mod reject;
mod runtime;
mod spread;
mod tail;
mod task;
mod weight;

pub use all_pairs::all_pairs;
pub use cross::{CrossOptions, cross_validate};
pub use ijb::{IjbLists, ijb};
pub use listed::{listed, robustness, single_image};
pub use memory::memory;
pub use reject::{RejectOptions, reject};
pub use runtime::runtime;
pub use task::Task;
pub use weight::{best_weight, optimal_weight};

#[cfg(test)]
mod tests;
