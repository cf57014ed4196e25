//! Embeddings that were normalised: their lengths say nothing of quality any more.

use std::fmt;

/// How far lengths may be apart, relative, and still be one: rounding a normalised embedding of 128 to 512 floats to 16
/// bits changes its length by 0.02 %, rounding it to bytes of one scale by up to 0.5 %.
const SAME: f64 = 0.01;

/// From so many images on, lengths that are all alike are no chance.
const ENOUGH: usize = 8;

/// A set whose lengths carry no quality, see [`super::Prepared::lost_quality`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LostQuality {
    /// The length that all have, within 1 %.
    pub length: f64,
    /// How many images there are.
    pub images: usize,
}

impl LostQuality {
    /// What to do about it, for the end of a message.
    pub const ADVICE: &str =
        "store embeddings as the network makes them, not normalised, or compare them by their cosine alone";

    /// Judges the lengths of a set's embeddings.
    pub(super) fn of(lengths: &[f64]) -> Option<LostQuality> {
        let images = lengths.len();
        let mean = lengths.iter().map(|length| length / images as f64).sum::<f64>();
        let all_near = |wanted: f64| lengths.iter().all(|length| (length - wanted).abs() <= SAME * wanted);
        let is_lost = images > 0 && (all_near(1.0) || (images >= ENOUGH && all_near(mean)));
        is_lost.then_some(LostQuality { length: mean, images })
    }
}

/// What is wrong with the set, as the start of a message.
impl fmt::Display for LostQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LostQuality { length, images } = *self;
        match (length - 1.0).abs() <= SAME {
            true => write!(
                f,
                "all {images} embeddings have a length of 1: they were normalised, and their quality, which is the length, \
                 is lost"
            ),
            false => write!(
                f,
                "all {images} embeddings have one length, {length:.4} within 1 %: they were normalised and scaled, and \
                 their quality, which is the length, is lost"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Prepared;
    use super::*;
    use half::f16;
    use ndarray::{Array2, Axis};

    /// Embeddings of such lengths in a random direction each.
    fn set(lengths: impl IntoIterator<Item = f64>, floats: usize) -> Array2<f32> {
        let mut random = fastrand::Rng::with_seed(floats as u64);
        let lengths: Vec<f64> = lengths.into_iter().collect();
        let mut rows = Array2::from_shape_simple_fn((lengths.len(), floats), || random.f32() - 0.5);
        for (mut row, length) in rows.axis_iter_mut(Axis(0)).zip(lengths) {
            let own = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            row.mapv_inplace(|v| (f64::from(v) * length / own) as f32);
        }
        rows
    }

    fn lost(rows: Array2<f32>) -> Option<LostQuality> {
        let labels: Vec<usize> = (0..rows.nrows()).collect();
        Prepared::new(rows, &labels).unwrap().lost_quality()
    }

    #[test]
    fn normalised_embeddings_are_recognised_in_every_precision() {
        for floats in [128, 512, 2048] {
            let rows = set([1.0; 40], floats);
            let rounded = rows.mapv(|v| f16::from_f32(v).to_f32());
            // Bytes of one scale for all, read back, and as the numbers they are.
            let bytes = rows.mapv(|v| (v * 127.0).round());
            // Bytes with a scale for each, as templates have them.
            let mut own = rows.clone();
            for mut row in own.rows_mut() {
                let largest = row.iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
                row.mapv_inplace(|v| (v * 127.0 / largest).round() * largest / 127.0);
            }
            for (what, rows) in [
                ("floats", rows),
                ("halves", rounded),
                ("bytes", &bytes / 127.0),
                ("raw bytes", bytes),
                ("scaled bytes", own),
            ] {
                let found = lost(rows).unwrap_or_else(|| panic!("{what} of {floats}"));
                assert_eq!(found.images, 40);
                let unit = found.to_string().contains("a length of 1:");
                assert_eq!(unit, (found.length - 1.0).abs() < 0.01, "{what} of {floats}: {found}");
            }
        }
    }

    #[test]
    fn few_are_lost_at_length_1_alone_and_many_at_any() {
        assert!(lost(set([1.0], 128)).is_some());
        assert!(lost(set([0.995, 1.004], 128)).is_some());
        assert!(lost(set([0.98, 1.0], 128)).is_none());
        assert!(lost(set([23.0; 7], 128)).is_none());
        let many = lost(set([23.0; 8], 128)).unwrap();
        assert!((many.length - 23.0).abs() < 1e-3);
        assert!(many.to_string().contains("one length, 23.0000 within 1 %"), "{many}");
        // One that differs is enough to say that lengths mean something.
        assert!(lost(set([1.0; 20].into_iter().chain([1.5]), 128)).is_none());
        assert!(lost(set([23.0; 20].into_iter().chain([23.5]), 128)).is_none());
        assert!(lost(Array2::zeros((0, 128))).is_none());
        // As real ones vary.
        assert!(lost(set((0..30).map(|at| 9.0 + 0.2 * f64::from(at)), 128)).is_none());
    }
}
