//! What is calibrated on: arrays, or a folder of photos that is embedded first.

use super::Arguments;
use crate::arguments::Shared;
use crate::embed::{Input, embed_all};
use crate::folder::{self, Skipped};
use crate::journal::{Entry, Journal};
use crate::stop::stop_flag;
use ndarray::Array2;
use qmagface::model::{Bundle, Fingerprint, Store};
use qmagface::pairs::{Prepared, npy};
use qmagface::{Error, ErrorKind, Result};
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
    /// How many photos there are.
    pub images: usize,
}

/// Reads the arrays, or embeds the folder.
pub fn read(shared: &Shared, arguments: &Arguments) -> Result<Labelled> {
    match (&arguments.source, &arguments.embeddings, &arguments.filenames) {
        (Some(source), ..) => of_folder(shared, arguments, source),
        (None, Some(embeddings), Some(filenames)) => of_arrays(shared, arguments, embeddings, filenames),
        // The command line asks for one of them.
        _ => Err(Error::new(
            ErrorKind::InvalidArgument,
            "give --source, or --embeddings and --filenames",
        )),
    }
}

fn of_arrays(shared: &Shared, arguments: &Arguments, embeddings: &Path, filenames: &Path) -> Result<Labelled> {
    let model = match arguments.any_model {
        true => None,
        false => Some(model(&shared.model).map_err(|error| {
            Error::new(
                error.kind(),
                format!("{error} (the file names the model that made the embeddings: --model, or --any-model)"),
            )
        })?),
    };
    let rows = npy::read_matrix(embeddings)?;
    let length = model.as_ref().and_then(|(_, _, length)| *length);
    if let (Some(length), Some((name, ..))) = (length, &model)
        && length != rows.ncols()
    {
        return Err(Error::new(
            ErrorKind::ModelMismatch,
            format!(
                "{} has embeddings of {} floats, {name} makes {length}: they are of another model (--model, --any-model)",
                embeddings.display(),
                rows.ncols()
            ),
        ));
    }
    let names = npy::read_texts(filenames)?;
    if names.len() != rows.nrows() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{} has {} names, {} {} embeddings: they are not of one set",
                filenames.display(),
                names.len(),
                embeddings.display(),
                rows.nrows()
            ),
        ));
    }
    let stem = embeddings.file_stem().unwrap_or_default().to_string_lossy();
    let images = rows.nrows();
    Ok(Labelled {
        set: Prepared::from_names(rows, names).map_err(|error| error.at(filenames.display()))?,
        data: name(arguments, stem.strip_prefix("embeddings_").unwrap_or(&stem)),
        model: model.map(|(name, fingerprint, _)| (name, fingerprint)),
        journal: None,
        skipped: Vec::new(),
        images,
    })
}

/// Name, fingerprint and length of the embeddings of a model, without loading its weights.
fn model(name: &str) -> Result<(String, Fingerprint, Option<usize>)> {
    if Bundle::is_path(name) {
        let bundle = Bundle::open(Path::new(name))?;
        let (pack, detector) = (bundle.embedder(), bundle.detector());
        let fingerprint = pack.fingerprint_with(Some(detector))?;
        return Ok((pack.name().to_owned(), fingerprint, pack.manifest().embedding_length));
    }
    let (pack, detector) = Store::default_location()?.open_with_detector(name)?;
    let fingerprint = pack.fingerprint_with(Some(&detector))?;
    Ok((pack.name().to_owned(), fingerprint, pack.manifest().embedding_length))
}

fn of_folder(shared: &Shared, arguments: &Arguments, source: &Path) -> Result<Labelled> {
    let folder::Listing { images, mut skipped } = folder::list(source)?;
    let names: Vec<String> = images.iter().map(|image| folder::name(image)).collect();
    // Who is on a photo must be known before hours of embedding.
    if let Some(name) = names.iter().find(|name| qmagface::pairs::subject_of(name).is_none()) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{}: {name} is in no person's folder: photos are PERSON/IMAGE, one folder for each person",
                source.display()
            ),
        ));
    }
    let engine = shared.engine(&arguments.detection, Some(&arguments.choice))?;
    let journal_name = format!(
        ".{}.journal",
        arguments.out.file_name().unwrap_or_default().to_string_lossy()
    );
    let input = Input {
        source,
        align: !arguments.chips,
        cancel: Some(stop_flag()?),
    };
    let journal = embed_all(
        shared,
        &engine,
        &input,
        &images,
        &arguments.out.with_file_name(journal_name),
    )?;
    let length = engine.info().embedding_length;
    let (mut values, mut kept) = (Vec::new(), Vec::new());
    for ((relative, name), entry) in images.iter().zip(names).zip(journal.entries()?) {
        match entry? {
            Entry::Skipped { reason, failed } => skipped.push(Skipped {
                path: relative.clone(),
                reason,
                failed,
            }),
            entry => match entry.values().filter(|values| values.len() == length) {
                Some(embedding) => {
                    values.extend(embedding);
                    kept.push(name);
                }
                None => return Err(Error::new(ErrorKind::Io, "the journal was changed: delete it")),
            },
        }
    }
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    let rows = Array2::from_shape_vec((kept.len(), length), values)
        .map_err(|error| Error::new(ErrorKind::Internal, format!("embeddings: {error}")))?;
    let folder_name = std::path::absolute(source)
        .ok()
        .and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .unwrap_or_default();
    let info = engine.info();
    Ok(Labelled {
        set: Prepared::from_names(rows, kept).map_err(|error| error.at(source.display()))?,
        data: name(arguments, &folder_name),
        model: (!arguments.any_model).then(|| (info.model.clone(), info.fingerprint)),
        journal: Some(journal),
        skipped,
        images: images.len(),
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
