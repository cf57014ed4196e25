//! The published random choice of pairs, with a seed.

use super::{List, Pair, Prepared};
use crate::error::{Error, ErrorKind, Result};

/// How pairs are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SampleOptions {
    /// Most images of one person, at least 1; the published 10.
    pub images: usize,
    /// Impostor pairs for each of the two images of a genuine pair; the published 5.
    pub impostors: usize,
    /// Equal seeds give equal pairs.
    pub seed: u64,
}

impl Default for SampleOptions {
    fn default() -> Self {
        SampleOptions {
            images: 10,
            impostors: 5,
            seed: 0,
        }
    }
}

impl SampleOptions {
    /// Checks the options.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for no image of a person.
    pub fn check(&self) -> Result<()> {
        match self.images {
            0 => Err(Error::new(
                ErrorKind::InvalidArgument,
                "at least 1 image of a person must be chosen",
            )),
            _ => Ok(()),
        }
    }
}

/// Most pairs that are chosen: about 1 GiB of them.
const MOST_PAIRS: u64 = 90_000_000;

/// Chooses pairs as the published experiments do: of each person at most 10 images at random, all genuine pairs of
/// these, and for each of the two images of a genuine pair 5 impostor pairs with random images of other people, of all
/// in the set. The genuine pairs come person by person, each followed by its impostor pairs; an impostor pair can come
/// up twice.
///
/// The random numbers are our own (a seed gives the same pairs in every run): the published lists, which numpy's
/// generator made, are of the same kind but not the same.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for no image of a person, for a set of fewer than two people or without a person with
/// two images; [`ErrorKind::Limit`] for options that ask for more than 90 million pairs.
pub fn sample(set: &Prepared, options: &SampleOptions) -> Result<List> {
    let invalid = |what: &str| Error::new(ErrorKind::InvalidArgument, what);
    options.check()?;
    if set.subject_count() < 2 {
        return Err(invalid("a set of fewer than two people has no impostor pair"));
    }
    let mut random = fastrand::Rng::with_seed(options.seed);
    let mut people: Vec<Vec<u32>> = vec![Vec::new(); set.subject_count()];
    for (image, &subject) in (0u32..).zip(set.subjects()) {
        people[subject as usize].push(image);
    }
    for images in &mut people {
        if images.len() > options.images {
            *images = random.choose_multiple(images.iter().copied(), options.images);
            images.sort_unstable();
        }
    }
    let genuine: u64 = people.iter().map(|images| pairs_of(images.len() as u64)).sum();
    if genuine == 0 {
        return Err(invalid("no person has two images: the set has no genuine pair"));
    }
    let each = (options.impostors as u64).saturating_mul(2).saturating_add(1);
    let total = genuine.saturating_mul(each);
    if total > MOST_PAIRS {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("{total} pairs would be chosen, at most {MOST_PAIRS} are: ask for fewer, or use all pairs"),
        ));
    }
    let mut pairs = Vec::with_capacity(total as usize);
    let everyone = set.len() as u32;
    for images in &people {
        for (index, &a) in images.iter().enumerate() {
            for &b in &images[index + 1..] {
                pairs.push(Pair { a, b, genuine: true });
                for one in [a, b] {
                    for _ in 0..options.impostors {
                        let other = another(set, one, || random.u32(..everyone));
                        pairs.push(Pair {
                            a: one,
                            b: other,
                            genuine: false,
                        });
                    }
                }
            }
        }
    }
    List::new(set, pairs)
}

/// A random image of another person. With two people at least, one comes up sooner or later.
fn another(set: &Prepared, image: u32, mut random: impl FnMut() -> u32) -> u32 {
    let subject = set.subjects()[image as usize];
    loop {
        let other = random();
        if set.subjects()[other as usize] != subject {
            return other;
        }
    }
}

fn pairs_of(images: u64) -> u64 {
    images * images.saturating_sub(1) / 2
}
