//! What is calibrated on: arrays, or a folder of photos that is embedded first.

use super::{Arguments, check_pairs};
use crate::album::Album;
use crate::arguments::Shared;
use crate::embed::{Embedded, Input, embed_all, embedded};
use crate::folder::Skipped;
use crate::journal::Journal;
use crate::labelled::{LabelledSet, labelled};
use crate::stop::stop_flag;
use qmagface::model::{Bundle, Fingerprint, Store};
use qmagface::pairs::{Prepared, npy};
use qmagface::{Error, ErrorKind, Matrix, Result};
use std::path::Path;

/// A labelled set and where it is from.
pub struct Labelled {
    pub set: Prepared,
    /// Name of the data.
    pub data: String,
    /// The model; `None`: any.
    pub model: Option<(String, Fingerprint)>,
    /// What the embeddings are kept in until the file is written.
    pub journal: Option<Journal>,
    /// Photos without an embedding.
    pub skipped: Vec<Skipped>,
    /// What the user should know of the set.
    pub notes: Vec<String>,
    /// How many files there are for which the command may fail.
    pub tried: usize,
    /// Hidden files and folders, left out.
    pub hidden: usize,
}

/// Reads the arrays, or embeds the folder.
pub fn read(shared: &Shared, arguments: &Arguments) -> Result<Labelled> {
    match (&arguments.source, &arguments.embeddings, &arguments.filenames) {
        (Some(source), ..) => of_folder(shared, arguments, source),
        (None, Some(embeddings), Some(filenames)) => of_arrays(arguments, embeddings, filenames),
        // The command line asks for one of them.
        _ => Err(Error::new(
            ErrorKind::InvalidArgument,
            "give --source, or --embeddings and --filenames",
        )),
    }
}

fn of_arrays(arguments: &Arguments, embeddings: &Path, filenames: &Path) -> Result<Labelled> {
    let model = match arguments.any_model {
        true => None,
        false => Some(
            model(arguments.embedding.model(), arguments.embedding.detector()).map_err(|error| {
                Error::new(
                    error.kind(),
                    format!("{error} (the file names the model that made the embeddings: --model, or --any-model)"),
                )
            })?,
        ),
    };
    let files = npy::SetFiles::open(embeddings, filenames)?;
    let length = model.as_ref().and_then(|(_, _, length)| *length);
    if let (Some(length), Some((name, ..))) = (length, &model)
        && length != files.length()
    {
        return Err(Error::new(
            ErrorKind::ModelMismatch,
            format!(
                "{} has embeddings of {} floats, {name} makes {length}: they are of another model (--model, --any-model)",
                embeddings.display(),
                files.length()
            ),
        ));
    }
    let (rows, names) = files.read()?;
    let images = rows.rows();
    let LabelledSet { set, notes, .. } =
        labelled(&arguments.people, rows, names, true).map_err(|error| error.at(filenames.display()))?;
    let stem = embeddings.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Labelled {
        set,
        data: name(arguments, stem.strip_prefix("embeddings_").unwrap_or(&stem)),
        model: model.map(|(name, fingerprint, _)| (name, fingerprint)),
        journal: None,
        skipped: Vec::new(),
        notes,
        tried: images,
        hidden: 0,
    })
}

/// Name, fingerprint and length of the embeddings of a model, without loading its weights.
fn model(name: &str, detector: Option<&str>) -> Result<(String, Fingerprint, Option<usize>)> {
    if Bundle::is_path(name) {
        let bundle = Bundle::open(Path::new(name))?;
        bundle.check_detector(detector)?;
        let (pack, detector) = (bundle.embedder(), bundle.detector());
        let fingerprint = pack.fingerprint_with(Some(detector))?;
        return Ok((pack.name().to_owned(), fingerprint, pack.manifest().embedding_length));
    }
    let (pack, detector) = Store::default_location()?.open_with_detector(name, detector)?;
    let fingerprint = pack.fingerprint_with(Some(&detector))?;
    Ok((pack.name().to_owned(), fingerprint, pack.manifest().embedding_length))
}

fn of_folder(shared: &Shared, arguments: &Arguments, source: &Path) -> Result<Labelled> {
    let album = Album::open(source)?;
    // Who is on a photo must be known before hours of embedding.
    let place = |error: Error| error.at(source.display());
    let people = arguments.people.people_needed(&album.names()).map_err(place)?;
    check_pairs(arguments, people.pairs()).map_err(place)?;
    let engine = arguments.embedding.engine()?;
    let journal_name = format!(
        ".{}.journal",
        arguments.out.file_name().unwrap_or_default().to_string_lossy()
    );
    let input = Input {
        album: &album,
        align: !arguments.chips && album.packed().is_none(),
        reading: arguments.embedding.reading(),
        machine: arguments.embedding.machine(),
        cancel: Some(stop_flag()?),
    };
    let journal = embed_all(shared, &engine, &input, &arguments.out.with_file_name(journal_name))?;
    let length = engine.info().embedding_length;
    let Embedded { names, skipped } = embedded(&journal, &album)?;
    let mut values = Vec::with_capacity(names.len() * length);
    for entry in journal.entries()? {
        values.extend(entry?.values().into_iter().flatten());
    }
    let rows = Matrix::new(names.len(), length, values)?;
    let folder_name = std::path::absolute(source)
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_default();
    let info = engine.info();
    let LabelledSet { set, notes, .. } =
        labelled(&arguments.people, rows, names, true).map_err(|error| error.at(source.display()))?;
    Ok(Labelled {
        set,
        data: name(arguments, &folder_name),
        model: (!arguments.any_model).then(|| (info.model.clone(), info.fingerprint)),
        journal: Some(journal),
        skipped,
        notes,
        tried: album.tried(),
        hidden: album.hidden,
    })
}

/// The data's name: what the caller says, else where it is from.
fn name(arguments: &Arguments, origin: &str) -> String {
    match &arguments.data {
        Some(name) => name.clone(),
        // A file name may have what a text of the file may not.
        None if origin.is_empty() || origin.chars().any(char::is_control) => "unnamed".to_owned(),
        None => origin.to_owned(),
    }
}
