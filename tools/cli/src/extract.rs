//! The faces of an image: found and aligned, or a chip as it is.

use crate::arguments::{Embedding, OF_DETECTION};
use clap::Args;
use qmagface::capture::{self, Measured};
use qmagface::{BgrImage, Chip, Engine, Error, Extraction, Face, Result, Template};
use std::path::Path;

/// Whether images are aligned already.
#[derive(Args)]
pub struct Aligned {
    /// The images are aligned 112x112 chips (`qmagface align`): no face is looked for
    #[arg(long, conflicts_with_all = OF_DETECTION)]
    pub chips: bool,
}

/// A face that was taken from an image.
pub struct Extracted {
    /// Where it is, and how many faces the image has; `None` for a chip.
    pub face: Option<(Face, usize)>,
    pub chip: Chip,
    /// What is compared.
    pub template: Template,
}

impl Extracted {
    fn of(engine: &Engine, found: Extraction) -> Result<Self> {
        Ok(Extracted {
            face: Some((found.face, found.faces)),
            template: engine.template(&found)?,
            chip: found.chip,
        })
    }

    /// The magnitude of the embedding.
    pub fn quality(&self) -> f64 {
        self.template.quality()
    }

    /// The unified quality score 0..100, where the model has its constants.
    pub fn uqs(&self) -> Option<u8> {
        self.template.uqs()
    }
}

/// The image and the chosen one of its faces; `None` where it has none.
///
/// # Errors
/// Why the image can't be read or is no chip; as [`Engine::extract`].
pub fn extract(
    engine: &Engine,
    embedding: &Embedding,
    aligned: &Aligned,
    path: &Path,
) -> Result<(BgrImage, Option<Extracted>)> {
    let image = embedding.reading().read(path)?;
    let place = |error: Error| error.at(path.display());
    let found = match aligned.chips {
        true => Some(of_chip(engine, image.clone()).map_err(place)?),
        false => {
            let found = engine.extract(&image).map_err(place)?;
            found
                .map(|found| Extracted::of(engine, found))
                .transpose()
                .map_err(place)?
        }
    };
    Ok((image, found))
}

/// The chosen one of an image's faces, and its capture measures.
///
/// # Errors
/// As [`extract`].
pub fn extract_measured(
    engine: &Engine,
    embedding: &Embedding,
    path: &Path,
) -> Result<Option<(Extracted, Vec<Measured>)>> {
    let image = embedding.reading().read(path)?;
    let work = || {
        let faces = engine.detect(&image)?;
        let Some(face) = engine.choose(&image, &faces) else {
            return Ok(None);
        };
        let measures = capture::measure(&image, &face, &faces)?;
        let found = engine.extract_faces(&image, &[face])?.pop();
        found
            .map(|mut found| {
                found.faces = faces.len();
                Ok((Extracted::of(engine, found)?, measures))
            })
            .transpose()
    };
    work().map_err(|error: Error| error.at(path.display()))
}

/// The image and all of its faces, best score first.
///
/// # Errors
/// As [`extract`].
pub fn extract_all(
    engine: &Engine,
    embedding: &Embedding,
    aligned: &Aligned,
    path: &Path,
) -> Result<(BgrImage, Vec<Extracted>)> {
    let image = embedding.reading().read(path)?;
    let place = |error: Error| error.at(path.display());
    let found = match aligned.chips {
        true => vec![of_chip(engine, image.clone()).map_err(place)?],
        false => {
            let found = engine.extract_all(&image).map_err(place)?;
            let found = found.into_iter().map(|found| Extracted::of(engine, found));
            found.collect::<Result<_>>().map_err(place)?
        }
    };
    Ok((image, found))
}

fn of_chip(engine: &Engine, image: BgrImage) -> Result<Extracted> {
    let chip = Chip::from_image(image)?;
    let embedding = engine.embed(&[&chip])?.pop().unwrap_or_default();
    Ok(Extracted {
        face: None,
        chip,
        template: engine.template_of(&embedding)?,
    })
}
