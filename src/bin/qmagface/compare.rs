//! `qmagface compare`.

use crate::arguments::{Choice, Detection, Shared};
use crate::detect::count;
use crate::failure::Outcome;
use crate::{output, picture};
use clap::Args;
use qmagface::{BgrImage, Comparison, Engine, Error, ErrorKind, Extraction, Result, image};
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
    #[command(flatten)]
    detection: Detection,
    #[command(flatten)]
    choice: Choice,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let engine = shared.engine(&arguments.detection, Some(&arguments.choice))?;
    let (image_a, a) = extract(&engine, &arguments.a)?;
    let (image_b, b) = extract(&engine, &arguments.b)?;
    let result = engine.compare(&a.embedding, &b.embedding)?;
    if let Some(out) = &arguments.picture {
        let meaning = meaning(&engine, &result);
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
        }));
    } else {
        print(&engine, arguments, [&a, &b], &result);
    }
    Ok(())
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

fn print(engine: &Engine, arguments: &Arguments, found: [&Extraction; 2], result: &Comparison) {
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
    if let Some(meaning) = meaning(engine, result) {
        output::line(meaning);
    }
}

/// False match rate up to which a score is called a match, as access control commonly asks for.
const MATCH: f64 = 1e-3;

/// What the score means, from the thresholds that the model pack carries; `None` where it carries none.
fn meaning(engine: &Engine, result: &Comparison) -> Option<String> {
    let thresholds = engine.calibration().ok()?.thresholds();
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

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}
