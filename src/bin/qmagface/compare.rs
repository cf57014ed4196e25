//! `qmagface compare`.

use crate::arguments::{Choice, Detection, Shared};
use crate::detect::count;
use crate::failure::Outcome;
use crate::{output, picture};
use clap::Args;
use qmagface::calibrate::ScoredComparison;
use qmagface::{BgrImage, Calibration, Comparison, Engine, Error, ErrorKind, Extraction, Result, image};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Arguments {
    /// The first photo
    a: PathBuf,
    /// The second photo
    b: PathBuf,
    /// Also write a picture of what was compared (PNG)
    #[arg(long, value_name = "OUT.png")]
    picture: Option<PathBuf>,
    /// Score with this calibration (`qmagface calibrate`) in place of the model's own
    #[arg(long, value_name = "FILE.toml")]
    calibration: Option<PathBuf>,
    #[command(flatten)]
    detection: Detection,
    #[command(flatten)]
    choice: Choice,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let engine = shared.engine(&arguments.detection, Some(&arguments.choice))?;
    let (image_a, a) = extract(&engine, &arguments.a)?;
    let (image_b, b) = extract(&engine, &arguments.b)?;
    let own = arguments
        .calibration
        .as_deref()
        .map(|path| read_calibration(&engine, path))
        .transpose()?;
    let calibration = match &own {
        Some(own) => own,
        None => engine.calibration()?,
    };
    let scored = calibration.compare_embeddings(&a.embedding, &b.embedding)?;
    let result = scored.comparison;
    if let Some(out) = &arguments.picture {
        let meaning = meaning(calibration, &result);
        let sides = [
            picture::Side {
                title: file_name(&arguments.a),
                image: &image_a,
                found: &a,
            },
            picture::Side {
                title: file_name(&arguments.b),
                image: &image_b,
                found: &b,
            },
        ];
        picture::comparison(&sides, &result, meaning.as_deref(), out)?;
    }
    if shared.json {
        output::line(json!({
            "cosine": result.cosine,
            "quality_a": result.quality_a,
            "quality_b": result.quality_b,
            "score": result.score,
            "model": engine.info().model,
            "negative_log10_fmr": scored.negative_log10_fmr,
            "low_quality": scored.low_quality,
            "out_of_range": scored.out_of_range,
        }));
    } else {
        print(&engine, calibration, arguments, [&a, &b], &scored);
    }
    Ok(())
}

/// Reads a calibration for the engine's model.
fn read_calibration(engine: &Engine, path: &Path) -> Result<Calibration> {
    let calibration = Calibration::read(path)?;
    let info = engine.info();
    match (calibration.model(), calibration.fingerprint()) {
        (Some(model), Some(fingerprint)) if fingerprint != info.fingerprint => Err(Error::new(
            ErrorKind::ModelMismatch,
            format!(
                "{} is of {model} ({}), the model in use is {} ({}): scores of one model mean nothing for another",
                path.display(),
                fingerprint.short(),
                info.model,
                info.fingerprint.short()
            ),
        )),
        _ => Ok(calibration),
    }
}

fn extract(engine: &Engine, path: &Path) -> Result<(BgrImage, Extraction)> {
    let image = image::read(path, &engine.options().limits)?;
    let found = engine
        .extract(&image)
        .map_err(|error| error.at(path.display()))?
        .ok_or_else(|| {
            let least = engine.options().detector.minimum_face;
            Error::new(
                ErrorKind::NoFace,
                format!(
                    "{}: no face of {least} pixels or more (see --min-face, --thresholds)",
                    path.display()
                ),
            )
        })?;
    Ok((image, found))
}

fn print(
    engine: &Engine,
    calibration: &Calibration,
    arguments: &Arguments,
    found: [&Extraction; 2],
    scored: &ScoredComparison,
) {
    let result = &scored.comparison;
    for (path, found) in [&arguments.a, &arguments.b].into_iter().zip(found) {
        let uqs = found
            .uqs
            .map(|uqs| format!(", unified quality {uqs} of 100"))
            .unwrap_or_default();
        output::line(format_args!(
            "{}: {}, quality {:.2}{uqs}",
            path.display(),
            count(found.faces),
            found.quality
        ));
    }
    output::line(format_args!("cosine similarity    {:>8.4}", result.cosine));
    output::line(format_args!(
        "quality-aware score  {:>8.4}   (model {})",
        result.score,
        engine.info().model
    ));
    if arguments.calibration.is_some() {
        print_calibrated(scored);
    }
    if let Some(meaning) = meaning(calibration, result) {
        output::line(meaning);
    }
}

/// What a calibration of one's own adds.
fn print_calibrated(scored: &ScoredComparison) {
    if let Some(fmr) = scored.negative_log10_fmr {
        let range = match scored.out_of_range {
            true if fmr > 0.0 => "   (or more: the score is above the measured ones)",
            true => "   (the score is below the measured ones)",
            false => "",
        };
        output::line(format_args!("-log10(FMR)          {fmr:>8.4}{range}"));
    }
    if scored.low_quality {
        output::line("a face's quality is below the calibration's gate");
    }
}

/// False match rate up to which a score is called a match, as access control commonly asks for.
const MATCH: f64 = 1e-3;

/// What the score means, from the calibration's thresholds; `None` where it has none.
fn meaning(calibration: &Calibration, result: &Comparison) -> Option<String> {
    let thresholds = calibration.thresholds();
    let loosest = thresholds.first()?;
    let share = |fmr: f64| format!("1 in {:.0} pairs of different people score that high", 1.0 / fmr);
    Some(
        match thresholds
            .iter()
            .rev()
            .find(|threshold| result.score >= threshold.score)
        {
            Some(threshold) if threshold.fmr <= MATCH => format!("=> same person: fewer than {}", share(threshold.fmr)),
            Some(threshold) => format!("=> unclear: fewer than {}", share(threshold.fmr)),
            None => format!("=> different people: more than {}", share(loosest.fmr)),
        },
    )
}

/// The name of a file, with bytes that are no text written as such: `caf[0xE9].jpg`.
fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let mut shown = String::new();
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        shown.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            let bytes: Vec<String> = chunk.invalid().iter().map(|byte| format!("0x{byte:02X}")).collect();
            shown += &format!("[{}]", bytes.join(" "));
        }
    }
    shown
}
