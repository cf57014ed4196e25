//! The commands of `qmagface evaluate`, one a file: what each takes, runs and shows.

pub mod all_pairs;
pub mod cost;
pub mod ijb;
pub mod optimal_weight;
pub mod reject;
pub mod robustness;
pub mod single_image;
