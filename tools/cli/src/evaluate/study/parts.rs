//! The parts of a study, one for each model, set and experiment: run, kept, and taken again while nothing changed.

use super::Arguments;
use super::config::{Config, Experiment, Model, Set};
use crate::album::Album;
use crate::apart;
use crate::arguments::{Choice, Detection, EngineParts, Reading, Shared};
use crate::evaluate::commands::single_image::{in_folds, pair_file};
use crate::evaluate::long::{Session, with_bar};
use crate::evaluate::scores::{self, Given};
use crate::evaluate::set::{self, Loaded, Source};
use crate::own_file;
use qmagface::pairs::SampleOptions;
use qmagface::replace::replace;
use qmagface::{Error, ErrorKind, Result};
use qmagface_evaluate::data::{Missing, Names};
use qmagface_evaluate::metrics::{MetricOptions, PublishedForm};
use qmagface_evaluate::{Evaluation, Options, Score, protocol};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};

/// A finished part.
pub struct Part {
    pub model: String,
    pub set: String,
    pub experiment: Experiment,
    pub found: Evaluation,
    /// Where the set and the parameters come from.
    pub origin: Vec<(String, String)>,
    pub notes: Vec<String>,
    /// Whether it was taken from an earlier run.
    pub kept: bool,
    /// How many photos of the set failed, and of how many; for its first part only.
    pub failed: (usize, usize),
}

/// A part as it is kept.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// Hash over everything the result depends on.
    key: String,
    found: Evaluation,
}

/// Folders beside the report.
pub struct Folders {
    pub parts: PathBuf,
    pub embeddings: PathBuf,
}

impl Folders {
    pub fn beside(out: &Path) -> Folders {
        let beside = |ending: &str| {
            let mut name = out.file_name().unwrap_or_default().to_owned();
            name.push(ending);
            out.with_file_name(name)
        };
        Folders {
            parts: beside(".parts"),
            embeddings: beside(".embeddings"),
        }
    }
}

/// Runs the study's parts, in order; `done` is told of each.
///
/// # Errors
/// Whatever a part fails with, naming it. Finished parts are kept.
pub fn run(shared: &Shared, arguments: &Arguments, config: &Config, folders: &Folders) -> Result<Vec<Part>> {
    // What is wrong with a list is told before the work.
    for set in &config.sets {
        if let Some(photos) = set.photos.as_deref().filter(|photos| photos.is_dir()) {
            for folder in [&arguments.out, &folders.parts, &folders.embeddings] {
                apart::folders(photos, &[], folder).map_err(|error| error.at(&set.name))?;
            }
        }
        if let Some(photos) = &set.photos {
            let album = Album::open(photos).map_err(|error| error.at(&set.name))?;
            let rule = set
                .rule()
                .map_err(|what| Error::new(ErrorKind::InvalidArgument, what))?;
            if needs_people(set) {
                rule.people_needed(&album.names())
                    .map_err(|error| error.at(&set.name))?;
            }
        }
        if let (Some(path), Some(format)) = (&set.pairs, set.format) {
            pair_file(path, format, set.folds).map_err(|error| error.at(&set.name))?;
        }
    }
    std::fs::create_dir_all(&folders.parts).map_err(|error| Error::io(&folders.parts, "create", &error))?;
    let total: usize = config.models.len() * config.sets.iter().map(|set| set.protocols.len()).sum::<usize>();
    let mut parts = Vec::new();
    for model in &config.models {
        for set in &config.sets {
            let place = |error: Error| error.at(format_args!("{}, {}", model.name, set.name));
            let mut loaded = load(shared, arguments, model, set, folders).map_err(place)?;
            for (index, &experiment) in set.protocols.iter().enumerate() {
                let study = (arguments, config);
                let mut part = part(shared, study, (model, set, experiment), &mut loaded, folders).map_err(place)?;
                if index == 0 {
                    part.failed = loaded.failed;
                }
                if !shared.json {
                    eprintln!(
                        "{} of {total}: {}, {}, {}{}",
                        parts.len() + 1,
                        model.name,
                        set.name,
                        experiment.name(),
                        if part.kept { ": unchanged, kept" } else { "" }
                    );
                }
                parts.push(part);
            }
        }
    }
    Ok(parts)
}

/// Whether the names of a set's images must say who is on them.
fn needs_people(set: &Set) -> bool {
    set.protocols.iter().any(|one| *one != Experiment::SingleImage)
}

fn load(shared: &Shared, arguments: &Arguments, model: &Model, set: &Set, folders: &Folders) -> Result<Loaded> {
    let people = needs_people(set);
    let with_model =
        |path: &Option<String>| PathBuf::from(path.as_deref().unwrap_or("").replace("{model}", &model.name));
    let (embeddings, filenames) = (with_model(&set.embeddings), with_model(&set.filenames));
    let keep = folders.embeddings.join(&model.name).join(&set.name);
    let source = match &set.photos {
        Some(photos) => Source::Photos { photos, keep: &keep },
        None => Source::Arrays {
            embeddings: &embeddings,
            filenames: &filenames,
        },
    };
    let parts = EngineParts {
        model: model.pack.as_deref().unwrap_or(&arguments.model.name),
        machine: &arguments.machine,
        precision: arguments.computing.precision,
        detection: &Detection::default(),
        reading: &Reading::default(),
        choice: &Choice::default(),
    };
    let rule = set
        .rule()
        .map_err(|what| Error::new(ErrorKind::InvalidArgument, what))?;
    set::load(shared, &parts, &source, (&rule, people), &|_| Ok(()))
}

/// One part: kept where nothing changed, run otherwise.
fn part(
    shared: &Shared,
    (arguments, config): (&Arguments, &Config),
    (model, set, experiment): (&Model, &Set, Experiment),
    loaded: &mut Loaded,
    folders: &Folders,
) -> Result<Part> {
    let given = Given {
        alpha_beta: model.alpha.zip(model.beta),
        calibration: model.calibration.as_deref(),
        model: model.pack.as_deref().unwrap_or(&arguments.model.name),
    };
    let (scores, settings) = scores::scores(config.scores, &given, loaded)?;
    let options = options(config, experiment, scores, loaded, set);
    let key = key(experiment, &options, loaded, set)?;
    let path = folders
        .parts
        .join(format!("{}--{}--{}.json", model.name, set.name, experiment.name()));
    let stored: Option<Stored> = own_file::read(&path).and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let (found, kept) = match stored {
        Some(stored) if stored.key == key => (stored.found, true),
        _ => {
            let found = compare(
                Session::new(shared, &arguments.machine),
                experiment,
                &options,
                loaded,
                set,
            )?;
            let stored = Stored { key, found };
            let text =
                serde_json::to_vec(&stored).map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
            replace(&path, |mut file| {
                file.write_all(&text).map_err(|error| Error::io(&path, "write", &error))
            })?;
            (stored.found, false)
        }
    };
    let mut origin = loaded.origin.clone();
    origin.extend(settings);
    Ok(Part {
        model: model.name.clone(),
        set: set.name.clone(),
        experiment,
        found,
        origin,
        notes: loaded.notes.clone(),
        kept,
        failed: (0, 0),
    })
}

fn options(config: &Config, experiment: Experiment, scores: Vec<Score>, loaded: &Loaded, set: &Set) -> Options {
    // Genuine pairs tell people apart where names don't.
    let people_known = loaded.people_known || set.pairs.is_some();
    Options {
        scores,
        metrics: MetricOptions {
            fmrs: config.fmrs.clone(),
            published: config.metrics.published().then_some(match experiment {
                Experiment::SingleImage => PublishedForm::Grid,
                _ => PublishedForm::Roc,
            }),
            replicates: if people_known { config.replicates } else { 0 },
            confidence: config.confidence,
            seed: config.seed,
            ..MetricOptions::default()
        },
        worst: 0,
        ..Options::default()
    }
}

/// Hash over everything that a part's result depends on.
fn key(experiment: Experiment, options: &Options, loaded: &Loaded, set: &Set) -> Result<String> {
    let pairs = set.pairs.as_deref().map(set::sha256).transpose()?;
    let inputs = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "experiment": experiment,
        "options": options,
        "set": loaded.content,
        "pairs": pairs,
        "format": set.format.map(|format| format.layout()),
        "leave_out_missing": set.leave_out_missing,
        "folds": set.folds,
        "people": set.rule().map(|rule| rule.described()).ok(),
    });
    Ok(hex::encode(Sha256::digest(inputs.to_string())))
}

fn compare(
    session: Session,
    experiment: Experiment,
    options: &Options,
    loaded: &mut Loaded,
    set: &Set,
) -> Result<Evaluation> {
    let what = format!("{} {}", set.name, experiment.name());
    let packed = loaded.packed.clone();
    match (experiment, &set.pairs, set.format) {
        (Experiment::SingleImage, pairs, format) => {
            let missing = match set.leave_out_missing {
                true => Missing::LeaveOut,
                false => Missing::Refuse,
            };
            let (file, path) = match (pairs, format, packed, &set.photos) {
                (Some(path), Some(format), ..) => (pair_file(path, format, set.folds)?, path),
                (_, _, Some(file), Some(photos)) => (in_folds(file, set.folds)?, photos),
                _ => {
                    return Err(Error::new(
                        ErrorKind::InvalidArgument,
                        format!("set {}: single-image needs pairs and format", set.name),
                    ));
                }
            };
            let resolved = set::resolved(
                &file,
                path,
                &Names::of(&loaded.set),
                missing,
                "leave_out_missing = true",
            )?;
            loaded.people_by_pairs(resolved.list.pairs())?;
            with_bar(session, &what, |work| {
                protocol::single_image(&loaded.set, &resolved, options, work)
            })
        }
        (Experiment::Robustness, ..) => {
            let sample = SampleOptions {
                seed: options.metrics.seed,
                ..SampleOptions::default()
            };
            with_bar(session, &what, |work| {
                protocol::robustness(&loaded.set, &sample, options, work)
            })
        }
        (Experiment::AllPairs, ..) => with_bar(session, &what, |work| protocol::all_pairs(&loaded.set, options, work)),
    }
}
