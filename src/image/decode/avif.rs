//! AVIF: still pictures of AV1 in HEIF files.

use super::heif::items::Items;
use super::heif::transforms::{shown, transforms};
use super::own_thread::on_own_thread;
use super::{DecodeLimits, damaged, over_limit, unsupported};
use crate::error::{Error, Result};
use crate::image::BgrImage;
use crate::image::kind::ImageKind;
use heic_decoder::{ChromaSampling, ColorInfo, DecodedImage, Metadata};
use image::DynamicImage;
use re_rav1d::dav1d::pixel::YUVRange;
use re_rav1d::dav1d::{Decoder, Picture, PixelLayout, PlanarImageComponent, Settings};
use std::fmt::Display;

pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let file = avif_parse::read_avif(&mut &*bytes).map_err(|error| match error {
        avif_parse::Error::Unsupported(why) => unsupported(ImageKind::Avif, why),
        error => wrong(error),
    })?;
    let header = file.primary_item_metadata().map_err(wrong)?;
    let (width, height) = (header.max_frame_width.get(), header.max_frame_height.get());
    crate::image::check_pixels(width.into(), height.into(), limits)?;
    let items = Items::of(bytes, ImageKind::Avif)?;
    let transforms = transforms(items.properties(items.primary), ImageKind::Avif)?;
    let picture = decoded(file.primary_item.to_vec(), limits)?;
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let planes = planes(&picture)?;
    let rgb = on_own_thread(|| planes.to_rgb8())?.map_err(wrong)?;
    let rgb = image::RgbImage::from_raw(width as u32, height as u32, rgb.data);
    let rgb = rgb.ok_or_else(|| wrong("its picture has another size than its planes"))?;
    super::files::of_picture(DynamicImage::from(shown(rgb, &transforms, ImageKind::Avif)?))
}

fn wrong(why: impl Display) -> Error {
    damaged(ImageKind::Avif, why)
}

/// The first picture of the data.
fn decoded(data: Vec<u8>, limits: &DecodeLimits) -> Result<Picture> {
    let mut settings = Settings::new();
    // In the caller's thread.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_strict_std_compliance(true);
    settings.set_frame_size_limit(u32::try_from(limits.pixels).unwrap_or(u32::MAX));
    let mut decoder = Decoder::with_settings(&settings).map_err(wrong)?;
    let mut pending = decoder.send_data(data, None, None, None);
    loop {
        match decoder.get_picture() {
            Ok(picture) => {
                let pixels = u64::from(picture.width()) * u64::from(picture.height());
                return match pixels <= limits.pixels {
                    true => Ok(picture),
                    false => Err(over_limit(format!(
                        "AVIF: {pixels} pixels, the limit is {}",
                        limits.pixels
                    ))),
                };
            }
            Err(error) if error.is_again() && pending.as_ref().is_err_and(|error| error.is_again()) => {
                pending = decoder.send_pending_data();
            }
            Err(error) if error.is_again() => {
                pending.map_err(wrong)?;
                return Err(wrong("its data have no picture"));
            }
            Err(error) => return Err(wrong(error)),
        }
    }
}

/// The picture's planes, for the conversion to RGB that HEIC's decoder has.
fn planes(picture: &Picture) -> Result<DecodedImage> {
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    let half = |side: usize| side.div_ceil(2);
    let (format, sub, (chroma_width, chroma_height)) = match picture.pixel_layout() {
        PixelLayout::I400 => (0, (1, 1), (0, 0)),
        PixelLayout::I420 => (1, (2, 2), (half(width), half(height))),
        PixelLayout::I422 => (2, (2, 1), (half(width), height)),
        PixelLayout::I444 => (3, (1, 1), (width, height)),
    };
    let depth = picture.bit_depth() as u32;
    let plane = |component: PlanarImageComponent, width: usize, height: usize| -> Result<Vec<i32>> {
        let mut values = Vec::with_capacity(width * height);
        if width == 0 || height == 0 {
            return Ok(values);
        }
        let (data, stride) = (picture.plane(component), picture.stride(component) as usize);
        for row in data.chunks(stride.max(1)).take(height) {
            match depth {
                8 => values.extend(row.iter().take(width).map(|&value| i32::from(value))),
                _ => {
                    let (pairs, _) = row.as_chunks::<2>();
                    values.extend(
                        pairs
                            .iter()
                            .take(width)
                            .map(|&pair| i32::from(u16::from_ne_bytes(pair))),
                    );
                }
            }
        }
        match values.len() == width * height {
            true => Ok(values),
            false => Err(wrong("a plane is too small")),
        }
    };
    let matrix = picture.matrix_coefficients() as u16;
    Ok(DecodedImage {
        alpha: None,
        width,
        height,
        bit_depth_luma: depth,
        bit_depth_chroma: depth,
        chroma_format_idc: format,
        color_info: Some(ColorInfo {
            color_primaries: 2,
            transfer_characteristics: 2,
            // Where it isn't said, it is BT.601's, as writers of AVIF have it.
            matrix_coefficients: if matrix == 2 { 6 } else { matrix },
            full_range: picture.color_range() == YUVRange::Full,
        }),
        chroma_sampling: ChromaSampling {
            sub_x: sub.0,
            sub_y: sub.1,
            // Between the pixels of luma that it is for.
            origin_x: (sub.0 - 1) as f32 / 2.0,
            origin_y: (sub.1 - 1) as f32 / 2.0,
        },
        y: plane(PlanarImageComponent::Y, width, height)?,
        cb: plane(PlanarImageComponent::U, chroma_width, chroma_height)?,
        cr: plane(PlanarImageComponent::V, chroma_width, chroma_height)?,
        cb_width: chroma_width,
        cb_height: chroma_height,
        metadata: Metadata::default(),
    })
}
