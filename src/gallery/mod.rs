//! Galleries: many templates of one model, packed for comparing probes with all of them.
//!
//! ```
//! use qmagface::gallery::{Gallery, SearchOptions};
//! use qmagface::model::Fingerprint;
//! use qmagface::{Calibration, QualityParameters, Scalar, Template, Work};
//!
//! let template = |embedding: &[f32]| Template::from_embedding("sface", Fingerprint([7; 32]), embedding);
//! let mut gallery = Gallery::new(Scalar::F16);
//! gallery.add(&[&template(&[3.0, 4.0])?, &template(&[0.0, 2.0])?])?;
//!
//! let calibration = Calibration::from_parameters(QualityParameters { alpha: 0.077428, beta: 0.125926 })?;
//! let found = gallery.search(&calibration, &[&template(&[1.0, 9.0])?], &SearchOptions::default(), &Work::default())?;
//! assert_eq!((found[0].len(), found[0][0].index), (2, 1));
//! # Ok::<(), qmagface::Error>(())
//! ```

mod best;
mod score;
mod search;
mod values;

pub use best::Match;
pub use search::SearchOptions;

use crate::calibrate::Calibration;
use crate::error::{Error, ErrorKind, Result};
use crate::identity::{Fingerprint, advice};
use crate::template::{Scalar, Template, describe_model};
use values::Values;

/// Templates of one model, one behind the other in memory, in one precision. What of a template no comparison needs
/// (where the face was, metadata) is not kept. Directions are overwritten before their memory is given back: when a
/// template is removed, when the gallery grows, and at its end.
///
/// A template's place is its index: 0 for the first that was added. It is of the model of the first template that was
/// added, and stays so when all are removed.
///
/// Memory, for each template: 4, 2 or 1 bytes for each float of an embedding by the precision, rounded up to whole
/// 64 bytes, and 8 bytes for quality and scale. It grows by doubling: while it does, old and new are both there.
#[derive(Clone)]
pub struct Gallery {
    model: Option<Model>,
    values: Values,
    /// What a row's values are multiplied by for a length of 1.
    scales: Vec<f32>,
    /// 0 for a failed template.
    qualities: Vec<f32>,
    /// How many qualities are those of normalised embeddings.
    unit_lengths: usize,
}

/// What all templates of a gallery are of.
#[derive(Clone)]
struct Model {
    name: String,
    fingerprint: Fingerprint,
    /// Floats of an embedding.
    length: usize,
}

impl Gallery {
    /// A gallery without templates that will keep directions in this precision.
    pub fn new(scalar: Scalar) -> Gallery {
        Gallery {
            model: None,
            values: Values::new(scalar),
            scales: Vec::new(),
            qualities: Vec::new(),
            unit_lengths: 0,
        }
    }

    /// How many templates there are, failed ones included.
    pub fn len(&self) -> usize {
        self.qualities.len()
    }

    /// Whether there is no template.
    pub fn is_empty(&self) -> bool {
        self.qualities.is_empty()
    }

    /// How many templates have a quality of 1, see [`Template::has_unit_length`]. Where there is one, scores with it
    /// are made with a quality that says nothing; a search doesn't flag its matches, so look here when templates were
    /// added.
    pub fn unit_lengths(&self) -> usize {
        self.unit_lengths
    }

    /// The precision of the directions.
    pub fn scalar(&self) -> Scalar {
        self.values.scalar()
    }

    /// Floats of an embedding; 0 before the first template is added.
    pub fn length(&self) -> usize {
        self.model.as_ref().map_or(0, |model| model.length)
    }

    /// Name of the pack the templates were made with; `None` before the first is added.
    pub fn model(&self) -> Option<&str> {
        self.model.as_ref().map(|model| model.name.as_str())
    }

    /// Fingerprint of the templates' model; `None` before the first is added.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.model.as_ref().map(|model| model.fingerprint)
    }

    /// Bytes of memory it takes, with the room it has for more templates.
    pub fn bytes(&self) -> usize {
        self.values.bytes() + (self.scales.capacity() + self.qualities.capacity()) * size_of::<f32>()
    }

    /// Adds templates at the end, all or none, and gives the index of the first of them. A failed template takes its
    /// place too, and matches nothing.
    ///
    /// # Errors
    /// [`ErrorKind::ModelMismatch`] naming both models and the template's place when not all are of one model, the
    /// gallery's.
    pub fn add(&mut self, templates: &[&Template]) -> Result<usize> {
        let first = self.len();
        let Some(&one) = templates.first() else {
            return Ok(first);
        };
        let model = self.model.clone().unwrap_or_else(|| Model {
            name: one.model().to_owned(),
            fingerprint: one.fingerprint(),
            length: one.length(),
        });
        for (index, template) in templates.iter().enumerate() {
            model.check(template, || format!("template {index}"))?;
        }
        self.values.reserve(templates.len(), model.length);
        for template in templates {
            self.scales.push(self.values.push(template.direction(), model.length));
            self.qualities.push(template.quality() as f32);
            self.unit_lengths += usize::from(is_unit(template.quality() as f32));
        }
        self.model = Some(model);
        Ok(first)
    }

    /// Removes the templates at these indices, which rise. Those behind move up: each gets the index that is less by
    /// the number removed in front of it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for an index that isn't below [`Gallery::len`], or not above the one before it;
    /// then none is removed.
    pub fn remove(&mut self, indices: &[usize]) -> Result<()> {
        let wrong = |what: String| Err(Error::new(ErrorKind::InvalidArgument, what));
        for (at, &index) in indices.iter().enumerate() {
            if index >= self.len() {
                return wrong(format!(
                    "index {at} is {index}, the gallery has {} templates",
                    self.len()
                ));
            }
            if at > 0 && index <= indices[at - 1] {
                return wrong(format!(
                    "index {at} is {index}, the one before it {}: they must rise",
                    indices[at - 1]
                ));
            }
        }
        let Some(&first) = indices.first() else {
            return Ok(());
        };
        let (length, mut next, mut to) = (self.length(), 0, first);
        for from in first..self.len() {
            if indices.get(next) == Some(&from) {
                next += 1;
                self.unit_lengths -= usize::from(is_unit(self.qualities[from]));
                continue;
            }
            self.values.copy(from, to, length);
            self.scales[to] = self.scales[from];
            self.qualities[to] = self.qualities[from];
            to += 1;
        }
        self.values.truncate(to, length);
        self.scales.truncate(to);
        self.qualities.truncate(to);
        Ok(())
    }

    /// Fails unless the calibration and all probes are of the gallery's model; without one, of one model.
    fn check(&self, calibration: &Calibration, probes: &[&Template]) -> Result<()> {
        let Some(model) = &self.model else {
            return probes
                .iter()
                .enumerate()
                .try_for_each(|(index, probe)| calibration.check_model(probe, &format!("probe {index}")));
        };
        if calibration.fingerprint().is_some_and(|own| own != model.fingerprint) {
            return Err(Error::new(
                ErrorKind::ModelMismatch,
                format!(
                    "the gallery is of {}, the calibration of {}: scores of one model mean nothing for another",
                    model.describe(),
                    calibration.describe_model().unwrap_or_default()
                ),
            ));
        }
        probes
            .iter()
            .enumerate()
            .try_for_each(|(index, probe)| model.check(probe, || format!("probe {index}")))
    }
}

/// As [`Template::has_unit_length`] of the template that had this quality.
fn is_unit(quality: f32) -> bool {
    crate::compare::has_unit_length(quality.into())
}

impl Model {
    /// `place` is asked only for the error.
    fn check(&self, template: &Template, place: impl FnOnce() -> String) -> Result<()> {
        if template.fingerprint() == self.fingerprint && template.length() == self.length {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ModelMismatch,
            format!(
                "a gallery has templates of one model: {} is of {} with {} floats, the gallery of {} with {}{}",
                place(),
                template.origin(),
                template.length(),
                self.describe(),
                self.length,
                advice(template.model(), &self.name)
            ),
        ))
    }

    fn describe(&self) -> String {
        describe_model(&self.name, self.fingerprint)
    }
}

impl std::fmt::Debug for Gallery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gallery")
            .field("model", &self.model())
            .field("scalar", &self.scalar())
            .field("templates", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
