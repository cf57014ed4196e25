//! Templates against templates, and how fast the gallery can be read at all.

use crate::contender::{Contender, Outcome};
use ndarray::{Array2, ArrayView2, s};
use qmagface::QualityParameters;
use qmagface::compare::score_matrix;
use serde_json::{Value, json};
use std::path::Path;

/// iResNet-100's published parameters.
const PARAMETERS: QualityParameters = QualityParameters {
    alpha: 0.077428,
    beta: 0.125926,
};

pub struct Compare {
    probes: Array2<f32>,
    gallery: Array2<f32>,
    threads: usize,
    case: Case,
}

#[derive(Clone, Copy)]
enum Case {
    Many,
    One,
    Read,
}

impl Compare {
    pub fn load(probes: &Path, gallery: &Path, length: usize, threads: usize) -> Outcome<Self> {
        Ok(Compare {
            probes: matrix(probes, length)?,
            gallery: matrix(gallery, length)?,
            threads,
            case: Case::Many,
        })
    }

    /// The best gallery row of each probe, and its score. The only place that says which comparison is measured.
    fn best(&self, probes: ArrayView2<f32>) -> Outcome<Vec<(usize, f32)>> {
        let scores = score_matrix(probes, self.gallery.view(), &PARAMETERS)?;
        let best = |row: ndarray::ArrayView1<f32>| {
            let better = |best: (usize, f32), (at, &score): (usize, &f32)| match score > best.1 {
                true => (at, score),
                false => best,
            };
            row.iter().enumerate().fold((0, f32::NEG_INFINITY), better)
        };
        Ok(scores.rows().into_iter().map(best).collect())
    }

    /// The probes of the case.
    fn wanted(&self) -> ArrayView2<'_, f32> {
        match self.case {
            Case::Many => self.probes.view(),
            Case::One | Case::Read => self.probes.slice(s![..1, ..]),
        }
    }

    /// Reads the gallery once, each thread its share: nothing can be compared faster than this.
    fn read(&self) -> Outcome<u64> {
        let floats = self.gallery.as_slice().ok_or("the gallery is in one piece")?;
        let share = floats.len().div_ceil(self.threads);
        Ok(std::thread::scope(|scope| {
            let readers: Vec<_> = floats
                .chunks(share)
                .map(|part| scope.spawn(move || xor(part)))
                .collect();
            readers
                .into_iter()
                .map(|reader| reader.join().expect("a sum can't fail"))
                .fold(0, |sum, part| sum ^ part)
        }))
    }
}

impl Contender for Compare {
    fn case(&mut self, name: &str) -> Outcome<Value> {
        self.case = match name {
            "n:m" => Case::Many,
            "1:n" => Case::One,
            "read" => Case::Read,
            _ => return Err(format!("no case {name}").into()),
        };
        Ok(json!({ "bytes": self.gallery.len() * size_of::<f32>() }))
    }

    fn step(&mut self) -> Outcome<()> {
        match self.case {
            Case::Read => drop(std::hint::black_box(self.read()?)),
            Case::Many | Case::One => drop(std::hint::black_box(self.best(self.wanted())?)),
        }
        Ok(())
    }

    /// A row for each probe: the best gallery row, and the cosine that its score says.
    fn output(&mut self) -> Outcome<(Vec<usize>, Vec<f32>)> {
        let best = self.best(self.wanted())?;
        // Of templates of quality 1 the score is s + min(0, beta * s - alpha), which grows with s.
        let cosine = |score: f32| {
            let below = (f64::from(score) + PARAMETERS.alpha) / (1.0 + PARAMETERS.beta);
            if PARAMETERS.beta * below < PARAMETERS.alpha {
                below as f32
            } else {
                score
            }
        };
        let rows = best.iter().flat_map(|&(at, score)| [at as f32, cosine(score)]);
        Ok((vec![best.len(), 2], rows.collect()))
    }
}

fn matrix(path: &Path, length: usize) -> Outcome<Array2<f32>> {
    let bytes = std::fs::read(path)?;
    let floats: Vec<f32> = bytes
        .as_chunks()
        .0
        .iter()
        .map(|&four| f32::from_le_bytes(four))
        .collect();
    Ok(Array2::from_shape_vec((floats.len() / length, length), floats)?)
}

/// A checksum of the bits, in as many lanes as keep the memory busy.
fn xor(part: &[f32]) -> u64 {
    let (lanes, rest) = part.as_chunks::<32>();
    let mut sums = [0u32; 32];
    for lane in lanes {
        for (sum, value) in sums.iter_mut().zip(lane) {
            *sum ^= value.to_bits();
        }
    }
    let rest = rest.iter().map(|value| value.to_bits());
    sums.into_iter()
        .chain(rest)
        .map(u64::from)
        .fold(0, |sum, bits| sum ^ bits)
}
