//! Chips to embeddings: iResNet-18/34/50/100 (MagFace, arXiv 2103.06627) and SFace.
//!
//! [`build`] makes a network from its weights; [`EmbeddingNetwork::forward`] runs it. The same weights and chips give
//! the same embeddings on every device and in every back end up to rounding.

use crate::chip::Chip;
use crate::cpu::Workers;
use crate::device::Device;
use crate::error::{Error, ErrorKind, Result};
use crate::graph::{self, Folded, PixelsAs};
use crate::weights::TensorMap;
use rounding::Rounding;
use spec::Network;
use std::fmt;

pub(crate) mod describe;
mod on_cpu;
mod precision;
mod rounding;
pub mod spec;

pub use precision::Precision;

/// Most chips that [`EmbeddingNetwork::forward_stages`] takes.
pub const MOST_INSPECTED: usize = 16;

/// A network that turns aligned chips into embeddings.
pub trait EmbeddingNetwork: Send + Sync {
    /// Which network it is.
    fn network(&self) -> Network;

    /// One embedding for each chip, in order, of [`Network::embedding_length`] floats each, not normalised: the length
    /// of the vector is the quality. Any number of chips, none included; many go through in several batches.
    ///
    /// # Errors
    /// [`ErrorKind::Backend`] when the back end fails (out of memory); [`ErrorKind::Weights`] when an embedding is not
    /// finite, as damaged weights give it.
    fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>>;

    /// As [`EmbeddingNetwork::forward`], for as long as `go_on` says so: a network that runs many chips in several
    /// batches asks it before each.
    ///
    /// # Errors
    /// As [`EmbeddingNetwork::forward`]; [`ErrorKind::Cancelled`] once `go_on` said no.
    fn forward_while(&self, chips: &[&Chip], _go_on: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Vec<f32>>> {
        self.forward(chips)
    }

    /// What each stage of the body puts out for the chips (an iResNet's `layer1` .. `layer4`, SFace's whole body), to
    /// compare with another implementation.
    ///
    /// # Errors
    /// [`ErrorKind::Limit`] for no chip and for more than [`MOST_INSPECTED`]; [`ErrorKind::Backend`] when the back end
    /// fails.
    fn forward_stages(&self, chips: &[&Chip]) -> Result<Vec<FeatureMap>>;

    /// Whether a chip's embedding has the same bits whatever goes through with it, and several threads may call
    /// [`EmbeddingNetwork::forward`] at a time without waiting for each other.
    fn batch_invariant(&self) -> bool {
        false
    }
}

/// What one stage puts out for some chips.
#[derive(Clone, PartialEq)]
pub struct FeatureMap {
    /// Chips, channels, rows, columns.
    pub shape: [usize; 4],
    /// The values in row-major order.
    pub data: Vec<f32>,
}

/// Its shape, none of the values.
impl fmt::Debug for FeatureMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeatureMap")
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

/// Makes `network` from its weights, to compute in `precision` on the CPU, on `workers`: in 16 bits in f32 arithmetic on
/// rounded numbers.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the tensor that is missing, misshapen, not finite or unknown to the network;
/// [`ErrorKind::Model`] when `network` is a detector; [`ErrorKind::InvalidArgument`] for TF32, which GPUs have.
pub fn build(
    network: Network,
    weights: &TensorMap,
    precision: Precision,
    workers: &Workers,
) -> Result<Box<dyn EmbeddingNetwork>> {
    let precision = Precision::choose(Some(precision), Device::Cpu)?;
    let folded = folded(network, weights)?;
    let made = on_cpu::OnCpu::new(network, folded, Rounding::of(precision), workers)?;
    Ok(Box::new(made))
}

/// An embedding network with its weights, as back ends run it.
///
/// # Errors
/// [`ErrorKind::Weights`] naming the tensor that is missing, misshapen, not finite or unknown to the network;
/// [`ErrorKind::Model`] when `network` is a detector.
pub(crate) fn folded(network: Network, weights: &TensorMap) -> Result<Folded> {
    let Some(graph) = network.embedder() else {
        return Err(Error::new(
            ErrorKind::Model,
            format!("network {network} does not embed faces"),
        ));
    };
    let folded = graph::fold(&graph, weights, PixelsAs::Raw);
    let folded = folded.and_then(|folded| graph::check_known(&graph, weights).map(|()| folded));
    folded.map_err(|error| error.at(network))
}

/// Fails for more or fewer chips than [`EmbeddingNetwork::forward_stages`] takes.
pub(crate) fn check_inspected(chips: &[&Chip]) -> Result<()> {
    match chips.len() {
        1..=MOST_INSPECTED => Ok(()),
        other => Err(Error::new(
            ErrorKind::Limit,
            format!("the stages' outputs are given for 1 to {MOST_INSPECTED} chips at once, not {other}"),
        )),
    }
}

/// Hands on embeddings all of whose numbers are finite.
pub(crate) fn check_finite(embeddings: Vec<Vec<f32>>) -> Result<Vec<Vec<f32>>> {
    match embeddings.iter().position(|e| e.iter().any(|v| !v.is_finite())) {
        None => Ok(embeddings),
        Some(index) => Err(Error::new(
            ErrorKind::Weights,
            format!("the network gave an embedding that is not finite for chip {index}: its weights are damaged"),
        )),
    }
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

    fn built(network: Network, weights: &TensorMap, precision: Precision) -> Result<Box<dyn EmbeddingNetwork>> {
        build(network, weights, precision, &Workers::inline())
    }

    fn refusal(network: Network, weights: &TensorMap) -> String {
        let refusal = built(network, weights, Precision::F32).err().expect("a refusal");
        assert_eq!(refusal.kind(), ErrorKind::Weights);
        refusal.message().to_owned()
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
        let refusal = built(Network::Mtcnn, &zeros(Network::Mtcnn), Precision::F32);
        assert_eq!(refusal.err().expect("a refusal").kind(), ErrorKind::Model);
    }

    #[test]
    fn what_nobody_wants_any_more_is_left() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let network = built(Network::SFace, &zeros(Network::SFace), Precision::F32).unwrap();
        let chip = Chip::from_bgr(vec![0; Chip::BYTES]).unwrap();
        let asked = AtomicUsize::new(0);
        let chips = vec![&chip; 40];
        let wanted = |times| asked.fetch_add(1, Ordering::Relaxed) < times;
        let error = network.forward_while(&chips, &|| wanted(3)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(asked.swap(0, Ordering::Relaxed), 4);
        assert_eq!(network.forward_while(&chips, &|| wanted(100)).unwrap().len(), 40);
        assert_eq!(asked.load(Ordering::Relaxed), 10, "four chips at once");
    }

    #[test]
    fn tf32_is_refused_on_the_cpu() {
        let built = built(Network::SFace, &zeros(Network::SFace), Precision::Tf32);
        let error = built.err().expect("a refusal");
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("tf32"), "{error}");
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
        let chip = Chip::from_bgr(vec![0; Chip::SIZE * Chip::SIZE * 3]).unwrap();
        let network = built(Network::SFace, &weights, Precision::F32).unwrap();
        assert!(network.forward(&[]).unwrap().is_empty());
        let error = network.forward(&[&chip]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Weights);
        for count in [0, MOST_INSPECTED + 1] {
            let error = network.forward_stages(&vec![&chip; count]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Limit);
            assert!(error.message().ends_with(&format!("not {count}")), "{error}");
        }
    }
}
