//! Thresholds of given false match rates, measured, with confidence intervals.

use super::fit::{allowed, check_quality, check_support, tail_of};
use crate::compare::QualityParameters;
use crate::error::{Error, ErrorKind, Result};
use crate::pairs::{Count, Kept, Pairs, Prepared, Source, Tail};
use crate::work::Work;

mod bootstrap;

/// How a measurement is made.
#[derive(Debug, Clone, Copy)]
pub struct MeasureOptions<'a> {
    /// How many times the people are drawn anew for the intervals, at most 100,000; with 0, or where fewer than 40
    /// draws have pairs of both kinds, there are no intervals.
    pub replicates: usize,
    /// Equal seeds give equal intervals.
    pub seed: u64,
    /// Measure FMRs that the impostor pairs are too few for (below 3 of them) all the same.
    pub allow_unsupported: bool,
    /// Threads, progress (in pairs, then in draws) and stopping.
    pub work: Work<'a>,
}

impl Default for MeasureOptions<'_> {
    fn default() -> Self {
        MeasureOptions {
            replicates: 1000,
            seed: 0,
            allow_unsupported: false,
            work: Work::default(),
        }
    }
}

/// From and to.
pub type Interval = (f64, f64);

/// A threshold and what was measured at it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeasuredThreshold {
    /// The wanted false match rate: at most this share of the impostor pairs reaches the score.
    pub fmr: f64,
    /// The score: half way between the last impostor pair that passes and the first that doesn't.
    pub score: f64,
    /// Share of the genuine pairs that don't reach it, 0..=1.
    pub fnmr: f64,
    /// How many impostor pairs reach it.
    pub impostors_above: u64,
    /// 95 % interval of the score with that FMR, over sets of as many other people.
    pub score_interval: Option<Interval>,
    /// 95 % interval of the FNMR at that FMR.
    pub fnmr_interval: Option<Interval>,
}

/// Measures the thresholds of the quality-aware score with these parameters, by falling FMR, exactly: as order
/// statistics of all impostor pairs.
///
/// The intervals are of a bootstrap by person, as pairs of one person are no independent ones: people are drawn with
/// replacement, as many as there are; a pair counts as often as its people came up (the product, for two), and pairs of
/// a person with their own copy don't count. Threshold and FNMR are found anew in each draw; the interval is from the
/// 2.5th to the 97.5th percentile of all draws, and holds the measured value.
///
/// Memory: as [`super::fit::fit`], with one and a half times the greatest FMR.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] without an FMR, for one outside 1e-12..1, or for options outside their range;
/// [`ErrorKind::Calibration`] when the set has no genuine or no impostor pair, or has too few impostor pairs for an
/// FMR, saying how many it takes, or was normalised ([`Prepared::lost_quality`]) and the parameters are not those of
/// the plain cosine, both 0; [`ErrorKind::Limit`] when too many pairs would have to be kept; [`ErrorKind::Cancelled`].
pub fn measure(
    set: &Prepared,
    pairs: Pairs,
    parameters: &QualityParameters,
    fmrs: &[f64],
    options: &MeasureOptions,
) -> Result<Vec<MeasuredThreshold>> {
    let fmrs = options.check(fmrs)?;
    if (parameters.alpha, parameters.beta) != (0.0, 0.0) {
        check_quality(set)?;
    }
    let source = Source::new(set, pairs, &options.work)?;
    let count = source.count();
    if count.genuine == 0 || count.impostor == 0 {
        let what = if count.genuine == 0 { "genuine" } else { "impostor" };
        return Err(Error::new(
            ErrorKind::Calibration,
            format!("there is no {what} pair: no threshold can be measured"),
        ));
    }
    if !options.allow_unsupported {
        check_support(fmrs[0], count.impostor)?;
    }
    let score = |pair: &Kept| parameters.score(pair.cosine, pair.quality, pair.quality);
    // Deeper each time, where the draws reach below what was kept; the last keeps everything.
    let mut depth = 1.5;
    loop {
        let deepest = (fmrs[fmrs.len() - 1] * depth).min(1.0);
        let kept = allowed(deepest, count.impostor);
        let tail = tail_of(&source, parameters, deepest, &options.work)?;
        options.work.check()?;
        let mut measured = exact(&tail, &fmrs, count, score)?;
        if options.replicates == 0 || bootstrap::intervals(&source, &tail, kept, &mut measured, options, score)? {
            measured.reverse();
            return Ok(measured);
        }
        depth *= 4.0;
    }
}

/// The FMRs worth a threshold each: powers of ten from 1e-2 down to 1e-8 that the pairs support, or 1e-1 where they
/// support no other.
pub fn supported_fmrs(count: Count) -> Vec<f64> {
    let is_supported = |fmr: &f64| check_support(*fmr, count.impostor).is_ok();
    let all: Vec<f64> = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8]
        .into_iter()
        .filter(is_supported)
        .collect();
    match all.is_empty() {
        true => [1e-1].into_iter().filter(is_supported).collect(),
        false => all,
    }
}

impl MeasureOptions<'_> {
    /// The FMRs, rising and each once, after a check of them and the options.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] without an FMR, for one outside 1e-12..1, or for too many draws.
    pub fn check(&self, fmrs: &[f64]) -> Result<Vec<f64>> {
        if self.replicates > 100_000 {
            return Err(invalid(format!(
                "{} draws were asked for, at most 100000 are made",
                self.replicates
            )));
        }
        rising(fmrs)
    }
}

/// The FMRs, rising, each once.
fn rising(fmrs: &[f64]) -> Result<Vec<f64>> {
    if let Some(wrong) = fmrs.iter().find(|fmr| !(1e-12..1.0).contains(*fmr)) {
        return Err(invalid(format!(
            "a false match rate of {wrong} was asked for, allowed is 1e-12 to below 1"
        )));
    }
    let mut fmrs = fmrs.to_vec();
    fmrs.sort_unstable_by(f64::total_cmp);
    fmrs.dedup();
    if fmrs.is_empty() {
        return Err(invalid("no false match rate was asked for".into()));
    }
    Ok(fmrs)
}

/// The thresholds without intervals, by rising FMR.
fn exact(tail: &Tail, fmrs: &[f64], count: Count, score: impl Fn(&Kept) -> f64) -> Result<Vec<MeasuredThreshold>> {
    let mut impostor: Vec<f64> = tail.impostor.iter().map(&score).collect();
    impostor.sort_unstable_by(|a, b| b.total_cmp(a));
    let mut genuine: Vec<f64> = tail.genuine.iter().map(&score).collect();
    genuine.sort_unstable_by(f64::total_cmp);
    let measured = fmrs.iter().map(|&fmr| {
        let most = allowed(fmr, count.impostor) as usize;
        let threshold = match impostor.get(most) {
            // Every impostor pair may pass.
            None => impostor.last().copied().unwrap_or(f64::NEG_INFINITY),
            Some(&limit) => {
                let passing = impostor[..most].iter().rev().find(|&&score| score > limit);
                let between = passing.map(|&passing| match limit + (passing - limit) / 2.0 {
                    middle if middle > limit => middle,
                    _ => passing, // neighbouring numbers have no middle
                });
                between.unwrap_or(limit.next_up())
            }
        };
        MeasuredThreshold {
            fmr,
            score: threshold,
            fnmr: genuine.partition_point(|&score| score < threshold) as f64 / genuine.len() as f64,
            impostors_above: impostor.partition_point(|&score| score >= threshold) as u64,
            score_interval: None,
            fnmr_interval: None,
        }
    });
    Ok(measured.collect())
}

fn invalid(what: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}

#[cfg(test)]
mod tests;
