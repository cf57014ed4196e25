//! What is measured, as the protocol sees it.

use serde_json::Value;
use std::error::Error;

/// A result whose error is only to be told.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// One way to do a job. Loading is over when there is one.
pub trait Contender {
    /// What the measurement should say about it.
    fn about(&self) -> Value {
        Value::Object(Default::default())
    }

    /// Makes ready for a case; the steps after it are of this case. What it gives is told to the caller.
    fn case(&mut self, name: &str) -> Outcome<Value>;

    /// One iteration.
    fn step(&mut self) -> Outcome<()>;

    /// The result of the case, as a row-major array: its shape and its floats.
    fn output(&mut self) -> Outcome<(Vec<usize>, Vec<f32>)>;
}
