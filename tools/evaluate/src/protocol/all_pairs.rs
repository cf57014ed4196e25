//! All genuine and impostor pairs of a set.

use super::counted::{Adder, Counted, Counters, Scale};
use super::placed::{Placed, Scoring};
use super::spread::{Bins, histogram, named, support_notes};
use super::tail;
use crate::metrics::{Estimate, ExactRates, Metrics, curve, exact};
use crate::results::{Evaluation, Options, Protocol, ScoreHistogram, ScoreResult, SetSummary, WorstPair};
use crate::score::invalid;
use qmagface::Work;
use qmagface::error::{Error, ErrorKind, Result};
use qmagface::pairs::{Count, Pair, Prepared, Row, ScoredPair, fold};
use std::collections::BinaryHeap;

/// Most genuine pairs: 600 MB of them for one score.
const MOST_GENUINE: u64 = 50_000_000;

/// What a thread finds for one score.
struct Found<'a> {
    impostor: Adder<'a>,
    genuine: Vec<Placed>,
    /// The impostor pairs of the highest scores, the least of them on top.
    worst: BinaryHeap<std::cmp::Reverse<Placed>>,
}

impl Found<'_> {
    /// The level from which on an impostor pair may be one of the `most` worst.
    fn least(&self, most: usize) -> u32 {
        match self.worst.peek() {
            _ if most == 0 => u32::MAX,
            Some(least) if self.worst.len() >= most => least.0.level,
            _ => 0,
        }
    }

    fn offer(&mut self, pair: Placed, most: usize) {
        if self.worst.len() < most {
            self.worst.push(std::cmp::Reverse(pair));
        } else if let Some(mut least) = self.worst.peek_mut()
            && least.0 < pair
        {
            *least = std::cmp::Reverse(pair);
        }
    }
}

/// Error rates over all pairs of two different images, compared in blocks; nothing but counts is kept of impostor pairs.
///
/// Scores are told apart to 2^-22 of what a score can be (4.8e-7 for the cosine; products in f32 are true to 1e-7 or
/// so); pairs within one such level count as ties. All figures are exact for scores so rounded, thresholds are levels'
/// edges. Intervals are of the FNMR and the EER, up to the FMR that 2 million impostor pairs make up.
///
/// The set is compared once, with intervals twice; the work's progress begins anew each time, and counts replicates in
/// the end.
///
/// Memory beside the set: 32 MiB and 16 bytes for each genuine pair, for each score, 2 MiB for each thread and score; with intervals up
/// to 60 MB more.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for options outside their range, or a set without genuine or without impostor pairs;
/// [`ErrorKind::Limit`] for more than 50 million genuine pairs; [`ErrorKind::Cancelled`].
pub fn all_pairs(set: &Prepared, options: &Options, work: &Work) -> Result<Evaluation> {
    options.check()?;
    let mut options = options.clone();
    options.metrics.published = None;
    let count = set.count();
    check_count(count)?;
    let scorings: Vec<Scoring> = options
        .scores
        .iter()
        .map(|score| {
            let weights = score.resolve(set)?;
            Ok(Scoring {
                score,
                scale: Scale::of(set, &weights),
                weights,
            })
        })
        .collect::<Result<_>>()?;
    let compared = compare(set, &scorings, options.worst, work)?;
    let mut notes = support_notes(&options.metrics.fmrs, count.impostor);
    let mut results = Vec::with_capacity(scorings.len());
    for (scoring, mut found) in scorings.iter().zip(compared) {
        work.check()?;
        found.genuine.sort_unstable_by(|a, b| b.cmp(a));
        let counted = Counted {
            scale: scoring.scale,
            genuine: found.genuine.iter().map(|pair| pair.level).collect(),
            impostor: found.impostor.into_counts(),
            impostors: count.impostor,
        };
        let mut metrics = metrics(&counted, count, &options);
        if options.metrics.replicates > 0 {
            let beyond = tail::add_intervals(
                &mut metrics,
                set,
                scoring,
                (&found.genuine, &counted),
                &options.metrics,
                work,
            )?;
            notes.extend(beyond.map(|fmr| {
                format!(
                    "FMRs and EERs above {fmr:.1e} and the AUC have no interval: it would take more impostor pairs than are kept \
                     ({}).",
                    scoring.score.name()
                )
            }));
        }
        let name = |pair: &Placed| worst_pair(set, scoring, pair);
        results.push(ScoreResult {
            score: scoring.score.clone(),
            metrics,
            scores: spread(&counted, options.bins),
            worst_genuine: found.genuine.iter().rev().take(options.worst).map(name).collect(),
            worst_impostor: found.worst.iter().map(name).collect(),
        });
    }
    Ok(Evaluation {
        protocol: Protocol::AllPairs,
        set: SetSummary::of(set),
        qualities: histogram(set.qualities(), options.bins),
        options: options.clone(),
        sample: None,
        left_out: 0,
        results,
        notes,
    })
}

fn check_count(count: Count) -> Result<()> {
    for (what, number) in [("genuine", count.genuine), ("impostor", count.impostor)] {
        if number == 0 {
            return Err(invalid(format!("the set has no {what} pair: there are no error rates")));
        }
    }
    if count.genuine > MOST_GENUINE {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "the set has {} genuine pairs, at most {MOST_GENUINE} can be evaluated: use fewer images of a person",
                count.genuine
            ),
        ));
    }
    Ok(())
}

/// What all threads found for one score: counts of impostor levels, genuine pairs, the worst impostor pairs by falling
/// level.
struct Compared {
    impostor: Counters,
    genuine: Vec<Placed>,
    worst: Vec<Placed>,
}

/// Compares everything once.
fn compare(set: &Prepared, scorings: &[Scoring], worst: usize, work: &Work) -> Result<Vec<Compared>> {
    let counters: Vec<Counters> = scorings.iter().map(|_| Counters::new()).collect();
    let make = || -> Vec<Found> {
        let found = |counters| Found {
            impostor: Adder::new(counters),
            genuine: Vec::new(),
            worst: BinaryHeap::new(),
        };
        counters.iter().map(found).collect()
    };
    let visit = |found: &mut Vec<Found>, row: &Row| {
        for (scoring, found) in scorings.iter().zip(found) {
            // Below this, an impostor pair is none of the worst.
            let mut least = found.least(worst);
            scoring.each(row, |level, at, genuine| {
                let pair = || Placed {
                    level,
                    a: row.image as u32,
                    b: (row.first + at) as u32,
                };
                if genuine {
                    found.genuine.push(pair());
                } else {
                    found.impostor.add(level);
                    if level >= least {
                        found.offer(pair(), worst);
                        least = found.least(worst);
                    }
                }
            });
        }
    };
    let merge = |all, part| joined(all, part, worst);
    let mut found = fold(set, work, make, visit, merge)?;
    found.iter_mut().for_each(|found| found.impostor.flush());
    let found: Vec<_> = found
        .into_iter()
        .map(|found| (found.genuine, found.worst.into_sorted_vec()))
        .collect();
    let compared = |(impostor, (genuine, worst)): (Counters, (Vec<Placed>, Vec<std::cmp::Reverse<Placed>>))| Compared {
        impostor,
        genuine,
        worst: worst.into_iter().map(|pair| pair.0).collect(),
    };
    Ok(counters.into_iter().zip(found).map(compared).collect())
}

/// What two threads found.
fn joined<'a>(mut all: Vec<Found<'a>>, part: Vec<Found<'a>>, worst: usize) -> Vec<Found<'a>> {
    for (all, mut part) in all.iter_mut().zip(part) {
        part.impostor.flush();
        all.genuine.extend(part.genuine);
        part.worst.into_iter().for_each(|pair| all.offer(pair.0, worst));
    }
    all
}

fn metrics(counted: &Counted, count: Count, options: &Options) -> Metrics {
    Metrics {
        genuine: count.genuine,
        impostor: count.impostor,
        accuracy: None,
        published: None,
        exact: ExactRates {
            equal_error: exact::equal_error(counted),
            fnmr: exact::fnmr_at(counted, &options.metrics.fmrs),
            auc: Estimate::of(exact::auc(counted)),
        },
        curve: curve::curve(counted, options.metrics.curve_points),
        band: Vec::new(),
    }
}

/// The histogram between the least and the greatest level that occurs.
fn spread(counted: &Counted, bins: usize) -> ScoreHistogram {
    let occupied = |&(_, &count): &(usize, &u64)| count > 0;
    let mut levels = counted.impostor.iter().enumerate();
    let least = levels.clone().find(occupied).map(|(level, _)| level as u32);
    let greatest = levels.rfind(occupied).map(|(level, _)| level as u32);
    let least = least
        .into_iter()
        .chain(counted.genuine.last().copied())
        .min()
        .unwrap_or(0);
    let greatest = greatest
        .into_iter()
        .chain(counted.genuine.first().copied())
        .max()
        .unwrap_or(0);
    let range = Bins::between(counted.scale.score(least), counted.scale.score(greatest + 1), bins);
    let (mut genuine, mut impostor) = (vec![0; bins], vec![0; bins]);
    for level in least..=greatest {
        let count = counted.impostor[level as usize];
        if count > 0 {
            impostor[range.bin(counted.scale.score(level))] += count;
        }
    }
    for &level in &counted.genuine {
        genuine[range.bin(counted.scale.score(level))] += 1;
    }
    ScoreHistogram {
        low: range.low,
        high: range.high,
        genuine,
        impostor,
    }
}

/// A pair's figures, from its embeddings once more in f64.
fn worst_pair(set: &Prepared, scoring: &Scoring, placed: &Placed) -> WorstPair {
    let (a, b) = (placed.a as usize, placed.b as usize);
    let product = set.direction(a).iter().zip(set.direction(b));
    let scored = ScoredPair {
        cosine: product.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum(),
        quality: set.qualities()[a].min(set.qualities()[b]),
    };
    let score = scoring.weights.score(&scored, set.subjects()[a], set.subjects()[b]);
    let pair = Pair {
        a: placed.a,
        b: placed.b,
        genuine: set.subjects()[a] == set.subjects()[b],
    };
    named(set, &pair, scored.cosine, score)
}
