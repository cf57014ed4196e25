//! Which networks there are, and the name and shape of every tensor each of them needs.
//!
//! Pure data: model packs are checked against it, and the networks are built from it.
//! The shapes follow MagFace (arXiv 2103.06627) for iResNet, OpenCV Zoo's ONNX file for SFace, and the published
//! MTCNN (arXiv 1604.02878) for the detector.

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
}

/// Channels of the four iResNet stages.
pub const IRESNET_CHANNELS: [usize; 4] = [64, 128, 256, 512];

/// Input and output channels of SFace's depthwise-separable pairs `conv_2` .. `conv_14`, in order.
pub const SFACE_PAIRS: [(usize, usize); 13] = [
    (32, 64),
    (64, 128),
    (128, 128),
    (128, 256),
    (256, 256),
    (256, 512),
    (512, 512),
    (512, 512),
    (512, 512),
    (512, 512),
    (512, 512),
    (512, 1024),
    (1024, 1024),
];

impl Network {
    /// Every network, in the order of their definition.
    pub const ALL: [Network; 6] = [
        Network::IResNet18,
        Network::IResNet34,
        Network::IResNet50,
        Network::IResNet100,
        Network::SFace,
        Network::Mtcnn,
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
        }
    }

    /// The network with this manifest name.
    pub fn from_name(name: &str) -> Option<Network> {
        Network::ALL.into_iter().find(|network| network.name() == name)
    }

    /// Whether it embeds or detects.
    pub fn kind(self) -> NetworkKind {
        match self {
            Network::Mtcnn => NetworkKind::Detector,
            _ => NetworkKind::Embedder,
        }
    }

    /// Floats per embedding; `None` for a detector.
    pub fn embedding_length(self) -> Option<usize> {
        match self {
            Network::SFace => Some(128),
            Network::Mtcnn => None,
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
            Network::SFace | Network::Mtcnn => None,
        }
    }

    /// Name and shape of every tensor the network needs, in the order data flows through them.
    ///
    /// * iResNet: MagFace's names without a prefix (`conv1.weight`, `layer1.0.bn1.weight`, ..., `features.bias`).
    /// * SFace: the names in the ONNX file (`conv_1_conv2d_weight`, ..., `fc1_moving_var`), without the two scalars of
    ///   its built-in preprocessing.
    /// * MTCNN: `pnet.`, `rnet.` and `onet.` before the layer's name (`pnet.conv1.weight`). `conv1` takes BGR, and
    ///   the first dense layer takes its input flattened in channel, row, column order.
    pub fn tensor_specs(self) -> Vec<(String, Vec<usize>)> {
        match self.iresnet_blocks() {
            Some(blocks) => iresnet_specs(blocks),
            None if self == Network::SFace => sface_specs(),
            None => mtcnn_specs(),
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
    let mut specs = Specs::default();
    for k in 1..=5 {
        for (layer, prelu, shape) in [
            ("conv1", "prelu1", vec![28, 3, 3, 3]),
            ("conv2", "prelu2", vec![48, 28, 3, 3]),
            ("conv3", "prelu3", vec![64, 48, 2, 2]),
        ] {
            let channels = shape[0];
            specs.add(format!("{layer}_{k}_weight"), shape);
            specs.add(format!("{layer}_{k}_bias"), [channels]);
            specs.add(format!("{prelu}_{k}_gamma"), [channels]);
        }
    }
    // Five branches of 64 channels, 3x3 cells each.
    specs.add("fc4_weight", [256, 2880]);
    specs.add("fc4_bias", [256]);
    specs.add("prelu4_gamma", [256]);
    for k in 1..=5 {
        specs.add(format!("fc4_{k}_weight"), [64, 256]);
        specs.add(format!("fc4_{k}_bias"), [64]);
        specs.add(format!("prelu4_{k}_gamma"), [64]);
        specs.add(format!("fc5_{k}_weight"), [2, 64]);
        specs.add(format!("fc5_{k}_bias"), [2]);
    }
    specs.0
}

/// A list of tensor names and shapes being built.
#[derive(Default)]
struct Specs(Vec<(String, Vec<usize>)>);

impl Specs {
    fn add(&mut self, name: impl Into<String>, shape: impl Into<Vec<usize>>) {
        self.0.push((name.into(), shape.into()));
    }

    /// The four tensors of a PyTorch batch norm.
    fn batch_norm(&mut self, name: &str, channels: usize) {
        for field in ["weight", "bias", "running_mean", "running_var"] {
            self.add(format!("{name}.{field}"), [channels]);
        }
    }

    /// A PyTorch convolution or dense layer with its bias.
    fn biased(&mut self, name: &str, shape: &[usize]) {
        self.add(format!("{name}.weight"), shape);
        self.add(format!("{name}.bias"), [shape[0]]);
    }
}

fn iresnet_specs(blocks: [usize; 4]) -> Vec<(String, Vec<usize>)> {
    let mut specs = Specs::default();
    specs.add("conv1.weight", [64, 3, 3, 3]);
    specs.batch_norm("bn1", 64);
    specs.add("prelu.weight", [64]);
    let mut input = 64;
    for (stage, (&count, &channels)) in blocks.iter().zip(&IRESNET_CHANNELS).enumerate() {
        for block in 0..count {
            let at = format!("layer{}.{block}", stage + 1);
            specs.batch_norm(&format!("{at}.bn1"), input);
            specs.add(format!("{at}.conv1.weight"), [channels, input, 3, 3]);
            specs.batch_norm(&format!("{at}.bn2"), channels);
            specs.add(format!("{at}.prelu.weight"), [channels]);
            specs.add(format!("{at}.conv2.weight"), [channels, channels, 3, 3]);
            specs.batch_norm(&format!("{at}.bn3"), channels);
            // Every stage's first block halves the map, so its identity path is projected.
            if block == 0 {
                specs.add(format!("{at}.downsample.0.weight"), [channels, input, 1, 1]);
                specs.batch_norm(&format!("{at}.downsample.1"), channels);
            }
            input = channels;
        }
    }
    specs.batch_norm("bn2", 512);
    specs.biased("fc", &[512, 512 * 7 * 7]);
    specs.batch_norm("features", 512);
    specs.0
}

fn sface_specs() -> Vec<(String, Vec<usize>)> {
    fn batch_norm(specs: &mut Specs, name: &str, channels: usize) {
        for field in ["gamma", "beta", "moving_mean", "moving_var"] {
            specs.add(format!("{name}_{field}"), [channels]);
        }
    }
    fn conv(specs: &mut Specs, name: &str, shape: [usize; 4]) {
        specs.add(format!("{name}_conv2d_weight"), shape);
        batch_norm(specs, &format!("{name}_batchnorm"), shape[0]);
        specs.add(format!("{name}_relu_gamma"), [shape[0], 1, 1]);
    }
    let mut specs = Specs::default();
    conv(&mut specs, "conv_1", [32, 3, 3, 3]);
    for (i, &(input, output)) in SFACE_PAIRS.iter().enumerate() {
        conv(&mut specs, &format!("conv_{}_dw", i + 2), [input, 1, 3, 3]);
        conv(&mut specs, &format!("conv_{}", i + 2), [output, input, 1, 1]);
    }
    batch_norm(&mut specs, "bn1", 1024);
    specs.add("pre_fc1_weight", [128, 1024 * 7 * 7]);
    specs.add("pre_fc1_bias", [128]);
    batch_norm(&mut specs, "fc1", 128);
    specs.0
}

fn mtcnn_specs() -> Vec<(String, Vec<usize>)> {
    let mut specs = Specs::default();
    let mut layers = |stage: &str, list: &[(&str, &[usize], Option<&str>)]| {
        for (layer, shape, prelu) in list {
            specs.biased(&format!("{stage}.{layer}"), shape);
            if let Some(prelu) = prelu {
                specs.add(format!("{stage}.{prelu}.weight"), [shape[0]]);
            }
        }
    };
    layers(
        "pnet",
        &[
            ("conv1", &[10, 3, 3, 3], Some("prelu1")),
            ("conv2", &[16, 10, 3, 3], Some("prelu2")),
            ("conv3", &[32, 16, 3, 3], Some("prelu3")),
            ("conv4_1", &[2, 32, 1, 1], None),
            ("conv4_2", &[4, 32, 1, 1], None),
        ],
    );
    layers(
        "rnet",
        &[
            ("conv1", &[28, 3, 3, 3], Some("prelu1")),
            ("conv2", &[48, 28, 3, 3], Some("prelu2")),
            ("conv3", &[64, 48, 2, 2], Some("prelu3")),
            ("dense4", &[128, 64 * 3 * 3], Some("prelu4")),
            ("dense5_1", &[2, 128], None),
            ("dense5_2", &[4, 128], None),
        ],
    );
    layers(
        "onet",
        &[
            ("conv1", &[32, 3, 3, 3], Some("prelu1")),
            ("conv2", &[64, 32, 3, 3], Some("prelu2")),
            ("conv3", &[64, 64, 3, 3], Some("prelu3")),
            ("conv4", &[128, 64, 2, 2], Some("prelu4")),
            ("dense5", &[256, 128 * 3 * 3], Some("prelu5")),
            ("dense6_1", &[2, 256], None),
            ("dense6_2", &[4, 256], None),
            ("dense6_3", &[10, 256], None),
        ],
    );
    specs.0
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
