//! Results of the protocols as reports: which tables, charts and galleries people are shown.

mod cost;
mod curves;
mod evaluation;
mod ijb;
mod rates;
mod reject;
mod review;
mod weights;
mod worst;

pub use cost::{memory, runtime};
pub use curves::det;
pub use evaluation::evaluation;
pub use ijb::ijb;
pub use reject::reject;
pub use weights::weights;

use qmagface::{Error, ErrorKind, Result};
use qmagface_evaluate::metrics::{Estimate, Metrics};
use qmagface_evaluate::results::ScoreResult;
use qmagface_report::{Cell, Column, Item, Report, Section, Table};
use serde::Serialize;

/// What a page says beside its result.
pub struct Context<'a> {
    /// How the set is called.
    pub set: String,
    /// Names and values, for the section of settings.
    pub settings: Vec<(String, String)>,
    /// What a reader must know before the figures.
    pub notes: Vec<String>,
    /// Which definitions of the metrics are shown.
    pub metrics: Definitions,
    /// The chip of an image as PNG, where it is at hand.
    pub chip: &'a dyn Fn(&str) -> Option<Vec<u8>>,
}

/// Which definitions of the metrics are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Definitions {
    /// As the published code approximates them
    Published,
    /// Without approximation
    Exact,
    /// Both, side by side
    Both,
}

impl Definitions {
    pub fn published(self) -> bool {
        self != Definitions::Exact
    }

    pub fn exact(self) -> bool {
        self != Definitions::Published
    }
}

/// A score's figures and how tables and legends call them.
pub struct Named<'a> {
    pub name: String,
    pub result: &'a ScoreResult,
}

impl Named<'_> {
    fn metrics(&self) -> &Metrics {
        &self.result.metrics
    }
}

/// The tables of accuracies, where there are any, and of error rates.
pub fn tables(context: &Context, named: &[Named]) -> [Option<Table>; 2] {
    [rates::accuracy(context, named), Some(rates::errors(context, named))]
}

/// An estimate in percent.
fn percent_cell(estimate: &Estimate) -> Cell {
    let value = 100.0 * estimate.value;
    match estimate.interval {
        Some(interval) => Cell::Interval {
            value,
            low: 100.0 * interval.low,
            high: 100.0 * interval.high,
        },
        None => Cell::Number(value),
    }
}

/// A rate as `1e-3`.
pub fn power(rate: f64) -> String {
    format!("{rate:e}")
}

/// A count with its thousands apart.
fn count(count: u64) -> String {
    Column::number("", 0).display(count as f64)
}

/// A name as part of a file name.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            slug.push(byte.to_ascii_lowercase().into());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(60);
    slug.trim_end_matches('-').to_owned()
}

/// The report of `result` with the sections that every report ends with.
fn report(
    context: &Context,
    title: String,
    summary: String,
    mut sections: Vec<Section>,
    notes: &[String],
    result: &impl Serialize,
) -> Result<Report> {
    let warnings = context.notes.iter().chain(notes);
    let warnings: Vec<Item> = warnings.map(|text| Item::Warning { text: text.clone() }).collect();
    if let Some(first) = sections.first_mut() {
        first.items.splice(0..0, warnings);
    }
    sections.push(Section::new("Settings and versions").with(Item::Settings {
        entries: context.settings.clone(),
    }));
    let result = serde_json::to_value(result)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("the result is no JSON: {error}")))?;
    Ok(Report {
        title,
        summary,
        date: crate::evaluate::clock::now(),
        highlights: Vec::new(),
        sections,
        result,
    })
}
