//! The page of IJB-B and IJB-C: fused templates, listed pairs of them.

use super::{Context, Named, count, curves, rates, report, review, worst};
use qmagface::Result;
use qmagface_evaluate::results::{FusionName, Ijb};
use qmagface_report::{Report, Section};

/// The report of `found`.
pub fn ijb(context: &Context, found: &Ijb) -> Result<Report> {
    let mut named = Vec::new();
    for fused in &found.fusions {
        let fusion = match fused.fusion {
            FusionName::Mean => "mean",
            FusionName::Quality => "by quality",
        };
        for result in &fused.evaluation.results {
            let name = format!("fusion {fusion}, {}", result.score.name());
            named.push(Named { name, result });
        }
    }
    let evaluation = found.fusions.first().map(|fused| &fused.evaluation);
    let mut spread = Section::new("Distributions");
    for one in &named {
        spread = spread.with(curves::scores(one));
    }
    if let Some(evaluation) = evaluation {
        spread = spread.with(curves::qualities(&evaluation.qualities));
    }
    let confidence = evaluation.map_or(0.95, |evaluation| evaluation.options.metrics.confidence);
    let sections = vec![
        Section::new("Figures")
            .with(rates::true_positives(context, &named))
            .with(rates::errors(context, &named)),
        Section::new("Error curves")
            .with(curves::roc(&named))
            .with(curves::det(&named, confidence)),
        spread,
        worst::section(context, &named),
        review::section(&found.review, "template"),
        Section::new("Details").with(rates::thresholds(&named)),
    ];
    let templates = evaluation.map_or(0, |evaluation| evaluation.set.images);
    let pairs = named.first().map(|one| (one.metrics().genuine, one.metrics().impostor));
    let (genuine, impostor) = pairs.unwrap_or_default();
    let summary = format!(
        "{} images fused into {} templates; {} genuine and {} impostor pairs of them.",
        count(found.images),
        count(templates),
        count(genuine),
        count(impostor)
    );
    let mut notes: Vec<String> = evaluation.map_or_else(Vec::new, |evaluation| evaluation.notes.clone());
    if found.missing_images > 0 {
        notes.push(format!(
            "{} listed images have no embedding (no face was found in them, or they aren't there).",
            found.missing_images
        ));
    }
    if found.empty_templates > 0 {
        notes.push(format!(
            "{} templates have no image at all; their pairs are left out.",
            found.empty_templates
        ));
    }
    let title = format!("{}: templates", context.set);
    Ok(Report {
        highlights: rates::highlights(context, &named),
        ..report(context, title, summary, sections, &notes, found)?
    })
}
