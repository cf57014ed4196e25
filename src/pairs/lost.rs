//! Embeddings that were normalised: their lengths say nothing of quality any more.

use std::fmt;

/// How far lengths may be apart, relative, and still be one: rounding a normalised embedding of 128 to 512 floats to 16
/// bits changes its length by 0.02 %, rounding it to bytes of one scale by up to 0.5 %.
const SAME: f64 = 0.01;

/// From so many images on, lengths that are all alike are no chance.
const ENOUGH: usize = 8;

/// From this share on, embeddings of length 1 are no chance either: among those of a network whose lengths are round 1
/// and vary by ten per cent, 8 % have it within 1 %.
const SHARE: f64 = 0.25;

/// Lengths between which 1 may be the length of an embedding as a network makes it, if it is that of half the others.
const NEAR_ONE: std::ops::RangeInclusive<f64> = 0.5..=2.0;

/// Lengths as networks make them, with room on both sides: those of this library are 3 to 120.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 1e-3..=1e6;

/// A set whose lengths carry no quality, see [`super::Prepared::lost_quality`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LostQuality {
    /// The length that `alike` images have, within 1 %; where all lengths are beyond what networks make, their median.
    pub length: f64,
    /// How many images have it.
    pub alike: usize,
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
        if images == 0 {
            return None;
        }
        let near = |length: f64, wanted: f64| (length - wanted).abs() <= SAME * wanted;
        let unit = lengths.iter().filter(|&&length| near(length, 1.0)).count();
        let others = median(lengths.iter().copied().filter(|&length| !near(length, 1.0)));
        let is_unit = match (unit, others) {
            (0, _) => false,
            (_, None) => true,
            (1, Some(others)) => !NEAR_ONE.contains(&others),
            (_, Some(others)) => unit as f64 >= SHARE * images as f64 || !NEAR_ONE.contains(&others),
        };
        let lost = |length: f64, alike: usize| Some(LostQuality { length, alike, images });
        if is_unit {
            return lost(1.0, unit);
        }
        let mean = lengths.iter().map(|length| length / images as f64).sum::<f64>();
        // Of one image again and again the lengths are the same to the last bit, which normalising doesn't give.
        let is_one_image = lengths.windows(2).all(|two| two[0] == two[1]);
        if images >= ENOUGH && !is_one_image && lengths.iter().all(|&length| near(length, mean)) {
            return lost(mean, images);
        }
        let middle = others.filter(|middle| !PLAUSIBLE.contains(middle))?;
        lost(middle, 0)
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    let middle = values.len() / 2;
    (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
}

/// What is wrong with the set, as the start of a message.
impl fmt::Display for LostQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LostQuality { length, alike, images } = *self;
        if alike == 0 {
            return write!(
                f,
                "the {images} embeddings have lengths round {length:.0e}, as no network makes them: they were scaled, and \
                 their quality, which is the length, is lost"
            );
        }
        let of_all = match alike == images {
            true => format!("all {images} embeddings have"),
            false => format!("{alike} of {images} embeddings have"),
        };
        match (length - 1.0).abs() <= SAME {
            true => write!(
                f,
                "{of_all} a length of 1: they were normalised, and their quality, which is the length, is lost"
            ),
            false => write!(
                f,
                "{of_all} one length, {length:.4} within 1 %: they were normalised and scaled, and their quality, which is \
                 the length, is lost"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Prepared;
    use super::*;
    use crate::matrix::Matrix;
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
        Prepared::new(Matrix::of(rows), &labels).unwrap().lost_quality()
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
    fn normalised_ones_among_others_are_recognised() {
        let raw = |at: i32| 9.0 + 0.2 * f64::from(at);
        for (what, unit, others) in [
            ("63 of 64", 63, 1),
            ("nine of ten", 36, 4),
            ("half", 20, 20),
            ("one", 1, 39),
        ] {
            let lengths = (0..unit).map(|_| 1.0).chain((0..others).map(raw));
            let found = lost(set(lengths, 128)).unwrap_or_else(|| panic!("{what}"));
            assert_eq!(
                (found.alike, found.images),
                (unit as usize, (unit + others) as usize),
                "{what}"
            );
            let share = format!("{unit} of {} embeddings have a length of 1:", unit + others);
            assert!(found.to_string().contains(&share), "{found}");
        }
        // A network whose lengths are round 1 has some that are 1.
        let round_one = |at: i32| 0.8 + 0.01 * f64::from(at);
        assert_eq!(lost(set((0..40).map(round_one), 128)), None);
    }

    #[test]
    fn few_are_lost_at_length_1_alone_and_many_at_any() {
        assert!(lost(set([1.0], 128)).is_some());
        assert!(lost(set([0.995, 1.004], 128)).is_some());
        assert!(lost(set([0.98, 1.0], 128)).is_none());
        assert!(lost(set([23.0; 7], 128)).is_none());
        let copies = Array2::from_shape_fn((8, 128), |(_, at)| at as f32);
        assert_eq!(lost(copies), None, "one image eight times");
        let many = lost(set([23.0; 8], 128)).unwrap();
        assert!((many.length - 23.0).abs() < 1e-3);
        assert!(many.to_string().contains("one length, 23.0000 within 1 %"), "{many}");
        // One that differs from one length is enough to say that lengths mean something.
        assert!(lost(set([23.0; 20].into_iter().chain([23.5]), 128)).is_none());
        assert!(lost(Array2::zeros((0, 128))).is_none());
        let scaled = lost(set((0..30).map(|at| 1e-29 + 1e-31 * f64::from(at)), 128)).unwrap();
        assert!(scaled.to_string().contains("lengths round 1e-29"), "{scaled}");
        assert!(lost(set((0..30).map(|at| 1e18 + 1e17 * f64::from(at)), 128)).is_some());
        // As real ones vary.
        assert!(lost(set((0..30).map(|at| 9.0 + 0.2 * f64::from(at)), 128)).is_none());
    }
}
