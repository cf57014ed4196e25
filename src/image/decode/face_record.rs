//! Face records of ISO/IEC 19794-5:2005, as passports and identity cards hold them: by themselves, or in the data group 2 of
//! ICAO Doc 9303-10. The picture of the first face is decoded; it is JPEG or JPEG 2000.

use super::{DecodeLimits, damaged, unsupported};
use crate::error::{Error, Result};
use crate::image::BgrImage;
use crate::image::kind::ImageKind;

/// How a record begins: its format, and the version of 2005.
const RECORD: &[u8; 8] = b"FAC\x00010\0";
/// Tags of the data group: the group itself, the list of templates, one template, and its data (plain or constructed).
const DATA_GROUP: &[u8] = &[0x75];
const TEMPLATES: &[u8] = &[0x7F, 0x61];
const TEMPLATE: &[u8] = &[0x7F, 0x60];
const DATA: [&[u8]; 2] = [&[0x5F, 0x2E], &[0x7F, 0x2E]];

pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let record = match bytes.starts_with(DATA_GROUP) {
        true => data_group(bytes)?,
        false => bytes,
    };
    let picture = first_picture(record)?;
    match ImageKind::of(picture) {
        Some(kind @ (ImageKind::Jpeg | ImageKind::Jpeg2000)) => {
            let decode = super::decoder(kind).ok_or_else(|| super::not_read(kind))?;
            decode(picture, limits).map_err(|error| error.at("face record"))
        }
        _ => Err(wrong("its picture is neither JPEG nor JPEG 2000")),
    }
}

fn wrong(why: &str) -> Error {
    damaged(ImageKind::FaceRecord, why)
}

/// The record in a data group 2.
fn data_group(bytes: &[u8]) -> Result<&[u8]> {
    let group = Element::first(bytes, DATA_GROUP)?;
    let templates = Element::first(group, TEMPLATES)?;
    let template = Element::find(templates, &[TEMPLATE])?;
    Element::find(template, &DATA)
}

/// BER-TLV (ISO/IEC 8825-1), as far as data groups need it.
struct Element<'a> {
    tag: &'a [u8],
    value: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self> {
        let short = || wrong("its data end early");
        // Of two bytes where the lower five bits of the first are set.
        let length = if bytes.first().is_some_and(|first| first & 0x1F == 0x1F) {
            2
        } else {
            1
        };
        let (tag, rest) = bytes.split_at_checked(length).ok_or_else(short)?;
        let (&first, rest) = rest.split_first().ok_or_else(short)?;
        // A length below 128, or how many bytes it has; none is a form that ends with a mark, which cards don't use.
        let (length, rest) = match first {
            0..=0x7F => (usize::from(first), rest),
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x7F)).ok_or_else(short)?;
                (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
            }
            _ => return Err(wrong("a length in it has another form than data groups have")),
        };
        let (value, rest) = rest.split_at_checked(length).ok_or_else(short)?;
        Ok(Element { tag, value, rest })
    }

    /// The value of what `bytes` begin with, which must be `tag`.
    fn first(bytes: &'a [u8], tag: &[u8]) -> Result<&'a [u8]> {
        let element = Self::read(bytes)?;
        match element.tag == tag {
            true => Ok(element.value),
            false => Err(wrong("it is no data group 2")),
        }
    }

    /// The value of the first of `tags` in `bytes`.
    fn find(bytes: &'a [u8], tags: &[&[u8]]) -> Result<&'a [u8]> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let element = Self::read(rest)?;
            if tags.contains(&element.tag) {
                return Ok(element.value);
            }
            rest = element.rest;
        }
        Err(wrong("it has no face record"))
    }
}

/// The first picture of a record: clause 5 of the standard.
fn first_picture(record: &[u8]) -> Result<&[u8]> {
    if !record.starts_with(RECORD) {
        return Err(unsupported(
            ImageKind::FaceRecord,
            "it is of another version than ISO/IEC 19794-5:2005",
        ));
    }
    let number = |bytes: &[u8], at: usize, length: usize| -> Result<usize> {
        let field = bytes.get(at..at + length).ok_or_else(|| wrong("its data end early"))?;
        Ok(field.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)))
    };
    // Header: format, version, length of all, number of faces.
    let whole = record
        .get(..number(record, 8, 4)?)
        .ok_or_else(|| wrong("its data end early"))?;
    if number(whole, 12, 2)? == 0 {
        return Err(wrong("it has no face"));
    }
    let faces = whole.get(14..).unwrap_or_default();
    // The face: length of all of it, number of feature points of 8 bytes, and 14 bytes about the person and the pose; then 12
    // bytes about the picture, and the picture.
    let face = faces
        .get(..number(faces, 0, 4)?)
        .ok_or_else(|| wrong("its data end early"))?;
    let points = number(face, 4, 2)?;
    face.get(20 + 8 * points + 12..)
        .filter(|picture| !picture.is_empty())
        .ok_or_else(|| wrong("it has no picture"))
}
