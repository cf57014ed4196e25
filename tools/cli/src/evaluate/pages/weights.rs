//! The page of the optimal-weight plot: the best weight of the quality by threshold, and the lines fitted to it.

use super::{Context, count, power, report};
use qmagface::Result;
use qmagface::calibrate::fit::Procedure;
use qmagface_evaluate::results::{OptimalWeight, WeightFit};
use qmagface_report::{Axis, Cell, Chart, Column, Highlight, Report, Section, Shape, Table};

/// The report of `found`.
pub fn weights(context: &Context, found: &OptimalWeight) -> Result<Report> {
    let name = |fit: &WeightFit| format!("{}, {}", fit.name, fit.procedure);
    let charts = [Procedure::Published, Procedure::Consistent].into_iter();
    let charts = charts.filter_map(|procedure| chart(procedure, &found.fits));
    let mut lines = Table::new(
        "fits",
        "Fitted lines",
        vec![
            Column::text("set"),
            Column::text("procedure"),
            Column::number("alpha", 6),
            Column::number("beta", 6),
            Column::number("images", 0),
            Column::number("people", 0),
            Column::number("genuine pairs", 0),
            Column::number("impostor pairs", 0),
        ],
    )
    .with_note("The direct procedure searches (alpha, beta) itself: no line through the points.");
    let mut points = Table::new(
        "points",
        "Every point",
        vec![
            Column::text("set"),
            Column::text("procedure"),
            Column::text("FMR"),
            Column::number("best weight", 6),
            Column::number("threshold", 6),
            Column::number("FNMR", 3).unit("%"),
        ],
    );
    let (mut highlights, mut notes) = (Vec::new(), Vec::new());
    for fit in &found.fits {
        lines.row(vec![
            Cell::text(&fit.name),
            Cell::text(&fit.procedure),
            Cell::Number(fit.alpha),
            Cell::Number(fit.beta),
            Cell::count(fit.set.images),
            Cell::count(fit.set.subjects),
            Cell::count(fit.genuine),
            Cell::count(fit.impostor),
        ]);
        for point in &fit.points {
            points.row(vec![
                Cell::text(&fit.name),
                Cell::text(&fit.procedure),
                Cell::text(power((point.fmr * 1e9).round() / 1e9)),
                Cell::Number(point.weight),
                Cell::Number(point.threshold),
                Cell::Number(100.0 * point.fnmr),
            ]);
        }
        highlights.push(Highlight {
            label: format!("(alpha, beta): {}", name(fit)),
            value: format!("{:.4}, {:.4}", fit.alpha, fit.beta),
            note: Some(format!(
                "{} genuine, {} impostor pairs",
                count(fit.genuine),
                count(fit.impostor)
            )),
        });
        notes.extend(fit.warnings.iter().map(|warning| format!("{}: {warning}.", name(fit))));
    }
    let sections = vec![
        Section::new("Best weights").with_all(charts).with(lines),
        Section::new("Details").with(points),
    ];
    let title = format!("{}: optimal weight of the quality", context.set);
    let summary =
        "The weight of the quality that makes the fewest errors, by threshold: what (alpha, beta) is fitted to.";
    highlights.truncate(6);
    Ok(Report {
        highlights,
        ..report(context, title, summary.to_owned(), sections, &notes, found)?
    })
}

/// The best weights that `procedure` found on each set, and its lines; `None` where it wasn't asked for.
fn chart(procedure: Procedure, fits: &[WeightFit]) -> Option<Chart> {
    let own: Vec<&WeightFit> = fits.iter().filter(|fit| fit.procedure == procedure.name()).collect();
    if own.is_empty() {
        return None;
    }
    let (axis, what) = match procedure {
        Procedure::Published => ("threshold, through a sigmoid as published", "published"),
        _ => ("threshold", "consistent"),
    };
    let mut chart = Chart::new(
        format!("optimal-weight-{what}"),
        format!("Best weight of the quality at each threshold: {what} procedure"),
        Axis::linear(axis),
        Axis::linear("weight of the quality"),
    )
    .with_note(
        "Each point is the weight of the grid with the least FNMR at one false match rate, at the threshold it has there; \
         the line is weight = beta * threshold - alpha.",
    );
    for fit in own {
        let places: Vec<_> = fit.points.iter().map(|point| (point.threshold, point.weight)).collect();
        let ends = places.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |ends, place| {
            (ends.0.min(place.0), ends.1.max(place.0))
        });
        let line = [ends.0, ends.1].map(|threshold| (threshold, fit.beta * threshold - fit.alpha));
        chart.add(format!("{}: best weights", fit.name), Shape::Points { points: places });
        chart.add(
            format!("{}: fitted line", fit.name),
            Shape::Line {
                points: line.to_vec(),
                dashed: false,
            },
        );
    }
    Some(chart)
}
