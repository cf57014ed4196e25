//! Which model an embedding is of: two templates can be compared when their models' fingerprints are equal.

use std::fmt;

/// Identity of everything that decides what an embedding means: network, weights, preprocessing, aligner, and the
/// detector with or without its L-Net. Calibration constants, names and provenance are not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// What [`is_pack_name`] checks, in words.
pub(crate) const NAME_RULE: &str = "must be lower-case letters, digits and inner hyphens, at most 64";

/// Whether `name` can be a pack's name, and so a folder's.
pub(crate) fn is_pack_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 64 && name.starts_with(inner) && name.ends_with(inner) && name.chars().all(|c| inner(c) || c == '-')
}
