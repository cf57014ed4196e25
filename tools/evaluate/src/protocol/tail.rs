//! Intervals over all pairs: from the genuine pairs and the impostor pairs of the highest scores.

use super::counted::Counted;
use super::placed::{Placed, Scoring};
use crate::metrics::intervals::{Entry, Replicated, band_fmrs};
use crate::metrics::{MetricOptions, Metrics, Steps, exact};
use qmagface::Work;
use qmagface::error::Result;
use qmagface::pairs::{Prepared, Row, fold};

/// Most impostor pairs that are kept.
const MOST_KEPT: u64 = 2_000_000;

/// How many times the impostor pairs of the greatest FMR are kept: a replicate reaches deeper.
const MARGIN: f64 = 2.0;

/// Adds intervals to `metrics`. Says up to which FMR there are any, where that isn't all of them.
pub fn add_intervals(
    metrics: &mut Metrics,
    set: &Prepared,
    scoring: &Scoring,
    (genuine, counted): (&[Placed], &Counted),
    options: &MetricOptions,
    work: &Work,
) -> Result<Option<f64>> {
    let impostors = counted.impostor();
    let reach = (MOST_KEPT as f64 / MARGIN / impostors as f64).min(1.0);
    let equal_error = metrics.exact.equal_error.fmr.max(metrics.exact.equal_error.fnmr);
    let wanted = options.fmrs.iter().copied().chain([equal_error]);
    let greatest = wanted.filter(|&fmr| fmr <= reach).fold(0.0, f64::max);
    // All of them, where that is little.
    let keep = if impostors <= MOST_KEPT {
        impostors
    } else {
        ((exact::allowed(greatest, impostors) as f64 * MARGIN) as u64 + 1).min(MOST_KEPT)
    };
    let (least, kept) = counted.level_of(keep, 2 * MOST_KEPT);
    let complete = kept == impostors;
    let mut tail = collect(set, scoring, least, work)?;
    tail.extend_from_slice(genuine);
    // By falling score, whatever thread found them.
    tail.sort_unstable_by(|a, b| b.cmp(a));
    let subjects = set.subjects();
    let mut entries: Vec<Entry> = Vec::with_capacity(tail.len());
    for (at, pair) in tail.iter().enumerate() {
        let (a, b) = (subjects[pair.a as usize], subjects[pair.b as usize]);
        let last = tail.get(at + 1).is_none_or(|next| next.level < pair.level);
        entries.push(Entry::new(a, b, last));
    }
    drop(tail);
    let mut images = vec![0u64; set.subject_count()];
    subjects.iter().for_each(|&subject| images[subject as usize] += 1);
    let replicated = Replicated {
        entries,
        people: set.subject_count(),
        band: band_fmrs(impostors)
            .into_iter()
            .filter(|&fmr| complete || fmr <= greatest)
            .collect(),
        judged: Vec::new(),
        folds: 0,
        images: Some(images),
        complete,
    };
    replicated.add(metrics, options, work)?;
    Ok((!complete).then_some(greatest))
}

/// The impostor pairs at or above a level.
fn collect(set: &Prepared, scoring: &Scoring, least: u32, work: &Work) -> Result<Vec<Placed>> {
    let visit = |found: &mut Vec<Placed>, row: &Row| {
        scoring.each(row, |level, at, genuine| {
            if level >= least && !genuine {
                found.push(Placed {
                    level,
                    a: row.image as u32,
                    b: (row.first + at) as u32,
                });
            }
        });
    };
    fold(set, work, Vec::new, visit, |mut all, part| {
        all.extend(part);
        all
    })
}
