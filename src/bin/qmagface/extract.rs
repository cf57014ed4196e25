//! The faces of an image: found and aligned, or a chip as it is.

use crate::arguments::{Embedding, OF_DETECTION};
use clap::Args;
use qmagface::{BgrImage, Chip, Engine, Error, Extraction, Face, Result, compare};
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
    pub embedding: Vec<f32>,
    pub quality: f64,
    pub uqs: Option<u8>,
}

impl From<Extraction> for Extracted {
    fn from(found: Extraction) -> Self {
        Extracted {
            face: Some((found.face, found.faces)),
            chip: found.chip,
            embedding: found.embedding,
            quality: found.quality,
            uqs: found.uqs,
        }
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
        false => engine.extract(&image).map_err(place)?.map(Extracted::from),
    };
    Ok((image, found))
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
            found.into_iter().map(Extracted::from).collect()
        }
    };
    Ok((image, found))
}

fn of_chip(engine: &Engine, image: BgrImage) -> Result<Extracted> {
    let chip = Chip::from_image(image)?;
    let embedding = engine.embed(&[&chip])?.pop().unwrap_or_default();
    let quality = compare::magnitude(&embedding)?;
    Ok(Extracted {
        face: None,
        chip,
        uqs: engine.uqs(quality),
        embedding,
        quality,
    })
}
