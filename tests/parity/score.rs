//! Quality and comparison against the published scoring (golden/scores.json).

use crate::common::shared;
use crate::golden::{json, number};
use ndarray::Array2;
use qmagface::compare::{QualityParameters, compare, magnitude, score_matrix};

/// The ten real iResNet-100 embeddings of `magface_toy`.
fn toy() -> Option<Array2<f32>> {
    let text = std::fs::read_to_string(shared("data/magface_toy/feat.list")?).unwrap();
    let rows: Vec<Vec<f32>> = text
        .lines()
        .map(|line| line.split_whitespace().skip(1).map(|v| v.parse().unwrap()).collect())
        .collect();
    Some(Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap())
}

/// The published parameters and the key of their golden matrix; cosine is a weight of zero.
const CASES: [(&str, f64, f64); 4] = [
    ("toy_cosine", 0.0, 0.0),
    ("toy_qmagface_iresnet18", 0.092861, 0.135311),
    ("toy_qmagface_iresnet50", 0.065984, 0.103799),
    ("toy_qmagface_iresnet100", 0.077428, 0.125926),
];

#[test]
fn scores_in_f64_within_1e_6() {
    let (Some(toy), Some(file)) = (toy(), shared("golden/scores.json")) else {
        return;
    };
    let golden = json(&file);
    for (key, alpha, beta) in CASES {
        let parameters = QualityParameters { alpha, beta };
        for (i, a) in toy.rows().into_iter().enumerate() {
            for (j, b) in toy.rows().into_iter().enumerate() {
                let ours = compare(a.as_slice().unwrap(), b.as_slice().unwrap(), &parameters)
                    .unwrap()
                    .score;
                let golden = number(&golden[key][i][j]);
                assert!((ours - golden).abs() <= 1e-6, "{key} {i} {j}: {ours} against {golden}");
            }
        }
    }
}

#[test]
fn scores_in_f32_within_1e_5() {
    let (Some(toy), Some(file)) = (toy(), shared("golden/scores.json")) else {
        return;
    };
    let golden = json(&file);
    for (key, alpha, beta) in CASES {
        let scores = score_matrix(toy.view(), toy.view(), &QualityParameters { alpha, beta }).unwrap();
        for ((i, j), ours) in scores.indexed_iter() {
            let golden = number(&golden[key][i][j]);
            assert!(
                (f64::from(*ours) - golden).abs() <= 1e-5,
                "{key} {i} {j}: {ours} against {golden}"
            );
        }
    }
}

#[test]
fn magnitudes_within_1e_6() {
    let (Some(toy), Some(file)) = (toy(), shared("golden/scores.json")) else {
        return;
    };
    let golden = json(&file);
    for (index, row) in toy.rows().into_iter().enumerate() {
        let ours = magnitude(row.as_slice().unwrap()).unwrap();
        assert!(
            (ours - number(&golden["toy_magnitude"][index])).abs() <= 1e-6,
            "{index}: {ours}"
        );
    }
}
