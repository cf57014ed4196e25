use super::*;
use proptest::prelude::*;

/// A TIFF of one directory with these entries (tag, type 3, one value).
fn tiff(entries: &[(u16, u16)]) -> Vec<u8> {
    let mut bytes = b"II\x2A\0\x08\0\0\0".to_vec();
    bytes.extend((entries.len() as u16).to_le_bytes());
    for (tag, value) in entries {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(b"\x03\0\x01\0\0\0");
        bytes.extend(value.to_le_bytes());
        bytes.extend([0; 2]);
    }
    bytes.extend([0; 4]);
    bytes
}

/// The first box of a file of ISO's base media format.
fn ftyp(brand: &[u8; 4], compatible: &[&[u8; 4]]) -> Vec<u8> {
    let length = (16 + 4 * compatible.len() as u32).to_be_bytes();
    let compatible: Vec<u8> = compatible.iter().copied().flatten().copied().collect();
    [&length, &b"ftyp"[..], brand, &[0; 4], &compatible, b"\0\0\0\x08free"].concat()
}

fn bmp(header: u32, planes: u16) -> Vec<u8> {
    let sides: &[u8] = if header == 12 {
        &[9, 0, 7, 0]
    } else {
        &[9, 0, 0, 0, 7, 0, 0, 0]
    };
    [
        b"BM\x9A\0\0\0\0\0\0\0\x36\0\0\0",
        &header.to_le_bytes()[..],
        sides,
        &planes.to_le_bytes(),
        &[24, 0, 0, 0],
    ]
    .concat()
}

/// Heads of files as programs write them.
fn heads() -> Vec<(ImageKind, Vec<u8>)> {
    let dicom = [&[0; 128][..], b"DICM\x02\0\0\0UL"].concat();
    let some: [(ImageKind, &[u8]); 43] = [
        (ImageKind::Jpeg, b"\xFF\xD8\xFF\xE0\0\x10JFIF\0\x01\x01"),
        (ImageKind::Jpeg, b"\xFF\xD8\xFF\xE1\x12\x34Exif\0\0"),
        (ImageKind::Jpeg, b"\xFF\xD8\xFF\xDB\0\x43\0"),
        (ImageKind::Png, b"\x89PNG\r\n\x1a\n\0\0\0\x0DIHDR"),
        (ImageKind::Tiff, b"II\x2B\0\x08\0\0\0\x10\0\0\0\0\0\0\0"),
        (ImageKind::Tiff, b"MM\0\x2B\0\x08\0\0\0\0\0\0\0\0\0\x10"),
        (ImageKind::Tiff, b"II\x2A\0\x94\xC0\0\0\x12\x34\x56\x78"),
        (ImageKind::WebP, b"RIFF\x1A\0\0\0WEBPVP8 \x0E\0\0\0"),
        (ImageKind::WebP, b"RIFF\x1A\0\0\0WEBPVP8L\x0E\0\0\0"),
        (ImageKind::WebP, b"RIFF\x1A\0\0\0WEBPVP8X\x0A\0\0\0"),
        (ImageKind::Gif, b"GIF89a\x10\0\x10\0"),
        (ImageKind::Gif, b"GIF87a\x10\0\x10\0"),
        (ImageKind::Jpeg2000, b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 "),
        (ImageKind::Jpeg2000, b"\xFF\x4F\xFF\x51\0\x2F\0\0"),
        (ImageKind::FaceRecord, b"FAC\x00010\0\0\0\x12\x34\0\x01"),
        (
            ImageKind::FaceRecord,
            b"\x75\x82\x3A\x11\x7F\x61\x82\x3A\x0C\x02\x01\x01",
        ),
        (ImageKind::FaceRecord, b"\x75\x7F\x7F\x61\x7C\x02\x01\x01\x7F\x60"),
        (ImageKind::JpegXl, b"\0\0\0\x0CJXL \r\n\x87\n\0\0\0\x14ftypjxl "),
        (ImageKind::JpegXl, b"\xFF\x0A\xFA\x1F\x01"),
        (ImageKind::JpegXr, b"II\xBC\x01\x08\0\0\0"),
        (ImageKind::Pnm, b"P1\n# a comment\n3 2\n0 1 0\n1 0 1\n"),
        (ImageKind::Pnm, b"P2 3 2 255\n0 1 2"),
        (ImageKind::Pnm, b"P4\n3 2\n\xA0\x40"),
        (ImageKind::Pnm, b"P5\n640 480\n255\n\0\0"),
        (ImageKind::Pnm, b"P6\r\n640\r\n# two\n# comments\n480 65535\n"),
        (ImageKind::Pnm, b"P7\nWIDTH 4\nHEIGHT 2\nDEPTH 3\n"),
        (ImageKind::Pnm, b"PF\n640 480\n-1.0\n\0\0"),
        (
            ImageKind::Ico,
            b"\0\0\x01\0\x02\0\x10\x10\0\0\x01\0\x20\0\x68\x04\0\0\x26\0\0\0",
        ),
        (ImageKind::Psd, b"8BPS\0\x01\0\0\0\0\0\0"),
        (ImageKind::CameraRaw, b"II\x2A\0\x10\0\0\0CR\x02\0\x12\x34\0\0"),
        (ImageKind::CameraRaw, b"FUJIFILMCCD-RAW 0201FF383501"),
        (ImageKind::CameraRaw, b"II\x1A\0\0\0HEAPCCDR\x02\0"),
        (ImageKind::CameraRaw, b"IIRO\x08\0\0\0"),
        (ImageKind::CameraRaw, b"IIU\0\x18\0\0\0"),
        (ImageKind::OpenExr, b"\x76\x2F\x31\x01\x02\0\0\0"),
        (ImageKind::Radiance, b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"),
        (ImageKind::Qoi, b"qoif\0\0\0\x10\0\0\0\x10\x04\0"),
        (ImageKind::Dicom, &dicom),
        (ImageKind::Svg, b"<svg xmlns=\"http://www.w3.org/2000/svg\">"),
        (
            ImageKind::Svg,
            b"\xEF\xBB\xBF<?xml version=\"1.0\"?>\n<!-- by hand -->\n<svg width=\"1\"/>",
        ),
        (ImageKind::Pdf, b"%PDF-1.7\n"),
        (ImageKind::Eps, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1"),
        (ImageKind::Eps, b"\xC5\xD0\xD3\xC6\x20\0\0\0"),
    ];
    let mut heads: Vec<_> = some.map(|(kind, head)| (kind, head.to_vec())).into();
    heads.extend([12, 40, 56, 64, 108, 124].map(|header| (ImageKind::Bmp, bmp(header, 1))));
    heads.extend([
        (ImageKind::Tiff, tiff(&[(254, 0), (256, 640), (257, 480), (262, 2)])),
        (ImageKind::Tiff, tiff(&[(254, 2), (256, 640)])), // a page of a fax
        (ImageKind::CameraRaw, tiff(&[(254, 1), (256, 160), (257, 120)])),
        (ImageKind::CameraRaw, tiff(&[(254, 0), (262, 32803)])),
        (ImageKind::CameraRaw, tiff(&[(256, 640), (50706, 1)])),
        (ImageKind::CameraRaw, ftyp(b"crx ", &[b"crx ", b"isom"])),
        (ImageKind::Heic, ftyp(b"heic", &[b"mif1", b"heic"])),
        (ImageKind::Heic, ftyp(b"mif1", &[b"mif1", b"heic"])),
        (ImageKind::Heic, ftyp(b"hevc", &[b"msf1", b"hevc", b"iso8"])),
        (ImageKind::Avif, ftyp(b"avif", &[b"avif", b"mif1", b"miaf"])),
        (ImageKind::Avif, ftyp(b"mif1", &[b"mif1", b"avif", b"miaf"])),
        (ImageKind::Avif, ftyp(b"avis", &[])),
    ]);
    heads
}

#[test]
fn every_kind_is_told_by_its_head() {
    for (kind, head) in heads() {
        assert_eq!(ImageKind::of(&head), Some(kind), "{}", head.escape_ascii());
        assert!(head.len() <= ImageKind::HEAD_BYTES + 10, "{kind}");
        // What comes behind makes no difference.
        for more in [0, 0xFF] {
            let longer = [head.clone(), vec![more; 300]].concat();
            assert_eq!(ImageKind::of(&longer), Some(kind), "{}", head.escape_ascii());
            assert_eq!(ImageKind::of(&longer[..ImageKind::HEAD_BYTES]), Some(kind), "{kind}");
        }
    }
    let told: Vec<ImageKind> = heads().into_iter().map(|(kind, _)| kind).collect();
    for kind in ImageKind::all() {
        assert!(told.contains(&kind), "no head of {kind} is tried");
    }
}

#[test]
fn a_head_that_is_too_short_is_of_no_kind_or_of_its_own() {
    for (kind, head) in heads() {
        for length in 0..head.len() {
            let told = ImageKind::of(&head[..length]);
            // Camera raw is a TIFF until its directory tells.
            let until_told = kind == ImageKind::CameraRaw && told == Some(ImageKind::Tiff);
            assert!(
                told.is_none_or(|told| told == kind) || until_told,
                "{kind} cut to {length}: {told:?}"
            );
        }
        assert_eq!(ImageKind::of(&head[..1]), None, "{kind}");
    }
}

#[test]
fn no_kind_is_taken_for_another() {
    for (kind, head) in heads() {
        for (other, _, is) in MARKS {
            assert_eq!(is(&head), other == kind, "a {kind} as {other}: {}", head.escape_ascii());
        }
    }
}

#[test]
fn what_only_looks_like_an_image_is_none() {
    let text = "BM and its friends, in a text that is long enough to have a header if it were one of a bitmap";
    let others: [&[u8]; 24] = [
        b"",
        text.as_bytes(),
        b"BMP is a kind of file",
        b"P5 words follow here",
        b"P5 is 3 letters 2 many",
        b"P2P networks",
        b"P6\n640 x 480\n",
        b"P4",
        b"P7 332\nnot one of those",
        b"PF chang's",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
        b"RIFF\x24\0\0\0AVI LIST",
        b"RIFF\x24\0\0\0WEBPxxxx",
        b"GIF images are many",
        b"II and MM",
        b"8BPSomething",
        b"%!PS-Adobe-3.0\n%%Pages: 7\n% no EPSF, but a document",
        b"<html><body><svg/></body></html>",
        b"<?xml version=\"1.0\"?>\n<!-- <svg> --><feed/>",
        b"<svgs>",
        b"\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"\0\0\x01\xBA\x44\0\x04\0\x04\x01", // MPEG
        b"\xFF\xFE<\0s\0v\0g\0",
        &[0; 256],
    ];
    let films = [b"isom", b"mp42", b"qt  ", b"M4V ", b"3gp5", b"dash"].map(|brand| ftyp(brand, &[b"isom", b"mp41"]));
    let bitmaps = [bmp(40, 0), bmp(40, 0x2020), bmp(41, 1), bmp(0x2020_2020, 1)];
    for head in others
        .into_iter()
        .chain(films.iter().chain(&bitmaps).map(Vec::as_slice))
    {
        assert_eq!(ImageKind::of(head), None, "{}", head.escape_ascii());
    }
}

#[test]
fn every_kind_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<&str> = ImageKind::all().map(ImageKind::name).collect();
    assert_eq!(names.len(), ImageKind::all().count());
    assert!(names.iter().all(|name| !name.is_empty()));
    // The last kind's number tells how many there are.
    assert_eq!(names.len(), ImageKind::Eps as usize + 1);
    assert_eq!(ImageKind::Heic.to_string(), "HEIC");
    assert_eq!(ImageKind::Heic.with_article(), "a HEIC image");
    assert_eq!(ImageKind::Avif.with_article(), "an AVIF image");
    assert_eq!(ImageKind::Svg.with_article(), "an SVG image");
}

proptest! {
    /// A head with bytes changed: still of its kind or of none, or, where the change makes one, of another, but of
    /// one only.
    #[test]
    fn any_bytes_are_of_one_kind_at_most(
        which in 0..heads().len(),
        changes in proptest::collection::vec((0usize..140, any::<u8>()), 0..4),
        tail in proptest::collection::vec(any::<u8>(), 0..140),
    ) {
        let mut head = [heads()[which].1.clone(), tail].concat();
        for (at, value) in changes {
            if let Some(byte) = head.get_mut(at) {
                *byte = value;
            }
        }
        let kinds: Vec<ImageKind> = MARKS.iter().filter(|(_, _, is)| is(&head)).map(|mark| mark.0).collect();
        // At 128 a DICOM's mark leaves room for any other before it.
        prop_assert!(kinds.len() <= 1 || kinds.contains(&ImageKind::Dicom), "{kinds:?}");
        prop_assert_eq!(ImageKind::of(&head), kinds.first().copied());
    }
}
