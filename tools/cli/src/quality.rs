//! `qmagface quality`.

use crate::arguments::{Embedding, Shared};
use crate::extract::{Aligned, extract};
use crate::failure::Outcome;
use crate::folder::name;
use crate::inputs::Inputs;
use crate::many;
use crate::output::{self, face_count};
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
        Ok(found.map(|found| (found.quality(), found.uqs(), found.face.map(|(_, faces)| faces))))
    };
    many::each(shared, embedding.machine(), &images, measure, |path, found| {
        let image = name(path);
        let model = &engine.info().model;
        // No face is an answer.
        let (quality, uqs, faces) = match found {
            Some((quality, uqs, faces)) => (Some(quality), uqs, faces),
            None => (None, None, Some(0)),
        };
        if shared.json {
            output::line(json!({
                "image": image, "quality": quality, "uqs": uqs, "faces": faces, "model": model,
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
        let faces = faces.map_or("a chip".to_owned(), face_count);
        output::line(format_args!("{image}: quality {quality:.3}{uqs}  ({faces})"));
        Ok(())
    })
}
