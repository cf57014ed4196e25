//! The fingerprint of a pack, from its manifest and its tensors.

use super::manifest::{Colour, Manifest};
use crate::identity::Fingerprint;
use crate::weights::TensorMap;
use sha2::{Digest, Sha256};

/// SHA-256 over the tensors' names, shapes and values in name order: the same for the same weights in any container.
pub fn content_hash(tensors: &TensorMap) -> [u8; 32] {
    let mut hash = Fields::new("qmagface tensors 1");
    // Values are hashed in pieces, so that a 100 MB tensor needs no second copy.
    let mut bytes = Vec::with_capacity(4 * PIECE);
    for (name, tensor) in tensors.iter() {
        hash.field("name", name.as_bytes());
        for &axis in &tensor.shape {
            hash.field("axis", &(axis as u64).to_le_bytes());
        }
        hash.begin("values", 4 * tensor.data.len());
        for piece in tensor.data.chunks(PIECE) {
            bytes.clear();
            piece
                .iter()
                .for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
            hash.0.update(&bytes);
        }
    }
    hash.finish()
}

/// Elements hashed at a time.
const PIECE: usize = 16 * 1024;

/// The fingerprint of the pack described by `manifest`, with `detector`'s where the faces come from one.
pub(super) fn of(manifest: &Manifest, detector: Option<Fingerprint>) -> Fingerprint {
    let mut hash = Fields::new("qmagface model 1");
    hash.field("network", manifest.network.as_bytes());
    for (name, file) in [("weights", &manifest.weights), ("lnet", &manifest.lnet)] {
        if let Some(file) = file {
            hash.field(name, file.content_sha256.as_bytes());
        }
    }
    let input = &manifest.input;
    if let Some([width, height]) = input.size {
        hash.field("width", &(width as u64).to_le_bytes());
        hash.field("height", &(height as u64).to_le_bytes());
    }
    hash.field(
        "colour",
        match input.colour {
            Colour::Bgr => b"bgr",
            Colour::Rgb => b"rgb",
        },
    );
    hash.field("offset", &input.offset.to_le_bytes());
    hash.field("divisor", &input.divisor.to_le_bytes());
    if let Some(aligner) = &manifest.aligner {
        hash.field("aligner", aligner.as_bytes());
    }
    if let Some(length) = manifest.embedding_length {
        hash.field("embedding length", &(length as u64).to_le_bytes());
    }
    if let Some(Fingerprint(bytes)) = detector {
        hash.field("detector", &bytes);
    }
    Fingerprint(hash.finish())
}

/// A hash over named fields, each with its length in front, so that no two lists of fields read alike.
struct Fields(Sha256);

impl Fields {
    fn new(what: &str) -> Self {
        let mut hash = Fields(Sha256::new());
        hash.begin(what, 0);
        hash
    }

    /// Starts a field of `length` bytes, which the caller adds.
    fn begin(&mut self, name: &str, length: usize) {
        self.0.update((name.len() as u64).to_le_bytes());
        self.0.update(name.as_bytes());
        self.0.update((length as u64).to_le_bytes());
    }

    fn field(&mut self, name: &str, bytes: &[u8]) {
        self.begin(name, bytes.len());
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}
