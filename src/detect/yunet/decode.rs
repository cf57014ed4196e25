//! YuNet's maps to faces.

use crate::detect::Face;

/// Overlap (shared area over joint area) above which the less sure of two boxes is dropped.
const OVERLAP: f32 = 0.3;

/// Places of a stride's maps, as [`super::describe::HEADS`] has them: whether a face is there, and how well the box fits, each
/// 0..1; of the box its centre from the cell, and the logarithms of its sides; of the five landmarks x and y from the cell.
/// All lengths in strides.
const CLASS: usize = 0;
const OBJECT: usize = 1;
const BBOX: usize = 2;
const LANDMARKS: usize = 3;

/// The cells of one stride's maps.
#[derive(Clone, Copy)]
pub(crate) struct Cells {
    pub stride: usize,
    pub rows: usize,
    pub columns: usize,
}

/// Adds the faces of at least `threshold`, in the network's pixels, in the order of their cells. `value` says what a map
/// has: its place, the channel, the cell row by row.
///
/// A cell's score is the geometric mean of its two probabilities. Its box has the centre `(cell + shift) * stride` and the
/// sides `exp(number) * stride`.
pub(crate) fn faces(cells: Cells, value: impl Fn(usize, usize, usize) -> f32, threshold: f32, found: &mut Vec<Face>) {
    let stride = cells.stride as f32;
    found.extend((0..cells.rows * cells.columns).filter_map(|cell| {
        let [class, object] = [CLASS, OBJECT].map(|map| value(map, 0, cell).clamp(0.0, 1.0));
        let score = (class * object).sqrt();
        if score.is_nan() || score < threshold {
            return None;
        }
        let (row, column) = ((cell / cells.columns) as f32, (cell % cells.columns) as f32);
        let of_box = |channel| value(BBOX, channel, cell);
        let [x, y] = [column + of_box(0), row + of_box(1)].map(|centre| centre * stride);
        let [width, height] = [2, 3].map(|side| of_box(side).exp() * stride);
        let landmarks = std::array::from_fn(|point| {
            let [dx, dy] = [2 * point, 2 * point + 1].map(|channel| value(LANDMARKS, channel, cell));
            [(column + dx) * stride, (row + dy) * stride]
        });
        Some(Face {
            bbox: [x - width / 2.0, y - height / 2.0, x + width / 2.0, y + height / 2.0],
            score,
            landmarks,
        })
    }));
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

    /// Maps of 2 x 3 cells, by map, channel, cell.
    type Maps = [Vec<[f32; 6]>; 4];

    fn empty() -> Maps {
        [1, 1, 4, 10].map(|channels| vec![[0.0; 6]; channels])
    }

    fn found(strides: &[(usize, Maps)]) -> Vec<Face> {
        let mut found = Vec::new();
        for &(stride, ref maps) in strides {
            let (rows, columns) = (2, 3);
            let value = |map: usize, channel: usize, cell: usize| maps[map][channel][cell];
            faces(Cells { stride, rows, columns }, value, 0.6, &mut found);
        }
        found
    }

    #[test]
    fn a_cell_says_where_its_face_is() {
        let mut maps = empty();
        (maps[CLASS][0][4], maps[OBJECT][0][4]) = (0.81, 1.2);
        for (channel, value) in [(0, 0.5), (1, -0.25), (2, 2f32.ln()), (3, 3f32.ln())] {
            maps[BBOX][channel][4] = value;
        }
        maps[LANDMARKS][4][4] = 1.5;
        maps[LANDMARKS][5][4] = -1.0;
        let [face] = found(&[(8, empty()), (16, maps)])[..] else {
            panic!("one face")
        };
        // Row 1, column 1; a probability is at most 1.
        assert!((face.score - 0.9).abs() < 1e-6);
        assert_eq!(face.bbox.map(f32::round), [8.0, -12.0, 40.0, 36.0]);
        assert_eq!(face.landmarks[2], [40.0, 0.0]);
        assert_eq!(face.landmarks[0], [16.0, 16.0]);
    }

    #[test]
    fn of_faces_that_overlap_the_best_stays() {
        let mut maps = empty();
        for (cell, score) in [(0, 0.7), (1, 0.9), (5, 0.8), (3, 0.5), (4, f32::NAN)] {
            (maps[CLASS][0][cell], maps[OBJECT][0][cell]) = (score, score);
            for side in [2, 3] {
                maps[BBOX][side][cell] = if cell == 5 { -1.0 } else { 2.0 };
            }
        }
        let scores: Vec<f32> = best(found(&[(8, maps)])).iter().map(|face| face.score).collect();
        assert_eq!(scores, [0.9, 0.8]);
    }
}
