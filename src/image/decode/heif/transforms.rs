//! How a HEIF file wants its picture shown: cropped (clean aperture), turned, mirrored (ISO/IEC 23008-12, clauses 6.5.9,
//! 6.5.10 and 6.5.12).

use super::super::boxes::{Numbers, Part};
use super::super::damaged;
use crate::error::Result;
use crate::image::kind::ImageKind;
use image::RgbImage;
use image::imageops;

/// One of the steps.
pub(in crate::image::decode) enum Transform {
    /// A part around the middle.
    Crop(Aperture),
    /// Quarter turns anticlockwise.
    Turn(u8),
    /// Top and bottom are exchanged.
    MirrorVertically,
    /// Left and right are exchanged.
    MirrorHorizontally,
}

/// For both axes the length that is shown, and how far its middle is from the picture's; fractions.
pub(in crate::image::decode) struct Aperture {
    length: [[i64; 2]; 2],
    offset: [[i64; 2]; 2],
}

impl Transform {
    /// What a property says; `None` for one that isn't a transform.
    fn said(property: &Part, kind: ImageKind) -> Result<Option<Self>> {
        let first = property.contents.first().copied().unwrap_or(0);
        Ok(Some(match property.name {
            b"clap" => Transform::Crop(
                aperture(property.contents).ok_or_else(|| damaged(kind, "its clean aperture ends early"))?,
            ),
            b"irot" => Transform::Turn(first & 3),
            b"imir" if first & 1 == 0 => Transform::MirrorVertically,
            b"imir" => Transform::MirrorHorizontally,
            _ => return Ok(None),
        }))
    }

    fn of(&self, picture: RgbImage, kind: ImageKind) -> Result<RgbImage> {
        Ok(match self {
            Transform::Crop(aperture) => {
                let sides = [picture.width(), picture.height()];
                let part = |axis: usize| aperture.part(axis, sides[axis]);
                let (Some([x, width]), Some([y, height])) = (part(0), part(1)) else {
                    return Err(damaged(
                        kind,
                        "its clean aperture is no part of its picture in whole pixels",
                    ));
                };
                imageops::crop_imm(&picture, x, y, width, height).to_image()
            }
            Transform::Turn(1) => imageops::rotate270(&picture),
            Transform::Turn(2) => imageops::rotate180(&picture),
            Transform::Turn(3) => imageops::rotate90(&picture),
            Transform::Turn(_) => picture,
            Transform::MirrorVertically => imageops::flip_vertical(&picture),
            Transform::MirrorHorizontally => imageops::flip_horizontal(&picture),
        })
    }
}

impl Aperture {
    /// Start and length of what is shown of `side` pixels; `None` where that isn't whole pixels inside them.
    fn part(&self, axis: usize, side: u32) -> Option<[u32; 2]> {
        let whole = |[number, divisor]: [i128; 2]| match divisor != 0 && number % divisor == 0 {
            true => u32::try_from(number / divisor).ok(),
            false => None,
        };
        let [length, offset] = [self.length[axis], self.offset[axis]].map(|pair| pair.map(i128::from));
        // (side - length) / 2 + offset
        let start = whole([
            i128::from(side) * length[1] * offset[1] - length[0] * offset[1] + 2 * offset[0] * length[1],
            2 * length[1] * offset[1],
        ])?;
        let length = whole(length)?;
        (length > 0 && start.checked_add(length)? <= side).then_some([start, length])
    }
}

fn aperture(contents: &[u8]) -> Option<Aperture> {
    let mut numbers = Numbers(contents);
    let mut fraction = |signed: bool| {
        let (number, divisor) = (numbers.u32()?, numbers.u32()?);
        let number = if signed { (number as i32).into() } else { number.into() };
        Some([number, divisor.into()])
    };
    Some(Aperture {
        length: [fraction(false)?, fraction(false)?],
        offset: [fraction(true)?, fraction(true)?],
    })
}

/// What a picture's properties say, in order; at most so many steps that a file can't make it long work.
pub(in crate::image::decode) fn transforms<'a>(
    properties: impl Iterator<Item = Part<'a>>,
    kind: ImageKind,
) -> Result<Vec<Transform>> {
    /// The standard has at most one of each.
    const MOST: usize = 3;
    let mut transforms = Vec::new();
    for property in properties {
        if let Some(transform) = Transform::said(&property, kind)? {
            transforms.push(transform);
        }
    }
    match transforms.len() <= MOST {
        true => Ok(transforms),
        false => Err(damaged(kind, "its picture has more transforms than there are")),
    }
}

/// The picture as the file wants it shown.
pub(in crate::image::decode) fn shown(
    picture: RgbImage,
    transforms: &[Transform],
    kind: ImageKind,
) -> Result<RgbImage> {
    transforms
        .iter()
        .try_fold(picture, |picture, transform| transform.of(picture, kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aperture_is_whole_pixels_around_the_middle_or_refused() {
        let part = |length: [i64; 2], offset: [i64; 2], side: u32| {
            let aperture = Aperture {
                length: [length; 2],
                offset: [offset; 2],
            };
            aperture.part(1, side)
        };
        assert_eq!(part([300, 1], [0, 1], 1280), Some([490, 300]));
        assert_eq!(part([4, 1], [-2, 1], 10), Some([1, 4]));
        // As libheif says that a column at the end is left out.
        assert_eq!(part([241, 1], [-1, 2], 242), Some([0, 241]));
        for (length, offset) in [
            ([4, 0], [0, 1]),
            ([4, 1], [0, 0]),
            ([11, 1], [0, 1]),
            ([0, 1], [0, 1]),
            ([4, 1], [-4, 1]),
            ([4, 1], [4, 1]),
            ([3, 2], [0, 1]),
            ([4, 1], [1, 2]),
            ([u32::MAX.into(), 1], [i32::MIN.into(), u32::MAX.into()]),
        ] {
            assert_eq!(part(length, offset, 10), None, "{length:?} {offset:?}");
        }
    }
}
