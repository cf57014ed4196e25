//! Turning published weight files into packs.

use crate::layout::OUTPUT_NET;
use crate::{checkpoint, layout, onnx};
use qmagface::model::{Manifest, Origin, Pack, Store, catalogue, check_tensors, sha256_of_file};
use qmagface::network::spec::{Network, lnet_tensor_specs};
use qmagface::weights::{TensorMap, pack};
use qmagface::{Error, ErrorKind, Result};
use std::cell::RefCell;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Largest ONNX file that is read, in bytes; SFace's float file has 38 million.
const MAX_ONNX_BYTES: u64 = 256 << 20;

/// As [`Importing::import`](crate::Importing::import).
pub(crate) fn import(store: &Store, file: &Path, name: Option<&str>) -> Result<Pack> {
    let wanted = name.map(catalogue::find).transpose()?;
    let mut tensors = read(file, Format::of_file(file)?)?;
    if layout::recognise(&tensors) == Some(Network::YuNet)
        && !tensors.iter().any(|(name, _)| name.starts_with(OUTPUT_NET))
    {
        // A file of YuNet has no O-Net, which places its landmarks.
        let mtcnn = store.open(&catalogue::of_network(Network::Mtcnn)?.name)?;
        layout::add_output_net(&mut tensors, &mtcnn.load_weights()?)?;
    }
    let origin = || -> Result<Origin> {
        let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        Ok(Origin {
            // The name becomes a line of the manifest.
            description: name.chars().filter(|c| !c.is_control()).take(200).collect(),
            sha256: Some(sha256_of_file(file)?),
        })
    };
    let is_lnet = tensors.get("conv1_1_weight").is_some();
    if is_lnet && wanted.is_none_or(|manifest| manifest.network == Network::Mtcnn.name()) {
        check_tensors(&tensors, &lnet_tensor_specs()).map_err(|e| e.at(format!("L-Net in {}", file.display())))?;
        return store.install_lnet(&tensors, &origin()?);
    }
    let manifest = fit(&tensors, wanted).map_err(|e| e.at(file.display()))?;
    store.install(&manifest.name, &tensors, &origin()?)
}

/// A kind of weight file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// `torch.save`, as a zip file or as bare pickles.
    Checkpoint,
    /// An ONNX model.
    Onnx,
    /// Safetensors.
    Safetensors,
}

impl Format {
    /// Recognises a file by its first bytes.
    fn of_file(path: &Path) -> Result<Format> {
        let failed = |e: std::io::Error| Error::io(path, "read", &e);
        let file = File::open(path).map_err(|e| Error::io(path, "open", &e))?;
        let mut head = Vec::new();
        file.take(9).read_to_end(&mut head).map_err(failed)?;
        Format::of(&head).ok_or_else(|| {
            Error::new(
                ErrorKind::Weights,
                format!(
                    "{} is no weight file: neither a PyTorch checkpoint, ONNX nor safetensors",
                    path.display()
                ),
            )
        })
    }

    /// Recognises a file by its bytes, of which the first nine count.
    pub(crate) fn of(bytes: &[u8]) -> Option<Format> {
        match bytes {
            // The header's length, then JSON. First, as a length's low bytes may look like anything.
            [_, _, _, _, _, 0, 0, 0, b'{', ..] => Some(Format::Safetensors),
            [b'P', b'K', 3, 4, ..] => Some(Format::Checkpoint),
            // A pickle's PROTO instruction.
            [0x80, 1..=5, ..] => Some(Format::Checkpoint),
            // ONNX: field 1 of ModelProto, the version of its format.
            [0x08, 1..=0x7f, ..] => Some(Format::Onnx),
            _ => None,
        }
    }
}

/// Reads the tensors a network may need, under the network's names where the file is a MagFace checkpoint.
fn read(path: &Path, format: Format) -> Result<TensorMap> {
    match format {
        Format::Checkpoint => read_checkpoint(path),
        Format::Onnx => {
            let too_large = || {
                let message = format!("{} has more than {MAX_ONNX_BYTES} bytes", path.display());
                Error::new(ErrorKind::Limit, message)
            };
            let failed = |e: std::io::Error| Error::io(path, "read", &e);
            let file = File::open(path).map_err(failed)?;
            if file.metadata().map_err(failed)?.len() > MAX_ONNX_BYTES {
                return Err(too_large());
            }
            let mut bytes = Vec::new();
            // A device has no length to look at.
            file.take(MAX_ONNX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
            if bytes.len() as u64 > MAX_ONNX_BYTES {
                return Err(too_large());
            }
            read_onnx(&bytes).map_err(|e| e.at(path.display()))
        }
        Format::Safetensors => Ok(pack::read(path)?.0),
    }
}

/// Reads the backbone of a MagFace checkpoint. The keys are looked at first: the head is as large as the network, and
/// which of them is the network follows from all keys together.
fn read_checkpoint(path: &Path) -> Result<TensorMap> {
    let keys = RefCell::new(Vec::new());
    checkpoint::read(path, &|key| {
        keys.borrow_mut().push(key.to_owned());
        false
    })?;
    let keys = keys.into_inner();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let Some(prefix) = layout::backbone_prefix(&keys) else {
        return Err(unknown_network(&keys).at(path.display()));
    };
    let tensors = checkpoint::read(path, &|key| layout::backbone_name(key, prefix).is_some())?;
    layout::strip_backbone(tensors, prefix)
}

/// Reads the tensors of an ONNX file from its bytes; of SFace and YuNet only the network's, under its names.
pub(crate) fn read_onnx(bytes: &[u8]) -> Result<TensorMap> {
    let tensors = layout::strip_sface(onnx::read_initializers(bytes)?)?;
    match layout::recognise(&tensors) {
        Some(Network::YuNet) => layout::yunet_from_onnx(&tensors),
        _ => Ok(tensors),
    }
}

/// The manifest of the pack that `tensors` are for: the `wanted` one, or the one they look like. They fit it exactly.
fn fit(tensors: &TensorMap, wanted: Option<&'static Manifest>) -> Result<&'static Manifest> {
    let looks_like = layout::recognise(tensors).map(catalogue::of_network).transpose()?;
    let manifest = wanted
        .or(looks_like)
        .ok_or_else(|| unknown_network(&tensors.iter().map(|(name, _)| name).collect::<Vec<_>>()))?;
    check_tensors(tensors, &manifest.network()?.tensor_specs()).map_err(|e| {
        let e = e.at(format!("does not fit {}", manifest.name));
        match looks_like.filter(|other| other.name != manifest.name) {
            Some(other) => Error::new(e.kind(), format!("{e} (it looks like {})", other.name)),
            None => e,
        }
    })?;
    Ok(manifest)
}

/// The error for tensors of no network we know.
fn unknown_network(names: &[&str]) -> Error {
    let first: Vec<_> = names.iter().take(3).map(|name| format!("{name:?}")).collect();
    let hint = if names
        .iter()
        .any(|&name| name == "conv4_1.weight" || name.starts_with("dense5_1."))
    {
        "; a stage of MTCNN comes with `qmagface models fetch mtcnn`"
    } else {
        ""
    };
    Error::new(
        ErrorKind::Weights,
        match names.len() {
            0 => "holds no tensors".into(),
            count => format!(
                "holds no network this library knows; its {count} tensors begin with {}{hint}",
                first.join(", ")
            ),
        },
    )
}
