//! Images between this library and the `image` crate.

use qmagface::BgrImage;

/// An image as the `image` crate has it.
pub fn rgb(image: &BgrImage) -> image::RgbImage {
    image::RgbImage::from_raw(image.width() as u32, image.height() as u32, image.to_rgb()).unwrap()
}

/// An image of the `image` crate as this library has it.
pub fn bgr(picture: image::RgbImage) -> BgrImage {
    BgrImage::from_rgb(picture.width() as usize, picture.height() as usize, picture.into_raw()).unwrap()
}
