//! A matrix of scores, with the kernel that its shape asks for.

use super::QualityParameters;
use super::rows::{Probe, Rows, each_product};
use super::tiles::{Fused, Panels, Scores};
use crate::cancel::{self, Cancel};
use crate::error::Result;
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

/// So many products of values are made before it is looked whether somebody ended the call: a tenth of a second.
const PRODUCTS_AT_ONCE: usize = 2 << 30;

/// Rows that are compared with `probes` probes of `length` values before the caller is asked whether to go on: at most
/// `most`, and few enough for a tenth of a second, as long as that keeps the kernel busy.
pub(crate) fn rows_at_once(probes: usize, length: usize, most: usize) -> usize {
    /// Fewer would read the probes from memory too often.
    const LEAST: usize = 48;
    let products = probes.saturating_mul(length).max(1);
    (PRODUCTS_AT_ONCE / products).max(LEAST).min(most)
}

/// Quality-aware scores of every probe (row) with every gallery direction (column) of as many values, in f32
/// arithmetic.
///
/// # Errors
/// [`crate::ErrorKind::Cancelled`].
pub(crate) fn score_directions(
    probes: &Directions,
    gallery: &Directions,
    parameters: &QualityParameters,
    cancel: Option<&Cancel>,
) -> Result<Array2<f32>> {
    let at_once = rows_at_once(probes.len(), probes.length, gallery.len());
    score_in_parts(probes, gallery, parameters, at_once, cancel)
}

/// With so many gallery directions (> 0 where there is one) between two looks at the token where there are many probes.
fn score_in_parts(
    probes: &Directions,
    gallery: &Directions,
    parameters: &QualityParameters,
    at_once: usize,
    cancel: Option<&Cancel>,
) -> Result<Array2<f32>> {
    cancel::check(cancel)?;
    let (rows, columns) = (probes.len(), gallery.len());
    let mut scores = Array2::zeros((rows, columns));
    if rows == 0 || columns == 0 {
        return Ok(scores);
    }
    let mut out: Vec<&mut [f32]> = scores.as_slice_mut().unwrap_or_default().chunks_mut(columns).collect();
    let length = probes.length;
    if rows > FEW {
        let panels = Panels::pack(&probes.values, length);
        let mut qualities = probes.qualities.clone();
        qualities.resize(panels.places(), 0.0);
        for (values, qualities_of) in gallery
            .values
            .chunks(at_once * length)
            .zip(gallery.qualities.chunks(at_once))
        {
            cancel::check(cancel)?;
            let fused = Fused {
                alpha: parameters.alpha as f32,
                beta: parameters.beta as f32,
                probes: &qualities,
                rows: qualities_of,
            };
            // Of each probe the places that are next.
            let mut part: Vec<&mut [f32]> = out
                .iter_mut()
                .map(|out| out.split_off_mut(..qualities_of.len()).unwrap_or_default())
                .collect();
            panels.multiply(values, &mut Scores { out: &mut part, fused });
        }
        return Ok(scores);
    }
    let packed: Vec<Probe> = probes.values.chunks_exact(length).map(Probe::floats).collect();
    let at_once = (ROWS_AT_ONCE / (length * size_of::<f32>())).max(1);
    for (block, values) in gallery.values.chunks(at_once * length).enumerate() {
        cancel::check(cancel)?;
        let first = block * at_once;
        for ((probe, out), &quality) in packed.iter().zip(&mut out).zip(&probes.qualities) {
            each_product(Rows::F32(values), length, probe, |row, cosine| {
                let quality = quality.min(gallery.qualities[first + row]);
                out[first + row] = parameters.score_f32(cosine, quality);
            });
        }
    }
    Ok(scores)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    const PARAMETERS: QualityParameters = QualityParameters {
        alpha: 0.07,
        beta: 0.12,
    };

    fn made_up(count: usize, length: usize, seed: u64) -> Directions {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut all = Directions::with_capacity(count, length);
        for _ in 0..count {
            let direction: Vec<f32> = (0..length).map(|_| random.f32() - 0.5).collect();
            all.push(direction.into_iter(), 5.0 + 20.0 * random.f32());
        }
        all
    }

    #[test]
    fn scores_are_the_same_in_whatever_parts_they_are_made() {
        let gallery = made_up(101, 33, 1);
        for probes in [1, FEW, FEW + 1, 40] {
            let probes = made_up(probes, 33, 2);
            let whole = score_directions(&probes, &gallery, &PARAMETERS, None).unwrap();
            for at_once in [1, 7, 100, 101, 1000] {
                let parts = score_in_parts(&probes, &gallery, &PARAMETERS, at_once, Some(&Cancel::new())).unwrap();
                assert_eq!(parts, whole, "{at_once}");
            }
        }
    }

    #[test]
    fn a_cancelled_matrix_is_none() {
        let cancel = Cancel::new();
        cancel.cancel();
        for probes in [1, 40] {
            let error = score_directions(&made_up(probes, 8, 2), &made_up(9, 8, 1), &PARAMETERS, Some(&cancel));
            assert_eq!(error.unwrap_err().kind(), ErrorKind::Cancelled);
        }
    }

    #[test]
    fn a_part_is_a_tenth_of_a_second_unless_the_kernel_would_starve() {
        assert_eq!(rows_at_once(10, 512, 768), 768);
        assert_eq!(rows_at_once(10_000, 512, 768), 419);
        assert_eq!(rows_at_once(1_000_000, 512, 768), 48);
        assert_eq!((rows_at_once(usize::MAX, 512, 9), rows_at_once(0, 0, 9)), (9, 9));
    }
}
