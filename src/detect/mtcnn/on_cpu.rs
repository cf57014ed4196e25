//! The four networks of MTCNN on the CPU by the crate's own convolutions: levels in bands, crops in groups, each on
//! whichever thread is free.

use super::CELL;
use super::describe::{self, OUTPUT_SIDE, PATCH_SIDE, REFINE_SIDE};
use super::networks::{CropScores, Networks, ProposalMap, face_probability};
use crate::cancel::{self, Cancel};
use crate::cpu::colour::Pixels;
use crate::cpu::program::Made;
use crate::cpu::{Scratch, Workers};
use crate::detect::on_cpu::{CROPS_AT_ONCE, FACE, Net, SHIFT, normalised, value};
use crate::error::Result;
use crate::image::{BgrImage, Crop, resize_f32, resize_u8};
use crate::weights::TensorMap;
use std::ops::Range;

/// Rows of P-Net's map that one thread makes at once: their maps stay in its cache.
const BAND: usize = 32;

/// P-, R-, O- and, where it is there, L-Net with packed weights.
pub(super) struct OnCpu {
    proposal: Net,
    refine: Net,
    output: Net,
    landmark: Option<Net>,
    workers: Workers,
    scratch: Scratch,
}

impl OnCpu {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite.
    pub fn load(weights: &TensorMap, landmark: Option<&TensorMap>, workers: &Workers) -> Result<Self> {
        let landmark = landmark.map(|weights| Net::load(&describe::landmark(), weights));
        Ok(OnCpu {
            proposal: Net::load(&describe::proposal(), weights)?,
            refine: Net::load(&describe::refine(), weights)?,
            output: Net::load(&describe::output(), weights)?,
            landmark: landmark.transpose()?,
            workers: workers.clone(),
            scratch: Scratch::default(),
        })
    }

    /// The rows `rows` of P-Net's map of a level.
    fn band(&self, level: &[u8], (width, height): (usize, usize), rows: Range<usize>) -> Made<'_> {
        // A cell of row r sees the level's rows from 2 r on, CELL of them; the last may lack one.
        let pixels = 2 * rows.start..(2 * (rows.end - 1) + CELL).min(height);
        let data: Vec<f32> = level[pixels.start * width * 3..pixels.end * width * 3]
            .iter()
            .map(|&value| normalised(f32::from(value)))
            .collect();
        let pixels = Pixels {
            data: &data,
            images: 1,
            height: pixels.len(),
            width,
        };
        self.proposal.run(&[pixels], &self.scratch)
    }
}

impl Networks for OnCpu {
    fn has_landmark_net(&self) -> bool {
        self.landmark.is_some()
    }

    fn propose(&self, image: &BgrImage, sizes: &[(usize, usize)], cancel: Option<&Cancel>) -> Result<Vec<ProposalMap>> {
        self.workers.run(|share| {
            let go_on = || cancel::check(cancel).is_ok();
            let levels = share.map(sizes, |&size| go_on().then(|| resize_u8(&Crop::whole(image), size)));
            let levels: Vec<_> = levels.into_iter().flatten().collect();
            // Where one was left out it is cancelled, and stays so.
            cancel::check(cancel)?;
            let bands: Vec<(usize, Range<usize>)> = sizes
                .iter()
                .enumerate()
                .flat_map(|(level, &(_, height))| {
                    let rows = map_side(height);
                    (0..rows.div_ceil(BAND)).map(move |band| (level, band * BAND..((band + 1) * BAND).min(rows)))
                })
                .collect();
            let parts = share.map(&bands, |(level, rows)| {
                go_on().then(|| self.band(&levels[*level], sizes[*level], rows.clone()))
            });
            cancel::check(cancel)?;
            let mut maps: Vec<ProposalMap> = sizes
                .iter()
                .map(|&(width, height)| ProposalMap::empty(map_side(height), map_side(width)))
                .collect();
            for ((level, rows), part) in bands.iter().zip(parts.into_iter().flatten()) {
                maps[*level].fill(rows.start, &part);
                part.release(&self.scratch);
            }
            Ok(maps)
        })
    }

    fn refine(&self, crops: &[Crop]) -> Result<CropScores> {
        let resize = |crop: &Crop, pixels: &mut Vec<f32>| {
            let bytes = resize_u8(crop, (REFINE_SIDE, REFINE_SIDE));
            pixels.extend(bytes.into_iter().map(|value| normalised(f32::from(value))));
        };
        let on = (&self.workers, &self.scratch);
        Ok(self.refine.scores(REFINE_SIDE, crops, resize, on))
    }

    fn output(&self, crops: &[Crop]) -> Result<CropScores> {
        let on = (&self.workers, &self.scratch);
        Ok(self.output.scores(OUTPUT_SIDE, crops, for_output, on))
    }

    fn landmarks(&self, faces: &[[Option<Crop>; 5]]) -> Result<Vec<[[f32; 2]; 5]>> {
        let Some(network) = &self.landmark else {
            return Ok(Vec::new());
        };
        let groups: Vec<_> = faces.chunks(CROPS_AT_ONCE).collect();
        let found = self
            .workers
            .run(|share| share.map(&groups, |faces| moves(network, faces, &self.scratch)));
        Ok(found.concat())
    }
}

/// Adds a crop's pixels as O-Net takes them.
pub(in crate::detect) fn for_output(crop: &Crop, pixels: &mut Vec<f32>) {
    pixels.extend(resize_f32(crop, (OUTPUT_SIDE, OUTPUT_SIDE)).into_iter().map(normalised));
}

/// Cells of P-Net's map along a side of `length` pixels, at least 12: the first convolution loses 2, pooling halves and
/// rounds up, two convolutions lose 4.
fn map_side(length: usize) -> usize {
    (length - 2).div_ceil(2) - 4
}

impl ProposalMap {
    fn empty(rows: usize, columns: usize) -> Self {
        ProposalMap {
            rows,
            columns,
            face: vec![0.0; rows * columns],
            shift: vec![0.0; 4 * rows * columns],
        }
    }

    /// Takes the rows from `first` on.
    fn fill(&mut self, first: usize, band: &Made) {
        let cells = self.rows * self.columns;
        for place in 0..band.output(FACE).0.places() {
            let at = first * self.columns + place;
            self.face[at] = face_probability([0, 1].map(|channel| value(band, FACE, channel, place)));
            for side in 0..4 {
                self.shift[side * cells + at] = value(band, SHIFT, side, place);
            }
        }
    }
}

/// How far L-Net moves each landmark of each face.
fn moves(network: &Net, faces: &[[Option<Crop>; 5]], scratch: &Scratch) -> Vec<[[f32; 2]; 5]> {
    let size = PATCH_SIDE * PATCH_SIDE * 3;
    let patches: [Vec<f32>; 5] = std::array::from_fn(|landmark| {
        let mut pixels = Vec::with_capacity(faces.len() * size);
        for face in faces {
            match &face[landmark] {
                Some(crop) => pixels.extend(resize_f32(crop, (PATCH_SIDE, PATCH_SIDE)).into_iter().map(normalised)),
                None => pixels.resize(pixels.len() + size, normalised(0.0)),
            }
        }
        pixels
    });
    let pixels = patches.each_ref().map(|data| Pixels {
        data,
        images: faces.len(),
        height: PATCH_SIDE,
        width: PATCH_SIDE,
    });
    let made = network.run(&pixels, scratch);
    let point = |landmark, face| [0, 1].map(|axis| value(&made, landmark, axis, face));
    let moves = (0..faces.len()).map(|face| std::array::from_fn(|landmark| point(landmark, face)));
    let moves = moves.collect();
    made.release(scratch);
    moves
}
