//! The page of error-versus-reject curves.

use super::{Context, count, power, rates, report, slug};
use qmagface::Result;
use qmagface_evaluate::results::Reject;
use qmagface_report::{Axis, Cell, Chart, Column, Highlight, Report, Section, Shape, Table};

/// The report of `found`.
pub fn reject(context: &Context, found: &Reject) -> Result<Report> {
    let mut curves = Section::new("Curves");
    let mut table = Table::new(
        "reject",
        "Every point",
        vec![
            Column::text("score"),
            Column::text("FMR"),
            Column::number("images rejected", 1).unit("%"),
            Column::number("least quality kept", 3),
            Column::number("genuine pairs left", 0),
            Column::number("impostor pairs left", 0),
            Column::number("FNMR, FMR kept", 3).unit("%"),
            Column::number("FNMR, threshold kept", 3).unit("%"),
            Column::number("FMR, threshold kept", 5).unit("%"),
        ],
    )
    .with_note(
        "FMR kept: the threshold is chosen anew on what is left. Threshold kept: it stays as it was before anything was \
         rejected.",
    );
    let mut highlights = Vec::new();
    for result in &found.results {
        let name = result.score.name();
        let errors = result.curves.iter().flat_map(|curve| &curve.points);
        let greatest = errors.filter_map(|point| point.fnmr).fold(1e-4, f64::max);
        let share = Axis::linear("images rejected, lowest quality first (%)").percent();
        let mut chart = Chart::new(
            format!("reject-{}", slug(name)),
            format!("Error versus reject: {name}"),
            share,
            Axis::linear("FNMR of what is left (%)")
                .percent()
                .range(0.0, 1.05 * greatest),
        )
        .with_note(
            "The threshold keeps the false match rate on what is left. A curve that falls says that the quality finds the \
             images that fail.",
        );
        for (index, curve) in result.curves.iter().enumerate() {
            let points = curve.points.iter();
            let points: Vec<_> = points.filter_map(|point| Some((point.rejected, point.fnmr?))).collect();
            if let (Some(first), Some(tenth)) = (points.first(), points.iter().find(|point| point.0 >= 0.1 - 1e-9)) {
                highlights.push(Highlight {
                    label: format!(
                        "FNMR at FMR {} with {:.0} % rejected, {name}",
                        power(curve.fmr),
                        100.0 * tenth.0
                    ),
                    value: rates::percent(tenth.1),
                    note: Some(format!("none rejected: {}", rates::percent(first.1))),
                });
            }
            let dashed = index % 2 == 1;
            chart.add(format!("FMR {}", power(curve.fmr)), Shape::Line { points, dashed });
            for point in &curve.points {
                let percent = |share: Option<f64>| Cell::maybe(share.map(|share| 100.0 * share));
                table.row(vec![
                    Cell::text(name),
                    Cell::text(power(curve.fmr)),
                    percent(Some(point.rejected)),
                    Cell::Number(point.quality),
                    Cell::count(point.genuine),
                    Cell::count(point.impostor),
                    percent(point.fnmr),
                    percent(point.fnmr_fixed),
                    percent(point.fmr_fixed),
                ]);
            }
        }
        curves = curves.with(chart);
    }
    let summary = format!(
        "{} images of {} people, {} genuine and {} impostor pairs: how the errors fall when the images of the lowest \
         quality are rejected.",
        count(found.set.images),
        count(found.set.subjects),
        count(found.genuine),
        count(found.impostor)
    );
    let sections = vec![curves, Section::new("Figures").with(table)];
    let title = format!("{}: error versus reject", context.set);
    highlights.truncate(6);
    Ok(Report {
        highlights,
        ..report(context, title, summary, sections, &found.notes, found)?
    })
}
