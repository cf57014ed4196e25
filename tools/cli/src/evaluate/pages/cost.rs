//! The pages of runtime and memory.

use super::{Context, count, report};
use qmagface::Result;
use qmagface_evaluate::results::{Memory, Runtime};
use qmagface_report::{Cell, Column, Highlight, Report, Section, Table};

/// The report of `found`.
pub fn runtime(context: &Context, found: &Runtime) -> Result<Report> {
    let mut table = Table::new(
        "runtime",
        "Time of each task",
        vec![
            Column::text("task"),
            Column::number("pairs", 0),
            Column::number("median", 3).unit("ms"),
            Column::number("fastest", 3).unit("ms"),
            Column::number("slowest", 3).unit("ms"),
            Column::number("pairs a second", 0),
            Column::number("against plain cosine", 2).unit("times"),
        ],
    )
    .with_note(format!(
        "Each task ran {} times on {} threads.",
        found.repeats, found.threads
    ));
    let mut highlights = Vec::new();
    for task in &found.tasks {
        table.row(vec![
            Cell::text(&task.task),
            Cell::count(task.pairs),
            Cell::Number(1e3 * task.seconds),
            Cell::Number(1e3 * task.least),
            Cell::Number(1e3 * task.most),
            Cell::Number(task.pairs as f64 / task.seconds),
            Cell::Number(task.against_cosine),
        ]);
        highlights.push(Highlight {
            label: task.task.clone(),
            value: format!("{:.2} ms", 1e3 * task.seconds),
            note: Some(format!("{:.2} times the plain cosine", task.against_cosine)),
        });
    }
    let summary = format!(
        "How long comparing and fitting take on {} images of {} people ({} floats each).",
        count(found.set.images),
        count(found.set.subjects),
        found.set.dimension
    );
    let sections = vec![Section::new("Figures").with(table)];
    let title = format!("{}: runtime", context.set);
    highlights.truncate(6);
    Ok(Report {
        highlights,
        ..report(context, title, summary, sections, &[], found)?
    })
}

/// The report of `found`.
pub fn memory(context: &Context, found: &Memory) -> Result<Report> {
    const MIB: f64 = (1u64 << 20) as f64;
    let mut table = Table::new(
        "memory",
        "Memory of each task",
        vec![
            Column::text("task"),
            Column::number("pairs", 0),
            Column::number("peak beside the set", 2).unit("MiB"),
            Column::number("against plain cosine", 2).unit("times"),
        ],
    )
    .with_note("By how much the process's resident memory peaked above where the task began; a dash: not known here.");
    let mut highlights = Vec::new();
    for task in &found.tasks {
        let peak = task.peak.map(|bytes| bytes as f64 / MIB);
        table.row(vec![
            Cell::text(&task.task),
            Cell::count(task.pairs),
            Cell::maybe(peak),
            Cell::maybe(task.against_cosine),
        ]);
        highlights.push(Highlight {
            label: task.task.clone(),
            value: peak.map_or("not known".to_owned(), |peak| format!("{peak:.1} MiB")),
            note: None,
        });
    }
    let summary = format!(
        "How much memory comparing and fitting take on {} images of {} people, beside their embeddings ({:.1} MiB).",
        count(found.set.images),
        count(found.set.subjects),
        found.embeddings as f64 / MIB
    );
    let sections = vec![Section::new("Figures").with(table)];
    let title = format!("{}: memory", context.set);
    highlights.truncate(6);
    Ok(Report {
        highlights,
        ..report(context, title, summary, sections, &[], found)?
    })
}
