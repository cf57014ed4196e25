//! Bootstrap intervals by person: every figure once more for each replicate, in one walk over the sorted pairs.

use super::ranked::{Ranked, Steps};
use super::types::{Accuracy, BandPoint, Estimate, FoldAccuracy, Interval, Metrics};
use super::{MetricOptions, exact, invalid};
use qmagface::Work;
use qmagface::error::Result;
use qmagface::pairs::bootstrap;

/// A pair as a replicate needs it, in little memory: it is read once for each replicate.
pub(crate) struct Entry {
    a: u32,
    /// The other person, below 2^31, and the highest bit where the next pair scores less.
    b: u32,
}

/// The bit of [`Entry::b`] that says that the next pair scores less.
const LAST: u32 = 1 << 31;

impl Entry {
    /// A pair of persons (below 2^31; genuine when they are one), and whether the next pair scores less.
    pub fn new(a: u32, b: u32, last_of_score: bool) -> Self {
        Entry {
            a,
            b: b | if last_of_score { LAST } else { 0 },
        }
    }

    fn genuine(&self) -> bool {
        self.a == self.b & !LAST
    }

    fn last_of_score(&self) -> bool {
        self.b & LAST != 0
    }

    /// The weight of an impostor pair.
    fn weight(&self, drawn: &[u32]) -> u64 {
        u64::from(drawn[self.a as usize]) * u64::from(drawn[(self.b & !LAST) as usize])
    }
}

/// What accuracy needs of a pair.
pub(crate) struct Judged {
    /// Whether the published and the exact fold threshold tell it right.
    right: [bool; 2],
    fold: u16,
}

/// What replicates are made of.
pub(crate) struct Replicated {
    /// By falling score: all genuine pairs, and the impostor pairs of the highest scores.
    pub entries: Vec<Entry>,
    /// For each entry how accuracy has it; empty without folds.
    pub judged: Vec<Judged>,
    /// Persons are numbered 0..people.
    pub people: usize,
    /// FMRs of the band.
    pub band: Vec<f64>,
    /// Number of folds; 0: none.
    pub folds: usize,
    /// How many images each person has, where the impostor pairs are all pairs of these; else the entries are all.
    pub images: Option<Vec<u64>>,
    /// Whether the entries are all pairs; otherwise figures that need others have no interval.
    pub complete: bool,
}

/// What one replicate gives; NaN where it has no such pairs. Where the entries end before a figure is known, it is the
/// infinity on whose side it lies: leaving such replicates out would bend the interval.
struct Figures {
    equal_error: f64,
    auc: f64,
    /// At the options' FMRs, then at the band's.
    fnmr: Vec<f64>,
    accuracy: [f64; 2],
}

/// FMRs by rising value, so that one walk meets them in order, and where each came from.
struct Plan {
    fmrs: Vec<f64>,
    places: Vec<usize>,
}

/// Points of the band for each power of ten.
const BAND_STEPS: i32 = 5;

/// Adds to `metrics`, which are of `ranked`, the intervals of what people were in the set.
///
/// A genuine pair weighs as often as its person was drawn, an impostor pair the product of its two persons' counts.
/// Accuracy keeps the thresholds that its folds have.
pub fn add(
    metrics: &mut Metrics,
    ranked: &Ranked,
    persons: &[(u32, u32)],
    folds: Option<&[u16]>,
    options: &MetricOptions,
    work: &Work,
) -> Result<()> {
    let (entries, judged, people) = entries(ranked, persons, folds.zip(metrics.accuracy.as_ref()))?;
    let replicated = Replicated {
        entries,
        judged,
        people,
        band: band_fmrs(ranked.impostor()),
        folds: metrics
            .accuracy
            .as_ref()
            .map_or(0, |accuracy| accuracy.exact.folds.len()),
        images: None,
        complete: true,
    };
    replicated.add(metrics, options, work)
}

impl Replicated {
    /// Makes the replicates and adds their intervals to `metrics`.
    pub fn add(&self, metrics: &mut Metrics, options: &MetricOptions, work: &Work) -> Result<()> {
        let plan = Plan::new(options.fmrs.iter().chain(&self.band).copied().collect());
        let mut genuine = vec![0u64; self.people];
        for entry in self.entries.iter().filter(|entry| entry.genuine()) {
            genuine[entry.a as usize] += 1;
        }
        let known = self.known();
        let figures = bootstrap::replicates(
            options.seed,
            options.replicates,
            self.people,
            work,
            |drawn, _: &mut ()| self.replicate(known, &plan, &genuine, drawn),
        )?;
        let interval = |value: &dyn Fn(&Figures) -> f64| {
            // A replicate in which nobody has two images says nothing.
            let mut values: Vec<f64> = figures.iter().map(value).filter(|value| !value.is_nan()).collect();
            let enough = 2 * values.len() > figures.len();
            let (low, high) = bootstrap::interval(&mut values, options.confidence).filter(|_| enough)?;
            (low.is_finite() && high.is_finite()).then_some(Interval { low, high })
        };
        let set = |estimate: &mut Estimate, value: &dyn Fn(&Figures) -> f64| estimate.interval = interval(value);
        let exact = &mut metrics.exact;
        set(&mut exact.equal_error.rate, &|figures| figures.equal_error);
        set(&mut exact.auc, &|figures| figures.auc);
        for (at, fnmr) in exact.fnmr.iter_mut().enumerate() {
            set(&mut fnmr.fnmr, &|figures| figures.fnmr[at]);
        }
        metrics.band = self
            .band
            .iter()
            .enumerate()
            .filter_map(|(at, &fmr)| {
                let fnmr = interval(&|figures| figures.fnmr[options.fmrs.len() + at])?;
                Some(BandPoint { fmr, fnmr })
            })
            .collect();
        if let Some(accuracy) = &mut metrics.accuracy {
            set(&mut accuracy.published.mean, &|figures| figures.accuracy[0]);
            set(&mut accuracy.exact.mean, &|figures| figures.accuracy[1]);
        }
        Ok(())
    }

    /// The entries down to the lowest score whose impostor pairs are all there: below it, genuine pairs stand alone.
    fn known(&self) -> &[Entry] {
        if self.complete {
            return &self.entries;
        }
        let behind = self.entries.iter().rposition(|entry| !entry.genuine()).unwrap_or(0);
        let rest = &self.entries[behind..];
        let end = rest.iter().position(Entry::last_of_score).map_or(0, |last| last + 1);
        &self.entries[..behind + end]
    }

    /// All impostor pairs' weight.
    fn impostors(&self, drawn: &[u32]) -> u64 {
        match &self.images {
            Some(images) => {
                let copies = drawn
                    .iter()
                    .zip(images)
                    .map(|(&times, &images)| u64::from(times) * images);
                let (sum, squares) = copies.fold((0u128, 0u128), |(sum, squares), n| {
                    (sum + u128::from(n), squares + u128::from(n) * u128::from(n))
                });
                ((sum * sum - squares) / 2) as u64
            }
            None => self
                .entries
                .iter()
                .filter(|entry| !entry.genuine())
                .map(|entry| entry.weight(drawn))
                .sum(),
        }
    }

    fn replicate(&self, known: &[Entry], plan: &Plan, genuine_pairs: &[u64], drawn: &[u32]) -> Figures {
        let genuine: u64 = genuine_pairs
            .iter()
            .zip(drawn)
            .map(|(&pairs, &times)| pairs * u64::from(times))
            .sum();
        let impostor = self.impostors(drawn);
        let mut figures = Figures {
            equal_error: f64::NAN,
            auc: f64::NAN,
            fnmr: vec![f64::NAN; plan.fmrs.len()],
            accuracy: self.accuracy(drawn),
        };
        if genuine == 0 || impostor == 0 {
            return figures;
        }
        let rate = |part: u64, all: u64| part as f64 / all as f64;
        // FMR less FNMR over one denominator, so that no rounding decides.
        let difference = |(genuine_here, impostor_here): (u64, u64)| {
            i128::from(impostor_here) * i128::from(genuine) - i128::from(genuine - genuine_here) * i128::from(impostor)
        };
        // Cheaply and a little early, for most steps are far from it.
        let (scale_genuine, scale_impostor) = (genuine as f64 * (1.0 + 1e-9), impostor as f64);
        let may_cross = |(genuine_here, impostor_here): (u64, u64)| {
            impostor_here as f64 * scale_genuine >= (genuine - genuine_here) as f64 * scale_impostor
        };
        // What matches so far: up to the last whole score, and up to here.
        let (mut before, mut here) = ((0u64, 0u64), (0u64, 0u64));
        let (mut area, mut crossed) = (0.0, false);
        let mut next = 0;
        let mut limit = plan.limit(0, impostor);
        for entry in known {
            // Without a branch on the kind of pair, which nothing could foresee.
            let (times, is_genuine) = (u64::from(drawn[entry.a as usize]), u64::from(entry.genuine()));
            here.0 += is_genuine * times;
            here.1 += (1 - is_genuine) * entry.weight(drawn);
            if !entry.last_of_score() {
                continue;
            }
            if self.complete {
                area += (here.1 - before.1) as f64 * (here.0 + before.0) as f64;
            }
            while here.1 > limit {
                figures.fnmr[plan.places[next]] = rate(genuine - before.0, genuine);
                next += 1;
                limit = plan.limit(next, impostor);
            }
            if !crossed && may_cross(here) && difference(here) >= 0 {
                crossed = true;
                let best = if difference(here) < -difference(before) {
                    here
                } else {
                    before
                };
                figures.equal_error = (rate(best.1, impostor) + rate(genuine - best.0, genuine)) / 2.0;
            }
            if crossed && !self.complete && next == plan.places.len() {
                break;
            }
            before = here;
        }
        if self.complete {
            for &place in &plan.places[next..] {
                figures.fnmr[place] = 0.0;
            }
            figures.auc = area / (2.0 * genuine as f64 * impostor as f64);
        } else {
            // At lower scores than the entries' fewer genuine pairs fail and more impostor pairs match.
            for &place in &plan.places[next..] {
                figures.fnmr[place] = f64::NEG_INFINITY;
            }
            if !crossed {
                figures.equal_error = f64::INFINITY;
            }
        }
        figures
    }
}

/// Pairs by falling score with dense numbers for their persons, how accuracy has them, and how many persons there are.
type Entries = (Vec<Entry>, Vec<Judged>, usize);

fn entries(ranked: &Ranked, persons: &[(u32, u32)], folds: Option<(&[u16], &Accuracy)>) -> Result<Entries> {
    // Numbered by rising number, so that the order of the pairs doesn't decide who is drawn.
    let mut people: Vec<u32> = persons.iter().flat_map(|&(a, b)| [a, b]).collect();
    people.sort_unstable();
    people.dedup();
    if people.len() >= LAST as usize {
        return Err(invalid("intervals need fewer than 2^31 people"));
    }
    let number = |person: u32| people.partition_point(|&other| other < person) as u32;
    let mut entries: Vec<Entry> = Vec::with_capacity(ranked.len());
    let mut judged = Vec::new();
    let mut last = f64::NAN;
    for (score, index, genuine) in ranked.iter() {
        if score < last
            && let Some(entry) = entries.last_mut()
        {
            entry.b |= LAST;
        }
        last = score;
        let (a, b) = persons[index];
        if genuine != (a == b) {
            let labels = if genuine { "one person" } else { "two people" };
            return Err(invalid(format!(
                "pair {index} is labelled as of {labels}, but is of persons {a} and {b}"
            )));
        }
        if let Some((folds, accuracy)) = folds {
            let threshold = |accuracy: &FoldAccuracy| accuracy.folds[usize::from(folds[index])].threshold;
            judged.push(Judged {
                right: [
                    (score > threshold(&accuracy.published)) == genuine,
                    (score >= threshold(&accuracy.exact)) == genuine,
                ],
                fold: folds[index],
            });
        }
        entries.push(Entry::new(number(a), number(b), false));
    }
    if let Some(entry) = entries.last_mut() {
        entry.b |= LAST;
    }
    Ok((entries, judged, people.len()))
}

impl Replicated {
    /// The mean over the folds of the weighted share that is told right, by the published and the exact thresholds.
    fn accuracy(&self, drawn: &[u32]) -> [f64; 2] {
        if self.folds == 0 {
            return [f64::NAN; 2];
        }
        let mut sums = vec![[0u64; 3]; self.folds];
        for (entry, judged) in self.entries.iter().zip(&self.judged) {
            let weight = if entry.genuine() {
                u64::from(drawn[entry.a as usize])
            } else {
                entry.weight(drawn)
            };
            let [published, exact, all] = &mut sums[usize::from(judged.fold)];
            *published += weight * u64::from(judged.right[0]);
            *exact += weight * u64::from(judged.right[1]);
            *all += weight;
        }
        // A fold of which nobody was drawn is left out of the mean.
        let drawn: Vec<_> = sums.iter().filter(|sums| sums[2] > 0).collect();
        [0, 1].map(|which| {
            let shares = drawn.iter().map(|sums| sums[which] as f64 / sums[2] as f64);
            shares.sum::<f64>() / drawn.len() as f64
        })
    }
}

impl Plan {
    fn new(fmrs: Vec<f64>) -> Self {
        let mut places: Vec<usize> = (0..fmrs.len()).collect();
        places.sort_by(|&a, &b| fmrs[a].total_cmp(&fmrs[b]));
        Plan {
            fmrs: places.iter().map(|&place| fmrs[place]).collect(),
            places,
        }
    }

    /// The most impostor weight that may match at FMR number `at`; no limit after the last.
    fn limit(&self, at: usize, impostors: u64) -> u64 {
        self.fmrs
            .get(at)
            .map_or(u64::MAX, |&fmr| exact::allowed(fmr, impostors))
    }
}

/// Log-spaced FMRs that the impostor pairs support, up to 1.
pub(crate) fn band_fmrs(impostors: u64) -> Vec<f64> {
    let decades = (impostors as f64).log10().ceil() as i32;
    (-decades * BAND_STEPS..=0)
        .map(|step| 10f64.powf(f64::from(step) / f64::from(BAND_STEPS)))
        .filter(|&fmr| exact::supported(fmr, impostors))
        .collect()
}
