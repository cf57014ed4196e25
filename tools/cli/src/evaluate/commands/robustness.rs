//! `qmagface evaluate robustness`.

use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::list;
use crate::evaluate::long::{Session, with_bar};
use crate::evaluate::pages;
use crate::evaluate::scores::ScoreArguments;
use crate::evaluate::set::SetArguments;
use crate::evaluate::settings::{MetricArguments, OutArguments, context};
use crate::failure::Outcome;
use clap::Args;
use qmagface::pairs::SampleOptions;
use qmagface::{Error, ErrorKind};
use qmagface_evaluate::metrics::{PUBLISHED_FMRS, PublishedForm};
use qmagface_evaluate::protocol;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    set: SetArguments,
    /// Most images of one person; all genuine pairs of them are compared
    #[arg(long, default_value_t = 10, value_name = "N")]
    images: usize,
    /// Impostor pairs for each of the two images of a genuine pair
    #[arg(long, default_value_t = 5, value_name = "N")]
    impostors: usize,
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
    let sample = SampleOptions {
        images: arguments.images,
        impostors: arguments.impostors,
        seed: arguments.out.seed,
    };
    sample.check()?;
    if arguments.impostors == 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "--impostors 0: without impostor pairs nothing can be measured",
        )
        .into());
    }
    let session = Session::new(shared, arguments.set.machine());
    let loaded = arguments.set.load(shared, &arguments.out.out, true)?;
    let (scores, mut settings) =
        arguments
            .scores
            .scores(session, arguments.set.model(), &loaded, arguments.out.seed)?;
    let options = arguments
        .metrics
        .options(scores, PublishedForm::Roc, &PUBLISHED_FMRS, arguments.out.seed, &loaded);
    let found = with_bar(session, "comparing", |work| {
        protocol::robustness(&loaded.set, &sample, &options, work)
    })?;
    settings.push(("pairs".to_owned(), list::described(&sample)));
    let chip = |name: &str| loaded.chips.png(name);
    let context = context(session, &loaded, arguments.metrics.metrics, settings, &chip);
    finish(
        shared,
        &pages::evaluation(&context, &found)?,
        &arguments.out.out,
        &loaded,
    )
}
