//! The binary form of a template; docs/template-format.md describes it byte by byte.

use super::{Features, Scalar, Template, TemplateFace, magic};
use crate::error::{Error, ErrorKind, Result};
use crate::face::Face;
use crate::identity::Fingerprint;
use crate::wiped::Wiped;

/// The version of the format this library reads and writes.
const VERSION: u16 = 1;

/// Bytes before the direction.
const HEADER: usize = 60;

/// Bytes from the magic to the size, which say whether the rest can be read.
const PREFIX: usize = 12;

/// Bytes of the CRC at the end.
const TRAILER: usize = 4;

/// The header's flag of a failed template, the only flag.
const FAILED: u8 = 1;

/// The sections, by their tags.
mod tag {
    pub const MODEL: u16 = 1;
    pub const FACE: u16 = 2;
    pub const UQS: u16 = 3;
    pub const METADATA: u16 = 4;
    /// Bit of the tags that a reader must know or else refuse the template.
    pub const CRITICAL: u16 = 0x8000;
}

pub(super) fn write(template: &Template, scalar: Scalar) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + template.length * scalar.size() + template.metadata.len() + 256);
    bytes.extend(magic::TEMPLATE);
    bytes.extend(VERSION.to_le_bytes());
    bytes.push(scalar.code());
    bytes.push(if template.is_failed() { FAILED } else { 0 });
    bytes.extend([0; 4]); // the size, once it is known
    bytes.extend((template.length as u32).to_le_bytes());
    bytes.extend(template.fingerprint.0);
    bytes.extend(template.quality().to_le_bytes());
    bytes.extend(template.images().to_le_bytes());
    scalar.write(template.direction(), &mut bytes);

    let mut section = |tag: u16, content: &[u8]| {
        bytes.extend(tag.to_le_bytes());
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(content);
    };
    section(tag::MODEL, template.model.as_bytes());
    if let Some(TemplateFace { face, faces }) = &template.face {
        let numbers = face
            .bbox
            .iter()
            .chain([&face.score])
            .chain(face.landmarks.as_flattened());
        let mut content: Vec<u8> = numbers.flat_map(|v| v.to_le_bytes()).collect();
        content.extend(faces.to_le_bytes());
        section(tag::FACE, &content);
    }
    if let Some(uqs) = template.uqs {
        section(tag::UQS, &[uqs]);
    }
    if !template.metadata.is_empty() {
        section(tag::METADATA, &template.metadata);
    }

    let size = (bytes.len() + TRAILER) as u32; // at most 16,384 floats and 64 KiB: it fits
    bytes[8..12].copy_from_slice(&size.to_le_bytes());
    let crc = crc32fast::hash(&bytes);
    bytes.extend(crc.to_le_bytes());
    bytes
}

pub(super) fn read(bytes: &[u8]) -> Result<Template> {
    let mut header = Reader(bytes);
    match header.array()? {
        magic::TEMPLATE => (),
        magic::SEALED => return Err(wrong("the template is sealed: it must be unsealed with its key")),
        _ => return Err(wrong("these bytes are no template")),
    }
    let version = u16::from_le_bytes(header.array()?);
    if version != VERSION {
        return Err(wrong(format!(
            "the template is of format version {version}, this library reads {VERSION}: update qmagface"
        )));
    }
    let [scalar, flags] = header.array()?;
    let size = header.u32()?;
    if size as usize != bytes.len() {
        return Err(wrong(format!(
            "the template should have {size} bytes, there are {}",
            bytes.len()
        )));
    }
    let Some((content, crc)) = bytes.split_last_chunk::<TRAILER>() else {
        return Err(cut_short());
    };
    if crc32fast::hash(content) != u32::from_le_bytes(*crc) {
        return Err(wrong("the template is damaged: its checksum is wrong"));
    }

    // From here on the bytes are as written, but not who wrote them.
    let mut reader = Reader(content);
    reader.take(PREFIX)?;
    let scalar = Scalar::from_code(scalar).ok_or_else(|| {
        wrong(format!(
            "the template's scalar type {scalar} is unknown: 0 to 2 are f32, f16 and i8"
        ))
    })?;
    if flags & !FAILED != 0 {
        return Err(wrong(format!("the template has unknown flags {flags:#04x}")));
    }
    let length = reader.u32()? as usize;
    if !(1..=Template::MAX_LENGTH).contains(&length) {
        return Err(wrong(format!(
            "the template has {length} floats, allowed is 1 to {}",
            Template::MAX_LENGTH
        )));
    }
    let fingerprint = Fingerprint(reader.array()?);
    let quality = f64::from_le_bytes(reader.array()?);
    let images = reader.u32()?;
    let features = if flags & FAILED != 0 {
        if quality.to_bits() != 0 || images != 0 {
            return Err(wrong("the template is marked as failed, yet has a quality or images"));
        }
        None
    } else {
        if images == 0 {
            return Err(wrong("the template is of no image, yet not marked as failed"));
        }
        let direction = scalar
            .read(reader.take(length * scalar.size())?)
            .map_err(|what| wrong(format!("the template is wrong: {what}")))?;
        Some(Features {
            direction,
            quality,
            images,
        })
    };
    let sections = Sections::read(reader)?;
    let model = sections
        .model
        .ok_or_else(|| wrong("the template doesn't name its model"))?;
    let model = std::str::from_utf8(model).map_err(|_| wrong("the template's model name is not UTF-8"))?;
    let template = Template::of(model, fingerprint, length, scalar, features).map_err(|e| wrong(e.message()))?;
    Ok(Template {
        face: sections.face.map(read_face).transpose()?,
        uqs: sections.uqs.map(read_uqs).transpose()?,
        metadata: sections.metadata.map_or(Ok(Wiped::new()), read_metadata)?,
        ..template
    })
}

/// The contents of the sections this version knows.
#[derive(Default)]
struct Sections<'a> {
    model: Option<&'a [u8]>,
    face: Option<&'a [u8]>,
    uqs: Option<&'a [u8]>,
    metadata: Option<&'a [u8]>,
}

impl<'a> Sections<'a> {
    fn read(mut reader: Reader<'a>) -> Result<Self> {
        let mut sections = Sections::default();
        while !reader.0.is_empty() {
            let tag = u16::from_le_bytes(reader.array()?);
            let length = reader.u32()? as usize;
            let content = reader.take(length)?;
            let place = match tag {
                tag::MODEL => &mut sections.model,
                tag::FACE => &mut sections.face,
                tag::UQS => &mut sections.uqs,
                tag::METADATA => &mut sections.metadata,
                unknown if unknown & tag::CRITICAL != 0 => {
                    return Err(wrong(format!(
                        "the template needs section {unknown:#06x}, which this version doesn't know: update qmagface"
                    )));
                }
                _ => continue,
            };
            if place.replace(content).is_some() {
                return Err(wrong(format!("the template has section {tag:#06x} twice")));
            }
        }
        Ok(sections)
    }
}

fn read_face(content: &[u8]) -> Result<TemplateFace> {
    let mut reader = Reader(content);
    let mut numbers = [0.0f32; 15];
    for number in &mut numbers {
        *number = f32::from_le_bytes(reader.array()?);
    }
    let faces = reader.u32()?;
    let [x1, y1, x2, y2, score, landmarks @ ..] = numbers;
    let (points, _) = landmarks.as_chunks::<2>();
    let face = Face {
        bbox: [x1, y1, x2, y2],
        score,
        landmarks: std::array::from_fn(|point| points[point]),
    };
    let face = TemplateFace { face, faces };
    if !reader.0.is_empty() || !face.is_finite() {
        return Err(wrong("the template's face is not 15 finite numbers and a count"));
    }
    Ok(face)
}

fn read_uqs(content: &[u8]) -> Result<u8> {
    match content {
        &[uqs @ 0..=100] => Ok(uqs),
        _ => Err(wrong("the template's unified quality score is not 0 to 100")),
    }
}

fn read_metadata(content: &[u8]) -> Result<Wiped<u8>> {
    if content.is_empty() || content.len() > Template::MAX_METADATA {
        return Err(wrong(format!(
            "the template has {} bytes of metadata, allowed is 1 to {}",
            content.len(),
            Template::MAX_METADATA
        )));
    }
    Ok(content.to_vec().into())
}

/// The bytes that are still to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(cut_short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }
}

fn cut_short() -> Error {
    wrong("the template is cut short")
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Template, what)
}

#[cfg(test)]
mod tests;
