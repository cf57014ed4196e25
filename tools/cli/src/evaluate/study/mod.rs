//! `qmagface evaluate run`: a whole study, several models on several sets, with the two published tables.

mod config;
mod parts;
mod tables;

use super::finish::{prepare, write};
use super::long::Session;
use super::set;
use super::settings::versions;
use crate::arguments::{Computing, Machine, Model, Shared};
use crate::failure::{Failure, Outcome};
use clap::Args;
use config::Config;
use parts::Folders;
use qmagface::ErrorKind;
use std::path::PathBuf;

#[derive(Args)]
pub struct Arguments {
    /// The study: models, sets and what is measured (see docs/evaluate.md)
    file: PathBuf,
    /// Folder of the report; finished parts are kept beside it, in FOLDER.parts and FOLDER.embeddings
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    #[command(flatten)]
    model: Model,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    computing: Computing,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let config = Config::read(&arguments.file)?;
    prepare(&arguments.out)?;
    let folders = Folders::beside(&arguments.out);
    let parts = parts::run(shared, arguments, &config, &folders).map_err(|error| match error.kind() {
        ErrorKind::Cancelled => error.at("finished parts are kept, the same command goes on with the others"),
        _ => error,
    })?;
    let mut settings = versions(Session::new(shared, &arguments.machine));
    settings.insert(0, ("study".to_owned(), set::described(&arguments.file)?));
    let kept = parts.iter().filter(|part| part.kept).count();
    settings.push((
        "parts".to_owned(),
        format!("{} run, {kept} kept from earlier runs", parts.len() - kept),
    ));
    write(shared, &tables::report(&config, &parts, settings)?, &arguments.out)?;
    let (failed, tried) = parts
        .iter()
        .fold((0, 0), |sum, part| (sum.0 + part.failed.0, sum.1 + part.failed.1));
    Failure::if_some(failed, tried)
}
