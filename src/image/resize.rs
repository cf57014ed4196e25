//! Bilinear resizing that agrees with OpenCV's `INTER_LINEAR`, bit by bit for 8-bit images.
//!
//! Parity of the detector depends on it: the pyramid levels and the R-Net crops are 8-bit images resized in fixed point
//! (11-bit weights, the vertical pass on sums without their last 4 bits), the O-Net and L-Net crops are floats.

use super::BgrImage;

/// OpenCV's fixed-point scale of one weight: 11 bits.
const WEIGHT_ONE: f32 = 2048.0;

/// A rectangle of an image that may reach outside it, where it is black. Costs no copy, however large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crop<'a> {
    /// The image it is taken from.
    pub image: &'a BgrImage,
    /// Column of its left edge.
    pub left: i64,
    /// Row of its top edge.
    pub top: i64,
    /// Width in pixels, at least 1.
    pub width: usize,
    /// Height in pixels, at least 1.
    pub height: usize,
}

impl<'a> Crop<'a> {
    /// The whole image.
    pub fn whole(image: &'a BgrImage) -> Self {
        Crop {
            image,
            left: 0,
            top: 0,
            width: image.width,
            height: image.height,
        }
    }

    /// The image's column or row at `position` of the crop, if it is inside.
    fn inside(start: i64, position: usize, length: usize) -> Option<usize> {
        usize::try_from(start + position as i64).ok().filter(|&at| at < length)
    }

    /// The image's pixels in the crop's row `y`, if the row is inside.
    fn row(&self, y: usize) -> Option<&'a [u8]> {
        let bytes = self.image.width * 3;
        Self::inside(self.top, y, self.image.height).map(|y| &self.image.data[y * bytes..(y + 1) * bytes])
    }

    /// Byte offset of the crop's column `x` in an image row, if the column is inside.
    fn column(&self, x: usize) -> Option<usize> {
        Self::inside(self.left, x, self.image.width).map(|x| x * 3)
    }
}

/// Where one output position reads from: the two source positions and the weight of the second in 0..1.
struct Tap {
    first: usize,
    second: usize,
    weight: f32,
}

/// The taps of one axis: pixel centres are aligned, positions outside repeat the border.
fn taps(source: usize, target: usize) -> impl Iterator<Item = Tap> {
    let scale = 1.0 / (target as f64 / source as f64);
    (0..target).map(move |position| {
        let centre = ((position as f64 + 0.5) * scale - 0.5) as f32;
        let floor = centre.floor();
        if floor < 0.0 {
            return Tap {
                first: 0,
                second: 0,
                weight: 0.0,
            };
        }
        let first = (floor as usize).min(source - 1);
        if first == source - 1 {
            return Tap {
                first,
                second: first,
                weight: 0.0,
            };
        }
        Tap {
            first,
            second: first + 1,
            weight: centre - floor,
        }
    })
}

/// Byte offsets of the two columns an output column reads, and their weights. A column outside the image is black: it
/// gets weight 0 instead of a test for every pixel.
fn columns<W: Default>(crop: &Crop, out_width: usize, weights: impl Fn(&Tap) -> (W, W)) -> Vec<(usize, usize, W, W)> {
    taps(crop.width, out_width)
        .map(|tap| {
            let (a, b) = weights(&tap);
            let (first, a) = crop.column(tap.first).map_or((0, W::default()), |at| (at, a));
            let (second, b) = crop.column(tap.second).map_or((0, W::default()), |at| (at, b));
            (first, second, a, b)
        })
        .collect()
}

/// Both weights of a tap in fixed point, rounded half to even.
fn fixed(tap: &Tap) -> (i32, i32) {
    let round = |value: f32| (value * WEIGHT_ONE).round_ties_even() as i32;
    (round(1.0 - tap.weight), round(tap.weight))
}

/// Resizes to packed 3-channel 8-bit rows of `out_width` x `out_height` pixels, both at least 1.
pub(crate) fn resize_u8(crop: &Crop, (out_width, out_height): (usize, usize)) -> Vec<u8> {
    let mut out = vec![0; out_width * out_height * 3];
    resize_u8_into(crop, (out_width, out_height), &mut out, out_width * 3);
    out
}

/// As [`resize_u8`], into rows that begin `pitch` bytes apart, the first at the start of `out`. What is between them stays.
pub(crate) fn resize_u8_into(crop: &Crop, (out_width, out_height): (usize, usize), out: &mut [u8], pitch: usize) {
    let lines = out
        .chunks_mut(pitch)
        .take(out_height)
        .map(|line| &mut line[..out_width * 3]);
    if (crop.width, crop.height) == (out_width, out_height) {
        return copy_u8(crop, lines);
    }
    if crop.width == 2 * out_width && crop.height == 2 * out_height {
        return halve_u8(crop, lines);
    }
    let columns = columns(crop, out_width, fixed);
    let horizontal = |y: usize, out: &mut [i32]| match crop.row(y) {
        None => out.fill(0),
        Some(row) => {
            for (pixel, &(first, second, a, b)) in out.chunks_exact_mut(3).zip(&columns) {
                let (left, right) = (&row[first..first + 3], &row[second..second + 3]);
                for channel in 0..3 {
                    pixel[channel] = i32::from(left[channel]) * a + i32::from(right[channel]) * b;
                }
            }
        }
    };
    let (mut upper, mut lower) = (vec![0i32; out_width * 3], vec![0i32; out_width * 3]);
    let (mut upper_row, mut lower_row) = (usize::MAX, usize::MAX);
    for (tap, line) in taps(crop.height, out_height).zip(lines) {
        if tap.first == lower_row {
            std::mem::swap(&mut upper, &mut lower);
            std::mem::swap(&mut upper_row, &mut lower_row);
        }
        if tap.first != upper_row {
            horizontal(tap.first, &mut upper);
            upper_row = tap.first;
        }
        if tap.second != lower_row {
            horizontal(tap.second, &mut lower);
            lower_row = tap.second;
        }
        let (a, b) = fixed(&tap);
        for ((value, &up), &low) in line.iter_mut().zip(&upper).zip(&lower) {
            let sum = ((a * (up >> 4)) >> 16) + ((b * (low >> 4)) >> 16);
            *value = ((sum + 2) >> 2).clamp(0, 255) as u8;
        }
    }
}

/// At its own size: what weights of one and zero come to.
fn copy_u8<'a>(crop: &Crop, lines: impl Iterator<Item = &'a mut [u8]>) {
    // The columns that are inside the image follow each other.
    let inside = |x: &usize| crop.column(*x).is_some();
    let first = (0..crop.width).find(inside).unwrap_or(crop.width);
    let count = (first..crop.width).take_while(inside).count();
    let from = crop.column(first).unwrap_or_default();
    for (y, line) in lines.enumerate() {
        line.fill(0);
        if let Some(row) = crop.row(y) {
            line[first * 3..(first + count) * 3].copy_from_slice(&row[from..from + count * 3]);
        }
    }
}

/// Exactly half the size in both directions: OpenCV then takes the rounded mean of each 2x2 block.
fn halve_u8<'a>(crop: &Crop, lines: impl Iterator<Item = &'a mut [u8]>) {
    for (y, line) in lines.enumerate() {
        let rows = [crop.row(2 * y), crop.row(2 * y + 1)];
        // Where nothing is outside, the pixels follow each other: several times as fast.
        if let ([Some(upper), Some(lower)], Some(first), Some(_)) = (rows, crop.column(0), crop.column(crop.width - 1))
        {
            let pairs = upper[first..].chunks_exact(6).zip(lower[first..].chunks_exact(6));
            for (pixel, (upper, lower)) in line.chunks_exact_mut(3).zip(pairs) {
                for channel in 0..3 {
                    let four = [upper[channel], upper[3 + channel], lower[channel], lower[3 + channel]];
                    pixel[channel] = ((four.map(u32::from).iter().sum::<u32>() + 2) >> 2) as u8;
                }
            }
            continue;
        }
        for (x, pixel) in line.chunks_exact_mut(3).enumerate() {
            let columns = [crop.column(2 * x), crop.column(2 * x + 1)];
            for (channel, value) in pixel.iter_mut().enumerate() {
                let mut sum = 2u32;
                for row in rows.iter().flatten() {
                    sum += columns
                        .iter()
                        .flatten()
                        .map(|at| u32::from(row[at + channel]))
                        .sum::<u32>();
                }
                *value = (sum >> 2) as u8;
            }
        }
    }
}

/// Resizes in floating point; the result keeps the range 0..255, packed 3-channel rows.
pub(crate) fn resize_f32(crop: &Crop, (out_width, out_height): (usize, usize)) -> Vec<f32> {
    let columns = columns(crop, out_width, |tap| (1.0 - tap.weight, tap.weight));
    let mut out = Vec::with_capacity(out_width * out_height * 3);
    for tap in taps(crop.height, out_height) {
        let (upper, lower) = (crop.row(tap.first), crop.row(tap.second));
        for &(first, second, a, b) in &columns {
            for channel in 0..3 {
                let along = |row: Option<&[u8]>| {
                    row.map_or(0.0, |row| {
                        f32::from(row[first + channel]) * a + f32::from(row[second + channel]) * b
                    })
                };
                out.push(along(upper) * (1.0 - tap.weight) + along(lower) * tap.weight);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(width: usize, height: usize) -> BgrImage {
        BgrImage::new(
            width,
            height,
            (0..width * height * 3).map(|i| (i * 37 % 251) as u8).collect(),
        )
        .unwrap()
    }

    #[test]
    fn fixed_point_stays_within_one_grey_level_of_the_float_result() {
        for (from, to) in [
            ((50, 40), (24, 24)),
            ((9, 13), (24, 24)),
            ((100, 80), (71, 57)),
            ((1, 1), (5, 4)),
        ] {
            let image = ramp(from.0, from.1);
            let exact = resize_f32(&Crop::whole(&image), to);
            for (fixed, exact) in resize_u8(&Crop::whole(&image), to).iter().zip(exact) {
                assert!(
                    (f32::from(*fixed) - exact).abs() <= 1.0,
                    "{from:?} -> {to:?}: {fixed} against {exact}"
                );
            }
        }
    }

    #[test]
    fn a_flat_image_stays_flat_and_the_same_size_is_a_copy() {
        let flat = BgrImage::new(30, 20, vec![77; 3 * 30 * 20]).unwrap();
        assert!(resize_u8(&Crop::whole(&flat), (13, 17)).iter().all(|&v| v == 77));
        let image = ramp(8, 6);
        assert_eq!(resize_u8(&Crop::whole(&image), (8, 6)), image.data());
    }

    #[test]
    fn halving_is_the_mean_of_blocks() {
        let image = ramp(4, 2);
        let mean = |i: usize| {
            let sum: u32 = [0, 3, 12, 15].iter().map(|o| u32::from(image.data()[i + o])).sum();
            ((sum + 2) / 4) as u8
        };
        let half = resize_u8(&Crop::whole(&image), (2, 1));
        assert_eq!(half, [mean(0), mean(1), mean(2), mean(6), mean(7), mean(8)]);
    }

    #[test]
    fn outside_the_image_is_black() {
        let image = BgrImage::new(2, 2, (1..=12).collect()).unwrap();
        let same = |left, top| {
            resize_u8(
                &Crop {
                    image: &image,
                    left,
                    top,
                    width: 2,
                    height: 2,
                },
                (2, 2),
            )
        };
        assert_eq!(same(1, 1), [10, 11, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(same(-1, -1), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]);
        assert!(same(5, 0).iter().chain(&same(-9, -9)).all(|&v| v == 0));
    }

    #[test]
    fn a_reaching_crop_equals_the_crop_of_a_padded_image() {
        let image = ramp(20, 16);
        let (border, side) = (10usize, 40usize);
        let mut padded = vec![0u8; side * side * 3];
        for y in 0..16 {
            let to = ((y + border) * side + border) * 3;
            padded[to..to + 60].copy_from_slice(&image.data()[y * 60..(y + 1) * 60]);
        }
        let padded = BgrImage::new(side, side, padded).unwrap();
        for (left, top, width, height) in [(-5, -7, 22, 19), (8, 6, 20, 20), (-10, -10, 40, 40), (0, 3, 48, 13)] {
            let reaching = Crop {
                image: &image,
                left,
                top,
                width,
                height,
            };
            let inner = Crop {
                image: &padded,
                left: left + 10,
                top: top + 10,
                width,
                height,
            };
            assert_eq!(resize_u8(&reaching, (24, 24)), resize_u8(&inner, (24, 24)));
            assert_eq!(resize_u8(&reaching, (20, 20)), resize_u8(&inner, (20, 20)));
            assert_eq!(resize_f32(&reaching, (48, 48)), resize_f32(&inner, (48, 48)));
        }
    }

    #[test]
    fn a_crop_of_its_own_size_is_copied_black_outside() {
        let image = ramp(9, 7);
        for (left, top, width, height) in [
            (0, 0, 9, 7),
            (-3, 2, 8, 9),
            (4, -2, 11, 5),
            (20, 0, 3, 3),
            (-9, -9, 4, 30),
        ] {
            let crop = Crop {
                image: &image,
                left,
                top,
                width,
                height,
            };
            let copied = resize_u8(&crop, (width, height));
            for (at, pixel) in copied.chunks_exact(3).enumerate() {
                let (x, y) = (left + (at % width) as i64, top + (at / width) as i64);
                let is_inside = (0..9).contains(&x) && (0..7).contains(&y);
                let from = 3 * (y * 9 + x);
                let wanted = is_inside.then(|| &image.data()[from as usize..][..3]);
                assert_eq!(pixel, wanted.unwrap_or(&[0; 3]), "{left} {top} {at}");
            }
        }
    }
}
