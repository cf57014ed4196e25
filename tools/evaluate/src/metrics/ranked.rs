//! Scored pairs in the order of their scores: sorted once, shared by every metric.

use qmagface::error::{Error, ErrorKind, Result};

/// Anything of which is known how many pairs of either kind match at each threshold.
pub trait Steps {
    /// Number of genuine pairs, > 0.
    fn genuine(&self) -> u64;

    /// Number of impostor pairs, > 0.
    fn impostor(&self) -> u64;

    /// One step for each threshold that tells pairs apart, from the greatest to the least, at which everything matches.
    fn steps(&self) -> impl Iterator<Item = Step>;

    /// A finite threshold above every score.
    fn above_all(&self) -> f64;

    /// The least threshold at which what first matches at `step` doesn't match.
    fn above(&self, step: &Step) -> f64;

    /// What is known above every score: nothing matches.
    fn nothing(&self) -> Step {
        Step {
            threshold: f64::INFINITY,
            genuine: 0,
            impostor: 0,
        }
    }

    /// The step's false match rate: the share of impostor pairs that match.
    fn fmr(&self, step: &Step) -> f64 {
        step.impostor as f64 / self.impostor() as f64
    }

    /// The step's false non-match rate: the share of genuine pairs that don't match.
    fn fnmr(&self, step: &Step) -> f64 {
        (self.genuine() - step.genuine) as f64 / self.genuine() as f64
    }

    /// The step's threshold as a finite number.
    fn threshold(&self, step: &Step) -> f64 {
        if step.threshold.is_finite() {
            step.threshold
        } else {
            self.above_all()
        }
    }
}

/// Scored pairs from the greatest score to the least, with what every metric asks of them.
///
/// Memory: 16 bytes for each pair, and as much again while it is made.
#[derive(Debug, Clone)]
pub struct Ranked {
    /// (score, index of the pair times two, plus one for a genuine pair), by falling score.
    pairs: Vec<(f64, u32)>,
    genuine: u64,
}

/// What is known at one threshold: pairs that score at least that match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// A score that occurs; infinite before the first.
    pub threshold: f64,
    /// Genuine pairs that match.
    pub genuine: u64,
    /// Impostor pairs that match.
    pub impostor: u64,
}

impl Ranked {
    /// Sorts pairs by score; `genuine` says of each whether it is one person's.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for lists of two lengths, a score that isn't finite (named by its place), or
    /// without a genuine or without an impostor pair; [`ErrorKind::Limit`] for 2^31 pairs or more.
    pub fn new(scores: &[f64], genuine: &[bool]) -> Result<Self> {
        if scores.len() != genuine.len() {
            return Err(invalid(format!(
                "{} scores and {} labels don't belong together",
                scores.len(),
                genuine.len()
            )));
        }
        if scores.len() >= 1 << 31 {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("{} pairs in one list; fewer than 2^31 can be ranked", scores.len()),
            ));
        }
        if let Some(at) = scores.iter().position(|score| !score.is_finite()) {
            return Err(invalid(format!("the score of pair {at} is {}", scores[at])));
        }
        let mut count = 0u64;
        let mut pairs: Vec<(f64, u32)> = scores
            .iter()
            .zip(genuine)
            .enumerate()
            .map(|(index, (&score, &genuine))| {
                count += u64::from(genuine);
                // Adding zero turns -0 into 0: the two are one score. Negated, so that sorting gives falling scores.
                (-(score + 0.0), (index as u32) << 1 | u32::from(genuine))
            })
            .collect();
        for (what, missing) in [("genuine", count == 0), ("impostor", count == scores.len() as u64)] {
            if missing {
                return Err(invalid(format!(
                    "{} pairs without any {what} pair have no error rates",
                    scores.len()
                )));
            }
        }
        radsort::sort_by_key(&mut pairs, |pair| pair.0);
        pairs.iter_mut().for_each(|pair| pair.0 = -pair.0);
        Ok(Ranked { pairs, genuine: count })
    }

    /// Number of pairs.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// The greatest score.
    pub fn greatest(&self) -> f64 {
        self.pairs[0].0
    }

    /// The least score.
    pub fn least(&self) -> f64 {
        self.pairs[self.pairs.len() - 1].0
    }

    /// Every pair by falling score: its score, its index in the lists it was made from, and whether it is genuine.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (f64, usize, bool)> + ExactSizeIterator {
        self.pairs
            .iter()
            .map(|&(score, tag)| (score, (tag >> 1) as usize, tag & 1 == 1))
    }
}

impl Steps for Ranked {
    fn genuine(&self) -> u64 {
        self.genuine
    }

    fn impostor(&self) -> u64 {
        self.pairs.len() as u64 - self.genuine
    }

    fn steps(&self) -> impl Iterator<Item = Step> {
        let (mut at, mut genuine) = (0, 0u64);
        std::iter::from_fn(move || {
            let threshold = self.pairs.get(at)?.0;
            while let Some(&(score, tag)) = self.pairs.get(at)
                && score == threshold
            {
                genuine += u64::from(tag & 1);
                at += 1;
            }
            Some(Step {
                threshold,
                genuine,
                impostor: at as u64 - genuine,
            })
        })
    }

    fn above_all(&self) -> f64 {
        self.greatest().next_up()
    }

    fn above(&self, step: &Step) -> f64 {
        step.threshold.next_up()
    }
}

pub(super) fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, what)
}
