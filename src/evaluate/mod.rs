//! Evaluation: the published experiments on labelled sets of embeddings, and what they find.
//!
//! [`metrics`] measures scored pairs.

pub mod metrics;
