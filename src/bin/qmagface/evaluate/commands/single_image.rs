//! `qmagface evaluate single-image`.

use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::long::with_bar;
use crate::evaluate::pages;
use crate::evaluate::scores::ScoreArguments;
use crate::evaluate::set::{self, SetArguments};
use crate::evaluate::settings::{MetricArguments, OutArguments, context};
use clap::{Args, ValueEnum};
use qmagface::Result;
use qmagface::evaluate::data::{Missing, PairFile, PairFormat};
use qmagface::evaluate::metrics::{PUBLISHED_FMRS, PublishedForm};
use qmagface::evaluate::protocol;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    set: SetArguments,
    /// The set's pair file
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// How the pair file is laid out
    #[arg(long, value_enum)]
    format: Format,
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

pub fn run(shared: &Shared, arguments: &Arguments) -> Result<()> {
    prepare(&arguments.out.out)?;
    let file = PairFile::read(&arguments.pairs, arguments.format.layout())?;
    let missing = match arguments.leave_out_missing {
        true => Missing::LeaveOut,
        false => Missing::Refuse,
    };
    let mut loaded = arguments.set.load(shared, &arguments.out.out, false)?;
    let resolved = set::resolved(&file, &arguments.pairs, &loaded.set, missing, "--leave-out-missing")?;
    loaded.people_by_pairs(resolved.list.pairs())?;
    let (scores, mut settings) = arguments.scores.scores(shared, &loaded, arguments.out.seed)?;
    let options = arguments.metrics.options(
        scores,
        PublishedForm::Grid,
        &PUBLISHED_FMRS,
        arguments.out.seed,
        &loaded,
    );
    let found = with_bar(shared, "comparing", |work| {
        protocol::single_image(&loaded.set, &resolved, &options, work)
    })?;
    settings.push(("pair file".to_owned(), set::described(&arguments.pairs)?));
    settings.push(("folds".to_owned(), file.folds.to_string()));
    let chip = |name: &str| loaded.chips.png(name);
    let context = context(shared, &loaded, arguments.metrics.metrics, settings, &chip);
    finish(shared, &pages::evaluation(&context, &found)?, &arguments.out.out)
}
