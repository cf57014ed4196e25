//! What a calibration says on the screen.

use super::Seconds;
use crate::arguments::Shared;
use crate::folder::Skipped;
use crate::output;
use qmagface::Calibration;
use qmagface::calibrate::Interval;
use qmagface::calibrate::fit::Fit;
use serde_json::{Value, json};
use std::path::Path;

pub fn print(
    shared: &Shared,
    out: &Path,
    calibration: &Calibration,
    fit: &Fit,
    seconds: &Seconds,
    skipped: &[Skipped],
) {
    if shared.json {
        output::line(as_json(out, calibration, fit, seconds, skipped));
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
        output::line(format_args!("{} files were passed over:", skipped.len()));
        output::skipped(skipped);
    }
}

fn as_json(out: &Path, calibration: &Calibration, fit: &Fit, seconds: &Seconds, skipped: &[Skipped]) -> Value {
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
        "calibration": out.to_string_lossy(),
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
        "skipped": skipped.iter().map(Skipped::json).collect::<Vec<_>>(),
    })
}
