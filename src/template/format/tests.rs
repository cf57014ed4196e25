use super::*;
use proptest::prelude::*;

/// Three floats, with everything a template can have.
fn specimen() -> Template {
    Template::from_embedding(
        "sface",
        Fingerprint(std::array::from_fn(|i| i as u8)),
        &[6.0, -2.0, 3.0],
    )
    .unwrap()
    .with_face(
        Face {
            bbox: [1.5, -2.0, 100.0, 120.0],
            score: 0.75,
            landmarks: [[10.0, 20.0], [30.0, 20.5], [20.0, 30.0], [12.0, 40.0], [28.0, 40.0]],
        },
        2,
    )
    .unwrap()
    .with_uqs(Some(63))
    .with_metadata(b"id 7")
    .unwrap()
}

/// `bytes` with the size and the checksum they should have: what a hostile writer can always do.
fn seal(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.truncate(bytes.len() - TRAILER);
    let size = (bytes.len() + TRAILER) as u32;
    bytes[8..12].copy_from_slice(&size.to_le_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    bytes
}

/// The specimen's bytes, changed and sealed.
fn changed(scalar: Scalar, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = specimen().to_bytes(scalar);
    change(&mut bytes);
    seal(bytes)
}

/// The specimen's bytes with another section, sealed.
fn with_section(tag: u16, content: &[u8]) -> Vec<u8> {
    changed(Scalar::F32, |bytes| {
        let end = bytes.len() - TRAILER;
        let mut section = tag.to_le_bytes().to_vec();
        section.extend((content.len() as u32).to_le_bytes());
        section.extend(content);
        bytes.splice(end..end, section);
    })
}

/// The message of bytes that are refused.
fn refusal(bytes: &[u8]) -> String {
    let error = read(bytes).expect_err("these bytes must be refused");
    assert_eq!(error.kind(), ErrorKind::Template);
    error.message().to_owned()
}

#[track_caller]
fn assert_refused(bytes: &[u8], part: &str) {
    let message = refusal(bytes);
    assert!(message.contains(part), "{message:?} instead of {part:?}");
}

/// Where things are in the specimen's f32 form.
const LENGTH: std::ops::Range<usize> = 12..16;
const QUALITY: std::ops::Range<usize> = 48..56;
const IMAGES: std::ops::Range<usize> = 56..60;
const DIRECTION: usize = 60;
const MODEL_SECTION: usize = DIRECTION + 12;
const FACE_SECTION: usize = MODEL_SECTION + 6 + 5;
const UQS_SECTION: usize = FACE_SECTION + 6 + 64;

/// The bytes as they are for ever, checksums by another program: a change here is a new format version.
#[test]
fn golden_bytes() {
    let sections = "0100 05000000 7366616365 \
        0200 40000000 0000c03f 000000c0 0000c842 0000f042 0000403f 00002041 0000a041 0000f041 0000a441 0000a041 0000f041 \
        00004041 00002042 0000e041 00002042 02000000 \
        0300 01000000 3f \
        0400 04000000 69642037";
    let header = "03000000 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f 0000000000001c40 01000000";
    for (scalar, start, direction, crc) in [
        (
            Scalar::F32,
            "514d4654 0100 00 00 ae000000",
            "b76d5b3f 254992be b76ddb3e",
            "fa199ee8",
        ),
        (
            Scalar::F16,
            "514d4654 0100 01 00 a8000000",
            "db3a 92b4 db36",
            "640e4091",
        ),
        (Scalar::I8, "514d4654 0100 02 00 a5000000", "7f d6 40", "232c1525"),
    ] {
        let expected = [start, header, direction, sections, crc].concat().replace(' ', "");
        assert_eq!(hex::encode(specimen().to_bytes(scalar)), expected, "{scalar:?}");
        assert!(read(&hex::decode(expected).unwrap()).is_ok());
    }
    let failed = Template::failed("sface", Fingerprint([0xab; 32]), 128).unwrap();
    let expected = [
        "514d4654 0100 00 01 4b000000 80000000",
        &"ab".repeat(32),
        "0000000000000000 00000000 0100 05000000 7366616365 c074f4f2",
    ];
    assert_eq!(
        hex::encode(failed.to_bytes(Scalar::F32)),
        expected.concat().replace(' ', "")
    );
    assert_eq!(read(&failed.to_bytes(Scalar::F32)).unwrap(), failed);
}

#[test]
fn every_precision_round_trips() {
    let exact = specimen();
    for (scalar, tolerance) in [(Scalar::F32, 0.0), (Scalar::F16, 5e-4), (Scalar::I8, 5e-3)] {
        let bytes = exact.to_bytes(scalar);
        let back = read(&bytes).unwrap();
        assert_eq!(back.scalar(), scalar);
        for (ours, stored) in back.direction().iter().zip(exact.direction()) {
            assert!((ours - stored).abs() <= tolerance, "{scalar:?}: {ours} for {stored}");
        }
        assert_eq!(back.to_bytes(scalar), bytes, "{scalar:?}");
        // All but the direction is exact.
        assert_eq!(
            Template {
                scalar: Scalar::F32,
                features: exact.features.clone(),
                ..back.clone()
            },
            exact
        );
        assert_eq!((back.quality(), back.images()), (exact.quality(), 1));
    }
}

#[test]
fn every_flipped_bit_is_found() {
    for scalar in Scalar::ALL {
        let bytes = specimen().to_bytes(scalar);
        for bit in 0..8 * bytes.len() {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            refusal(&damaged);
        }
    }
}

#[test]
fn every_missing_or_additional_byte_is_found() {
    for scalar in Scalar::ALL {
        let bytes = specimen().to_bytes(scalar);
        for length in 0..bytes.len() {
            refusal(&bytes[..length]);
        }
        assert_refused(&[&bytes[..], &[0]].concat(), "should have");
        refusal(&[&bytes[..], &bytes].concat());
    }
}

#[test]
fn every_cut_is_found_by_its_structure_too() {
    // Sealed again: the checksum is right, and what is missing must still be noticed.
    let bytes = specimen().to_bytes(Scalar::F32);
    let whole = [UQS_SECTION, FACE_SECTION, UQS_SECTION + 7];
    for end in 12..bytes.len() - TRAILER {
        let cut = seal([&bytes[..end], &[0; TRAILER]].concat());
        assert_eq!(read(&cut).is_ok(), whole.contains(&end), "cut at {end}");
    }
    // Too short even for the checksum.
    for size in 12..16u32 {
        let mut bytes = bytes[..size as usize].to_vec();
        bytes[8..12].copy_from_slice(&size.to_le_bytes());
        refusal(&bytes);
    }
}

#[test]
fn sections_of_a_newer_version_are_skipped_unless_critical() {
    for content in [&[][..], b"from the future"] {
        assert_eq!(read(&with_section(0x0777, content)).unwrap(), specimen());
        assert_refused(&with_section(0x8777, content), "update qmagface");
    }
}

#[test]
fn a_newer_format_is_refused_with_a_clear_text() {
    assert_refused(
        &changed(Scalar::F32, |bytes| bytes[4] = 2),
        "format version 2, this library reads 1: update qmagface",
    );
}

#[test]
fn sections_come_once() {
    for (tag, content) in [
        (tag::MODEL, &b"sface"[..]),
        (tag::UQS, &[5]),
        (tag::METADATA, b"x"),
        (tag::FACE, &[0; 64]),
    ] {
        assert_refused(&with_section(tag, content), "twice");
    }
}

#[test]
fn headers_that_make_no_sense_are_refused() {
    let refused = |at: std::ops::Range<usize>, value: &[u8], part: &str| {
        assert_refused(&changed(Scalar::F32, |bytes| bytes[at].copy_from_slice(value)), part);
    };
    refused(0..4, b"QMFX", "no template");
    refused(6..7, &[3], "scalar type 3");
    refused(6..7, &[255], "scalar type 255");
    refused(7..8, &[2], "flags 0x02");
    refused(7..8, &[FAILED], "yet has a quality");
    refused(LENGTH, &0u32.to_le_bytes(), "0 floats");
    refused(LENGTH, &16_385u32.to_le_bytes(), "16385 floats");
    refused(LENGTH, &u32::MAX.to_le_bytes(), "floats");
    refused(LENGTH, &16_384u32.to_le_bytes(), "cut short");
    for quality in [0.0, -7.0, f64::NAN, f64::INFINITY, 1e-31, 1e31, 5e-324] {
        refused(QUALITY, &quality.to_le_bytes(), "quality is");
    }
    refused(IMAGES, &[0; 4], "no image");
}

#[test]
fn failed_templates_have_no_quality() {
    let bytes = Template::failed("sface", Fingerprint([1; 32]), 128)
        .unwrap()
        .to_bytes(Scalar::I8);
    let with = |at: std::ops::Range<usize>, value: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at].copy_from_slice(value);
        seal(bytes)
    };
    assert_refused(&with(QUALITY, &1f64.to_le_bytes()), "yet has");
    assert_refused(&with(QUALITY, &(-0f64).to_le_bytes()), "yet has");
    assert_refused(&with(IMAGES, &[1, 0, 0, 0]), "yet has");
    assert_refused(&with(7..8, &[0]), "no image");
}

#[test]
fn directions_that_are_none_are_refused() {
    let with = |scalar: Scalar, value: &[u8]| {
        changed(scalar, |bytes| {
            bytes[DIRECTION..DIRECTION + value.len()].copy_from_slice(value)
        })
    };
    let f16 = |value: f32| half::f16::from_f32(value).to_le_bytes();
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        assert_refused(&with(Scalar::F32, &value.to_le_bytes()), "not finite");
        assert_refused(&with(Scalar::F16, &f16(value)), "not finite");
    }
    for value in [0.0f32, 0.8572, 1e30] {
        assert_refused(&with(Scalar::F32, &value.to_le_bytes()), "length is not 1");
    }
    assert_refused(&with(Scalar::F16, &f16(0.86)), "length is not 1");
    assert_refused(&with(Scalar::I8, &[0, 0, 0]), "largest value");
    assert_refused(&with(Scalar::I8, &[0x80]), "largest value");
    assert_refused(&with(Scalar::I8, &[126]), "largest value");
}

#[test]
fn sections_that_make_no_sense_are_refused() {
    let refused = |at: usize, value: &[u8], part: &str| {
        let bytes = changed(Scalar::F32, |bytes| bytes[at..at + value.len()].copy_from_slice(value));
        assert_refused(&bytes, part);
    };
    for section in [MODEL_SECTION, FACE_SECTION, UQS_SECTION] {
        refused(section + 2, &u32::MAX.to_le_bytes(), "cut short");
    }
    refused(MODEL_SECTION, &9u16.to_le_bytes(), "doesn't name its model");
    refused(MODEL_SECTION + 6, b"SFACE", "lower-case");
    refused(MODEL_SECTION + 6, b"\xff", "UTF-8");
    refused(FACE_SECTION + 6, &f32::NAN.to_le_bytes(), "finite");
    refused(FACE_SECTION + 6 + 4 * 14, &f32::INFINITY.to_le_bytes(), "finite");
    refused(UQS_SECTION + 6, &[101], "0 to 100");
    let without_face = |tag: u16, content: &[u8]| {
        let mut bytes = Template {
            face: None,
            uqs: None,
            metadata: Wiped::new(),
            ..specimen()
        }
        .to_bytes(Scalar::F32);
        bytes.truncate(bytes.len() - TRAILER);
        bytes.extend(tag.to_le_bytes());
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(content);
        bytes.extend([0; TRAILER]);
        seal(bytes)
    };
    assert!(read(&without_face(tag::FACE, &[0; 64])).is_ok());
    assert_refused(&without_face(tag::FACE, &[0; 63]), "cut short");
    assert_refused(&without_face(tag::FACE, &[0; 65]), "15 finite numbers");
    assert_refused(&without_face(tag::UQS, &[]), "0 to 100");
    assert_refused(&without_face(tag::UQS, &[1, 1]), "0 to 100");
    assert!(read(&without_face(tag::METADATA, &[0; 65_536])).is_ok());
    assert_refused(&without_face(tag::METADATA, &[0; 65_537]), "65537 bytes of metadata");
    assert_refused(&without_face(tag::METADATA, &[]), "0 bytes of metadata");
}

/// Any template that has a direction.
fn any_template() -> impl Strategy<Value = Template> {
    let embedding = prop::collection::vec(-1.0f32..1.0, 1..200);
    let face = prop::option::of((prop::array::uniform4(-1e4f32..1e4), 0.0f32..1.0, any::<u32>()));
    let metadata = prop::collection::vec(any::<u8>(), 0..100);
    (
        embedding,
        1e-6f32..1e6,
        any::<[u8; 32]>(),
        "[a-z0-9]{1,64}",
        face,
        prop::option::of(0u8..=100),
        metadata,
    )
        .prop_filter_map(
            "no direction",
            |(mut embedding, scale, fingerprint, model, face, uqs, metadata)| {
                embedding.iter_mut().for_each(|v| *v *= scale);
                let template = Template::from_embedding(&model, Fingerprint(fingerprint), &embedding).ok()?;
                let template = template.with_uqs(uqs).with_metadata(&metadata).ok()?;
                let Some((bbox, score, faces)) = face else {
                    return Some(template);
                };
                let landmarks = [[bbox[0], bbox[3]]; 5];
                template.with_face(Face { bbox, score, landmarks }, faces as usize).ok()
            },
        )
}

proptest! {
    #[test]
    fn any_template_round_trips(template in any_template()) {
        prop_assert_eq!(&read(&template.to_bytes(Scalar::F32)).unwrap(), &template);
        for (scalar, step) in [(Scalar::F16, 1e-3), (Scalar::I8, 1.0)] {
            let bytes = template.to_bytes(scalar);
            let back = read(&bytes).unwrap();
            let length = back.direction().iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
            prop_assert!((length - 1.0).abs() < 1e-6);
            let largest = template.direction().iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
            let cosine: f64 = back.direction().iter().zip(template.direction())
                .map(|(&a, &b)| f64::from(a) * f64::from(b)).sum();
            // An error of e at right angles turns a unit vector by e: half a step for each value at most.
            let error = match scalar {
                Scalar::I8 => f64::from(largest) / 127.0 * (template.length() as f64).sqrt() / 2.0,
                _ => step / 2.0 + 1e-4,
            };
            prop_assert!(cosine >= 1.0 - error * error - 1e-6, "{:?}: {}", scalar, cosine);
            prop_assert_eq!(back.quality(), template.quality());
        }
        // What i8 gives is a fixed point.
        let bytes = template.to_bytes(Scalar::I8);
        prop_assert_eq!(read(&bytes).unwrap().to_bytes(Scalar::I8), bytes);
    }

    /// Sealed, so that the checks behind the checksum meet the damage. Whatever is let through is a whole template.
    #[test]
    fn damage_with_a_right_checksum_never_panics(
        template in any_template(),
        scalar in prop::sample::select(&Scalar::ALL[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut bytes = template.to_bytes(scalar);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(cut) = cut {
            bytes.truncate(16 + cut.index(bytes.len() - 16));
        }
        if let Ok(read_back) = read(&seal(bytes)) {
            for scalar in Scalar::ALL {
                prop_assert_eq!(read(&read_back.to_bytes(scalar)).unwrap().quality(), read_back.quality());
            }
            prop_assert!(read_back.embedding().iter().all(|v| v.is_finite()));
        }
    }

    #[test]
    fn any_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), sealed in any::<bool>()) {
        if sealed && bytes.len() >= 16 {
            bytes[..6].copy_from_slice(b"QMFT\x01\x00");
            bytes = seal(bytes);
        }
        let _ = read(&bytes);
    }
}
