//! The layers of a [`Folded`] network as libtorch's tensors; maps lie with the channels innermost throughout.

use crate::cpu::epilogue::place;
use crate::device::Device;
use crate::error::Result;
use crate::network::Precision;
use crate::network::folded::{self, Bias, Head};
use crate::torch::in_torch;
use tch::{Kind, Tensor};

/// Where and how the layers compute.
#[derive(Clone, Copy)]
pub(super) struct Setting {
    pub device: Device,
    pub precision: Precision,
}

impl Setting {
    /// libtorch's name of what the maps are made of.
    pub(super) fn kind(&self) -> Kind {
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
        Ok(tensor.f_to_kind(self.kind())?.f_to_device(in_torch(self.device))?)
    }

    /// A constant of n x h x w x c, seen as n x c x h x w.
    fn channels_last(&self, values: &[f32], shape: &[usize]) -> Result<Tensor> {
        Ok(self.constant(values, shape)?.f_permute([0, 3, 1, 2])?)
    }
}

/// A convolution, its bias and its rectifier.
pub(super) struct Conv {
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
    /// The layer for inputs of `side` squared places.
    pub(super) fn new(conv: &folded::Conv, side: usize, setting: Setting) -> Result<Self> {
        let group = if conv.depthwise { 1 } else { conv.inputs };
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
                let side = side.div_ceil(conv.stride);
                let values: Vec<f32> = (0..side * side)
                    .flat_map(|at| places[place(at / side, at % side, side, side)].iter().copied())
                    .collect();
                (None, Some(setting.channels_last(&values, &[1, side, side, outputs])?))
            }
        };
        Ok(Conv {
            weight: setting.channels_last(&weight, &[outputs, conv.kernel, conv.kernel, group])?,
            bias,
            map,
            slopes,
            stride: conv.stride as i64,
            padding: (conv.kernel / 2) as i64,
            groups: if conv.depthwise { outputs as i64 } else { 1 },
            setting,
        })
    }

    /// n x c x h x w to n x c' x h' x w'.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
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
        match &self.slopes {
            Some(slopes) => Ok(y.f_prelu(slopes)?),
            None => Ok(y),
        }
    }
}

/// The dense layer that makes the embedding, in f32.
pub(super) struct Dense {
    weight: Tensor,
    bias: Tensor,
}

impl Dense {
    pub(super) fn new(head: &Head, device: Device) -> Result<Self> {
        let places = head.side * head.side;
        let inputs = head.weight.len() / head.outputs();
        let channels = inputs / places;
        // In the order that the maps lie in memory, so that flattening one copies nothing.
        let weight: Vec<f32> = head
            .weight
            .chunks_exact(inputs)
            .flat_map(|weights| (0..inputs).map(move |at| weights[at % channels * places + at / channels]))
            .collect();
        Ok(Dense {
            weight: Tensor::f_from_slice(&weight)?
                .f_reshape([head.outputs() as i64, inputs as i64])?
                .f_to_device(in_torch(device))?,
            bias: Tensor::f_from_slice(&head.bias)?.f_to_device(in_torch(device))?,
        })
    }

    /// n x c x h x w to n x c'.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let x = x.f_permute([0, 2, 3, 1])?.f_flatten(1, -1)?.f_to_kind(Kind::Float)?;
        Ok(x.f_linear(&self.weight, Some(&self.bias))?)
    }
}
