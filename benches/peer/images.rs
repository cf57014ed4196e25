//! Decoding a photo, and aligning the face on it.

use crate::contender::{Contender, Outcome};
use crate::detect::detector;
use qmagface::Chip;
use qmagface::Workers;
use qmagface::align::{Similarity, similarity, warp};
use qmagface::detect::{DetectorOptions, Mtcnn};
use qmagface::image::{self, BgrImage, DecodeLimits};
use serde_json::{Value, json};
use std::path::Path;

/// Bytes to pixels.
#[derive(Default)]
pub struct Decode {
    bytes: Vec<u8>,
}

impl Decode {
    fn decode(&self) -> Outcome<BgrImage> {
        Ok(image::decode(&self.bytes, &DecodeLimits::default())?)
    }
}

impl Contender for Decode {
    fn case(&mut self, name: &str) -> Outcome<Value> {
        self.bytes = std::fs::read(name)?;
        let photo = self.decode()?;
        Ok(json!({ "width": photo.width(), "height": photo.height() }))
    }

    fn step(&mut self) -> Outcome<()> {
        std::hint::black_box(self.decode()?);
        Ok(())
    }

    fn output(&mut self) -> Outcome<(Vec<usize>, Vec<f32>)> {
        let photo = self.decode()?;
        Ok((
            vec![photo.height(), photo.width(), 3],
            photo.data().iter().map(|&v| v.into()).collect(),
        ))
    }
}

/// Pixels and a matrix to a chip.
pub struct Align {
    detector: Mtcnn,
    photo: Option<(BgrImage, Similarity)>,
}

impl Align {
    pub fn load(workers: &Workers) -> Outcome<Self> {
        Ok(Align {
            detector: detector(workers)?,
            photo: None,
        })
    }

    fn align(&self) -> Outcome<Chip> {
        let (photo, matrix) = self.photo.as_ref().ok_or("no case")?;
        Ok(warp(photo, matrix)?)
    }
}

impl Contender for Align {
    /// The answer holds the matrix, for others to warp the same face.
    fn case(&mut self, name: &str) -> Outcome<Value> {
        let photo = image::read(Path::new(name), &DecodeLimits::default())?;
        let faces = self.detector.detect(&photo, &DetectorOptions::default())?;
        let face = faces.first().ok_or_else(|| format!("no face on {name}"))?;
        let matrix = similarity(&face.landmarks)?;
        let about = json!({ "matrix": matrix, "width": photo.width(), "height": photo.height() });
        self.photo = Some((photo, matrix));
        Ok(about)
    }

    fn step(&mut self) -> Outcome<()> {
        std::hint::black_box(self.align()?);
        Ok(())
    }

    fn output(&mut self) -> Outcome<(Vec<usize>, Vec<f32>)> {
        let chip = self.align()?;
        Ok((
            vec![Chip::SIZE, Chip::SIZE, 3],
            chip.bgr().iter().map(|&v| v.into()).collect(),
        ))
    }
}
