//! What the embedding networks are made of, one file each: facts from the papers and the published weights.

mod iresnet;
mod sface;

use crate::graph::Folded;
pub(crate) use iresnet::iresnet;
pub(crate) use sface::sface;

/// What a network's embedding is called among its outputs; the others are its stages' maps.
pub(crate) const EMBEDDING: &str = "embedding";

/// The places of the embedding and of the stages' maps among a network's outputs.
pub(crate) fn embedding_and_stages(folded: &Folded) -> (Vec<usize>, Vec<usize>) {
    (0..folded.outputs.len()).partition(|&output| folded.outputs[output].name == EMBEDDING)
}
