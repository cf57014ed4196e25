//! Intervals by drawing people with replacement.

use super::{Interval, MeasureOptions, MeasuredThreshold};
use crate::error::Result;
use crate::pairs::bootstrap::{interval, multiplicities};
use crate::pairs::{Kept, Prepared, Source, Tail};

/// The share of draws that an interval holds.
const CONFIDENCE: f64 = 0.95;

/// Fewer usable draws than this give no interval.
const LEAST_DRAWS: usize = 40;

/// A pair's score and its people.
#[derive(Clone, Copy)]
pub(super) struct Scored {
    score: f64,
    a: u32,
    b: u32,
}

/// What a draw gives for each FMR: the score that the passing impostor pairs exceed, and the FNMR.
type Draw = Vec<(f64, f64)>;

/// Fills in the intervals; false when a draw needs impostor pairs that the tail doesn't have. The tail is sure to have
/// the best `kept`.
pub(super) fn intervals(
    source: &Source,
    tail: &Tail,
    kept: u64,
    measured: &mut [MeasuredThreshold],
    options: &MeasureOptions,
    score: impl Fn(&Kept) -> f64,
) -> Result<bool> {
    let set = source.set();
    let scored = |kept: &[Kept]| -> Vec<Scored> {
        let subject = |image: u32| set.subjects()[image as usize];
        let mut scored: Vec<Scored> = kept
            .iter()
            .map(|pair| Scored {
                score: score(pair),
                a: subject(pair.a),
                b: subject(pair.b),
            })
            .collect();
        // Best first; ties in a fixed order, as that of the tail is chance.
        scored.sort_unstable_by(|x, y| y.score.total_cmp(&x.score).then((x.a, x.b).cmp(&(y.a, y.b))));
        scored
    };
    let mut impostor = scored(&tail.impostor);
    let complete = impostor.len() as u64 == tail.count.impostor;
    if !complete {
        // Below those that the bounds were checked for, pairs are missing.
        impostor.truncate(kept.max(1) as usize);
    }
    options.work.check()?;
    let mut genuine = scored(&tail.genuine);
    genuine.reverse();
    let people = People::new(source, &genuine);
    let fmrs: Vec<f64> = measured.iter().map(|threshold| threshold.fmr).collect();
    let draws = options.work.each(
        options.replicates,
        options.replicates as u64,
        || (Vec::new(), true),
        |(draws, enough), index| {
            let times = people.draw(options.seed, index as u64);
            if let (Some(impostors), Some(genuines)) = (people.impostors(&times), people.genuines(&times)) {
                match limits(&impostor, &times, &fmrs, impostors, complete) {
                    Some(limits) => draws.push(fnmrs(&genuine, &times, &limits, genuines)),
                    None => *enough = false,
                }
            }
            1
        },
    )?;
    if !draws.iter().all(|&(_, enough)| enough) {
        return Ok(false);
    }
    let draws: Vec<Draw> = draws.into_iter().flat_map(|(draws, _)| draws).collect();
    if draws.len() >= LEAST_DRAWS {
        for (at, threshold) in measured.iter_mut().enumerate() {
            let limits = draws.iter().map(|draw| draw[at].0).collect();
            let fnmrs = draws.iter().map(|draw| draw[at].1).collect();
            threshold.score_interval = Some(percentiles(limits, threshold.score));
            threshold.fnmr_interval = Some(percentiles(fnmrs, threshold.fnmr));
        }
    }
    Ok(true)
}

/// The people of a set, and what pairs they make.
pub(super) struct People<'a> {
    source: &'a Source<'a>,
    /// How many images each has.
    images: Vec<u64>,
    /// How many genuine pairs each has; those of a list that says that two people are one, by both.
    genuine: Vec<(u32, u32, u64)>,
}

impl<'a> People<'a> {
    pub(super) fn new(source: &'a Source<'a>, genuine: &[Scored]) -> Self {
        let set: &Prepared = source.set();
        let mut images = vec![0; set.subject_count()];
        for &subject in set.subjects() {
            images[subject as usize] += 1;
        }
        let mut pairs: Vec<(u32, u32)> = genuine.iter().map(|pair| (pair.a, pair.b)).collect();
        pairs.sort_unstable();
        People {
            source,
            images,
            genuine: pairs
                .chunk_by(|x, y| x == y)
                .map(|run| (run[0].0, run[0].1, run.len() as u64))
                .collect(),
        }
    }

    /// How often each person comes up in draw `index`.
    fn draw(&self, seed: u64, index: u64) -> Vec<u32> {
        multiplicities(seed, index, self.images.len())
    }

    /// How many impostor pairs a draw has; `None` for none.
    pub(super) fn impostors(&self, times: &[u32]) -> Option<f64> {
        let sum = match self.source.list() {
            Some(list) => {
                let subjects = self.source.set().subjects();
                let impostors = list.pairs().iter().filter(|pair| !pair.genuine);
                impostors
                    .map(|pair| weight(times, subjects[pair.a as usize], subjects[pair.b as usize]) as f64)
                    .sum()
            }
            None => {
                let of = times
                    .iter()
                    .zip(&self.images)
                    .map(|(&times, &images)| f64::from(times) * images as f64);
                let (sum, squares) = of.fold((0.0, 0.0), |(sum, squares), n| (sum + n, squares + n * n));
                (sum * sum - squares) / 2.0
            }
        };
        (sum > 0.0).then_some(sum)
    }

    fn genuines(&self, times: &[u32]) -> Option<f64> {
        let sum: u64 = self
            .genuine
            .iter()
            .map(|&(a, b, pairs)| weight(times, a, b) * pairs)
            .sum();
        (sum > 0).then_some(sum as f64)
    }
}

/// How often a pair of images of these people comes up.
pub(super) fn weight(times: &[u32], a: u32, b: u32) -> u64 {
    let (first, second) = (u64::from(times[a as usize]), u64::from(times[b as usize]));
    if a == b { first } else { first * second }
}

/// For each FMR (rising), the score that the impostor pairs which may pass exceed; `None` when there are too few pairs
/// to tell.
fn limits(impostor: &[Scored], times: &[u32], fmrs: &[f64], total: f64, complete: bool) -> Option<Vec<f64>> {
    let mut limits = Vec::with_capacity(fmrs.len());
    let mut passing = 0.0;
    let mut wanted = fmrs.iter().map(|fmr| fmr * total).peekable();
    for pair in impostor {
        passing += weight(times, pair.a, pair.b) as f64;
        while wanted.next_if(|&wanted| passing > wanted).is_some() {
            limits.push(pair.score);
        }
        if wanted.peek().is_none() {
            return Some(limits);
        }
    }
    if !complete {
        return None;
    }
    limits.resize(fmrs.len(), impostor.last()?.score);
    Some(limits)
}

/// The FNMR at each of the falling limits.
fn fnmrs(genuine: &[Scored], times: &[u32], limits: &[f64], total: f64) -> Draw {
    let mut failing = 0;
    let mut next = genuine.iter().peekable();
    let mut draw: Draw = limits
        .iter()
        .rev()
        .map(|&limit| {
            while let Some(pair) = next.next_if(|pair| pair.score <= limit) {
                failing += weight(times, pair.a, pair.b);
            }
            (limit, failing as f64 / total)
        })
        .collect();
    draw.reverse();
    draw
}

/// The middle 95 % of the values, of which there is one at least, widened to hold `measured`.
fn percentiles(mut values: Vec<f64>, measured: f64) -> Interval {
    let (low, high) = interval(&mut values, CONFIDENCE).unwrap_or((measured, measured));
    (low.min(measured), high.max(measured))
}
