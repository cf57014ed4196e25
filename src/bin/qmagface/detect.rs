//! `qmagface detect`.

use crate::arguments::{Detection, Shared};
use crate::failure::{Failure, Outcome, report_image};
use crate::output;
use clap::Args;
use qmagface::{Face, image};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Args)]
pub struct Arguments {
    /// The images
    #[arg(required = true)]
    images: Vec<PathBuf>,
    #[command(flatten)]
    detection: Detection,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let engine = shared.engine(&arguments.detection, None)?;
    let mut failed = 0;
    for path in &arguments.images {
        let found = image::read(path, &engine.options().limits).and_then(|image| engine.detect(&image));
        let shown = path.display();
        match found {
            Ok(faces) if shared.json => {
                let faces: Vec<_> = faces.iter().map(face_json).collect();
                output::line(json!({"image": path.to_string_lossy(), "faces": faces}));
            }
            Ok(faces) => {
                output::line(format_args!("{shown}: {}", count(faces.len())));
                for face in &faces {
                    let [x1, y1, x2, y2] = face.bbox;
                    output::line(format_args!(
                        "  score {:.4}  box {x1:.1},{y1:.1} to {x2:.1},{y2:.1}",
                        face.score
                    ));
                }
            }
            Err(error) => {
                failed += 1;
                report_image(shared, path, &error);
            }
        }
    }
    Failure::if_some(failed, arguments.images.len())
}

/// "no face", "1 face", "2 faces".
pub fn count(faces: usize) -> String {
    match faces {
        0 => "no face".to_owned(),
        1 => "1 face".to_owned(),
        n => format!("{n} faces"),
    }
}

fn face_json(face: &Face) -> Value {
    json!({"box": face.bbox, "score": face.score, "landmarks": face.landmarks})
}
