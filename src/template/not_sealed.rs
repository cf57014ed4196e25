//! In the place of `sealed.rs` in a build without the feature `seal`.

use super::{Scalar, Template};
use crate::error::{Error, ErrorKind, Result};

type Key = [u8; Template::KEY_SIZE];

pub(super) fn seal(_template: &Template, _scalar: Scalar, _key: &Key, _context: &[u8]) -> Result<Vec<u8>> {
    Err(missing())
}

pub(super) fn unseal(_bytes: &[u8], _key: &Key, _context: &[u8]) -> Result<Template> {
    Err(missing())
}

fn missing() -> Error {
    let message = "this library was built without the feature `seal`: it seals and unseals no templates";
    Error::new(ErrorKind::Template, message)
}
