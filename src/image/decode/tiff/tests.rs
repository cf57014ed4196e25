use super::super::{DecodeLimits, decode};
use super::{lzw_length, packbits_length};
use crate::error::ErrorKind;
use std::io::Cursor;
use tiff::encoder::colortype::RGB8;
use tiff::encoder::{Compression, DeflateLevel, TiffEncoder};

const WIDTH: u32 = 40;
const HEIGHT: u32 = 30;
/// Three strips, the last of which is shorter.
const ROWS: u32 = 12;
const OFFSETS: u16 = 273;
const LENGTHS: u16 = 279;

fn pixels() -> Vec<u8> {
    (0..WIDTH * HEIGHT * 3)
        .map(|at| (at * at / 7 % 251) as u8 & 0xF8)
        .collect()
}

fn encoded(compression: Compression) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap().with_compression(compression);
    let mut image = encoder.new_image::<RGB8>(WIDTH, HEIGHT).unwrap();
    image.rows_per_strip(ROWS).unwrap();
    image.write_data(&pixels()).unwrap();
    file.into_inner()
}

fn all() -> [(&'static str, Vec<u8>); 4] {
    [
        ("plain", encoded(Compression::Uncompressed)),
        ("LZW", encoded(Compression::Lzw)),
        ("Deflate", encoded(Compression::Deflate(DeflateLevel::Balanced))),
        ("PackBits", encoded(Compression::Packbits)),
    ]
}

/// Where the values of a field stand, each of 4 bytes, and how many there are.
fn field(tiff: &[u8], tag: u16) -> (usize, usize) {
    let long = |at: usize| u32::from_le_bytes(tiff[at..at + 4].try_into().unwrap()) as usize;
    let directory = long(4);
    let entry = (0..)
        .map(|at| directory + 2 + 12 * at)
        .find(|&at| tiff[at..at + 2] == tag.to_le_bytes())
        .unwrap();
    assert_eq!(tiff[entry + 2..entry + 4], [4, 0], "not of 4 bytes");
    let count = long(entry + 4);
    (if count == 1 { entry + 8 } else { long(entry + 8) }, count)
}

fn value(tiff: &[u8], tag: u16, which: usize) -> u32 {
    let at = field(tiff, tag).0 + 4 * which;
    u32::from_le_bytes(tiff[at..at + 4].try_into().unwrap())
}

fn with(tiff: &[u8], tag: u16, which: usize, value: u32) -> Vec<u8> {
    let at = field(tiff, tag).0 + 4 * which;
    let mut changed = tiff.to_vec();
    changed[at..at + 4].copy_from_slice(&value.to_le_bytes());
    changed
}

fn decoded(tiff: &[u8]) -> Option<Vec<u8>> {
    match decode(tiff, &DecodeLimits::default()) {
        Ok(image) => Some(image.into_data()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ImageDecode, "{error}");
            None
        }
    }
}

#[test]
fn whole_strips_are_read() {
    let mut wanted = pixels();
    wanted.chunks_exact_mut(3).for_each(|pixel| pixel.swap(0, 2));
    for (name, tiff) in all() {
        assert!(decoded(&tiff).as_ref() == Some(&wanted), "{name}");
        assert!(
            decoded(&[&tiff[..], b"behind it"].concat()).as_ref() == Some(&wanted),
            "{name} with more"
        );
    }
    let mut big = Cursor::new(Vec::new());
    TiffEncoder::new_big(&mut big)
        .unwrap()
        .write_image::<RGB8>(WIDTH, HEIGHT, &pixels())
        .unwrap();
    assert!(decoded(big.get_ref()) == Some(wanted), "BigTIFF");
}

#[test]
fn a_strip_must_lie_in_the_file() {
    for (name, tiff) in all() {
        let length = tiff.len() as u32;
        for strip in 0..3 {
            for offset in [0, length - 10, length, length + 1000, u32::MAX] {
                assert!(
                    decoded(&with(&tiff, OFFSETS, strip, offset)).is_none(),
                    "{name}, strip {strip} at {offset}"
                );
            }
        }
    }
}

#[test]
fn a_strip_must_be_as_long_as_its_rows() {
    for (name, tiff) in all() {
        let whole = decoded(&tiff);
        for strip in 0..3 {
            let length = value(&tiff, LENGTHS, strip);
            for less in 1..length {
                let shorter = decoded(&with(&tiff, LENGTHS, strip, length - less));
                // What ends compressed data behind the last pixel is no loss.
                let only_the_end = name != "plain" && less <= 6 && shorter == whole;
                assert!(
                    shorter.is_none() || only_the_end,
                    "{name}, strip {strip} without {less} bytes"
                );
            }
            // A length that is too large goes on into what is not the strip's.
            assert!(
                decoded(&with(&tiff, LENGTHS, strip, length + 1)) == whole,
                "{name}, strip {strip}"
            );
        }
    }
    // Programs that don't note the lengths write zeros.
    let (_, tiff) = all().into_iter().next().unwrap();
    assert!(decoded(&with(&tiff, LENGTHS, 1, 0)) == decoded(&tiff));
}

#[test]
fn fewer_strips_than_rows_are_damage() {
    for (name, tiff) in all() {
        for tag in [OFFSETS, LENGTHS] {
            let mut fewer = tiff.clone();
            let directory = u32::from_le_bytes(tiff[4..8].try_into().unwrap()) as usize;
            let entry = (0..)
                .map(|at| directory + 2 + 12 * at)
                .find(|&at| tiff[at..at + 2] == tag.to_le_bytes())
                .unwrap();
            fewer[entry + 4] = 2;
            assert!(decoded(&fewer).is_none(), "{name}, two of {tag}");
        }
    }
}

#[test]
fn a_cut_file_is_damaged_and_so_is_one_filled_up() {
    // The directory first, so that every cut loses pixels.
    for (name, tiff) in all() {
        let whole = decoded(&tiff);
        let last = (value(&tiff, OFFSETS, 2) + value(&tiff, LENGTHS, 2)) as usize;
        for cut in 8..last {
            // The directory behind the pixels is put in front of them, as some programs write it.
            let mut zeros = tiff.clone();
            zeros[cut..last].fill(0);
            let zeros = decoded(&zeros);
            // A few may mean as many pixels as were there: up to 128 in PackBits.
            let few = matches!(name, "LZW" | "PackBits") && last - cut < 130;
            assert!(
                name == "plain" || few || zeros.is_none() || zeros == whole,
                "{name}, zeros from {cut}"
            );
        }
    }
}

#[test]
fn changed_deflate_data_fail_their_checksum() {
    let tiff = encoded(Compression::Deflate(DeflateLevel::Fast));
    let whole = decoded(&tiff);
    let (from, length) = (value(&tiff, OFFSETS, 1) as usize, value(&tiff, LENGTHS, 1) as usize);
    for at in from + 2..from + length {
        let mut changed = tiff.clone();
        changed[at] ^= 0x20;
        let changed = decoded(&changed);
        assert!(changed.is_none() || changed == whole, "changed at {at}");
    }
}

/// A TIFF of one strip that holds a JPEG.
fn with_jpeg(jpeg: &[u8], tables: &[u8], (width, height): (u32, u32)) -> Vec<u8> {
    let mut fields: Vec<(u16, u16, u32, u32)> = vec![
        (256, 4, 1, width),
        (257, 4, 1, height),
        (258, 3, 1, 8),
        (259, 3, 1, 7),
        (262, 3, 1, 1),
        (OFFSETS, 4, 1, 300),
        (277, 3, 1, 1),
        (278, 4, 1, height),
        (LENGTHS, 4, 1, jpeg.len() as u32),
    ];
    if !tables.is_empty() {
        fields.push((347, 7, tables.len() as u32, 300 + jpeg.len() as u32));
    }
    let mut tiff = b"II\x2A\0\x08\0\0\0".to_vec();
    tiff.extend((fields.len() as u16).to_le_bytes());
    for (tag, kind, count, value) in fields {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(count.to_le_bytes());
        tiff.extend(value.to_le_bytes());
    }
    tiff.resize(300, 0);
    [&tiff, jpeg, tables].concat()
}

#[test]
fn jpeg_in_a_strip_must_be_whole() {
    let size = (24, 32);
    let picture = image::GrayImage::from_fn(size.0, size.1, |x, y| image::Luma([(x * x * 7 + y * 31 + x * y) as u8]));
    let mut jpeg = Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    assert!(decoded(&with_jpeg(&jpeg, &[], size)).is_some());
    // The tables by themselves: all before the frame.
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    let scan = jpeg.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    let end = &[0xFF, 0xD9];
    for cut in scan + 12..jpeg.len() - 2 {
        let part = &jpeg[..cut];
        assert!(decoded(&with_jpeg(part, &[], size)).is_none(), "cut at {cut}");
        assert!(
            decoded(&with_jpeg(&[part, end].concat(), &[], size)).is_none(),
            "cut at {cut}, with an end"
        );
    }
    let tables = [&jpeg[..frame], end].concat();
    let rest = [&jpeg[..2], &jpeg[frame..]].concat();
    assert!(decoded(&with_jpeg(&rest, &tables, size)) == decoded(&with_jpeg(&jpeg, &[], size)));
    assert!(decoded(&with_jpeg(&[&rest[..rest.len() - 40], end].concat(), &tables, size)).is_none());
}

#[test]
fn lengths_are_counted_without_the_pixels() {
    assert_eq!(packbits_length(&[]), 0);
    assert_eq!(packbits_length(&[2, 1, 2, 3, 254, 9, 128, 0, 7]), 3 + 3 + 1);
    assert_eq!(packbits_length(&[2, 1, 2]), 2);
    assert_eq!(packbits_length(&[254]), 0);
    let mut packed = Vec::new();
    let mut encoder = weezl::encode::Encoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8);
    encoder
        .into_stream(&mut packed)
        .encode_all(&pixels()[..])
        .status
        .unwrap();
    assert_eq!(lzw_length(&packed, u64::MAX), u64::from(WIDTH * HEIGHT * 3));
    assert!(lzw_length(&packed[..packed.len() / 2], u64::MAX) < u64::from(WIDTH * HEIGHT * 3));
}
