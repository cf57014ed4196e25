//! MTCNN's networks in libtorch: on a GPU, and on a CPU without vector instructions.

use super::layers::{batch_f32, batch_u8};
use super::stages::{CropScores, LandmarkNet, OutputNet, ProposalMap, ProposalNet, RefineNet};
use super::{OUTPUT_SIDE, PATCH_SIDE, REFINE_SIDE};
use crate::cancel::{self, Cancel};
use crate::error::Result;
use crate::image::{BgrImage, Crop, resize_f32, resize_u8};
use crate::weights::TensorMap;
use tch::Device;

/// The networks with their weights on a device.
pub(super) struct Networks {
    proposal: ProposalNet,
    refine: RefineNet,
    output: OutputNet,
    landmark: Option<LandmarkNet>,
    device: Device,
}

impl Networks {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing or misshapen.
    pub fn load(weights: &TensorMap, landmark: Option<&TensorMap>, device: Device) -> Result<Self> {
        Ok(Networks {
            proposal: ProposalNet::load(weights, device)?,
            refine: RefineNet::load(weights, device)?,
            output: OutputNet::load(weights, device)?,
            landmark: landmark.map(|weights| LandmarkNet::load(weights, device)).transpose()?,
            device,
        })
    }

    pub fn has_landmark_net(&self) -> bool {
        self.landmark.is_some()
    }

    pub fn propose(
        &self,
        image: &BgrImage,
        sizes: &[(usize, usize)],
        cancel: Option<&Cancel>,
    ) -> Result<Vec<ProposalMap>> {
        let _no_gradients = tch::no_grad_guard();
        sizes
            .iter()
            .map(|&size| {
                cancel::check(cancel)?;
                let pixels = resize_u8(&Crop::whole(image), size);
                self.proposal.forward(&batch_u8(&pixels, 1, size, self.device)?)
            })
            .collect()
    }

    pub fn refine(&self, crops: &[Crop]) -> Result<CropScores> {
        let _no_gradients = tch::no_grad_guard();
        let side = (REFINE_SIDE, REFINE_SIDE);
        let pixels: Vec<u8> = crops.iter().flat_map(|crop| resize_u8(crop, side)).collect();
        self.refine.forward(&batch_u8(&pixels, crops.len(), side, self.device)?)
    }

    pub fn output(&self, crops: &[Crop]) -> Result<CropScores> {
        let _no_gradients = tch::no_grad_guard();
        let side = (OUTPUT_SIDE, OUTPUT_SIDE);
        let pixels: Vec<f32> = crops.iter().flat_map(|crop| resize_f32(crop, side)).collect();
        self.output
            .forward(&batch_f32(&pixels, crops.len(), side, self.device)?)
    }

    pub fn landmarks(&self, faces: &[[Option<Crop>; 5]]) -> Result<Vec<[[f32; 2]; 5]>> {
        let Some(network) = &self.landmark else {
            return Ok(Vec::new());
        };
        let _no_gradients = tch::no_grad_guard();
        let side = (PATCH_SIDE, PATCH_SIDE);
        let mut patches = Vec::with_capacity(5);
        for landmark in 0..5 {
            let mut pixels = Vec::new();
            for face in faces {
                match &face[landmark] {
                    Some(crop) => pixels.extend(resize_f32(crop, side)),
                    None => pixels.resize(pixels.len() + side.0 * side.1 * 3, 0.0),
                }
            }
            patches.push(batch_f32(&pixels, faces.len(), side, self.device)?);
        }
        let moves = network.forward(&patches)?;
        let face = |index: usize| std::array::from_fn(|k: usize| [moves[k][index * 2], moves[k][index * 2 + 1]]);
        Ok((0..faces.len()).map(face).collect())
    }
}
