//! The layers both families are made of, with weights from a tensor map; inference only.

use super::precision::Precision;
use super::spec::Network;
use crate::error::{Error, ErrorKind, Result};
use crate::weights::TensorMap;
use std::collections::HashSet;
use tch::{Device, Kind, Tensor};

/// A weight map that holds exactly what one network needs.
pub(super) struct Weights<'a> {
    map: &'a TensorMap,
    device: Device,
    body: Kind,
}

impl<'a> Weights<'a> {
    /// Checks names, shapes and values of the whole map. Convolutions and rectifiers get their weights as `precision`
    /// says; everything else stays f32.
    pub(super) fn check(network: Network, map: &'a TensorMap, device: Device, precision: Precision) -> Result<Self> {
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
        Ok(Weights {
            map,
            device,
            body: precision.kind(),
        })
    }

    /// The tensor `name` on the device, in its own shape.
    fn tensor(&self, name: &str) -> Result<Tensor> {
        let tensor = self.map.get(name).ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                format!("the network's specification lacks tensor \"{name}\""),
            )
        })?;
        tensor.on_device(self.device)
    }

    /// The tensor `name` as a vector.
    fn vector(&self, name: &str) -> Result<Tensor> {
        Ok(self.tensor(name)?.f_flatten(0, -1)?)
    }
}

/// A convolution without bias, padded so that stride 1 keeps the map's size.
pub(super) struct Conv {
    weight: Tensor,
    stride: i64,
    padding: i64,
    groups: i64,
}

impl Conv {
    /// A convolution over all channels at once.
    pub(super) fn dense(weights: &Weights, name: &str, stride: i64) -> Result<Self> {
        Self::grouped(weights, name, stride, 1)
    }

    /// A convolution of each of the `channels` channels by itself.
    pub(super) fn depthwise(weights: &Weights, name: &str, stride: i64, channels: usize) -> Result<Self> {
        Self::grouped(weights, name, stride, channels as i64)
    }

    fn grouped(weights: &Weights, name: &str, stride: i64, groups: i64) -> Result<Self> {
        let weight = weights.tensor(name)?.f_to_kind(weights.body)?;
        let kernel = weight.size4()?.2;
        Ok(Conv {
            // Channels innermost in memory, as the chips come: the CPU's kernels then need no reordering.
            weight: weight
                .f_permute([0, 2, 3, 1])?
                .f_contiguous()?
                .f_permute([0, 3, 1, 2])?,
            stride,
            padding: kernel / 2,
            groups,
        })
    }

    /// n x c x h x w to n x c' x h' x w'.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // The long form, because it alone can forbid TF32: on a GPU that rounds the factors to ten bits.
        let (benchmark, deterministic, cudnn, tf32) = (false, true, true, false);
        Ok(x.f_internal_convolution::<&Tensor>(
            &self.weight,
            None,
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
        )?)
    }
}

/// A batch norm with its running statistics, over the second axis.
pub(super) struct BatchNorm {
    weight: Tensor,
    bias: Tensor,
    mean: Tensor,
    variance: Tensor,
    eps: f64,
}

impl BatchNorm {
    /// PyTorch's names: `NAME.weight`, `NAME.bias`, `NAME.running_mean`, `NAME.running_var`.
    pub(super) fn pytorch(weights: &Weights, name: &str, eps: f64) -> Result<Self> {
        let of = |field: &str| format!("{name}.{field}");
        Self::named(
            weights,
            [of("weight"), of("bias"), of("running_mean"), of("running_var")],
            eps,
        )
    }

    /// MXNet's names: `NAME_gamma`, `NAME_beta`, `NAME_moving_mean`, `NAME_moving_var`.
    pub(super) fn mxnet(weights: &Weights, name: &str, eps: f64) -> Result<Self> {
        let of = |field: &str| format!("{name}_{field}");
        Self::named(
            weights,
            [of("gamma"), of("beta"), of("moving_mean"), of("moving_var")],
            eps,
        )
    }

    fn named(weights: &Weights, [weight, bias, mean, variance]: [String; 4], eps: f64) -> Result<Self> {
        let smallest = weights.vector(&variance)?.f_min()?.f_double_value(&[])?;
        if smallest < 0.0 {
            return Err(Error::new(
                ErrorKind::Weights,
                format!("tensor \"{variance}\" holds {smallest}, and a variance is never negative"),
            ));
        }
        Ok(BatchNorm {
            weight: weights.vector(&weight)?,
            bias: weights.vector(&bias)?,
            mean: weights.vector(&mean)?,
            variance: weights.vector(&variance)?,
            eps,
        })
    }

    /// n x c or n x c x h x w, the shape kept.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let (training, momentum, cudnn) = (false, 0.0, true);
        Ok(x.f_batch_norm(
            Some(&self.weight),
            Some(&self.bias),
            Some(&self.mean),
            Some(&self.variance),
            training,
            momentum,
            self.eps,
            cudnn,
        )?)
    }
}

/// A rectifier with a slope for each channel below zero.
pub(super) struct PRelu(Tensor);

impl PRelu {
    /// The slopes in the tensor `name`, one for each channel, whatever its shape.
    pub(super) fn new(weights: &Weights, name: &str) -> Result<Self> {
        Ok(PRelu(weights.vector(name)?.f_to_kind(weights.body)?))
    }

    /// n x c x h x w, the shape kept.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_prelu(&self.0)?)
    }
}

/// A dense layer over the flattened map, channel by channel, rows within.
pub(super) struct Dense {
    weight: Tensor,
    bias: Tensor,
}

impl Dense {
    /// From the tensors of these two names.
    pub(super) fn new(weights: &Weights, weight: &str, bias: &str) -> Result<Self> {
        Ok(Dense {
            weight: weights.tensor(weight)?,
            bias: weights.vector(bias)?,
        })
    }

    /// n x c x h x w to n x c'.
    pub(super) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_flatten(1, -1)?.f_linear(&self.weight, Some(&self.bias))?)
    }
}
