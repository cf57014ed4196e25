//! Image files as Pillow writes them, with libheif, libavif and OpenJPEG behind it: the same pixels as there, and nothing
//! that is cut.

use crate::{common, python};
use qmagface::{BgrImage, DecodeLimits, ErrorKind, image};
use std::sync::LazyLock;

/// Name, file, and the pixels that Pillow reads.
static PICTURES: LazyLock<Vec<(String, Vec<u8>, BgrImage)>> = LazyLock::new(|| {
    let photo = ::image::open(common::photos().join("biden.jpg")).unwrap();
    // Odd sides: half a chroma sample more than half of them.
    let photo = photo
        .resize_exact(241, 301, ::image::imageops::FilterType::Triangle)
        .to_rgb8();
    python::pictures(photo.as_raw(), 241, 301)
});

fn decode(bytes: &[u8]) -> qmagface::Result<BgrImage> {
    image::decode(bytes, &DecodeLimits::default())
}

/// A picture's luma, three times.
fn luma(image: &BgrImage) -> BgrImage {
    let grey = |pixel: &[u8]| {
        (0.114 * f64::from(pixel[0]) + 0.587 * f64::from(pixel[1]) + 0.299 * f64::from(pixel[2])).round() as u8
    };
    let data = image
        .data()
        .chunks_exact(3)
        .flat_map(|pixel| [grey(pixel); 3])
        .collect();
    BgrImage::new(image.width(), image.height(), data).unwrap()
}

/// Whether this build reads files of this name.
fn is_read(name: &str) -> bool {
    (cfg!(feature = "avif") || !name.ends_with(".avif")) && (cfg!(feature = "heic") || !name.ends_with(".heic"))
}

/// The mean difference of a value, and the greatest.
fn difference(a: &BgrImage, b: &BgrImage) -> (f64, u8) {
    let differences = a.data().iter().zip(b.data()).map(|(a, b)| a.abs_diff(*b));
    let sum: u64 = differences.clone().map(u64::from).sum();
    (sum as f64 / a.data().len() as f64, differences.max().unwrap())
}

#[test]
fn every_kind_has_the_pixels_that_pillow_reads() {
    assert_eq!(PICTURES.len(), 26);
    for (name, file, wanted) in PICTURES.iter().filter(|picture| is_read(&picture.0)) {
        let image = decode(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            (image.width(), image.height()),
            (wanted.width(), wanted.height()),
            "{name}"
        );
        // Where nothing is lost all are the same; HEIC and AVIF differ in how they bring chroma to the size of luma, and a
        // lossy transform in its rounding.
        let (mean, greatest) = match name.rsplit('.').next().unwrap() {
            "heic" | "avif" => (1.5, 64),
            _ if name == "lossy.jp2" => (0.2, 2),
            _ => (0.0, 0),
        };
        let found = difference(&luma(&image), &luma(wanted));
        assert!(
            found.0 <= mean / 2.0 && found.1 <= greatest / 2,
            "{name}, luma: {found:?}"
        );
        let found = difference(&image, wanted);
        println!("{name}: {found:?}");
        assert!(found.0 <= mean && found.1 <= greatest, "{name}: {found:?}");
    }
}

#[test]
fn a_file_that_is_cut_is_refused_wherever_it_is_cut() {
    let whole = |name: &str| PICTURES.iter().find(|picture| picture.0 == name).unwrap().1.clone();
    for name in [
        "colour.jp2",
        "codestream.j2k",
        "tiles.jp2",
        "colour.heic",
        "tiles.heic",
        "colour.avif",
        "colour.gif",
        "colour.ppm",
    ]
    .into_iter()
    .filter(|name| is_read(name))
    {
        let file = whole(name);
        let step = (file.len() / 150).max(1);
        for length in (0..file.len()).step_by(step).chain([file.len() - 2, file.len() - 1]) {
            let error = match decode(&file[..length]) {
                Err(error) => error,
                // All there is behind it are the marks of a GIF's end.
                Ok(_) if name == "colour.gif" && length + 2 >= file.len() => continue,
                Ok(_) => panic!(
                    "{name} is read although only {length} of {} bytes are there",
                    file.len()
                ),
            };
            assert_eq!(error.kind(), ErrorKind::ImageDecode, "{name}, {length} bytes: {error}");
        }
    }
    // With an end put on, and with the length of the last part mended too.
    let file = whole("codestream.j2k");
    for length in [file.len() / 4, file.len() / 2, file.len() - 40] {
        let mut cut = file[..length].to_vec();
        cut.extend([0xFF, 0xD9]);
        assert!(decode(&cut).is_err(), "{length}");
        let part = cut.windows(2).position(|two| two == [0xFF, 0x90]).unwrap();
        let new = (cut.len() - 2 - part) as u32;
        cut[part + 6..part + 10].copy_from_slice(&new.to_be_bytes());
        assert!(decode(&cut).is_err(), "{length}, mended");
    }
}

#[test]
fn a_larger_picture_than_is_allowed_is_refused() {
    let limits = DecodeLimits {
        pixels: 241 * 301 - 1,
        ..DecodeLimits::default()
    };
    for (name, file, _) in PICTURES.iter().filter(|picture| is_read(&picture.0)) {
        let error = image::decode(file, &limits).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{name}: {error}");
    }
}

/// Where a name stands in a file.
#[cfg(feature = "heic")]
fn position(file: &[u8], name: &[u8]) -> usize {
    file.windows(name.len()).position(|window| window == name).unwrap()
}

/// Files of kilobytes that would take gigabytes, or show what was in the memory before.
#[test]
#[cfg(feature = "heic")]
fn tiles_that_make_no_picture_are_refused() {
    let whole = &PICTURES.iter().find(|picture| picture.0 == "tiles.heic").unwrap().1;
    let said = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut file = whole.clone();
        change(&mut file);
        let error = decode(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ImageDecode, "{error}");
        error.message().to_owned()
    };
    // What it says of itself: three rows of two tiles of 128 pixels, 241 x 301 pixels.
    let grid = position(whole, &[0, 0, 2, 1, 0, 241, 1, 45]);
    let sides = |width: u16, height: u16| {
        move |file: &mut Vec<u8>| {
            file[grid + 4..grid + 6].copy_from_slice(&width.to_be_bytes());
            file[grid + 6..grid + 8].copy_from_slice(&height.to_be_bytes());
        }
    };
    for (width, height) in [(257, 301), (241, 385), (128, 301), (241, 256)] {
        let message = said(&sides(width, height));
        assert!(message.contains("don't cover"), "{width} x {height}: {message}");
    }
    for (width, height) in [(0, 301), (241, 0)] {
        assert!(said(&sides(width, height)).contains("another number of tiles"));
    }
    let mut far = whole.clone();
    sides(u16::MAX, u16::MAX)(&mut far);
    assert_eq!(decode(&far).unwrap_err().kind(), ErrorKind::Limit);
    assert!(said(&|file| file[grid + 2] = 3).contains("another number of tiles"));

    // Where its seven items' data are: number, source, count of parts, offset, length.
    let places = position(whole, b"iloc") + 4 + 4 + 2 + 2;
    let message = said(&|file| file[places + 14 + 6] = 0x7F);
    assert!(message.contains("data end early"), "{message}");
    let message = said(&|file| file[places + 2] = 1);
    assert!(message.contains("parts of other items"), "{message}");

    // One of several parameter sets could be another than the one that is looked at.
    let configuration = position(whole, b"hvcC");
    let set = configuration + position(&whole[configuration..], &[0x42, 0x01]);
    let message = said(&|file| file[set + 1] = 0x09);
    assert!(message.contains("configuration isn't that of one picture"), "{message}");
    let kind = position(whole, b"hvc1");
    let message = said(&|file| file[kind..kind + 4].copy_from_slice(b"av01"));
    assert!(message.contains("isn't HEVC"), "{message}");
}

/// A tag, its length in as many bytes as it takes, and its value.
fn element(tag: &[u8], value: &[u8]) -> Vec<u8> {
    let length = value.len() as u32;
    let length = match length {
        0..=0x7F => vec![length as u8],
        0x80..=0xFF => vec![0x81, length as u8],
        0x100..=0xFFFF => [&[0x82], &length.to_be_bytes()[2..]].concat(),
        _ => [&[0x83], &length.to_be_bytes()[1..]].concat(),
    };
    [tag, &length, value].concat()
}

/// A face record of ISO/IEC 19794-5:2005 with one face, two feature points, and this picture.
fn record(picture: &[u8]) -> Vec<u8> {
    let rest = [&[0u8, 2][..], &[0; 14], &[0; 16], &[0; 12], picture].concat();
    let face = [&(rest.len() as u32 + 4).to_be_bytes()[..], &rest].concat();
    let length = (14 + face.len() as u32).to_be_bytes();
    [&b"FAC\x00010\0"[..], &length, &[0, 1], &face].concat()
}

/// A data group 2 of ICAO Doc 9303-10 with this record.
fn data_group(record: &[u8], tag: &[u8]) -> Vec<u8> {
    let header = element(&[0xA1], &element(&[0x87], &[1, 1]));
    let template = element(&[0x7F, 0x60], &[header, element(tag, record)].concat());
    let templates = element(&[0x7F, 0x61], &[element(&[0x02], &[1]), template].concat());
    element(&[0x75], &templates)
}

#[test]
fn a_passports_face_is_read() {
    let jpeg = {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let photo = ::image::open(common::photos().join("biden.jpg")).unwrap();
        photo
            .thumbnail(240, 320)
            .write_to(&mut bytes, ::image::ImageFormat::Jpeg)
            .unwrap();
        bytes.into_inner()
    };
    let jpeg_2000 = PICTURES
        .iter()
        .find(|picture| picture.0 == "colour.jp2")
        .unwrap()
        .1
        .clone();
    for picture in [&jpeg, &jpeg_2000] {
        let wanted = decode(picture).unwrap();
        let record = record(picture);
        let groups = [data_group(&record, &[0x5F, 0x2E]), data_group(&record, &[0x7F, 0x2E])];
        for file in [&record, &groups[0], &groups[1]] {
            assert!(decode(file).unwrap() == wanted);
            for length in (0..file.len()).step_by(file.len() / 60) {
                assert_eq!(
                    decode(&file[..length]).unwrap_err().kind(),
                    ErrorKind::ImageDecode,
                    "{length}"
                );
            }
        }
    }
    let said = |bytes: &[u8]| decode(bytes).unwrap_err().message().to_owned();
    let other_version = [&b"FAC\x00030\0"[..], &record(&jpeg)[8..]].concat();
    assert!(
        said(&other_version).contains("another version"),
        "{}",
        said(&other_version)
    );
    assert!(said(&record(b"GIF89a no")).contains("neither JPEG nor JPEG 2000"));
    let empty = [&b"FAC\x00010\0"[..], &14u32.to_be_bytes(), &[0, 0]].concat();
    assert!(said(&empty).contains("no face"), "{}", said(&empty));
    assert!(said(&data_group(&record(&jpeg), &[0x5F, 0x2F])).contains("no face record"));
}

#[test]
fn a_build_without_a_feature_says_so() {
    for kind in ["avif", "heic"] {
        let name = format!("colour.{kind}");
        let outcome = decode(&PICTURES.iter().find(|picture| picture.0 == name).unwrap().1);
        assert_eq!(outcome.is_ok(), is_read(&name));
        if let Err(error) = outcome {
            let words = format!("built without the feature `{kind}`");
            assert!(error.message().contains(&words), "{error}");
        }
    }
}
