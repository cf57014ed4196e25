//! Boxes between the stages: regression, squaring, non-maximum suppression. A box of x1..x2 is x2 - x1 + 1 pixels wide.

use crate::image::{BgrImage, Crop};

/// A candidate: corners in image pixels, its score, and the regression the stage gave it (relative to the box's sides).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub x1: f64,
    pub y1: f64,
    pub x2: f64,
    pub y2: f64,
    pub score: f32,
    pub shift: [f32; 4],
}

/// What the overlap of two boxes is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OverlapBase {
    /// The area both cover together.
    Union,
    /// The smaller one's area.
    Minimum,
}

impl Candidate {
    pub fn width(&self) -> f64 {
        self.x2 - self.x1 + 1.0
    }

    pub fn height(&self) -> f64 {
        self.y2 - self.y1 + 1.0
    }

    fn area(&self) -> f64 {
        self.width() * self.height()
    }

    fn overlap(&self, other: &Candidate, base: OverlapBase) -> f64 {
        let width = (self.x2.min(other.x2) - self.x1.max(other.x1) + 1.0).max(0.0);
        let height = (self.y2.min(other.y2) - self.y1.max(other.y1) + 1.0).max(0.0);
        let shared = width * height;
        shared
            / match base {
                OverlapBase::Union => self.area() + other.area() - shared,
                OverlapBase::Minimum => self.area().min(other.area()),
            }
    }

    /// The box moved by its own regression.
    pub fn refined(mut self) -> Self {
        let (width, height) = (self.width(), self.height());
        self.x1 += f64::from(self.shift[0]) * width;
        self.y1 += f64::from(self.shift[1]) * height;
        self.x2 += f64::from(self.shift[2]) * width;
        self.y2 += f64::from(self.shift[3]) * height;
        self
    }

    /// The square of the longer side about the same centre, corners rounded half to even.
    pub fn squared(mut self) -> Self {
        let (width, height) = (self.width(), self.height());
        let side = width.max(height);
        let x1 = self.x1 + width * 0.5 - side * 0.5;
        let y1 = self.y1 + height * 0.5 - side * 0.5;
        self.x1 = x1.round_ties_even();
        self.y1 = y1.round_ties_even();
        self.x2 = (x1 + side - 1.0).round_ties_even();
        self.y2 = (y1 + side - 1.0).round_ties_even();
        self
    }

    /// The part of the box inside the image.
    pub fn clipped(mut self, image: &BgrImage) -> Self {
        self.x1 = self.x1.max(0.0);
        self.y1 = self.y1.max(0.0);
        self.x2 = self.x2.min(image.width() as f64 - 1.0);
        self.y2 = self.y2.min(image.height() as f64 - 1.0);
        self
    }

    /// The pixels of a box with whole-numbered corners; outside the image they are black. `None` when the box is empty
    /// or absurdly far outside (a broken regression).
    pub fn crop<'a>(&self, image: &'a BgrImage) -> Option<Crop<'a>> {
        const FAR: f64 = 1e9;
        let side = |length: f64| (1.0..FAR).contains(&length).then_some(length as usize);
        let corner = |position: f64| (-FAR..FAR).contains(&position).then_some(position as i64);
        Some(Crop {
            image,
            left: corner(self.x1)?,
            top: corner(self.y1)?,
            width: side(self.width())?,
            height: side(self.height())?,
        })
    }
}

/// Keeps the best-scored box and drops all that overlap it by more than `limit`, then the best of the rest, and so on.
/// The result is in order of falling score. Boxes with a NaN score are dropped.
pub(super) fn suppress(candidates: Vec<Candidate>, limit: f64, base: OverlapBase) -> Vec<Candidate> {
    suppress_by(candidates, |candidate| candidate, limit, base)
}

/// [`suppress`] for items that carry a box.
pub(super) fn suppress_by<T: Copy>(
    mut items: Vec<T>,
    candidate: impl Fn(&T) -> &Candidate,
    limit: f64,
    base: OverlapBase,
) -> Vec<T> {
    items.retain(|item| !candidate(item).score.is_nan());
    items.sort_by(|a, b| candidate(b).score.total_cmp(&candidate(a).score));
    let mut kept: Vec<T> = Vec::new();
    for item in items {
        if kept
            .iter()
            .all(|other| candidate(other).overlap(candidate(&item), base) <= limit)
        {
            kept.push(item);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(x1: f64, y1: f64, x2: f64, y2: f64, score: f32) -> Candidate {
        Candidate {
            x1,
            y1,
            x2,
            y2,
            score,
            shift: [0.0; 4],
        }
    }

    #[test]
    fn overlap_at_the_limit_is_kept_and_above_it_dropped() {
        let a = candidate(0.0, 0.0, 9.0, 9.0, 0.9);
        let half = candidate(0.0, 5.0, 9.0, 14.0, 0.8); // shares 50 of 150
        assert_eq!(a.overlap(&half, OverlapBase::Union), 50.0 / 150.0);
        assert_eq!(a.overlap(&half, OverlapBase::Minimum), 0.5);
        assert_eq!(suppress(vec![half, a], 0.5, OverlapBase::Minimum), [a, half]);
        assert_eq!(suppress(vec![half, a], 0.49, OverlapBase::Minimum), [a]);
        assert_eq!(suppress(vec![half, a], 0.34, OverlapBase::Union), [a, half]);
    }

    #[test]
    fn a_dropped_box_drops_no_other() {
        let best = candidate(0.0, 0.0, 9.0, 9.0, 0.9);
        let middle = candidate(3.0, 0.0, 12.0, 9.0, 0.8);
        let last = candidate(6.0, 0.0, 15.0, 9.0, 0.7);
        assert_eq!(
            suppress(vec![last, middle, best], 0.5, OverlapBase::Union),
            [best, last]
        );
    }

    #[test]
    fn squares_keep_their_centre_and_regression_scales_with_the_box() {
        let square = candidate(0.0, 0.0, 9.0, 19.0, 0.5).squared();
        assert_eq!((square.x1, square.y1, square.x2, square.y2), (-5.0, 0.0, 14.0, 19.0));
        let moved = Candidate {
            shift: [0.1, -0.1, 0.2, 0.0],
            ..candidate(0.0, 0.0, 9.0, 19.0, 0.5)
        }
        .refined();
        assert!((moved.x1 - 1.0).abs() < 1e-6 && (moved.y1 + 2.0).abs() < 1e-6 && (moved.x2 - 11.0).abs() < 1e-6);
    }

    #[test]
    fn broken_boxes_have_no_pixels() {
        let image = BgrImage::new(4, 4, vec![0; 48]).unwrap();
        for bad in [
            candidate(0.0, 0.0, 1e12, 5.0, 0.9),
            candidate(5.0, 0.0, 1.0, 5.0, 0.9),
            candidate(f64::NAN, 0.0, 1.0, 5.0, 0.9),
            candidate(1e15, 0.0, 1e15 + 5.0, 5.0, 0.9),
        ] {
            assert!(bad.crop(&image).is_none(), "{bad:?}");
        }
        assert!(candidate(-1.0, -1.0, 2.0, 2.0, 0.9).crop(&image).is_some());
    }
}
