//! Charts of error curves and distributions.

use super::{Named, slug};
use qmagface_evaluate::Score;
use qmagface_evaluate::results::{Histogram, ScoreHistogram};
use qmagface_report::{Axis, Chart, Shape};

/// Least false match rate drawn: what three impostor pairs make up, but no further than 1e-8; below, nothing is known.
fn least_fmr(named: &[Named]) -> f64 {
    let impostors = named.iter().map(|one| one.metrics().impostor).max().unwrap_or(0);
    let least = 3.0 / impostors.max(30) as f64;
    10f64.powf(least.log10().floor()).max(1e-8)
}

/// Lower end of the FNMR: below what one genuine pair makes up.
fn least_fnmr(named: &[Named]) -> f64 {
    let genuine = named.iter().map(|one| one.metrics().genuine).max().unwrap_or(0);
    10f64.powf((1.0 / genuine.max(10) as f64).log10().floor())
}

/// The detection error trade-off.
pub fn det(named: &[Named], confidence: f64) -> Chart {
    let least = least_fmr(named);
    let floor = least_fnmr(named);
    let mut chart = Chart::new(
        "det",
        "Detection error trade-off",
        Axis::log("false match rate (FMR)").range(least, 0.5),
        Axis::log("false non-match rate, FNMR (%)").percent().range(floor, 1.0),
    );
    let mut bands = false;
    for (index, one) in named.iter().enumerate() {
        let metrics = one.metrics();
        let band: Vec<_> = metrics
            .band
            .iter()
            .filter(|point| point.fmr >= 0.9 * least)
            .map(|point| (point.fmr, point.fnmr.low.max(floor), point.fnmr.high.max(floor)))
            .collect();
        if !band.is_empty() {
            bands = true;
            chart.add(&one.name, Shape::Band { points: band });
        }
        let inside = |fmr: f64| fmr > 0.3 * least && fmr <= 0.5;
        let points = metrics.curve.iter().filter(|point| inside(point.fmr));
        let points = points.map(|point| (point.fmr, point.fnmr.max(floor))).collect();
        let dashed = index % 2 == 1;
        chart.add(&one.name, Shape::Line { points, dashed });
    }
    let band = match bands {
        true => format!(
            " The bands hold {:.0} % of the bootstrap replicates by person.",
            100.0 * confidence
        ),
        false => String::new(),
    };
    chart.with_note(format!(
        "Both axes are logarithmic; lower is better. No error at all is drawn at the lower end.{band}"
    ))
}

/// The receiver operating characteristic.
pub fn roc(named: &[Named]) -> Chart {
    let least = least_fmr(named);
    let mut chart = Chart::new(
        "roc",
        "Receiver operating characteristic",
        Axis::log("false match rate (FMR)").range(least, 1.0),
        Axis::linear("true match rate, 1 − FNMR (%)").percent(),
    );
    for (index, one) in named.iter().enumerate() {
        let points = one.metrics().curve.iter().filter(|point| point.fmr > 0.3 * least);
        let points = points.map(|point| (point.fmr, 1.0 - point.fnmr)).collect();
        let dashed = index % 2 == 1;
        chart.add(&one.name, Shape::Line { points, dashed });
    }
    chart.with_note("Higher is better.")
}

/// How the scores are spread.
pub fn scores(one: &Named) -> Chart {
    let histogram: &ScoreHistogram = &one.result.scores;
    let mut chart = Chart::new(
        format!("scores-{}", slug(&one.name)),
        format!("Scores of genuine and impostor pairs: {}", one.name),
        Axis::linear(match one.result.score {
            Score::CrossValidated(_) => "score, on the scale of −log10(FMR)",
            _ => "score",
        }),
        Axis::linear("share of the pairs of its kind (%)").percent(),
    );
    chart.add("genuine", bars(histogram.low, histogram.high, &histogram.genuine));
    chart.add("impostor", bars(histogram.low, histogram.high, &histogram.impostor));
    chart.add(
        "threshold of the equal error rate",
        Shape::Mark {
            x: one.metrics().exact.equal_error.threshold,
        },
    );
    chart
}

/// How the qualities are spread.
pub fn qualities(histogram: &Histogram) -> Chart {
    let mut chart = Chart::new(
        "qualities",
        "Qualities of the images",
        Axis::linear("quality: magnitude of the embedding"),
        Axis::linear("share of images (%)").percent(),
    );
    chart.add("images", bars(histogram.low, histogram.high, &histogram.counts));
    chart
}

/// Counts in bins of equal width, as shares.
fn bars(low: f64, high: f64, counts: &[u64]) -> Shape {
    let total = counts.iter().sum::<u64>().max(1) as f64;
    let width = (high - low) / counts.len().max(1) as f64;
    Shape::Histogram {
        edges: (0..=counts.len()).map(|bin| low + width * bin as f64).collect(),
        heights: counts.iter().map(|&count| count as f64 / total).collect(),
    }
}
