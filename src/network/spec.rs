//! Which networks there are, and the name and shape of every tensor each of them needs.
//!
//! The tensors follow from what the networks are made of (`network::describe`, `detect::mtcnn::describe`, `detect::yunet::describe`); model packs are checked against them.

use super::describe;
use crate::detect::{DetectorKind, mtcnn::describe as mtcnn, yunet::describe as yunet};
use crate::graph::Graph;
use std::fmt;

/// What a network's `forward` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkKind {
    /// Chips to embeddings.
    Embedder,
    /// Images to faces with landmarks.
    Detector,
}

/// A network this library can run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Network {
    /// iResNet-18 (blocks 2, 2, 2, 2), 512 floats.
    IResNet18,
    /// iResNet-34 (blocks 3, 4, 6, 3), 512 floats.
    IResNet34,
    /// iResNet-50 (blocks 3, 4, 14, 3), 512 floats.
    IResNet50,
    /// iResNet-100 (blocks 3, 13, 30, 3), 512 floats.
    IResNet100,
    /// SFace: a MobileNet-v1 body, 128 floats.
    SFace,
    /// The three stages of MTCNN (P-, R- and O-Net); the fourth (L-Net) is optional, see [`lnet_tensor_specs`].
    Mtcnn,
    /// YuNet, as OpenCV Zoo ships it (2023mar), and MTCNN's O-Net, which places its landmarks.
    YuNet,
}

impl Network {
    /// Every network, in the order of their definition.
    pub const ALL: [Network; 7] = [
        Network::IResNet18,
        Network::IResNet34,
        Network::IResNet50,
        Network::IResNet100,
        Network::SFace,
        Network::Mtcnn,
        Network::YuNet,
    ];

    /// The four iResNets, smallest first.
    pub const IRESNETS: [Network; 4] = [
        Network::IResNet18,
        Network::IResNet34,
        Network::IResNet50,
        Network::IResNet100,
    ];

    /// The name used in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Network::IResNet18 => "iresnet18",
            Network::IResNet34 => "iresnet34",
            Network::IResNet50 => "iresnet50",
            Network::IResNet100 => "iresnet100",
            Network::SFace => "sface",
            Network::Mtcnn => "mtcnn",
            Network::YuNet => "yunet",
        }
    }

    /// The network with this manifest name.
    pub fn from_name(name: &str) -> Option<Network> {
        Network::ALL.into_iter().find(|network| network.name() == name)
    }

    /// Whether it embeds or detects.
    pub fn kind(self) -> NetworkKind {
        match self.detector() {
            Some(_) => NetworkKind::Detector,
            None => NetworkKind::Embedder,
        }
    }

    /// Which detector it is; `None` for an embedder.
    pub fn detector(self) -> Option<DetectorKind> {
        match self {
            Network::Mtcnn => Some(DetectorKind::Mtcnn),
            Network::YuNet => Some(DetectorKind::YuNet),
            _ => None,
        }
    }

    /// Floats per embedding; `None` for a detector.
    pub fn embedding_length(self) -> Option<usize> {
        match self {
            Network::SFace => Some(128),
            Network::Mtcnn | Network::YuNet => None,
            _ => Some(512),
        }
    }

    /// Blocks in each of the four stages of an iResNet; `None` for another network.
    pub fn iresnet_blocks(self) -> Option<[usize; 4]> {
        match self {
            Network::IResNet18 => Some([2, 2, 2, 2]),
            Network::IResNet34 => Some([3, 4, 6, 3]),
            Network::IResNet50 => Some([3, 4, 14, 3]),
            Network::IResNet100 => Some([3, 13, 30, 3]),
            Network::SFace | Network::Mtcnn | Network::YuNet => None,
        }
    }

    /// Name and shape of every tensor the network needs, in the order data flows through them.
    ///
    /// * iResNet: MagFace's names without a prefix (`conv1.weight`, `layer1.0.bn1.weight`, ..., `features.bias`).
    /// * SFace: the names in the ONNX file (`conv_1_conv2d_weight`, ..., `fc1_moving_var`), without the two scalars of
    ///   its built-in preprocessing.
    /// * YuNet: the names that its layers had in training, the batch norms folded (`backbone.model0.conv1.weight`, ...,
    ///   `bbox_head.multi_level_kps.2.conv2.bias`); then O-Net's, as in MTCNN.
    /// * MTCNN: `pnet.`, `rnet.` and `onet.` before the layer's name (`pnet.conv1.weight`). `conv1` takes BGR, and
    ///   the first dense layer takes its input flattened in channel, row, column order.
    pub fn tensor_specs(self) -> Vec<(String, Vec<usize>)> {
        match (self.embedder(), self) {
            (Some(graph), _) => graph.tensors,
            (None, Network::YuNet) => {
                let networks = [yunet::yunet(), mtcnn::output()];
                networks.into_iter().flat_map(|graph| graph.tensors).collect()
            }
            (None, _) => {
                let stages = [mtcnn::proposal(), mtcnn::refine(), mtcnn::output()];
                stages.into_iter().flat_map(|graph| graph.tensors).collect()
            }
        }
    }

    /// What an embedding network is made of; `None` for a detector.
    pub(crate) fn embedder(self) -> Option<Graph> {
        match (self.iresnet_blocks(), self) {
            (Some(blocks), _) => Some(describe::iresnet(blocks)),
            (None, Network::SFace) => Some(describe::sface()),
            (None, _) => None,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Name and shape of every tensor of MTCNN's optional fourth stage, the L-Net: per landmark k = 1..5 a convolutional
/// branch and a dense head (`conv1_k_weight` .. `fc5_k_bias`), and the shared layer `fc4`.
pub fn lnet_tensor_specs() -> Vec<(String, Vec<usize>)> {
    mtcnn::landmark().tensors
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn parameters(specs: &[(String, Vec<usize>)]) -> usize {
        specs.iter().map(|(_, shape)| shape.iter().product::<usize>()).sum()
    }

    #[test]
    fn names_are_unique_and_come_back() {
        for network in Network::ALL {
            let specs = network.tensor_specs();
            let names: HashSet<_> = specs.iter().map(|(name, _)| name).collect();
            assert_eq!(names.len(), specs.len(), "{network}");
            assert_eq!(Network::from_name(network.name()), Some(network));
        }
        assert_eq!(Network::from_name("iresnet"), None);
    }

    #[test]
    fn tensor_counts_follow_from_the_block_counts() {
        // Stem 6, per block 15, per stage one projection of 5, tail 4 + 2 + 4.
        for (network, blocks) in [
            (Network::IResNet18, 8),
            (Network::IResNet34, 16),
            (Network::IResNet50, 24),
            (Network::IResNet100, 49),
        ] {
            assert_eq!(network.tensor_specs().len(), 6 + 15 * blocks + 5 * 4 + 10, "{network}");
        }
        // 27 convolutions with batch norm and PReLU, batch norm, dense, batch norm.
        assert_eq!(Network::SFace.tensor_specs().len(), 27 * 6 + 4 + 2 + 4);
        // iResNet-100 is known as a 65.15 M parameter network; running statistics come on top.
        let learned: Vec<_> = Network::IResNet100
            .tensor_specs()
            .into_iter()
            .filter(|(name, _)| !name.contains("running_"))
            .collect();
        assert_eq!(parameters(&learned) / 100_000, 651);
    }
}
