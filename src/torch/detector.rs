//! MTCNN's networks in libtorch.

mod layers;
mod nets;

use super::in_torch;
use crate::cancel::{self, Cancel};
use crate::detect::{CropScores, Networks, OUTPUT_SIDE, PATCH_SIDE, ProposalMap, REFINE_SIDE};
use crate::device::Device;
use crate::error::Result;
use crate::image::{BgrImage, Crop, resize_f32, resize_u8};
use crate::weights::TensorMap;
use layers::{batch_f32, batch_u8};
use nets::{LandmarkNet, OutputNet, ProposalNet, RefineNet};
use parking_lot::Mutex;

/// The networks with their weights on a device. libtorch's tensors may be used by one thread at a time.
pub(super) struct OnTorch(Mutex<Nets>);

struct Nets {
    proposal: ProposalNet,
    refine: RefineNet,
    output: OutputNet,
    landmark: Option<LandmarkNet>,
    device: tch::Device,
}

impl OnTorch {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing or misshapen;
    /// [`crate::ErrorKind::Backend`] when libtorch fails (out of memory).
    pub fn load(weights: &TensorMap, landmark: Option<&TensorMap>, device: Device) -> Result<Self> {
        let device = in_torch(device);
        Ok(OnTorch(Mutex::new(Nets {
            proposal: ProposalNet::load(weights, device)?,
            refine: RefineNet::load(weights, device)?,
            output: OutputNet::load(weights, device)?,
            landmark: landmark.map(|weights| LandmarkNet::load(weights, device)).transpose()?,
            device,
        })))
    }
}

impl Networks for OnTorch {
    fn has_landmark_net(&self) -> bool {
        self.0.lock().landmark.is_some()
    }

    fn propose(&self, image: &BgrImage, sizes: &[(usize, usize)], cancel: Option<&Cancel>) -> Result<Vec<ProposalMap>> {
        let _no_gradients = tch::no_grad_guard();
        let nets = self.0.lock();
        sizes
            .iter()
            .map(|&size| {
                cancel::check(cancel)?;
                let pixels = resize_u8(&Crop::whole(image), size);
                nets.proposal.forward(&batch_u8(&pixels, 1, size, nets.device)?)
            })
            .collect()
    }

    fn refine(&self, crops: &[Crop]) -> Result<CropScores> {
        let _no_gradients = tch::no_grad_guard();
        let nets = self.0.lock();
        let side = (REFINE_SIDE, REFINE_SIDE);
        let pixels: Vec<u8> = crops.iter().flat_map(|crop| resize_u8(crop, side)).collect();
        nets.refine.forward(&batch_u8(&pixels, crops.len(), side, nets.device)?)
    }

    fn output(&self, crops: &[Crop]) -> Result<CropScores> {
        let _no_gradients = tch::no_grad_guard();
        let nets = self.0.lock();
        let side = (OUTPUT_SIDE, OUTPUT_SIDE);
        let pixels: Vec<f32> = crops.iter().flat_map(|crop| resize_f32(crop, side)).collect();
        nets.output
            .forward(&batch_f32(&pixels, crops.len(), side, nets.device)?)
    }

    fn landmarks(&self, faces: &[[Option<Crop>; 5]]) -> Result<Vec<[[f32; 2]; 5]>> {
        let nets = self.0.lock();
        let Some(network) = &nets.landmark else {
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
            patches.push(batch_f32(&pixels, faces.len(), side, nets.device)?);
        }
        let moves = network.forward(&patches)?;
        let face = |index: usize| std::array::from_fn(|k: usize| [moves[k][index * 2], moves[k][index * 2 + 1]]);
        Ok((0..faces.len()).map(face).collect())
    }
}
