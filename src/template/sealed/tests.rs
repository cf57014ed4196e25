use super::*;
use crate::identity::Fingerprint;
use std::collections::HashSet;

const KEY: Key = [0x42; 32];

fn specimen() -> Template {
    let fingerprint = Fingerprint(std::array::from_fn(|i| i as u8));
    Template::from_embedding("sface", fingerprint, &[6.0, -2.0, 3.0])
        .unwrap()
        .with_uqs(Some(63))
        .with_metadata(b"badge 17")
        .unwrap()
}

#[track_caller]
fn assert_refused(bytes: &[u8], key: &Key, context: &[u8]) {
    let error = unseal(bytes, key, context).expect_err("these bytes must be refused");
    assert_eq!(error, refused());
}

#[test]
fn what_is_sealed_is_opened_with_the_key_and_the_context() {
    let failed = Template::failed("sface", Fingerprint([7; 32]), 128).unwrap();
    for template in [specimen(), failed] {
        for scalar in Scalar::ALL {
            for context in [&b""[..], b"record 4711", &[0; 5000]] {
                let sealed = template.seal(scalar, &KEY, context).unwrap();
                assert_eq!(
                    sealed.len(),
                    HEADER.len() + NONCE + template.to_bytes(scalar).len() + TAG
                );
                let opened = Template::unseal(&sealed, &KEY, context).unwrap();
                assert_eq!(opened.to_bytes(scalar), template.to_bytes(scalar));
            }
        }
    }
}

/// Made by libsodium's crypto_aead_xchacha20poly1305_ietf_encrypt.
#[test]
fn golden_bytes() {
    let nonce = std::array::from_fn(|i| 0x80 + i as u8);
    let key = std::array::from_fn(|i| i as u8);
    let sealed = seal_with(nonce, &specimen(), Scalar::I8, &key, b"record 4711").unwrap();
    assert_eq!(hex::encode(specimen().to_bytes(Scalar::I8)), GOLDEN_PLAIN);
    assert_eq!(hex::encode(&sealed), GOLDEN_SEALED);
    let read = unseal(&sealed, &key, b"record 4711").unwrap();
    assert_eq!(read.metadata(), b"badge 17");
}

const GOLDEN_PLAIN: &str = "514d4654010002006300000003000000000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f0000\
    000000001c40010000007fd64001000500000073666163650300010000003f0400080000006261646765203137f7c8f4b6";
const GOLDEN_SEALED: &str = "514d465301000000808182838485868788898a8b8c8d8e8f909192939495969713a31f0de694416a7f1823fb4cbd18d17990\
    5ed287febcfee86360d1bbdf127e7d5d71026caf96bdab9ce1a115f4282d2b86b01d11633ef0e7d15b6145a4c90b0d55ddc5\
    3d90ec555ea2ddf4b6db92b4765b38dc0011a8603a12863aa9b790dfd7525385f77adf2bca90c1960e67e314631be6";

#[test]
fn every_changed_bit_and_every_other_length_is_refused_alike() {
    let context = b"record 4711";
    let sealed = specimen().seal(Scalar::F32, &KEY, context).unwrap();
    for length in 0..sealed.len() {
        assert_refused(&sealed[..length], &KEY, context);
    }
    assert_refused(&[&sealed[..], &[0]].concat(), &KEY, context);
    for bit in 0..8 * sealed.len() {
        let mut changed = sealed.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_refused(&changed, &KEY, context);
    }
    assert_refused(&specimen().to_bytes(Scalar::F32), &KEY, context);
}

#[test]
fn another_key_and_another_context_are_refused() {
    let sealed = specimen().seal(Scalar::F32, &KEY, b"record 4711").unwrap();
    for bit in 0..8 * KEY.len() {
        let mut key = KEY;
        key[bit / 8] ^= 1 << (bit % 8);
        assert_refused(&sealed, &key, b"record 4711");
    }
    for context in [&b""[..], b"record 4712", b"record 471", b"record 47110"] {
        assert_refused(&sealed, &KEY, context);
    }
    // What ends the header can't be moved to the context, nor back.
    let bare = specimen().seal(Scalar::F32, &KEY, b"").unwrap();
    assert_refused(&bare, &KEY, &HEADER);
}

#[test]
fn the_same_template_is_never_sealed_alike() {
    let sealed: HashSet<Vec<u8>> = (0..1000)
        .map(|_| specimen().seal(Scalar::I8, &KEY, b"").unwrap())
        .collect();
    assert_eq!(sealed.len(), 1000);
    let nonces: HashSet<&[u8]> = sealed.iter().map(|bytes| &bytes[HEADER.len()..][..NONCE]).collect();
    assert_eq!(nonces.len(), 1000);
}

#[test]
fn a_sealed_template_says_so_where_a_plain_one_is_read() {
    let error = Template::from_bytes(&specimen().seal(Scalar::F32, &KEY, b"").unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Template);
    assert!(error.message().contains("sealed"), "{error}");
}

/// Of what the key's owner sealed, but this version can't read, the reason is told.
#[test]
fn what_was_sealed_and_is_no_template_of_this_version_says_why() {
    let mut newer = specimen().to_bytes(Scalar::F32);
    newer[4] = 2;
    let nonce = [9; NONCE];
    let tag = XChaCha20Poly1305::new((&KEY).into())
        .encrypt_inout_detached(&nonce.into(), &authenticated(b""), (&mut newer[..]).into())
        .unwrap();
    let sealed = [&HEADER[..], &nonce, &newer, &tag].concat();
    let error = unseal(&sealed, &KEY, b"").unwrap_err();
    assert!(error.message().contains("format version 2"), "{error}");
}
