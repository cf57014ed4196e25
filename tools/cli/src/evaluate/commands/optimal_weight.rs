//! `qmagface evaluate optimal-weight`.

use crate::album::Album;
use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::list;
use crate::evaluate::long::{Session, with_bar};
use crate::evaluate::pages::{self, Definitions};
use crate::evaluate::set::SetArguments;
use crate::evaluate::settings::{OutArguments, context};
use crate::failure::Outcome;
use clap::Args;
use qmagface::calibrate::fit::{FitOptions, Procedure, check_support};
use qmagface::pairs::{Pairs, SampleOptions, sample};
use qmagface_evaluate::protocol;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    set: SetArguments,
    /// The procedures whose best weights and lines are drawn: published, consistent, direct
    #[arg(long, value_delimiter = ',', default_values_t = [Procedure::Published, Procedure::Consistent])]
    procedures: Vec<Procedure>,
    /// Least and greatest false match rate
    #[arg(long, num_args = 2, value_names = ["LEAST", "GREATEST"], default_values_t = [1e-5, 1e-2])]
    fmrs: Vec<f64>,
    /// How many false match rates between them
    #[arg(long, default_value_t = 50, value_name = "N")]
    points: usize,
    /// How many weights are tried
    #[arg(long, default_value_t = 20, value_name = "N")]
    weights: usize,
    /// Pairs generated as for `robustness`, instead of all pairs of the set
    #[arg(long)]
    sampled: bool,
    /// Also use false match rates that the impostor pairs are too few for, as the published code does
    #[arg(long)]
    published: bool,
    #[command(flatten)]
    out: OutArguments,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    prepare(&arguments.out.out)?;
    arguments.set.check(&arguments.out.out)?;
    let session = Session::new(shared, arguments.set.machine());
    let options = FitOptions {
        fmr: (arguments.fmrs[0], arguments.fmrs[1]), // clap takes exactly two
        fmrs: arguments.points,
        weights: arguments.weights,
        allow_unsupported: arguments.published,
        ..FitOptions::default()
    };
    options.check()?;
    // What photos are can give no more pairs than their names say.
    let enough = |album: &Album| match (arguments.published, arguments.set.people.people(&album.names())?) {
        (false, Some(people)) => check_support(arguments.fmrs[0], people.pairs().impostor),
        _ => Ok(()),
    };
    let loaded = arguments.set.load_after(shared, &arguments.out.out, true, &enough)?;
    let choice = SampleOptions {
        seed: arguments.out.seed,
        ..SampleOptions::default()
    };
    let list = arguments.sampled.then(|| sample(&loaded.set, &choice)).transpose()?;
    let pairs = list.as_ref().map_or(Pairs::All, Pairs::List);
    let found = with_bar(session, "fitting", |work| {
        let options = FitOptions { work: *work, ..options };
        protocol::optimal_weight(&loaded.name, &loaded.set, pairs, &arguments.procedures, &options)
    })?;
    let pairs = match arguments.sampled {
        true => list::described(&choice),
        false => "all of the set".to_owned(),
    };
    let settings = vec![
        ("pairs".to_owned(), pairs),
        (
            "false match rates".to_owned(),
            format!(
                "{} from {:e} to {:e}",
                arguments.points, arguments.fmrs[0], arguments.fmrs[1]
            ),
        ),
        ("weights tried".to_owned(), arguments.weights.to_string()),
    ];
    let chip = |name: &str| loaded.chips.png(name);
    let context = context(session, &loaded, Definitions::Exact, settings, &chip);
    finish(shared, &pages::weights(&context, &found)?, &arguments.out.out, &loaded)
}
