//! Evaluation: the published experiments on labelled sets of embeddings, and what they find.
//!
//! | module | its one job |
//! |---|---|
//! | [`metrics`] | error rates of scored pairs: published, exact, with intervals |
//! | [`score`] | which score is evaluated: cosine, quality-aware, cross-validated |
//! | [`results`] | what the protocols find, for JSON and reports |

pub mod metrics;
pub mod results;
pub mod score;

pub use results::{Evaluation, Options, Protocol, ScoreResult};
pub use score::Score;
