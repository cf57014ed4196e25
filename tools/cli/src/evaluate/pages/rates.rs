//! Tables of accuracies and error rates.

use super::{Context, Named, percent_cell, power};
use qmagface_evaluate::metrics::{EqualError, Estimate, FnmrAt, FoldAccuracy, PublishedForm};
use qmagface_report::{Cell, Column, Highlight, Table};

/// A share in percent, for sentences.
pub fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}

/// Accuracy by folds; `None` where the pairs have none.
pub fn accuracy(context: &Context, named: &[Named]) -> Option<Table> {
    let mut table = Table::new(
        "accuracy",
        "Accuracy by folds",
        vec![
            Column::text("score"),
            Column::text("threshold chosen among"),
            Column::interval("accuracy", 2).unit("%"),
            Column::number("deviation over folds", 2).unit("%"),
            Column::number("folds", 0),
        ],
    )
    .with_note(
        "Each fold's threshold is the one that suits the other folds best: published, of 600 linear steps, and a pair \
         matches above it; exact, of every threshold that tells scores apart, and a pair matches at it or above.",
    );
    for one in named {
        let accuracy = one.metrics().accuracy.as_ref()?;
        let mut row = |name: &str, figures: &FoldAccuracy| {
            table.row(vec![
                Cell::text(&one.name),
                Cell::text(name),
                percent_cell(&figures.mean),
                Cell::Number(100.0 * figures.deviation),
                Cell::count(figures.folds.len() as u64),
            ]);
        };
        if context.metrics.published() {
            row("600 steps (published)", &accuracy.published);
        }
        if context.metrics.exact() {
            row("all (exact)", &accuracy.exact);
        }
    }
    Some(table)
}

/// Each fold's threshold and accuracy; `None` where the pairs have none.
pub fn folds(context: &Context, named: &[Named]) -> Option<Table> {
    let mut columns = vec![Column::number("fold", 0), Column::number("pairs", 0)];
    let mut figures: Vec<&FoldAccuracy> = Vec::new();
    for one in named {
        let accuracy = one.metrics().accuracy.as_ref()?;
        let mut add = |name: &str, accuracy| {
            columns.push(Column::number(format!("{}, {name}: threshold", one.name), 4));
            columns.push(Column::number(format!("{}, {name}: accuracy", one.name), 2).unit("%"));
            figures.push(accuracy);
        };
        if context.metrics.published() {
            add("published", &accuracy.published);
        }
        if context.metrics.exact() {
            add("exact", &accuracy.exact);
        }
    }
    let mut table = Table::new("folds", "Each fold", columns);
    for (index, fold) in figures.first()?.folds.iter().enumerate() {
        let mut row = vec![Cell::count(index as u64 + 1), Cell::count(fold.pairs)];
        for accuracy in &figures {
            let fold = accuracy.folds.get(index);
            row.push(Cell::maybe(fold.map(|fold| fold.threshold)));
            row.push(Cell::maybe(fold.map(|fold| 100.0 * fold.accuracy)));
        }
        table.row(row);
    }
    Some(table)
}

/// One line of a table of error rates: its score, its definition and its figures.
struct Line<'a> {
    name: &'a str,
    definition: &'static str,
    equal_error: &'a EqualError,
    fnmr: &'a [FnmrAt],
    auc: Estimate,
}

fn lines<'a>(context: &Context, named: &'a [Named]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    for one in named {
        let metrics = one.metrics();
        if let Some(published) = metrics.published.as_ref().filter(|_| context.metrics.published()) {
            lines.push(Line {
                name: &one.name,
                definition: match published.form {
                    PublishedForm::Grid => "published (600 thresholds)",
                    PublishedForm::Roc => "published (ROC points)",
                    PublishedForm::Nearest => "published (nearest ROC point)",
                },
                equal_error: &published.equal_error,
                fnmr: &published.fnmr,
                auc: Estimate::of(published.auc),
            });
        }
        if context.metrics.exact() || metrics.published.is_none() {
            lines.push(Line {
                name: &one.name,
                definition: "exact",
                equal_error: &metrics.exact.equal_error,
                fnmr: &metrics.exact.fnmr,
                auc: metrics.exact.auc,
            });
        }
    }
    lines
}

/// Equal error rate, FNMR at each FMR and the area under the ROC curve.
pub fn errors(context: &Context, named: &[Named]) -> Table {
    let lines = lines(context, named);
    let mut columns = vec![
        Column::text("score"),
        Column::text("definition"),
        Column::interval("EER", 2).unit("%"),
    ];
    for at in lines.first().map_or(&[][..], |line| line.fnmr) {
        columns.push(Column::interval(format!("FNMR at FMR {}", power(at.fmr)), 2).unit("%"));
    }
    columns.push(Column::interval("AUC", 3).unit("%"));
    let mut table = Table::new("errors", "Error rates", columns).with_note(
        "EER: where false match rate (FMR) and false non-match rate (FNMR) are equal. AUC: area under the ROC curve. \
         Intervals are bootstrap intervals by person. A dash: too few impostor pairs for that FMR (below 3 / FMR).",
    );
    for line in &lines {
        let mut row = vec![
            Cell::text(line.name),
            Cell::text(line.definition),
            percent_cell(&line.equal_error.rate),
        ];
        row.extend(
            line.fnmr
                .iter()
                .map(|at| match at.supported || line.definition != "exact" {
                    true => percent_cell(&at.fnmr),
                    false => Cell::Missing,
                }),
        );
        row.push(percent_cell(&line.auc));
        table.row(row);
    }
    table
}

/// True positive rates at each false positive rate, as IJB's tables have them.
pub fn true_positives(context: &Context, named: &[Named]) -> Table {
    let lines = lines(context, named);
    let mut columns = vec![Column::text("fusion and score"), Column::text("definition")];
    for at in lines.first().map_or(&[][..], |line| line.fnmr) {
        columns.push(Column::interval(format!("TPR at FPR {}", power(at.fmr)), 2).unit("%"));
    }
    let mut table = Table::new("tpr", "True positive rates", columns)
        .with_note("A dash: too few impostor pairs for that false positive rate (below 3 / FPR).");
    for line in &lines {
        let mut row = vec![Cell::text(line.name), Cell::text(line.definition)];
        row.extend(
            line.fnmr
                .iter()
                .map(|at| match at.supported || line.definition != "exact" {
                    true => percent_cell(&opposite(&at.fnmr)),
                    false => Cell::Missing,
                }),
        );
        table.row(row);
    }
    table
}

/// One less a share, with its interval.
fn opposite(share: &Estimate) -> Estimate {
    let turned = share.interval.map(|mut interval| {
        (interval.low, interval.high) = (1.0 - interval.high, 1.0 - interval.low);
        interval
    });
    Estimate {
        value: 1.0 - share.value,
        interval: turned,
    }
}

/// The thresholds of the exact figures.
pub fn thresholds(named: &[Named]) -> Table {
    let mut table = Table::new(
        "thresholds",
        "Thresholds of the exact figures",
        vec![
            Column::text("score"),
            Column::text("wanted FMR"),
            Column::number("threshold", 4),
            Column::number("measured FMR", 4).unit("%"),
            Column::interval("FNMR", 2).unit("%"),
            Column::text("impostor pairs enough"),
        ],
    )
    .with_note("A pair matches when it scores at least the threshold.");
    for one in named {
        for at in &one.metrics().exact.fnmr {
            table.row(vec![
                Cell::text(&one.name),
                Cell::text(power(at.fmr)),
                Cell::Number(at.threshold),
                Cell::Number(100.0 * at.measured_fmr),
                percent_cell(&at.fnmr),
                Cell::text(if at.supported { "yes" } else { "no" }),
            ]);
        }
    }
    table
}

/// The FNMR at the least supported false match rate down to 1e-3, or the accuracy where there is one, for each score.
pub fn highlights(context: &Context, named: &[Named]) -> Vec<Highlight> {
    let mut highlights = Vec::new();
    let mut add = |label: String, estimate: &Estimate| {
        let note = estimate.interval.map(|interval| {
            let (low, high) = (100.0 * interval.low, 100.0 * interval.high);
            format!("{low:.2} to {high:.2} %")
        });
        highlights.push(Highlight {
            label,
            value: percent(estimate.value),
            note,
        });
    };
    for one in named {
        let metrics = one.metrics();
        if let Some(accuracy) = &metrics.accuracy {
            let (name, figures) = match context.metrics.published() {
                true => ("published", &accuracy.published),
                false => ("exact", &accuracy.exact),
            };
            add(format!("Accuracy ({name}), {}", one.name), &figures.mean);
        } else {
            let usable = |at: &&FnmrAt| at.supported && at.fmr >= 1e-3;
            let least = metrics.exact.fnmr.iter().filter(usable);
            if let Some(at) = least.min_by(|a, b| a.fmr.total_cmp(&b.fmr)) {
                add(format!("FNMR at FMR {}, {}", power(at.fmr), one.name), &at.fnmr);
            }
        }
    }
    for one in named {
        let equal = &one.metrics().exact.equal_error;
        add(format!("Equal error rate, {}", one.name), &equal.rate);
    }
    highlights.truncate(6);
    highlights
}
