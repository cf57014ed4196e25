//! `qmagface quality`.

use crate::arguments::{Choice, Detection, Shared};
use crate::detect::count;
use crate::failure::{Failure, Outcome, report_image};
use crate::output;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

#[derive(Args)]
pub struct Arguments {
    /// The images
    #[arg(required = true)]
    images: Vec<PathBuf>,
    #[command(flatten)]
    detection: Detection,
    #[command(flatten)]
    choice: Choice,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let engine = shared.engine(&arguments.detection, Some(&arguments.choice))?;
    let mut failed = 0;
    for path in &arguments.images {
        let image = path.to_string_lossy();
        let model = &engine.info().model;
        match engine.extract_file(path) {
            Ok(Some(found)) if shared.json => output::line(json!({
                "image": image, "quality": found.quality, "uqs": found.uqs, "faces": found.faces, "model": model,
            })),
            Ok(Some(found)) => {
                let uqs = found
                    .uqs
                    .map(|uqs| format!("  unified quality {uqs} of 100"))
                    .unwrap_or_default();
                output::line(format_args!(
                    "{image}: quality {:.3}{uqs}  ({})",
                    found.quality,
                    count(found.faces)
                ));
            }
            // No face is an answer.
            Ok(None) if shared.json => output::line(json!({
                "image": image, "quality": null, "uqs": null, "faces": 0, "model": model,
            })),
            Ok(None) => output::line(format_args!("{image}: no face")),
            Err(error) => {
                failed += 1;
                report_image(shared, path, &error);
            }
        }
    }
    Failure::if_some(failed, arguments.images.len())
}
