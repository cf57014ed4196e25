//! How a HEIF file wants its primary picture turned (ISO/IEC 23008-12, clauses 6.5.10 and 6.5.12). The parser of AVIF files
//! leaves that out.

use super::super::boxes::boxes;
use super::{unsupported, wrong};
use crate::error::Result;
use crate::image::kind::ImageKind;
use image::DynamicImage;

/// One of the steps.
pub(super) enum Transform {
    /// Quarter turns anticlockwise.
    Turn(u8),
    /// Top and bottom are exchanged.
    MirrorVertically,
    /// Left and right are exchanged.
    MirrorHorizontally,
}

impl Transform {
    pub fn of(self, picture: DynamicImage) -> DynamicImage {
        match self {
            Transform::Turn(1) => picture.rotate270(),
            Transform::Turn(2) => picture.rotate180(),
            Transform::Turn(3) => picture.rotate90(),
            Transform::Turn(_) => picture,
            Transform::MirrorVertically => picture.flipv(),
            Transform::MirrorHorizontally => picture.fliph(),
        }
    }
}

/// The transforms of the primary picture, in order.
pub(super) fn of_primary(file: &[u8]) -> Result<Vec<Transform>> {
    let Some(meta) = boxes(file).find(|part| part.name == b"meta") else {
        return Ok(Vec::new());
    };
    // Behind version and flags.
    let meta = || boxes(meta.contents.get(4..).unwrap_or_default());
    let primary = meta()
        .find(|part| part.name == b"pitm")
        .and_then(|part| primary_item(part.contents));
    let Some(properties) = meta().find(|part| part.name == b"iprp") else {
        return Ok(Vec::new());
    };
    let inside = |name: &[u8; 4]| boxes(properties.contents).find(|part| part.name == name);
    let (Some(primary), Some(container), Some(associations)) = (primary, inside(b"ipco"), inside(b"ipma")) else {
        return Ok(Vec::new());
    };
    let indices = associated(associations.contents, primary).ok_or_else(|| wrong("its properties end early"))?;
    // Once: an item may name many of many.
    let properties: Vec<_> = boxes(container.contents).collect();
    let mut transforms = Vec::new();
    for index in indices {
        // Numbered from 1; 0 is none.
        let Some(property) = index.checked_sub(1).and_then(|index| properties.get(index)) else {
            continue;
        };
        let first = property.contents.first().copied().unwrap_or(0);
        match property.name {
            b"irot" => transforms.push(Transform::Turn(first & 3)),
            b"imir" if first & 1 == 0 => transforms.push(Transform::MirrorVertically),
            b"imir" => transforms.push(Transform::MirrorHorizontally),
            b"clap" => return Err(unsupported(ImageKind::Avif, "it shows only a part of its picture")),
            _ => {}
        }
    }
    Ok(transforms)
}

/// The number of the primary picture: 16 bits, or 32 in a later version of the box.
fn primary_item(contents: &[u8]) -> Option<u32> {
    match contents.first()? {
        0 => Some(u16::from_be_bytes(*contents.get(4..)?.first_chunk()?).into()),
        _ => Some(u32::from_be_bytes(*contents.get(4..)?.first_chunk()?)),
    }
}

/// The properties' numbers that belong to an item.
fn associated(contents: &[u8], item: u32) -> Option<Vec<usize>> {
    let (&[version, _, _, flags], rest) = contents.split_first_chunk::<4>()?;
    let (&count, mut rest) = rest.split_first_chunk::<4>()?;
    for _ in 0..u32::from_be_bytes(count) {
        let number = match version {
            0 => {
                let (&number, after) = rest.split_first_chunk::<2>()?;
                rest = after;
                u16::from_be_bytes(number).into()
            }
            _ => {
                let (&number, after) = rest.split_first_chunk::<4>()?;
                rest = after;
                u32::from_be_bytes(number)
            }
        };
        let (&properties, after) = rest.split_first()?;
        // The highest bit says whether a reader must know the property.
        let wide = flags & 1 == 1;
        let (indices, after) = after.split_at_checked(usize::from(properties) * if wide { 2 } else { 1 })?;
        rest = after;
        if number == item {
            return Some(match wide {
                true => indices
                    .as_chunks::<2>()
                    .0
                    .iter()
                    .map(|&two| usize::from(u16::from_be_bytes(two) & 0x7FFF))
                    .collect(),
                false => indices.iter().map(|&one| usize::from(one & 0x7F)).collect(),
            });
        }
    }
    Some(Vec::new())
}
