//! The file of a study.

use crate::evaluate::commands::single_image::Format;
use crate::evaluate::pages::Definitions;
use crate::evaluate::scores::Which;
use crate::people::{self, PersonRule};
use qmagface::{Error, ErrorKind, Result};
use qmagface_evaluate::metrics::PUBLISHED_FMRS;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Longest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A study: every model on every set.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The report's heading.
    #[serde(default = "title")]
    pub title: String,
    /// The scores that are evaluated.
    #[serde(default = "both_scores")]
    pub scores: Which,
    /// Which definitions of the metrics are shown.
    #[serde(default = "both_definitions")]
    pub metrics: Definitions,
    /// False match rates at which the FNMR is given.
    #[serde(default = "fmrs")]
    pub fmrs: Vec<f64>,
    /// Bootstrap replicates; 0: no intervals.
    #[serde(default = "replicates")]
    pub replicates: usize,
    /// Share of the replicates that an interval holds.
    #[serde(default = "confidence")]
    pub confidence: f64,
    /// Seed of everything random.
    #[serde(default)]
    pub seed: u64,
    /// The models, in the tables' order.
    pub models: Vec<Model>,
    /// The sets, in the tables' order.
    pub sets: Vec<Set>,
}

/// A model of a study.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// How tables call it; also stands for `{model}` in the sets' paths.
    pub name: String,
    /// Its pack: embeds photos, and gives alpha and beta where nothing else does.
    #[serde(default)]
    pub pack: Option<String>,
    #[serde(default)]
    pub alpha: Option<f64>,
    #[serde(default)]
    pub beta: Option<f64>,
    /// A calibration file with alpha and beta.
    #[serde(default)]
    pub calibration: Option<PathBuf>,
}

/// A set of a study.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// How tables call it.
    pub name: String,
    /// Embeddings and names by model, or photos.
    #[serde(default)]
    pub embeddings: Option<String>,
    #[serde(default)]
    pub filenames: Option<String>,
    #[serde(default)]
    pub photos: Option<PathBuf>,
    /// The pair file for `single-image`.
    #[serde(default)]
    pub pairs: Option<PathBuf>,
    #[serde(default)]
    pub format: Option<Format>,
    /// Leave pairs out whose images have no embedding.
    #[serde(default)]
    pub leave_out_missing: bool,
    /// Put the pairs into so many folds, in place of those that the file names.
    #[serde(default)]
    pub folds: Option<u16>,
    /// Who is on an image: the first folders of its name, or what a regular expression finds in it.
    #[serde(default)]
    pub person_depth: Option<u8>,
    #[serde(default)]
    pub person_pattern: Option<String>,
    /// The experiments; by default `single-image` where there is a pair file, else `robustness`.
    #[serde(default)]
    pub protocols: Vec<Experiment>,
}

impl Set {
    /// Who is on the set's images.
    ///
    /// # Errors
    /// What is wrong with the rule.
    pub fn rule(&self) -> Result<PersonRule, String> {
        if self.person_depth.is_some() && self.person_pattern.is_some() {
            return Err("give person_depth or person_pattern, not both".to_owned());
        }
        if self.person_depth == Some(0) {
            return Err("person_depth is 1 or more".to_owned());
        }
        Ok(PersonRule {
            person_depth: self.person_depth,
            person_pattern: self.person_pattern.as_deref().map(people::pattern).transpose()?,
        })
    }
}

/// An experiment of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    SingleImage,
    Robustness,
    AllPairs,
}

impl Experiment {
    pub fn name(self) -> &'static str {
        match self {
            Experiment::SingleImage => "single-image",
            Experiment::Robustness => "robustness",
            Experiment::AllPairs => "all-pairs",
        }
    }
}

fn title() -> String {
    "Study".to_owned()
}

fn both_scores() -> Which {
    Which::Both
}

fn both_definitions() -> Definitions {
    Definitions::Both
}

fn fmrs() -> Vec<f64> {
    PUBLISHED_FMRS.to_vec()
}

fn replicates() -> usize {
    200
}

fn confidence() -> f64 {
    0.95
}

impl Config {
    /// Reads a study's file; relative paths in it are below its folder.
    ///
    /// # Errors
    /// [`ErrorKind::Io`]; [`ErrorKind::InvalidArgument`] naming what is wrong in it.
    pub fn read(path: &Path) -> Result<Config> {
        let length = path.metadata().map_err(|error| Error::io(path, "read", &error))?.len();
        if length > MAX_BYTES {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("{} has {length} bytes, a study has at most {MAX_BYTES}", path.display()),
            ));
        }
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, "read", &error))?;
        let wrong = |what: String| Error::new(ErrorKind::InvalidArgument, what).at(path.display());
        let mut config: Config = toml::from_str(&text).map_err(|error| wrong(error.to_string().trim().to_owned()))?;
        config.settle(path.parent().unwrap_or(Path::new(""))).map_err(wrong)?;
        Ok(config)
    }

    /// Makes paths absolute or relative to the working folder, fills the experiments in, and checks the whole.
    fn settle(&mut self, folder: &Path) -> Result<(), String> {
        if self.models.is_empty() || self.sets.is_empty() {
            return Err("a study has at least one [[models]] and one [[sets]]".to_owned());
        }
        unique("model", self.models.iter().map(|model| &model.name))?;
        unique("set", self.sets.iter().map(|set| &set.name))?;
        for model in &mut self.models {
            if model.alpha.is_some() != model.beta.is_some() {
                return Err(format!("model {}: alpha and beta come together", model.name));
            }
            if let Some(path) = &mut model.calibration {
                *path = folder.join(&path);
            }
        }
        for set in &mut self.sets {
            let name = &set.name;
            match (&set.photos, &set.embeddings, &set.filenames) {
                (Some(_), None, None) | (None, Some(_), Some(_)) => {}
                _ => return Err(format!("set {name}: give embeddings and filenames, or photos")),
            }
            if set.pairs.is_some() != set.format.is_some() {
                return Err(format!("set {name}: pairs and format come together"));
            }
            set.rule().map_err(|error| format!("set {name}: {error}"))?;
            let has_pairs = set.pairs.is_some()
                || set
                    .photos
                    .as_deref()
                    .is_some_and(|photos| folder.join(photos).is_file());
            if set.protocols.is_empty() {
                let experiment = match has_pairs {
                    true => Experiment::SingleImage,
                    false => Experiment::Robustness,
                };
                set.protocols.push(experiment);
            }
            if set.protocols.contains(&Experiment::SingleImage) && !has_pairs {
                return Err(format!("set {name}: single-image needs pairs and format"));
            }
            unique(
                &format!("set {name}: protocol"),
                set.protocols.iter().map(|one| one.name()),
            )?;
            for path in set.pairs.iter_mut().chain(&mut set.photos) {
                *path = folder.join(&path);
            }
            for path in set.embeddings.iter_mut().chain(&mut set.filenames) {
                *path = folder.join(&path).to_string_lossy().into_owned();
            }
            if set.photos.is_some()
                && let Some(model) = self.models.iter().find(|model| model.pack.is_none())
            {
                return Err(format!("set {name} has photos: model {} needs its pack", model.name));
            }
        }
        Ok(())
    }
}

fn unique<T: AsRef<str>>(what: &str, names: impl Iterator<Item = T>) -> Result<(), String> {
    let mut seen = HashSet::new();
    for name in names {
        let name = name.as_ref();
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return Err(format!(
                "{what} {name:?}: a name without / and \\, that doesn't begin with a dot"
            ));
        }
        if !seen.insert(name.to_owned()) {
            return Err(format!("{what} {name} is there twice"));
        }
    }
    Ok(())
}
