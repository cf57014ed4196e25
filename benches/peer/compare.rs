//! Templates against templates, and how fast the gallery can be read at all.

use crate::contender::{Contender, Outcome};
use ndarray::{Array2, ArrayView2, Axis};
use qmagface::Work;
use qmagface::gallery::{Gallery, SearchOptions};
use qmagface::model::Fingerprint;
use qmagface::{Calibration, QualityParameters, Scalar, Template};
use serde_json::{Value, json};
use std::path::Path;

/// iResNet-100's published parameters.
const PARAMETERS: QualityParameters = QualityParameters {
    alpha: 0.077428,
    beta: 0.125926,
};

pub struct Compare {
    calibration: Calibration,
    probes: Vec<Template>,
    gallery: Gallery,
    /// The gallery's embeddings as they came, to be read.
    rows: Array2<f32>,
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
        let rows = matrix(gallery, length)?;
        let mut gallery = Gallery::new(Scalar::F32);
        for rows in rows.axis_chunks_iter(Axis(0), 1000) {
            let templates = templates(rows)?;
            gallery.add(&templates.iter().collect::<Vec<_>>())?;
        }
        Ok(Compare {
            calibration: Calibration::from_parameters(PARAMETERS)?,
            probes: templates(matrix(probes, length)?.view())?,
            gallery,
            rows,
            threads,
            case: Case::Many,
        })
    }

    /// The best gallery row of each probe of the case, and its score. The only place that says which comparison is measured.
    fn best(&self) -> Outcome<Vec<(usize, f32)>> {
        let probes = match self.case {
            Case::Many => &self.probes[..],
            Case::One | Case::Read => &self.probes[..1],
        };
        let options = SearchOptions {
            most: 1,
            ..SearchOptions::default()
        };
        let work = Work {
            threads: Some(self.threads),
            ..Work::default()
        };
        let probes: Vec<&Template> = probes.iter().collect();
        let found = self.gallery.search(&self.calibration, &probes, &options, &work)?;
        let best = found.iter().filter_map(|found| found.first());
        Ok(best.map(|best| (best.index, best.score)).collect())
    }

    /// Reads the gallery once, each thread its share: nothing can be compared faster than this.
    fn read(&self) -> Outcome<u64> {
        let floats = self.rows.as_slice().ok_or("the gallery is in one piece")?;
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
        Ok(json!({ "bytes": self.rows.len() * size_of::<f32>() }))
    }

    fn step(&mut self) -> Outcome<()> {
        match self.case {
            Case::Read => drop(std::hint::black_box(self.read()?)),
            Case::Many | Case::One => drop(std::hint::black_box(self.best()?)),
        }
        Ok(())
    }

    /// A row for each probe: the best gallery row, and the cosine that its score says.
    fn output(&mut self) -> Outcome<(Vec<usize>, Vec<f32>)> {
        let best = self.best()?;
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

fn templates(embeddings: ArrayView2<f32>) -> Outcome<Vec<Template>> {
    let template =
        |row: ndarray::ArrayView1<f32>| Template::from_embedding("random", Fingerprint([1; 32]), &row.to_vec());
    Ok(embeddings.rows().into_iter().map(template).collect::<Result<_, _>>()?)
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
