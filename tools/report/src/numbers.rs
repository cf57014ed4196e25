//! A report's figures for programs: one JSON file, and a CSV file per table.

use super::{Cell, ColumnKind, Report, Table};
use qmagface::error::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What marks a JSON file as a report's.
pub const FORMAT: &str = "qmagface report 1";

/// The JSON file; `files` are the report's others, by their paths in its folder, with their SHA-256.
pub fn json(report: &Report, files: &BTreeMap<&str, String>) -> Result<Vec<u8>> {
    let internal = |error| Error::new(ErrorKind::Internal, format!("cannot write the report as JSON: {error}"));
    let mut file = json!({"format": FORMAT, "files": files});
    let content = serde_json::to_value(report).map_err(internal)?;
    if let (Value::Object(file), Value::Object(content)) = (&mut file, content) {
        file.extend(content);
    }
    let mut bytes = serde_json::to_vec_pretty(&file).map_err(internal)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// A table as CSV: headings in the first line, full precision, nothing where there is no figure, three columns for
/// an interval.
pub fn csv(table: &Table) -> Result<Vec<u8>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let internal = |error: csv::Error| Error::new(ErrorKind::Internal, format!("table {}: {error}", table.name));
    let headings = table.columns.iter().flat_map(|column| {
        let heading = column.heading();
        match column.kind {
            ColumnKind::Interval { .. } => vec![heading.clone(), format!("{heading} low"), format!("{heading} high")],
            _ => vec![heading],
        }
    });
    writer.write_record(headings).map_err(internal)?;
    for row in &table.rows {
        let cells = table.columns.iter().zip(row).flat_map(|(column, cell)| {
            let mut cells = match cell {
                Cell::Text(words) => vec![words.clone()],
                Cell::Number(value) => vec![number(*value)],
                Cell::Interval { value, low, high } => vec![number(*value), number(*low), number(*high)],
                Cell::Missing => vec![String::new()],
            };
            // A cell without its interval still fills its columns, and one of another kind doesn't shift the rest.
            let columns = if matches!(column.kind, ColumnKind::Interval { .. }) {
                3
            } else {
                1
            };
            cells.resize(columns, String::new());
            cells
        });
        writer.write_record(cells).map_err(internal)?;
    }
    writer
        .into_inner()
        .map_err(|error| Error::new(ErrorKind::Internal, format!("table {}: {error}", table.name)))
}

/// As JSON writes it; nothing for what is no number.
fn number(value: f64) -> String {
    match value.is_finite() {
        true => value.to_string(),
        false => String::new(),
    }
}
