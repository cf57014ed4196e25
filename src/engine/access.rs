//! How many threads may use a network at a time: libtorch's tensors one, this library's own CPU networks any number.

use crate::align::Chip;
use crate::detect::{DetectorOptions, Face, Mtcnn};
use crate::error::Result;
use crate::image::BgrImage;
use crate::network::EmbeddingNetwork;
use parking_lot::Mutex;

/// The embedding network.
pub(super) enum Embedder {
    /// One thread at a time, and the last bits of an embedding depend on what else is in its batch.
    Exclusive(Mutex<Box<dyn EmbeddingNetwork>>),
    /// Any number of threads at a time, and an embedding is the same to the last bit whatever is in its batch.
    #[cfg_attr(not(test), expect(dead_code, reason = "no network of this kind is built yet"))]
    Shared(Box<dyn EmbeddingNetwork + Sync>),
}

impl Embedder {
    /// A network of which nothing is known but that one thread may use it.
    pub(super) fn exclusive(network: Box<dyn EmbeddingNetwork>) -> Embedder {
        Embedder::Exclusive(Mutex::new(network))
    }

    /// Whether several threads may run it at a time, and batches don't change its embeddings.
    pub(super) fn is_shared(&self) -> bool {
        matches!(self, Embedder::Shared(_))
    }

    /// As [`EmbeddingNetwork::forward`].
    pub(super) fn forward(&self, chips: &[&Chip]) -> Result<Vec<Vec<f32>>> {
        match self {
            Embedder::Exclusive(network) => network.lock().forward(chips),
            Embedder::Shared(network) => network.forward(chips),
        }
    }
}

/// The detector: callers wait for each other.
pub(super) struct Detector(Mutex<Mtcnn>);

impl Detector {
    pub(super) fn new(mtcnn: Mtcnn) -> Detector {
        Detector(Mutex::new(mtcnn))
    }

    /// As [`Mtcnn::detect`].
    pub(super) fn detect(&self, image: &BgrImage, options: &DetectorOptions) -> Result<Vec<Face>> {
        self.0.lock().detect(image, options)
    }
}
