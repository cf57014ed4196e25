//! An engine that has worked before asks for no large block of memory: it keeps what it works in.

use crate::watched::{LARGE, large_blocks};
use crate::{alone, common};
use qmagface::{BgrImage, DecodeLimits};

#[test]
fn an_engine_works_in_the_memory_it_has() {
    let _alone = alone();
    let engine = common::sface_on_cpu();
    let small = qmagface::image::read(&common::photos().join("obama.jpg"), &DecodeLimits::default()).unwrap();
    // Twice as large: it is halved before it is looked at, and has looks of two sizes.
    let large = doubled(&small);
    let first = large_blocks(|| drop(engine.extract(&large).unwrap().unwrap()));
    assert!(
        first > 5,
        "an engine's first work needs memory: the counting doesn't work"
    );
    drop(engine.extract(&small).unwrap().unwrap());
    for image in [&small, &large, &small] {
        let again = large_blocks(|| drop(engine.extract(image).unwrap().unwrap()));
        assert_eq!(again, 0, "blocks of {LARGE} bytes and more");
    }
}

fn doubled(image: &BgrImage) -> BgrImage {
    let (width, height) = (2 * image.width(), 2 * image.height());
    let pixel = |x: usize, y: usize| {
        let at = (y / 2 * image.width() + x / 2) * 3;
        <[u8; 3]>::try_from(&image.data()[at..at + 3]).unwrap()
    };
    let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y)));
    BgrImage::new(width, height, pixels.collect()).unwrap()
}
