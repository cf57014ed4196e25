//! `qmagface detect`.

use crate::arguments::{Finding, Shared};
use crate::failure::Outcome;
use crate::folder::name;
use crate::inputs::Inputs;
use crate::many;
use crate::output::{self, face_count, turned};
use clap::Args;
use qmagface::Face;
use serde_json::{Value, json};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    finding: Finding,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let images = arguments.inputs.find()?;
    let engine = arguments.finding.engine()?;
    let reading = &arguments.finding.reading;
    let find = |path: &std::path::Path| engine.detect(&reading.read(path)?);
    many::each(shared, &arguments.finding.machine, &images, find, |path, faces| {
        if shared.json {
            let faces: Vec<_> = faces.iter().map(face_json).collect();
            output::line(json!({"image": name(path), "faces": faces}));
            return Ok(());
        }
        output::line(format_args!("{}: {}", name(path), face_count(faces.len())));
        for face in &faces {
            let [x1, y1, x2, y2] = face.bbox;
            output::line(format_args!(
                "  score {:.4}  box {x1:.1},{y1:.1} to {x2:.1},{y2:.1}{}",
                face.score,
                turned(face)
            ));
        }
        Ok(())
    })
}

fn face_json(face: &Face) -> Value {
    json!({
        "box": face.bbox, "score": face.score, "landmarks": face.landmarks, "turn": face.turn().degrees(),
    })
}
