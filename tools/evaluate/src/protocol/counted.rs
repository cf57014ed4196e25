//! Scores of more pairs than can be kept: counted at a fine resolution.

use crate::metrics::{Step, Steps};
use crate::score::Weights;
use parking_lot::Mutex;
use qmagface::pairs::Prepared;

/// Levels between the least and the greatest possible score: a level of the cosine is 4.8e-7 wide, a few times what a
/// product in f32 is true to.
pub const LEVELS: u32 = 1 << 22;

/// Levels that are locked together: as many counts as stay in a core's cache.
const REGION: usize = 1 << 14;

/// Regions.
const REGIONS: usize = LEVELS as usize / REGION;

/// Levels that a thread gathers before it adds them to the counts.
const GATHERED: usize = 1 << 18;

/// The levels of a score: equal steps over what it can be.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    low: f64,
    step: f64,
}

impl Scale {
    /// The levels of a score on pairs of `set`, whose cosines are -1..1.
    pub fn of(set: &Prepared, weights: &Weights) -> Self {
        let greatest = set.qualities().iter().copied().fold(0.0, f64::max);
        let all = match weights {
            Weights::One(weight) => std::slice::from_ref(weight),
            Weights::ByFold { table, .. } => table,
        };
        // Linear in the cosine on either side of where the weight ends, and in the quality: the extremes are corners.
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for weight in all {
            let turn = weight.parameters.alpha / weight.parameters.beta;
            for cosine in [-1.0, 1.0, turn]
                .into_iter()
                .filter(|cosine| (-1.0..=1.0).contains(cosine))
            {
                for quality in [0.0, greatest] {
                    let score = weight.score(cosine, quality);
                    (low, high) = (low.min(score), high.max(score));
                }
            }
        }
        // Rounding can put a cosine just outside.
        let slack = 1e-5 * (high - low);
        let (low, high) = (low - slack, high + slack);
        Scale {
            low,
            step: (high - low) / f64::from(LEVELS),
        }
    }

    /// The level of a score; one outside is at an end.
    pub fn level(&self, score: f64) -> u32 {
        (((score - self.low) / self.step) as u32).min(LEVELS - 1)
    }

    /// The least score of a level.
    pub fn score(&self, level: u32) -> f64 {
        self.low + self.step * f64::from(level)
    }
}

/// Counts of impostor scores by level, that all threads add to.
pub struct Counters(Vec<Mutex<Vec<u64>>>);

impl Counters {
    pub fn new() -> Self {
        Counters(
            std::iter::repeat_with(|| Mutex::new(vec![0; REGION]))
                .take(REGIONS)
                .collect(),
        )
    }

    pub fn into_counts(self) -> Vec<u64> {
        self.0.into_iter().flat_map(Mutex::into_inner).collect()
    }
}

/// What a thread adds to counts: gathered, parted by region and added a region at a time, for single counts lie all over
/// the memory.
pub struct Adder<'a> {
    counters: &'a Counters,
    gathered: Vec<u32>,
    parted: Vec<u32>,
}

impl<'a> Adder<'a> {
    pub fn new(counters: &'a Counters) -> Self {
        Adder {
            counters,
            gathered: Vec::new(),
            parted: Vec::new(),
        }
    }

    pub fn add(&mut self, level: u32) {
        self.gathered.push(level);
        if self.gathered.len() == GATHERED {
            self.flush();
        }
    }

    /// Adds what is gathered. Must be called in the end.
    pub fn flush(&mut self) {
        let region = |level: u32| level as usize / REGION;
        let mut ends = [0usize; REGIONS];
        self.gathered.iter().for_each(|&level| ends[region(level)] += 1);
        let mut sum = 0;
        for end in &mut ends {
            sum += std::mem::replace(end, sum);
        }
        // Each begins where the one before it ends, and is moved to its own end while it is filled.
        self.parted.resize(self.gathered.len(), 0);
        for &level in &self.gathered {
            let at = &mut ends[region(level)];
            self.parted[*at] = level;
            *at += 1;
        }
        let mut start = 0;
        for (counts, end) in self.counters.0.iter().zip(ends) {
            if start < end {
                let mut counts = counts.lock();
                for &level in &self.parted[start..end] {
                    counts[level as usize % REGION] += 1;
                }
            }
            start = end;
        }
        self.gathered.clear();
    }
}

/// Genuine scores by level, and counts of impostor scores.
pub struct Counted {
    pub scale: Scale,
    /// The level of each genuine pair, falling.
    pub genuine: Vec<u32>,
    /// Impostor pairs at each level.
    pub impostor: Vec<u64>,
    pub impostors: u64,
}

impl Counted {
    /// The level at or above which at least `wanted` impostor pairs are, and how many those are; where that would be
    /// more than `most`, because very many are at one level, the level above it.
    pub fn level_of(&self, wanted: u64, most: u64) -> (u32, u64) {
        let mut sum = 0;
        for (level, &count) in self.impostor.iter().enumerate().rev() {
            if sum + count > most {
                return (level as u32 + 1, sum);
            }
            sum += count;
            if sum >= wanted {
                return (level as u32, sum);
            }
        }
        (0, sum)
    }
}

impl Steps for Counted {
    fn genuine(&self) -> u64 {
        self.genuine.len() as u64
    }

    fn impostor(&self) -> u64 {
        self.impostors
    }

    fn steps(&self) -> impl Iterator<Item = Step> {
        let mut genuine = self.genuine.iter().peekable();
        let (mut matched, mut impostor) = (0u64, 0u64);
        self.impostor
            .iter()
            .enumerate()
            .rev()
            .filter_map(move |(level, &count)| {
                let before = matched;
                while genuine.next_if(|&&at| at == level as u32).is_some() {
                    matched += 1;
                }
                impostor += count;
                (count > 0 || matched > before).then(|| Step {
                    threshold: self.scale.score(level as u32),
                    genuine: matched,
                    impostor,
                })
            })
    }

    fn above_all(&self) -> f64 {
        self.scale.score(LEVELS)
    }

    fn above(&self, step: &Step) -> f64 {
        // Half a level more: the division's rounding must not fall below.
        self.scale
            .score(self.scale.level(step.threshold + 0.5 * self.scale.step) + 1)
    }
}
