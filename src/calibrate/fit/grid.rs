//! The best of a grid of weights for each FMR.

use super::{FitOptions, Point, Procedure, Warning, bad};
use crate::error::Result;
use crate::pairs::{Bounds, Kept, ScoredPair, Source, Tail};
use crate::work::Work;

/// How many times the wanted FMR the first bounds reach, and what is tried when that was too little.
const MARGINS: [f64; 3] = [1.0, 1.5, 4.0];

/// Widens bounds by the regions of the drawn pairs at an FMR.
pub(super) type Widen<'a> = dyn Fn(&[ScoredPair], f64, &mut Bounds) + 'a;

/// Weights and FMRs.
pub(super) struct Grid {
    /// Rising.
    pub weights: Vec<f64>,
    /// Rising.
    pub fmrs: Vec<f64>,
    /// How many impostor pairs may pass at each.
    pub allowed: Vec<u64>,
    /// The greatest lower quality of a pair.
    pub greatest_quality: f64,
}

/// How many of `impostors` pairs are at most the share `fmr`.
pub fn allowed(fmr: f64, impostors: u64) -> u64 {
    let share = |passing: u64| passing as f64 / impostors as f64;
    let mut passing = ((fmr * impostors as f64) as u64).min(impostors);
    // The product's rounding can be one off.
    while passing < impostors && share(passing + 1) <= fmr {
        passing += 1;
    }
    while passing > 0 && share(passing) > fmr {
        passing -= 1;
    }
    passing
}

/// For each number of pairs that may pass (rising), the score that none of the others exceeds: a pair passes with more.
/// `None` when too few scores are there to tell. `all`: these are all impostor pairs.
pub(super) fn limits(scores: &mut Vec<f64>, allowed: &[u64], all: bool) -> Option<Vec<f64>> {
    let most = *allowed.last()? as usize;
    if most >= scores.len() && !all {
        return None;
    }
    if most + 1 < scores.len() {
        scores.select_nth_unstable_by(most, |a, b| b.total_cmp(a));
        scores.truncate(most + 1);
    }
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let limit = |&passing: &u64| scores.get(passing as usize).copied().unwrap_or(f64::NEG_INFINITY);
    Some(allowed.iter().map(limit).collect())
}

impl Grid {
    pub fn new(source: &Source, options: &FitOptions, fmrs: &[f64]) -> Self {
        let greatest_quality = source.greatest_quality();
        let end = 0.5 / greatest_quality;
        let step = 2.0 * end / (options.weights - 1) as f64;
        let mut weights: Vec<f64> = (0..options.weights).map(|i| -end + step * i as f64).collect();
        weights[options.weights - 1] = end;
        Grid {
            weights,
            fmrs: fmrs.to_vec(),
            allowed: fmrs.iter().map(|&fmr| allowed(fmr, source.count().impostor)).collect(),
            greatest_quality,
        }
    }

    /// A tail that is sure to hold what passes at every FMR with every weight, and, as far as the guess goes, what the
    /// regions that `more` adds hold.
    pub fn collect(&self, source: &Source, work: &Work, more: Option<&Widen>) -> Result<Tail> {
        if let Some(drawn) = source.draw(work)? {
            for margin in MARGINS {
                let greatest = self.fmrs[self.fmrs.len() - 1] * margin;
                let Some(bounds) = self.guess(source, &drawn, greatest, more) else {
                    break;
                };
                let tail = source.collect(bounds, work)?;
                if self.covered(&tail, work)? {
                    return Ok(tail);
                }
            }
        }
        source.collect(Bounds::all(source.set()), work)
    }

    /// Bounds from some of the impostor pairs; `None` when nearly all would be within them.
    fn guess(&self, source: &Source, drawn: &[ScoredPair], fmr: f64, more: Option<&Widen>) -> Option<Bounds> {
        let mut bounds = Bounds::none(source.set());
        for &weight in &self.weights {
            let threshold = quantile(drawn, fmr, |pair| pair.cosine + weight * pair.quality)?;
            bounds.include(|quality| threshold - weight * quality);
        }
        if let Some(more) = more {
            more(drawn, fmr, &mut bounds);
        }
        Some(bounds)
    }

    /// Whether the tail has everything that passes.
    fn covered(&self, tail: &Tail, work: &Work) -> Result<bool> {
        let most = [self.allowed[self.allowed.len() - 1]];
        let mut scores = Vec::new();
        for &weight in &self.weights {
            work.check()?;
            scores.clear();
            scores.extend(tail.impostor.iter().map(|pair| score(pair, weight)));
            let limit = limits(&mut scores, &most, false);
            if !limit.is_some_and(|limit| tail.bounds.cover(|quality| limit[0] - weight * quality)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The best weight of each FMR.
    pub fn points(
        &self,
        tail: &Tail,
        work: &Work,
        procedure: Procedure,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<Point>> {
        let silent = Work {
            progress: None,
            ..*work
        };
        let parts = silent.each(self.weights.len(), 0, Vec::new, |parts, index| {
            let weight = self.weights[index];
            parts.push((index, passing(tail, &self.allowed, |pair| score(pair, weight))));
            0
        })?;
        let mut by_weight: Vec<_> = parts.into_iter().flatten().collect();
        by_weight.sort_unstable_by_key(|&(index, _)| index);
        let (mut points, mut nothing_fails) = (Vec::new(), 0);
        for (at, &fmr) in self.fmrs.iter().enumerate() {
            let column = || {
                by_weight
                    .iter()
                    .filter_map(|(index, row)| Some((*index, row.as_ref()?[at])))
            };
            // The first of equals.
            let Some((index, best)) = column().reduce(|best, other| if other.1.0 > best.1.0 { other } else { best })
            else {
                continue;
            };
            let (genuine, threshold) = best;
            if genuine == 0 {
                continue;
            }
            let all = |passing: u64| passing == tail.count.genuine;
            nothing_fails += usize::from(column().filter(|(_, (passing, _))| all(*passing)).count() > 1);
            points.push(Point {
                fmr,
                weight: self.weights[index],
                threshold: match procedure {
                    Procedure::Published => sigmoid(threshold),
                    Procedure::Consistent | Procedure::Direct => threshold,
                },
                fnmr: 1.0 - genuine as f64 / tail.count.genuine as f64,
            });
        }
        if points.is_empty() {
            return Err(bad(
                "no genuine pair passes at any of the false match rates: nothing can be fitted".into(),
            ));
        }
        if points.len() < self.fmrs.len() {
            warnings.push(Warning::NothingPasses(self.fmrs.len() - points.len()));
        }
        if nothing_fails > 0 {
            warnings.push(Warning::NothingFails(nothing_fails));
        }
        Ok(points)
    }
}

/// The score that a little more than the share `fmr` of the drawn pairs reaches; `None` when that is nearly all.
pub(super) fn quantile(drawn: &[ScoredPair], fmr: f64, score: impl Fn(&ScoredPair) -> f64) -> Option<f64> {
    let wanted = fmr * drawn.len() as f64;
    // Six standard deviations more: the guess is rarely too high.
    let rank = (wanted + 6.0 * wanted.sqrt() + 10.0) as usize;
    if rank >= drawn.len() / 2 {
        return None;
    }
    let mut scores: Vec<f64> = drawn.iter().map(score).collect();
    Some(*scores.select_nth_unstable_by(rank, |a, b| b.total_cmp(a)).1)
}

/// For each number of impostor pairs that may pass (rising), how many genuine pairs pass then, and the least of their
/// scores. `None` when the tail has too few impostor pairs.
pub(super) fn passing(tail: &Tail, allowed: &[u64], score: impl Fn(&Kept) -> f64) -> Option<Vec<(u64, f64)>> {
    let mut scores: Vec<f64> = tail.impostor.iter().map(&score).collect();
    let all = tail.impostor.len() as u64 == tail.count.impostor;
    let limits = limits(&mut scores, allowed, all)?;
    let mut steps = vec![(0u64, f64::INFINITY); limits.len() + 1];
    for pair in &tail.genuine {
        let score = score(pair);
        // The first limit, they fall, that the score exceeds.
        let step = match score > limits[0] {
            true => 0,
            false => limits.partition_point(|&limit| score <= limit),
        };
        steps[step].0 += 1;
        steps[step].1 = steps[step].1.min(score);
    }
    steps.pop(); // what never passes
    for at in 1..steps.len() {
        steps[at].0 += steps[at - 1].0;
        steps[at].1 = steps[at].1.min(steps[at - 1].1);
    }
    Some(steps)
}

fn score(pair: &Kept, weight: f64) -> f64 {
    pair.cosine + weight * pair.quality
}

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
