//! The images of a set that may not belong into it, as tables.

use super::count;
use qmagface::pairs::review::{Review, STRANGERS};
use qmagface_report::{Cell, Column, Section, Table};

/// The section on `review`, of images of one `whole` (a person, a template).
pub fn section(review: &Review, whole: &str) -> Section {
    let mut section = Section::new("Images to look at").with_text(
        "Wrong labels, photos without a face and poor ones show here. All images were used: move what is wrong out of the \
         set and run it again.",
    );
    if let Some(strangers) = review.strangers {
        section = section.with_text(format!(
            "{} of {} images are less like the others of their {whole} than 1 in {:.0} pairs of images of different \
             {whole}s are like each other (a mean cosine below {strangers:.3}).",
            count(review.unlike),
            count(review.compared),
            1.0 / STRANGERS
        ));
    }
    if let Some(limit) = review.poor_below {
        section = section.with_text(format!(
            "{} images have a quality far below the others' (below {limit:.2}).",
            count(review.poor)
        ));
    }
    if !review.worst.is_empty() {
        section = section.with(misfits(review, whole));
    }
    if !review.least.is_empty() {
        section = section.with(least(review));
    }
    section
}

fn misfits(review: &Review, whole: &str) -> Table {
    let mut table = Table::new(
        "misfits",
        format!("The images that are least like the others of their {whole}"),
        vec![
            Column::text("image"),
            Column::number("quality", 2),
            Column::number("mean cosine", 3),
            Column::text("an image of whom it is most like"),
            Column::number("mean cosine with theirs", 3),
        ],
    );
    for misfit in &review.worst {
        let (name, cosine) = match &misfit.nearest {
            Some(nearest) => (Cell::text(&nearest.name), Cell::Number(nearest.cosine)),
            None => (Cell::Missing, Cell::Missing),
        };
        table.row(vec![
            Cell::text(&misfit.name),
            Cell::Number(misfit.quality),
            Cell::Number(misfit.cosine),
            name,
            cosine,
        ]);
    }
    table
}

fn least(review: &Review) -> Table {
    let mut table = Table::new(
        "least-quality",
        "The images of least quality",
        vec![Column::text("image"), Column::number("quality", 2)],
    );
    for poor in &review.least {
        table.row(vec![Cell::text(&poor.name), Cell::Number(poor.quality)]);
    }
    table
}
