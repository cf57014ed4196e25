//! `qmagface compare`.

use crate::apart;
use crate::arguments::{Embedding, Shared, check_model};
use crate::extract::{Aligned, Extracted, extract};
use crate::failure;
use crate::folder::name;
use crate::inputs::{Images, Inputs};
use crate::output::{self, taken};
use crate::{many, picture};
use clap::Args;
use qmagface::calibrate::{Decision, Lacking, Outcome, ScoredComparison};
use qmagface::{BgrImage, Calibration, Comparison, Engine, Error, ErrorKind, Face, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Arguments {
    /// The photo that is compared with the others
    #[arg(value_name = "PROBE")]
    probe: PathBuf,
    #[command(flatten)]
    others: Inputs,
    #[command(flatten)]
    aligned: Aligned,
    /// Also write a picture of what was compared (PNG); for two photos
    #[arg(long, value_name = "OUT.png")]
    picture: Option<PathBuf>,
    /// Score with this calibration (`qmagface calibrate`) in place of the model's own
    #[arg(long, value_name = "FILE.toml")]
    calibration: Option<PathBuf>,
    /// False match rate of the decision: so many of the pairs of different people of these qualities are taken for one person
    #[arg(long, value_name = "RATE", default_value_t = 1e-3)]
    fmr: f64,
    #[command(flatten)]
    embedding: Embedding,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> failure::Outcome {
    let pair = arguments.others.one().filter(|path| !path.is_dir());
    match (pair, &arguments.picture) {
        (None, Some(out)) => {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{}: a picture is of two photos, and several are compared",
                    out.display()
                ),
            )
            .into());
        }
        (Some(other), Some(out)) => {
            picture::check_name(out)?;
            apart::file([arguments.probe.as_path(), other], out)?;
            picture::check_free(out)?;
        }
        _ => {}
    }
    let images = match pair {
        Some(_) => Images::default(),
        None => arguments.others.find()?,
    };
    let engine = arguments.embedding.engine()?;
    let own = arguments
        .calibration
        .as_deref()
        .map(|path| read_calibration(&engine, path))
        .transpose()?;
    let calibration = match &own {
        Some(own) => own,
        None => engine.calibration()?,
    };
    check_fmr(calibration, arguments.fmr)?;
    let (image, probe) = needed(&engine, arguments, &arguments.probe)?;
    match pair {
        Some(other) => {
            compare_two(shared, &engine, calibration, arguments, (&image, &probe), other).map_err(Into::into)
        }
        None => compare_many(shared, &engine, calibration, arguments, (&probe, &images)),
    }
}

fn compare_two(
    shared: &Shared,
    engine: &Engine,
    calibration: &Calibration,
    arguments: &Arguments,
    (image_a, a): (&BgrImage, &Extracted),
    path: &Path,
) -> Result<()> {
    let (image_b, b) = needed(engine, arguments, path)?;
    let scored = calibration.compare(&a.template, &b.template)?;
    let result = scored.comparison;
    if let Some(out) = &arguments.picture {
        let meaning = meaning(calibration, &scored, arguments.fmr)?;
        let probe = (arguments.probe.as_path(), image_a, a);
        let sides = [probe, (path, &image_b, &b)].map(|(path, image, found)| picture::Side {
            title: file_name(path),
            image,
            found,
        });
        picture::comparison(&sides, &result, meaning.as_deref(), out)?;
    }
    if shared.json {
        output::line(scored_json(
            engine,
            calibration,
            &scored,
            arguments.fmr,
            (a.face, b.face),
        )?);
        return Ok(());
    }
    for (path, found) in [(arguments.probe.as_path(), a), (path, &b)] {
        output::line(described(path, found));
    }
    output::line(format_args!("cosine similarity    {:>8.4}", result.cosine));
    output::line(format_args!(
        "quality-aware score  {:>8.4}   (model {})",
        result.score,
        engine.info().model
    ));
    if arguments.calibration.is_some() {
        print_calibrated(&scored);
    }
    if let Some(at) = scored.at_quality {
        output::line(format_args!(
            "log-likelihood ratio {:>8.4}   (natural logarithm, at these two qualities)",
            at.log_likelihood_ratio
        ));
        output::line(format_args!(
            "-log10(FMR)          {:>8.4}   (at these two qualities)",
            at.negative_log10_fmr
        ));
    }
    if let Some(meaning) = meaning(calibration, &scored, arguments.fmr)? {
        output::line(meaning);
    }
    Ok(())
}

/// Compares a face with those of many images: one line each, the highest score first.
fn compare_many(
    shared: &Shared,
    engine: &Engine,
    calibration: &Calibration,
    arguments: &Arguments,
    (probe, images): (&Extracted, &Images),
) -> failure::Outcome {
    if !shared.json {
        output::line(described(&arguments.probe, probe));
    }
    let mut compared = Vec::new();
    let mut without_face = 0;
    let find = |path: &Path| {
        let (_, found) = extract(engine, &arguments.embedding, &arguments.aligned, path)?;
        Ok(found.map(|found| (found.template, found.face)))
    };
    let outcome = many::each(shared, arguments.embedding.machine(), images, find, |path, found| {
        let Some((template, face)) = found else {
            without_face += 1;
            match shared.json {
                true => output::line(json!({"image": name(path), "score": null, "faces": 0})),
                false => output::line(format_args!("{}: no face", name(path))),
            }
            return Ok(());
        };
        let scored = calibration.compare(&probe.template, &template)?;
        if shared.json {
            let mut line = scored_json(engine, calibration, &scored, arguments.fmr, (probe.face, face))?;
            line["image"] = name(path).into();
            output::line(line);
        }
        compared.push((scored, path.to_owned(), face));
        Ok(())
    });
    // The surest first; where a ratio is held to what the data supports, and without one, by the score.
    let rank = |scored: &ScoredComparison| {
        (
            scored.at_quality.map_or(0.0, |at| at.log_likelihood_ratio),
            scored.comparison.score,
        )
    };
    compared.sort_by(|a, b| {
        let (a, b) = (rank(&a.0), rank(&b.0));
        b.0.total_cmp(&a.0).then(b.1.total_cmp(&a.1))
    });
    if !shared.json {
        for (scored, path, face) in &compared {
            let result = &scored.comparison;
            let meaning = meaning(calibration, scored, arguments.fmr)?.unwrap_or_default();
            // Of one upright face there is nothing to say.
            let taken = face
                .map(|(face, faces)| taken(&face, faces))
                .filter(|words| words != "1 face");
            let taken = taken.map(|words| format!(" ({words})")).unwrap_or_default();
            output::line(format_args!(
                "score {:>8.4}  cosine {:>7.4}  {}  {}{taken}  {meaning}",
                result.score,
                result.cosine,
                output::quality(result.quality_b, engine.uqs(result.quality_b)),
                name(path)
            ));
        }
    }
    outcome?;
    match compared.is_empty() && without_face > 0 {
        true => Err(Error::new(ErrorKind::NoFace, format!("no face in any of {without_face} images")).into()),
        false => Ok(()),
    }
}

/// What a comparison gave, with the faces that were taken (none of a chip) and how many there were.
fn scored_json(
    engine: &Engine,
    calibration: &Calibration,
    scored: &ScoredComparison,
    fmr: f64,
    (a, b): (Seen, Seen),
) -> Result<Value> {
    let result = &scored.comparison;
    let decision = decided(calibration, scored, fmr)?.map(|decision| decision.outcome);
    let (decision, lacking) = match decision {
        None => (None, None),
        Some(Outcome::Match) => (Some("match"), None),
        Some(Outcome::NoMatch) => (Some("no match"), None),
        Some(Outcome::NotEnoughInformation(why)) => (Some("not enough information"), Some(lacking_name(why))),
    };
    Ok(json!({
        "cosine": result.cosine,
        "quality_a": result.quality_a,
        "quality_b": result.quality_b,
        "uqs_a": engine.uqs(result.quality_a),
        "uqs_b": engine.uqs(result.quality_b),
        "score": result.score,
        "faces_a": a.map(|(_, faces)| faces),
        "box_a": a.map(|(face, _)| face.bbox),
        "faces_b": b.map(|(_, faces)| faces),
        "box_b": b.map(|(face, _)| face.bbox),
        "model": engine.info().model,
        "negative_log10_fmr": scored.negative_log10_fmr,
        "low_quality": scored.low_quality,
        "out_of_range": scored.out_of_range,
        "log_likelihood_ratio": scored.at_quality.map(|at| at.log_likelihood_ratio),
        "negative_log10_fmr_at_quality": scored.at_quality.map(|at| at.negative_log10_fmr),
        "quality_below_data": scored.at_quality.is_some_and(|at| !at.supported),
        "decision": decision,
        "lacking": lacking,
    }))
}

/// A face and how many the image has; `None` for a chip.
type Seen = Option<(Face, usize)>;

/// "a.jpg: 2 faces, quality 91 of 100, magnitude 12.345".
fn described(path: &Path, found: &Extracted) -> String {
    let quality = output::quality(found.quality(), found.uqs());
    let faces = found
        .face
        .map_or("a chip".to_owned(), |(face, faces)| taken(&face, faces));
    format!("{}: {faces}, {quality}", name(path))
}

/// Reads a calibration for the engine's model.
fn read_calibration(engine: &Engine, path: &Path) -> Result<Calibration> {
    let calibration = Calibration::read(path)?;
    check_model(&calibration, path, engine)?;
    Ok(calibration)
}

/// The face of an image that must have one.
fn needed(engine: &Engine, arguments: &Arguments, path: &Path) -> Result<(BgrImage, Extracted)> {
    let (image, found) = extract(engine, &arguments.embedding, &arguments.aligned, path)?;
    let found = found.ok_or_else(|| {
        let turned = match engine.options().detector.turned {
            true => "",
            false => ", --turned where it may lie on its side",
        };
        Error::new(
            ErrorKind::NoFace,
            format!(
                "{}: no face found (see --min-face, --min-score{turned})",
                path.display()
            ),
        )
    })?;
    Ok((image, found))
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

/// Before photos are looked at: whether a decision can be made at this rate.
fn check_fmr(calibration: &Calibration, fmr: f64) -> Result<()> {
    if !(fmr > 0.0 && fmr < 1.0) {
        let message = format!("--fmr {fmr}: a false match rate is above 0 and below 1");
        return Err(Error::new(ErrorKind::InvalidArgument, message));
    }
    calibration.check_fmr(fmr).map_err(|error| error.at("--fmr"))
}

/// The decision, where the calibration can promise one.
fn decided(calibration: &Calibration, scored: &ScoredComparison, fmr: f64) -> Result<Option<Decision>> {
    match calibration.quality_model() {
        Some(_) => calibration.decide(scored, fmr).map(Some),
        None => Ok(None),
    }
}

fn lacking_name(why: Lacking) -> &'static str {
    match why {
        Lacking::Quality => "quality",
        Lacking::PassRate => "pass rate",
        Lacking::Face => "face",
        Lacking::Length => "length",
    }
}

/// What a comparison means, in a sentence: the decision where the calibration says what a cosine means at each quality, else
/// what its thresholds say; `None` where it has neither.
fn meaning(calibration: &Calibration, scored: &ScoredComparison, fmr: f64) -> Result<Option<String>> {
    let (Some(decision), Some(at)) = (decided(calibration, scored, fmr)?, scored.at_quality) else {
        return Ok(by_thresholds(calibration, &scored.comparison, fmr));
    };
    let pairs = 10f64.powf(at.negative_log10_fmr).round();
    let of_these = "pairs of different people of these qualities are so alike";
    Ok(Some(match decision.outcome {
        Outcome::Match => format!("=> same person: at most 1 in {pairs:.0} {of_these}"),
        Outcome::NoMatch if at.log_likelihood_ratio > 0.0 => {
            format!(
                "=> unclear: 1 in {pairs:.0} {of_these}, more than the wanted 1 in {:.0}",
                1.0 / fmr
            )
        }
        Outcome::NoMatch => format!("=> different people: 1 in {pairs:.0} {of_these}"),
        Outcome::NotEnoughInformation(Lacking::Quality) => {
            "=> not enough information: a face shows too little. Take a better photo".to_owned()
        }
        Outcome::NotEnoughInformation(Lacking::PassRate) => format!(
            "=> not enough information: of one person's own photos of these qualities only {:.0} % would match. Take a better \
             photo",
            100.0 * decision.pass_rate
        ),
        Outcome::NotEnoughInformation(Lacking::Face | Lacking::Length) => {
            "=> not enough information: a face's quality isn't known".to_owned()
        }
    }))
}

/// What the score means by the calibration's thresholds, which are those of photos as good as its data.
fn by_thresholds(calibration: &Calibration, result: &Comparison, fmr: f64) -> Option<String> {
    let thresholds = calibration.thresholds();
    let loosest = thresholds.first()?;
    let share = |fmr: f64| format!("1 in {:.0} pairs of different people score that high", 1.0 / fmr);
    Some(
        match thresholds
            .iter()
            .rev()
            .find(|threshold| result.score >= threshold.score)
        {
            Some(threshold) if threshold.fmr <= fmr => format!("=> same person: fewer than {}", share(threshold.fmr)),
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
