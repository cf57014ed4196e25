//! Chips to embeddings: iResNet-18/34/50/100 (MagFace, arXiv 2103.06627) and SFace, in libtorch.
//!
//! [`build`] makes a network from its weights; [`EmbeddingNetwork::forward`] runs it. The same weights and chips give
//! the same embeddings on every device up to rounding, in f32 unless another [`Precision`] is asked for.

use crate::align::Chip;
use crate::cpu::{self, Workers};
use crate::error::{Error, ErrorKind, Result};
use crate::weights::TensorMap;
use spec::Network;
use tch::{Device, Kind, Tensor};

mod fold;
mod folded;
mod iresnet;
mod layers;
mod native;
mod precision;
mod sface;
pub mod spec;

pub use iresnet::{FeatureMap, IResNet};
pub use precision::Precision;
pub use sface::SFace;

/// Most chips that go through a network at once on a CPU: the throughput no longer grows, the memory does (about
/// 20 MB for each chip).
const MAX_BATCH_CPU: usize = 16;

/// Most chips that go through a network at once on a GPU.
const MAX_BATCH_GPU: usize = 128;

/// A network that turns aligned chips into embeddings.
pub trait EmbeddingNetwork: Send {
    /// Which network it is.
    fn network(&self) -> Network;

    /// Where it runs.
    fn device(&self) -> Device;

    /// One embedding for each chip, in order, of [`Network::embedding_length`] floats each, not normalised: the length
    /// of the vector is the quality. Any number of chips, none included; many go through in several batches.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when libtorch fails (out of memory); [`ErrorKind::Weights`] when an embedding is not
    /// finite, as damaged weights give it.
    fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>>;
}

/// Makes `network` from its weights, computing in `precision` on `device`, which [`crate::device::resolve`] gave; on the
/// CPU with a thread for each core.
///
/// # Errors
/// As [`build_on`].
pub fn build(
    network: Network,
    weights: &TensorMap,
    device: Device,
    precision: Precision,
) -> Result<Box<dyn EmbeddingNetwork>> {
    build_on(network, weights, device, precision, &Workers::new(None)?)
}

/// As [`build`], with the threads that the CPU's share of the work is done on.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the tensor that is missing, misshapen, not finite or unknown to the network;
/// [`ErrorKind::Model`] when `network` is a detector; [`ErrorKind::Backend`] when libtorch fails (out of memory).
pub fn build_on(
    network: Network,
    weights: &TensorMap,
    device: Device,
    precision: Precision,
    workers: &Workers,
) -> Result<Box<dyn EmbeddingNetwork>> {
    if device == Device::Cpu && precision == Precision::F32 && cpu::supported() {
        let folded = fold::fold(network, weights)?;
        return Ok(Box::new(native::Native::new(folded, workers)));
    }
    match network {
        Network::SFace => Ok(Box::new(SFace::new(weights, device, precision)?)),
        _ => Ok(Box::new(IResNet::new(network, weights, device, precision)?)),
    }
}

/// Runs `body` over the chips in batches of bounded size: it takes the pixels (n x 3 x 112 x 112, u8, BGR) on `device`
/// and gives n embeddings.
fn embed_in_batches(
    chips: &[&Chip],
    device: Device,
    body: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<Vec<Vec<f32>>> {
    let _no_gradients = tch::no_grad_guard();
    let mut embeddings = Vec::with_capacity(chips.len());
    for batch in chips.chunks(max_batch(device)) {
        let output = body(&pixels(batch, device)?)?;
        embeddings.extend(Vec::<Vec<f32>>::try_from(&output.f_to_device(Device::Cpu)?)?);
    }
    check_finite(&embeddings)?;
    Ok(embeddings)
}

/// Fails for an embedding that is not finite.
fn check_finite(embeddings: &[Vec<f32>]) -> Result<()> {
    if let Some(index) = embeddings.iter().position(|e| e.iter().any(|v| !v.is_finite())) {
        return Err(Error::new(
            ErrorKind::Weights,
            format!("the network gave an embedding that is not finite for chip {index}: its weights are damaged"),
        ));
    }
    Ok(())
}

/// Most chips at once on `device`.
fn max_batch(device: Device) -> usize {
    if device.is_cuda() { MAX_BATCH_GPU } else { MAX_BATCH_CPU }
}

/// The chips' pixels as n x 3 x 112 x 112, u8, BGR, on `device`.
fn pixels(chips: &[&Chip], device: Device) -> Result<Tensor> {
    let bytes: Vec<u8> = chips.iter().flat_map(|chip| chip.bgr()).copied().collect();
    let side = Chip::SIZE as i64;
    let rows = Tensor::f_from_data_size(&bytes, &[chips.len() as i64, side, side, 3], Kind::Uint8)?;
    Ok(rows.f_to_device(device)?.f_permute([0, 3, 1, 2])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(network: Network) -> TensorMap {
        let mut weights = TensorMap::new();
        for (name, shape) in network.tensor_specs() {
            let count = shape.iter().product();
            weights.insert(name, shape, vec![0.0; count]).unwrap();
        }
        weights
    }

    fn refusal(network: Network, weights: &TensorMap) -> String {
        let error = build(network, weights, Device::Cpu, Precision::F32)
            .err()
            .expect("a refusal");
        assert_eq!(error.kind(), ErrorKind::Weights);
        error.message().to_owned()
    }

    #[test]
    fn wrong_weights_are_refused_by_name() {
        for (network, name) in [
            (Network::IResNet18, "layer2.0.downsample.0.weight"),
            (Network::SFace, "conv_7_dw_conv2d_weight"),
        ] {
            let good = zeros(network);

            let mut weights = good.clone();
            let tensor = weights.remove(name).unwrap();
            assert!(refusal(network, &weights).contains(name));

            weights
                .insert(name, vec![tensor.data.len()], tensor.data.clone())
                .unwrap();
            let message = refusal(network, &weights);
            assert!(message.contains(name) && message.contains("shape"), "{message}");

            let mut data = tensor.data.clone();
            data[3] = f32::NAN;
            weights.insert(name, tensor.shape.clone(), data).unwrap();
            let message = refusal(network, &weights);
            assert!(message.contains(name) && message.contains("finite"), "{message}");

            let mut weights = good.clone();
            weights.insert("layer9.weight", vec![1], vec![0.0]).unwrap();
            assert!(refusal(network, &weights).contains("layer9.weight"));
        }
        // The weights of another network of the family, both ways.
        assert!(refusal(Network::IResNet18, &zeros(Network::IResNet34)).contains("layer1.2."));
        assert!(refusal(Network::IResNet34, &zeros(Network::IResNet18)).contains("layer1.2."));
    }

    #[test]
    fn a_negative_variance_is_refused_by_name() {
        for (network, name) in [
            (Network::IResNet18, "layer4.1.bn3.running_var"),
            (Network::SFace, "fc1_moving_var"),
        ] {
            let mut weights = zeros(network);
            let mut tensor = weights.remove(name).unwrap();
            tensor.data[0] = -1.0;
            weights.insert(name, tensor.shape, tensor.data).unwrap();
            let message = refusal(network, &weights);
            assert!(message.contains(name) && message.contains("negative"), "{message}");
        }
    }

    #[test]
    fn a_detector_embeds_nothing() {
        let error = build(Network::Mtcnn, &zeros(Network::Mtcnn), Device::Cpu, Precision::F32)
            .err()
            .expect("a refusal");
        assert_eq!(error.kind(), ErrorKind::Model);
    }

    #[test]
    fn weights_that_overflow_give_an_error_not_infinity() {
        let mut weights = zeros(Network::SFace);
        let tensor = weights.remove("fc1_beta").unwrap();
        weights.insert("fc1_beta", tensor.shape, vec![f32::MAX; 128]).unwrap();
        let tensor = weights.remove("pre_fc1_bias").unwrap();
        weights
            .insert("pre_fc1_bias", tensor.shape, vec![f32::MAX; 128])
            .unwrap();
        let tensor = weights.remove("fc1_gamma").unwrap();
        weights.insert("fc1_gamma", tensor.shape, vec![f32::MAX; 128]).unwrap();
        let network = build(Network::SFace, &weights, Device::Cpu, Precision::F32).unwrap();
        let chip = Chip::from_bgr(vec![0; Chip::SIZE * Chip::SIZE * 3]).unwrap();
        assert!(network.forward(&[]).unwrap().is_empty());
        let error = network.forward(&[&chip]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Weights);
    }
}
