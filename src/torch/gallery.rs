//! Comparing many templates with many on a device: a gallery that stays there, scored in pieces of bounded size.
//!
//! Cosines are one matrix product for each piece, the quality's part is added where they lie, and the best are found
//! there too, so that only they travel back.

use super::in_torch;
use crate::compare::{QualityParameters, magnitude};
use crate::device::Device;
use crate::error::{Error, ErrorKind, Result};
use ndarray::{Array2, ArrayView2};
use parking_lot::Mutex;
use std::fmt;
use tch::{Kind, Tensor};

/// Most scores that are on the device at once (256 MB in f32, about three times that with what makes them).
const SCORES_AT_ONCE: usize = 1 << 26;

/// Most probes that are scored at once.
const PROBES_AT_ONCE: usize = 4096;

/// Embeddings of one model on a device, to be compared with probes.
pub struct DeviceGallery {
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
    /// n x the embedding's length: directions of Euclidean length 1.
    directions: Tensor,
    /// n: the embeddings' lengths, f32.
    qualities: Tensor,
}

/// One of a probe's best.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its row in the gallery.
    pub index: usize,
    /// The quality-aware score.
    pub score: f32,
}

/// Sizes; a tensor could show its values.
impl fmt::Debug for DeviceGallery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceGallery")
            .field("count", &self.count)
            .field("length", &self.length)
            .field("device", &self.device)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl DeviceGallery {
    /// Puts embeddings (one a row, not normalised) on `device`, which [`super::prepare`] prepared. With `half` the
    /// directions are kept and multiplied in f16: half the memory, and scores within 1e-3 (times the quality, where the
    /// quality counts) of those in f32.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] as [`magnitude`], naming the row; [`ErrorKind::Backend`] when libtorch fails (out of
    /// memory).
    pub fn new(embeddings: ArrayView2<f32>, device: Device, half: bool) -> Result<DeviceGallery> {
        let kind = if half { Kind::Half } else { Kind::Float };
        let _no_gradients = tch::no_grad_guard();
        Ok(DeviceGallery {
            count: embeddings.nrows(),
            length: embeddings.ncols(),
            rows: Mutex::new(Rows::new(embeddings, "gallery", device, kind)?),
            device,
            kind,
            at_once: SCORES_AT_ONCE,
        })
    }

    /// How many embeddings it holds.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The quality-aware score of each probe (row) with each embedding of the gallery (column).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for probes of another length than the gallery's or as [`magnitude`], naming the
    /// row; [`ErrorKind::Backend`] when libtorch fails (out of memory).
    pub fn scores(&self, probes: ArrayView2<f32>, parameters: &QualityParameters) -> Result<Array2<f32>> {
        let mut scores = Array2::zeros((probes.nrows(), self.count));
        self.each_piece(probes, parameters, |first_probe, first, piece| {
            let (rows, columns) = piece.size2()?;
            let values: Vec<f32> = Vec::try_from(&piece.f_to_device(tch::Device::Cpu)?.f_flatten(0, 1)?)?;
            let (rows, columns) = (rows as usize, columns as usize);
            for (row, values) in values.chunks_exact(columns).enumerate().take(rows) {
                let mut to = scores.row_mut(first_probe + row);
                for (to, &value) in to.iter_mut().skip(first).zip(values) {
                    *to = value;
                }
            }
            Ok(())
        })?;
        Ok(scores)
    }

    /// The `count` best of the gallery for each probe (fewer where it holds fewer), best first.
    ///
    /// # Errors
    /// As [`DeviceGallery::scores`].
    pub fn best(
        &self,
        probes: ArrayView2<f32>,
        parameters: &QualityParameters,
        count: usize,
    ) -> Result<Vec<Vec<Candidate>>> {
        let mut found: Vec<Vec<Candidate>> = vec![Vec::new(); probes.nrows()];
        if count == 0 {
            return Ok(found);
        }
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
                best.extend(more.map(|(&score, &index)| Candidate {
                    index: first + index as usize,
                    score,
                }));
                // Pieces come in the gallery's order, and the sort is stable: of equals, the first is the better.
                best.sort_by(|a, b| b.score.total_cmp(&a.score));
                best.truncate(count);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// Scores the probes piece by piece: `take` gets the first probe's and the first embedding's index of each, and the
    /// scores (probes x embeddings, f32) on the device.
    fn each_piece(
        &self,
        probes: ArrayView2<f32>,
        parameters: &QualityParameters,
        mut take: impl FnMut(usize, usize, &Tensor) -> Result<()>,
    ) -> Result<()> {
        if probes.ncols() != self.length {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "embeddings of {} and {} elements can't be compared",
                    probes.ncols(),
                    self.length
                ),
            ));
        }
        if self.count == 0 || probes.nrows() == 0 {
            return Ok(());
        }
        let _no_gradients = tch::no_grad_guard();
        let gallery = self.rows.lock();
        let probes = Rows::new(probes, "probe", self.device, self.kind)?;
        let total = probes.qualities.size()[0] as usize;
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
    /// Divides each row by its length, in f64, and brings it to the device.
    fn new(embeddings: ArrayView2<f32>, side: &str, device: Device, kind: Kind) -> Result<Rows> {
        let mut directions = Vec::with_capacity(embeddings.len());
        let mut qualities = Vec::with_capacity(embeddings.nrows());
        for (index, row) in embeddings.rows().into_iter().enumerate() {
            let length = magnitude(&row.to_vec()).map_err(|error| error.at(format!("{side} {index}")))?;
            qualities.push(length as f32);
            directions.extend(row.iter().map(|&value| (f64::from(value) / length) as f32));
        }
        let shape = [embeddings.nrows() as i64, embeddings.ncols() as i64];
        Ok(Rows {
            directions: Tensor::f_from_slice(&directions)?
                .f_reshape(shape)?
                .f_to_kind(kind)?
                .f_to_device(in_torch(device))?,
            qualities: Tensor::f_from_slice(&qualities)?.f_to_device(in_torch(device))?,
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
    fn scores(&self, gallery: &Rows, parameters: &QualityParameters) -> Result<Tensor> {
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
    use crate::compare::score_matrix;

    const PARAMETERS: QualityParameters = QualityParameters {
        alpha: 0.077428,
        beta: 0.125926,
    };

    /// Embeddings of lengths about 10 to 40, the first few of two sets alike.
    fn embeddings(count: usize, length: usize, seed: u64) -> Array2<f32> {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut shared = fastrand::Rng::with_seed(99);
        Array2::from_shape_fn((count, length), |(row, _)| {
            let common = shared.f32() - 0.5;
            let own = random.f32() - 0.5;
            let size = 40.0 / (length as f32).sqrt() * (1.0 + row as f32 % 4.0);
            size * if row < 3 { common + 0.2 * own } else { own }
        })
    }

    #[test]
    fn scores_are_those_of_the_matrix_in_f64_lengths() {
        for (probes, gallery, length) in [(5, 37, 512), (1, 1, 128), (70, 9, 16)] {
            let (probes, gallery) = (embeddings(probes, length, 1), embeddings(gallery, length, 2));
            let expected = score_matrix(probes.view(), gallery.view(), &PARAMETERS).unwrap();
            // Some weights are below zero and some are not, or this would show half of it.
            assert!(expected.len() == 1 || expected.iter().any(|&score| score < -0.5));
            for (half, limit) in [(false, 1e-4), (true, 0.05)] {
                for at_once in [SCORES_AT_ONCE, 24, 1] {
                    let mut on_device = DeviceGallery::new(gallery.view(), Device::Cpu, half).unwrap();
                    on_device.at_once = at_once;
                    let got = on_device.scores(probes.view(), &PARAMETERS).unwrap();
                    assert_eq!(got.dim(), expected.dim());
                    for (got, expected) in got.iter().zip(&expected) {
                        assert!(
                            (got - expected).abs() < limit,
                            "{got} instead of {expected}, half: {half}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_best_are_the_best_of_all_scores_in_whatever_pieces() {
        let (probes, gallery) = (embeddings(6, 64, 1), embeddings(50, 64, 2));
        for at_once in [SCORES_AT_ONCE, 40, 1] {
            let mut on_device = DeviceGallery::new(gallery.view(), Device::Cpu, false).unwrap();
            on_device.at_once = at_once;
            let scores = on_device.scores(probes.view(), &PARAMETERS).unwrap();
            for count in [0, 1, 7, 50, 1000] {
                let best = on_device.best(probes.view(), &PARAMETERS, count).unwrap();
                assert_eq!(best.len(), 6);
                for (row, best) in scores.rows().into_iter().zip(&best) {
                    let mut expected: Vec<(usize, f32)> = row.iter().copied().enumerate().collect();
                    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
                    expected.truncate(count);
                    assert_eq!(best.len(), expected.len());
                    for (best, (index, score)) in best.iter().zip(expected) {
                        assert!((best.score - score).abs() < 1e-5 && best.index == index);
                    }
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_compared_is_refused_by_name() {
        let gallery = embeddings(4, 8, 1);
        let mut broken = gallery.clone();
        broken[[2, 3]] = f32::NAN;
        let error = DeviceGallery::new(broken.view(), Device::Cpu, false).unwrap_err();
        assert!(error.message().starts_with("gallery 2"), "{error}");
        let on_device = DeviceGallery::new(gallery.view(), Device::Cpu, false).unwrap();
        let error = on_device.scores(broken.view(), &PARAMETERS).unwrap_err();
        assert!(error.message().starts_with("probe 2"), "{error}");
        let error = on_device.best(embeddings(1, 9, 1).view(), &PARAMETERS, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("9 and 8 elements"), "{error}");

        let empty = DeviceGallery::new(Array2::zeros((0, 8)).view(), Device::Cpu, false).unwrap();
        assert!(empty.is_empty());
        assert_eq!(empty.best(gallery.view(), &PARAMETERS, 3).unwrap(), vec![Vec::new(); 4]);
        assert_eq!(
            on_device
                .scores(Array2::zeros((0, 8)).view(), &PARAMETERS)
                .unwrap()
                .dim(),
            (0, 4)
        );
        assert_eq!(on_device.len(), 4);
    }
}
