use super::super::{DecodeLimits, decode};
use super::markers::{Markers, code, mended};
use crate::error::ErrorKind;
use proptest::prelude::*;
use turbojpeg::{Compressor, Decompressor, Image, PixelFormat, Subsamp};

const END: [u8; 2] = [0xFF, code::EOI];

/// A picture without even areas, 3 bytes a pixel, so that no part of its data is without effect.
fn pixels(width: usize, height: usize) -> Vec<u8> {
    let at = |x: usize, y: usize, c: usize| (x * (37 + 11 * c) + y * (53 - 7 * c) + (x * y * (c + 3)) / 5) as u8;
    let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    places.flat_map(|(x, y)| [0, 1, 2].map(|c| at(x, y, c))).collect()
}

fn compress(width: usize, height: usize, format: PixelFormat, set: impl Fn(&mut Compressor)) -> Vec<u8> {
    let pixels: Vec<u8> = match format.size() {
        4 => pixels(width, height)
            .chunks(3)
            .flat_map(|p| [p[0], p[1], p[2], p[0] ^ p[2]])
            .collect(),
        1 => pixels(width, height).chunks(3).map(|p| p[1]).collect(),
        _ => pixels(width, height),
    };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_quality(85).unwrap();
    set(&mut compressor);
    let image = Image {
        pixels: pixels.as_slice(),
        width,
        pitch: width * format.size(),
        height,
        format,
    };
    compressor.compress_to_vec(image).unwrap()
}

fn baseline() -> Vec<u8> {
    compress(45, 37, PixelFormat::RGB, |c| c.set_subsamp(Subsamp::Sub2x2).unwrap())
}

fn progressive() -> Vec<u8> {
    compress(45, 37, PixelFormat::RGB, |c| {
        c.set_subsamp(Subsamp::Sub2x2).unwrap();
        c.set_progressive(true).unwrap();
    })
}

/// Strips of 8 rows, each a JPEG by itself, as one JPEG with a restart marker behind each.
fn with_restarts() -> Vec<u8> {
    let strip = |rows: usize| compress(40, rows, PixelFormat::RGB, |c| c.set_subsamp(Subsamp::None).unwrap());
    let mut whole = strip(40);
    let scan = Markers::of(&whole)
        .find(|marker| marker.code == code::SOS)
        .unwrap()
        .data;
    whole.truncate(scan.start);
    let start = scan_start(&whole);
    whole.splice(start..start, [0xFF, 0xDD, 0, 4, 0, 5]); // a restart every 5 blocks: a row of them
    let data = strip(8);
    let data = &data[Markers::of(&data).find(|marker| marker.code == code::SOS).unwrap().data];
    for number in 0..5 {
        whole.extend(data);
        whole.extend([0xFF, if number < 4 { 0xD0 + number } else { code::EOI }]);
    }
    whole
}

/// Sequential, with a scan for each of three components.
fn in_three_scans() -> Vec<u8> {
    let grey = compress(40, 32, PixelFormat::GRAY, |c| c.set_subsamp(Subsamp::Gray).unwrap());
    let mut whole = grey[..2].to_vec();
    let mut segment = |code: u8, body: &[u8], data: &[u8]| {
        whole.extend([0xFF, code]);
        whole.extend((body.len() as u16 + 2).to_be_bytes());
        whole.extend([body, data].concat());
    };
    for marker in Markers::of(&grey) {
        match marker.code {
            0xC0 => {
                let components = [1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0];
                segment(0xC0, &[&marker.body[..5], &[3], &components[..]].concat(), &[]);
            }
            code::SOS => {
                for id in 1..=3 {
                    segment(code::SOS, &[1, id, 0, 0, 63, 0], &grey[marker.data.clone()]);
                }
            }
            code::EOI => {}
            other => segment(other, marker.body, &[]),
        }
    }
    whole.extend(END);
    whole
}

/// Whole files of every coding that is read.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let grey = |c: &mut Compressor| c.set_subsamp(Subsamp::Gray).unwrap();
    vec![
        ("baseline", baseline()),
        ("progressive", progressive()),
        ("restarts", with_restarts()),
        ("three scans", in_three_scans()),
        ("grey", compress(33, 31, PixelFormat::GRAY, grey)),
        (
            "4:2:2",
            compress(33, 31, PixelFormat::RGB, |c| c.set_subsamp(Subsamp::Sub2x1).unwrap()),
        ),
        (
            "optimised",
            compress(33, 31, PixelFormat::RGB, |c| c.set_optimize(true).unwrap()),
        ),
        ("inks", compress(33, 31, PixelFormat::CMYK, |_| {})),
        (
            "progressive inks",
            compress(33, 31, PixelFormat::CMYK, |c| c.set_progressive(true).unwrap()),
        ),
        ("thumbnail", with_thumbnail()),
    ]
}

/// With a whole JPEG in its EXIF segment.
fn with_thumbnail() -> Vec<u8> {
    let thumbnail = compress(16, 16, PixelFormat::RGB, |_| {});
    let body = [b"Exif\0\0II\x2A\0\x08\0\0\0\0\0\0\0\0\0", &thumbnail[..]].concat();
    with_segment(&baseline(), code::APP1, &body)
}

/// With a segment right behind the start.
fn with_segment(jpeg: &[u8], code: u8, body: &[u8]) -> Vec<u8> {
    [
        &jpeg[..2],
        &[0xFF, code],
        &(body.len() as u16 + 2).to_be_bytes(),
        body,
        &jpeg[2..],
    ]
    .concat()
}

fn decoded(jpeg: &[u8]) -> Option<Vec<u8>> {
    match decode(jpeg, &DecodeLimits::default()) {
        Ok(image) => Some(image.into_data()),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ImageDecode, "{error}");
            None
        }
    }
}

/// What is said against a file that must not be read.
fn refusal(jpeg: &[u8]) -> String {
    match decode(jpeg, &DecodeLimits::default()) {
        Ok(_) => panic!("it is read"),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ImageDecode, "{error}");
            error.message().to_owned()
        }
    }
}

/// Where the first start of a scan stands.
fn scan_start(jpeg: &[u8]) -> usize {
    let scan = Markers::of(jpeg).find(|marker| marker.code == code::SOS).unwrap();
    scan.data.start - scan.body.len() - 4
}

/// Where the marker stands whose code this is, the last of them.
fn last(jpeg: &[u8], code: u8) -> usize {
    jpeg.windows(2).rposition(|pair| pair == [0xFF, code]).unwrap()
}

#[test]
fn whole_files_have_libjpegs_pixels() {
    for (name, jpeg) in samples() {
        if name.contains("inks") {
            assert!(decoded(&jpeg).is_some(), "{name}");
            continue;
        }
        let mut decompressor = Decompressor::new().unwrap();
        let header = decompressor.read_header(&jpeg).unwrap();
        let mut wanted = vec![0; 3 * header.width * header.height];
        let image = Image {
            pixels: wanted.as_mut_slice(),
            width: header.width,
            pitch: 3 * header.width,
            height: header.height,
            format: PixelFormat::BGR,
        };
        decompressor.decompress(&jpeg, image).unwrap();
        assert!(decoded(&jpeg) == Some(wanted), "{name}");
    }
}

#[test]
fn a_cut_file_is_damaged_wherever_it_is_cut_and_whatever_end_is_put_on() {
    for (name, jpeg) in samples() {
        // The last two bytes are the end itself.
        for cut in 0..jpeg.len() - 2 {
            let part = &jpeg[..cut];
            let missing = jpeg.len() - cut;
            let bare = decoded(part);
            assert!(bare.is_none(), "{name} cut at {cut}");
            assert!(
                decoded(&[part, &END].concat()).is_none(),
                "{name} cut at {cut}, with an end"
            );
            if Markers::of(&jpeg).any(|marker| marker.data.contains(&cut)) {
                let behind = [part, &END, &jpeg[cut..]].concat();
                assert!(decoded(&behind).is_none(), "{name}, an end at {cut}");
            }
            assert!(
                decoded(&[part, &vec![0; missing]].concat()).is_none(),
                "{name} cut at {cut}, zeros"
            );
            let zeros = vec![0; missing - 2];
            // A few zeros may mean the rest of the last block.
            if missing > 2 * HOLE_AND_MORE {
                assert!(
                    decoded(&[part, &zeros, &END].concat()).is_none(),
                    "{name} cut at {cut}, zeros, an end"
                );
            }
        }
    }
}

/// Zeros that cannot be taken for the end of a picture.
const HOLE_AND_MORE: usize = super::tables::HOLE + super::READ_AHEAD;

#[test]
fn the_end_marker_alone_may_be_missing() {
    for (name, jpeg) in samples() {
        let whole = decoded(&jpeg);
        assert!(whole.is_some(), "{name}");
        assert!(decoded(&jpeg[..jpeg.len() - 2]) == whole, "{name} without the marker");
        assert!(
            decoded(&jpeg[..jpeg.len() - 1]) == whole,
            "{name} without the marker's last byte"
        );
    }
}

#[test]
fn a_progressive_file_must_have_all_its_scans() {
    let jpeg = progressive();
    let scans = Markers::of(&jpeg).filter(|marker| marker.code == code::SOS).count();
    let mut ends = 0;
    for marker in Markers::of(&jpeg).filter(|marker| marker.code == code::SOS) {
        let part = &jpeg[..marker.data.end];
        if part.len() + 2 == jpeg.len() {
            continue;
        }
        ends += 1;
        // libjpeg has nothing against this one.
        assert!(refusal(&[part, &END].concat()).contains("before all its scans"));
        assert!(refusal(part).contains("end-of-image marker"));
    }
    assert_eq!(ends, scans - 1);
    // One in the middle, whose bits later ones refine, or all of them but the first.
    for left_out in 0..scans {
        let mut at = 0;
        let mut copy = jpeg[..2].to_vec();
        for marker in Markers::of(&jpeg).filter(|marker| marker.code != code::EOI) {
            at += usize::from(marker.code == code::SOS);
            if marker.code != code::SOS || at != left_out + 1 {
                copy.extend([0xFF, marker.code]);
                copy.extend((marker.body.len() as u16 + 2).to_be_bytes());
                copy.extend([marker.body, &jpeg[marker.data]].concat());
            }
        }
        copy.extend(END);
        assert!(decoded(&copy).is_none(), "without scan {left_out}");
    }
}

#[test]
fn every_component_of_a_sequential_file_must_be_there() {
    let jpeg = in_three_scans();
    assert!(decoded(&jpeg).is_some());
    let part = &jpeg[..last(&jpeg, code::SOS)];
    assert!(refusal(&[part, &END].concat()).contains("before all its scans"));
}

#[test]
fn restart_markers_must_be_there_and_in_turn() {
    let jpeg = with_restarts();
    assert!(decoded(&jpeg).is_some());
    for number in 0xD0..0xD4 {
        let at = last(&jpeg, number);
        let mut gone = jpeg.clone();
        gone.drain(at..at + 2);
        assert!(decoded(&gone).is_none(), "{number:x} gone");
        let mut other = jpeg.clone();
        other[at + 1] = 0xD0 + (number + 3) % 8;
        assert!(decoded(&other).is_none(), "{number:x} changed");
        // A strip gone with its marker.
        let mut shorter = jpeg.clone();
        let next = if number < 0xD3 {
            last(&jpeg, number + 1)
        } else {
            jpeg.len() - 2
        };
        shorter.drain(at..next);
        assert!(decoded(&shorter).is_none(), "the strip behind {number:x} gone");
    }
}

#[test]
fn a_hole_of_zeros_is_found() {
    for (name, jpeg) in samples() {
        // In refinements of a progressive file zeros are usual.
        if name.contains("progressive") || name == "optimised" {
            continue;
        }
        let data = Markers::of(&jpeg).find(|marker| marker.code == code::SOS).unwrap().data;
        assert!(data.len() > 2 * HOLE_AND_MORE, "{name}: {data:?}");
        for at in data.start..data.end - HOLE_AND_MORE {
            let mut holed = jpeg.clone();
            holed[at..at + HOLE_AND_MORE].fill(0);
            assert!(decoded(&holed).is_none(), "{name}, zeros at {at}");
        }
    }
}

#[test]
fn tables_must_make_sense() {
    let mut jpeg = baseline();
    let tables = jpeg.windows(2).position(|pair| pair == [0xFF, code::DQT]).unwrap();
    jpeg[tables + 20] = 0;
    assert!(refusal(&jpeg).contains("quantisation table"));
}

/// Bytes that are no filling of one value and mean nothing.
fn junk(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 89 % 251) as u8).collect()
}

/// Oddities that lose nothing: name and how a file gets it.
type Oddity = (&'static str, fn(&[u8]) -> Vec<u8>);

fn before(jpeg: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    [&jpeg[..at], bytes, &jpeg[at..]].concat()
}

const ODDITIES: [Oddity; 19] = [
    ("bytes before the tables", |jpeg| {
        before(jpeg, last(jpeg, code::DQT), &junk(7))
    }),
    ("bytes before the scan", |jpeg| {
        before(jpeg, scan_start(jpeg), &junk(100))
    }),
    ("a stuffed zero before the scan", |jpeg| {
        before(jpeg, scan_start(jpeg), &[0xFF, 0, 3])
    }),
    ("a byte before the end", |jpeg| before(jpeg, jpeg.len() - 2, &[0x5A])),
    ("bytes before the end", |jpeg| before(jpeg, jpeg.len() - 2, &junk(32))),
    ("zeros before the end", |jpeg| before(jpeg, jpeg.len() - 2, &[0; 1000])),
    ("filling before the end", |jpeg| {
        before(jpeg, jpeg.len() - 2, &[0x55; 500])
    }),
    ("fill bytes before markers", |jpeg| {
        before(&before(jpeg, jpeg.len() - 2, &[0xFF; 9]), scan_start(jpeg), &[0xFF; 3])
    }),
    ("bytes behind the end", |jpeg| [jpeg, &junk(1000)].concat()),
    ("zeros behind the end", |jpeg| [jpeg, &[0; 4096]].concat()),
    ("a second picture behind the end", |jpeg| {
        [jpeg, &baseline()[..]].concat()
    }),
    ("half a second picture behind the end", |jpeg| {
        [jpeg, &baseline()[..300]].concat()
    }),
    ("a JFIF version of the future", |jpeg| {
        let mut jpeg = with_segment(jpeg, code::APP0, b"JFIF\0\x01\x02\0\0\x01\0\x01\0\0");
        jpeg[11] = 9;
        jpeg
    }),
    ("a profile in parts that don't fit", |jpeg| {
        with_segment(jpeg, code::APP2, b"ICC_PROFILE\0\x05\x02abc")
    }),
    ("half a profile", |jpeg| {
        with_segment(jpeg, code::APP2, b"ICC_PROFILE\0\x01\x02abc")
    }),
    ("an unknown segment", |jpeg| with_segment(jpeg, 0xF7, &junk(20))),
    ("a comment of no bytes", |jpeg| with_segment(jpeg, 0xFE, b"")),
    ("an EXIF segment of junk", |jpeg| {
        with_segment(jpeg, code::APP1, &[b"Exif\0\0", &junk(50)[..]].concat())
    }),
    ("scan parameters that mean nothing", |jpeg| {
        let mut jpeg = jpeg.to_vec();
        let progressive = Markers::of(&jpeg).any(|marker| marker.code == 0xC2);
        let mut from = 0;
        while let Some(at) = jpeg[from..].windows(2).position(|pair| pair == [0xFF, code::SOS]) {
            let body = from + at + 4;
            let parameters = body + 1 + 2 * usize::from(jpeg[body]);
            if !progressive {
                jpeg[parameters..parameters + 3].copy_from_slice(&[0, 0, 0]);
            }
            from = parameters;
        }
        jpeg
    }),
];

#[test]
fn oddities_that_lose_nothing_are_read_to_the_same_pixels() {
    for (name, jpeg) in samples() {
        let whole = decoded(&jpeg);
        for (oddity, made_odd) in ODDITIES {
            let odd = made_odd(&jpeg);
            assert!(decoded(&odd) == whole, "{name} with {oddity}: {}", refusal(&odd));
        }
        // Several at a time: libjpeg tells only the first.
        let odd = ODDITIES[0].1(&ODDITIES[12].1(&ODDITIES[4].1(&jpeg)));
        assert!(decoded(&odd) == whole, "{name} with three oddities");
    }
}

#[test]
fn an_unknown_adobe_transform_is_read_as_libjpeg_does() {
    let adobe =
        |jpeg: &[u8], transform| with_segment(jpeg, code::APP14, &[b"Adobe\0\x64\0\0\0\0", &[transform][..]].concat());
    // Without the JFIF segment, which would settle the matter.
    let mut jpeg = baseline();
    jpeg.drain(2..4 + usize::from(jpeg[5]));
    assert!(decoded(&adobe(&jpeg, 7)).is_some());
    assert!(decoded(&adobe(&jpeg, 7)) == decoded(&adobe(&jpeg, 1)));
    assert!(decoded(&adobe(&jpeg, 2)) == decoded(&adobe(&jpeg, 1)));
    assert!(decoded(&adobe(&jpeg, 0)) != decoded(&adobe(&jpeg, 1)));
    // Of inks the other way round. libjpeg-turbo writes a segment of its own, which would be the last.
    let mut inks = compress(16, 16, PixelFormat::CMYK, |_| {});
    let own = inks.windows(2).position(|pair| pair == [0xFF, code::APP14]).unwrap();
    inks.drain(own..own + 16);
    assert!(decoded(&adobe(&inks, 1)).is_some());
    assert!(decoded(&adobe(&inks, 1)) == decoded(&adobe(&inks, 2)));
    assert!(decoded(&adobe(&inks, 9)) == decoded(&adobe(&inks, 2)));
    assert!(decoded(&adobe(&inks, 0)) != decoded(&adobe(&inks, 2)));
}

#[test]
fn an_oddity_hides_no_damage() {
    for (name, jpeg) in samples() {
        let data = Markers::of(&jpeg)
            .filter(|marker| marker.code == code::SOS)
            .last()
            .unwrap()
            .data;
        for (oddity, made_odd) in ODDITIES {
            // Not at its end, where what is put there may pass for what is gone.
            for cut in [data.start + 1, data.start + data.len() / 2] {
                let odd = made_odd(&[&jpeg[..cut], &END].concat());
                assert!(decoded(&odd).is_none(), "{name} cut at {cut}, with {oddity}");
            }
        }
    }
}

#[test]
fn data_before_the_end_that_are_too_many_are_damage() {
    for (name, jpeg) in samples() {
        let long = before(&jpeg, jpeg.len() - 2, &junk(super::FILLER + super::READ_AHEAD + 8));
        assert!(decoded(&long).is_none(), "{name}");
    }
    // A picture of more rows than its frame says: half a picture by half a header.
    let mut jpeg = baseline();
    let frame = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    jpeg[frame + 6] = 16;
    assert!(decoded(&jpeg).is_none());
}

#[test]
fn other_kinds_of_jpeg_are_named() {
    let arithmetic = compress(16, 16, PixelFormat::RGB, |c| c.set_arithmetic(true).unwrap());
    assert!(refusal(&arithmetic).contains("JPEG image is not supported: its coding is arithmetic"));
    let lossless = compress(16, 16, PixelFormat::RGB, |c| c.set_lossless(true).unwrap());
    assert!(refusal(&lossless).contains("coded without loss"));
    let frame = |change: fn(&mut [u8])| {
        let mut jpeg = baseline();
        let at = jpeg.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        change(&mut jpeg[at..]);
        refusal(&jpeg)
    };
    assert!(frame(|frame| frame[4] = 12).contains("12 bits a sample"));
    assert!(frame(|frame| frame[1] = 0xC5).contains("hierarchical"));
    assert!(frame(|frame| frame[5..7].fill(0)).contains("45 x 0 pixels"));
    assert!(frame(|frame| (frame[3], frame[9]) = (14, 2)).contains("2 colour components"));
    assert!(frame(|frame| frame[9] = 2).contains("damaged"));
    assert!(refusal(&[0xFF, 0xD8, 0xFF, 0xD9]).contains("damaged JPEG image: it ends before its picture"));
}

/// Bytes that make markers, or none.
const MARKS: [u8; 8] = [0xFF, 0, 0xD9, 0xDA, 0xC0, 0xE2, 0xF7, 7];

proptest! {
    /// No bytes make it panic, and what is read has all its pixels.
    #[test]
    fn changed_files_are_read_or_refused(
        which in 0usize..10,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
        ended in any::<bool>(),
    ) {
        let mut jpeg = samples().swap_remove(which).1;
        for (at, value) in changes {
            let at = at.index(jpeg.len());
            jpeg[at] = value;
        }
        if ended {
            jpeg.truncate(cut.index(jpeg.len()));
            jpeg.extend(END);
        }
        let limits = DecodeLimits { pixels: 1 << 20, ..DecodeLimits::default() };
        if let Ok(image) = decode(&jpeg, &limits) {
            prop_assert_eq!(image.data().len(), 3 * image.width() * image.height());
        }
    }

    /// A mended copy has nothing left to mend, whatever it was made of.
    #[test]
    fn mending_is_done_in_one_go(
        which in 0usize..10,
        inserted in proptest::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&MARKS[..])), 0..8),
    ) {
        let mut jpeg = samples().swap_remove(which).1;
        for (at, value) in inserted {
            let at = at.index(jpeg.len() + 1).max(2);
            jpeg.insert(at, value);
        }
        let copy = mended(&jpeg);
        prop_assert!(mended(&copy) == copy);
    }
}
