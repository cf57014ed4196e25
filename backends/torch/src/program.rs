//! A folded network as libtorch's tensors, run step by step; maps lie with the channels innermost throughout.

use crate::device::Device;
use crate::{Error, Result};
use qmagface_backend as folded;
use qmagface_backend::{Activation, Bias, Folded, Output, PoolOf, Step, place, precision};
use tch::{Kind, Tensor};

/// The format of the maps and the convolutions; the head that makes the embedding computes in f32 always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precision {
    F32,
    /// f32, a product's factors rounded to 11 bits.
    Tf32,
    F16,
    Bf16,
}

impl Precision {
    /// The precision of a number of the interface.
    ///
    /// # Errors
    /// Another number is none.
    pub fn of(number: u32) -> Result<Precision> {
        match number {
            precision::F32 => Ok(Precision::F32),
            precision::TF32 => Ok(Precision::Tf32),
            precision::F16 => Ok(Precision::F16),
            precision::BF16 => Ok(Precision::Bf16),
            _ => Err(Error::broken(format!("{number} is the number of no precision"))),
        }
    }
}

/// Where and how the layers compute.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    pub device: Device,
    pub precision: Precision,
}

impl Setting {
    /// libtorch's name of what the maps are made of.
    pub(crate) fn kind(&self) -> Kind {
        match self.precision {
            Precision::F32 | Precision::Tf32 => Kind::Float,
            Precision::F16 => Kind::Half,
            Precision::Bf16 => Kind::BFloat16,
        }
    }

    /// A constant as the layers use it.
    fn constant(&self, values: &[f32], shape: &[usize]) -> Result<Tensor> {
        let shape: Vec<i64> = shape.iter().map(|&side| side as i64).collect();
        let tensor = Tensor::f_from_slice(values)?.f_reshape(shape)?;
        // Rounded here, so that every device gets the same.
        Ok(tensor.f_to_kind(self.kind())?.f_to_device(self.device.in_torch())?)
    }

    /// A constant of n x h x w x c, seen as n x c x h x w.
    fn channels_last(&self, values: &[f32], shape: &[usize]) -> Result<Tensor> {
        Ok(self.constant(values, shape)?.f_permute([0, 3, 1, 2])?)
    }
}

/// A network on its device.
pub(crate) struct Program {
    steps: Vec<(Layer, Vec<usize>)>,
    outputs: Vec<Output>,
}

enum Layer {
    /// The next of the images that are given.
    Image,
    Conv(Conv),
    Pool(folded::Pool),
    Upsample(i64),
    Activation(Activation),
    Add,
    Multiply,
    Softmax,
    Flatten,
    Concatenate,
    Dense(Dense),
}

impl Program {
    /// Puts the network on its device.
    ///
    /// # Errors
    /// When libtorch fails (out of memory).
    pub(crate) fn new(folded: &Folded, setting: Setting) -> Result<Program> {
        let steps = folded.steps.iter().map(|step| {
            let layer = match &step.layer {
                folded::Layer::Image => Layer::Image,
                folded::Layer::Conv(conv) => Layer::Conv(Conv::new(conv, step, setting)?),
                folded::Layer::Pool(pool) => Layer::Pool(*pool),
                folded::Layer::Upsample(factor) => Layer::Upsample(*factor as i64),
                folded::Layer::Activation(activation) => Layer::Activation(*activation),
                folded::Layer::Add => Layer::Add,
                folded::Layer::Multiply => Layer::Multiply,
                folded::Layer::Softmax => Layer::Softmax,
                folded::Layer::Flatten => Layer::Flatten,
                folded::Layer::Concatenate => Layer::Concatenate,
                folded::Layer::Dense(dense) => Layer::Dense(Dense::new(dense, setting.device)?),
            };
            Ok((layer, step.inputs.clone()))
        });
        Ok(Program {
            steps: steps.collect::<Result<_>>()?,
            outputs: folded.outputs.clone(),
        })
    }

    /// How many outputs the network has.
    pub(crate) fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// Takes images (n x 3 x h x w), in the order in which the network takes them, up to the last of the `wanted` outputs
    /// (by their places among the network's), which are handed out.
    ///
    /// # Errors
    /// When libtorch fails, and for too few images.
    pub(crate) fn run(&self, images: Vec<Tensor>, wanted: &[usize]) -> Result<Vec<Tensor>> {
        let end = wanted
            .iter()
            .map(|&output| self.outputs[output].step + 1)
            .max()
            .unwrap_or(0);
        let mut last_user = vec![end; end];
        for (at, (_, inputs)) in self.steps[..end].iter().enumerate() {
            inputs.iter().for_each(|&input| last_user[input] = at);
        }
        for &output in wanted {
            last_user[self.outputs[output].step] = end;
        }
        let missing = || Error::broken("a step of a network comes before what it takes from");
        let mut images = images.into_iter();
        let mut made: Vec<Option<Tensor>> = Vec::with_capacity(end);
        for (at, (layer, inputs)) in self.steps[..end].iter().enumerate() {
            let taken = inputs.iter().map(|&input| made[input].as_ref().ok_or_else(missing));
            let taken: Vec<&Tensor> = taken.collect::<Result<_>>()?;
            let next = match layer {
                Layer::Image => images.next().ok_or_else(missing)?,
                Layer::Conv(conv) => conv.forward(taken[0], taken.get(1).copied())?,
                Layer::Pool(pool) => pooled(taken[0], pool)?,
                Layer::Upsample(factor) => {
                    let size = taken[0].size();
                    let sides: Vec<i64> = size[2..].iter().map(|side| side * factor).collect();
                    taken[0].f_upsample_nearest2d(sides, None, None)?
                }
                Layer::Activation(Activation::Clip(limit)) => taken[0].f_clamp(0.0, f64::from(*limit))?,
                Layer::Activation(Activation::Sigmoid) => taken[0].f_sigmoid()?,
                Layer::Activation(Activation::HardSwish) => taken[0].f_hardswish()?,
                Layer::Add => taken[0].f_add(taken[1])?,
                Layer::Multiply => taken[0].f_mul(taken[1])?,
                Layer::Softmax => taken[0].f_softmax(1, taken[0].kind())?,
                // In the order that maps lie in memory, so that nothing is copied.
                Layer::Flatten => taken[0].f_permute([0, 2, 3, 1])?.f_flatten(1, -1)?,
                Layer::Concatenate => Tensor::f_cat(&taken, 1)?,
                Layer::Dense(dense) => dense.forward(taken[0])?,
            };
            made.push(Some(next));
            for &input in inputs.iter().filter(|&&input| last_user[input] == at) {
                made[input] = None;
            }
        }
        let output = |&output: &usize| {
            let Output { step, channels, .. } = &self.outputs[output];
            let made = made[*step].as_ref().ok_or_else(missing)?;
            Ok(made.f_narrow(1, channels.start as i64, channels.len() as i64)?)
        };
        wanted.iter().map(output).collect()
    }
}

/// One number of each window.
fn pooled(x: &Tensor, pool: &folded::Pool) -> Result<Tensor> {
    let [kernel, stride, padding] = [pool.kernel, pool.stride, pool.padding].map(|length| length as i64);
    Ok(match pool.of {
        PoolOf::Greatest => x.f_max_pool2d(kernel, stride, padding, 1, pool.partial)?,
        // What is outside is not counted.
        PoolOf::Mean => x.f_avg_pool2d(kernel, stride, padding, pool.partial, false, None)?,
    })
}

/// A convolution, its bias, its rectifier and what is added to it.
struct Conv {
    weight: Tensor,
    /// One for each output, added by the convolution.
    bias: Option<Tensor>,
    /// One for each output and place (1 x c x h x w), added behind it.
    map: Option<Tensor>,
    slopes: Option<Tensor>,
    stride: i64,
    padding: i64,
    groups: i64,
    setting: Setting,
}

impl Conv {
    fn new(conv: &folded::Conv, step: &Step, setting: Setting) -> Result<Self> {
        let group = conv.inputs / conv.groups;
        let taps = conv.kernel * conv.kernel;
        let weight: Vec<f32> = conv
            .weight
            .chunks_exact(group * taps)
            .flat_map(|weights| (0..taps).flat_map(move |tap| weights.iter().skip(tap).step_by(taps).copied()))
            .collect();
        let outputs = conv.outputs;
        let slopes = conv
            .slopes
            .as_ref()
            .map(|slopes| setting.constant(slopes, &[outputs]))
            .transpose()?;
        let (bias, map) = match &conv.bias {
            Bias::Channel(bias) if bias.iter().all(|&value| value == 0.0) => (None, None),
            Bias::Channel(bias) => (Some(setting.constant(bias, &[outputs])?), None),
            Bias::Border(places) => {
                let unknown = || Error::broken("a bias by place on a map of no fixed size");
                let [height, width] = step.sides.ok_or_else(unknown)?;
                let values: Vec<f32> = (0..height * width)
                    .flat_map(|at| places[place(at / width, at % width, height, width)].iter().copied())
                    .collect();
                (
                    None,
                    Some(setting.channels_last(&values, &[1, height, width, outputs])?),
                )
            }
        };
        Ok(Conv {
            weight: setting.channels_last(&weight, &[outputs, conv.kernel, conv.kernel, group])?,
            bias,
            map,
            slopes,
            stride: conv.stride as i64,
            padding: conv.padding as i64,
            groups: conv.groups as i64,
            setting,
        })
    }

    /// n x c x h x w to n x c' x h' x w'; `residual` is added behind the rectifier.
    fn forward(&self, x: &Tensor, residual: Option<&Tensor>) -> Result<Tensor> {
        // The long form, because it alone says what is allowed: on a GPU, TF32 rounds the factors to eleven bits, and
        // algorithms chosen by measuring them may differ from process to process in the last bits.
        let precision = self.setting.precision;
        let (benchmark, tf32) = (precision != Precision::F32, precision == Precision::Tf32);
        let (deterministic, cudnn) = (true, true);
        let mut y = x.f_internal_convolution(
            &self.weight,
            self.bias.as_ref(),
            self.stride,
            self.padding,
            1,
            false,
            0,
            self.groups,
            benchmark,
            deterministic,
            cudnn,
            tf32,
        )?;
        if let Some(map) = &self.map {
            y = y.f_add_(map)?;
        }
        if let Some(slopes) = &self.slopes {
            y = y.f_prelu(slopes)?;
        }
        match residual {
            Some(residual) => Ok(y.f_add_(residual)?),
            None => Ok(y),
        }
    }
}

/// A dense layer, in f32.
struct Dense {
    weight: Tensor,
    bias: Tensor,
    slopes: Option<Tensor>,
}

impl Dense {
    fn new(dense: &folded::Dense, device: Device) -> Result<Self> {
        // In the order that flattened maps have: by part, then place, then channel.
        let mut order = Vec::new();
        for &[channels, places] in &dense.parts {
            let first = order.len();
            order.extend((0..channels * places).map(|at| first + at % channels * places + at / channels));
        }
        let rows = dense.weight.chunks_exact(order.len());
        let data: Vec<f32> = rows
            .flat_map(|weights| order.iter().map(|&from| weights[from]))
            .collect();
        let f32 = Setting {
            device,
            precision: Precision::F32,
        };
        let outputs = dense.bias.len();
        let slopes = dense.slopes.as_ref().map(|slopes| f32.constant(slopes, &[outputs]));
        Ok(Dense {
            weight: f32.constant(&data, &[outputs, order.len()])?,
            bias: f32.constant(&dense.bias, &[outputs])?,
            slopes: slopes.transpose()?,
        })
    }

    /// n x c to n x c'.
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.f_to_kind(Kind::Float)?.f_linear(&self.weight, Some(&self.bias))?;
        match &self.slopes {
            Some(slopes) => Ok(y.f_prelu(slopes)?),
            None => Ok(y),
        }
    }
}
