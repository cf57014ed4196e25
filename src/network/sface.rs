//! SFace as OpenCV Zoo ships it: a MobileNet-v1 body, 128 floats (layer facts from its ONNX file).

use super::layers::{BatchNorm, Conv, Dense, PRelu, Weights};
use super::precision::Precision;
use super::spec::{Network, SFACE_PAIRS};
use super::{EmbeddingNetwork, embed_in_batches};
use crate::align::Chip;
use crate::error::Result;
use crate::weights::TensorMap;
use tch::{Device, Kind, Tensor};

/// Epsilon of the batch norm behind each convolution.
const EPS_BODY: f64 = 1e-3;

/// Epsilon of the batch norms before and behind the dense layer.
const EPS_HEAD: f64 = 2e-5;

/// The input is (x - 127.5) * 0.0078125 (= 1 / 128), the file's `scalar_op1` and `scalar_op2`.
const INPUT_OFFSET: f64 = 127.5;
const INPUT_SCALE: f64 = 0.0078125;

/// The depthwise convolutions that halve the map: 112, 56, 28, 14, 7.
const HALVING: [usize; 4] = [3, 5, 7, 13];

/// SFace in inference mode.
pub struct SFace {
    device: Device,
    precision: Precision,
    body: Vec<Unit>,
    bn1: BatchNorm,
    pre_fc1: Dense,
    fc1: BatchNorm,
}

/// A convolution, a batch norm and a PReLU.
struct Unit {
    conv: Conv,
    norm: BatchNorm,
    prelu: PRelu,
}

impl Unit {
    fn new(weights: &Weights, name: &str, conv: Conv) -> Result<Self> {
        Ok(Unit {
            conv,
            norm: BatchNorm::mxnet(weights, &format!("{name}_batchnorm"), EPS_BODY)?,
            prelu: PRelu::new(weights, &format!("{name}_relu_gamma"))?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.prelu.forward(&self.norm.forward(&self.conv.forward(x)?)?)
    }
}

impl SFace {
    /// SFace with the ONNX file's names of tensors, on `device`, computing in `precision`.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the tensor that is missing, misshapen, not finite or unknown;
    /// [`crate::ErrorKind::Backend`] when libtorch fails.
    pub fn new(weights: &TensorMap, device: Device, precision: Precision) -> Result<Self> {
        let weights = Weights::check(Network::SFace, weights, device, precision)?;
        let conv_of = |name: &str| format!("{name}_conv2d_weight");
        let mut body = vec![Unit::new(
            &weights,
            "conv_1",
            Conv::dense(&weights, &conv_of("conv_1"), 1)?,
        )?];
        for (i, &(input, _)) in SFACE_PAIRS.iter().enumerate() {
            let number = i + 2;
            let stride = if HALVING.contains(&number) { 2 } else { 1 };
            let name = format!("conv_{number}_dw");
            let conv = Conv::depthwise(&weights, &conv_of(&name), stride, input)?;
            body.push(Unit::new(&weights, &name, conv)?);
            let name = format!("conv_{number}");
            body.push(Unit::new(&weights, &name, Conv::dense(&weights, &conv_of(&name), 1)?)?);
        }
        Ok(SFace {
            device,
            precision,
            body,
            bn1: BatchNorm::mxnet(&weights, "bn1", EPS_HEAD)?,
            pre_fc1: Dense::new(&weights, "pre_fc1_weight", "pre_fc1_bias")?,
            fc1: BatchNorm::mxnet(&weights, "fc1", EPS_HEAD)?,
        })
    }

    fn embed(&self, pixels: &Tensor) -> Result<Tensor> {
        // The network takes RGB, the chips are BGR.
        let x = pixels
            .f_flip(1)?
            .f_to_kind(Kind::Float)?
            .f_sub_scalar(INPUT_OFFSET)?
            .f_mul_scalar(INPUT_SCALE)?
            .f_to_kind(self.precision.kind())?;
        let x = self.body.iter().try_fold(x, |x, unit| unit.forward(&x))?;
        let x = x.f_to_kind(Kind::Float)?;
        self.fc1.forward(&self.pre_fc1.forward(&self.bn1.forward(&x)?)?)
    }
}

impl EmbeddingNetwork for SFace {
    fn network(&self) -> Network {
        Network::SFace
    }

    fn device(&self) -> Device {
        self.device
    }

    fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        embed_in_batches(chips, self.device, |pixels| self.embed(pixels))
    }
}
