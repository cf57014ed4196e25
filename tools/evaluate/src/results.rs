//! What the protocols find, as it is written to JSON and drawn in reports.

use super::metrics::{MetricOptions, Metrics};
use super::score::{Score, invalid};
use qmagface::error::Result;
use qmagface::pairs::review::Review;
use qmagface::pairs::{Prepared, SampleOptions};
use serde::{Deserialize, Serialize};

/// Which experiment an [`Evaluation`] is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Accuracy by folds on a pair file.
    SingleImage,
    /// Error rates on pairs generated for each person.
    Robustness,
    /// Error rates on all pairs of a set.
    AllPairs,
    /// Fused templates and listed pairs of them.
    Ijb,
}

/// What is common to the protocols' settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// The scores that are evaluated, at least one.
    pub scores: Vec<Score>,
    /// What is measured of each.
    pub metrics: MetricOptions,
    /// How many of the worst genuine and of the worst impostor pairs are named, at most 1000.
    pub worst: usize,
    /// Bins of each histogram, 1 to 10,000.
    pub bins: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            scores: vec![Score::Cosine],
            metrics: MetricOptions::default(),
            worst: 12,
            bins: 100,
        }
    }
}

/// Most named pairs of either kind.
const MOST_WORST: usize = 1000;

/// Most bins of a histogram.
const MOST_BINS: usize = 10_000;

impl Options {
    /// Checks that all is in its range.
    ///
    /// # Errors
    /// [`qmagface::ErrorKind::InvalidArgument`] naming what isn't.
    pub fn check(&self) -> Result<()> {
        self.metrics.check()?;
        if self.scores.is_empty() {
            return Err(invalid("no score was asked for"));
        }
        if self.worst > MOST_WORST {
            return Err(invalid(format!(
                "{} worst pairs were asked for, at most {MOST_WORST} are named",
                self.worst
            )));
        }
        if !(1..=MOST_BINS).contains(&self.bins) {
            return Err(invalid(format!(
                "{} bins were asked for, there are 1 to {MOST_BINS}",
                self.bins
            )));
        }
        Ok(())
    }
}

/// What a set is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetSummary {
    /// Images (rows); in IJB templates.
    pub images: u64,
    /// People.
    pub subjects: u64,
    /// Floats of an embedding.
    pub dimension: u64,
}

impl SetSummary {
    /// What `set` is made of.
    pub fn of(set: &Prepared) -> Self {
        SetSummary {
            images: set.len() as u64,
            subjects: set.subject_count() as u64,
            dimension: set.length() as u64,
        }
    }
}

/// How pairs were generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Most images of one person.
    pub images: u64,
    /// Impostor pairs for each image of a genuine pair.
    pub impostors: u64,
    /// The seed.
    pub seed: u64,
}

impl From<SampleOptions> for Sample {
    fn from(options: SampleOptions) -> Self {
        Sample {
            images: options.images as u64,
            impostors: options.impostors as u64,
            seed: options.seed,
        }
    }
}

/// What one of the four comparing protocols found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The experiment.
    pub protocol: Protocol,
    /// The set.
    pub set: SetSummary,
    /// The settings.
    pub options: Options,
    /// How the pairs were generated, in [`Protocol::Robustness`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// Pairs of the pair file that were left out, because the set hasn't one of their images.
    #[serde(default)]
    pub left_out: u64,
    /// The qualities of the images.
    pub qualities: Histogram,
    /// Each score's figures, in the order of the settings.
    pub results: Vec<ScoreResult>,
    /// What a reader must know about these figures, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What was found with one score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreResult {
    /// The score.
    pub score: Score,
    /// Error rates and curves.
    pub metrics: Metrics,
    /// How the scores are spread.
    pub scores: ScoreHistogram,
    /// Genuine pairs of the lowest scores, the worst first.
    pub worst_genuine: Vec<WorstPair>,
    /// Impostor pairs of the highest scores, the worst first.
    pub worst_impostor: Vec<WorstPair>,
}

/// Counts in bins of equal width.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Lower end of the first bin.
    pub low: f64,
    /// Upper end of the last bin, > low; a value equal to it is in the last bin.
    pub high: f64,
    /// How many values are in each bin.
    pub counts: Vec<u64>,
}

/// Scores of genuine and of impostor pairs in the same bins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreHistogram {
    /// Lower end of the first bin.
    pub low: f64,
    /// Upper end of the last bin, > low; a value equal to it is in the last bin.
    pub high: f64,
    /// Genuine pairs in each bin.
    pub genuine: Vec<u64>,
    /// Impostor pairs in each bin.
    pub impostor: Vec<u64>,
}

/// A pair that was told wrong, or nearly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorstPair {
    /// Row of the one image in the set.
    pub a: u64,
    /// Row of the other.
    pub b: u64,
    /// The name of the one.
    pub name_a: String,
    /// The name of the other.
    pub name_b: String,
    /// The quality of the one.
    pub quality_a: f64,
    /// The quality of the other.
    pub quality_b: f64,
    /// Their cosine.
    pub cosine: f64,
    /// Their score.
    pub score: f64,
}

/// Fused templates evaluated with each way of fusing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ijb {
    /// Images that the templates were fused from.
    pub images: u64,
    /// Listed images that the set hasn't: failures to find a face.
    pub missing_images: u64,
    /// Templates without any image; their pairs are left out.
    pub empty_templates: u64,
    /// Which images may not belong into their template.
    pub review: Review,
    /// What each fusion gives.
    pub fusions: Vec<FusionResult>,
}

/// What one way of fusing gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FusionResult {
    /// `mean` or `quality`.
    pub fusion: FusionName,
    /// The figures.
    pub evaluation: Evaluation,
}

/// How templates are fused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FusionName {
    /// The mean of the embeddings.
    Mean,
    /// Weighted by quality.
    Quality,
}

/// FNMR against the share of images that are rejected for their quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reject {
    /// The set.
    pub set: SetSummary,
    /// Genuine pairs before anything is rejected.
    pub genuine: u64,
    /// Impostor pairs before anything is rejected.
    pub impostor: u64,
    /// Each score's curves.
    pub results: Vec<RejectResult>,
    /// What a reader must know about these figures, in sentences.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One score's error-versus-reject curves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RejectResult {
    /// The score.
    pub score: Score,
    /// One for each FMR.
    pub curves: Vec<RejectCurve>,
}

/// An error-versus-reject curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RejectCurve {
    /// The false match rate.
    pub fmr: f64,
    /// By rising share of rejected images.
    pub points: Vec<RejectPoint>,
}

/// A point of an error-versus-reject curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct RejectPoint {
    /// Share of the images that was asked to be rejected.
    pub rejected: f64,
    /// Images of a lower quality are rejected, and every pair with one of them.
    pub quality: f64,
    /// Genuine pairs left.
    pub genuine: u64,
    /// Impostor pairs left.
    pub impostor: u64,
    /// FNMR of what is left at the threshold that has the FMR on what is left; `None` where either kind is gone.
    pub fnmr: Option<f64>,
    /// FNMR of what is left at the threshold that has the FMR before anything is rejected; `None` without genuine pairs.
    pub fnmr_fixed: Option<f64>,
    /// FMR of what is left at that fixed threshold; `None` without impostor pairs.
    pub fmr_fixed: Option<f64>,
}

/// The best weight of the quality by threshold, and the lines fitted to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OptimalWeight {
    /// One for each set and procedure.
    pub fits: Vec<WeightFit>,
}

/// Best weights of one set by one procedure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightFit {
    /// How the set is called.
    pub name: String,
    /// The procedure.
    pub procedure: String,
    /// The set.
    pub set: SetSummary,
    /// Genuine pairs.
    pub genuine: u64,
    /// Impostor pairs.
    pub impostor: u64,
    /// The best weight at each FMR.
    pub points: Vec<WeightPoint>,
    /// The line `weight = beta * threshold - alpha`: its alpha.
    pub alpha: f64,
    /// The line's beta.
    pub beta: f64,
    /// What is odd about the fit, in sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// The best weight at one false match rate.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct WeightPoint {
    /// The false match rate.
    pub fmr: f64,
    /// The weight with the least FNMR.
    pub weight: f64,
    /// The threshold with it: of the published procedure through a sigmoid.
    pub threshold: f64,
    /// The FNMR there.
    pub fnmr: f64,
}

/// How long comparing and fitting take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Runtime {
    /// The set.
    pub set: SetSummary,
    /// Threads used.
    pub threads: u64,
    /// How often each task was run; times are of the median run.
    pub repeats: u64,
    /// Each task; the first is the plain cosine.
    pub tasks: Vec<Timing>,
}

/// How long one task takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// What is done.
    pub task: String,
    /// Pairs compared or fitted on.
    pub pairs: u64,
    /// Seconds of the median run.
    pub seconds: f64,
    /// Seconds of the fastest run.
    pub least: f64,
    /// Seconds of the slowest run.
    pub most: f64,
    /// Seconds relative to the plain cosine of as many pairs.
    pub against_cosine: f64,
}

/// How much memory comparing and fitting take beside the set itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// The set.
    pub set: SetSummary,
    /// Bytes of the set's embeddings.
    pub embeddings: u64,
    /// Each task; the first is the plain cosine.
    pub tasks: Vec<MemoryUse>,
}

/// How much memory one task takes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryUse {
    /// What is done.
    pub task: String,
    /// Pairs compared or fitted on.
    pub pairs: u64,
    /// Bytes by which the process's resident memory peaked above where the task began; `None` where the system doesn't
    /// tell.
    pub peak: Option<u64>,
    /// The peak relative to the plain cosine's, where both are known and the latter isn't 0.
    pub against_cosine: Option<f64>,
}
