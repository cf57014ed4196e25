//! Every layout and turn against a model that takes one pixel at a time, by the formats' definitions.

use super::*;

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
const YUVS: [Yuv; 4] = [Yuv::Bt601Limited, Yuv::Bt601Full, Yuv::Bt709Limited, Yuv::Bt709Full];
const ROTATIONS: [Rotation; 4] = [
    Rotation::None,
    Rotation::Clockwise90,
    Rotation::Clockwise180,
    Rotation::Clockwise270,
];

/// Bytes that look random, extreme ones among them.
fn noise(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 9) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A picture's planes with padding behind each row but the last.
struct Planes {
    format: PixelFormat,
    width: usize,
    height: usize,
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl Planes {
    fn new(format: PixelFormat, width: usize, height: usize, padding: [usize; 2]) -> Planes {
        let rows = match format {
            PixelFormat::Bgr | PixelFormat::Rgb => [3 * width, 0, 0],
            PixelFormat::Bgra | PixelFormat::Rgba => [4 * width, 0, 0],
            PixelFormat::Gray => [width, 0, 0],
            PixelFormat::Nv12 | PixelFormat::Nv21 => [width, width, 0],
            PixelFormat::I420 => [width, width / 2, width / 2],
        };
        let heights = [height, height / 2, height / 2];
        let strides = [rows[0] + padding[0], rows[1] + padding[1], rows[2] + padding[1]];
        let plane = |i: usize| match rows[i] {
            0 => Vec::new(),
            row => noise(
                (heights[i] - 1) * strides[i] + row,
                (7919 * width + 13 * height + i) as u32,
            ),
        };
        Planes {
            format,
            width,
            height,
            planes: [plane(0), plane(1), plane(2)],
            strides,
        }
    }

    fn view(&self) -> ImageView<'_> {
        let [luma, second, third] = &self.planes;
        let chroma_stride = if self.format.is_yuv() { self.strides[1] } else { 0 };
        ImageView::with_planes(
            luma,
            self.strides[0],
            [second, third],
            chroma_stride,
            self.width,
            self.height,
            self.format,
        )
        .unwrap()
    }

    fn sample(&self, plane: usize, byte: usize, row: usize) -> u8 {
        self.planes[plane][row * self.strides[plane] + byte]
    }

    /// Blue, green and red at a place of the picture as it is stored.
    fn pixel(&self, x: usize, y: usize, yuv: Yuv) -> [f64; 3] {
        let of = |bytes: [usize; 3], size: usize| bytes.map(|byte| f64::from(self.sample(0, size * x + byte, y)));
        let even = x / 2 * 2;
        let (cb, cr) = match self.format {
            PixelFormat::Bgr => return of([0, 1, 2], 3),
            PixelFormat::Rgb => return of([2, 1, 0], 3),
            PixelFormat::Gray => return of([0, 0, 0], 1),
            PixelFormat::Bgra => return of([0, 1, 2], 4),
            PixelFormat::Rgba => return of([2, 1, 0], 4),
            PixelFormat::Nv12 => (self.sample(1, even, y / 2), self.sample(1, even + 1, y / 2)),
            PixelFormat::Nv21 => (self.sample(1, even + 1, y / 2), self.sample(1, even, y / 2)),
            PixelFormat::I420 => (self.sample(1, x / 2, y / 2), self.sample(2, x / 2, y / 2)),
        };
        by_formula(yuv, self.sample(0, x, y), cb, cr)
    }
}

/// The recommendations' equations, solved for blue, green and red, in floating point.
fn by_formula(yuv: Yuv, luma: u8, cb: u8, cr: u8) -> [f64; 3] {
    let (kr, kg, kb) = match yuv {
        Yuv::Bt601Limited | Yuv::Bt601Full => (0.299, 0.587, 0.114),
        Yuv::Bt709Limited | Yuv::Bt709Full => (0.2126, 0.7152, 0.0722),
    };
    let (luma, cb, cr) = (f64::from(luma), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
    let (y, pb, pr) = match yuv {
        Yuv::Bt601Limited | Yuv::Bt709Limited => ((luma - 16.0) / 219.0, cb / 224.0, cr / 224.0),
        Yuv::Bt601Full | Yuv::Bt709Full => (luma / 255.0, cb / 255.0, cr / 255.0),
    };
    let red = y + 2.0 * (1.0 - kr) * pr;
    let blue = y + 2.0 * (1.0 - kb) * pb;
    let green = (y - kr * red - kb * blue) / kg;
    [blue, green, red].map(|value| (255.0 * value).clamp(0.0, 255.0))
}

/// The stored place of what the upright picture shows at (x, y).
fn stored(rotation: Rotation, (width, height): (usize, usize), x: usize, y: usize) -> (usize, usize) {
    match rotation {
        Rotation::None => (x, y),
        Rotation::Clockwise90 => (y, height - 1 - x),
        Rotation::Clockwise180 => (width - 1 - x, height - 1 - y),
        Rotation::Clockwise270 => (width - 1 - y, x),
    }
}

#[test]
fn every_format_and_turn_agrees_with_the_model() {
    let mut largest = 0f64;
    for format in FORMATS {
        let sizes: &[(usize, usize)] = match format.is_yuv() {
            true => &[(2, 2), (4, 2), (2, 6), (34, 18)],
            false => &[(1, 1), (2, 2), (1, 5), (7, 1), (33, 17)],
        };
        for (&(width, height), padding) in sizes.iter().flat_map(|s| [[0, 0], [5, 3], [64, 0]].map(|p| (s, p))) {
            let planes = Planes::new(format, width, height, padding);
            for (yuv, rotation) in YUVS.iter().flat_map(|&y| ROTATIONS.map(|r| (y, r))) {
                let view = planes.view().with_yuv(yuv).rotated(rotation);
                let image = view.to_bgr();
                assert_eq!((image.width(), image.height()), (view.width(), view.height()));
                assert_eq!(image.width() * image.height(), width * height);
                assert_eq!(image.width() == width, !rotation.swaps_sides() || width == height);
                for (i, found) in image.data().chunks_exact(3).enumerate() {
                    let (x, y) = stored(rotation, (width, height), i % image.width(), i / image.width());
                    let wanted = planes.pixel(x, y, yuv);
                    for (&found, wanted) in found.iter().zip(wanted) {
                        let off = (f64::from(found) - wanted).abs();
                        let limit = if format.is_yuv() { 0.51 } else { 0.0 };
                        assert!(
                            off <= limit,
                            "{format:?} {yuv:?} {rotation:?} at ({x}, {y}): {found}, not {wanted}"
                        );
                        largest = largest.max(off);
                    }
                }
            }
        }
    }
    // Rounding was needed, so the comparison was one.
    assert!(largest > 0.4, "{largest}");
}

/// Every luma with every chroma: nothing overflows and no rounding goes wrong.
#[test]
fn every_luma_and_chroma_is_within_half_a_grey_level() {
    for yuv in YUVS {
        let conversion = yuv.conversion();
        let lumas: Vec<u8> = (0..=255).collect();
        let mut bgr = vec![0; 3 * lumas.len()];
        for cb in 0..=255 {
            for cr in 0..=255 {
                conversion.row(&lumas, std::iter::repeat_n((cb, cr), 128), &mut bgr);
                for (&luma, found) in lumas.iter().zip(bgr.chunks_exact(3)) {
                    for (&found, wanted) in found.iter().zip(by_formula(yuv, luma, cb, cr)) {
                        assert!(
                            (f64::from(found) - wanted).abs() <= 0.51,
                            "{yuv:?} ({luma}, {cb}, {cr}): {found}, not {wanted}"
                        );
                    }
                }
            }
        }
    }
}

/// Luma, Cb and Cr of a colour, and its blue, green and red.
type Code = ([u8; 3], [u8; 3]);

/// The colours' codes as printed in tables of colour bars (100 %).
#[test]
fn known_colours_have_their_codes() {
    const LIMITED_601: [Code; 8] = [
        ([16, 128, 128], [0, 0, 0]),
        ([235, 128, 128], [255, 255, 255]),
        ([81, 90, 240], [0, 0, 255]),
        ([145, 54, 34], [0, 255, 0]),
        ([41, 240, 110], [255, 0, 0]),
        ([210, 16, 146], [0, 255, 255]),
        ([170, 166, 16], [255, 255, 0]),
        ([106, 202, 222], [255, 0, 255]),
    ];
    const FULL_601: [Code; 5] = [
        ([0, 128, 128], [0, 0, 0]),
        ([255, 128, 128], [255, 255, 255]),
        ([76, 85, 255], [0, 0, 255]),
        ([150, 44, 21], [0, 255, 0]),
        ([29, 255, 107], [255, 0, 0]),
    ];
    const LIMITED_709: [Code; 5] = [
        ([16, 128, 128], [0, 0, 0]),
        ([235, 128, 128], [255, 255, 255]),
        ([63, 102, 240], [0, 0, 255]),
        ([173, 42, 26], [0, 255, 0]),
        ([32, 240, 118], [255, 0, 0]),
    ];
    const FULL_709: [Code; 5] = [
        ([0, 128, 128], [0, 0, 0]),
        ([255, 128, 128], [255, 255, 255]),
        ([54, 99, 255], [0, 0, 255]),
        ([182, 30, 12], [0, 255, 0]),
        ([18, 255, 116], [255, 0, 0]),
    ];
    let tables: [(Yuv, &[Code]); 4] = [
        (Yuv::Bt601Limited, &LIMITED_601),
        (Yuv::Bt601Full, &FULL_601),
        (Yuv::Bt709Limited, &LIMITED_709),
        (Yuv::Bt709Full, &FULL_709),
    ];
    for (yuv, table) in tables {
        for &([luma, cb, cr], bgr) in table {
            let frames = [
                (PixelFormat::Nv12, [luma, luma, luma, luma, cb, cr]),
                (PixelFormat::Nv21, [luma, luma, luma, luma, cr, cb]),
                (PixelFormat::I420, [luma, luma, luma, luma, cb, cr]),
            ];
            for (format, bytes) in frames {
                let image = ImageView::new(&bytes, 2, 2, 2, format).unwrap().with_yuv(yuv).to_bgr();
                for (&found, wanted) in image.data().iter().zip(bgr.into_iter().cycle()) {
                    assert!(
                        found.abs_diff(wanted) <= 2,
                        "{yuv:?} {format:?}: {:?}, not {bgr:?}",
                        image.data()
                    );
                }
            }
        }
    }
}

#[test]
fn planes_one_behind_the_other_are_found() {
    for (format, padding) in [
        (PixelFormat::Nv12, [6, 6]),
        (PixelFormat::Nv21, [0, 0]),
        (PixelFormat::I420, [6, 3]),
        (PixelFormat::I420, [0, 0]),
    ] {
        let planes = Planes::new(format, 10, 6, padding);
        let count = if format == PixelFormat::I420 { 3 } else { 2 };
        let mut data = Vec::new();
        let mut needed = 0;
        for ((plane, stride), height) in planes.planes.iter().zip(planes.strides).zip([6, 3, 3]).take(count) {
            data.extend_from_slice(plane);
            needed = data.len();
            // The padding of the plane's last row, which only the last plane may lack.
            data.resize(data.len() + height * stride - plane.len(), 0xAA);
        }
        data.truncate(needed);
        let view = ImageView::new(&data, 10, 6, planes.strides[0], format).unwrap();
        assert_eq!(view.to_bgr(), planes.view().to_bgr(), "{format:?}");

        let error = ImageView::new(&data[..needed - 1], 10, 6, planes.strides[0], format).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(&format!("needs {needed} bytes")), "{error}");
    }
}

#[track_caller]
fn refused(result: Result<ImageView>, part: &str) {
    let error = result.expect_err("this must be refused");
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.message().contains(part), "{part:?} is not in {error}");
}

#[test]
fn wrong_sizes_are_refused() {
    let bytes = [0u8; 64];
    for format in FORMATS {
        let row = 4 * format.bytes();
        refused(ImageView::new(&bytes, 0, 4, row, format), "no pixel");
        refused(ImageView::new(&bytes, 4, 0, row, format), "no pixel");
        refused(
            ImageView::new(&bytes, 4, 4, row - 1, format),
            if format == PixelFormat::I420 { "odd" } else { "shorter" },
        );
        refused(ImageView::new(&[], 4, 4, row, format), "needs");
        refused(ImageView::new(&bytes, usize::MAX - 1, 2, usize::MAX, format), "");
        refused(
            ImageView::new(&bytes, 2, usize::MAX - 1, usize::MAX - 1, format),
            "too large",
        );
        refused(ImageView::new(&bytes, 1 << 40, 2, 1 << 43, format), "");
        let short = 3 * row + row - 1;
        refused(ImageView::new(&bytes[..short], 4, 4, row, format), &short.to_string());
    }
    for format in [PixelFormat::Nv12, PixelFormat::Nv21, PixelFormat::I420] {
        for (width, height) in [(1, 1), (3, 2), (2, 3)] {
            refused(
                ImageView::new(&bytes, width, height, 4, format),
                "even width and height",
            );
        }
    }
}

#[test]
fn wrong_planes_are_refused() {
    let bytes = [0u8; 64];
    let planes = |luma: usize, stride, chroma: [usize; 2], chroma_stride, format| {
        let chroma = chroma.map(|length| &bytes[..length]);
        ImageView::with_planes(&bytes[..luma], stride, chroma, chroma_stride, 4, 4, format)
    };
    assert!(planes(22, 6, [10, 0], 6, PixelFormat::Nv12).is_ok());
    refused(
        planes(21, 6, [10, 0], 6, PixelFormat::Nv12),
        "a luma plane of 4 x 4 Nv12 pixels with stride 6 needs 22 bytes",
    );
    refused(
        planes(22, 6, [9, 0], 6, PixelFormat::Nv21),
        "needs 10 bytes, 9 were given",
    );
    refused(
        planes(22, 6, [10, 0], 3, PixelFormat::Nv12),
        "chroma stride 3 is shorter",
    );
    refused(planes(22, 6, [10, 1], 6, PixelFormat::Nv12), "1 planes of chroma");
    refused(planes(22, 3, [10, 0], 6, PixelFormat::Nv12), "luma stride 3 is shorter");
    assert!(planes(16, 4, [5, 5], 3, PixelFormat::I420).is_ok());
    refused(
        planes(16, 4, [5, 4], 3, PixelFormat::I420),
        "needs 5 bytes, 4 were given",
    );
    refused(
        planes(16, 4, [4, 5], 3, PixelFormat::I420),
        "needs 5 bytes, 4 were given",
    );
    refused(
        planes(16, 4, [5, 5], 1, PixelFormat::I420),
        "chroma stride 1 is shorter",
    );
    refused(planes(16, 4, [5, 5], usize::MAX, PixelFormat::I420), "too large");
    refused(planes(48, 12, [1, 0], 0, PixelFormat::Bgr), "0 planes of chroma");
}

#[test]
fn images_over_the_limit_are_named() {
    let limits = DecodeLimits {
        pixels: 5,
        ..Default::default()
    };
    let view = |height| ImageView::new(&[0; 18], 2, height, 6, PixelFormat::Bgr).unwrap();
    assert!(view(2).check_limit(&limits).is_ok());
    let error = view(3).check_limit(&limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(
        error.message().contains("2 x 3") && error.message().contains('5'),
        "{error}"
    );
}
