//! Borrowed pixels with any format, size, stride and rotation: a picture of the size that they say, or refused.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use qmagface::{ImageView, PixelFormat, Rotation, Yuv};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    format: u8,
    width: u32,
    height: u32,
    /// Sizes that fit are rare among all numbers.
    small: bool,
    stride: u32,
    chroma_stride: u32,
    rotation: u8,
    yuv: u8,
    /// Where the planes are cut, when they are given one by one.
    cuts: Option<(u16, u16)>,
    data: &'a [u8],
}

const FORMATS: [PixelFormat; 8] = [
    PixelFormat::Bgr,
    PixelFormat::Rgb,
    PixelFormat::Gray,
    PixelFormat::Bgra,
    PixelFormat::Rgba,
    PixelFormat::Nv12,
    PixelFormat::Nv21,
    PixelFormat::I420,
];

fuzz_target!(|input: Input| {
    let format = FORMATS[usize::from(input.format) % FORMATS.len()];
    let side = |length: u32| match input.small {
        true => length as usize % 64,
        false => length as usize,
    };
    let (width, height, stride) = (side(input.width), side(input.height), input.stride as usize);
    let view = match input.cuts {
        None => ImageView::new(input.data, width, height, stride, format),
        Some((first, second)) => {
            let (luma, rest) = input.data.split_at((first as usize).min(input.data.len()));
            let (cb, cr) = rest.split_at((second as usize).min(rest.len()));
            ImageView::with_planes(
                luma,
                stride,
                [cb, cr],
                input.chroma_stride as usize,
                width,
                height,
                format,
            )
        }
    };
    let Ok(view) = view else { return };
    let rotation = Rotation::from_degrees(u32::from(input.rotation) % 4 * 90).expect("a quarter turn");
    let yuv = [Yuv::Bt601Limited, Yuv::Bt601Full, Yuv::Bt709Limited, Yuv::Bt709Full];
    let image = view
        .with_yuv(yuv[usize::from(input.yuv) % yuv.len()])
        .rotated(rotation)
        .to_bgr();
    let upright = match rotation.swaps_sides() {
        true => (height, width),
        false => (width, height),
    };
    assert_eq!((image.width(), image.height()), upright);
    assert_eq!(image.data().len(), 3 * width * height);
});
