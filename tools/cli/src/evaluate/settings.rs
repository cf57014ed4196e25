//! What is measured, and what a report's section of settings says.

use super::long::Session;
use super::pages::{Context, Definitions};
use super::set::Loaded;
use crate::folder::name;
use clap::Args;
use qmagface::Result;
use qmagface::build_info::BuildInfo;
use qmagface_evaluate::metrics::{MetricOptions, PublishedForm};
use qmagface_evaluate::{Options, Score};
use std::path::{Path, PathBuf};

/// Names and values of a report's section of settings, in reading order.
pub type Settings = Vec<(String, String)>;

/// What is measured.
#[derive(Args)]
pub struct MetricArguments {
    /// Which definitions of the metrics are shown
    #[arg(long, value_enum, default_value_t = Definitions::Both)]
    pub metrics: Definitions,
    /// False match rates at which the FNMR is given
    #[arg(long, value_delimiter = ',', value_name = "FMR,...")]
    pub fmrs: Vec<f64>,
    /// Bootstrap replicates for the intervals by person; 0: no intervals
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub replicates: usize,
    /// Share of the replicates that an interval holds
    #[arg(long, default_value_t = 0.95)]
    pub confidence: f64,
    /// How many of the worst genuine and of the worst impostor pairs are shown
    #[arg(long, default_value_t = 12, value_name = "N")]
    pub worst: usize,
    /// Bins of the histograms
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub bins: usize,
}

/// Seed and place of the result.
#[derive(Args)]
pub struct OutArguments {
    /// Folder of the report; a report that is there is replaced when the new one is whole
    #[arg(short, long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// Seed of everything random: generated pairs, bootstrap replicates, folds of people
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl MetricArguments {
    /// Checks the options before the work.
    ///
    /// # Errors
    /// As [`Options::check`].
    pub fn check(&self) -> Result<()> {
        let fmrs = match self.fmrs.is_empty() {
            true => MetricOptions::default().fmrs,
            false => self.fmrs.clone(),
        };
        Options {
            scores: vec![Score::Cosine],
            metrics: MetricOptions {
                fmrs,
                replicates: self.replicates,
                confidence: self.confidence,
                ..MetricOptions::default()
            },
            worst: self.worst,
            bins: self.bins,
        }
        .check()
    }

    /// The protocols' options; `fmrs` are those when none were given.
    pub fn options(
        &self,
        scores: Vec<Score>,
        form: PublishedForm,
        fmrs: &[f64],
        seed: u64,
        loaded: &Loaded,
    ) -> Options {
        Options {
            scores,
            metrics: MetricOptions {
                fmrs: if self.fmrs.is_empty() {
                    fmrs.to_vec()
                } else {
                    self.fmrs.clone()
                },
                published: self.metrics.published().then_some(form),
                // Without people there is nobody to draw.
                replicates: if loaded.people_known { self.replicates } else { 0 },
                confidence: self.confidence,
                seed,
                ..MetricOptions::default()
            },
            worst: self.worst,
            bins: self.bins,
        }
    }
}

/// What the page of `loaded` says beside its result.
pub fn context<'a>(
    session: Session,
    loaded: &Loaded,
    definitions: Definitions,
    settings: Settings,
    chip: &'a dyn Fn(&str) -> Option<Vec<u8>>,
) -> Context<'a> {
    let mut all = loaded.origin.clone();
    all.extend(settings);
    all.extend(versions(session));
    Context {
        set: loaded.name.clone(),
        settings: all,
        notes: loaded.notes.clone(),
        metrics: definitions,
        chip,
    }
}

/// The software and the command.
pub fn versions(session: Session) -> Settings {
    let info = BuildInfo::collect();
    let threads = || std::thread::available_parallelism().map_or(1, usize::from);
    let command: Vec<String> = std::env::args_os()
        .map(|word| quoted(&name(Path::new(&word))))
        .collect();
    vec![
        ("qmagface".to_owned(), format!("{}, {}", info.version, info.target)),
        ("instructions".to_owned(), info.instructions.to_owned()),
        (
            "threads".to_owned(),
            session.threads.unwrap_or_else(threads).to_string(),
        ),
        ("command".to_owned(), command.join(" ")),
    ]
}

/// A word of a command as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
