//! Photos to faces, without the fourth stage, which no peer has.

use crate::contender::{Contender, Outcome};
use qmagface::Workers;
use qmagface::detect::{DetectorOptions, Mtcnn};
use qmagface::image::{self, BgrImage, DecodeLimits};
use qmagface::model::Store;
use serde_json::{Value, json};
use std::path::Path;

pub struct Detect {
    detector: Mtcnn,
    photo: Option<BgrImage>,
}

/// The installed detector without its fourth stage.
pub fn detector(workers: &Workers) -> Outcome<Mtcnn> {
    let weights = Store::default_location()?.open("mtcnn")?.load_weights()?;
    Ok(Mtcnn::new(&weights, None, workers)?)
}

impl Detect {
    pub fn load(workers: &Workers) -> Outcome<Self> {
        Ok(Detect {
            detector: detector(workers)?,
            photo: None,
        })
    }
}

impl Contender for Detect {
    fn case(&mut self, name: &str) -> Outcome<Value> {
        let photo = image::read(Path::new(name), &DecodeLimits::default())?;
        let about = json!({ "width": photo.width(), "height": photo.height() });
        self.photo = Some(photo);
        Ok(about)
    }

    fn step(&mut self) -> Outcome<()> {
        let photo = self.photo.as_ref().ok_or("no case")?;
        std::hint::black_box(self.detector.detect(photo, &DetectorOptions::default())?);
        Ok(())
    }

    /// A row for each face: the box's left, top, right and bottom, and the score.
    fn output(&mut self) -> Outcome<(Vec<usize>, Vec<f32>)> {
        let photo = self.photo.as_ref().ok_or("no case")?;
        let faces = self.detector.detect(photo, &DetectorOptions::default())?;
        let rows = faces.iter().flat_map(|face| face.bbox.into_iter().chain([face.score]));
        Ok((vec![faces.len(), 5], rows.collect()))
    }
}
