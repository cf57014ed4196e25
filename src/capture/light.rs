//! How the face is lit.

use super::patch::{Patch, SIDE};

/// Levels of luminance.
const LEVELS: usize = 256;
/// Levels of the histograms of the two halves: a half has some 1,700 pixels, which fill 256 levels by chance.
const COARSE: usize = 32;

/// Luminance of the face.
pub(super) struct Light {
    /// Mean, 0..1.
    pub mean: f64,
    /// Variance about the mean.
    pub variance: f64,
    /// Share of levels 0 to 25.
    pub dark: f64,
    /// Share of levels 247 to 255.
    pub bright: f64,
    /// Entropy of the histogram, in bits.
    pub entropy: f64,
    /// What the histograms of the left and the right half have in common, 0..1; `None` where one half is outside the photo.
    pub uniformity: Option<f64>,
}

impl Light {
    /// `None` where no pixel of the face is inside the photo.
    pub fn of(patch: &Patch) -> Option<Light> {
        let mut histogram = [0u32; LEVELS];
        let mut halves = [[0u32; COARSE]; 2];
        for (x, pixel) in patch.face() {
            let level = (luminance(pixel) * 255.0).round() as usize;
            histogram[level] += 1;
            halves[usize::from(x >= SIDE / 2)][level * COARSE / LEVELS] += 1;
        }
        let count: u32 = histogram.iter().sum();
        if count == 0 {
            return None;
        }
        let shares = histogram.map(|pixels| f64::from(pixels) / f64::from(count));
        let level = |index: usize| index as f64 / (LEVELS - 1) as f64;
        let mean: f64 = shares.iter().enumerate().map(|(at, share)| share * level(at)).sum();
        let variance = shares
            .iter()
            .enumerate()
            .map(|(at, share)| share * (level(at) - mean).powi(2))
            .sum();
        let entropy: f64 = shares
            .iter()
            .filter(|&&share| share > 0.0)
            .map(|share| -share * share.log2())
            .sum();
        let seen = halves.iter().all(|half| half.iter().any(|&count| count > 0));
        let [left, right] = halves.map(|half| {
            let pixels = f64::from(half.iter().sum::<u32>()).max(1.0);
            half.map(|count| f64::from(count) / pixels)
        });
        Some(Light {
            mean,
            variance,
            dark: shares[..=25].iter().sum(),
            bright: shares[247..].iter().sum(),
            entropy,
            uniformity: seen.then(|| left.iter().zip(right).map(|(&left, right)| left.min(right)).sum()),
        })
    }
}

/// Luminance 0..1 of blue, green and red 0..255: linear light (IEC 61966-2-1, sRGB), weighted by ITU-R BT.709.
fn luminance([blue, green, red]: [f32; 3]) -> f64 {
    let linear = |value: f32| {
        let value = f64::from(value) / 255.0;
        match value <= 0.04045 {
            true => value / 12.92,
            false => ((value + 0.055) / 1.055).powf(2.4),
        }
    };
    0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}
