//! `qmagface quality`.

use crate::arguments::{Embedding, Shared};
use crate::extract::{Aligned, extract};
use crate::failure::Outcome;
use crate::folder::name;
use crate::inputs::Inputs;
use crate::many;
use crate::output::{self, taken};
use clap::Args;
use serde_json::json;
use std::path::Path;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    aligned: Aligned,
    #[command(flatten)]
    embedding: Embedding,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let images = arguments.inputs.find()?;
    let embedding = &arguments.embedding;
    let engine = embedding.engine()?;
    let measure = |path: &Path| {
        let (_, found) = extract(&engine, embedding, &arguments.aligned, path)?;
        Ok(found.map(|found| (found.quality(), found.uqs(), found.face)))
    };
    many::each(shared, embedding.machine(), &images, measure, |path, found| {
        let image = name(path);
        let model = &engine.info().model;
        // No face is an answer.
        let (quality, uqs, face) = match found {
            Some((quality, uqs, face)) => (Some(quality), uqs, face),
            None => (None, None, None),
        };
        if shared.json {
            let count = match quality {
                Some(_) => face.map(|(_, faces)| faces),
                None => Some(0),
            };
            output::line(json!({
                "image": image, "quality": quality, "uqs": uqs, "faces": count, "box": face.map(|(face, _)| face.bbox),
                "model": model,
            }));
            return Ok(());
        }
        let Some(quality) = quality else {
            output::line(format_args!("{image}: no face"));
            return Ok(());
        };
        let uqs = uqs
            .map(|uqs| format!("  unified quality {uqs} of 100"))
            .unwrap_or_default();
        let faces = face.map_or("a chip".to_owned(), |(face, faces)| taken(&face, faces));
        output::line(format_args!("{image}: quality {quality:.3}{uqs}  ({faces})"));
        Ok(())
    })
}
