//! The hash of a calibration's fields, which doesn't depend on how a file writes them.

use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256, in hexadecimal, of the fields in their order: for each a line `name=value`, for a threshold's
/// `thresholds.0.fmr=1e-2`. Floats have their shortest digits with an exponent.
pub(super) fn hash(fields: &Value) -> String {
    let mut lines = String::new();
    write_lines(&mut lines, "", fields);
    hex::encode(Sha256::digest(lines))
}

/// Adds the lines of a value and of what is in it.
fn write_lines(lines: &mut String, name: &str, value: &Value) {
    let inner = |part: &str| match name.is_empty() {
        true => part.to_owned(),
        false => format!("{name}.{part}"),
    };
    let text = match value {
        Value::Object(fields) => {
            return fields
                .iter()
                .for_each(|(part, value)| write_lines(lines, &inner(part), value));
        }
        Value::Array(rows) => {
            let rows = rows.iter().enumerate();
            return rows.for_each(|(part, value)| write_lines(lines, &inner(&part.to_string()), value));
        }
        Value::String(text) => text.clone(),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (None, Some(float)) => format!("{float:e}"),
            _ => number.to_string(),
        },
        Value::Null | Value::Bool(_) => value.to_string(),
    };
    *lines += &format!("{name}={text}\n");
}
