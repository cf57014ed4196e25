//! The page of the protocols that compare images: single-image, robustness, all pairs.

use super::{Context, Named, count, curves, rates, report, worst};
use qmagface::Result;
use qmagface_evaluate::results::{Evaluation, Protocol};
use qmagface_report::{Report, Section};

/// The report of `found`.
pub fn evaluation(context: &Context, found: &Evaluation) -> Result<Report> {
    let named: Vec<Named> = found
        .results
        .iter()
        .map(|result| Named {
            name: result.score.name().to_owned(),
            result,
        })
        .collect();
    let figures = Section::new("Figures")
        .with_all(rates::accuracy(context, &named))
        .with(rates::errors(context, &named));
    let details = Section::new("Details")
        .with(rates::thresholds(&named))
        .with_all(rates::folds(context, &named));
    let spread = Section::new("Distributions").with_all(named.iter().map(curves::scores));
    let confidence = found.options.metrics.confidence;
    let sections = vec![
        figures,
        Section::new("Error curves")
            .with(curves::det(&named, confidence))
            .with(curves::roc(&named)),
        spread.with(curves::qualities(&found.qualities)),
        worst::section(context, &named),
        details,
    ];
    let (name, pairs) = match found.protocol {
        Protocol::SingleImage => ("single-image", "the pairs of a pair file, in its folds"),
        Protocol::Robustness => ("robustness", "pairs generated for each person"),
        Protocol::AllPairs => ("all pairs", "every two images of the set"),
        Protocol::Ijb => ("IJB", "listed pairs of fused templates"),
    };
    let pairs_of_each = named.first().map(|one| (one.metrics().genuine, one.metrics().impostor));
    let (genuine, impostor) = pairs_of_each.unwrap_or_default();
    let summary = format!(
        "{} images of {} people; {pairs}: {} genuine and {} impostor pairs.",
        count(found.set.images),
        count(found.set.subjects),
        count(genuine),
        count(impostor)
    );
    let title = format!("{}: {name}", context.set);
    Ok(Report {
        highlights: rates::highlights(context, &named),
        ..report(context, title, summary, sections, &found.notes, found)?
    })
}
