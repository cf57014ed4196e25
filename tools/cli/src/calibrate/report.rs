//! What a calibration says on the screen.

use super::input::Labelled;
use super::{Calibrated, Seconds};
use crate::arguments::Shared;
use crate::folder::{Skipped, name};
use crate::output;
use qmagface::Calibration;
use qmagface::calibrate::Interval;
use qmagface::calibrate::fit::Fit;
use qmagface::pairs::review::{Review, STRANGERS};
use serde_json::{Value, json};
use std::path::Path;

pub fn print(
    shared: &Shared,
    out: &Path,
    Calibrated {
        calibration,
        fit,
        seconds,
        review,
    }: &Calibrated,
    input: &Labelled,
) {
    let skipped = &input.skipped;
    if shared.json {
        output::line(as_json(out, calibration, fit, seconds, input, review));
        return;
    }
    output::line(format_args!(
        "{} images of {} people: {} genuine and {} impostor pairs",
        fit.images, fit.subjects, fit.count.genuine, fit.count.impostor
    ));
    output::line(format_args!(
        "alpha {:.6}, beta {:.6} ({}, {:.1} s)",
        fit.parameters.alpha, fit.parameters.beta, fit.procedure, seconds.fit
    ));
    for warning in &fit.warnings {
        output::line(format_args!("note: {warning}"));
    }
    let rows = calibration.thresholds().iter().zip(calibration.threshold_evidence());
    for (row, (threshold, measured)) in rows.enumerate() {
        if row == 0 {
            output::line(format_args!("{:>7}  {:>9} {:22}  FNMR", "FMR", "score", "(95 %)"));
        }
        let interval = |interval: Option<Interval>, factor: f64, digits: usize| match interval {
            Some((low, high)) => format!("({:.digits$} to {:.digits$})", low * factor, high * factor),
            None => String::new(),
        };
        output::line(format_args!(
            "{:>7.0e}  {:>9.5} {:22}  {:.3} % {}",
            threshold.fmr,
            threshold.score,
            interval(measured.score_interval, 1.0, 5),
            100.0 * measured.fnmr.unwrap_or(f64::NAN),
            interval(measured.fnmr_interval, 100.0, 3)
        ));
    }
    output::line(format_args!("written to {}", out.display()));
    if !skipped.is_empty() {
        output::line(format_args!(
            "{} files were passed over{}:",
            skipped.len(),
            output::hidden(input.hidden)
        ));
        output::skipped(skipped);
    }
    print_review(review);
    output::notes(&input.notes);
}

/// The images that may not belong into the set. They are all in it.
fn print_review(review: &Review) {
    if let Some(strangers) = review.strangers {
        output::line(format_args!(
            "{} of {} images are less like the others of their person (mean cosine below {strangers:.3}) than 1 in {:.0} \
             pairs of different people are; those that fit worst:",
            review.unlike,
            review.compared,
            1.0 / STRANGERS
        ));
        for misfit in &review.worst {
            let nearest = misfit
                .nearest
                .as_ref()
                .map(|nearest| format!("; {:.3} with the person of {}", nearest.cosine, nearest.name))
                .unwrap_or_default();
            output::line(format_args!(
                "  {:.3}  {}, quality {:.2}{nearest}",
                misfit.cosine, misfit.name, misfit.quality
            ));
        }
    }
    let limit = review
        .poor_below
        .map(|limit| format!(" ({limit:.2})"))
        .unwrap_or_default();
    output::line(format_args!(
        "{} images have a quality far below the others'{limit}; those of least quality:",
        review.poor
    ));
    for poor in &review.least {
        output::line(format_args!("  {:.2}  {}", poor.quality, poor.name));
    }
    output::line("All of them were used: look at them, and move what is wrong out of the set (--worst N lists more).");
}

fn as_json(
    out: &Path,
    calibration: &Calibration,
    fit: &Fit,
    seconds: &Seconds,
    input: &Labelled,
    review: &Review,
) -> Value {
    let pair = |interval: Option<Interval>| interval.map(|(low, high)| [low, high]);
    let thresholds: Vec<Value> = calibration
        .thresholds()
        .iter()
        .zip(calibration.threshold_evidence())
        .map(|(threshold, measured)| {
            json!({
                "fmr": threshold.fmr,
                "score": threshold.score,
                "score_interval": pair(measured.score_interval),
                "fnmr": measured.fnmr,
                "fnmr_interval": pair(measured.fnmr_interval),
                "impostors_above": measured.impostors_above,
            })
        })
        .collect();
    let points: Vec<Value> = fit
        .points
        .iter()
        .map(
            |point| json!({"fmr": point.fmr, "weight": point.weight, "threshold": point.threshold, "fnmr": point.fnmr}),
        )
        .collect();
    json!({
        "calibration": name(out),
        "alpha": fit.parameters.alpha,
        "beta": fit.parameters.beta,
        "procedure": fit.procedure.name(),
        "genuine_pairs": fit.count.genuine,
        "impostor_pairs": fit.count.impostor,
        "subjects": fit.subjects,
        "images": fit.images,
        "model": calibration.model(),
        "warnings": fit.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "thresholds": thresholds,
        "points": points,
        "seconds": {"fit": seconds.fit, "measure": seconds.measure},
        "skipped": input.skipped.iter().map(Skipped::json).collect::<Vec<_>>(),
        "hidden": input.hidden,
        "notes": input.notes,
        "review": review,
    })
}
