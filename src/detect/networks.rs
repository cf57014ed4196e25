//! MTCNN's networks, wherever they run.

use super::native;
use super::stages::{CropScores, ProposalMap};
use super::torch;
use crate::cancel::Cancel;
use crate::cpu::Workers;
use crate::error::Result;
use crate::image::{BgrImage, Crop};
use crate::weights::TensorMap;
use parking_lot::Mutex;
use tch::Device;

/// P-, R-, O- and, where its weights are given, L-Net. Usable by many threads at once.
pub(super) enum Networks {
    /// By the crate's own convolutions.
    Native(Box<native::Networks>),
    /// In libtorch, whose tensors one thread may use at a time.
    Torch(Box<Mutex<torch::Networks>>),
}

impl Networks {
    /// On the CPU by the crate's own convolutions, else in libtorch.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing or misshapen.
    pub fn load(weights: &TensorMap, landmark: Option<&TensorMap>, device: Device, workers: &Workers) -> Result<Self> {
        if device == Device::Cpu {
            let networks = native::Networks::load(weights, landmark, workers)?;
            return Ok(Networks::Native(Box::new(networks)));
        }
        Self::in_libtorch(weights, landmark, device)
    }

    /// In libtorch, whatever the device.
    ///
    /// # Errors
    /// As [`Networks::load`].
    pub fn in_libtorch(weights: &TensorMap, landmark: Option<&TensorMap>, device: Device) -> Result<Self> {
        let networks = torch::Networks::load(weights, landmark, device)?;
        Ok(Networks::Torch(Box::new(Mutex::new(networks))))
    }

    /// Whether L-Net is there.
    pub fn has_landmark_net(&self) -> bool {
        match self {
            Networks::Native(networks) => networks.has_landmark_net(),
            Networks::Torch(networks) => networks.lock().has_landmark_net(),
        }
    }

    /// P-Net's maps of the image at these sizes (width, height), both at least 12.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Backend`] from libtorch; [`crate::ErrorKind::Cancelled`].
    pub fn propose(
        &self,
        image: &BgrImage,
        sizes: &[(usize, usize)],
        cancel: Option<&Cancel>,
    ) -> Result<Vec<ProposalMap>> {
        match self {
            Networks::Native(networks) => networks.propose(image, sizes, cancel),
            Networks::Torch(networks) => networks.lock().propose(image, sizes, cancel),
        }
    }

    /// R-Net on the crops.
    pub fn refine(&self, crops: &[Crop]) -> Result<CropScores> {
        match self {
            Networks::Native(networks) => Ok(networks.refine(crops)),
            Networks::Torch(networks) => networks.lock().refine(crops),
        }
    }

    /// O-Net on the crops.
    pub fn output(&self, crops: &[Crop]) -> Result<CropScores> {
        match self {
            Networks::Native(networks) => Ok(networks.output(crops)),
            Networks::Torch(networks) => networks.lock().output(crops),
        }
    }

    /// L-Net on the five patches of each face, each landmark's x and y relative to its patch (0.5 is the centre). A
    /// patch that is nowhere near the image is black. Nothing without L-Net.
    pub fn landmarks(&self, faces: &[[Option<Crop>; 5]]) -> Result<Vec<[[f32; 2]; 5]>> {
        match self {
            Networks::Native(networks) => Ok(networks.landmarks(faces)),
            Networks::Torch(networks) => networks.lock().landmarks(faces),
        }
    }
}
