//! YuNet: faces by one small network of today. MTCNN's O-Net places the landmarks of each: on easy photos YuNet's own are the
//! less exact ones (`docs/detection.md`).
//!
//! | file | its one job |
//! |---|---|
//! | `describe.rs` | what the network is made of |
//! | `passes.rs` | at which sizes a photo is looked at |
//! | `networks.rs` | what is asked of the two networks, wherever they run |
//! | `on_cpu.rs` | the two on the CPU |
//! | `decode.rs` | YuNet's maps to faces |
//! | `square.rs` | the part of a photo that O-Net gets to see of a face |

mod decode;
pub(crate) mod describe;
mod networks;
mod on_cpu;
mod passes;
mod square;

pub(crate) use decode::{Cells, faces};
use networks::Halved;
pub(crate) use networks::{Canvas, Networks};

use super::{DetectorOptions, Face};
use crate::buffers::Buffers;
use crate::cancel::{self, Cancel};
use crate::cpu::Workers;
use crate::error::Result;
use crate::image::{BgrImage, Crop};
use crate::weights::TensorMap;
use passes::{Pass, passes};
use square::Square;

/// Least score of a face, where nobody says.
const THRESHOLD: f32 = 0.6;

/// Least score that O-Net must give to a face for its landmarks to count; else YuNet's stay.
const PLACED: f32 = 0.6;

/// Faces whose crops are cut out at once: bounds the memory on crowded images.
const CROPS_AT_ONCE: usize = 512;

/// YuNet with its weights and O-Net's. Many threads may use one at a time.
pub struct YuNet {
    networks: Box<dyn Networks>,
    /// What photos are resized into.
    buffers: Buffers<u8>,
}

impl YuNet {
    /// Takes YuNet and O-Net (names `onet.*`) from `weights`, to run on the CPU on `workers`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite.
    pub fn new(weights: &TensorMap, workers: &Workers) -> Result<Self> {
        Ok(YuNet::on(Box::new(on_cpu::OnCpu::load(weights, workers)?)))
    }

    /// On networks that run elsewhere.
    pub(crate) fn on(networks: Box<dyn Networks>) -> Self {
        YuNet {
            networks,
            buffers: Buffers::default(),
        }
    }

    /// All faces, best score first, until `cancel` is cancelled: looked at between looks at the image. The options are those
    /// that [`super::Detector`] has checked.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Backend`] when the device fails (out of memory); [`crate::ErrorKind::Cancelled`].
    pub(super) fn detect_until(
        &self,
        image: &BgrImage,
        options: &DetectorOptions,
        cancel: Option<&Cancel>,
    ) -> Result<Vec<Face>> {
        let threshold = options.thresholds[2].unwrap_or(THRESHOLD);
        for group in passes(image, options.minimum_face) {
            let mut found = Vec::new();
            // The looks of a group are from the largest to the smallest.
            let mut halved = Halved::new(image, &self.buffers);
            for pass in group {
                cancel::check(cancel)?;
                found.append(&mut self.look(&mut halved, &pass, threshold)?);
            }
            if !found.is_empty() {
                let mut faces = decode::best(found);
                cancel::check(cancel)?;
                self.place(image, &mut faces)?;
                return Ok(faces);
            }
        }
        Ok(Vec::new())
    }

    /// What YuNet alone finds on the image at this size (width, height; at least 1 each), best first, in the image's own
    /// pixels: faces of at least `threshold`, with its own landmarks.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Backend`] when the device fails (out of memory).
    pub fn detect_at(&self, image: &BgrImage, size: (usize, usize), threshold: f32) -> Result<Vec<Face>> {
        let pass = Pass {
            size,
            margin: 0,
            minimum: 0.0,
        };
        self.look(&mut Halved::new(image, &self.buffers), &pass, threshold)
            .map(decode::best)
    }

    /// All boxes of one look, overlapping ones among them.
    fn look(&self, image: &mut Halved, pass: &Pass, threshold: f32) -> Result<Vec<Face>> {
        let canvas = Canvas::new(image, pass.size, pass.margin);
        let found = self.networks.find(&canvas, threshold)?;
        let in_image = |mut face: Face| {
            let [x1, y1, x2, y2] = face.bbox;
            let ([x1, y1], [x2, y2]) = (canvas.in_image([x1, y1]), canvas.in_image([x2, y2]));
            face.bbox = [x1, y1, x2, y2];
            face.landmarks = face.landmarks.map(|point| canvas.in_image(point));
            face
        };
        let large_enough = |face: &Face| {
            let [x1, y1, x2, y2] = face.bbox;
            (x2 - x1).max(y2 - y1) >= pass.minimum
        };
        let faces = found.into_iter().map(in_image).filter(large_enough).collect();
        self.buffers.give(canvas.pixels);
        Ok(faces)
    }

    /// Moves the landmarks of faces that O-Net sees too to where it sees them.
    fn place(&self, image: &BgrImage, faces: &mut [Face]) -> Result<()> {
        for faces in faces.chunks_mut(CROPS_AT_ONCE) {
            let (faces, squares): (Vec<&mut Face>, Vec<Square>) = faces
                .iter_mut()
                .filter_map(|face| Square::of(face).map(|square| (face, square)))
                .unzip();
            if squares.is_empty() {
                continue;
            }
            let upright: Vec<Option<BgrImage>> = squares.iter().map(|square| square.upright(image)).collect();
            let crops: Vec<Crop> = squares
                .iter()
                .zip(&upright)
                .map(|(square, upright)| upright.as_ref().map_or_else(|| square.crop(image), Crop::whole))
                .collect();
            let scores = self.networks.place(&crops)?;
            let seen = scores.face.iter().zip(scores.landmarks.chunks_exact(10));
            for ((face, square), (&score, landmarks)) in faces.into_iter().zip(&squares).zip(seen) {
                if score >= PLACED {
                    face.landmarks =
                        std::array::from_fn(|point| square.in_image([landmarks[point], landmarks[5 + point]]));
                }
            }
        }
        Ok(())
    }
}
