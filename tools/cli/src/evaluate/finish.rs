//! The end of every run: the report is written, and what matters most is said.

use super::set::Loaded;
use crate::arguments::Shared;
use crate::failure::Outcome;
use crate::folder::name;
use crate::output;
use qmagface::{Error, Result};
use qmagface_report::{Item, Report, check_target};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Whether the report can be written as `out`; asked before the work. Makes the folder's parent.
///
/// # Errors
/// As [`check_target`]; [`qmagface::ErrorKind::Io`] when the parent can't be made.
pub fn prepare(out: &Path) -> Result<()> {
    check_target(out)?;
    match out.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => std::fs::create_dir_all(parent).map_err(|error| Error::io(parent, "create", &error)),
        None => Ok(()),
    }
}

/// Writes the report of `loaded` and says its highlights; photos that failed make the command fail afterwards.
///
/// # Errors
/// As [`write`], [`Loaded::outcome`].
pub fn finish(shared: &Shared, report: &Report, out: &Path, loaded: &Loaded) -> Outcome {
    write(shared, report, out)?;
    loaded.outcome()
}

/// Writes the report and says its highlights.
///
/// # Errors
/// As [`Report::write`].
pub fn write(shared: &Shared, report: &Report, out: &Path) -> Result<()> {
    report.write(out)?;
    let items = report.sections.iter().flat_map(|section| &section.items);
    let warnings: Vec<&String> = items
        .filter_map(|item| match item {
            Item::Warning { text } => Some(text),
            _ => None,
        })
        .collect();
    let page = out.join("index.html");
    if shared.json {
        let figures: Map<String, Value> = report
            .highlights
            .iter()
            .map(|highlight| (highlight.label.clone(), highlight.value.clone().into()))
            .collect();
        output::line(json!({
            "title": report.title,
            "report": name(&page),
            "results": name(&out.join("results.json")),
            "highlights": figures,
            "notes": warnings,
        }));
        return Ok(());
    }
    output::line(&report.title);
    output::line(&report.summary);
    let width = report
        .highlights
        .iter()
        .map(|highlight| highlight.label.chars().count())
        .max();
    for highlight in &report.highlights {
        let note = highlight
            .note
            .as_deref()
            .map(|note| format!("   ({note})"))
            .unwrap_or_default();
        output::line(format_args!(
            "  {:<width$}  {}{note}",
            highlight.label,
            highlight.value,
            width = width.unwrap_or(0)
        ));
    }
    output::line(format_args!("report: {}", page.display()));
    output::notes(&warnings);
    Ok(())
}
