//! HEIC: still pictures of HEVC in HEIF files, as phones write them.
//!
//! The decoder takes what a file says at its word: data that are named many times, pictures that nobody sees. So what is
//! needed of a file is read here with bounds, and each coded picture (the whole, or a tile of it) is given to the decoder by
//! itself, in a file that this library writes. What the coded data themselves say isn't bounded yet: a list of entry points takes
//! 200 times its bytes.
//!
//! | file | its one job |
//! |---|---|
//! | `coded.rs` | one coded picture: its size by its own header, and its decoding |
//! | `grid.rs` | a picture that is made of tiles |

mod coded;
mod grid;

use super::boxes::Numbers;
use super::heif::items::Items;
use super::heif::transforms::{shown, transforms};
use super::own_thread::on_own_thread;
use super::{DecodeLimits, damaged, over_limit, unsupported};
use crate::error::{Error, Result};
use crate::image::BgrImage;
use crate::image::kind::ImageKind;
use coded::Coded;
use grid::Grid;
use heic_decoder::HeifError;
use image::{DynamicImage, RgbImage};

pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let items = Items::of(bytes, ImageKind::Heic)?;
    let transforms = transforms(items.properties(items.primary), ImageKind::Heic)?;
    // All data that are read are in the file, and none twice.
    let mut left = bytes.len();
    // In one thread: converting colours would spread over all cores.
    let picture = match items.kind_of(items.primary) {
        Some(kind) if kind == *b"hvc1" => {
            let coded = Coded::of(&items, items.primary, &mut left)?;
            crate::image::check_pixels(coded.coded[0].into(), coded.coded[1].into(), limits)?;
            on_own_thread(|| coded.decode())??
        }
        Some(kind) if kind == *b"grid" => {
            let grid = Grid::of(&items, items.primary, &mut left)?;
            crate::image::check_pixels(grid.width as u64, grid.height as u64, limits)?;
            on_own_thread(|| grid.decode(&items, &mut left, limits))??
        }
        Some(kind) => {
            let kind = String::from_utf8_lossy(&kind);
            return Err(unsupported(
                ImageKind::Heic,
                format!("its picture is of the kind `{}`", kind.escape_debug()),
            ));
        }
        None => return Err(wrong("it doesn't say what its picture is")),
    };
    super::files::of_picture(DynamicImage::from(shown(picture, &transforms, ImageKind::Heic)?))
}

fn wrong(why: &str) -> Error {
    damaged(ImageKind::Heic, why)
}

fn refused(error: HeifError) -> Error {
    match error {
        HeifError::LimitExceeded(why) => over_limit(format!("HEIC: {why}")),
        HeifError::Unsupported(why) => unsupported(ImageKind::Heic, why),
        HeifError::MalformedBox(why) | HeifError::MalformedHevc(why) => wrong(why),
        error => damaged(ImageKind::Heic, error),
    }
}
