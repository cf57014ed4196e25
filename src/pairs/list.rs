//! Chosen pairs of a set.

use super::{Count, Prepared};
use crate::error::{Error, ErrorKind, Result};
use crate::work::Work;

/// Pairs scored by one thread at a time.
const CHUNK: usize = 4096;

/// Two images that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pair {
    /// Index of the one.
    pub a: u32,
    /// Index of the other.
    pub b: u32,
    /// Whether they are of one person.
    pub genuine: bool,
}

/// Pairs that a list of a benchmark should not have: they count twice, or compare an image with itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Repeats {
    /// Pairs of an image with itself.
    pub with_itself: u64,
    /// Pairs of two images that came before, in either order.
    pub again: u64,
    /// One of them.
    pub example: Option<(u32, u32)>,
}

impl Repeats {
    /// Looks for them. Memory: 8 bytes for each pair.
    pub fn of(pairs: &[Pair]) -> Repeats {
        let mut found = Repeats::default();
        let mut all: Vec<(u32, u32)> = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let ends = (pair.a.min(pair.b), pair.a.max(pair.b));
            match ends.0 == ends.1 {
                true => {
                    found.with_itself += 1;
                    found.example.get_or_insert(ends);
                }
                false => all.push(ends),
            }
        }
        all.sort_unstable();
        for two in all.windows(2).filter(|two| two[0] == two[1]) {
            found.again += 1;
            found.example.get_or_insert(two[0]);
        }
        found
    }

    /// What a reader must know of them; `what` the pairs are of, in the plural, and how each is called. `None`: there are
    /// none.
    pub fn note(&self, what: &str, name: impl Fn(u32) -> String) -> Option<String> {
        let (a, b) = self.example?;
        Some(format!(
            "The list has {} pairs of {what} that it has already, and {} of one with itself, such as {} and {}: they count \
             in all figures, and make them better or surer than they are.",
            self.again,
            self.with_itself,
            name(a),
            name(b)
        ))
    }
}

/// What comparing a pair needs: the score of any (alpha, beta) follows from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredPair {
    /// The cosine, in f64 arithmetic.
    pub cosine: f64,
    /// The lower of both qualities.
    pub quality: f64,
}

/// Chosen pairs of a set, in a fixed order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List {
    pairs: Vec<Pair>,
}

impl List {
    /// A list of pairs as they are; whether they are genuine is what the caller says. They may repeat.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the first pair with an index that `set` doesn't have.
    pub fn new(set: &Prepared, pairs: Vec<Pair>) -> Result<Self> {
        for (index, pair) in pairs.iter().enumerate() {
            if let Some(image) = [pair.a, pair.b].into_iter().find(|&image| image as usize >= set.len()) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "pair {index} is of image {image}, the set has images 0 to {}",
                        set.len().saturating_sub(1)
                    ),
                ));
            }
        }
        Ok(List { pairs })
    }

    /// A list of pairs whose rows were looked up in a set: to compare them with a set that lacks one of them panics, so where
    /// they come from outside, take [`List::new`].
    pub fn of_rows(pairs: Vec<Pair>) -> Self {
        List { pairs }
    }

    /// A list of pairs (a, b), genuine where the set says so.
    ///
    /// # Errors
    /// As [`List::new`].
    pub fn from_subjects(set: &Prepared, pairs: &[(u32, u32)]) -> Result<Self> {
        let subject = |image: u32| set.subjects().get(image as usize);
        let pair = |&(a, b): &(u32, u32)| Pair {
            a,
            b,
            genuine: subject(a) == subject(b),
        };
        List::new(set, pairs.iter().map(pair).collect())
    }

    /// The pairs.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// How many there are.
    pub fn count(&self) -> Count {
        let genuine = self.pairs.iter().filter(|pair| pair.genuine).count() as u64;
        Count {
            genuine,
            impostor: self.pairs.len() as u64 - genuine,
        }
    }

    /// Compares the pairs, in their order, on all threads.
    ///
    /// Memory: 16 bytes for each pair.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for the list of another set; [`ErrorKind::Cancelled`].
    pub fn score(&self, set: &Prepared, work: &Work) -> Result<Vec<ScoredPair>> {
        if let Some(index) = self
            .pairs
            .iter()
            .position(|pair| pair.a.max(pair.b) as usize >= set.len())
        {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("pair {index} is of an image that the set doesn't have: the list is of another set"),
            ));
        }
        let parts = work.each(
            self.pairs.len().div_ceil(CHUNK),
            self.pairs.len() as u64,
            Vec::new,
            |parts, task| {
                let pairs = &self.pairs[task * CHUNK..((task + 1) * CHUNK).min(self.pairs.len())];
                let scored: Vec<ScoredPair> = pairs.iter().map(|pair| compare(set, pair)).collect();
                parts.push((task, scored));
                pairs.len() as u64
            },
        )?;
        let mut parts: Vec<_> = parts.into_iter().flatten().collect();
        parts.sort_unstable_by_key(|&(task, _)| task);
        Ok(parts.into_iter().flat_map(|(_, scored)| scored).collect())
    }
}

fn compare(set: &Prepared, pair: &Pair) -> ScoredPair {
    let (a, b) = (pair.a as usize, pair.b as usize);
    let directions = set.directions();
    let (left, right) = (directions.row(a), directions.row(b));
    let product = |x: &f32, y: &f32| f64::from(*x) * f64::from(*y);
    ScoredPair {
        cosine: match (left.to_slice(), right.to_slice()) {
            (Some(left), Some(right)) => dot(left, right),
            _ => left.iter().zip(right).map(|(x, y)| product(x, y)).sum(),
        },
        quality: set.qualities()[a].min(set.qualities()[b]),
    }
}

/// The scalar product in f64, in eight sums that a processor forms side by side; the same on every processor, for
/// products of two f32 are exact in f64.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has AVX2.
        return unsafe { dot_avx2(a, b) };
    }
    dot_in_eight(a, b)
}

/// [`dot_in_eight`], compiled for processors that have registers for four f64.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn dot_avx2(a: &[f32], b: &[f32]) -> f64 {
    dot_in_eight(a, b)
}

#[inline(always)]
fn dot_in_eight(a: &[f32], b: &[f32]) -> f64 {
    let mut sums = [0.0f64; 8];
    let (chunks_a, chunks_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest = chunks_a.remainder().iter().zip(chunks_b.remainder());
    let rest: f64 = rest.map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
    for (a, b) in chunks_a.zip(chunks_b) {
        for ((sum, &x), &y) in sums.iter_mut().zip(a).zip(b) {
            *sum += f64::from(x) * f64::from(y);
        }
    }
    sums.iter().sum::<f64>() + rest
}
