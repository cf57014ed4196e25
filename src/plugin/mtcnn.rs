//! MTCNN's networks by programs over there.

use super::OnDevice;
use super::net::{Net, face_probabilities, square};
use super::program::{Data, Pixels};
use crate::cancel::{self, Cancel};
use crate::detect::mtcnn::describe::{self, OUTPUT_SIDE, PATCH_SIDE, REFINE_SIDE};
use crate::detect::mtcnn::{CropScores, Networks, ProposalMap};
use crate::error::Result;
use crate::image::{BgrImage, Crop, resize_f32, resize_u8};
use crate::weights::TensorMap;

/// P-, R-, O- and, where it is there, L-Net on a back end's device.
pub(super) struct Mtcnn {
    proposal: Net,
    refine: Net,
    output: Net,
    landmark: Option<Net>,
}

impl Mtcnn {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite;
    /// [`crate::ErrorKind::Backend`] when the device fails (out of memory).
    pub fn load(on: &OnDevice, weights: &TensorMap, landmark: Option<&TensorMap>) -> Result<Self> {
        let landmark = landmark.map(|weights| Net::load(&describe::landmark(), weights, on));
        Ok(Mtcnn {
            proposal: Net::load(&describe::proposal(), weights, on)?,
            refine: Net::load(&describe::refine(), weights, on)?,
            output: Net::load(&describe::output(), weights, on)?,
            landmark: landmark.transpose()?,
        })
    }
}

impl Networks for Mtcnn {
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
