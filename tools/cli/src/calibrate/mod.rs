//! `qmagface calibrate`.

mod input;
mod report;

use crate::arguments::{Embedding, OF_DETECTION, OF_PHOTOS, Shared};
use crate::failure::{Failure, Outcome};
use crate::people::PersonRule;
use crate::{folder, output};
use clap::{Args, ValueEnum};
use input::Labelled;
use qmagface::Work;
use qmagface::calibrate::fit::{Fit, FitOptions, Procedure, check_support, fit};
use qmagface::calibrate::{About, MeasureOptions, MeasuredThreshold, measure, supported_fmrs, today};
use qmagface::pairs::review::{Review, ReviewOptions, groups_of, review};
use qmagface::pairs::{Count, List, Pairs, Prepared, SampleOptions, sample};
use qmagface::{Calibration, Error, ErrorKind, Result};
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Args)]
pub struct Arguments {
    /// Folder of photos, one folder for each person: PERSON/IMAGE.jpg
    #[arg(short, long, required_unless_present = "embeddings", conflicts_with = "embeddings")]
    source: Option<PathBuf>,
    /// The images of --source are aligned 112x112 chips
    #[arg(long, requires = "source", conflicts_with_all = OF_DETECTION)]
    chips: bool,
    /// Embeddings that `qmagface embed` or numpy wrote: embeddings_NAME.npy
    #[arg(long, value_name = "FILE.npy", requires = "filenames", conflicts_with_all = OF_PHOTOS, conflicts_with = "chips")]
    embeddings: Option<PathBuf>,
    /// Their names, PERSON/IMAGE or PERSON_NUMBER: filenames_NAME.npy
    #[arg(long, value_name = "FILE.npy", requires = "embeddings")]
    filenames: Option<PathBuf>,
    /// The calibration file that is written
    #[arg(short, long, value_name = "FILE.toml")]
    out: PathBuf,
    /// How (alpha, beta) are found: published, consistent or direct
    #[arg(long, default_value = "published")]
    procedure: Procedure,
    /// Which pairs of the images are compared
    #[arg(long, value_enum, default_value_t = Chosen::All)]
    pairs: Chosen,
    /// Chooses the sampled pairs, and the draws for the intervals
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// False match rates that are fitted, from the least to the greatest
    #[arg(long, value_name = "LEAST..GREATEST", default_value = "1e-5..1e-2", value_parser = range)]
    fmr: (f64, f64),
    /// False match rates whose thresholds are measured [default: 1e-2 and its tenths, as the pairs support them]
    #[arg(long, value_name = "FMR,...", value_delimiter = ',')]
    measure: Vec<f64>,
    /// Use false match rates that the impostor pairs are too few for, as the published code does
    #[arg(long)]
    published: bool,
    /// How many times the people are drawn anew for the 95 % intervals; 0: no intervals
    #[arg(long, default_value_t = 1000)]
    draws: usize,
    /// Least quality: comparisons with a quality below it are marked
    #[arg(long, value_name = "QUALITY")]
    gate: Option<f64>,
    /// Name of the data, for the file [default: the folder's or the embeddings' name]
    #[arg(long, value_name = "NAME")]
    data: Option<String>,
    /// The day, for the file, as 2026-11-24 [default: today, UTC]
    #[arg(long)]
    date: Option<String>,
    /// How many of the images that fit their person worst, and of those of least quality, are listed
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(..=10_000))]
    worst: u16,
    /// The calibration is of any model: leave the model's fingerprint out of the file
    #[arg(long)]
    any_model: bool,
    #[command(flatten)]
    people: PersonRule,
    #[command(flatten)]
    embedding: Embedding,
}

/// Which pairs are compared.
#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Chosen {
    /// Every pair
    All,
    /// All pairs of at most 10 images of each person, and 10 random impostor pairs for each of these
    Sampled,
}

/// `1e-5..1e-2`.
fn range(text: &str) -> Result<(f64, f64), String> {
    let ends = text
        .split_once("..")
        .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    ends.ok_or_else(|| "two numbers as 1e-5..1e-2".to_owned())
}

/// Seconds that the parts of the work took.
struct Seconds {
    fit: f64,
    measure: f64,
}

/// A calibration, and what it was made of.
struct Calibrated {
    calibration: Calibration,
    fit: Fit,
    review: Review,
    seconds: Seconds,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    // What can be known to fail fails before hours of embedding.
    check(arguments)?;
    let input = input::read(shared, arguments)?;
    let found = calibrated(shared, arguments, &input).map_err(|error| match &input.journal {
        None => error,
        Some(journal) => Error::new(
            error.kind(),
            format!(
                "{error} (the embeddings are kept in {}: the next run with this --out has them)",
                journal.path().display()
            ),
        ),
    })?;
    if let Some(journal) = &input.journal {
        journal.remove()?;
    }
    report::print(shared, &arguments.out, &found, &input);
    Failure::if_some(folder::failures(&input.skipped), input.tried)
}

/// Fits, measures and writes the calibration of a set.
fn calibrated(shared: &Shared, arguments: &Arguments, input: &Labelled) -> Result<Calibrated> {
    let set = &input.set;
    let list = match arguments.pairs {
        Chosen::All => None,
        Chosen::Sampled => Some(sample(
            set,
            &SampleOptions {
                seed: arguments.seed,
                ..SampleOptions::default()
            },
        )?),
    };
    let pairs = list.as_ref().map_or(Pairs::All, Pairs::List);
    let review = review(
        set,
        &groups_of(set),
        &ReviewOptions {
            worst: arguments.worst.into(),
            seed: arguments.seed,
        },
        &Work::default(),
    )?;
    let (fit, measured, seconds) = calculate(shared, arguments, set, pairs)?;
    let date = arguments.date.clone().unwrap_or_else(today);
    let about = About {
        model: input
            .model
            .as_ref()
            .map(|(name, fingerprint)| (name.as_str(), *fingerprint)),
        data: Some(&input.data),
        date: Some(&date),
        pairs: Some(&describe(arguments, list.as_ref())),
    };
    let calibration = Calibration::fitted(&fit, &measured, &about)?.with_quality_gate(arguments.gate)?;
    calibration.write(&arguments.out)?;
    Ok(Calibrated {
        calibration,
        fit,
        review,
        seconds,
    })
}

/// Checks the options that need no data, and that the file can be written.
fn check(arguments: &Arguments) -> Result<()> {
    Calibration::from_parameters(qmagface::QualityParameters { alpha: 0.0, beta: 0.0 })?
        .with_quality_gate(arguments.gate)
        .map_err(|error| error.at("--gate"))?;
    About {
        data: arguments.data.as_deref(),
        date: arguments.date.as_deref(),
        ..About::default()
    }
    .check()?;
    FitOptions {
        fmr: arguments.fmr,
        ..FitOptions::default()
    }
    .check()
    .map_err(|error| error.at("--fmr"))?;
    let measured = match arguments.measure.is_empty() {
        true => &[1e-2][..],
        false => &arguments.measure,
    };
    MeasureOptions {
        replicates: arguments.draws,
        ..MeasureOptions::default()
    }
    .check(measured)?;
    let folder = match arguments.out.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() || arguments.out.is_dir() {
        return Err(Error::new(
            ErrorKind::Io,
            format!(
                "cannot write {}: it must be a file in a folder that is there",
                arguments.out.display()
            ),
        ));
    }
    // Whatever else is there may be a photo, or the embeddings themselves.
    let found = match arguments.out.symlink_metadata() {
        Err(_) => Ok(()),
        Ok(_) if arguments.out.is_file() => Calibration::read(&arguments.out).map(drop),
        Ok(_) => Err(Error::new(ErrorKind::Io, "it is no regular file")),
    };
    if let Err(error) = found {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("there is another file, which is not overwritten, name another ({error})"),
        )
        .at(arguments.out.display()));
    }
    // A calibration called like an image would be taken for one of the photos.
    if folder::promises_image(&arguments.out) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{} is called like an image: a calibration's name ends in .toml",
                arguments.out.display()
            ),
        ));
    }
    Ok(())
}

fn calculate(
    shared: &Shared,
    arguments: &Arguments,
    set: &Prepared,
    pairs: Pairs,
) -> Result<(Fit, Vec<MeasuredThreshold>, Seconds)> {
    let bar = output::stages(shared.json);
    let progress = |done: u64, total: u64| {
        bar.set_length(total);
        bar.set_position(done);
    };
    let work = Work {
        threads: arguments.embedding.machine().threads,
        progress: Some(&progress),
        cancel: None,
    };
    bar.set_message("fitting");
    let started = Instant::now();
    let options = FitOptions {
        fmr: arguments.fmr,
        allow_unsupported: arguments.published,
        work,
        ..FitOptions::default()
    };
    let fitted =
        fit(set, pairs, arguments.procedure, &options).map_err(|error| advise(error, pairs.count(set), arguments))?;
    let fit_seconds = started.elapsed().as_secs_f64();
    bar.set_message("measuring");
    bar.reset();
    let started = Instant::now();
    let fmrs = match arguments.measure.is_empty() {
        true => supported_fmrs(pairs.count(set)),
        false => arguments.measure.clone(),
    };
    let options = MeasureOptions {
        replicates: arguments.draws,
        seed: arguments.seed,
        allow_unsupported: arguments.published,
        work,
    };
    let measured = match fmrs.is_empty() {
        true => Vec::new(),
        false => measure(set, pairs, &fitted.parameters, &fmrs, &options)?,
    };
    bar.finish_and_clear();
    let seconds = Seconds {
        fit: fit_seconds,
        measure: started.elapsed().as_secs_f64(),
    };
    Ok((fitted, measured, seconds))
}

/// Checks that there are enough pairs for the false match rates that are asked for: what photos are can give no more than
/// `most`.
fn check_pairs(arguments: &Arguments, most: Count) -> Result<()> {
    if arguments.published {
        return Ok(());
    }
    check_support(arguments.fmr.0, most.impostor).map_err(|error| advise(error, most, arguments))?;
    arguments
        .measure
        .iter()
        .try_for_each(|&fmr| check_support(fmr, most.impostor))
}

/// Adds what to do where there are too few pairs.
fn advise(error: Error, count: Count, arguments: &Arguments) -> Error {
    let (least, greatest) = arguments.fmr;
    if check_support(least, count.impostor).is_ok() || arguments.published {
        return error;
    }
    // Rounded up to one digit.
    let supported = 3.0 / count.impostor as f64;
    let digit = 10f64.powf(supported.log10().floor());
    let supported = (supported / digit).ceil() * digit;
    let instead = match supported < greatest {
        true => format!("--fmr {supported:.0e}..{greatest:e} can be fitted; "),
        false => String::new(),
    };
    Error::new(
        error.kind(),
        format!("{error} ({instead}--published fits it all the same)"),
    )
}

/// The pairs, in words for the file.
fn describe(arguments: &Arguments, list: Option<&List>) -> String {
    match list {
        None => "all".to_owned(),
        Some(_) => {
            let SampleOptions { images, impostors, .. } = SampleOptions::default();
            format!(
                "sampled: {images} images a person, {} impostor pairs a genuine pair, seed {}",
                2 * impostors,
                arguments.seed
            )
        }
    }
}
