//! Evaluation: the published experiments on labelled sets of embeddings, and what they find.
//!
//! | module | its one job |
//! |---|---|
//! | [`data`] | the benchmarks' own files: pair and template lists |
//! | [`metrics`] | error rates of scored pairs: published, exact, with intervals |
//! | [`score`] | which score is evaluated: cosine, quality-aware, cross-validated |
//! | [`protocol`] | the experiments themselves |
//! | [`results`] | what the protocols find, for JSON and reports |

pub mod data;
pub mod metrics;
pub mod protocol;
pub mod results;
pub mod score;

pub use results::{Evaluation, Options, Protocol, ScoreResult};
pub use score::Score;
