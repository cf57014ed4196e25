//! YuNet's maps to faces.

use super::networks::Maps;
use crate::detect::Face;

/// Overlap (shared area over joint area) above which the less sure of two boxes is dropped.
const OVERLAP: f32 = 0.3;

/// The faces of at least `threshold` that the maps have, in the network's pixels, in the order of their cells.
///
/// A cell's score is the geometric mean of its two probabilities. Its box has the centre `(cell + shift) * stride` and the
/// sides `exp(number) * stride`.
pub(super) fn faces(maps: &[Maps], threshold: f32) -> impl Iterator<Item = Face> + '_ {
    maps.iter().flat_map(move |maps| of_stride(maps, threshold))
}

/// Of faces that overlap the best; best first.
pub(super) fn best(mut found: Vec<Face>) -> Vec<Face> {
    // Of equals the first stays in front.
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Face> = Vec::new();
    for face in found {
        if kept.iter().all(|better| overlap(better, &face) <= OVERLAP) {
            kept.push(face);
        }
    }
    kept
}

fn of_stride(maps: &Maps, threshold: f32) -> impl Iterator<Item = Face> + '_ {
    let cells = maps.rows * maps.columns;
    let stride = maps.stride as f32;
    (0..cells).filter_map(move |cell| {
        let score = (maps.class[cell].clamp(0.0, 1.0) * maps.object[cell].clamp(0.0, 1.0)).sqrt();
        if score.is_nan() || score < threshold {
            return None;
        }
        let (row, column) = ((cell / maps.columns) as f32, (cell % maps.columns) as f32);
        let of = |plane: usize, values: &[f32]| values[plane * cells + cell];
        let [x, y] = [column + of(0, &maps.bbox), row + of(1, &maps.bbox)].map(|centre| centre * stride);
        let [width, height] = [2, 3].map(|side| of(side, &maps.bbox).exp() * stride);
        let landmarks = std::array::from_fn(|point| {
            let [dx, dy] = [2 * point, 2 * point + 1].map(|axis| of(axis, &maps.landmarks));
            [(column + dx) * stride, (row + dy) * stride]
        });
        Some(Face {
            bbox: [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0],
            score,
            landmarks,
        })
    })
}

/// Shared area over joint area.
fn overlap(a: &Face, b: &Face) -> f32 {
    let length = |low: usize, high: usize| (a.bbox[high].min(b.bbox[high]) - a.bbox[low].max(b.bbox[low])).max(0.0);
    let shared = length(0, 2) * length(1, 3);
    let area = |face: &Face| (face.bbox[2] - face.bbox[0]) * (face.bbox[3] - face.bbox[1]);
    shared / (area(a) + area(b) - shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Maps of 2 x 3 cells in which no face is.
    fn empty(stride: usize) -> Maps {
        Maps {
            stride,
            rows: 2,
            columns: 3,
            class: vec![0.0; 6],
            object: vec![0.0; 6],
            bbox: vec![0.0; 24],
            landmarks: vec![0.0; 60],
        }
    }

    #[test]
    fn a_cell_says_where_its_face_is() {
        let mut maps = empty(16);
        (maps.class[4], maps.object[4]) = (0.81, 1.2);
        for (plane, value) in [(0, 0.5), (1, -0.25), (2, 2f32.ln()), (3, 3f32.ln())] {
            maps.bbox[plane * 6 + 4] = value;
        }
        maps.landmarks[4 * 6 + 4] = 1.5;
        maps.landmarks[5 * 6 + 4] = -1.0;
        let maps = [empty(8), maps];
        let found: Vec<Face> = faces(&maps, 0.6).collect();
        let [face] = found[..] else { panic!("one face") };
        // Row 1, column 1; a probability is at most 1.
        assert!((face.score - 0.9).abs() < 1e-6);
        assert_eq!(face.bbox.map(f32::round), [8.0, -12.0, 40.0, 36.0]);
        assert_eq!(face.landmarks[2], [40.0, 0.0]);
        assert_eq!(face.landmarks[0], [16.0, 16.0]);
    }

    #[test]
    fn of_faces_that_overlap_the_best_stays() {
        let mut maps = empty(8);
        for (cell, score) in [(0, 0.7), (1, 0.9), (5, 0.8), (3, 0.5), (4, f32::NAN)] {
            (maps.class[cell], maps.object[cell]) = (score, score);
            maps.bbox[2 * 6 + cell] = if cell == 5 { -1.0 } else { 2.0 };
            maps.bbox[3 * 6 + cell] = maps.bbox[2 * 6 + cell];
        }
        let found = best(faces(&[maps], 0.6).collect());
        let scores: Vec<f32> = found.iter().map(|face| face.score).collect();
        assert_eq!(scores, [0.9, 0.8]);
    }
}
