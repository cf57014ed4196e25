//! `qmagface evaluate single-image`.

use crate::album::Album;
use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::long::{Session, with_bar};
use crate::evaluate::pages;
use crate::evaluate::scores::ScoreArguments;
use crate::evaluate::set::{self, SetArguments};
use crate::evaluate::settings::{MetricArguments, OutArguments, context};
use crate::failure::Outcome;
use clap::{Args, ValueEnum};
use qmagface::{Error, ErrorKind, Result};
use qmagface_evaluate::data::{Missing, Names, PairFile, PairFormat};
use qmagface_evaluate::metrics::{PUBLISHED_FMRS, PublishedForm};
use qmagface_evaluate::protocol;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// What a user gives to have pairs left out.
const LEAVE_OUT: &str = "--leave-out-missing";

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    set: SetArguments,
    /// The set's pair file; a .bin file has its pairs inside
    #[arg(long, value_name = "FILE", requires = "format")]
    pairs: Option<PathBuf>,
    /// How the pair file is laid out
    #[arg(long, value_enum, requires = "pairs")]
    format: Option<Format>,
    /// Put the pairs into N folds, in place of those that the file names
    #[arg(long, value_name = "N")]
    folds: Option<u16>,
    /// Leave pairs out whose images have no embedding, instead of refusing the file
    #[arg(long)]
    leave_out_missing: bool,
    #[command(flatten)]
    scores: ScoreArguments,
    #[command(flatten)]
    metrics: MetricArguments,
    #[command(flatten)]
    out: OutArguments,
}

/// Whose pair file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `name i j` and `name i name j`
    Lfw,
    /// As lfw
    Xqlfw,
    /// `a b match`, images by number
    Agedb,
    /// As agedb
    Cfp,
    /// `a.jpg b.jpg label`, or each image on a line of its own
    Calfw,
    /// As calfw
    Cplfw,
}

impl Format {
    pub fn layout(self) -> PairFormat {
        match self {
            Format::Lfw | Format::Xqlfw => PairFormat::Lfw,
            Format::Agedb | Format::Cfp => PairFormat::Numbers,
            Format::Calfw | Format::Cplfw => PairFormat::Labelled,
        }
    }
}

/// Reads a pair file whose pairs are in two folds or more.
///
/// # Errors
/// As [`PairFile::read`], [`PairFile::with_folds`] and [`PairFile::check_folds`], with the file's name in front.
pub fn pair_file(path: &Path, format: Format, folds: Option<u16>) -> Result<PairFile> {
    let file = PairFile::read(path, format.layout())?;
    in_folds(file, folds).map_err(|error| error.at(path.display()))
}

fn no_pairs() -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        "give the set's pair file: --pairs and --format",
    )
}

/// The pairs that came with the images of the file `path`, in folds.
fn packed_pairs(file: PairFile, path: &Path, folds: Option<u16>) -> Result<PairFile> {
    in_folds(file, folds).map_err(|error| error.at(path.display()))
}

/// The pairs in the folds that are asked for, two or more.
///
/// # Errors
/// As [`PairFile::with_folds`] and [`PairFile::check_folds`].
pub fn in_folds(file: PairFile, folds: Option<u16>) -> Result<PairFile> {
    let file = match folds {
        Some(folds) => file.with_folds(folds)?,
        None => file,
    };
    file.check_folds()?;
    Ok(file)
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    prepare(&arguments.out.out)?;
    arguments.set.check(&arguments.out.out)?;
    arguments.scores.check(arguments.set.model())?;
    arguments.metrics.check()?;
    let session = Session::new(shared, arguments.set.machine());
    let file = match (&arguments.pairs, arguments.format) {
        (Some(path), Some(format)) => Some(pair_file(path, format, arguments.folds)?),
        _ => None,
    };
    let has_pairs = arguments.set.photos.as_deref().is_some_and(|photos| photos.is_file());
    if file.is_none() && !has_pairs {
        return Err(no_pairs().into());
    }
    let missing = match arguments.leave_out_missing {
        true => Missing::LeaveOut,
        false => Missing::Refuse,
    };
    let photos = || arguments.set.photos.clone().unwrap_or_default();
    // What is wrong with the pairs is told before the images are embedded.
    let check = |album: &Album| match (&file, &arguments.pairs, album.packed()) {
        (Some(file), Some(path), _) => {
            let names = Names::new(&album.names());
            set::resolved(file, path, &names, missing, LEAVE_OUT).map(drop)
        }
        (_, _, Some(packed)) => packed_pairs(packed.pairs().clone(), &photos(), arguments.folds).map(drop),
        _ => Err(no_pairs()),
    };
    let mut loaded = arguments.set.load_after(shared, &arguments.out.out, false, &check)?;
    let (file, path) = match (file, loaded.packed.take(), &arguments.pairs) {
        (Some(file), _, Some(path)) => (file, path.clone()),
        (_, Some(file), _) => (packed_pairs(file, &photos(), arguments.folds)?, photos()),
        _ => {
            return Err(no_pairs().into());
        }
    };
    let resolved = set::resolved(&file, &path, &Names::of(&loaded.set), missing, LEAVE_OUT)?;
    loaded.people_by_pairs(resolved.list.pairs())?;
    let (scores, mut settings) =
        arguments
            .scores
            .scores(session, arguments.set.model(), &loaded, arguments.out.seed)?;
    let options = arguments.metrics.options(
        scores,
        PublishedForm::Grid,
        &PUBLISHED_FMRS,
        arguments.out.seed,
        &loaded,
    );
    let found = with_bar(session, "comparing", |work| {
        protocol::single_image(&loaded.set, &resolved, &options, work)
    })?;
    settings.push(("pair file".to_owned(), set::described(&path)?));
    settings.push(("folds".to_owned(), file.folds.to_string()));
    let chip = |name: &str| loaded.chips.png(name);
    let context = context(session, &loaded, arguments.metrics.metrics, settings, &chip);
    finish(
        shared,
        &pages::evaluation(&context, &found)?,
        &arguments.out.out,
        &loaded,
    )
}
