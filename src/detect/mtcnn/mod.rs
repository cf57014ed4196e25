//! MTCNN: an image pyramid through P-Net, then its candidates through R-Net, O-Net and, if it is there, L-Net.

mod boxes;
pub(crate) mod describe;
mod networks;
pub(super) mod on_cpu;

pub(crate) use networks::{CropScores, Networks, ProposalMap, face_probability};

use super::{DetectorOptions, Face, Landmarks};
use crate::cancel::{self, Cancel};
use crate::cpu::Workers;
use crate::error::Result;
use crate::image::{BgrImage, Crop};
use crate::weights::TensorMap;
use boxes::{Candidate, OverlapBase, suppress, suppress_by};

/// Side of the pixels that one cell of P-Net sees.
const CELL: usize = 12;
/// The reference pipeline's options.
const MINIMUM_FACE: f32 = 50.0;
const THRESHOLDS: [f32; 3] = [0.6, 0.7, 0.8];
const FACTOR: f32 = 0.709;
/// P-Net's stride: one map cell is two pixels of its level.
const STRIDE: f64 = 2.0;
/// Overlap above which a box is dropped, within one level and everywhere later.
const LEVEL_OVERLAP: f64 = 0.5;
const OVERLAP: f64 = 0.7;
/// Side of an L-Net patch relative to the longer side of the box.
const PATCH: f64 = 0.25;
/// A landmark that L-Net moves by more than this share of its patch stays where it was.
const LARGEST_MOVE: f32 = 0.35;
/// Crops that are cut out at once: bounds the memory on crowded images.
const CROPS_AT_ONCE: usize = 512;

/// An O-Net survivor with its landmarks.
#[derive(Clone, Copy)]
struct Found {
    candidate: Candidate,
    landmarks: Landmarks,
}

/// MTCNN with its weights. Many threads may use one at a time.
pub struct Mtcnn(Box<dyn Networks>);

impl Mtcnn {
    /// Takes P-, R- and O-Net from `weights` (names `pnet.*`, `rnet.*`, `onet.*`) and, if given, L-Net, to run on the CPU
    /// on `workers`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing or misshapen.
    pub fn new(weights: &TensorMap, landmark_weights: Option<&TensorMap>, workers: &Workers) -> Result<Self> {
        let networks = on_cpu::OnCpu::load(weights, landmark_weights, workers)?;
        Ok(Mtcnn(Box::new(networks)))
    }

    /// On networks that run elsewhere.
    pub(crate) fn on(networks: Box<dyn Networks>) -> Self {
        Mtcnn(networks)
    }

    /// All faces, best score first. None is an empty list, not an error.
    ///
    /// # Errors
    /// [`crate::ErrorKind::InvalidArgument`] for options out of range, [`crate::ErrorKind::Backend`] when the device
    /// fails (out of memory).
    pub fn detect(&self, image: &BgrImage, options: &DetectorOptions) -> Result<Vec<Face>> {
        self.detect_until(image, options, None)
    }

    /// As [`Mtcnn::detect`], until `cancel` is cancelled: looked at between parts of the pyramid and batches of
    /// candidates.
    ///
    /// # Errors
    /// As [`Mtcnn::detect`]; [`crate::ErrorKind::Cancelled`].
    pub fn detect_until(
        &self,
        image: &BgrImage,
        options: &DetectorOptions,
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Face>> {
        options.validate()?;
        cancel::check(cancel)?;
        let proposals = self.propose(image, options, cancel)?;
        let refined = self.refine(image, &proposals, threshold(options, 1), cancel)?;
        let mut found = self.output(image, &refined, threshold(options, 2), cancel)?;
        if self.0.has_landmark_net() {
            self.move_landmarks(image, &mut found)?;
        }
        Ok(found.iter().map(Found::face).collect())
    }

    fn propose(&self, image: &BgrImage, options: &DetectorOptions, cancel: Option<&Cancel>) -> Result<Vec<Candidate>> {
        let scales = pyramid(image.width(), image.height(), options);
        let sizes: Vec<(usize, usize)> = scales
            .iter()
            .map(|scale| {
                let level = |side: usize| (side as f64 * scale).ceil() as usize;
                (level(image.width()), level(image.height()))
            })
            .collect();
        let mut all = Vec::new();
        for (map, &scale) in self.0.propose(image, &sizes, cancel)?.iter().zip(&scales) {
            let candidates = map_candidates(map, scale, threshold(options, 0));
            all.extend(suppress(candidates, LEVEL_OVERLAP, OverlapBase::Union));
        }
        let kept = suppress(all, OVERLAP, OverlapBase::Union);
        Ok(kept
            .into_iter()
            .map(|candidate| candidate.refined().squared())
            .collect())
    }

    fn refine(
        &self,
        image: &BgrImage,
        candidates: &[Candidate],
        threshold: f32,
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Candidate>> {
        let mut passed = Vec::new();
        for (candidates, crops) in batches(image, candidates) {
            cancel::check(cancel)?;
            let scores = self.0.refine(&crops)?;
            passed.extend(passing(&candidates, &scores, threshold).map(|(_, candidate)| candidate));
        }
        let kept = suppress(passed, OVERLAP, OverlapBase::Union);
        Ok(kept
            .into_iter()
            .map(|candidate| candidate.refined().squared())
            .collect())
    }

    fn output(
        &self,
        image: &BgrImage,
        candidates: &[Candidate],
        threshold: f32,
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for (candidates, crops) in batches(image, candidates) {
            cancel::check(cancel)?;
            let scores = self.0.output(&crops)?;
            found.extend(
                passing(&candidates, &scores, threshold).map(|(index, candidate)| Found {
                    landmarks: box_landmarks(&candidate, &scores.landmarks[index * 10..index * 10 + 10]),
                    candidate: candidate.refined(),
                }),
            );
        }
        Ok(suppress_by(
            found,
            |found| &found.candidate,
            OVERLAP,
            OverlapBase::Minimum,
        ))
    }

    fn move_landmarks(&self, image: &BgrImage, found: &mut [Found]) -> Result<()> {
        for chunk in found.chunks_mut(CROPS_AT_ONCE) {
            let patches: Vec<[Candidate; 5]> = chunk
                .iter()
                .map(|face| std::array::from_fn(|landmark| face.patch(landmark)))
                .collect();
            // A landmark absurdly far outside sees black, as any outside the image does.
            let crops: Vec<_> = patches
                .iter()
                .map(|patches| patches.each_ref().map(|patch| patch.crop(image)))
                .collect();
            let moves = self.0.landmarks(&crops)?;
            for ((face, patches), moves) in chunk.iter_mut().zip(&patches).zip(moves) {
                for ((place, patch), [x, y]) in face.landmarks.iter_mut().zip(patches).zip(moves) {
                    let within = |v: f32| (v - 0.5).abs() <= LARGEST_MOVE;
                    let [x, y] = if within(x) && within(y) { [x, y] } else { [0.5, 0.5] };
                    // The reference truncates to whole pixels.
                    *place = [
                        (patch.x1 + f64::from(x) * patch.width()).trunc() as f32,
                        (patch.y1 + f64::from(y) * patch.height()).trunc() as f32,
                    ];
                }
            }
        }
        Ok(())
    }
}

impl Found {
    /// L-Net's patch about a landmark: a square with a side of an even number of pixels.
    fn patch(&self, landmark: usize) -> Candidate {
        let mut side = (PATCH * self.candidate.width().max(self.candidate.height())).round_ties_even();
        side += side % 2.0;
        let corner = |centre: f32| (f64::from(centre) - 0.5 * side).round_ties_even();
        let [x1, y1] = self.landmarks[landmark].map(corner);
        Candidate {
            x1,
            y1,
            x2: x1 + side - 1.0,
            y2: y1 + side - 1.0,
            ..self.candidate
        }
    }

    fn face(&self) -> Face {
        let Candidate {
            x1, y1, x2, y2, score, ..
        } = self.candidate;
        Face {
            bbox: [x1, y1, x2, y2].map(|v| v as f32),
            score,
            landmarks: self.landmarks,
        }
    }
}

/// Least score to pass a stage.
fn threshold(options: &DetectorOptions, stage: usize) -> f32 {
    options.thresholds[stage].unwrap_or(THRESHOLDS[stage])
}

/// The scales of the levels on which a face of the least size or more fills P-Net's cell.
fn pyramid(width: usize, height: usize, options: &DetectorOptions) -> Vec<f64> {
    let cell = CELL as f64;
    let first = cell / f64::from(options.minimum_face.unwrap_or(MINIMUM_FACE));
    let factor = f64::from(options.factor.unwrap_or(FACTOR));
    let shorter = width.min(height) as f64 * first;
    (0..)
        .map(|level| factor.powi(level))
        .take_while(|power| shorter * power > cell)
        .map(|power| first * power)
        .collect()
}

/// P-Net's cells above the threshold as boxes of the image.
fn map_candidates(map: &ProposalMap, scale: f64, threshold: f32) -> Vec<Candidate> {
    let cells = map.rows * map.columns;
    let position = |cell: usize, offset: f64| ((STRIDE * cell as f64 + 1.0 + offset) / scale).round_ties_even();
    (0..cells)
        .filter(|&cell| map.face[cell] > threshold)
        .map(|cell| {
            let (row, column) = (cell / map.columns, cell % map.columns);
            Candidate {
                x1: position(column, 0.0),
                y1: position(row, 0.0),
                x2: position(column, CELL as f64),
                y2: position(row, CELL as f64),
                score: map.face[cell],
                shift: std::array::from_fn(|side| map.shift[side * cells + cell]),
            }
        })
        .collect()
}

/// The candidates that have pixels, clipped to the image, with their whole crops, in batches. The reference clips in
/// place while it cuts the crop out, so a stage's regression and landmarks are relative to the clipped box.
fn batches<'a>(
    image: &'a BgrImage,
    candidates: &'a [Candidate],
) -> impl Iterator<Item = (Vec<Candidate>, Vec<Crop<'a>>)> {
    candidates.chunks(CROPS_AT_ONCE).filter_map(|chunk| {
        let (candidates, crops): (Vec<_>, Vec<_>) = chunk
            .iter()
            .filter_map(|candidate| Some((candidate.clipped(image), candidate.crop(image)?)))
            .unzip();
        (!crops.is_empty()).then_some((candidates, crops))
    })
}

/// The candidates whose new score is above the threshold, with their index, score and regression.
fn passing<'a>(
    candidates: &'a [Candidate],
    scores: &'a CropScores,
    threshold: f32,
) -> impl Iterator<Item = (usize, Candidate)> + 'a {
    candidates
        .iter()
        .enumerate()
        .filter(move |(index, _)| scores.face[*index] > threshold)
        .map(|(index, candidate)| {
            let shift = std::array::from_fn(|side| scores.shift[index * 4 + side]);
            (
                index,
                Candidate {
                    score: scores.face[index],
                    shift,
                    ..*candidate
                },
            )
        })
}

/// O-Net's landmarks (x1..x5, y1..y5, relative to the box) in image pixels.
fn box_landmarks(candidate: &Candidate, relative: &[f32]) -> Landmarks {
    std::array::from_fn(|point| {
        [
            (candidate.x1 + f64::from(relative[point]) * candidate.width()) as f32,
            (candidate.y1 + f64::from(relative[5 + point]) * candidate.height()) as f32,
        ]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pyramid_ends_where_the_shorter_side_is_a_cell() {
        let options = DetectorOptions::default();
        let scales = pyramid(250, 250, &options);
        // 250 * 12/50 = 60 pixels on the first level; 60 * 0.709^k > 12 for k = 0..=4.
        assert_eq!(scales.len(), 5);
        assert_eq!(scales[0], 0.24);
        assert!(pyramid(50, 5000, &options).is_empty());
        assert!(pyramid(1, 1, &options).is_empty());
        assert_eq!(pyramid(51, 5000, &options).len(), 1);
    }
}
