//! What fitting and thresholds need of all pairs: the genuine ones, and those impostor pairs that can reach a threshold.

use super::{Bounds, Count, List, Pairs, Prepared, Row, ScoredPair, fold};
use crate::error::{Error, ErrorKind, Result};
use crate::work::Work;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most pairs kept of each kind: 480 MB of them.
const MOST_KEPT: usize = 20_000_000;

/// Random impostor pairs that bounds are guessed from.
const DRAWN: u64 = 400_000;

/// Below this many impostor pairs nothing is guessed: all are kept.
const FEW: u64 = 16_384;

/// Comparisons of a row that are looked at together.
const STEP: usize = 16;

/// A pair that was kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kept {
    /// The cosine.
    pub cosine: f64,
    /// The lower of both qualities.
    pub quality: f64,
    /// Index of the one image.
    pub a: u32,
    /// Index of the other.
    pub b: u32,
}

/// All genuine pairs, and the impostor pairs within bounds. Their order is chance.
#[derive(Debug)]
pub struct Tail {
    /// The genuine pairs.
    pub genuine: Vec<Kept>,
    /// The impostor pairs within the bounds.
    pub impostor: Vec<Kept>,
    /// How many pairs there are, kept or not.
    pub count: Count,
    /// What of the impostor pairs is kept.
    pub bounds: Bounds,
}

/// The pairs that a tail is taken from: all of a set, or a list that is scored once.
#[derive(Debug)]
pub struct Source<'a> {
    set: &'a Prepared,
    count: Count,
    scored: Option<(&'a List, Vec<ScoredPair>)>,
}

impl<'a> Source<'a> {
    /// Scores a list; for all pairs this does nothing yet.
    ///
    /// # Errors
    /// As [`List::score`].
    pub fn new(set: &'a Prepared, pairs: Pairs<'a>, work: &Work) -> Result<Self> {
        let scored = match pairs {
            Pairs::All => None,
            Pairs::List(list) => Some((list, list.score(set, work)?)),
        };
        Ok(Source {
            set,
            count: pairs.count(set),
            scored,
        })
    }

    /// The set.
    pub fn set(&self) -> &'a Prepared {
        self.set
    }

    /// The list, where the pairs are one.
    pub fn list(&self) -> Option<&'a List> {
        self.scored.as_ref().map(|&(list, _)| list)
    }

    /// How many pairs there are.
    pub fn count(&self) -> Count {
        self.count
    }

    /// The greatest lower quality of a pair; 0 without pairs.
    pub fn greatest_quality(&self) -> f64 {
        match &self.scored {
            Some((_, scored)) => scored.iter().fold(0.0, |greatest, pair| pair.quality.max(greatest)),
            // The lower one of the two best images.
            None => {
                let best = self
                    .set
                    .qualities()
                    .iter()
                    .fold((0.0f64, 0.0f64), |(first, second), &quality| {
                        (first.max(quality), second.max(quality.min(first)))
                    });
                best.1
            }
        }
    }

    /// Some impostor pairs at random to guess bounds from; `None` where there are so few that all should be kept.
    ///
    /// # Errors
    /// [`ErrorKind::Cancelled`].
    pub fn draw(&self, work: &Work) -> Result<Option<Vec<ScoredPair>>> {
        if self.count.impostor < FEW {
            return Ok(None);
        }
        let silent = Work {
            progress: None,
            ..*work
        };
        let drawn = (self.count.impostor / 8).min(DRAWN);
        let (list, scored);
        let (list, scored) = match &self.scored {
            Some((list, scored)) => (*list, scored),
            None => {
                let mut random = fastrand::Rng::with_seed(0);
                let images = self.set.len() as u32;
                let pairs: Vec<_> = (0..drawn)
                    .map(|_| (random.u32(..images), random.u32(..images)))
                    .collect();
                list = List::from_subjects(self.set, &pairs)?;
                scored = list.score(self.set, &silent)?;
                (&list, &scored)
            }
        };
        let impostors = list.pairs().iter().zip(scored).filter(|(pair, _)| !pair.genuine);
        // Lists are in an order of their own: every so-many-th is no random choice, but the bounds are checked anyway.
        let every = match &self.scored {
            Some(_) => (self.count.impostor / drawn) as usize,
            None => 1,
        };
        Ok(Some(impostors.map(|(_, &scored)| scored).step_by(every).collect()))
    }

    /// Keeps the genuine pairs and the impostor pairs within the bounds.
    ///
    /// Memory: 24 bytes for each kept pair, twice while the threads' parts are joined.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] when more than 20 million of a kind would be kept; [`ErrorKind::Cancelled`].
    pub fn collect(&self, bounds: Bounds, work: &Work) -> Result<Tail> {
        check_room("genuine", self.count.genuine)?;
        if bounds.keep_all() {
            check_room("impostor", self.count.impostor)?;
        }
        // Of all threads together.
        let kept = AtomicUsize::new(0);
        let mut parts = match &self.scored {
            Some((list, scored)) => {
                let mut parts = Parts::default();
                for (pair, scored) in list.pairs().iter().zip(scored) {
                    if pair.genuine || scored.cosine as f32 >= bounds.cosine(bounds.bin(scored.quality)) {
                        parts.push(pair.genuine, (pair.a, pair.b), *scored);
                    }
                }
                parts
            }
            None => {
                let bins: Vec<u8> = self
                    .set
                    .qualities()
                    .iter()
                    .map(|&quality| bounds.bin(quality))
                    .collect();
                let least = bounds.least_cosine();
                let visit = |parts: &mut Parts, row: &Row| self.visit(parts, row, (&bounds, &bins, least), &kept);
                fold(self.set, work, Parts::default, visit, Parts::join)?
            }
        };
        check_room("impostor", parts.impostor.len() as u64)?;
        parts.genuine.shrink_to_fit();
        parts.impostor.shrink_to_fit();
        Ok(Tail {
            genuine: parts.genuine,
            impostor: parts.impostor,
            count: self.count,
            bounds,
        })
    }

    fn visit(&self, parts: &mut Parts, row: &Row, (bounds, bins, least): (&Bounds, &[u8], f32), kept: &AtomicUsize) {
        if kept.load(Ordering::Relaxed) > MOST_KEPT {
            return; // too many: it fails in the end
        }
        let before = parts.impostor.len();
        let (subject, bin) = (row.subject(), bins[row.image]);
        let quality = self.set.qualities()[row.image];
        let chunks = row.cosines.chunks(STEP).zip(row.subjects().chunks(STEP));
        for (chunk, (cosines, subjects)) in chunks.enumerate() {
            // Almost no chunk has anything to keep.
            let any = cosines.iter().zip(subjects).fold(false, |any, (&cosine, &other)| {
                any | (cosine >= least) | (other == subject)
            });
            if !any {
                continue;
            }
            for (at, (&cosine, &other)) in cosines.iter().zip(subjects).enumerate() {
                let image = row.first + chunk * STEP + at;
                let genuine = other == subject;
                if genuine || cosine >= bounds.cosine(bins[image].min(bin)) {
                    let scored = ScoredPair {
                        cosine: f64::from(cosine),
                        quality: self.set.qualities()[image].min(quality),
                    };
                    parts.push(genuine, (row.image as u32, image as u32), scored);
                }
            }
        }
        kept.fetch_add(parts.impostor.len() - before, Ordering::Relaxed);
    }
}

/// Refuses more pairs of a kind than are kept.
fn check_room(what: &str, pairs: u64) -> Result<()> {
    if pairs <= MOST_KEPT as u64 {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Limit,
        format!(
            "more than {MOST_KEPT} {what} pairs would have to be kept: ask for smaller false match rates, or use sampled \
             pairs or fewer images"
        ),
    ))
}

#[derive(Default)]
struct Parts {
    genuine: Vec<Kept>,
    impostor: Vec<Kept>,
}

impl Parts {
    fn push(&mut self, genuine: bool, (a, b): (u32, u32), ScoredPair { cosine, quality }: ScoredPair) {
        let kept = if genuine { &mut self.genuine } else { &mut self.impostor };
        // One more than allowed tells that there are too many.
        if kept.len() <= MOST_KEPT {
            kept.push(Kept { cosine, quality, a, b });
        }
    }

    fn join(mut self, mut other: Parts) -> Parts {
        self.genuine.append(&mut other.genuine);
        self.impostor.append(&mut other.impostor);
        self
    }
}
