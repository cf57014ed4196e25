//! `qmagface evaluate reject`.

use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::list::ListArguments;
use crate::evaluate::long::{Session, with_bar};
use crate::evaluate::pages::{self, Definitions};
use crate::evaluate::scores::ScoreArguments;
use crate::evaluate::set::SetArguments;
use crate::evaluate::settings::{OutArguments, context};
use crate::failure::Outcome;
use clap::Args;
use qmagface::{Error, ErrorKind};
use qmagface_evaluate::Score;
use qmagface_evaluate::protocol::{self, RejectOptions};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    set: SetArguments,
    #[command(flatten)]
    scores: ScoreArguments,
    /// False match rates of the curves
    #[arg(long, value_delimiter = ',', value_name = "FMR,...", default_values_t = [1e-2, 1e-3, 1e-4])]
    fmrs: Vec<f64>,
    /// Greatest share of images that is rejected
    #[arg(long, default_value_t = 0.5, value_name = "SHARE")]
    most: f64,
    /// Points of a curve
    #[arg(long, default_value_t = 51, value_name = "N")]
    points: usize,
    #[command(flatten)]
    list: ListArguments,
    #[command(flatten)]
    out: OutArguments,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    prepare(&arguments.out.out)?;
    arguments.set.check(&arguments.out.out)?;
    arguments.scores.check(arguments.set.model())?;
    let session = Session::new(shared, arguments.set.machine());
    if !(0.0..1.0).contains(&arguments.most) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("--most {}: a share from 0 to below 1", arguments.most),
        )
        .into());
    }
    if !(2..=1000).contains(&arguments.points) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("--points {}: a curve has 2 to 1000", arguments.points),
        )
        .into());
    }
    let last = arguments.points.saturating_sub(1).max(1) as f64;
    let options = |scores| RejectOptions {
        scores,
        fmrs: arguments.fmrs.clone(),
        shares: (0..arguments.points)
            .map(|point| arguments.most * point as f64 / last)
            .collect(),
    };
    options(vec![Score::Cosine]).check()?;
    let loaded = arguments.set.load(shared, &arguments.out.out, true)?;
    loaded.quality_needed()?;
    let (scores, mut settings) =
        arguments
            .scores
            .scores(session, arguments.set.model(), &loaded, arguments.out.seed)?;
    let (list, pairs) = arguments.list.list(&loaded.set, arguments.out.seed)?;
    let options = options(scores);
    let found = with_bar(session, "comparing", |work| {
        protocol::reject(&loaded.set, &list, &options, work)
    })?;
    settings.push(pairs);
    let chip = |name: &str| loaded.chips.png(name);
    let context = context(session, &loaded, Definitions::Exact, settings, &chip);
    finish(shared, &pages::reject(&context, &found)?, &arguments.out.out, &loaded)
}
