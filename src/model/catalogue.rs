//! The manifests built into the library, so that it needs no checkout.

use super::manifest::Manifest;
use crate::error::{Error, ErrorKind, Result};
use crate::network::spec::Network;
use once_cell::race::OnceBox;

/// The pack used when nobody names one.
pub const DEFAULT_EMBEDDER: &str = "sface";

/// The built-in manifests' texts, the default first.
const TEXTS: [&str; 7] = [
    include_str!("../../models/sface.toml"),
    include_str!("../../models/mtcnn.toml"),
    include_str!("../../models/yunet.toml"),
    include_str!("../../models/magface-iresnet18.toml"),
    include_str!("../../models/magface-iresnet34.toml"),
    include_str!("../../models/magface-iresnet50.toml"),
    include_str!("../../models/magface-iresnet100.toml"),
];

/// Read when first asked for. Nobody waits for another thread that reads them: one that was at it when the process was
/// forked would never be done in the child.
static MANIFESTS: OnceBox<Result<Vec<Manifest>>> = OnceBox::new();

fn read() -> Result<Vec<Manifest>> {
    TEXTS
        .into_iter()
        .map(|text| Manifest::parse(text).map_err(|e| Error::new(ErrorKind::Internal, format!("built-in {e}"))))
        .collect()
}

/// Every built-in manifest, the default embedder first.
///
/// # Errors
/// [`ErrorKind::Internal`] when a built-in manifest is wrong, which the tests rule out.
pub fn builtin() -> Result<&'static [Manifest]> {
    let manifests = MANIFESTS.get_or_init(|| Box::new(read()));
    manifests.as_deref().map_err(Clone::clone)
}

/// The built-in manifest of the pack `name`.
///
/// # Errors
/// [`ErrorKind::Model`] listing the known names when there is none.
pub fn find(name: &str) -> Result<&'static Manifest> {
    match builtin()?.iter().find(|manifest| manifest.name == name) {
        Some(manifest) => Ok(manifest),
        None => Err(unknown(name)?),
    }
}

/// The built-in manifest of the pack that holds `network`.
///
/// # Errors
/// [`ErrorKind::Internal`] when there is none.
pub fn of_network(network: Network) -> Result<&'static Manifest> {
    builtin()?
        .iter()
        .find(|manifest| manifest.network == network.name())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                format!("no model pack holds the network {network}"),
            )
        })
}

/// The error for a name that no pack has, listing those there are.
pub(super) fn unknown(name: &str) -> Result<Error> {
    let known: Vec<_> = builtin()?.iter().map(|manifest| manifest.name.as_str()).collect();
    Ok(Error::new(
        ErrorKind::Model,
        format!("there is no model {name:?}; the models are {}", known.join(", ")),
    ))
}
