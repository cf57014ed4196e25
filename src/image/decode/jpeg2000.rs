//! JPEG 2000, as a file (JP2) or a bare codestream.

mod codestream;

use super::{DecodeLimits, damaged};
use crate::error::Result;
use crate::image::BgrImage;
use crate::image::kind::ImageKind;
use hayro_jpeg2000::{ColorSpace, DecodeSettings, DecoderContext, Image};

pub(super) fn decode(bytes: &[u8], limits: &DecodeLimits) -> Result<BgrImage> {
    let wrong = |why: String| damaged(ImageKind::Jpeg2000, why);
    // Strict: data that end early are an error, not a coarser picture.
    let settings = DecodeSettings {
        strict: true,
        ..DecodeSettings::default()
    };
    let image = Image::new(bytes, &settings).map_err(|error| wrong(error.to_string()))?;
    let (width, height) = (image.width(), image.height());
    crate::image::check_pixels(width.into(), height.into(), limits)?;
    codestream::check(bytes, limits)?;
    let unsupported = |why: &str| Err(super::unsupported(ImageKind::Jpeg2000, why));
    let colours = match image.color_space() {
        ColorSpace::Gray => 1,
        ColorSpace::RGB => 3,
        // As everywhere, profiles are not applied.
        ColorSpace::Icc { num_channels, .. } if matches!(num_channels, 1 | 3) => usize::from(*num_channels),
        ColorSpace::CMYK => return unsupported("its colours are four inks"),
        ColorSpace::Icc { .. } | ColorSpace::Unknown { .. } => return unsupported("its colours are not known"),
    };
    let channels = colours + usize::from(image.has_alpha());
    let mut context = DecoderContext::default();
    let decoded = image.decode(&mut context).map_err(|error| wrong(error.to_string()))?;
    let pixels = width as usize * height as usize;
    let samples = decoded.data_u8();
    if decoded.components().len() != channels || samples.len() != pixels * channels {
        return unsupported("its channels are not of one size");
    }
    let rgb = match channels {
        3 => samples,
        _ => {
            let mut rgb = Vec::with_capacity(3 * pixels);
            for pixel in samples.chunks_exact(channels) {
                match colours {
                    1 => rgb.extend([pixel[0]; 3]),
                    _ => rgb.extend(&pixel[..3]),
                }
            }
            rgb
        }
    };
    BgrImage::from_rgb(width as usize, height as usize, rgb)
}
