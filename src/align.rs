//! Alignment: the similarity transform from five landmarks to the 112x112 chip, and the warp that makes it.

use crate::chip::Chip;
use crate::error::{Error, ErrorKind, Result};
use crate::face::Landmarks;
use crate::image::BgrImage;

/// Version of the alignment: any change of the template or the warp changes what an embedding means.
pub const ALIGNER: &str = "similarity5-112-v1";

/// Where the five landmarks lie in the chip, in pixels: left eye, right eye, nose tip, left and right mouth corner as
/// seen in the image (the ArcFace/MagFace template for 112x112).
pub const TEMPLATE: Landmarks = [
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
];

/// A 2x3 matrix that takes image coordinates to chip coordinates: `[[a, -b, tx], [b, a, ty]]`.
pub type Similarity = [[f64; 3]; 2];

/// The least-squares similarity (Umeyama 1991) that takes `landmarks` to [`TEMPLATE`].
///
/// In the plane the best rotation, scale and shift without reflection has a closed form: with points as complex numbers
/// about their means, the factor is `sum(conj(p) * t) / sum(|p|^2)`. That is Umeyama's solution with its reflection
/// guard.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when a coordinate isn't finite, or all landmarks lie on one point.
pub fn similarity(landmarks: &Landmarks) -> Result<Similarity> {
    let invalid = |message: &str| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("landmarks {landmarks:?}: {message}"),
        )
    };
    if landmarks.iter().flatten().any(|v| !v.is_finite()) {
        return Err(invalid("a coordinate is not finite"));
    }
    let mean = |points: &Landmarks, axis: usize| points.iter().map(|p| f64::from(p[axis])).sum::<f64>() / 5.0;
    let (px, py) = (mean(landmarks, 0), mean(landmarks, 1));
    let (tx, ty) = (mean(&TEMPLATE, 0), mean(&TEMPLATE, 1));
    let (mut real, mut imaginary, mut spread) = (0.0, 0.0, 0.0);
    for (point, target) in landmarks.iter().zip(&TEMPLATE) {
        let (x, y) = (f64::from(point[0]) - px, f64::from(point[1]) - py);
        let (u, v) = (f64::from(target[0]) - tx, f64::from(target[1]) - ty);
        real += x * u + y * v;
        imaginary += x * v - y * u;
        spread += x * x + y * y;
    }
    let (a, b) = (real / spread, imaginary / spread);
    // A spread of 0, or landmarks so mirrored that no rotation fits, leave no transform to invert.
    if !(a * a + b * b).is_normal() || spread < 1e-6 {
        return Err(invalid("they don't span a face"));
    }
    Ok([[a, -b, tx - (a * px - b * py)], [b, a, ty - (b * px + a * py)]])
}

/// Fractional bits of a source coordinate in the warp (OpenCV's `INTER_BITS`).
const FRACTION_BITS: u32 = 5;

/// Fractional bits with which the warp adds up coordinates before it rounds them to [`FRACTION_BITS`].
const COORDINATE_BITS: u32 = 10;

/// Warps the face at `matrix` out of `image`: bilinear with 5-bit weights, black outside, as OpenCV's `warpAffine`.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when `matrix` can't be inverted or isn't finite.
pub fn warp(image: &BgrImage, matrix: &Similarity) -> Result<Chip> {
    let inverse = invert(matrix)?;
    let one = f64::from(1u32 << COORDINATE_BITS);
    // Far outside any image every pixel is black: the clamp only keeps the sums below inside an i64.
    let fixed = |value: f64| (value.clamp(-1e12, 1e12) * one).round_ties_even() as i64;
    let half = 1i64 << (COORDINATE_BITS - FRACTION_BITS - 1);
    let (width, height) = (image.width() as i64, image.height() as i64);
    let mut bgr = Vec::with_capacity(Chip::BYTES);
    for y in 0..Chip::SIZE {
        let row_x = fixed(inverse[0][1] * y as f64 + inverse[0][2]) + half;
        let row_y = fixed(inverse[1][1] * y as f64 + inverse[1][2]) + half;
        for x in 0..Chip::SIZE {
            let source_x = (row_x + fixed(inverse[0][0] * x as f64)) >> (COORDINATE_BITS - FRACTION_BITS);
            let source_y = (row_y + fixed(inverse[1][0] * x as f64)) >> (COORDINATE_BITS - FRACTION_BITS);
            let (left, top) = (source_x >> FRACTION_BITS, source_y >> FRACTION_BITS);
            let (fx, fy) = ((source_x & 31) as u32, (source_y & 31) as u32);
            let mut sum = [0u32; 3];
            for (dx, dy, weight) in [
                (0, 0, (32 - fx) * (32 - fy)),
                (1, 0, fx * (32 - fy)),
                (0, 1, (32 - fx) * fy),
                (1, 1, fx * fy),
            ] {
                let (px, py) = (left + dx, top + dy);
                if (0..width).contains(&px) && (0..height).contains(&py) {
                    let at = (py as usize * image.width() + px as usize) * 3;
                    for (total, &value) in sum.iter_mut().zip(&image.data()[at..at + 3]) {
                        *total += weight * u32::from(value);
                    }
                }
            }
            bgr.extend(sum.map(|total| ((total + 512) >> 10) as u8));
        }
    }
    Chip::from_bgr(bgr)
}

/// Aligns the face with these landmarks: [`similarity`], then [`warp`].
///
/// # Errors
/// As [`similarity`].
pub fn align(image: &BgrImage, landmarks: &Landmarks) -> Result<Chip> {
    warp(image, &similarity(landmarks)?)
}

/// The transform back.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when there is none.
pub(crate) fn invert(m: &Similarity) -> Result<Similarity> {
    let determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    if !determinant.is_normal() || m.iter().flatten().any(|v| !v.is_finite()) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("the alignment matrix {m:?} can't be inverted"),
        ));
    }
    let [a, b, c, d] = [m[1][1], -m[0][1], -m[1][0], m[0][0]].map(|v| v / determinant);
    Ok([
        [a, b, -(a * m[0][2] + b * m[1][2])],
        [c, d, -(c * m[0][2] + d * m[1][2])],
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_template_is_moved_back() {
        let (sin, cos) = 0.3f32.sin_cos();
        let moved = TEMPLATE.map(|[x, y]| [2.5 * (cos * x - sin * y) + 40.0, 2.5 * (sin * x + cos * y) - 7.0]);
        let matrix = similarity(&moved).unwrap();
        for (from, to) in moved.iter().zip(&TEMPLATE) {
            for axis in 0..2 {
                let [a, b, shift] = matrix[axis];
                let mapped = a * f64::from(from[0]) + b * f64::from(from[1]) + shift;
                assert!((mapped - f64::from(to[axis])).abs() < 1e-4);
            }
        }
    }

    #[test]
    fn mirrored_landmarks_give_a_rotation_never_a_reflection() {
        let mirrored = TEMPLATE.map(|[x, y]| [112.0 - x, y + 3.0]);
        let m = similarity(&mirrored).unwrap();
        assert!(m[0][0] * m[1][1] - m[0][1] * m[1][0] > 0.0);
    }

    #[test]
    fn the_identity_copies_and_outside_is_black() {
        let data: Vec<u8> = (0..Chip::BYTES).map(|i| (i % 253) as u8).collect();
        let image = BgrImage::new(Chip::SIZE, Chip::SIZE, data.clone()).unwrap();
        let identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]];
        assert_eq!(warp(&image, &identity).unwrap().bgr(), data);
        let away = [[1.0, 0.0, 500.0], [0.0, 1.0, 0.0]];
        assert!(warp(&image, &away).unwrap().bgr().iter().all(|&v| v == 0));
    }

    #[test]
    fn impossible_landmarks_are_refused() {
        for bad in [[[5.0, 5.0]; 5], [[f32::NAN, 0.0]; 5], [[f32::INFINITY, 1.0]; 5]] {
            assert_eq!(similarity(&bad).unwrap_err().kind(), ErrorKind::InvalidArgument);
        }
        let image = BgrImage::new(1, 1, vec![9; 3]).unwrap();
        assert!(warp(&image, &[[0.0; 3]; 2]).is_err());
        // Landmarks can be tiny, huge or far away: the result is a chip all the same.
        for scale in [1e-2, 1e6, 1e18] {
            let far = TEMPLATE.map(|[x, y]| [x * scale + 1e7, y * scale]);
            if let Ok(matrix) = similarity(&far) {
                assert!(warp(&image, &matrix).is_ok(), "{scale}");
            }
        }
    }
}
