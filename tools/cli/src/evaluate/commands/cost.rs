//! `qmagface evaluate runtime` and `qmagface evaluate memory`.

use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::list;
use crate::evaluate::long::{Session, with_bar};
use crate::evaluate::pages::{self, Definitions};
use crate::evaluate::set::{Loaded, SetArguments};
use crate::evaluate::settings::{OutArguments, Settings, context};
use crate::failure::Outcome;
use clap::Args;
use qmagface::Work;
use qmagface::calibrate::fit::{FitOptions, Procedure};
use qmagface::pairs::{SampleOptions, sample};
use qmagface::{QualityParameters, Result};
use qmagface_evaluate::protocol::{self, Task};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    set: SetArguments,
    /// How often each task runs (runtime only); the time is the median's
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeats: u32,
    /// The fits that are measured: published, consistent, direct
    #[arg(long, value_delimiter = ',', default_values_t = [Procedure::Published])]
    procedures: Vec<Procedure>,
    /// Leave the tasks on all pairs of the set out
    #[arg(long)]
    listed_only: bool,
    #[command(flatten)]
    out: OutArguments,
}

/// What a score costs doesn't depend on its parameters: these are the published ones of iResNet-100.
const PARAMETERS: QualityParameters = QualityParameters {
    alpha: 0.077428,
    beta: 0.125926,
};

pub fn runtime(shared: &Shared, arguments: &Arguments) -> Outcome {
    let session = Session::new(shared, arguments.set.machine());
    let (loaded, settings, found) = measured(shared, session, arguments, |loaded, tasks, work| {
        protocol::runtime(&loaded.set, tasks, arguments.repeats, work)
    })?;
    let context = context(session, &loaded, Definitions::Exact, settings, &|_| None);
    finish(shared, &pages::runtime(&context, &found)?, &arguments.out.out, &loaded)
}

pub fn memory(shared: &Shared, arguments: &Arguments) -> Outcome {
    let session = Session::new(shared, arguments.set.machine());
    let (loaded, settings, found) = measured(shared, session, arguments, |loaded, tasks, work| {
        protocol::memory(&loaded.set, tasks, work)
    })?;
    let context = context(session, &loaded, Definitions::Exact, settings, &|_| None);
    finish(shared, &pages::memory(&context, &found)?, &arguments.out.out, &loaded)
}

/// Loads the set, makes the tasks and measures them.
fn measured<T>(
    shared: &Shared,
    session: Session,
    arguments: &Arguments,
    measure: impl FnOnce(&Loaded, &[Task], &Work) -> Result<T>,
) -> Result<(Loaded, Settings, T)> {
    prepare(&arguments.out.out)?;
    arguments.set.check(&arguments.out.out)?;
    let loaded = arguments.set.load(shared, &arguments.out.out, true)?;
    let choice = SampleOptions {
        seed: arguments.out.seed,
        ..SampleOptions::default()
    };
    let list = sample(&loaded.set, &choice)?;
    let found = with_bar(session, "measuring", |work| {
        // What a fit costs is asked for, not whether the pairs support its false match rates.
        let options = FitOptions {
            allow_unsupported: true,
            work: Work {
                progress: None,
                ..*work
            },
            ..FitOptions::default()
        };
        let mut tasks = vec![Task::Quality(&list, PARAMETERS)];
        let fits = arguments.procedures.iter();
        tasks.extend(fits.clone().map(|&procedure| Task::Fit(&list, procedure, options)));
        if !arguments.listed_only {
            tasks.push(Task::AllQuality(PARAMETERS));
            tasks.extend(fits.map(|&procedure| Task::AllFit(procedure, options)));
        }
        measure(&loaded, &tasks, work)
    })?;
    let settings = vec![("listed pairs".to_owned(), list::described(&choice))];
    Ok((loaded, settings, found))
}
