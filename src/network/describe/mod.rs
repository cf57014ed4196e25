//! What the embedding networks are made of, one file each: facts from the papers and the published weights.

mod iresnet;
mod sface;

pub(crate) use iresnet::iresnet;
pub(crate) use sface::sface;

/// What a network's embedding is called among its outputs; the others are its stages' maps.
pub(crate) const EMBEDDING: &str = "embedding";
