//! HEIC: still pictures of HEVC in HEIF files, as phones write them.

use super::own_thread::on_own_thread;
use super::{DecodeLimits, damaged, over_limit, unsupported};
use crate::error::{Error, Result};
use crate::image::BgrImage;
use crate::image::kind::ImageKind;
use heic_decoder::HeifError;

pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let info = heic_decoder::probe(bytes).map_err(refused)?;
    crate::image::check_pixels(info.width as u64, info.height as u64, limits)?;
    crate::image::check_pixels(info.coded_width as u64, info.coded_height as u64, limits)?;
    let rgb = on_own_thread(|| heic_decoder::decode(bytes)?.to_rgb8())?.map_err(refused)?;
    BgrImage::from_rgb(rgb.width, rgb.height, rgb.data)
}

fn refused(error: HeifError) -> Error {
    match error {
        HeifError::LimitExceeded(why) => over_limit(format!("HEIC: {why}")),
        HeifError::Unsupported(why) => unsupported(ImageKind::Heic, why),
        HeifError::MalformedBox(why) | HeifError::MalformedHevc(why) => damaged(ImageKind::Heic, why),
        error => damaged(ImageKind::Heic, error),
    }
}
