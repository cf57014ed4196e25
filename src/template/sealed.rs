//! The sealed form of a template: its binary form, encrypted and authenticated; docs/template-format.md has its bytes.

use super::magic::SEALED;
use super::{Scalar, Template, format};
use crate::error::{Error, ErrorKind, Result};
use crate::wiped::Wiped;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305};

/// Magic, version 1 of the sealed form, and 0 for the only cipher.
const HEADER: [u8; 8] = [SEALED[0], SEALED[1], SEALED[2], SEALED[3], 1, 0, 0, 0];

/// Bytes of the nonce: long enough for random ones never to meet, however many templates one key seals.
const NONCE: usize = 24;

/// Bytes of the tag at the end.
const TAG: usize = 16;

type Key = [u8; Template::KEY_SIZE];

pub(super) fn seal(template: &Template, scalar: Scalar, key: &Key, context: &[u8]) -> Result<Vec<u8>> {
    let mut nonce = [0; NONCE];
    getrandom::fill(&mut nonce)
        .map_err(|error| Error::new(ErrorKind::Io, format!("the system gives no random numbers: {error}")))?;
    seal_with(nonce, template, scalar, key, context)
}

/// The nonce must never have been used with this key.
fn seal_with(nonce: [u8; NONCE], template: &Template, scalar: Scalar, key: &Key, context: &[u8]) -> Result<Vec<u8>> {
    let mut content = Wiped::from(format::write(template, scalar));
    let tag = XChaCha20Poly1305::new(key.into())
        .encrypt_inout_detached(&nonce.into(), &authenticated(context), (&mut content[..]).into())
        .map_err(|_| Error::new(ErrorKind::Internal, "a template is too long to be sealed"))?;
    Ok([&HEADER[..], &nonce, &content, &tag].concat())
}

pub(super) fn unseal(bytes: &[u8], key: &Key, context: &[u8]) -> Result<Template> {
    let parts = || {
        let (header, rest) = bytes.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (content, tag) = rest.split_last_chunk::<TAG>()?;
        (*header == HEADER).then_some((nonce, content, tag))
    };
    let (nonce, content, tag) = parts().ok_or_else(refused)?;
    let mut content = Wiped::from(content.to_vec());
    XChaCha20Poly1305::new(key.into())
        .decrypt_inout_detached(
            nonce.into(),
            &authenticated(context),
            (&mut content[..]).into(),
            tag.into(),
        )
        .map_err(|_| refused())?;
    format::read(&content)
}

/// What isn't encrypted and yet can't be changed. The header's length is fixed: no context can pass for a part of it.
fn authenticated(context: &[u8]) -> Wiped<u8> {
    [&HEADER[..], context].concat().into()
}

/// One error for all: an attacker is not told what was wrong.
fn refused() -> Error {
    Error::new(
        ErrorKind::Template,
        "the template is not sealed with this key and context, or was changed",
    )
}

#[cfg(test)]
mod tests;
