//! A labelled set of embeddings, ready for comparing.

use super::names::subject_of;
use super::{Count, LostQuality};
use crate::compare::magnitude;
use crate::error::{Error, ErrorKind, Result};
use crate::matrix::Matrix;
use ndarray::{Array2, ArrayView2, Axis};
use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;

/// A labelled set of embeddings as comparisons need it: directions, qualities and who each row is of.
///
/// Memory: 4 bytes for each float of the embeddings, 16 for each row, and the names.
#[derive(Clone)]
pub struct Prepared {
    directions: Array2<f32>,
    qualities: Vec<f64>,
    qualities_f32: Vec<f32>,
    subjects: Vec<u32>,
    subject_count: usize,
    names: Option<Vec<String>>,
}

/// Sizes; no direction, no quality, no name.
impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("images", &self.len())
            .field("subjects", &self.subject_count)
            .field("length", &self.directions.ncols())
            .finish_non_exhaustive()
    }
}

impl Prepared {
    /// Makes a set from its embeddings, one a row, and what tells the people apart, one for each row: two rows with
    /// equal labels are of one person.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when there are not as many labels as rows, when there are more than 2^32 - 1
    /// rows, or as in [`magnitude`], naming the row.
    pub fn new<L: Hash + Eq>(embeddings: Matrix, labels: &[L]) -> Result<Self> {
        Self::build(embeddings, labels, None)
    }

    /// As [`Prepared::new`], with the people by the images' names, see [`subject_of`].
    ///
    /// # Errors
    /// As [`Prepared::new`], naming the image; and [`ErrorKind::InvalidArgument`] for a name that doesn't say who is
    /// on the image.
    pub fn from_names(embeddings: Matrix, names: Vec<String>) -> Result<Self> {
        let labels = names
            .iter()
            .map(|name| {
                subject_of(name).ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidArgument,
                        format!("{name:?} doesn't say who is on the image: names are PERSON/IMAGE or PERSON_NUMBER"),
                    )
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Self::build(embeddings, &labels, Some(names))
    }

    /// As [`Prepared::new`], with names for the rows, which errors then use.
    ///
    /// # Errors
    /// As [`Prepared::new`], and [`ErrorKind::InvalidArgument`] when there are not as many names as rows.
    pub fn labelled<L: Hash + Eq>(embeddings: Matrix, labels: &[L], names: Vec<String>) -> Result<Self> {
        check_length("names", names.len(), embeddings.rows())?;
        Self::build(embeddings, labels, Some(names))
    }

    /// The same set with other people on its images: two rows with equal labels are of one person.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when there are not as many labels as rows.
    pub fn with_people<L: Hash + Eq>(self, labels: &[L]) -> Result<Self> {
        check_length("labels", labels.len(), self.len())?;
        let (subjects, subject_count) = numbered(labels);
        Ok(Prepared {
            subjects,
            subject_count,
            ..self
        })
    }

    /// The same set with names for its rows.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] when there are not as many names as rows.
    pub fn with_names(self, names: Vec<String>) -> Result<Self> {
        check_length("names", names.len(), self.len())?;
        Ok(Prepared {
            names: Some(names),
            ..self
        })
    }

    fn build<L: Hash + Eq>(embeddings: Matrix, labels: &[L], names: Option<Vec<String>>) -> Result<Self> {
        let mut embeddings = embeddings.into_array();
        check_length("labels", labels.len(), embeddings.nrows())?;
        if u32::try_from(labels.len()).is_err() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("a set has at most {} images, not {}", u32::MAX, labels.len()),
            ));
        }
        let mut qualities = Vec::with_capacity(labels.len());
        for (index, mut row) in embeddings.rows_mut().into_iter().enumerate() {
            let length = magnitude(row.as_slice().unwrap_or_default()).map_err(|error| match &names {
                Some(names) => error.at(format!("image {index}, {}", names[index])),
                None => error.at(format!("image {index}")),
            })?;
            row.mapv_inplace(|v| (f64::from(v) / length) as f32);
            qualities.push(length);
        }
        let (subjects, subject_count) = numbered(labels);
        Ok(Prepared {
            directions: embeddings,
            qualities_f32: qualities.iter().map(|&quality| quality as f32).collect(),
            qualities,
            subject_count,
            subjects,
            names,
        })
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.subjects.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// Floats of an embedding.
    pub fn length(&self) -> usize {
        self.directions.ncols()
    }

    /// The direction of an image's embedding: of Euclidean length 1.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn direction(&self, image: usize) -> &[f32] {
        assert!(image < self.len(), "image {image} of {}", self.len());
        &self.directions_slice()[image * self.length()..][..self.length()]
    }

    /// The directions, one a row.
    pub(crate) fn directions(&self) -> ArrayView2<'_, f32> {
        self.directions.view()
    }

    /// [`Prepared::directions`], one behind the other.
    pub(crate) fn directions_slice(&self) -> &[f32] {
        // Both ways of making a set leave the matrix in standard layout.
        self.directions.as_slice().unwrap_or_default()
    }

    /// The quality of each image: its embedding's length.
    pub fn qualities(&self) -> &[f64] {
        &self.qualities
    }

    /// Whether the lengths carry no quality: all are 1 within 1 %, as of embeddings that were normalised, or a quarter
    /// are, or a single one among others whose median is not between 0.5 and 2; or, of 8 images or more, all are one
    /// length within 1 %; or their median is not between 1e-3 and 1e6. `None`: they differ, as a network makes them.
    ///
    /// A network of this kind says by an embedding's length how good the image is, and lengths of a set vary by ten per
    /// cent and more. Many tools store embeddings normalised to length 1, as the cosine alone needs them. Compared by
    /// the quality-aware score, each would have the quality 1: nothing shows, and the figures mean nothing. The 1 % is
    /// for rounding to 16 bits and to bytes. One embedding of length 1 can be chance with a network yet to come; a
    /// whole set can't, and so it is fits that refuse, and single comparisons that are flagged.
    pub fn lost_quality(&self) -> Option<LostQuality> {
        LostQuality::of(&self.qualities)
    }

    /// [`Prepared::qualities`], rounded, for blocks of comparisons.
    pub fn qualities_f32(&self) -> &[f32] {
        &self.qualities_f32
    }

    /// Who is on each image: 0..[`Prepared::subject_count`], numbered by first appearance.
    pub fn subjects(&self) -> &[u32] {
        &self.subjects
    }

    /// How many people there are.
    pub fn subject_count(&self) -> usize {
        self.subject_count
    }

    /// The images' names, where they have any.
    pub fn names(&self) -> Option<&[String]> {
        self.names.as_deref()
    }

    /// How image `index` is called in messages and tables: its name, else its number.
    pub fn name(&self, index: usize) -> String {
        match &self.names {
            Some(names) => names[index].clone(),
            None => index.to_string(),
        }
    }

    /// How many pairs of two different images there are.
    pub fn count(&self) -> Count {
        let mut images = vec![0u64; self.subject_count];
        for &subject in &self.subjects {
            images[subject as usize] += 1;
        }
        let pairs = |n: u64| n * n.saturating_sub(1) / 2;
        let genuine = images.into_iter().map(pairs).sum();
        Count {
            genuine,
            impostor: pairs(self.len() as u64) - genuine,
        }
    }

    /// The images of the people for whom `keep` holds, as a set of their own.
    pub fn of_subjects(&self, keep: impl Fn(u32) -> bool) -> Prepared {
        let rows: Vec<usize> = (0..self.len()).filter(|&row| keep(self.subjects[row])).collect();
        let labels: Vec<u32> = rows.iter().map(|&row| self.subjects[row]).collect();
        let (subjects, subject_count) = numbered(&labels);
        Prepared {
            directions: self.directions.select(Axis(0), &rows),
            qualities: rows.iter().map(|&row| self.qualities[row]).collect(),
            qualities_f32: rows.iter().map(|&row| self.qualities_f32[row]).collect(),
            subjects,
            subject_count,
            names: self
                .names
                .as_ref()
                .map(|names| rows.iter().map(|&row| names[row].clone()).collect()),
        }
    }
}

/// The labels as numbers by first appearance, and how many different ones there are.
fn numbered<L: Hash + Eq>(labels: &[L]) -> (Vec<u32>, usize) {
    let mut known = HashMap::new();
    let numbers = labels
        .iter()
        .map(|label| {
            let next = known.len() as u32;
            *known.entry(label).or_insert(next)
        })
        .collect();
    (numbers, known.len())
}

fn check_length(what: &str, given: usize, rows: usize) -> Result<()> {
    if given == rows {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!("there are {given} {what} for {rows} embeddings: one for each is needed"),
    ))
}
