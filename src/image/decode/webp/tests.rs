use super::super::{DecodeLimits, decode};
use super::{NEEDED, ZEROS, picture};
use crate::error::ErrorKind;
use base64::prelude::{BASE64_STANDARD, Engine};
use std::io::Cursor;

/// A lossy picture of 48 x 40 pixels: red is 5x + 3y, green xy / 3, blue 6y, all modulo 256.
fn lossy() -> Vec<u8> {
    let text = "\
        UklGRsQBAABXRUJQVlA4ILgBAACwCwCdASowACgAPrVWo02nJKMiI4sA4BaJbACdMsI5LIEp3+D8QGj/azbQB+AFOm/oB053sUkqi8aD\
        iAp5Na+hwBfqKKBB/F5IKakFdrp3HEF2XMxzf6FZmBxpRuMK6s0X/lm+A8gA/v5J5ovphRoVZkIoumkSrIAP8x7z2P6sSYGldR83Hiif\
        /hwDJyIaulPTfpsEkxjPAbSBwvhhnHfQurFf02uILPNh/DpWPR2n2pI+KSBLnO5tEDEhiSFtZsp1CWDyxUgkwj/Hnz9rbYV4OpXW7Fu/\
        bc6BKUhxryM73XWc2FW2q9n+zxSKh5hVtnmh64LKKOBmutUKZK5UWLO6++1K/onxtqUNWmR45p+ZwDoAsGNknKqLs4kGOyHH43qygNmc\
        Ptr8ZoAMxw+V47b4+LvlSujH8fF/yRzlrlRvgdXnebOCfr8tIeYnG8aFtrZUCni7qQKj2EMteS3CcH1fgKCX75ypcZAY1wFam2kGKF5i\
        JzQ44i962seTIPH6a/n/nzLPdzMW//byYyQ4hrTtLV/kdoENl9Q8V7qlkpx6nwfVFLlnlpq+uTPHWXGO0bTWSheELoAAAA==";
    BASE64_STANDARD.decode(text).unwrap()
}

fn lossless() -> Vec<u8> {
    let red = |x: u32, y: u32| (x * x + y * 3) as u8;
    let picture = image::RgbImage::from_fn(48, 40, |x, y| image::Rgb([red(x, y), (x * y) as u8, (y * 7) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::WebP).unwrap();
    bytes.into_inner()
}

fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [name, &(data.len() as u32).to_le_bytes(), data, padding].concat()
}

fn file(chunks: &[u8]) -> Vec<u8> {
    chunk(b"RIFF", &[b"WEBP", chunks].concat())
}

/// An animation of one frame: with 48 x 40 pixels, less 1 each.
fn animation(still: &[u8]) -> Vec<u8> {
    // At its place, for 100 ms, not blended with what is below.
    let frame = [&[0, 0, 0, 0, 0, 0, 47, 0, 0, 39, 0, 0, 100, 0, 0, 2], &still[12..]].concat();
    let canvas = chunk(b"VP8X", &[2, 0, 0, 0, 47, 0, 0, 39, 0, 0]);
    file(&[canvas, chunk(b"ANIM", &[0; 6]), chunk(b"ANMF", &frame)].concat())
}

/// With other data of its picture, and lengths that fit.
fn with_data(webp: &[u8], data: &[u8]) -> Vec<u8> {
    let (name, _) = picture(webp).unwrap();
    let still = file(&chunk(name, data));
    if webp.windows(4).any(|name| name == b"ANMF") {
        animation(&still)
    } else {
        still
    }
}

fn decoded(webp: &[u8]) -> Option<Vec<u8>> {
    match decode(webp, &DecodeLimits::default()) {
        Ok(image) => Some(image.into_data()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ImageDecode, "{error}");
            None
        }
    }
}

fn all() -> [(&'static str, Vec<u8>); 4] {
    [
        ("lossy", lossy()),
        ("lossless", lossless()),
        ("lossy animation", animation(&lossy())),
        ("lossless animation", animation(&lossless())),
    ]
}

#[test]
fn whole_pictures_are_read() {
    for (name, webp) in all() {
        let whole = decoded(&webp);
        assert!(whole.is_some(), "{name}");
        assert!(
            decoded(&[&webp[..], b"behind it"].concat()) == whole,
            "{name} with more"
        );
        let (_, data) = picture(&webp).unwrap();
        assert!(
            decoded(&with_data(&webp, &webp[data])) == whole,
            "{name} put together again"
        );
    }
    assert!(decoded(&animation(&lossy())) == decoded(&lossy()));
    assert!(decoded(&animation(&lossless())) == decoded(&lossless()));
}

#[test]
fn a_cut_file_is_damaged_also_with_its_lengths_mended() {
    for (name, webp) in all() {
        let (_, data) = picture(&webp).unwrap();
        // Padding may be gone.
        for cut in 0..data.end {
            assert!(decoded(&webp[..cut]).is_none(), "{name} cut at {cut}");
        }
        for missing in NEEDED..data.len() {
            let part = &webp[data.start..data.end - missing];
            assert!(
                decoded(&with_data(&webp, part)).is_none(),
                "{name} without the last {missing} bytes"
            );
        }
    }
}

#[test]
fn a_file_filled_up_with_zeros_is_damaged() {
    for (name, webp) in all() {
        let (_, data) = picture(&webp).unwrap();
        // A few bytes of zeros may mean the last pixels.
        for missing in 6 * ZEROS..data.len() {
            let mut zeros = webp.clone();
            zeros[data.end - missing..].fill(0);
            assert!(decoded(&zeros).is_none(), "{name}, zeros from {missing} before the end");
        }
    }
}

#[test]
fn data_behind_a_lossless_picture_are_not_its_own() {
    let webp = lossless();
    let (_, data) = picture(&webp).unwrap();
    let more = [&webp[data], &[0x5A; 40]].concat();
    assert!(decoded(&with_data(&webp, &more)).is_none());
}
