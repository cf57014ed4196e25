//! From the names in a list to the rows of a set.

use super::names::{Lookup, Names};
use super::pairs::{PairFile, PairFormat};
use qmagface::error::{Error, ErrorKind, Result};
use qmagface::pairs::{List, Pair, Prepared};

/// What happens to pairs with an image that the set doesn't have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Missing {
    /// They are an error: the figures would not be the benchmark's.
    #[default]
    Refuse,
    /// They are left out and counted, and so are pairs with a name that several images of the set have.
    LeaveOut,
}

/// The pairs of a pair file as rows of a set.
#[derive(Debug, Clone)]
pub struct Resolved {
    /// The pairs.
    pub list: List,
    /// The fold of each.
    pub folds: Vec<u16>,
    /// Pairs that were left out.
    pub left_out: u64,
    /// How many of these because several images of the set have a name that the list gives.
    pub unclear: u64,
}

impl PairFile {
    /// The pairs as rows of `set`.
    ///
    /// # Errors
    /// As [`PairFile::look_up`].
    pub fn resolve(&self, set: &Prepared, missing: Missing) -> Result<Resolved> {
        self.look_up(&Names::of(set), missing)
    }

    /// The pairs as rows that are called `names`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an image that the set doesn't have, or whose name several images have, by
    /// [`Missing::Refuse`], naming it and how many pairs it concerns; and when no pair is left.
    pub fn look_up(&self, names: &Names, missing: Missing) -> Result<Resolved> {
        let (mut pairs, mut folds) = (
            Vec::with_capacity(self.pairs.len()),
            Vec::with_capacity(self.pairs.len()),
        );
        let (mut absent, mut unclear) = (Lost::default(), Lost::default());
        for pair in &self.pairs {
            let (a, b) = (self.find(names, &pair.a), self.find(names, &pair.b));
            match (a, b) {
                (Lookup::Row(a), Lookup::Row(b)) => {
                    pairs.push(Pair {
                        a,
                        b,
                        genuine: pair.genuine,
                    });
                    folds.push(pair.fold);
                }
                (Lookup::Missing, _) => absent.add(&pair.a, a),
                (_, Lookup::Missing) => absent.add(&pair.b, b),
                (Lookup::Several(..), _) => unclear.add(&pair.a, a),
                (_, Lookup::Several(..)) => unclear.add(&pair.b, b),
            }
        }
        if missing == Missing::Refuse || pairs.is_empty() {
            self.refuse(names, &absent, &unclear)?;
        }
        Ok(Resolved {
            list: List::of_rows(pairs),
            folds,
            left_out: absent.pairs + unclear.pairs,
            unclear: unclear.pairs,
        })
    }

    fn find(&self, names: &Names, name: &str) -> Lookup {
        match self.format {
            PairFormat::Numbers | PairFormat::Packed => names.numbered(name),
            PairFormat::Labelled => names.find(name),
            // LFW keeps each person's images in a folder called like them.
            PairFormat::Lfw => {
                let person = name.rsplit_once('_').map_or("", |(person, _)| person);
                match names.find(&format!("{person}/{name}")) {
                    Lookup::Missing => names.find(name),
                    found => found,
                }
            }
        }
    }

    /// The error that pairs are lost, if any are.
    fn refuse(&self, names: &Names, absent: &Lost, unclear: &Lost) -> Result<()> {
        let wrong = |message: String| Err(Error::new(ErrorKind::InvalidArgument, message));
        if let Some((name, _)) = &absent.first {
            let hint = match (self.format, names.nearly(name)) {
                (PairFormat::Numbers, _) => " (images go by the numbers in their file names)".to_owned(),
                (_, Some(row)) => format!(" (the set has {row:?}: its names begin further inside than the list's)"),
                _ => String::new(),
            };
            return wrong(format!(
                "{} of {} pairs are of images that the set doesn't have, the first is {name:?}{hint}",
                absent.pairs,
                self.pairs.len()
            ));
        }
        if let Some((name, Lookup::Several(a, b))) = unclear.first {
            let error = names.several(name, a, b);
            return Err(error.at(format_args!("{} of {} pairs", unclear.pairs, self.pairs.len())));
        }
        Ok(())
    }
}

/// Pairs that can't be compared.
#[derive(Default)]
struct Lost<'a> {
    pairs: u64,
    /// The first name that is at fault, and what it means.
    first: Option<(&'a str, Lookup)>,
}

impl<'a> Lost<'a> {
    fn add(&mut self, name: &'a str, found: Lookup) {
        self.pairs += 1;
        self.first.get_or_insert((name, found));
    }
}

/// Who is on each of `images` images as far as pairs tell: images that genuine pairs join, directly or by way of
/// others, are of one person. For sets whose names don't say who is on an image.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming a pair of an image beyond `images`, or the two images, by `name`, of an impostor
/// pair that genuine pairs say are of one person.
pub fn people_of(images: usize, pairs: &[Pair], name: impl Fn(u32) -> String) -> Result<Vec<u32>> {
    let wrong = |what: String| Error::new(ErrorKind::InvalidArgument, what);
    let mut parent: Vec<u32> = (0..images as u32).collect();
    // Path halving: every second image on the way is hung higher.
    fn root(parent: &mut [u32], mut image: u32) -> u32 {
        while parent[image as usize] != image {
            let above = parent[parent[image as usize] as usize];
            parent[image as usize] = above;
            image = above;
        }
        image
    }
    for (index, pair) in pairs.iter().enumerate() {
        if pair.a.max(pair.b) as usize >= images {
            return Err(wrong(format!("pair {index} is of an image beyond the {images}")));
        }
        if pair.genuine {
            let (a, b) = (root(&mut parent, pair.a), root(&mut parent, pair.b));
            parent[a.max(b) as usize] = a.min(b);
        }
    }
    let people: Vec<u32> = (0..images as u32).map(|image| root(&mut parent, image)).collect();
    let contradiction = |pair: &&Pair| !pair.genuine && people[pair.a as usize] == people[pair.b as usize];
    if let Some(pair) = pairs.iter().find(contradiction) {
        return Err(wrong(format!(
            "{} and {} are of two people by one pair and of one person by others",
            name(pair.a),
            name(pair.b)
        )));
    }
    Ok(people)
}
