//! `qmagface evaluate all-pairs`.

use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::long::with_bar;
use crate::evaluate::pages;
use crate::evaluate::scores::ScoreArguments;
use crate::evaluate::set::SetArguments;
use crate::evaluate::settings::{MetricArguments, OutArguments, context};
use clap::Args;
use qmagface::Result;
use qmagface::evaluate::metrics::{PUBLISHED_FMRS, PublishedForm};
use qmagface::evaluate::protocol;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    set: SetArguments,
    #[command(flatten)]
    scores: ScoreArguments,
    #[command(flatten)]
    metrics: MetricArguments,
    #[command(flatten)]
    out: OutArguments,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Result<()> {
    prepare(&arguments.out.out)?;
    let loaded = arguments.set.load(shared, &arguments.out.out, true)?;
    let (scores, settings) = arguments.scores.scores(shared, &loaded, arguments.out.seed)?;
    let options = arguments
        .metrics
        .options(scores, PublishedForm::Roc, &PUBLISHED_FMRS, arguments.out.seed, &loaded);
    let found = with_bar(shared, "comparing all pairs", |work| {
        protocol::all_pairs(&loaded.set, &options, work)
    })?;
    let chip = |name: &str| loaded.chips.png(name);
    let context = context(shared, &loaded, arguments.metrics.metrics, settings, &chip);
    finish(shared, &pages::evaluation(&context, &found)?, &arguments.out.out)
}
