//! iResNet-18/34/50/100 as MagFace trains it (arXiv 2103.06627; improved residual block of arXiv 2004.04989).

use super::layers::{BatchNorm, Conv, Dense, PRelu, Weights};
use super::precision::Precision;
use super::spec::Network;
use super::{EmbeddingNetwork, embed_in_batches, max_batch, pixels};
use crate::align::Chip;
use crate::error::{Error, ErrorKind, Result};
use crate::weights::TensorMap;
use tch::{Device, Kind, Tensor};

/// Epsilon of every batch norm.
const EPS: f64 = 2e-5;

/// An iResNet in inference mode.
pub struct IResNet {
    network: Network,
    device: Device,
    precision: Precision,
    conv1: Conv,
    bn1: BatchNorm,
    prelu: PRelu,
    stages: Vec<Vec<Block>>,
    bn2: BatchNorm,
    fc: Dense,
    features: BatchNorm,
}

/// What one stage puts out for some chips.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMap {
    /// Chips, channels, rows, columns.
    pub shape: [usize; 4],
    /// The values in row-major order.
    pub data: Vec<f32>,
}

/// A residual block: batch norms around two 3x3 convolutions, added to the input or to its projection.
struct Block {
    bn1: BatchNorm,
    conv1: Conv,
    bn2: BatchNorm,
    prelu: PRelu,
    conv2: Conv,
    bn3: BatchNorm,
    /// Where the block halves the map: a 1x1 convolution and a batch norm on the input.
    projection: Option<(Conv, BatchNorm)>,
}

impl Block {
    fn new(weights: &Weights, at: &str, first: bool) -> Result<Self> {
        let of = |layer: &str| format!("{at}.{layer}");
        let norm = |layer: &str| BatchNorm::pytorch(weights, &of(layer), EPS);
        let stride = if first { 2 } else { 1 };
        let projection = if first {
            Some((
                Conv::dense(weights, &of("downsample.0.weight"), stride)?,
                norm("downsample.1")?,
            ))
        } else {
            None
        };
        Ok(Block {
            bn1: norm("bn1")?,
            conv1: Conv::dense(weights, &of("conv1.weight"), 1)?,
            bn2: norm("bn2")?,
            prelu: PRelu::new(weights, &of("prelu.weight"))?,
            conv2: Conv::dense(weights, &of("conv2.weight"), stride)?,
            bn3: norm("bn3")?,
            projection,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = self.bn1.forward(x)?;
        let y = self.bn2.forward(&self.conv1.forward(&y)?)?;
        let y = self.conv2.forward(&self.prelu.forward(&y)?)?;
        let mut y = self.bn3.forward(&y)?;
        Ok(match &self.projection {
            Some((conv, norm)) => y.f_add_(&norm.forward(&conv.forward(x)?)?)?,
            None => y.f_add_(x)?,
        })
    }
}

impl IResNet {
    /// The iResNet `network` with MagFace's names of tensors, on `device`, computing in `precision`.
    ///
    /// # Errors
    /// [`ErrorKind::Model`] when `network` is no iResNet; [`ErrorKind::Weights`] naming the tensor that is missing,
    /// misshapen, not finite or unknown; [`ErrorKind::Backend`] when libtorch fails.
    pub fn new(network: Network, weights: &TensorMap, device: Device, precision: Precision) -> Result<Self> {
        let blocks = network
            .iresnet_blocks()
            .ok_or_else(|| Error::new(ErrorKind::Model, format!("network {network} does not embed faces")))?;
        let weights = Weights::check(network, weights, device, precision)?;
        let stages = blocks.iter().enumerate().map(|(stage, &count)| {
            (0..count)
                .map(|block| Block::new(&weights, &format!("layer{}.{block}", stage + 1), block == 0))
                .collect::<Result<Vec<_>>>()
        });
        Ok(IResNet {
            network,
            device,
            precision,
            conv1: Conv::dense(&weights, "conv1.weight", 1)?,
            bn1: BatchNorm::pytorch(&weights, "bn1", EPS)?,
            prelu: PRelu::new(&weights, "prelu.weight")?,
            stages: stages.collect::<Result<_>>()?,
            bn2: BatchNorm::pytorch(&weights, "bn2", EPS)?,
            fc: Dense::new(&weights, "fc.weight", "fc.bias")?,
            features: BatchNorm::pytorch(&weights, "features", EPS)?,
        })
    }

    /// The outputs of the four stages (`layer1` .. `layer4`) for the chips, to compare with another implementation.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] for more chips than go through at once (16 on a CPU, 128 on a GPU); [`ErrorKind::Backend`]
    /// when libtorch fails.
    pub fn forward_layers(&self, chips: &[&Chip]) -> Result<[FeatureMap; 4]> {
        let most = max_batch(self.device);
        if chips.len() > most {
            return Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "the inner layers are given for at most {most} chips at once, not {}",
                    chips.len()
                ),
            ));
        }
        let _no_gradients = tch::no_grad_guard();
        let mut x = self.stem(&pixels(chips, self.device)?)?;
        let mut maps = [const { None }; 4];
        for (stage, map) in self.stages.iter().zip(&mut maps) {
            x = run(stage, x)?;
            *map = Some(feature_map(&x)?);
        }
        match maps {
            [Some(a), Some(b), Some(c), Some(d)] => Ok([a, b, c, d]),
            _ => Err(Error::new(ErrorKind::Internal, "an iResNet has four stages")),
        }
    }

    /// From u8 BGR pixels to the input of the first stage.
    fn stem(&self, pixels: &Tensor) -> Result<Tensor> {
        let x = pixels
            .f_to_kind(Kind::Float)?
            .f_div_scalar(255.0)?
            .f_to_kind(self.precision.kind())?;
        self.prelu.forward(&self.bn1.forward(&self.conv1.forward(&x)?)?)
    }

    fn body(&self, pixels: &Tensor) -> Result<Tensor> {
        let mut x = self.stem(pixels)?;
        for stage in &self.stages {
            x = run(stage, x)?;
        }
        let x = self.fc.forward(&self.bn2.forward(&x.f_to_kind(Kind::Float)?)?)?;
        self.features.forward(&x)
    }
}

impl EmbeddingNetwork for IResNet {
    fn network(&self) -> Network {
        self.network
    }

    fn device(&self) -> Device {
        self.device
    }

    fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        embed_in_batches(chips, self.device, |pixels| self.body(pixels))
    }
}

fn run(stage: &[Block], x: Tensor) -> Result<Tensor> {
    stage.iter().try_fold(x, |x, block| block.forward(&x))
}

fn feature_map(x: &Tensor) -> Result<FeatureMap> {
    let (n, c, h, w) = x.size4()?;
    Ok(FeatureMap {
        shape: [n as usize, c as usize, h as usize, w as usize],
        data: Vec::try_from(
            &x.f_to_device(Device::Cpu)?
                .f_to_kind(Kind::Float)?
                .f_contiguous()?
                .f_flatten(0, -1)?,
        )?,
    })
}
