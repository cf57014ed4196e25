//! The line protocol: a request is a line on standard input, an answer one line of JSON on standard output.
//!
//! * At first, unasked, `{"ready": {...}}` once everything is loaded.
//! * `case NAME` makes ready for a case and warms up.
//! * `run K` runs K iterations; the answer's `seconds` holds the time of each.
//! * `output PATH` writes the case's result there as little-endian floats; the answer says their shape.
//! * `quit`, or the end of the input.
//!
//! `{"error": "..."}` in place of any answer is the end of the worker.

use crate::contender::{Contender, Outcome};
use serde_json::{Value, json};
use std::io::Write;
use std::time::Instant;

/// Iterations after a case was chosen and before anything is measured.
const WARM_UP: usize = 2;

/// Answers until the end.
pub fn serve(load: impl FnOnce() -> Outcome<Box<dyn Contender>>) -> Outcome<()> {
    let served = answer_all(load);
    if let Err(error) = &served {
        answer(&json!({ "error": error.to_string() }))?;
    }
    served
}

fn answer_all(load: impl FnOnce() -> Outcome<Box<dyn Contender>>) -> Outcome<()> {
    let mut contender = load()?;
    answer(&json!({ "ready": contender.about() }))?;
    for line in std::io::stdin().lines() {
        let line = line?;
        let (command, argument) = line.split_once(' ').unwrap_or((&line, ""));
        match command {
            "case" => {
                let about = contender.case(argument)?;
                (0..WARM_UP).try_for_each(|_| contender.step())?;
                answer(&json!({ "case": about }))?;
            }
            "run" => {
                let count: usize = argument.parse()?;
                let seconds = (0..count).map(|_| timed(contender.as_mut()));
                let seconds = seconds.collect::<Outcome<Vec<f64>>>()?;
                answer(&json!({ "seconds": seconds }))?;
            }
            "output" => {
                let (shape, floats) = contender.output()?;
                let bytes: Vec<u8> = floats.iter().flat_map(|value| value.to_le_bytes()).collect();
                std::fs::write(argument, bytes)?;
                answer(&json!({ "shape": shape }))?;
            }
            "quit" => break,
            _ => return Err(format!("no command {command:?}").into()),
        }
    }
    Ok(())
}

fn timed(contender: &mut dyn Contender) -> Outcome<f64> {
    let start = Instant::now();
    contender.step()?;
    Ok(start.elapsed().as_secs_f64())
}

fn answer(value: &Value) -> Outcome<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}
