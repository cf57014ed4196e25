//! Published weights to a [`Folded`] network: names, shapes and values are checked, batch norms are folded in f64.
//!
//! A batch norm behind a convolution scales its weights and shifts its bias. One before a zero-padded convolution scales
//! the weights of each input; its shift is a constant that the padding lacks, so it becomes a bias that differs at the
//! border. iResNet as MagFace trains it (arXiv 2103.06627), SFace as OpenCV Zoo ships it (facts from its ONNX file).

use super::folded::{Bias, Block, Conv, Folded, Head};
use super::spec::{Network, SFACE_PAIRS};
use crate::error::{Error, ErrorKind, Result};
use crate::weights::TensorMap;
use std::collections::HashSet;

/// Epsilon of every batch norm of an iResNet, and of SFace's head.
const EPS: f64 = 2e-5;

/// Epsilon of the batch norm behind each convolution of SFace.
const EPS_SFACE_BODY: f64 = 1e-3;

/// iResNet's input is the pixel divided by this.
const PIXEL_MAX: f64 = 255.0;

/// SFace's input is (x - 127.5) * 0.0078125, the file's `scalar_op1` and `scalar_op2`.
const SFACE_OFFSET: f64 = 127.5;
const SFACE_SCALE: f64 = 0.0078125;

/// The depthwise convolutions of SFace that halve the map: 112, 56, 28, 14, 7.
const SFACE_HALVING: [usize; 4] = [3, 5, 7, 13];

/// Side of the last map of every network.
const LAST_SIDE: usize = 7;

/// Folds the weights of `network`.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the tensor that is missing, misshapen, not finite or unknown, or a variance below zero;
/// [`ErrorKind::Model`] when `network` is a detector.
pub(crate) fn fold(network: Network, weights: &TensorMap) -> Result<Folded> {
    let weights = Weights::check(network, weights)?;
    match network.iresnet_blocks() {
        Some(blocks) => iresnet(network, blocks, &weights),
        None if network == Network::SFace => sface(&weights),
        None => Err(Error::new(
            ErrorKind::Model,
            format!("network {network} does not embed faces"),
        )),
    }
}

/// A weight map that holds exactly what one network needs.
struct Weights<'a>(&'a TensorMap);

impl<'a> Weights<'a> {
    /// Checks names, shapes and values of the whole map.
    fn check(network: Network, map: &'a TensorMap) -> Result<Self> {
        let specs = network.tensor_specs();
        for (name, shape) in &specs {
            let tensor = map.require(name, shape).map_err(|e| e.at(network))?;
            if let Some(value) = tensor.data.iter().find(|value| !value.is_finite()) {
                return Err(Error::new(
                    ErrorKind::Weights,
                    format!("{network}: tensor \"{name}\" holds {value}, and every weight must be finite"),
                ));
            }
        }
        let known: HashSet<&str> = specs.iter().map(|(name, _)| name.as_str()).collect();
        let extra: Vec<&str> = map
            .iter()
            .map(|(name, _)| name)
            .filter(|&name| !known.contains(name))
            .collect();
        if let Some(first) = extra.first() {
            return Err(Error::new(
                ErrorKind::Weights,
                match extra.len() - 1 {
                    0 => format!("{network}: tensor \"{first}\" is not of this network"),
                    more => format!("{network}: tensor \"{first}\" and {more} more are not of this network"),
                },
            ));
        }
        Ok(Weights(map))
    }

    /// The elements of the tensor `name`.
    fn get(&self, name: &str) -> Result<&'a [f32]> {
        let tensor = self.0.get(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                format!("the network's specification lacks tensor \"{name}\""),
            )
        })?;
        Ok(&tensor.data)
    }

    /// A PyTorch batch norm: `NAME.weight`, `NAME.bias`, `NAME.running_mean`, `NAME.running_var`.
    fn pytorch_norm(&self, name: &str) -> Result<Affine> {
        let of = |field: &str| format!("{name}.{field}");
        self.norm([of("weight"), of("bias"), of("running_mean"), of("running_var")], EPS)
    }

    /// An MXNet batch norm: `NAME_gamma`, `NAME_beta`, `NAME_moving_mean`, `NAME_moving_var`.
    fn mxnet_norm(&self, name: &str, eps: f64) -> Result<Affine> {
        let of = |field: &str| format!("{name}_{field}");
        self.norm([of("gamma"), of("beta"), of("moving_mean"), of("moving_var")], eps)
    }

    fn norm(&self, [gamma, beta, mean, variance]: [String; 4], eps: f64) -> Result<Affine> {
        let (gamma, beta, mean) = (self.get(&gamma)?, self.get(&beta)?, self.get(&mean)?);
        let spread = self.get(&variance)?;
        if let Some(negative) = spread.iter().find(|&&value| value < 0.0) {
            return Err(Error::new(
                ErrorKind::Weights,
                format!("tensor \"{variance}\" holds {negative}, and a variance is never negative"),
            ));
        }
        let scale: Vec<f64> = gamma
            .iter()
            .zip(spread)
            .map(|(&gamma, &variance)| f64::from(gamma) / (f64::from(variance) + eps).sqrt())
            .collect();
        let shift = beta
            .iter()
            .zip(mean)
            .zip(&scale)
            .map(|((&beta, &mean), scale)| f64::from(beta) - f64::from(mean) * scale)
            .collect();
        Ok(Affine { scale, shift })
    }
}

/// `x * scale + shift` for each channel.
struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Affine {
    /// The same for each of `channels` channels.
    fn uniform(channels: usize, scale: f64, shift: f64) -> Self {
        Affine {
            scale: vec![scale; channels],
            shift: vec![shift; channels],
        }
    }
}

/// A convolution's shape.
#[derive(Clone, Copy)]
struct Shape {
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    depthwise: bool,
}

impl Shape {
    /// A convolution over all channels at once.
    fn dense(inputs: usize, outputs: usize, kernel: usize, stride: usize) -> Self {
        Shape {
            inputs,
            outputs,
            kernel,
            stride,
            depthwise: false,
        }
    }
}

/// `after(conv(before(x)))`, then the rectifier with `slopes`. `before` needs stride 1 or no shift.
fn conv(shape: Shape, weight: &[f32], before: Option<&Affine>, after: &Affine, slopes: Option<&[f32]>) -> Conv {
    let taps = shape.kernel * shape.kernel;
    let group = if shape.depthwise { 1 } else { shape.inputs };
    let mut folded = Vec::with_capacity(weight.len());
    // What the shift before the convolution adds, by output and tap.
    let mut shifted = vec![0f64; shape.outputs * taps];
    for (output, weights) in weight.chunks_exact(group * taps).enumerate() {
        for (input, weights) in weights.chunks_exact(taps).enumerate() {
            let input = if shape.depthwise { output } else { input };
            let (scale, shift) = before.map_or((1.0, 0.0), |before| (before.scale[input], before.shift[input]));
            for (tap, &weight) in weights.iter().enumerate() {
                let weight = f64::from(weight) * after.scale[output];
                folded.push((weight * scale) as f32);
                shifted[output * taps + tap] += weight * shift;
            }
        }
    }
    let uniform = before.is_none_or(|before| before.shift.iter().all(|&shift| shift == 0.0));
    let bias = if uniform || shape.kernel == 1 {
        let sum = |output: usize| shifted[output * taps..][..taps].iter().sum::<f64>();
        Bias::Channel(
            (0..shape.outputs)
                .map(|output| (after.shift[output] + sum(output)) as f32)
                .collect(),
        )
    } else {
        // The first row and column lack the kernel's first, the last its last.
        let there = |kind: usize, at: usize| !(kind == 0 && at == 0 || kind == 2 && at == 2);
        Bias::Border(Box::new(std::array::from_fn(|place| {
            (0..shape.outputs)
                .map(|output| {
                    let sum: f64 = (0..taps)
                        .filter(|tap| there(place / 3, tap / 3) && there(place % 3, tap % 3))
                        .map(|tap| shifted[output * taps + tap])
                        .sum();
                    (after.shift[output] + sum) as f32
                })
                .collect()
        })))
    };
    Conv {
        weight: folded,
        inputs: shape.inputs,
        outputs: shape.outputs,
        kernel: shape.kernel,
        stride: shape.stride,
        depthwise: shape.depthwise,
        bias,
        slopes: slopes.map(<[f32]>::to_vec),
    }
}

/// `after(dense(before(x)))` over a map of [`LAST_SIDE`] squared places, flattened channel by channel.
fn head(weight: &[f32], bias: &[f32], before: &Affine, after: &Affine) -> Head {
    let places = LAST_SIDE * LAST_SIDE;
    let inputs = before.scale.len() * places;
    let mut folded = Vec::with_capacity(weight.len());
    let mut sums = Vec::with_capacity(bias.len());
    for (output, weights) in weight.chunks_exact(inputs).enumerate() {
        let mut sum = f64::from(bias[output]);
        for (at, &weight) in weights.iter().enumerate() {
            let (weight, channel) = (f64::from(weight), at / places);
            folded.push((weight * before.scale[channel] * after.scale[output]) as f32);
            sum += weight * before.shift[channel];
        }
        sums.push((sum * after.scale[output] + after.shift[output]) as f32);
    }
    Head {
        weight: folded,
        bias: sums,
        side: LAST_SIDE,
    }
}

fn iresnet(network: Network, stages: [usize; 4], weights: &Weights) -> Result<Folded> {
    let slopes = |name: &str| weights.get(&format!("{name}.weight"));
    let pixels = Affine::uniform(3, 1.0 / PIXEL_MAX, 0.0);
    let stem = conv(
        Shape::dense(3, 64, 3, 1),
        weights.get("conv1.weight")?,
        Some(&pixels),
        &weights.pytorch_norm("bn1")?,
        Some(slopes("prelu")?),
    );
    let mut blocks = Vec::new();
    let mut inputs = 64;
    for (stage, (&count, outputs)) in stages.iter().zip(super::spec::IRESNET_CHANNELS).enumerate() {
        for block in 0..count {
            let of = |layer: &str| format!("layer{}.{block}.{layer}", stage + 1);
            let stride = if block == 0 { 2 } else { 1 };
            let projection = if block == 0 {
                Some(conv(
                    Shape::dense(inputs, outputs, 1, stride),
                    weights.get(&of("downsample.0.weight"))?,
                    None,
                    &weights.pytorch_norm(&of("downsample.1"))?,
                    None,
                ))
            } else {
                None
            };
            blocks.push(Block::Residual {
                first: conv(
                    Shape::dense(inputs, outputs, 3, 1),
                    weights.get(&of("conv1.weight"))?,
                    Some(&weights.pytorch_norm(&of("bn1"))?),
                    &weights.pytorch_norm(&of("bn2"))?,
                    Some(slopes(&of("prelu"))?),
                ),
                second: conv(
                    Shape::dense(outputs, outputs, 3, stride),
                    weights.get(&of("conv2.weight"))?,
                    None,
                    &weights.pytorch_norm(&of("bn3"))?,
                    None,
                ),
                projection,
            });
            inputs = outputs;
        }
    }
    Ok(Folded {
        network,
        stem,
        blocks,
        stages: stages.to_vec(),
        head: head(
            weights.get("fc.weight")?,
            weights.get("fc.bias")?,
            &weights.pytorch_norm("bn2")?,
            &weights.pytorch_norm("features")?,
        ),
    })
}

fn sface(weights: &Weights) -> Result<Folded> {
    let unit = |name: &str, shape: Shape, weight: &[f32], before: Option<&Affine>| {
        Ok::<_, Error>(conv(
            shape,
            weight,
            before,
            &weights.mxnet_norm(&format!("{name}_batchnorm"), EPS_SFACE_BODY)?,
            Some(weights.get(&format!("{name}_relu_gamma"))?),
        ))
    };
    let weight = |name: &str| weights.get(&format!("{name}_conv2d_weight"));
    // The network takes RGB, the chips are BGR: the first convolution's inputs change places.
    let rgb = weight("conv_1")?;
    let taps = 9;
    let bgr: Vec<f32> = rgb
        .chunks_exact(3 * taps)
        .flat_map(|weights| weights.chunks_exact(taps).rev().flatten().copied())
        .collect();
    let pixels = Affine::uniform(3, SFACE_SCALE, -SFACE_OFFSET * SFACE_SCALE);
    let stem = unit("conv_1", Shape::dense(3, 32, 3, 1), &bgr, Some(&pixels))?;
    let mut blocks = Vec::new();
    for (index, &(inputs, outputs)) in SFACE_PAIRS.iter().enumerate() {
        let number = index + 2;
        let name = format!("conv_{number}_dw");
        let depthwise = Shape {
            inputs,
            outputs: inputs,
            kernel: 3,
            stride: if SFACE_HALVING.contains(&number) { 2 } else { 1 },
            depthwise: true,
        };
        let depthwise = unit(&name, depthwise, weight(&name)?, None)?;
        let name = format!("conv_{number}");
        blocks.push(Block::Separable {
            depthwise,
            pointwise: unit(&name, Shape::dense(inputs, outputs, 1, 1), weight(&name)?, None)?,
        });
    }
    Ok(Folded {
        network: Network::SFace,
        stem,
        stages: vec![blocks.len()],
        blocks,
        head: head(
            weights.get("pre_fc1_weight")?,
            weights.get("pre_fc1_bias")?,
            &weights.mxnet_norm("bn1", EPS)?,
            &weights.mxnet_norm("fc1", EPS)?,
        ),
    })
}
