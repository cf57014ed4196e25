//! The four networks of MTCNN in libtorch: proposals, refinement, output with landmarks, and the landmark refinement
//! (L-Net).

use super::layers::{Conv, Dense, PRelu, face_probability, pool, to_vec};
use crate::detect::{CropScores, ProposalMap};
use crate::error::Result;
use crate::weights::TensorMap;
use tch::{Device, Tensor};

/// P-Net: fully convolutional, stride 2, cell 12.
pub(super) struct ProposalNet {
    conv: [Conv; 3],
    prelu: [PRelu; 3],
    face: Conv,
    shift: Conv,
}

impl ProposalNet {
    pub fn load(weights: &TensorMap, device: Device) -> Result<Self> {
        let conv = |name: &str, sizes| Conv::load(weights, &format!("pnet.{name}"), '.', sizes, device);
        let prelu = |name: &str, channels| PRelu::load(weights, &format!("pnet.{name}.weight"), channels, device);
        Ok(ProposalNet {
            conv: [
                conv("conv1", [10, 3, 3])?,
                conv("conv2", [16, 10, 3])?,
                conv("conv3", [32, 16, 3])?,
            ],
            prelu: [prelu("prelu1", 10)?, prelu("prelu2", 16)?, prelu("prelu3", 32)?],
            face: conv("conv4_1", [2, 32, 1])?,
            shift: conv("conv4_2", [4, 32, 1])?,
        })
    }

    /// Runs one image (1, 3, height, width), both sides at least 12.
    pub fn forward(&self, image: &Tensor) -> Result<ProposalMap> {
        let x = pool(&self.prelu[0].forward(&self.conv[0].forward(image)?)?, 2)?;
        let x = self.prelu[1].forward(&self.conv[1].forward(&x)?)?;
        let x = self.prelu[2].forward(&self.conv[2].forward(&x)?)?;
        let face = face_probability(&self.face.forward(&x)?)?;
        let size = face.size();
        Ok(ProposalMap {
            rows: size[1] as usize,
            columns: size[2] as usize,
            face: to_vec(&face)?,
            shift: to_vec(&self.shift.forward(&x)?)?,
        })
    }
}

/// R-Net on 24x24 crops.
pub(super) struct RefineNet {
    conv: [Conv; 3],
    prelu: [PRelu; 4],
    dense: Dense,
    face: Dense,
    shift: Dense,
}

impl RefineNet {
    pub fn load(weights: &TensorMap, device: Device) -> Result<Self> {
        let conv = |name: &str, sizes| Conv::load(weights, &format!("rnet.{name}"), '.', sizes, device);
        let dense = |name: &str, sizes| Dense::load(weights, &format!("rnet.{name}"), '.', sizes, device);
        let prelu = |name: &str, channels| PRelu::load(weights, &format!("rnet.{name}.weight"), channels, device);
        Ok(RefineNet {
            conv: [
                conv("conv1", [28, 3, 3])?,
                conv("conv2", [48, 28, 3])?,
                conv("conv3", [64, 48, 2])?,
            ],
            prelu: [
                prelu("prelu1", 28)?,
                prelu("prelu2", 48)?,
                prelu("prelu3", 64)?,
                prelu("prelu4", 128)?,
            ],
            dense: dense("dense4", [128, 576])?,
            face: dense("dense5_1", [2, 128])?,
            shift: dense("dense5_2", [4, 128])?,
        })
    }

    /// Runs a batch (n, 3, 24, 24).
    pub fn forward(&self, crops: &Tensor) -> Result<CropScores> {
        let x = pool(&self.prelu[0].forward(&self.conv[0].forward(crops)?)?, 3)?;
        let x = pool(&self.prelu[1].forward(&self.conv[1].forward(&x)?)?, 3)?;
        let x = self.prelu[2].forward(&self.conv[2].forward(&x)?)?;
        let x = self.prelu[3].forward(&self.dense.forward(&x)?)?;
        Ok(CropScores {
            face: to_vec(&face_probability(&self.face.forward(&x)?)?)?,
            shift: to_vec(&self.shift.forward(&x)?)?,
            landmarks: Vec::new(),
        })
    }
}

/// O-Net on 48x48 crops.
pub(super) struct OutputNet {
    conv: [Conv; 4],
    prelu: [PRelu; 5],
    dense: Dense,
    face: Dense,
    shift: Dense,
    landmarks: Dense,
}

impl OutputNet {
    pub fn load(weights: &TensorMap, device: Device) -> Result<Self> {
        let conv = |name: &str, sizes| Conv::load(weights, &format!("onet.{name}"), '.', sizes, device);
        let dense = |name: &str, sizes| Dense::load(weights, &format!("onet.{name}"), '.', sizes, device);
        let prelu = |name: &str, channels| PRelu::load(weights, &format!("onet.{name}.weight"), channels, device);
        Ok(OutputNet {
            conv: [
                conv("conv1", [32, 3, 3])?,
                conv("conv2", [64, 32, 3])?,
                conv("conv3", [64, 64, 3])?,
                conv("conv4", [128, 64, 2])?,
            ],
            prelu: [
                prelu("prelu1", 32)?,
                prelu("prelu2", 64)?,
                prelu("prelu3", 64)?,
                prelu("prelu4", 128)?,
                prelu("prelu5", 256)?,
            ],
            dense: dense("dense5", [256, 1152])?,
            face: dense("dense6_1", [2, 256])?,
            shift: dense("dense6_2", [4, 256])?,
            landmarks: dense("dense6_3", [10, 256])?,
        })
    }

    /// Runs a batch (n, 3, 48, 48).
    pub fn forward(&self, crops: &Tensor) -> Result<CropScores> {
        let x = pool(&self.prelu[0].forward(&self.conv[0].forward(crops)?)?, 3)?;
        let x = pool(&self.prelu[1].forward(&self.conv[1].forward(&x)?)?, 3)?;
        let x = pool(&self.prelu[2].forward(&self.conv[2].forward(&x)?)?, 2)?;
        let x = self.prelu[3].forward(&self.conv[3].forward(&x)?)?;
        let x = self.prelu[4].forward(&self.dense.forward(&x)?)?;
        Ok(CropScores {
            face: to_vec(&face_probability(&self.face.forward(&x)?)?)?,
            shift: to_vec(&self.shift.forward(&x)?)?,
            landmarks: to_vec(&self.landmarks.forward(&x)?)?,
        })
    }
}

/// One landmark's branch of L-Net.
struct LandmarkBranch {
    conv: [Conv; 3],
    prelu: [PRelu; 3],
    dense: Dense,
    dense_prelu: PRelu,
    point: Dense,
}

/// L-Net: five 24x24 patches around the landmarks, each through its own branch, joined in one dense layer.
pub(super) struct LandmarkNet {
    branches: Vec<LandmarkBranch>,
    joined: Dense,
    joined_prelu: PRelu,
}

impl LandmarkNet {
    pub fn load(weights: &TensorMap, device: Device) -> Result<Self> {
        let branches = (1..=5)
            .map(|k| {
                let conv = |layer: &str, sizes| Conv::load(weights, &format!("{layer}_{k}"), '_', sizes, device);
                let dense = |layer: &str, sizes| Dense::load(weights, &format!("{layer}_{k}"), '_', sizes, device);
                let prelu =
                    |layer: &str, channels| PRelu::load(weights, &format!("{layer}_{k}_gamma"), channels, device);
                Ok(LandmarkBranch {
                    conv: [
                        conv("conv1", [28, 3, 3])?,
                        conv("conv2", [48, 28, 3])?,
                        conv("conv3", [64, 48, 2])?,
                    ],
                    prelu: [prelu("prelu1", 28)?, prelu("prelu2", 48)?, prelu("prelu3", 64)?],
                    dense: dense("fc4", [64, 256])?,
                    dense_prelu: prelu("prelu4", 64)?,
                    point: dense("fc5", [2, 64])?,
                })
            })
            .collect::<Result<_>>()?;
        Ok(LandmarkNet {
            branches,
            joined: Dense::load(weights, "fc4", '_', [256, 2880], device)?,
            joined_prelu: PRelu::load(weights, "prelu4_gamma", 256, device)?,
        })
    }

    /// Runs five batches of patches (n, 3, 24, 24), one per landmark; gives per landmark n pairs of x and y, each
    /// relative to the patch (0.5 is its centre).
    pub fn forward(&self, patches: &[Tensor]) -> Result<Vec<Vec<f32>>> {
        let features = self
            .branches
            .iter()
            .zip(patches)
            .map(|(branch, patch)| {
                let x = pool(&branch.prelu[0].forward(&branch.conv[0].forward(patch)?)?, 3)?;
                let x = pool(&branch.prelu[1].forward(&branch.conv[1].forward(&x)?)?, 3)?;
                branch.prelu[2].forward(&branch.conv[2].forward(&x)?)
            })
            .collect::<Result<Vec<_>>>()?;
        let joined = self
            .joined_prelu
            .forward(&self.joined.forward(&Tensor::f_cat(&features, 1)?)?)?;
        self.branches
            .iter()
            .map(|branch| {
                to_vec(
                    &branch
                        .point
                        .forward(&branch.dense_prelu.forward(&branch.dense.forward(&joined)?)?)?,
                )
            })
            .collect()
    }
}
