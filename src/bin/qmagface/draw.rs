//! `qmagface draw`.

use crate::arguments::{Embedding, Shared};
use crate::failure::Outcome;
use crate::output::face_count;
use crate::{output, picture};
use clap::Args;
use qmagface::image;
use serde_json::json;
use std::path::PathBuf;

#[derive(Args)]
pub struct Arguments {
    /// The photo
    image: PathBuf,
    /// The picture to write (PNG)
    #[arg(short, long, value_name = "OUT.png")]
    out: PathBuf,
    #[command(flatten)]
    embedding: Embedding,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let engine = arguments.embedding.engine()?;
    let image = image::read(&arguments.image, &engine.options().limits)?;
    let found = engine.extract_all(&image)?;
    picture::faces(&image, &found, &arguments.out)?;
    if shared.json {
        let qualities: Vec<_> = found.iter().map(|face| face.quality).collect();
        output::line(json!({"picture": arguments.out.to_string_lossy(), "faces": found.len(), "qualities": qualities}));
    } else {
        output::line(format_args!(
            "{}: {}, drawn in {}",
            arguments.image.display(),
            face_count(found.len()),
            arguments.out.display()
        ));
    }
    Ok(())
}
