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

/// What to say beside two fingerprints that differ: of one name they are of two detectors, or of two releases of the model.
pub(crate) fn advice(name: &str, other: &str) -> &'static str {
    match name == other {
        true => {
            " (one name, two fingerprints: they come from two detectors or two releases of the model; extract the older ones \
             again, or make the engine with their detector)"
        }
        false => "",
    }
}

/// What [`is_pack_name`] checks, in words.
pub(crate) const NAME_RULE: &str = "must be lower-case letters, digits and inner hyphens, at most 64";

/// Whether `name` can be a pack's name, and so a folder's.
pub(crate) fn is_pack_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 64 && name.starts_with(inner) && name.ends_with(inner) && name.chars().all(|c| inner(c) || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_with_two_fingerprints_gets_advice() {
        assert!(advice("sface", "sface").contains("two detectors or two releases"));
        assert_eq!(advice("sface", "magface-iresnet50"), "");
    }
}
