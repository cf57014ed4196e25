//! A matrix of scores, with the kernel that its shape asks for.

use super::QualityParameters;
use super::rows::{Probe, Rows, each_product};
use super::tiles::{Fused, Panels, Scores};
use crate::wiped::Wiped;
use ndarray::Array2;

/// Directions one behind the other, of Euclidean length 1 or zeros, and the quality of each.
pub(crate) struct Directions {
    pub(crate) values: Wiped<f32>,
    pub(crate) qualities: Vec<f32>,
    /// Values of a direction.
    pub(crate) length: usize,
}

impl Directions {
    /// None yet, with room for `count` of `length` values.
    pub(crate) fn with_capacity(count: usize, length: usize) -> Directions {
        Directions {
            values: Wiped::with_capacity(count.saturating_mul(length)),
            qualities: Vec::with_capacity(count),
            length,
        }
    }

    /// Appends one, of `length` values; what it has fewer are zeros.
    pub(crate) fn push(&mut self, direction: impl Iterator<Item = f32>, quality: f32) {
        let start = self.values.len();
        self.values.resize(start + self.length);
        for (place, value) in self.values[start..].iter_mut().zip(direction) {
            *place = value;
        }
        self.qualities.push(quality);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.qualities.len()
    }
}

/// Up to so many probes are compared one by one: of a panel of them, most would be empty.
pub(crate) const FEW: usize = 4;

/// So many bytes of rows are met by one probe before the next: they stay in a core's first cache.
const ROWS_AT_ONCE: usize = 16 << 10;

/// Quality-aware scores of every probe (row) with every gallery direction (column) of as many values, in f32 arithmetic.
pub(crate) fn score_directions(
    probes: &Directions,
    gallery: &Directions,
    parameters: &QualityParameters,
) -> Array2<f32> {
    let (rows, columns) = (probes.len(), gallery.len());
    let mut scores = Array2::zeros((rows, columns));
    if rows == 0 || columns == 0 {
        return scores;
    }
    let mut out: Vec<&mut [f32]> = scores.as_slice_mut().unwrap_or_default().chunks_mut(columns).collect();
    let length = probes.length;
    if rows > FEW {
        let panels = Panels::pack(&probes.values, length);
        let mut qualities = probes.qualities.clone();
        qualities.resize(panels.places(), 0.0);
        let fused = Fused {
            alpha: parameters.alpha as f32,
            beta: parameters.beta as f32,
            probes: &qualities,
            rows: &gallery.qualities,
        };
        panels.multiply(&gallery.values, &mut Scores { out: &mut out, fused });
        return scores;
    }
    let packed: Vec<Probe> = probes.values.chunks_exact(length).map(Probe::floats).collect();
    let at_once = (ROWS_AT_ONCE / (length * size_of::<f32>())).max(1);
    for (block, values) in gallery.values.chunks(at_once * length).enumerate() {
        let first = block * at_once;
        for ((probe, out), &quality) in packed.iter().zip(&mut out).zip(&probes.qualities) {
            each_product(Rows::F32(values), length, probe, |row, cosine| {
                let quality = quality.min(gallery.qualities[first + row]);
                out[first + row] = parameters.score_f32(cosine, quality);
            });
        }
    }
    scores
}
