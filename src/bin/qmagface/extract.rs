//! An image's face: found and aligned, or a chip as it is.

use crate::arguments::Embedding;
use clap::Args;
use qmagface::{BgrImage, Chip, Engine, Error, Face, Result, compare};
use std::path::Path;

/// Whether images are aligned already.
#[derive(Args)]
pub struct Aligned {
    /// The images are aligned 112x112 chips (`qmagface align`): no face is looked for
    #[arg(long, conflicts_with_all = ["min_face", "thresholds", "factor", "face"])]
    pub chips: bool,
}

/// What was taken from an image.
pub struct Extracted {
    pub image: BgrImage,
    /// The face that was chosen, and how many there are; `None` for a chip.
    pub face: Option<(Face, usize)>,
    pub chip: Chip,
    pub embedding: Vec<f32>,
    pub quality: f64,
    pub uqs: Option<u8>,
}

/// The face of an image; `None` where there is none.
///
/// # Errors
/// Why the image can't be read or is no chip; as [`Engine::extract`].
pub fn extract(engine: &Engine, embedding: &Embedding, aligned: &Aligned, path: &Path) -> Result<Option<Extracted>> {
    let image = embedding.reading().read(path)?;
    let place = |error: Error| error.at(path.display());
    if !aligned.chips {
        let found = engine.extract(&image).map_err(place)?;
        return Ok(found.map(|found| Extracted {
            image,
            face: Some((found.face, found.faces)),
            chip: found.chip,
            embedding: found.embedding,
            quality: found.quality,
            uqs: found.uqs,
        }));
    }
    let chip = Chip::from_image(image.clone()).map_err(place)?;
    let mut embeddings = engine.embed(&[&chip]).map_err(place)?;
    let embedding = embeddings.pop().unwrap_or_default();
    let quality = compare::magnitude(&embedding).map_err(place)?;
    Ok(Some(Extracted {
        image,
        face: None,
        chip,
        uqs: engine.uqs(quality),
        embedding,
        quality,
    }))
}
