//! The few layers MTCNN is made of, with their weights on the device.

use crate::error::Result;
use crate::torch::on_device;
use crate::weights::TensorMap;
use tch::{Device, Tensor};

/// The tensor `name` of `shape` on `device`.
fn load(weights: &TensorMap, name: &str, shape: &[usize], device: Device) -> Result<Tensor> {
    on_device(weights.require(name, shape)?, device)
}

/// A convolution without padding, stride 1.
pub(super) struct Conv {
    weight: Tensor,
    bias: Tensor,
}

impl Conv {
    /// Reads `{name}{joint}weight` (outputs, inputs, kernel, kernel) and `{name}{joint}bias`.
    pub fn load(
        weights: &TensorMap,
        name: &str,
        joint: char,
        [outputs, inputs, kernel]: [usize; 3],
        device: Device,
    ) -> Result<Self> {
        Ok(Conv {
            weight: load(
                weights,
                &format!("{name}{joint}weight"),
                &[outputs, inputs, kernel, kernel],
                device,
            )?,
            bias: load(weights, &format!("{name}{joint}bias"), &[outputs], device)?,
        })
    }

    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.f_conv2d(&self.weight, Some(&self.bias), 1, 0, 1, 1)?)
    }
}

/// A fully connected layer on flattened channels, rows, columns.
pub(super) struct Dense {
    weight: Tensor,
    bias: Tensor,
}

impl Dense {
    /// Reads `{name}{joint}weight` (outputs, inputs) and `{name}{joint}bias`.
    pub fn load(
        weights: &TensorMap,
        name: &str,
        joint: char,
        [outputs, inputs]: [usize; 2],
        device: Device,
    ) -> Result<Self> {
        Ok(Dense {
            weight: load(weights, &format!("{name}{joint}weight"), &[outputs, inputs], device)?,
            bias: load(weights, &format!("{name}{joint}bias"), &[outputs], device)?,
        })
    }

    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.f_flatten(1, -1)?.f_linear(&self.weight, Some(&self.bias))?)
    }
}

/// PReLU with one slope per channel.
pub(super) struct PRelu(Tensor);

impl PRelu {
    pub fn load(weights: &TensorMap, name: &str, channels: usize, device: Device) -> Result<Self> {
        Ok(PRelu(load(weights, name, &[channels], device)?))
    }

    pub fn forward(&self, input: &Tensor) -> Result<Tensor> {
        Ok(input.f_prelu(&self.0)?)
    }
}

/// Max pooling with stride 2 that keeps an incomplete window at the right and bottom edge.
pub(super) fn pool(input: &Tensor, kernel: i64) -> Result<Tensor> {
    Ok(input.f_max_pool2d(kernel, 2, 0, 1, true)?)
}

/// Probability of "face": the second of two logits along axis 1, after softmax.
pub(super) fn face_probability(logits: &Tensor) -> Result<Tensor> {
    Ok(logits.f_softmax(1, tch::Kind::Float)?.f_select(1, 1)?)
}

/// The elements of a tensor, row-major, on the CPU.
pub(super) fn to_vec(tensor: &Tensor) -> Result<Vec<f32>> {
    let flat = tensor.f_to_device(Device::Cpu)?.f_contiguous()?.f_view([-1])?;
    Ok(Vec::<f32>::try_from(&flat)?)
}

/// Packed BGR pixels of `count` images as a normalised batch (count, 3, height, width): `(x - 127.5) / 128`.
pub(super) fn batch_u8(pixels: &[u8], count: usize, (width, height): (usize, usize), device: Device) -> Result<Tensor> {
    let raw = Tensor::f_from_slice(pixels)?
        .f_to_device(device)?
        .f_to_kind(tch::Kind::Float)?;
    normalised(raw, count, (width, height))
}

/// [`batch_u8`] for pixels that were resized as floats.
pub(super) fn batch_f32(
    pixels: &[f32],
    count: usize,
    (width, height): (usize, usize),
    device: Device,
) -> Result<Tensor> {
    normalised(
        Tensor::f_from_slice(pixels)?.f_to_device(device)?,
        count,
        (width, height),
    )
}

fn normalised(raw: Tensor, count: usize, (width, height): (usize, usize)) -> Result<Tensor> {
    let image = raw
        .f_view([count as i64, height as i64, width as i64, 3])?
        .f_permute([0, 3, 1, 2])?;
    Ok(((image - 127.5) * (1.0 / 128.0)).f_contiguous()?)
}
