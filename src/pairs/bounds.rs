//! Which impostor pairs can matter: for each quality, the cosine from which on.

use super::Prepared;

/// Steps of the quality, over the range of the set's.
const BINS: usize = 256;

/// How far below a wanted cosine the bounds are put: more than the rounding of cosines and qualities.
const SLACK: f64 = 1e-6;

/// For each lower quality of a pair, the cosine from which on impostor pairs are kept.
///
/// A *region* is what a score and a threshold accept, as the least cosine by quality; it must be monotone or concave in
/// the quality, as those of `w q + s` and of the quality-aware score are.
#[derive(Debug, Clone)]
pub struct Bounds {
    least: f64,
    step: f64,
    cosines: Vec<f32>,
}

impl Bounds {
    /// Bounds that keep every pair.
    pub fn all(set: &Prepared) -> Self {
        Bounds::of(set, f32::NEG_INFINITY)
    }

    /// Bounds that keep none, to be widened.
    pub fn none(set: &Prepared) -> Self {
        Bounds::of(set, f32::INFINITY)
    }

    fn of(set: &Prepared, cosine: f32) -> Self {
        let (least, greatest) = set
            .qualities()
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), &quality| {
                (least.min(quality), greatest.max(quality))
            });
        Bounds {
            least,
            step: (greatest - least) / BINS as f64,
            cosines: vec![cosine; BINS],
        }
    }

    /// Widens the bounds so that they keep this region.
    pub fn include(&mut self, region: impl Fn(f64) -> f64) {
        for bin in 0..BINS {
            let wanted = (self.least_in(bin, &region) - SLACK) as f32;
            self.cosines[bin] = self.cosines[bin].min(wanted);
        }
    }

    /// Whether every pair in the region is kept.
    pub fn cover(&self, region: impl Fn(f64) -> f64) -> bool {
        (0..BINS).all(|bin| f64::from(self.cosines[bin]) <= self.least_in(bin, &region) - SLACK / 2.0)
    }

    /// Whether every pair is kept, as by [`Bounds::all`].
    pub fn keep_all(&self) -> bool {
        self.cosines.iter().all(|&cosine| cosine == f32::NEG_INFINITY)
    }

    /// The bin of a quality. That of a pair is the lesser of its images' bins.
    pub fn bin(&self, quality: f64) -> u8 {
        ((quality - self.least) / self.step).clamp(0.0, (BINS - 1) as f64) as u8 // NaN, where the step is 0, becomes 0
    }

    /// The cosine from which on pairs of this bin are kept.
    pub fn cosine(&self, bin: u8) -> f32 {
        self.cosines[usize::from(bin)]
    }

    /// The lowest of all bounds.
    pub fn least_cosine(&self) -> f32 {
        self.cosines.iter().copied().fold(f32::INFINITY, f32::min)
    }

    fn least_in(&self, bin: usize, region: impl Fn(f64) -> f64) -> f64 {
        let edge = |at: usize| region(self.least + self.step * at as f64);
        edge(bin).min(edge(bin + 1))
    }
}
