//! Which scores are evaluated, and where the parameters of the quality-aware one come from.

use super::long::{Session, with_bar};
use super::set::{self, Loaded};
use super::settings::Settings;
use crate::arguments::check_model;
use clap::{Args, ValueEnum};
use qmagface::Work;
use qmagface::calibrate::fit::{FitOptions, Procedure, fit};
use qmagface::model::{Store, catalogue};
use qmagface::pairs::Pairs;
use qmagface::{Calibration, Error, ErrorKind, QualityParameters, Result};
use qmagface_evaluate::Score;
use qmagface_evaluate::protocol::{CrossOptions, cross_validate};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Which scores, with which parameters.
#[derive(Args)]
pub struct ScoreArguments {
    /// The scores that are evaluated
    #[arg(long, value_enum, default_value_t = Which::Both)]
    pub score: Which,
    /// The quality-aware score's alpha [default: of --calibration, else of the model]
    #[arg(
        long,
        requires = "beta",
        conflicts_with = "calibration",
        allow_negative_numbers = true
    )]
    pub alpha: Option<f64>,
    /// The quality-aware score's beta
    #[arg(long, requires = "alpha", allow_negative_numbers = true)]
    pub beta: Option<f64>,
    /// Calibration file whose alpha and beta are used (`qmagface calibrate`)
    #[arg(long, value_name = "FILE.toml")]
    pub calibration: Option<PathBuf>,
    /// Evaluate the quality-aware score also with parameters fitted on other people: people are parted into N folds, and
    /// a pair's parameters are fitted on the people outside its folds
    #[arg(long, value_name = "N")]
    pub cross_validate: Option<u32>,
    /// How --cross-validate fits: published, consistent or direct
    #[arg(long, default_value_t = Procedure::Published, requires = "cross_validate")]
    pub procedure: Procedure,
    /// Least and greatest false match rate that --cross-validate fits for
    #[arg(long, num_args = 2, value_names = ["LEAST", "GREATEST"], requires = "cross_validate",
        default_values_t = [1e-3, 1e-2])]
    pub fit_fmrs: Vec<f64>,
}

/// Which scores are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// The cosine alone
    Cosine,
    /// The quality-aware score alone
    Quality,
    /// Both
    Both,
}

/// Parameters and where they come from.
pub struct Parameters {
    pub parameters: QualityParameters,
    /// In words, for the report.
    pub origin: String,
}

/// Where parameters may come from, in the order in which they are looked for.
pub struct Given<'a> {
    pub alpha_beta: Option<(f64, f64)>,
    pub calibration: Option<&'a Path>,
    pub model: &'a str,
}

impl ScoreArguments {
    /// Checks before the work that the parameters can be had.
    ///
    /// # Errors
    /// As [`parameters`], but for what the embeddings decide.
    pub fn check(&self, model: &str) -> Result<()> {
        if let Some(folds) = self.cross_validate.filter(|folds| !(3..=100).contains(folds)) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("--cross-validate: {folds} folds of people were asked for, there are 3 to 100"),
            ));
        }
        if self.cross_validate.is_some() {
            FitOptions {
                fmr: (self.fit_fmrs[0], self.fit_fmrs[1]),
                ..FitOptions::default()
            }
            .check()
            .map_err(|error| error.at("--fit-fmrs"))?;
        }
        match self.score {
            Which::Cosine if self.calibration.is_some() || self.alpha.is_some() => Err(Error::new(
                ErrorKind::InvalidArgument,
                "--score cosine has no use for --calibration, --alpha and --beta",
            )),
            Which::Cosine => Ok(()),
            _ => parameters(&self.given(model), None).map(drop),
        }
    }

    fn given<'a>(&'a self, model: &'a str) -> Given<'a> {
        Given {
            alpha_beta: self.alpha.zip(self.beta),
            calibration: self.calibration.as_deref(),
            model,
        }
    }

    /// The scores for `loaded`, and what the report says of their parameters. `seed` parts the people into folds.
    ///
    /// # Errors
    /// As [`parameters`], [`qmagface::calibrate::fit`] and [`cross_validate`].
    pub fn scores(&self, session: Session, model: &str, loaded: &Loaded, seed: u64) -> Result<(Vec<Score>, Settings)> {
        let (mut scores, mut settings) = scores(self.score, &self.given(model), loaded)?;
        let Some(folds) = self.cross_validate else {
            return Ok((scores, settings));
        };
        if !loaded.people_known {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "--cross-validate parts people into folds, and the images' names don't say who is on them",
            ));
        }
        let options = CrossOptions {
            folds,
            seed,
            procedure: format!(
                "{} fit on all pairs of the people, false match rates {:e} to {:e}",
                self.procedure, self.fit_fmrs[0], self.fit_fmrs[1]
            ),
        };
        let score = with_bar(session, "fitting by folds", |work| {
            cross_validate(&loaded.set, &options, work, |others| {
                let options = FitOptions {
                    fmr: (self.fit_fmrs[0], self.fit_fmrs[1]), // clap takes exactly two
                    work: Work {
                        progress: None,
                        ..*work
                    },
                    ..FitOptions::default()
                };
                Ok(fit(others, Pairs::All, self.procedure, &options)?.parameters)
            })
        })?;
        settings.push((
            "cross-validation".to_owned(),
            format!("{folds} folds of people, seed {seed}; {}", options.procedure),
        ));
        scores.push(score);
        Ok((scores, settings))
    }
}

/// The scores for `loaded`, and what the report says of their parameters.
///
/// # Errors
/// As [`parameters`].
pub fn scores(which: Which, given: &Given, loaded: &Loaded) -> Result<(Vec<Score>, Settings)> {
    if which == Which::Cosine {
        return Ok((vec![Score::Cosine], Vec::new()));
    }
    if which == Which::Quality {
        loaded.quality_needed()?;
    }
    if let (Some(path), Some((engine, ..))) = (given.calibration, &loaded.chips.photos) {
        let calibration = Calibration::read(path)?;
        check_model(&calibration, path, engine)?;
    }
    let length = loaded.set.length();
    let Parameters { parameters, origin } = parameters(given, Some(length))?;
    let QualityParameters { alpha, beta } = parameters;
    let settings = vec![
        ("alpha, beta".to_owned(), format!("{alpha}, {beta}")),
        ("alpha and beta from".to_owned(), origin),
    ];
    let mut scores = vec![Score::quality(parameters)];
    if which == Which::Both {
        scores.insert(0, Score::Cosine);
    }
    Ok((scores, settings))
}

/// The parameters of the quality-aware score: given themselves, else of a calibration file, else of the model. `found` is
/// how many floats the embeddings have, where that is known.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for parameters outside -100..=100, or embeddings that the model can't have made; as
/// [`Calibration::read`]; [`ErrorKind::Model`] for a model that nobody knows or that has none.
pub fn parameters(given: &Given, found: Option<usize>) -> Result<Parameters> {
    if let Some((alpha, beta)) = given.alpha_beta {
        let parameters = Calibration::from_parameters(QualityParameters { alpha, beta })?.parameters();
        let origin = "the command".to_owned();
        return Ok(Parameters { parameters, origin });
    }
    if let Some(path) = given.calibration {
        let calibration = Calibration::read(path)?;
        let mut origin = set::described(path)?;
        for (what, value) in [("", calibration.procedure()), ("on ", calibration.fitted_on())] {
            if let Some(value) = value {
                origin += &format!("; {what}{value}");
            }
        }
        return Ok(Parameters {
            parameters: calibration.parameters(),
            origin,
        });
    }
    let model = given.model;
    let (length, calibration) = match Store::default_location()?.open_with_detector(model, None) {
        Ok((pack, _)) => (pack.manifest().embedding_length, pack.manifest().calibration.clone()),
        // Its constants are known without its weights.
        Err(error) if error.kind() == ErrorKind::ModelNotInstalled => {
            let manifest = catalogue::find(model).map_err(|_| error)?;
            (manifest.embedding_length, manifest.calibration.clone())
        }
        Err(error) => return Err(error),
    };
    if let (Some(found), Some(length)) = (found, length)
        && length != found
    {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "the embeddings have {found} floats, those of {model} have {length}: name their model with --model, or \
                 give --calibration, or --alpha and --beta, or --score cosine"
            ),
        ));
    }
    let calibration = calibration.ok_or_else(|| {
        Error::new(
            ErrorKind::Model,
            format!(
                "the model {model} has no alpha and beta: give --calibration, or --alpha and --beta, or --score cosine"
            ),
        )
    })?;
    Ok(Parameters {
        parameters: QualityParameters {
            alpha: calibration.alpha,
            beta: calibration.beta,
        },
        origin: format!(
            "the model {model}: {}, on {}",
            calibration.procedure, calibration.fitted_on
        ),
    })
}
