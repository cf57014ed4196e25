use super::*;
use image::{DynamicImage, ImageFormat};
use std::io::Cursor;

/// Those that can be written here; tests/parity/pictures.rs has the others.
const READ: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Pnm,
];

fn encoded(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| image::Rgb([(x * 9) as u8, (y * 7) as u8, 40]));
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

#[test]
fn every_format_is_read() {
    for format in READ {
        let image = decode(&encoded(format, 24, 16), &DecodeLimits::default()).unwrap();
        assert_eq!((image.width(), image.height()), (24, 16), "{format:?}");
        let first = &image.data()[3 * 23..3 * 24]; // top right: red 207, blue 40
        // A GIF has 256 colours.
        let most = if format == ImageFormat::Gif { 24 } else { 12 };
        assert!(
            first[0].abs_diff(40) < most && first[2].abs_diff(207) < most,
            "{format:?}: {first:?}"
        );
    }
}

#[test]
fn a_truncated_file_is_an_error_at_every_length() {
    for format in READ {
        let whole = encoded(format, 24, 16);
        // JPEG's end may be missing, PNG's needn't be whole; a GIF's pixels are there before the last codes and marks.
        let needed = match format {
            ImageFormat::Png => whole.len() - 4,
            ImageFormat::Jpeg => whole.len() - 2,
            ImageFormat::Gif => whole.len() - 3,
            _ => whole.len(),
        };
        for length in 0..whole.len() {
            match decode(&whole[..length], &DecodeLimits::default()) {
                Ok(image) => {
                    assert!(
                        length >= needed,
                        "{format:?} cut at {length} of {} is read",
                        whole.len()
                    );
                    assert!(Some(image) == decode(&whole, &DecodeLimits::default()).ok());
                }
                Err(error) => {
                    assert_eq!(
                        error.kind(),
                        ErrorKind::ImageDecode,
                        "{format:?} cut at {length}: {error}"
                    );
                    assert!(length < needed, "{format:?} cut at {length}: {error}");
                }
            }
        }
    }
}

#[test]
fn what_is_not_read_is_named() {
    let said = |bytes: &[u8]| {
        let error = decode(bytes, &DecodeLimits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ImageDecode);
        error.message().to_owned()
    };
    assert_eq!(
        said(b"\xFF\x0A\xFA\x1F\x01"),
        "a JPEG XL image, which this library does not read; it reads JPEG, PNG, BMP, TIFF, WebP, GIF, JPEG 2000, face record \
         and PNM"
    );
    assert!(said(b"qoif\0\0\0\x08\0\0\0\x08\x03\0").starts_with("a QOI image, which"));
    assert_eq!(
        said(b"BM or not, these are words"),
        "not an image this library reads: its first bytes are none of JPEG, PNG, BMP, TIFF, WebP, GIF, JPEG 2000, face record \
         or PNM"
    );
    let read: Vec<ImageKind> = ImageKind::all().filter(|kind| kind.is_read()).collect();
    // Beside these: JPEG 2000 and face records; HEIC and AVIF where they are wanted.
    let wanted = usize::from(cfg!(feature = "avif")) + usize::from(cfg!(feature = "heic"));
    assert_eq!(read.len(), READ.len() + 2 + wanted);
    for format in READ {
        assert!(
            read.contains(&ImageKind::of(&encoded(format, 24, 16)).unwrap()),
            "{format:?}"
        );
    }
}

#[test]
fn the_error_of_a_file_has_its_path_and_its_kind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("photo.jpg");
    std::fs::write(&path, b"\xFF\x0A\xFA\x1F\x01").unwrap();
    let error = read(&path, &DecodeLimits::default()).unwrap_err();
    assert!(
        error
            .message()
            .contains("photo.jpg: a JPEG XL image, which this library does not read"),
        "{error}"
    );
}

/// A PNG of its chunks' names and data.
fn png(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, data) in chunks {
        let named = [&name[..], data].concat();
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(&named);
        bytes.extend(crc32(&named).to_be_bytes());
    }
    bytes
}

/// A header for 8-bit colours, and compressed rows for it: as they come, or in Adam7's seven passes.
fn png_parts(width: u32, height: u32, interlaced: bool) -> (Vec<u8>, Vec<u8>) {
    let sides = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [&sides[..], &[8, 2, 0, 0, u8::from(interlaced)]].concat();
    // Left, top and steps of each pass: section 8.2 of the PNG specification.
    let passes: &[[u32; 4]] = match interlaced {
        false => &[[0, 0, 1, 1]],
        true => &[
            [0, 0, 8, 8],
            [4, 0, 8, 8],
            [0, 4, 4, 8],
            [2, 0, 4, 4],
            [0, 2, 2, 4],
            [1, 0, 2, 2],
            [0, 1, 1, 2],
        ],
    };
    let mut rows = Vec::new();
    for &[left, top, across, down] in passes {
        for y in (top..height).step_by(down as usize) {
            let mut columns = (left..width).step_by(across as usize).peekable();
            if columns.peek().is_some() {
                rows.push(0);
            }
            rows.extend(columns.flat_map(|x| [(x * 37 + y * 5) as u8, (x * y) as u8, (y * 11) as u8]));
        }
    }
    let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
    std::io::Write::write_all(&mut packer, &rows).unwrap();
    (header, packer.finish().unwrap())
}

#[test]
fn a_png_that_was_cut_is_damaged_whatever_end_is_put_on() {
    let limits = DecodeLimits::default();
    let mut plain = None;
    for interlaced in [false, true] {
        let (header, data) = png_parts(29, 23, interlaced);
        let (first, second) = data.split_at(data.len() / 3);
        let whole = png(&[(b"IHDR", &header), (b"IDAT", first), (b"IDAT", second), (b"IEND", &[])]);
        let image = decode(&whole, &limits).unwrap();
        assert!(plain.get_or_insert_with(|| image.clone()) == &image);
        let end = &whole[whole.len() - 12..];
        for cut in 0..whole.len() - 12 {
            let ended = [&whole[..cut], end].concat();
            assert!(decode(&ended, &limits).is_err(), "cut at {cut}, with an end");
            let zeros = [&whole[..cut], &vec![0; whole.len() - 12 - cut], end].concat();
            assert!(
                zeros == whole || decode(&zeros, &limits).is_err(),
                "cut at {cut}, with zeros and an end"
            );
        }
        // In chunks that are right by themselves. What ends the compressed data behind the last pixel is no loss.
        for cut in 0..data.len() {
            let mended = png(&[(b"IHDR", &header), (b"IDAT", &data[..cut]), (b"IEND", &[])]);
            match decode(&mended, &limits) {
                Ok(read) => assert!(cut >= data.len() - 6 && read == image, "the data cut at {cut}"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::ImageDecode, "{error}"),
            }
        }
    }
}

#[test]
fn a_png_with_a_wrong_checksum_is_damaged() {
    let limits = DecodeLimits::default();
    let (header, data) = png_parts(29, 23, false);
    let text = b"Comment\0about the picture";
    let whole = png(&[(b"IHDR", &header), (b"tEXt", text), (b"IDAT", &data), (b"IEND", &[])]);
    let image = decode(&whole, &limits).unwrap();
    let start = whole.windows(4).position(|name| name == b"IDAT").unwrap();
    for at in start + 4..start + 8 + data.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x40;
        assert!(decode(&changed, &limits).is_err(), "changed at {at}");
    }
    // What is no part of the picture may be wrong, and anything may come behind it.
    let mut changed = whole.clone();
    changed[start - 10] ^= 0x40;
    assert!(decode(&changed, &limits).unwrap() == image);
    for tail in [&b"behind it"[..], &[0; 100]] {
        assert!(decode(&[&whole[..], tail].concat(), &limits).unwrap() == image);
    }
}

#[test]
fn large_images_are_refused_before_they_are_decoded() {
    let limits = DecodeLimits {
        pixels: 24 * 16 - 1,
        ..Default::default()
    };
    let error = decode(&encoded(ImageFormat::Png, 24, 16), &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.message().contains("24 x 16"), "{error}");
    let limits = DecodeLimits {
        bytes: 10,
        ..Default::default()
    };
    assert_eq!(
        decode(&encoded(ImageFormat::Png, 24, 16), &limits).unwrap_err().kind(),
        ErrorKind::Limit
    );
}

/// Small files whose headers claim 60000 x 60000 pixels, 10 GB of them.
fn bombs() -> Vec<(ImageFormat, Vec<u8>)> {
    const SIDE: u32 = 60_000;
    let mut png = encoded(ImageFormat::Png, 8, 8);
    png[16..20].copy_from_slice(&SIDE.to_be_bytes());
    png[20..24].copy_from_slice(&SIDE.to_be_bytes());
    let mut check = crc32(&png[12..29]).to_be_bytes();
    png[29..33].swap_with_slice(&mut check);

    let mut jpeg = encoded(ImageFormat::Jpeg, 8, 8);
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 5..frame + 7].copy_from_slice(&(SIDE as u16).to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&(SIDE as u16).to_be_bytes());

    let mut bmp = encoded(ImageFormat::Bmp, 8, 8);
    bmp[18..22].copy_from_slice(&SIDE.to_le_bytes());
    bmp[22..26].copy_from_slice(&SIDE.to_le_bytes());

    // One strip of all rows: tags in rising order, each (tag, type, count, value); 3 is SHORT, 4 is LONG.
    let mut tiff = b"II\x2a\0\x08\0\0\0".to_vec();
    let tags: [(u16, u16, u32); 9] = [
        (256, 4, SIDE),
        (257, 4, SIDE),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 122),
        (277, 3, 1),
        (278, 4, SIDE),
        (279, 4, SIDE * 2),
    ];
    tiff.extend_from_slice(&(tags.len() as u16).to_le_bytes());
    for (tag, kind, value) in tags {
        tiff.extend_from_slice(&tag.to_le_bytes());
        tiff.extend_from_slice(&kind.to_le_bytes());
        tiff.extend_from_slice(&1u32.to_le_bytes());
        tiff.extend_from_slice(&value.to_le_bytes());
    }
    tiff.extend_from_slice(&[0; 64]);

    // The extended header's canvas is 24 bits a side, less 1; the picture's own header 14 bits.
    let side = (SIDE - 1).to_le_bytes();
    let mut extended = b"VP8X\x0a\0\0\0\0\0\0\0".to_vec();
    extended.extend_from_slice(&[side[0], side[1], side[2], side[0], side[1], side[2]]);
    let mut webp = encoded(ImageFormat::WebP, 8, 8);
    webp.splice(12..12, extended);
    let length = (webp.len() as u32 - 8).to_le_bytes();
    webp[4..8].copy_from_slice(&length);

    vec![
        (ImageFormat::Png, png),
        (ImageFormat::Jpeg, jpeg),
        (ImageFormat::Bmp, bmp),
        (ImageFormat::Tiff, tiff),
        (ImageFormat::WebP, webp),
    ]
}

/// The checksum of PNG's chunks.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

#[test]
fn forged_headers_are_refused_for_their_size() {
    for (format, bytes) in bombs() {
        assert_eq!(image::guess_format(&bytes).unwrap(), format);
        let error = decode(&bytes, &DecodeLimits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{format:?}: {error}");
        assert!(error.message().contains("60000 x 60000"), "{format:?}: {error}");
    }
}

#[test]
fn exif_orientation_is_applied() {
    // An APP1 segment with one IFD entry: tag 0x0112 (orientation), SHORT, 1 value, 6 = rotate by 90 degrees.
    let tiff: &[u8] = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let jpeg = encoded(ImageFormat::Jpeg, 24, 16);
    let mut turned = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, (8 + tiff.len()) as u8];
    turned.extend_from_slice(b"Exif\0\0");
    turned.extend_from_slice(tiff);
    turned.extend_from_slice(&jpeg[2..]);
    let image = decode(&turned, &DecodeLimits::default()).unwrap();
    assert_eq!((image.width(), image.height()), (16, 24));
}

#[test]
fn alpha_is_dropped_and_grey_expanded() {
    let rgba = DynamicImage::from(image::RgbaImage::from_pixel(2, 2, image::Rgba([10, 20, 30, 0])));
    let grey = DynamicImage::from(image::GrayImage::from_pixel(2, 2, image::Luma([9])));
    for (picture, wanted) in [(rgba, [30, 20, 10]), (grey, [9, 9, 9])] {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let image = decode(bytes.get_ref(), &DecodeLimits::default()).unwrap();
        assert_eq!(image.data()[..3], wanted);
    }
}

/// Found by fuzzing: zune-jpeg, to which libjpeg-turbo leaves what it won't decode, panics at it.
#[test]
fn a_decoder_that_panics_is_an_error() {
    use base64::prelude::{BASE64_STANDARD, Engine};
    let text = "\
        /9j/wAARCAAJABEDAREBAxEBAyEB/9sAQwEJ/9gBAP/zSkZJRgAB//8BAAEAAP/AAAsIAREA/9sAQwAIBgYHBgUIByMcHCg3KSww\
        MTQ0NB8nKDk9MjwuMzQy/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAARC\
        TQLeAAAApaanqKmqsrO0tdoACAEBAAJJJJJJJJJKNDU2Nzk6Q0T4+fr/2gAIAQEAPwBbHv/Z2ZGhCCNCscH6/9oACAEBAAA/AORt\
        fAPT9z8AWx6xWx7Z/zQ1Njc5OkNE+Pn6/9oACAEBAAA/AFse/9naf2qOB6GxWx7Z/zQ1Njc5OkNE+Pn6/9oACAEBAD8AWx7/2Tc5\
        OkNE+Pn6/9oACAEBAD8AW//Z";
    let bytes = BASE64_STANDARD.decode(text).unwrap();
    // On a processor without AVX2 another part of it may take it.
    let error = decode(&bytes, &DecodeLimits::default()).err();
    assert!(error.is_none_or(|error| error.kind() == ErrorKind::ImageDecode));
}
