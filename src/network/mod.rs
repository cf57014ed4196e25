//! network
pub mod spec;
