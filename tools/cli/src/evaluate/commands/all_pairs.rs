//! `qmagface evaluate all-pairs`.

use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::long::{Session, with_bar};
use crate::evaluate::pages;
use crate::evaluate::scores::ScoreArguments;
use crate::evaluate::set::SetArguments;
use crate::evaluate::settings::{MetricArguments, OutArguments, context};
use crate::failure::Outcome;
use clap::Args;
use qmagface_evaluate::metrics::{PUBLISHED_FMRS, PublishedForm};
use qmagface_evaluate::protocol;

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

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    prepare(&arguments.out.out)?;
    arguments.set.check(&arguments.out.out)?;
    arguments.scores.check(arguments.set.model())?;
    arguments.metrics.check()?;
    let session = Session::new(shared, arguments.set.machine());
    let loaded = arguments.set.load(shared, &arguments.out.out, true)?;
    let (scores, settings) = arguments
        .scores
        .scores(session, arguments.set.model(), &loaded, arguments.out.seed)?;
    let options = arguments
        .metrics
        .options(scores, PublishedForm::Roc, &PUBLISHED_FMRS, arguments.out.seed, &loaded);
    let found = with_bar(session, "comparing all pairs", |work| {
        protocol::all_pairs(&loaded.set, &options, work)
    })?;
    let chip = |name: &str| loaded.chips.png(name);
    let context = context(session, &loaded, arguments.metrics.metrics, settings, &chip);
    finish(
        shared,
        &pages::evaluation(&context, &found)?,
        &arguments.out.out,
        &loaded,
    )
}
