//! From the names in a list to the rows of a set.

use super::pairs::{PairFile, PairFormat};
use crate::error::{Error, ErrorKind, Result};
use crate::pairs::{List, Pair, Prepared};
use std::collections::HashMap;

/// What happens to pairs with an image that the set doesn't have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Missing {
    /// They are an error: the figures would not be the benchmark's.
    #[default]
    Refuse,
    /// They are left out and counted.
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
}

/// The rows of a set by name.
pub struct Names<'a> {
    full: HashMap<&'a str, u32>,
    /// By the file's name alone, without folders and extension; `None` where several rows have it.
    stem: HashMap<&'a str, Option<u32>>,
    rows: usize,
}

impl<'a> Names<'a> {
    /// The rows of `set` by name; a set without names has its rows' numbers, from 0.
    pub fn of(set: &'a Prepared) -> Self {
        let (mut full, mut stem) = (HashMap::new(), HashMap::new());
        for (name, row) in set.names().unwrap_or_default().iter().zip(0u32..) {
            full.insert(name.as_str(), row);
            stem.entry(stem_of(name))
                .and_modify(|known| *known = None)
                .or_insert(Some(row));
        }
        let rows = if set.names().is_some() { 0 } else { set.len() };
        Names { full, stem, rows }
    }

    /// The row called `name`: by its full name, else by the file's name alone, without folders, extension and a
    /// number's leading zeros. `None` where there is none.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] where several rows are called so.
    pub fn row(&self, name: &str) -> Result<Option<u32>> {
        if self.rows > 0 {
            let row = stem_of(name).parse::<u32>().ok();
            return Ok(row.filter(|&row| (row as usize) < self.rows));
        }
        if let Some(&row) = self.full.get(name) {
            return Ok(Some(row));
        }
        match self.stem.get(stem_of(name)) {
            None => Ok(None),
            Some(Some(row)) => Ok(Some(*row)),
            Some(None) => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "several images of the set are called {:?}: the list must name their folders",
                    stem_of(name)
                ),
            )),
        }
    }
}

/// A file's name without folders, extension, and the leading zeros of a number.
fn stem_of(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = match file.rsplit_once('.') {
        // What follows a dot is an extension only where it isn't part of the name (`J.K_Lee_0001`).
        Some((stem, extension)) if !stem.is_empty() && is_extension(extension) => stem,
        _ => file,
    };
    if !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = stem.trim_start_matches('0');
        if number.is_empty() {
            &stem[stem.len() - 1..]
        } else {
            number
        }
    } else {
        stem
    }
}

fn is_extension(text: &str) -> bool {
    ["jpg", "jpeg", "png", "bmp", "webp", "tif", "tiff"]
        .iter()
        .any(|known| known.eq_ignore_ascii_case(text))
}

impl PairFile {
    /// The pairs as rows of `set`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an image that the set doesn't have, by [`Missing::Refuse`], naming it and how
    /// many pairs it concerns, for a name that several images have, and when no pair is left.
    pub fn resolve(&self, set: &Prepared, missing: Missing) -> Result<Resolved> {
        let names = Names::of(set);
        let (mut pairs, mut folds) = (
            Vec::with_capacity(self.pairs.len()),
            Vec::with_capacity(self.pairs.len()),
        );
        let (mut left_out, mut first_missing) = (0u64, None);
        for pair in &self.pairs {
            match (names.row(&pair.a)?, names.row(&pair.b)?) {
                (Some(a), Some(b)) => {
                    pairs.push(Pair {
                        a,
                        b,
                        genuine: pair.genuine,
                    });
                    folds.push(pair.fold);
                }
                (a, _) => {
                    left_out += 1;
                    first_missing.get_or_insert(if a.is_none() { &pair.a } else { &pair.b });
                }
            }
        }
        if let Some(name) = first_missing
            && (missing == Missing::Refuse || pairs.is_empty())
        {
            let hint = match self.format {
                PairFormat::Numbers => " (images go by the numbers in their file names)",
                _ => "",
            };
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{left_out} of {} pairs are of images that the set doesn't have, the first is {name:?}{hint}",
                    self.pairs.len()
                ),
            ));
        }
        Ok(Resolved {
            list: List::new(set, pairs)?,
            folds,
            left_out,
        })
    }
}

/// Who is on each of `images` images as far as pairs tell: images that genuine pairs join, directly or by way of
/// others, are of one person. For sets whose names don't say who is on an image.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming a pair of an image beyond `images`, or an impostor pair of two images that
/// genuine pairs say are of one person.
pub fn people_of(images: usize, pairs: &[Pair]) -> Result<Vec<u32>> {
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
            "images {} and {} are of two people by one pair and of one person by others",
            pair.a, pair.b
        )));
    }
    Ok(people)
}
