//! Error-versus-reject curves: what rejecting images of low quality gains.

use super::listed::scores_of;
use crate::metrics::{Ranked, Steps, exact};
use crate::results::{Reject, RejectCurve, RejectPoint, RejectResult, SetSummary};
use crate::score::{Score, invalid};
use qmagface::Work;
use qmagface::error::Result;
use qmagface::pairs::{List, Prepared, ScoredPair};

/// What is rejected, and at which FMRs it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct RejectOptions {
    /// The scores, at least one.
    pub scores: Vec<Score>,
    /// False match rates, each above 0 and at most 1.
    pub fmrs: Vec<f64>,
    /// Shares of the images that are rejected, each at least 0 and below 1, at most 1000 of them.
    pub shares: Vec<f64>,
}

impl Default for RejectOptions {
    /// The cosine at FMR 1e-2 and 1e-3, rejecting 0 to 50 % in steps of 2.5 %.
    fn default() -> Self {
        RejectOptions {
            scores: vec![Score::Cosine],
            fmrs: vec![1e-2, 1e-3],
            shares: (0..=20).map(|step| f64::from(step) * 0.025).collect(),
        }
    }
}

/// FNMR at fixed FMRs after rejecting the images of the lowest quality (MagFace, arXiv 2103.06627), over a list of pairs:
/// with a pair goes whatever has a rejected image. Shares are of the images that occur in the list.
///
/// Both readings of "fixed FMR" are given: with the threshold found anew on what is left, and with the threshold that all
/// pairs gave.
///
/// Memory: 60 bytes for each pair.
///
/// # Errors
/// [`qmagface::ErrorKind::InvalidArgument`] for options outside their range, or a list without genuine or without impostor
/// pairs; [`qmagface::ErrorKind::Cancelled`].
pub fn reject(set: &Prepared, list: &List, options: &RejectOptions, work: &Work) -> Result<Reject> {
    options.check()?;
    let mut shares = options.shares.clone();
    shares.sort_by(f64::total_cmp);
    let scored = list.score(set, work)?;
    let cutoffs = cutoffs(set, list, &shares);
    let genuine: Vec<bool> = list.pairs().iter().map(|pair| pair.genuine).collect();
    let mut results = Vec::with_capacity(options.scores.len());
    for score in &options.scores {
        work.check()?;
        let scores = scores_of(set, list, &scored, &score.resolve(set)?);
        let ranked = Ranked::new(&scores, &genuine)?;
        let thresholds: Vec<f64> = exact::fnmr_at(&ranked, &options.fmrs)
            .iter()
            .map(|at| at.threshold)
            .collect();
        let mut curves: Vec<RejectCurve> = options
            .fmrs
            .iter()
            .map(|&fmr| RejectCurve {
                fmr,
                points: Vec::with_capacity(shares.len()),
            })
            .collect();
        for (&share, &cutoff) in shares.iter().zip(&cutoffs) {
            work.check()?;
            let left = Left::of(&ranked, &scored, cutoff);
            for (curve, &threshold) in curves.iter_mut().zip(&thresholds) {
                curve.points.push(left.point(share, curve.fmr, threshold));
            }
        }
        results.push(RejectResult {
            score: score.clone(),
            curves,
        });
    }
    let count = list.count();
    Ok(Reject {
        set: SetSummary::of(set),
        genuine: count.genuine,
        impostor: count.impostor,
        results,
        notes: super::spread::support_notes(&options.fmrs, count.impostor),
    })
}

impl RejectOptions {
    /// Checks the self.
    ///
    /// # Errors
    /// [`qmagface::ErrorKind::InvalidArgument`] for an option outside its range.
    pub fn check(&self) -> Result<()> {
        if self.scores.is_empty() {
            return Err(invalid("no score was asked for"));
        }
        if let Some(fmr) = self.fmrs.iter().find(|&&fmr| !(fmr > 0.0 && fmr <= 1.0)) {
            return Err(invalid(format!(
                "a false match rate of {fmr} was asked for; it is above 0 and at most 1"
            )));
        }
        if let Some(share) = self.shares.iter().find(|&share| !(0.0..1.0).contains(share)) {
            return Err(invalid(format!(
                "a share of {share} was to be rejected; it is at least 0 and below 1"
            )));
        }
        if self.shares.len() > 1000 {
            return Err(invalid(format!(
                "{} shares were asked for, at most 1000 are measured",
                self.shares.len()
            )));
        }
        Ok(())
    }
}

/// For each share the quality below which images are rejected.
fn cutoffs(set: &Prepared, list: &List, shares: &[f64]) -> Vec<f64> {
    let mut used = vec![false; set.len()];
    for pair in list.pairs() {
        used[pair.a as usize] = true;
        used[pair.b as usize] = true;
    }
    let qualities = set.qualities().iter().zip(&used).filter(|(_, used)| **used);
    let mut qualities: Vec<f64> = qualities.map(|(&quality, _)| quality).collect();
    qualities.sort_unstable_by(f64::total_cmp);
    let at = |&share: &f64| {
        qualities
            .get((share * qualities.len() as f64) as usize)
            .copied()
            .unwrap_or(0.0)
    };
    shares.iter().map(at).collect()
}

/// The scores of the pairs that are left, falling.
struct Left {
    quality: f64,
    genuine: Vec<f64>,
    impostor: Vec<f64>,
}

impl Left {
    fn of(ranked: &Ranked, scored: &[ScoredPair], quality: f64) -> Self {
        let mut left = Left {
            quality,
            genuine: Vec::with_capacity(ranked.genuine() as usize),
            impostor: Vec::with_capacity(ranked.impostor() as usize),
        };
        for (score, index, genuine) in ranked.iter() {
            if scored[index].quality >= quality {
                let of = if genuine { &mut left.genuine } else { &mut left.impostor };
                of.push(score);
            }
        }
        left
    }

    fn point(&self, rejected: f64, fmr: f64, fixed: f64) -> RejectPoint {
        let allowed = exact::allowed(fmr, self.impostor.len() as u64) as usize;
        // Matching scores are above the first impostor score too many.
        let missed = match self.impostor.get(allowed) {
            Some(&limit) => self.genuine.len() - self.genuine.partition_point(|&score| score > limit),
            None => 0,
        };
        let matching = |scores: &[f64]| scores.partition_point(|&score| score >= fixed);
        let share = |part: usize, scores: &[f64]| (!scores.is_empty()).then(|| part as f64 / scores.len() as f64);
        RejectPoint {
            rejected,
            quality: self.quality,
            genuine: self.genuine.len() as u64,
            impostor: self.impostor.len() as u64,
            fnmr: share(missed, &self.genuine).filter(|_| !self.impostor.is_empty()),
            fnmr_fixed: share(self.genuine.len() - matching(&self.genuine), &self.genuine),
            fmr_fixed: share(matching(&self.impostor), &self.impostor),
        }
    }
}
