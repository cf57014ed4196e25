//! Sharpness: what a blur would take away.
//!
//! A picture that is sharp loses much when it is blurred, one that is blurred already loses little. Crete, Dolmiere,
//! Ladret and Nicolas ("The blur effect", 2007) take the differences of neighbours along each axis before and after a
//! mean over nine pixels along it, and count how much of them goes.

use super::patch::{Patch, SIDE};

/// Pixels of the mean.
const WINDOW: usize = 9;

/// The share of the differences between neighbours that a blur takes away, of the axis that loses less; 0..1. A face
/// without any differences (one colour) has 0.
pub(super) fn of(patch: &Patch) -> f64 {
    // Luma, not luminance: a difference counts as much in the dark. What is outside the photo is no number.
    let luma = |x: usize, y: usize| match patch.at(x, y) {
        Some([blue, green, red]) => 0.114 * blue + 0.587 * green + 0.299 * red,
        None => f32::NAN,
    };
    // The middle of the patch: the face, without the background beside it.
    let range = || SIDE / 5..SIDE - SIDE / 5;
    let rows: Vec<Vec<f32>> = range().map(|y| range().map(|x| luma(x, y)).collect()).collect();
    let columns: Vec<Vec<f32>> = range().map(|x| range().map(|y| luma(x, y)).collect()).collect();
    lost(&rows).min(lost(&columns))
}

/// The share for one axis, over the lines along it.
fn lost(lines: &[Vec<f32>]) -> f64 {
    let (mut sharp, mut gone) = (0.0, 0.0);
    for window in lines.iter().flat_map(|line| line.windows(WINDOW + 1)) {
        // The means of two windows that are one pixel apart differ by their ends.
        let blurred = (window[WINDOW] - window[0]).abs() / WINDOW as f32;
        let difference = (window[WINDOW / 2 + 1] - window[WINDOW / 2]).abs();
        // A photo is convex: where the ends are inside, all is.
        if blurred.is_finite() {
            sharp += f64::from(difference);
            gone += f64::from((difference - blurred).max(0.0));
        }
    }
    if sharp > 0.0 { gone / sharp } else { 0.0 }
}

/// 50 where blurred photos of LFW lose half of what they are good for. Means over 300 people: 0.51 as they are, 0.43 and 0.30
/// blurred with a sigma of 1 and 2 pixels, which costs SFace little, 0.21 and 0.15 with 3 and 4, which costs it a quarter and
/// more than half (docs/quality.md).
pub(super) fn score(value: f64) -> f64 {
    100.0 * super::sigmoid(value, 0.22, 0.04)
}
