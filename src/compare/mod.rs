//! Comparing embeddings: magnitude (quality), cosine, the quality-aware score, and the unified quality score.
//!
//! | file | its one job |
//! |---|---|
//! | `pair.rs` | two embeddings, in f64 |
//! | `rows.rs` | one probe against many rows, as fast as memory gives them |
//! | `tiles.rs` | many probes against many rows: a matrix product that ends in scores |
//! | `matrix.rs` | which of the two a matrix of scores is made with |
//! | `stored.rs` | rows of halves and bytes: made of directions and read as directions |
//! | `aligned.rs` | numbers that begin at a cache line |

mod aligned;
mod matrix;
mod pair;
mod rows;
mod stored;
mod tiles;

pub(crate) use aligned::Aligned;
pub(crate) use matrix::{Directions, FEW, rows_at_once, score_directions};
pub(crate) use pair::dot;
pub(crate) use rows::{Probe, Rows, each_product};
pub(crate) use stored::{bytes_of, halves_of, unpack_bytes, unpack_halves};
pub(crate) use tiles::{Fused, Panels, Place, Products, Scores, Sink};

use crate::cancel::Cancel;
use crate::error::{Error, ErrorKind, Result};
use crate::matrix::Matrix;
use ndarray::ArrayView2;

/// The two parameters of the quality weight `w(s) = min(0, beta * s - alpha)` (QMagFace, arXiv 2111.13475).
///
/// They belong to one detector, aligner and network, and live in the model pack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QualityParameters {
    /// Offset of the weight, in units of score per unit of magnitude.
    pub alpha: f64,
    /// Slope of the weight over the cosine.
    pub beta: f64,
}

impl QualityParameters {
    /// The weight of the quality at cosine `s`: never positive, so quality only ever takes away.
    pub fn weight(&self, s: f64) -> f64 {
        (self.beta * s - self.alpha).min(0.0)
    }

    /// The quality-aware score `s + w(s) * min(quality_a, quality_b)`.
    ///
    /// At most 1; unbounded below. Below the cosine `alpha / beta` a pair of lower quality scores higher than one of
    /// higher quality with the same cosine: gate on quality as well as on the score.
    pub fn score(&self, s: f64, quality_a: f64, quality_b: f64) -> f64 {
        s + self.weight(s) * quality_a.min(quality_b)
    }

    /// The same in f32 arithmetic, with the lower quality.
    #[inline(always)]
    pub(crate) fn score_f32(&self, s: f32, quality: f32) -> f32 {
        s + (self.beta as f32 * s - self.alpha as f32).min(0.0) * quality
    }
}

/// What comparing two faces gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Cosine of the two embeddings, -1..1 (up to rounding).
    pub cosine: f64,
    /// Magnitude of the first embedding, > 0.
    pub quality_a: f64,
    /// Magnitude of the second embedding, > 0.
    pub quality_b: f64,
    /// The quality-aware score.
    pub score: f64,
}

/// The quality of a face: the Euclidean length of its embedding (MagFace, arXiv 2103.06627).
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when the embedding is empty, has an element that isn't finite, or has length 0 (it
/// then has no direction to compare).
pub fn magnitude(embedding: &[f32]) -> Result<f64> {
    let length = pair::square(embedding).sqrt();
    if length.is_finite() && length > 0.0 {
        return Ok(length);
    }
    let what = if embedding.is_empty() {
        "has no element"
    } else if length == 0.0 {
        "is zero"
    } else {
        "has an element that is not finite"
    };
    Err(Error::new(ErrorKind::InvalidArgument, format!("the embedding {what}")))
}

/// How far from 1 the length of one embedding may be and still be taken for that of a normalised one: rounding to 16
/// bits changes it by 2e-4. What was rounded to bytes can be further off: that shows in whole sets alone
/// ([`crate::pairs::Prepared::lost_quality`]).
const UNIT_TOLERANCE: f64 = 1e-3;

/// Whether a quality is 1 within 1e-3, as that of an embedding that was normalised: its quality is lost then. The
/// networks of this library make no such embedding; one yet to come may, so this is told and not refused.
pub fn has_unit_length(quality: f64) -> bool {
    (quality - 1.0).abs() <= UNIT_TOLERANCE
}

/// Compares two embeddings of one model, in f64 arithmetic.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for embeddings of different lengths or as in [`magnitude`].
pub fn compare(a: &[f32], b: &[f32], parameters: &QualityParameters) -> Result<Comparison> {
    if a.len() != b.len() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("embeddings of {} and {} elements can't be compared", a.len(), b.len()),
        ));
    }
    let products = pair::products(a, b);
    let (quality_a, quality_b) = (products.aa.sqrt(), products.bb.sqrt());
    let usable = |length: f64| length.is_finite() && length > 0.0;
    if !usable(quality_a) || !usable(quality_b) {
        // One of them says what is wrong.
        magnitude(a).and_then(|_| magnitude(b))?;
    }
    let cosine = products.ab / (quality_a * quality_b);
    Ok(Comparison {
        cosine,
        quality_a,
        quality_b,
        score: parameters.score(cosine, quality_a, quality_b),
    })
}

/// Quality-aware scores of every probe (row) with every gallery embedding (column), in f32 arithmetic.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] for embeddings of different lengths or as in [`magnitude`], naming the row.
pub fn score_matrix(probes: &Matrix, gallery: &Matrix, parameters: &QualityParameters) -> Result<Matrix> {
    score_matrix_until(probes.view(), gallery.view(), parameters, None)
}

/// As [`score_matrix`], of borrowed embeddings, until `cancel` is cancelled.
///
/// # Errors
/// As [`score_matrix`]; [`ErrorKind::Cancelled`].
pub(crate) fn score_matrix_until(
    probes: ArrayView2<f32>,
    gallery: ArrayView2<f32>,
    parameters: &QualityParameters,
    cancel: Option<&Cancel>,
) -> Result<Matrix> {
    if probes.ncols() != gallery.ncols() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "embeddings of {} and {} elements can't be compared",
                probes.ncols(),
                gallery.ncols()
            ),
        ));
    }
    let (probes, gallery) = (directions(probes, "probe")?, directions(gallery, "gallery")?);
    score_directions(&probes, &gallery, parameters, cancel).map(Matrix::of)
}

/// Rows divided by their length, and the lengths.
fn directions(embeddings: ArrayView2<f32>, side: &str) -> Result<Directions> {
    let mut directions = Directions::with_capacity(embeddings.nrows(), embeddings.ncols());
    for (index, row) in embeddings.rows().into_iter().enumerate() {
        let row = row.as_standard_layout();
        let row = row.as_slice().unwrap_or_default();
        let length = magnitude(row).map_err(|error| error.at(format!("{side} {index}")))?;
        directions.push(row.iter().map(|&v| (f64::from(v) / length) as f32), length as f32);
    }
    Ok(directions)
}

/// The constants of the unified quality score for one network; its form is that of ISO/IEC 29794-5.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnifiedQuality {
    /// The magnitude that maps to 50.
    pub centre: f64,
    /// The magnitude's step of the sigmoid, > 0.
    pub scale: f64,
}

impl UnifiedQuality {
    /// The score 0..100 of a magnitude: `round(100 / (1 + exp((centre - magnitude) / scale)))`.
    pub fn score(&self, magnitude: f64) -> u8 {
        (100.0 / (1.0 + ((self.centre - magnitude) / self.scale).exp())).round() as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impossible_embeddings_are_refused_by_name() {
        let parameters = QualityParameters { alpha: 0.1, beta: 0.2 };
        let message = |a: &[f32], b: &[f32]| compare(a, b, &parameters).unwrap_err().to_string();
        assert!(message(&[], &[]).contains("no element"));
        assert!(message(&[0.0, 0.0], &[1.0, 0.0]).contains("zero"));
        assert!(message(&[1.0, f32::NAN], &[1.0, 0.0]).contains("not finite"));
        assert!(message(&[1.0, f32::INFINITY], &[1.0, 0.0]).contains("not finite"));
        assert!(message(&[1.0], &[1.0, 0.0]).contains("1 and 2 elements"));
        let rows = Matrix::new(2, 2, vec![1.0, 0.0, 0.0, 0.0]).unwrap();
        let error = score_matrix(&rows, &rows, &parameters).unwrap_err();
        assert!(error.message().starts_with("probe 1"), "{error}");
    }

    #[test]
    fn magnitudes_beyond_f32_squares_are_exact() {
        assert_eq!(
            magnitude(&[3e30, 4e30]).unwrap(),
            f64::from(3e30f32).hypot(f64::from(4e30f32))
        );
    }

    #[test]
    fn the_unified_score_gives_the_published_values() {
        let uqs = UnifiedQuality {
            centre: 23.0,
            scale: 2.6,
        };
        assert_eq!([24.329985, 16.142765, 27.733389].map(|m| uqs.score(m)), [63, 7, 86]);
        assert_eq!((uqs.score(0.0), uqs.score(1e9)), (0, 100));
    }

    #[test]
    fn quality_only_takes_away() {
        let parameters = QualityParameters {
            alpha: 0.077428,
            beta: 0.125926,
        };
        assert_eq!(parameters.score(0.9, 25.0, 30.0), 0.9);
        assert!((parameters.score(0.0, 25.0, 30.0) + 1.9357).abs() < 1e-9);
        assert!(parameters.score(0.3, 20.0, 30.0) > parameters.score(0.3, 25.0, 30.0));
    }
}
