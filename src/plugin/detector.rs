//! MTCNN's networks by programs over there.

use super::OnDevice;
use super::program::{Data, Normalisation, Pixels, Program};
use crate::cancel::{self, Cancel};
use crate::detect::describe::{self, OUTPUT_SIDE, PATCH_SIDE, REFINE_SIDE};
use crate::detect::{CropScores, Networks, ProposalMap, face_probability};
use crate::error::Result;
use crate::graph::{self, Graph, PixelsAs};
use crate::image::{BgrImage, Crop, resize_f32, resize_u8};
use crate::network::{FeatureMap, Precision};
use crate::weights::TensorMap;

/// P-, R-, O- and, where it is there, L-Net on a back end's device.
pub(super) struct Detector {
    proposal: Net,
    refine: Net,
    output: Net,
    landmark: Option<Net>,
}

/// One of the networks, and the places of all of its outputs.
struct Net {
    program: Program,
    outputs: Vec<usize>,
}

impl Net {
    fn load(graph: &Graph, weights: &TensorMap, on: &OnDevice) -> Result<Self> {
        let folded = graph::fold(graph, weights, PixelsAs::Normalised)?;
        let normalisation = Normalisation {
            offset: 127.5,
            scale: 1.0 / 128.0,
        };
        Ok(Net {
            outputs: (0..folded.outputs.len()).collect(),
            program: Program::new(on, folded, normalisation, Precision::F32, None)?,
        })
    }

    fn run(&self, images: &[Pixels]) -> Result<Vec<FeatureMap>> {
        self.program.run(images, &self.outputs)
    }

    /// What R- or O-Net finds in `count` crops of `side` pixels.
    fn scores(&self, data: Data, count: usize, side: usize) -> Result<CropScores> {
        let mut made = self.run(&[square(data, count, side)])?.into_iter();
        let (Some(face), Some(shift)) = (made.next(), made.next()) else {
            return Ok(CropScores::default());
        };
        Ok(CropScores {
            face: face_probabilities(&face),
            shift: shift.data,
            landmarks: made.next().map(|map| map.data).unwrap_or_default(),
        })
    }
}

impl Detector {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite;
    /// [`crate::ErrorKind::Backend`] when the device fails (out of memory).
    pub fn load(on: &OnDevice, weights: &TensorMap, landmark: Option<&TensorMap>) -> Result<Self> {
        let landmark = landmark.map(|weights| Net::load(&describe::landmark(), weights, on));
        Ok(Detector {
            proposal: Net::load(&describe::proposal(), weights, on)?,
            refine: Net::load(&describe::refine(), weights, on)?,
            output: Net::load(&describe::output(), weights, on)?,
            landmark: landmark.transpose()?,
        })
    }
}

impl Networks for Detector {
    fn has_landmark_net(&self) -> bool {
        self.landmark.is_some()
    }

    fn propose(&self, image: &BgrImage, sizes: &[(usize, usize)], cancel: Option<&Cancel>) -> Result<Vec<ProposalMap>> {
        let mut maps = Vec::with_capacity(sizes.len());
        for &(width, height) in sizes {
            cancel::check(cancel)?;
            let pixels = resize_u8(&Crop::whole(image), (width, height));
            let level = Pixels {
                data: Data::Bytes(&pixels),
                count: 1,
                height,
                width,
            };
            let mut made = self.proposal.run(&[level])?.into_iter();
            if let (Some(face), Some(shift)) = (made.next(), made.next()) {
                maps.push(ProposalMap {
                    rows: face.shape[2],
                    columns: face.shape[3],
                    face: face_probabilities(&face),
                    shift: shift.data,
                });
            }
        }
        Ok(maps)
    }

    fn refine(&self, crops: &[Crop]) -> Result<CropScores> {
        let side = (REFINE_SIDE, REFINE_SIDE);
        let pixels: Vec<u8> = crops.iter().flat_map(|crop| resize_u8(crop, side)).collect();
        self.refine.scores(Data::Bytes(&pixels), crops.len(), REFINE_SIDE)
    }

    fn output(&self, crops: &[Crop]) -> Result<CropScores> {
        let side = (OUTPUT_SIDE, OUTPUT_SIDE);
        let pixels: Vec<f32> = crops.iter().flat_map(|crop| resize_f32(crop, side)).collect();
        self.output.scores(Data::Floats(&pixels), crops.len(), OUTPUT_SIDE)
    }

    fn landmarks(&self, faces: &[[Option<Crop>; 5]]) -> Result<Vec<[[f32; 2]; 5]>> {
        let Some(network) = &self.landmark else {
            return Ok(Vec::new());
        };
        let size = PATCH_SIDE * PATCH_SIDE * 3;
        let patches: [Vec<f32>; 5] = std::array::from_fn(|landmark| {
            let mut pixels = Vec::with_capacity(faces.len() * size);
            for face in faces {
                match &face[landmark] {
                    Some(crop) => pixels.extend(resize_f32(crop, (PATCH_SIDE, PATCH_SIDE))),
                    None => pixels.resize(pixels.len() + size, 0.0),
                }
            }
            pixels
        });
        let patches = patches
            .each_ref()
            .map(|pixels| square(Data::Floats(pixels), faces.len(), PATCH_SIDE));
        let moves = network.run(&patches)?;
        let face =
            |index: usize| std::array::from_fn(|k: usize| [moves[k].data[index * 2], moves[k].data[index * 2 + 1]]);
        Ok((0..faces.len()).map(face).collect())
    }
}

/// Square images.
fn square(data: Data<'_>, count: usize, side: usize) -> Pixels<'_> {
    Pixels {
        data,
        count,
        height: side,
        width: side,
    }
}

/// The probability of "face" at each place of each image, of two planes of logits.
fn face_probabilities(logits: &FeatureMap) -> Vec<f32> {
    let places = (logits.shape[2] * logits.shape[3]).max(1);
    let planes = logits.data.chunks_exact(2 * places);
    planes
        .flat_map(|planes| (0..places).map(|place| face_probability([planes[place], planes[places + place]])))
        .collect()
}
