//! Quality and comparison against the published scoring (golden/scores.json).

use crate::common::shared;
use crate::golden::{json, number};
use qmagface::Matrix;
use qmagface::compare::{QualityParameters, compare, magnitude, score_matrix};

/// The ten real iResNet-100 embeddings of `magface_toy`.
fn toy() -> Option<Matrix> {
    let text = std::fs::read_to_string(shared("data/magface_toy/feat.list")?).unwrap();
    let rows: Vec<Vec<f32>> = text
        .lines()
        .map(|line| line.split_whitespace().skip(1).map(|v| v.parse().unwrap()).collect())
        .collect();
    Some(Matrix::new(rows.len(), rows[0].len(), rows.concat()).unwrap())
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
        for i in 0..toy.rows() {
            for j in 0..toy.rows() {
                let ours = compare(toy.row(i), toy.row(j), &parameters).unwrap().score;
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
        let scores = score_matrix(&toy, &toy, &QualityParameters { alpha, beta }).unwrap();
        for (at, ours) in scores.values().iter().enumerate() {
            let (i, j) = (at / toy.rows(), at % toy.rows());
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
    for index in 0..toy.rows() {
        let ours = magnitude(toy.row(index)).unwrap();
        assert!(
            (ours - number(&golden["toy_magnitude"][index])).abs() <= 1e-6,
            "{index}: {ours}"
        );
    }
}
