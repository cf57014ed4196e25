//! The first four bytes of a template's two forms, by which each knows the other.

/// Of the binary form.
pub(super) const TEMPLATE: [u8; 4] = *b"QMFT";

/// Of the sealed form.
pub(super) const SEALED: [u8; 4] = *b"QMFS";
