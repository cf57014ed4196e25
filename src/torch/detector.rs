//! MTCNN's networks in libtorch.

use super::in_torch;
use super::program::{Program, Setting};
use crate::cancel::{self, Cancel};
use crate::detect::describe::{self, OUTPUT_SIDE, PATCH_SIDE, REFINE_SIDE};
use crate::detect::{CropScores, Networks, ProposalMap};
use crate::device::Device;
use crate::error::Result;
use crate::graph::{self, Graph, PixelsAs};
use crate::image::{BgrImage, Crop, resize_f32, resize_u8};
use crate::network::Precision;
use crate::weights::TensorMap;
use parking_lot::Mutex;
use tch::Tensor;

/// The networks with their weights on a device. libtorch's tensors may be used by one thread at a time.
pub(super) struct OnTorch(Mutex<Nets>);

struct Nets {
    proposal: Net,
    refine: Net,
    output: Net,
    landmark: Option<Net>,
    device: tch::Device,
}

/// One of the networks, and the places of all of its outputs.
struct Net {
    program: Program,
    outputs: Vec<usize>,
}

impl Net {
    fn load(graph: &Graph, weights: &TensorMap, device: Device) -> Result<Self> {
        let folded = graph::fold(graph, weights, PixelsAs::Normalised)?;
        let precision = Precision::F32;
        Ok(Net {
            program: Program::new(&folded, Setting { device, precision })?,
            outputs: (0..folded.outputs.len()).collect(),
        })
    }

    fn run(&self, images: Vec<Tensor>) -> Result<Vec<Tensor>> {
        self.program.run(images, &self.outputs)
    }

    /// What R- or O-Net finds in crops.
    fn scores(&self, crops: Tensor) -> Result<CropScores> {
        let made = self.run(vec![crops])?;
        Ok(CropScores {
            face: to_vec(&face_probability(&made[0])?)?,
            shift: to_vec(&made[1])?,
            landmarks: made.get(2).map(to_vec).transpose()?.unwrap_or_default(),
        })
    }
}

impl OnTorch {
    /// # Errors
    /// [`crate::ErrorKind::Weights`] naming the first tensor that is missing, misshapen or not finite;
    /// [`crate::ErrorKind::Backend`] when libtorch fails (out of memory).
    pub fn load(weights: &TensorMap, landmark: Option<&TensorMap>, device: Device) -> Result<Self> {
        let landmark = landmark.map(|weights| Net::load(&describe::landmark(), weights, device));
        Ok(OnTorch(Mutex::new(Nets {
            proposal: Net::load(&describe::proposal(), weights, device)?,
            refine: Net::load(&describe::refine(), weights, device)?,
            output: Net::load(&describe::output(), weights, device)?,
            landmark: landmark.transpose()?,
            device: in_torch(device),
        })))
    }
}

impl Networks for OnTorch {
    fn has_landmark_net(&self) -> bool {
        self.0.lock().landmark.is_some()
    }

    fn propose(&self, image: &BgrImage, sizes: &[(usize, usize)], cancel: Option<&Cancel>) -> Result<Vec<ProposalMap>> {
        let _no_gradients = tch::no_grad_guard();
        let nets = self.0.lock();
        sizes
            .iter()
            .map(|&size| {
                cancel::check(cancel)?;
                let pixels = resize_u8(&Crop::whole(image), size);
                let made = nets.proposal.run(vec![batch_u8(&pixels, 1, size, nets.device)?])?;
                let face = face_probability(&made[0])?;
                let sides = face.size();
                Ok(ProposalMap {
                    rows: sides[1] as usize,
                    columns: sides[2] as usize,
                    face: to_vec(&face)?,
                    shift: to_vec(&made[1])?,
                })
            })
            .collect()
    }

    fn refine(&self, crops: &[Crop]) -> Result<CropScores> {
        let _no_gradients = tch::no_grad_guard();
        let nets = self.0.lock();
        let side = (REFINE_SIDE, REFINE_SIDE);
        let pixels: Vec<u8> = crops.iter().flat_map(|crop| resize_u8(crop, side)).collect();
        nets.refine.scores(batch_u8(&pixels, crops.len(), side, nets.device)?)
    }

    fn output(&self, crops: &[Crop]) -> Result<CropScores> {
        let _no_gradients = tch::no_grad_guard();
        let nets = self.0.lock();
        let side = (OUTPUT_SIDE, OUTPUT_SIDE);
        let pixels: Vec<f32> = crops.iter().flat_map(|crop| resize_f32(crop, side)).collect();
        nets.output.scores(batch_f32(&pixels, crops.len(), side, nets.device)?)
    }

    fn landmarks(&self, faces: &[[Option<Crop>; 5]]) -> Result<Vec<[[f32; 2]; 5]>> {
        let nets = self.0.lock();
        let Some(network) = &nets.landmark else {
            return Ok(Vec::new());
        };
        let _no_gradients = tch::no_grad_guard();
        let side = (PATCH_SIDE, PATCH_SIDE);
        let mut patches = Vec::with_capacity(5);
        for landmark in 0..5 {
            let mut pixels = Vec::new();
            for face in faces {
                match &face[landmark] {
                    Some(crop) => pixels.extend(resize_f32(crop, side)),
                    None => pixels.resize(pixels.len() + side.0 * side.1 * 3, 0.0),
                }
            }
            patches.push(batch_f32(&pixels, faces.len(), side, nets.device)?);
        }
        let moves: Vec<Vec<f32>> = network.run(patches)?.iter().map(to_vec).collect::<Result<_>>()?;
        let face = |index: usize| std::array::from_fn(|k: usize| [moves[k][index * 2], moves[k][index * 2 + 1]]);
        Ok((0..faces.len()).map(face).collect())
    }
}

/// Probability of "face": the second of two logits along axis 1, after softmax.
fn face_probability(logits: &Tensor) -> Result<Tensor> {
    Ok(logits.f_softmax(1, tch::Kind::Float)?.f_select(1, 1)?)
}

/// The elements of a tensor, row-major, on the CPU.
fn to_vec(tensor: &Tensor) -> Result<Vec<f32>> {
    let flat = tensor.f_to_device(tch::Device::Cpu)?.f_contiguous()?.f_view([-1])?;
    Ok(Vec::<f32>::try_from(&flat)?)
}

/// Packed BGR pixels of `count` images as a normalised batch (count, 3, height, width): `(x - 127.5) / 128`.
fn batch_u8(pixels: &[u8], count: usize, size: (usize, usize), device: tch::Device) -> Result<Tensor> {
    let raw = Tensor::f_from_slice(pixels)?
        .f_to_device(device)?
        .f_to_kind(tch::Kind::Float)?;
    normalised(raw, count, size)
}

/// [`batch_u8`] for pixels that were resized as floats.
fn batch_f32(pixels: &[f32], count: usize, size: (usize, usize), device: tch::Device) -> Result<Tensor> {
    normalised(Tensor::f_from_slice(pixels)?.f_to_device(device)?, count, size)
}

fn normalised(raw: Tensor, count: usize, (width, height): (usize, usize)) -> Result<Tensor> {
    let image = raw
        .f_view([count as i64, height as i64, width as i64, 3])?
        .f_permute([0, 3, 1, 2])?;
    Ok((image - 127.5) * (1.0 / 128.0))
}
