//! The report of a study: the two published tables in the published form, and the error curves of each set.

use super::config::{Config, Experiment};
use super::parts::Part;
use crate::evaluate::clock;
use crate::evaluate::pages::{self, Context, Named, power, slug};
use qmagface::{Error, ErrorKind, Result};
use qmagface_evaluate::metrics::{EqualError, FnmrAt};
use qmagface_evaluate::results::ScoreResult;
use qmagface_report::{Cell, Column, Item, Report, Section, Table};
use serde_json::json;

/// Which of the two definitions a table follows.
#[derive(Clone, Copy, PartialEq)]
enum Definition {
    Published,
    Exact,
}

impl Definition {
    fn name(self) -> &'static str {
        match self {
            Definition::Published => "published",
            Definition::Exact => "exact",
        }
    }
}

/// The study's report.
pub fn report(config: &Config, parts: &[Part], mut settings: Vec<(String, String)>) -> Result<Report> {
    let mut sections = Vec::new();
    let mut figures = Section::new("Tables");
    for definition in [Definition::Published, Definition::Exact] {
        let shown = match definition {
            Definition::Published => config.metrics.published(),
            Definition::Exact => config.metrics.exact(),
        };
        if !shown {
            continue;
        }
        figures = figures.with_all(accuracies(config, parts, definition)).with_all(rates(
            config,
            parts,
            Experiment::Robustness,
            definition,
        ));
    }
    // All pairs are never approximated.
    figures = figures.with_all(rates(config, parts, Experiment::AllPairs, Definition::Exact));
    sections.push(figures);
    for set in &config.sets {
        for &experiment in &set.protocols {
            sections.push(one(config, parts, &set.name, experiment));
        }
    }
    for part in parts {
        let place = format!("{}, {}", part.model, part.set);
        let origin = part
            .origin
            .iter()
            .map(|(name, value)| (format!("{place}: {name}"), value.clone()));
        for entry in origin {
            if !settings.contains(&entry) {
                settings.push(entry);
            }
        }
    }
    sections.push(Section::new("Settings and versions").with(Item::Settings { entries: settings }));
    let results: Vec<_> = parts
        .iter()
        .map(|part| {
            json!({
                "model": part.model,
                "set": part.set,
                "experiment": part.experiment,
                "evaluation": serde_json::to_value(&part.found).ok(),
            })
        })
        .collect();
    if results.iter().any(|result| result["evaluation"].is_null()) {
        return Err(Error::new(ErrorKind::Internal, "a result is no JSON"));
    }
    Ok(Report {
        title: config.title.clone(),
        summary: format!(
            "{} on {}, {} in all.",
            counted(config.models.len(), "model"),
            counted(config.sets.len(), "set"),
            counted(parts.len(), "experiment")
        ),
        date: clock::now(),
        highlights: Vec::new(),
        sections,
        result: json!(results),
    })
}

/// `1 set`, `2 sets`.
fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The results of one model, set and experiment.
fn results<'a>(parts: &'a [Part], model: &str, set: &str, experiment: Experiment) -> &'a [ScoreResult] {
    let part = parts
        .iter()
        .find(|part| part.model == model && part.set == set && part.experiment == experiment);
    part.map_or(&[], |part| &part.found.results)
}

/// The sets of an experiment, in order.
fn sets(config: &Config, experiment: Experiment) -> Vec<&str> {
    let with = config.sets.iter().filter(|set| set.protocols.contains(&experiment));
    with.map(|set| set.name.as_str()).collect()
}

/// The rows of a table: every model with every score that was evaluated.
fn rows<'a>(config: &'a Config, parts: &'a [Part]) -> Vec<(&'a str, &'static str)> {
    let mut rows = Vec::new();
    for model in &config.models {
        let of_model = parts.iter().filter(|part| part.model == model.name);
        for result in of_model.flat_map(|part| &part.found.results) {
            let row = (model.name.as_str(), result.score.name());
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    rows
}

/// Single-image accuracies: rows are models and scores, columns are sets.
fn accuracies(config: &Config, parts: &[Part], definition: Definition) -> Option<Table> {
    let sets = sets(config, Experiment::SingleImage);
    if sets.is_empty() {
        return None;
    }
    let mut columns = vec![Column::text("model"), Column::text("score")];
    columns.extend(sets.iter().map(|set| Column::number(*set, 2).unit("%")));
    let what = match definition {
        Definition::Published => "published definition: each fold's threshold is the best of 600 linear steps",
        Definition::Exact => "exact: each fold's threshold is the best of all",
    };
    let mut table = Table::new(
        format!("single-image-{}", definition.name()),
        format!("Single-image accuracy ({})", definition.name()),
        columns,
    )
    .with_note(format!("Mean accuracy over the folds; {what}, on the other folds."));
    for (model, score) in rows(config, parts) {
        let mut row = vec![Cell::text(model), Cell::text(score)];
        for set in &sets {
            let results = results(parts, model, set, Experiment::SingleImage);
            let result = results.iter().find(|result| result.score.name() == score);
            let accuracy = result.and_then(|result| result.metrics.accuracy.as_ref());
            row.push(Cell::maybe(accuracy.map(|accuracy| {
                100.0
                    * match definition {
                        Definition::Published => accuracy.published.mean.value,
                        Definition::Exact => accuracy.exact.mean.value,
                    }
            })));
        }
        table.row(row);
    }
    Some(table)
}

/// Error rates: rows are models and scores, columns are sets with their metrics.
fn rates(config: &Config, parts: &[Part], experiment: Experiment, definition: Definition) -> Option<Table> {
    let sets = sets(config, experiment);
    if sets.is_empty() {
        return None;
    }
    let mut columns = vec![Column::text("model"), Column::text("score")];
    for set in &sets {
        columns.push(Column::number(format!("{set}: EER"), 2).unit("%"));
        for fmr in &config.fmrs {
            columns.push(Column::number(format!("{set}: FNMR at {}", power(*fmr)), 2).unit("%"));
        }
        columns.push(Column::number(format!("{set}: AUC"), 3).unit("%"));
    }
    let mut table = Table::new(
        format!("{}-{}", experiment.name(), definition.name()),
        match experiment {
            Experiment::Robustness => format!("Robustness ({})", definition.name()),
            _ => format!("All pairs ({})", definition.name()),
        },
        columns,
    )
    .with_note("A dash: not measured, or too few impostor pairs for that false match rate (below 3 / FMR).");
    for (model, score) in rows(config, parts) {
        let mut row = vec![Cell::text(model), Cell::text(score)];
        for set in &sets {
            let results = results(parts, model, set, experiment);
            let result = results.iter().find(|result| result.score.name() == score);
            row.extend(cells(result, definition, config.fmrs.len()));
        }
        table.row(row);
    }
    Some(table)
}

/// EER, FNMR at each rate, AUC.
fn cells(result: Option<&ScoreResult>, definition: Definition, fmrs: usize) -> Vec<Cell> {
    let figures: Option<(&EqualError, &[FnmrAt], f64)> = result.and_then(|result| match definition {
        Definition::Published => {
            let rates = result.metrics.published.as_ref()?;
            Some((&rates.equal_error, &rates.fnmr[..], rates.auc))
        }
        Definition::Exact => {
            let rates = &result.metrics.exact;
            Some((&rates.equal_error, &rates.fnmr[..], rates.auc.value))
        }
    });
    let Some((equal_error, fnmr, auc)) = figures else {
        return vec![Cell::Missing; fmrs + 2];
    };
    let shown = |at: &FnmrAt| at.supported || definition == Definition::Published;
    let fnmr = fnmr
        .iter()
        .map(|at| Cell::maybe(shown(at).then_some(100.0 * at.fnmr.value)));
    std::iter::once(Cell::Number(100.0 * equal_error.rate.value))
        .chain(fnmr)
        .chain([Cell::Number(100.0 * auc)])
        .collect()
}

/// A set's part of file names: its letters and digits, and its number where those are none or another set's too.
fn file_name(config: &Config, set: &str) -> String {
    let own = slug(set);
    let of_these = |other: &&str| slug(other) == own;
    let names = || config.sets.iter().map(|set| set.name.as_str());
    match names().position(|name| name == set) {
        Some(index) if own.is_empty() || names().filter(of_these).count() > 1 => format!("{own}-{}", index + 1),
        _ => own,
    }
}

/// The section of one set and experiment: every model and score with its intervals, and their curves in one chart.
fn one(config: &Config, parts: &[Part], set: &str, experiment: Experiment) -> Section {
    let mut named = Vec::new();
    let mut notes: Vec<&String> = Vec::new();
    for part in parts
        .iter()
        .filter(|part| part.set == set && part.experiment == experiment)
    {
        for result in &part.found.results {
            let name = format!("{}, {}", part.model, result.score.name());
            named.push(Named { name, result });
        }
        for note in part.notes.iter().chain(&part.found.notes) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    let place = format!("{}-{}", file_name(config, set), experiment.name());
    let context = Context {
        set: set.to_owned(),
        settings: Vec::new(),
        notes: Vec::new(),
        metrics: config.metrics,
        chip: &|_| None,
    };
    let mut section = Section::new(format!("{set}: {}", experiment.name()));
    for note in notes {
        section = section.with(Item::Warning { text: note.clone() });
    }
    let [accuracy, errors] = pages::tables(&context, &named);
    for table in [accuracy, errors].into_iter().flatten() {
        let name = format!("{}-{place}", table.name);
        section = section.with(Table { name, ..table });
    }
    let mut det = pages::det(&named, config.confidence);
    det.name = format!("det-{place}");
    det.title = format!("{set}, {}: detection error trade-off", experiment.name());
    section.with(det)
}
