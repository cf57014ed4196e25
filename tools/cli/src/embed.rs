//! `qmagface embed`.

use crate::album::Album;
use crate::arguments::{Embedding, Machine, Reading, Shared};
use crate::failure::{Failure, Outcome};
use crate::folder::{self, Skipped};
use crate::journal::{Entry, Header, Journal};
use crate::output;
use crate::own_file;
use crate::people::PersonRule;
use crate::pipeline::{Width, in_order};
use crate::stop::stop_flag;
use clap::Args;
use npyz::WriterBuilder;
use qmagface::replace::Replacement;
use qmagface::{BgrImage, Cancel, Chip, Engine, Error, ErrorKind, Result};
use qmagface_evaluate::data::PackedPairs;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Arguments {
    /// Folder of aligned 112x112 chips, or of photos with --align; or a .bin file of pairs of chips
    #[arg(short, long)]
    source: PathBuf,
    /// Folder the two .npy files are written to
    #[arg(short, long)]
    result: PathBuf,
    /// Name of the data set: the files are embeddings_NAME.npy and filenames_NAME.npy
    #[arg(short = 'd', long = "dataset", value_name = "NAME", value_parser = dataset_name)]
    name: String,
    /// The images are photos: detect and align their faces first
    #[arg(long)]
    align: bool,
    #[command(flatten)]
    people: PersonRule,
    #[command(flatten)]
    embedding: Embedding,
}

/// A data set's name becomes part of a file name.
fn dataset_name(text: &str) -> Result<String, String> {
    if text.is_empty() || text.contains(['/', '\\', '\0']) {
        return Err("a name without / and \\".to_owned());
    }
    Ok(text.to_owned())
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let album = Album::open(&arguments.source)?;
    // A rule that finds nobody is told before the work.
    let people = arguments.people.people(&album.names())?;
    let paths = Paths::new(&arguments.result, &arguments.name);
    let pairs = album.packed().map(|packed| pairs_of(packed, arguments));
    check_free(&paths, pairs.as_ref())?;
    let engine = arguments.embedding.engine()?;
    std::fs::create_dir_all(&arguments.result).map_err(|error| Error::io(&arguments.result, "create", &error))?;
    let journal_path = arguments.result.join(format!(".embeddings_{}.journal", arguments.name));
    let input = Input {
        album: &album,
        align: arguments.align,
        reading: arguments.embedding.reading(),
        machine: arguments.embedding.machine(),
        cancel: Some(stop_flag()?),
    };
    let journal = embed_all(shared, &engine, &input, &journal_path)?;
    let Embedded { names, skipped } = embedded(&journal, &album)?;
    write_arrays(&journal, &names, &paths, engine.info().embedding_length, pairs.as_ref())?;
    let pairs = pairs.map(|(path, _)| path);
    journal.remove()?;
    let count = people.as_ref().map(|people| people.count());
    let mut notes = people.map(|people| people.notes).unwrap_or_default();
    let beside = arguments.result.join(format!("pairs_{}.txt", arguments.name));
    if pairs.is_none() && beside.exists() {
        notes.push(format!(
            "{} lies beside the arrays and is not of this run: its pairs may be of other images.",
            beside.display()
        ));
    }
    if shared.json {
        let skipped: Vec<_> = skipped.iter().map(Skipped::json).collect();
        output::line(json!({
            "embeddings": folder::name(&paths.embeddings),
            "filenames": folder::name(&paths.filenames),
            "pairs": pairs.as_deref().map(folder::name),
            "count": names.len(),
            "length": engine.info().embedding_length,
            "model": engine.info().model,
            "images": album.len(),
            "people": count,
            "notes": notes,
            "skipped": skipped,
            "hidden": album.hidden,
        }));
    } else {
        output::line(format_args!(
            "{} embeddings of {} floats in {}, {} files skipped{}",
            names.len(),
            engine.info().embedding_length,
            paths.embeddings.display(),
            skipped.len(),
            output::hidden(album.hidden)
        ));
        output::skipped(&skipped);
        if let Some(count) = count {
            output::line(format_args!("{} images of {count} people, by their names", album.len()));
        }
        if let Some(pairs) = &pairs {
            output::line(format_args!(
                "their pairs, as `evaluate single-image --format agedb` takes them, in {}",
                pairs.display()
            ));
        }
        output::notes(&notes);
    }
    Failure::if_some(folder::failures(&skipped), album.tried())
}

/// The images that are embedded.
pub struct Input<'a> {
    pub album: &'a Album,
    /// They are photos, not chips.
    pub align: bool,
    pub reading: &'a Reading,
    pub machine: &'a Machine,
    /// Ends the work after the batch that is being embedded; what is in the journal stays.
    pub cancel: Option<&'a Cancel>,
}

/// Embeds images into the journal, with a progress bar; goes on where an interrupted run stopped.
///
/// # Errors
/// As [`Journal::open`], and when the network fails; [`ErrorKind::Cancelled`]. A bad image is an entry.
pub fn embed_all(shared: &Shared, engine: &Engine, input: &Input, journal_path: &Path) -> Result<Journal> {
    let count = input.album.len();
    let mut journal = Journal::open(journal_path, &header(engine, input)?)?;
    if journal.done() > count {
        return Err(Error::new(
            ErrorKind::Io,
            format!("{} was changed: delete it", journal_path.display()),
        ));
    }
    if journal.done() > 0 && !shared.json {
        eprintln!("going on after {} images of an interrupted run", journal.done());
    }
    let progress = output::progress(count, shared.json);
    progress.set_position(journal.done() as u64);
    progress.reset_eta();
    let batch = engine.info().batch_size;
    // At the beginning of a batch: the last bits of an embedding can depend on what else is in its batch.
    let (done, start) = (journal.done(), journal.done() / batch * batch);
    // In flight are one image for each worker, and the chips of two batches beside the one that is embedded.
    let workers = input.machine.workers();
    let width = Width {
        workers,
        ahead: 2 * batch + workers,
    };
    let work = |index: usize| {
        let image = input.album.read(index, input.reading);
        let chip = image.and_then(|image| chip(engine, image, input.align));
        chip.map_err(|error| input.album.skip(index, &error))
    };
    let mut chips = Vec::with_capacity(batch);
    let result = in_order(start..count, width, work, |index, chip| {
        if input.cancel.is_some_and(Cancel::is_cancelled) {
            let message = format!(
                "stopped after {} images: the same command goes on there",
                journal.done()
            );
            return Err(Error::new(ErrorKind::Cancelled, message));
        }
        chips.push(chip);
        if chips.len() == batch || index + 1 == count {
            let entries = embed(engine, &chips)?;
            let new = &entries[done.saturating_sub(index + 1 - chips.len()).min(chips.len())..];
            journal.append(new)?;
            progress.inc(new.len() as u64);
            chips.clear();
        }
        Ok(())
    });
    progress.finish_and_clear();
    result.map(|()| journal)
}

/// The two result files.
pub struct Paths {
    pub embeddings: PathBuf,
    pub filenames: PathBuf,
}

impl Paths {
    /// The files of the data set `name` in `folder`.
    pub fn new(folder: &Path, name: &str) -> Self {
        let path = |kind: &str| folder.join(format!("{kind}_{name}.npy"));
        Paths {
            embeddings: path("embeddings"),
            filenames: path("filenames"),
        }
    }
}

/// What a journal must agree with to be gone on with.
///
/// # Errors
/// [`ErrorKind::Io`] when an image is gone.
pub fn header(engine: &Engine, input: &Input) -> Result<Header> {
    let mut hash = Sha256::new();
    for index in 0..input.album.len() {
        hash.update(input.album.name(index));
        hash.update([0]);
        match input.album.packed() {
            Some(packed) => hash.update(packed.image(index)),
            None => hash.update(folder::state(&input.album.source.join(&input.album.files()[index]))?),
        }
        hash.update([0]);
    }
    let kind = match input.align {
        true => format!("photos {:?} {:?}", engine.options().detector, engine.info().face),
        false => "chips".to_owned(),
    };
    let Reading { rotate, max_pixels } = input.reading;
    let turned = match rotate.degrees() {
        0 => String::new(),
        degrees => format!(" turned by {degrees}"),
    };
    let limited = max_pixels
        .map(|pixels| format!(" of at most {pixels} pixels"))
        .unwrap_or_default();
    Ok(Header {
        format: 2,
        model: engine.info().fingerprint.to_string(),
        source: folder::name(
            &input
                .album
                .source
                .canonicalize()
                .unwrap_or_else(|_| input.album.source.clone()),
        ),
        input: format!("{kind}{turned}{limited}"),
        images: hex::encode(hash.finalize()),
        count: input.album.len(),
    })
}

/// The entries of a batch of images; a bad one is skipped, a failing network ends the run.
fn embed(engine: &Engine, chips: &[Result<Chip, Skipped>]) -> Result<Vec<Entry>> {
    let good: Vec<&Chip> = chips.iter().flatten().collect();
    let mut embeddings = engine.embed(&good)?.into_iter();
    chips
        .iter()
        .map(|chip| match chip {
            Ok(_) => embeddings
                .next()
                .map(|embedding| Entry::embedding(&embedding))
                .ok_or_else(|| Error::new(ErrorKind::Internal, "the network gave fewer embeddings than chips")),
            Err(Skipped { reason, failed, .. }) => Ok(Entry::Skipped {
                reason: reason.clone(),
                failed: *failed,
            }),
        })
        .collect()
}

/// The chip of an image: of the chosen face of a photo with `align`, else the image itself.
///
/// # Errors
/// [`ErrorKind::NoFace`], or why the image is no chip.
pub fn chip(engine: &Engine, image: BgrImage, align: bool) -> Result<Chip> {
    if !align {
        return Chip::from_image(image).map_err(|error| {
            Error::new(
                error.kind(),
                format!("{error} (`qmagface align`, or embed with --align)"),
            )
        });
    }
    let faces = engine.detect(&image)?;
    let face = engine.choose(&image, &faces);
    let face = face.ok_or_else(|| Error::new(ErrorKind::NoFace, "no face"))?;
    engine.align(&image, &face.landmarks)
}

/// What a journal holds.
pub struct Embedded {
    /// Names of the images that have an embedding.
    pub names: Vec<String>,
    /// What was passed over.
    pub skipped: Vec<Skipped>,
}

/// What became of the images of a whole journal.
///
/// # Errors
/// [`ErrorKind::Io`] when the journal can't be read again. Where no image has an embedding, why:
/// [`ErrorKind::NoFace`] where none has a face, else [`ErrorKind::InvalidArgument`]. The journal is removed then, so that
/// the next run may have other options.
pub fn embedded(journal: &Journal, album: &Album) -> Result<Embedded> {
    let mut names = Vec::new();
    let mut skipped = album.skipped.clone();
    for (index, entry) in (0..album.len()).zip(journal.entries()?) {
        match entry? {
            Entry::Embedding(_) => names.push(album.name(index)),
            Entry::Skipped { reason, failed } => skipped.push(album.skipped(index, reason, failed)),
        }
    }
    skipped.sort_by(|a, b| a.path.cmp(&b.path));
    if names.is_empty() {
        journal.remove()?;
        let kind = match folder::failures(&skipped) {
            0 => ErrorKind::NoFace,
            _ => ErrorKind::InvalidArgument,
        };
        return Err(Error::new(
            kind,
            format!(
                "{}: none of {} images has an embedding, and nothing was written: {}",
                album.source.display(),
                album.len(),
                folder::reasons(skipped.iter())
            ),
        ));
    }
    Ok(Embedded { names, skipped })
}

/// Turns the journal into the two arrays, of embeddings and of `names`, and writes the pairs, if there are any. No file is
/// replaced before all are written, and no reader finds a new array beside an old one.
///
/// # Errors
/// [`ErrorKind::Io`] when the journal can't be read again or a file can't be written.
pub fn write_arrays(
    journal: &Journal,
    names: &[String],
    paths: &Paths,
    length: usize,
    pairs: Option<&(PathBuf, String)>,
) -> Result<()> {
    let shape = [names.len() as u64, length as u64];
    let embeddings = write_npy(
        &paths.embeddings,
        "<f4",
        &shape,
        |writer: &mut npyz::NpyWriter<f32, _>| {
            for entry in journal.entries()? {
                if let Some(values) = entry?.values() {
                    if values.len() != length {
                        return Err(Error::new(
                            ErrorKind::Internal,
                            "the journal has an embedding of another length",
                        ));
                    }
                    writer
                        .extend(values)
                        .map_err(|error| Error::io(&paths.embeddings, "write", &error))?;
                }
            }
            Ok(())
        },
    )?;
    // numpy's unicode arrays have one width, in characters; an empty one has width 1.
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
    let filenames = write_npy(
        &paths.filenames,
        &format!("<U{width}"),
        &shape[..1],
        |writer: &mut npyz::NpyWriter<str, _>| {
            for name in names {
                writer
                    .push(name.as_str())
                    .map_err(|error| Error::io(&paths.filenames, "write", &error))?;
            }
            Ok(())
        },
    )?;
    let mut all = vec![embeddings, filenames];
    if let Some((path, text)) = pairs {
        let write = |mut file: &File| {
            file.write_all(text.as_bytes())
                .map_err(|error| Error::io(path, "write", &error))
        };
        all.insert(0, Replacement::write(path, write)?);
    }
    Replacement::put_all(all)
}

/// The file of the pairs of a `.bin` file, lines of two image numbers and 1 or 0, as AgeDB-30's are: where it goes, and its
/// text.
fn pairs_of(packed: &PackedPairs, arguments: &Arguments) -> (PathBuf, String) {
    let pairs = packed.pairs().pairs.iter();
    let lines = pairs.map(|pair| format!("{} {} {}\n", pair.a, pair.b, u8::from(pair.genuine)));
    let path = arguments.result.join(format!("pairs_{}.txt", arguments.name));
    (path, lines.collect())
}

/// Checks that no file of somebody else's is where the results go: arrays may be replaced, and pairs by the same ones.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming it.
fn check_free(paths: &Paths, pairs: Option<&(PathBuf, String)>) -> Result<()> {
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    let is_array = |path: &Path| {
        let mut start = [0; 6];
        // A pipe would be waited for.
        let is_empty = path.metadata().is_ok_and(|file| file.is_file() && file.len() == 0);
        let read = path.is_file() && File::open(path).is_ok_and(|mut file| file.read_exact(&mut start).is_ok());
        is_empty || read && start == *b"\x93NUMPY"
    };
    let arrays = [&paths.embeddings, &paths.filenames].into_iter();
    let other = arrays
        .filter(|path| is_there(path) && !is_array(path))
        .map(|path| (path, "no array"));
    let is_same = |path: &Path, text: &str| own_file::read(path).is_some_and(|found| found == text.as_bytes());
    let others = pairs.filter(|(path, text)| is_there(path) && !is_same(path, text));
    match other
        .chain(others.map(|(path, _)| (path, "another list of pairs")))
        .next()
    {
        None => Ok(()),
        Some((path, what)) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{} is there and is {what}: it is not overwritten, give another name or folder",
                path.display()
            ),
        )),
    }
}

/// Writes an .npy file of `shape`, to be put in its place.
fn write_npy<T: npyz::Serialize + ?Sized>(
    path: &Path,
    scalar: &str,
    shape: &[u64],
    fill: impl FnOnce(&mut npyz::NpyWriter<T, BufWriter<&File>>) -> Result<()>,
) -> Result<Replacement> {
    let failed = |error: std::io::Error| Error::io(path, "write", &error);
    let scalar = scalar
        .parse()
        .map_err(|_| Error::new(ErrorKind::Internal, format!("no numpy type {scalar}")))?;
    Replacement::write(path, |file| {
        let mut writer = npyz::WriteOptions::new()
            .dtype(npyz::DType::Plain(scalar))
            .shape(shape)
            .writer(BufWriter::new(file))
            .begin_nd()
            .map_err(failed)?;
        fill(&mut writer)?;
        writer.finish().map_err(failed)
    })
}
