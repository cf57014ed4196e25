//! Comparing many templates with many on a device: a gallery that stays there, scored in pieces of bounded size.
//!
//! Cosines are one matrix product for each piece, the quality's part is added where they lie, and the best are found
//! there too, so that only they travel back.

use crate::device::Device;
use crate::{Error, Result};
use parking_lot::Mutex;
use qmagface_backend::Parameters;
use tch::{Kind, Tensor};

/// Most scores that are on the device at once (256 MB in f32, about three times that with what makes them).
const SCORES_AT_ONCE: usize = 1 << 26;

/// Most probes that are scored at once.
const PROBES_AT_ONCE: usize = 4096;

/// Embeddings on the host.
#[derive(Clone, Copy)]
pub(crate) struct Embeddings<'a> {
    /// Directions of Euclidean length 1, one behind the other.
    pub directions: &'a [f32],
    /// Their lengths.
    pub qualities: &'a [f32],
    /// Floats of an embedding.
    pub length: usize,
}

/// Embeddings on a device, to be compared with probes.
pub(crate) struct Gallery {
    // libtorch's tensors may be used by one thread at a time.
    rows: Mutex<Rows>,
    count: usize,
    length: usize,
    device: Device,
    kind: Kind,
    /// Most scores at once; smaller in tests.
    at_once: usize,
}

/// Embeddings as they are compared.
struct Rows {
    /// n x the embedding's length: directions.
    directions: Tensor,
    /// n: the embeddings' lengths, f32.
    qualities: Tensor,
}

impl Gallery {
    /// Puts embeddings on `device`. With `half` the directions are kept and multiplied in f16: half the memory, and scores
    /// within 1e-3 (times the quality, where the quality counts) of those in f32.
    ///
    /// # Errors
    /// When libtorch fails (out of memory).
    pub fn new(embeddings: Embeddings, device: Device, half: bool) -> Result<Gallery> {
        let kind = if half { Kind::Half } else { Kind::Float };
        let _no_gradients = tch::no_grad_guard();
        Ok(Gallery {
            count: embeddings.qualities.len(),
            length: embeddings.length,
            rows: Mutex::new(Rows::new(embeddings, device, kind)?),
            device,
            kind,
            at_once: SCORES_AT_ONCE,
        })
    }

    /// How many embeddings it holds.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Writes the score of each probe with each embedding of the gallery (probes x gallery).
    ///
    /// # Errors
    /// When libtorch fails (out of memory); for probes of another length.
    pub fn scores(&self, probes: Embeddings, parameters: Parameters, scores: &mut [f32]) -> Result<()> {
        self.each_piece(probes, parameters, |first_probe, first, piece| {
            let (_, columns) = piece.size2()?;
            let values: Vec<f32> = Vec::try_from(&piece.f_to_device(tch::Device::Cpu)?.f_flatten(0, 1)?)?;
            for (row, values) in values.chunks_exact(columns as usize).enumerate() {
                let at = (first_probe + row) * self.count + first;
                scores[at..at + values.len()].copy_from_slice(values);
            }
            Ok(())
        })
    }

    /// Writes the `count` best of the gallery for each probe, best first, with their places in the gallery (both probes x
    /// count). `count` is from 1 to [`Gallery::count`].
    ///
    /// # Errors
    /// As [`Gallery::scores`].
    pub fn best(
        &self,
        probes: Embeddings,
        parameters: Parameters,
        count: usize,
        (scores, indices): (&mut [f32], &mut [u64]),
    ) -> Result<()> {
        let mut found: Vec<Vec<(f32, usize)>> = vec![Vec::new(); probes.qualities.len()];
        self.each_piece(probes, parameters, |first_probe, first, piece| {
            let (rows, columns) = piece.size2()?;
            let kept = columns.min(i64::try_from(count).unwrap_or(i64::MAX));
            let (values, indices) = piece.f_topk(kept, 1, true, true)?;
            let values: Vec<f32> = Vec::try_from(&values.f_to_device(tch::Device::Cpu)?.f_flatten(0, 1)?)?;
            let indices: Vec<i64> = Vec::try_from(&indices.f_to_device(tch::Device::Cpu)?.f_flatten(0, 1)?)?;
            for row in 0..rows as usize {
                let range = row * kept as usize..(row + 1) * kept as usize;
                let more = values[range.clone()].iter().zip(&indices[range]);
                let best = &mut found[first_probe + row];
                best.extend(more.map(|(&score, &index)| (score, first + index as usize)));
                // Pieces come in the gallery's order, and the sort is stable: of equals, the first is the better.
                best.sort_by(|a, b| b.0.total_cmp(&a.0));
                best.truncate(count);
            }
            Ok(())
        })?;
        let places = scores.iter_mut().zip(indices);
        for ((score, index), (found, row)) in places.zip(found.into_iter().flatten()) {
            (*score, *index) = (found, row as u64);
        }
        Ok(())
    }

    /// Scores the probes piece by piece: `take` gets the first probe's and the first embedding's index of each, and the
    /// scores (probes x embeddings, f32) on the device.
    fn each_piece(
        &self,
        probes: Embeddings,
        parameters: Parameters,
        mut take: impl FnMut(usize, usize, &Tensor) -> Result<()>,
    ) -> Result<()> {
        if probes.length != self.length {
            return Err(Error::broken(format!(
                "embeddings of {} and {} elements can't be compared",
                probes.length, self.length
            )));
        }
        let total = probes.qualities.len();
        if self.count == 0 || total == 0 {
            return Ok(());
        }
        let _no_gradients = tch::no_grad_guard();
        let gallery = self.rows.lock();
        let probes = Rows::new(probes, self.device, self.kind)?;
        let rows = PROBES_AT_ONCE.min(self.at_once);
        for first_probe in (0..total).step_by(rows) {
            let probes = probes.narrow(first_probe, rows.min(total - first_probe))?;
            let columns = (self.at_once / rows.min(total)).max(1);
            for first in (0..self.count).step_by(columns) {
                let gallery = gallery.narrow(first, columns.min(self.count - first))?;
                take(first_probe, first, &probes.scores(&gallery, parameters)?)?;
            }
        }
        Ok(())
    }
}

impl Rows {
    /// Brings embeddings to the device.
    fn new(embeddings: Embeddings, device: Device, kind: Kind) -> Result<Rows> {
        let shape = [embeddings.qualities.len() as i64, embeddings.length as i64];
        Ok(Rows {
            directions: Tensor::f_from_slice(embeddings.directions)?
                .f_reshape(shape)?
                .f_to_kind(kind)?
                .f_to_device(device.in_torch())?,
            qualities: Tensor::f_from_slice(embeddings.qualities)?.f_to_device(device.in_torch())?,
        })
    }

    fn narrow(&self, first: usize, count: usize) -> Result<Rows> {
        let (first, count) = (first as i64, count as i64);
        Ok(Rows {
            directions: self.directions.f_narrow(0, first, count)?,
            qualities: self.qualities.f_narrow(0, first, count)?,
        })
    }

    /// Each row's score with each of the gallery's.
    fn scores(&self, gallery: &Rows, parameters: Parameters) -> Result<Tensor> {
        let (probes, columns) = (&self.directions, gallery.directions.f_tr()?);
        // A GPU sums products of f16 in f32, and can hand that out.
        let mut cosines = match (probes.device().is_cuda(), probes.kind()) {
            (true, Kind::Half) => probes.f_mm_dtype(&columns, Kind::Float)?,
            _ => probes.f_mm(&columns)?.f_to_kind(Kind::Float)?,
        };
        let mut weights = cosines.f_mul_scalar(parameters.beta)?;
        let mut weights = weights.f_sub_scalar_(parameters.alpha)?.f_clamp_max_(0.0)?;
        let qualities = self.qualities.f_unsqueeze(1)?.f_minimum(&gallery.qualities)?;
        weights = weights.f_mul_(&qualities)?;
        Ok(cosines.f_add_(&weights)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: Parameters = Parameters {
        alpha: 0.077428,
        beta: 0.125926,
    };

    /// Directions and lengths (about 10 to 40), the first few of two sets alike.
    struct Set {
        directions: Vec<f32>,
        qualities: Vec<f32>,
        length: usize,
    }

    impl Set {
        fn new(count: usize, length: usize, seed: u64) -> Set {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut shared = fastrand::Rng::with_seed(99);
            let mut set = Set {
                directions: Vec::new(),
                qualities: Vec::new(),
                length,
            };
            for row in 0..count {
                let values: Vec<f32> = (0..length)
                    .map(|_| {
                        let (common, own) = (shared.f32() - 0.5, random.f32() - 0.5);
                        if row < 3 { common + 0.2 * own } else { own }
                    })
                    .collect();
                let size = values.iter().map(|value| value * value).sum::<f32>().sqrt();
                set.directions.extend(values.iter().map(|value| value / size));
                set.qualities.push(10.0 * (1.0 + row as f32 % 4.0));
            }
            set
        }

        fn rows(&self) -> Embeddings<'_> {
            Embeddings {
                directions: &self.directions,
                qualities: &self.qualities,
                length: self.length,
            }
        }

        fn score(&self, row: usize, other: &Set, column: usize) -> f64 {
            let of = |set: &Set, row: usize| set.directions[row * set.length..(row + 1) * set.length].to_vec();
            let products = of(self, row).into_iter().zip(of(other, column));
            let cosine: f64 = products.map(|(a, b)| f64::from(a) * f64::from(b)).sum();
            let quality = f64::from(self.qualities[row].min(other.qualities[column]));
            cosine + (PARAMETERS.beta * cosine - PARAMETERS.alpha).min(0.0) * quality
        }
    }

    fn scores(gallery: &Gallery, probes: &Set) -> Vec<f32> {
        let mut scores = vec![f32::NAN; probes.qualities.len() * gallery.count()];
        gallery.scores(probes.rows(), PARAMETERS, &mut scores).unwrap();
        scores
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        for (probes, gallery, length) in [(5, 37, 512), (1, 1, 128), (70, 9, 16)] {
            let (probes, rows) = (Set::new(probes, length, 1), Set::new(gallery, length, 2));
            let expected: Vec<f64> = (0..probes.qualities.len() * gallery)
                .map(|at| probes.score(at / gallery, &rows, at % gallery))
                .collect();
            // Some weights are below zero and some are not, or this would show half of it.
            assert!(expected.len() == 1 || expected.iter().any(|&score| score < -0.5));
            for (half, limit) in [(false, 1e-4), (true, 0.05)] {
                for at_once in [SCORES_AT_ONCE, 24, 1] {
                    let mut on_device = Gallery::new(rows.rows(), Device::Cpu, half).unwrap();
                    on_device.at_once = at_once;
                    for (got, expected) in scores(&on_device, &probes).iter().zip(&expected) {
                        let off = (f64::from(*got) - expected).abs();
                        assert!(off < limit, "{got} instead of {expected}, half: {half}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_best_are_the_best_of_all_scores_in_whatever_pieces() {
        let (probes, rows) = (Set::new(6, 64, 1), Set::new(50, 64, 2));
        for at_once in [SCORES_AT_ONCE, 40, 1] {
            let mut on_device = Gallery::new(rows.rows(), Device::Cpu, false).unwrap();
            on_device.at_once = at_once;
            let all = scores(&on_device, &probes);
            for count in [1, 7, 50] {
                let (mut best, mut indices) = (vec![0.0; 6 * count], vec![0; 6 * count]);
                let room = (&mut best[..], &mut indices[..]);
                on_device.best(probes.rows(), PARAMETERS, count, room).unwrap();
                for probe in 0..6 {
                    let mut expected: Vec<(usize, f32)> =
                        all[probe * 50..(probe + 1) * 50].iter().copied().enumerate().collect();
                    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
                    for (place, (index, score)) in expected.into_iter().take(count).enumerate() {
                        let at = probe * count + place;
                        assert!((best[at] - score).abs() < 1e-5 && indices[at] == index as u64);
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_is_compared_with_nothing_and_another_length_is_refused() {
        let (some, none, other) = (Set::new(4, 8, 1), Set::new(0, 8, 1), Set::new(1, 9, 1));
        let empty = Gallery::new(none.rows(), Device::Cpu, false).unwrap();
        assert!(scores(&empty, &some).is_empty());
        let on_device = Gallery::new(some.rows(), Device::Cpu, false).unwrap();
        assert!(scores(&on_device, &none).is_empty());
        let error = on_device.scores(other.rows(), PARAMETERS, &mut [0.0; 4]).unwrap_err();
        assert!(error.message().contains("9 and 8 elements"), "{error}");
    }
}
