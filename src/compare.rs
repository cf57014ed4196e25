//! Comparing two embeddings: magnitude (quality), cosine, the quality-aware score, and the unified quality score.

use crate::error::{Error, ErrorKind, Result};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

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
    let length = embedding
        .iter()
        .map(|&v| f64::from(v) * f64::from(v))
        .sum::<f64>()
        .sqrt();
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
    let (quality_a, quality_b) = (magnitude(a)?, magnitude(b)?);
    let product = a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    let cosine = product / (quality_a * quality_b);
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
pub fn score_matrix(
    probes: ArrayView2<f32>,
    gallery: ArrayView2<f32>,
    parameters: &QualityParameters,
) -> Result<Array2<f32>> {
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
    let (probes, probe_quality) = directions(probes, "probe")?;
    let (gallery, gallery_quality) = directions(gallery, "gallery")?;
    Ok(score_directions(
        (probes.view(), probe_quality.view()),
        (gallery.view(), gallery_quality.view()),
        parameters,
    ))
}

/// As [`score_matrix`], of directions (one a row, of Euclidean length 1 and equally many columns) and their qualities
/// (one for each row).
pub(crate) fn score_directions(
    (probes, probe_quality): (ArrayView2<f32>, ArrayView1<f32>),
    (gallery, gallery_quality): (ArrayView2<f32>, ArrayView1<f32>),
    parameters: &QualityParameters,
) -> Array2<f32> {
    let mut scores = probes.dot(&gallery.t());
    let (alpha, beta) = (parameters.alpha as f32, parameters.beta as f32);
    for ((row, column), score) in scores.indexed_iter_mut() {
        let weight = (beta * *score - alpha).min(0.0);
        *score += weight * probe_quality[row].min(gallery_quality[column]);
    }
    scores
}

/// Rows divided by their length, and the lengths.
fn directions(embeddings: ArrayView2<f32>, side: &str) -> Result<(Array2<f32>, Array1<f32>)> {
    let mut directions = embeddings.to_owned();
    let mut qualities = Array1::zeros(embeddings.nrows());
    for (index, mut row) in directions.rows_mut().into_iter().enumerate() {
        let length = magnitude(&row.to_vec()).map_err(|error| error.at(format!("{side} {index}")))?;
        qualities[index] = length as f32;
        row.mapv_inplace(|v| (f64::from(v) / length) as f32);
    }
    Ok((directions, qualities))
}

/// The constants of the unified quality score of ISO/IEC 29794-5 for one network.
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
        let rows = ndarray::arr2(&[[1.0f32, 0.0], [0.0, 0.0]]);
        let error = score_matrix(rows.view(), rows.view(), &parameters).unwrap_err();
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
