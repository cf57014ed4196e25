//! `qmagface quality`.

use crate::arguments::{Embedding, Shared};
use crate::extract::{Aligned, Extracted, extract, extract_measured};
use crate::failure::Outcome;
use crate::folder::name;
use crate::inputs::Inputs;
use crate::many;
use crate::output::{self, taken};
use clap::Args;
use qmagface::capture::Measured;
use qmagface::{Engine, Face};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// What the two numbers are.
const MEANING: &str = "\
The quality of a face is the magnitude of its embedding. Beside it stands the same on a scale of 0 to 100, for models that have \
constants for it: with sface, of photos with this magnitude about so many in a hundred match a good photo of the same person at \
a false match rate of 1e-5 (measured on degraded photos of LFW); with magface-iresnet50 it is the unified quality score of \
ISO/IEC 29794-5. In JSON `quality` is the magnitude and `uqs` the other. The measures of --explain, each from 0 (a severe fault) to \
100, don't make the quality: they say what to change at the camera. docs/quality.md says more.";

#[derive(Args)]
#[command(after_help = MEANING)]
pub struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    aligned: Aligned,
    /// Say why: size, place, pose, light and sharpness of the face, each on a scale of 0 to 100, with advice where it is poor
    #[arg(long, conflicts_with = "chips")]
    explain: bool,
    /// Best first, images without a face at the end; nothing is printed before the last image
    #[arg(long)]
    sort: bool,
    #[command(flatten)]
    embedding: Embedding,
}

/// What there is to say of one image.
struct Measurement {
    quality: f64,
    uqs: Option<u8>,
    /// The face and how many there are; `None` for a chip.
    face: Option<(Face, usize)>,
    /// Why, if asked.
    measures: Vec<Measured>,
}

impl Measurement {
    fn of(found: &Extracted, measures: Vec<Measured>) -> Self {
        Measurement {
            quality: found.quality(),
            uqs: found.uqs(),
            face: found.face,
            measures,
        }
    }
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let images = arguments.inputs.find()?;
    let embedding = &arguments.embedding;
    let engine = embedding.engine()?;
    let measure = |path: &Path| match arguments.explain {
        true => {
            let found = extract_measured(&engine, embedding, path)?;
            Ok(found.map(|(found, measures)| Measurement::of(&found, measures)))
        }
        false => {
            let (_, found) = extract(&engine, embedding, &arguments.aligned, path)?;
            Ok(found.map(|found| Measurement::of(&found, Vec::new())))
        }
    };
    let mut kept: Vec<(PathBuf, Option<Measurement>)> = Vec::new();
    let outcome = many::each(shared, embedding.machine(), &images, measure, |path, found| {
        match arguments.sort {
            true => kept.push((path.to_owned(), found)),
            false => say(shared, arguments, &engine, path, found.as_ref()),
        }
        Ok(())
    });
    let quality = |found: &Option<Measurement>| found.as_ref().map_or(f64::NEG_INFINITY, |found| found.quality);
    // Of equals the first stays first.
    kept.sort_by(|(_, a), (_, b)| quality(b).total_cmp(&quality(a)));
    for (path, found) in &kept {
        say(shared, arguments, &engine, path, found.as_ref());
    }
    outcome
}

fn say(shared: &Shared, arguments: &Arguments, engine: &Engine, path: &Path, found: Option<&Measurement>) {
    let image = name(path);
    if shared.json {
        // No face is an answer.
        let count = found.map_or(Some(0), |found| found.face.map(|(_, faces)| faces));
        let mut line = json!({
            "image": image, "quality": found.map(|found| found.quality), "uqs": found.and_then(|found| found.uqs),
            "faces": count, "box": found.and_then(|found| found.face).map(|(face, _)| face.bbox),
            "model": engine.info().model,
        });
        if arguments.explain {
            let measures = found.map(|found| found.measures.iter().map(as_json).collect::<Map<_, _>>());
            line["measures"] = json!(measures);
        }
        output::line(line);
        return;
    }
    let Some(found) = found else {
        output::line(format_args!("{image}: no face"));
        return;
    };
    let quality = output::quality(found.quality, found.uqs);
    let faces = found
        .face
        .map_or("a chip".to_owned(), |(face, faces)| taken(&face, faces));
    output::line(format_args!("{image}: {quality}  ({faces})"));
    if !found.measures.is_empty() {
        output::line(format_args!("  {:24}{:>14}  of 100", "measure", "value"));
    }
    for measured in &found.measures {
        // No minus before a zero.
        let decimals = decimals(measured);
        let step = 10f64.powi(decimals as i32);
        let value = (measured.value * step).round() / step + 0.0;
        let value = format!("{value:.decimals$} {}", measured.measure.unit());
        let advice = measured
            .advice()
            .map(|advice| format!("  {advice}"))
            .unwrap_or_default();
        let name = measured.measure.name().replace('_', " ");
        output::line(format_args!("  {name:24}{value:>14}  {:>3}{advice}", measured.score));
    }
}

/// Digits behind the point that mean something.
fn decimals(measured: &Measured) -> usize {
    match (measured.measure.unit(), measured.value.abs() < 0.1) {
        ("", true) => 4,
        ("" | "bits", _) => 2,
        _ => 1,
    }
}

fn as_json(measured: &Measured) -> (String, Value) {
    let value = json!({"value": measured.value, "score": measured.score, "advice": measured.advice()});
    (measured.measure.name().to_owned(), value)
}
