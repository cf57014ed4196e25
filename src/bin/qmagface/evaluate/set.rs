//! The set that is evaluated: two .npy files, or a folder of photos that is embedded first.

use super::chips::Chips;
use super::photos::{PHOTOS, embedded};
use crate::arguments::{Choice, Detection, Shared};
use crate::embed::Paths;
use clap::Args;
use qmagface::evaluate::data::{Missing, PairFile, Resolved, people_of};
use qmagface::pairs::{Pair, Prepared, npy, subject_of};
use qmagface::{Error, ErrorKind, Result};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The pairs of `file`, read from `path`, as rows of `set`; `setting` is what the user sets to leave missing ones out.
pub fn resolved(file: &PairFile, path: &Path, set: &Prepared, missing: Missing, setting: &str) -> Result<Resolved> {
    file.resolve(set, missing).map_err(|error| {
        // Advised only where it works.
        let error = match missing == Missing::Refuse && file.resolve(set, Missing::LeaveOut).is_ok() {
            true => Error::new(error.kind(), format!("{error} ({setting} leaves such pairs out)")),
            false => error,
        };
        error.at(path.display())
    })
}

/// What is evaluated.
#[derive(Args)]
pub struct SetArguments {
    /// Embeddings, one a row, as `qmagface embed` writes them; or else --photos
    #[arg(
        long,
        value_name = "FILE.npy",
        requires = "filenames",
        required_unless_present = "photos"
    )]
    pub embeddings: Option<PathBuf>,
    /// The images' names, one for each embedding
    #[arg(long, value_name = "FILE.npy", requires = "embeddings")]
    pub filenames: Option<PathBuf>,
    /// Photos instead, PERSON/IMAGE: they are aligned and embedded first, and an interrupted run goes on
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["embeddings", "filenames"])]
    pub photos: Option<PathBuf>,
    /// Where the photos' embeddings are kept for the next run [default: the report's folder with `.embeddings`]
    #[arg(long, value_name = "FOLDER", requires = "photos")]
    pub keep: Option<PathBuf>,
    /// Aligned chips of the images, to show the worst pairs (`qmagface align`)
    #[arg(long, value_name = "FOLDER")]
    pub chips: Option<PathBuf>,
    /// How the report calls the set [default: by its file or folder]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub detection: Detection,
    #[command(flatten)]
    pub choice: Choice,
}

/// Where a set comes from.
pub enum Source<'a> {
    /// Embeddings and names.
    Arrays { embeddings: &'a Path, filenames: &'a Path },
    /// Photos, and the folder that keeps their embeddings.
    Photos { folder: &'a Path, keep: &'a Path },
}

/// A set, ready for comparing.
pub struct Loaded {
    pub name: String,
    pub set: Prepared,
    pub chips: Chips,
    /// Where it comes from, for the report's settings.
    pub origin: Vec<(String, String)>,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// Whether the names, or the pairs, say who is on each image.
    pub people_known: bool,
    /// Hashes of the embeddings and of the names.
    pub content: [String; 2],
    embeddings: PathBuf,
}

impl Loaded {
    /// Where the names don't say who is on an image, people are told apart by the pairs: images that genuine pairs join
    /// are of one person.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for pairs that contradict each other.
    pub fn people_by_pairs(&mut self, pairs: &[Pair]) -> Result<()> {
        if self.people_known {
            return Ok(());
        }
        let people = people_of(self.set.len(), pairs)?;
        let names = self.set.names().unwrap_or_default().to_vec();
        self.set = Prepared::new(npy::read_matrix(&self.embeddings)?, &people)?.with_names(names)?;
        self.people_known = true;
        self.origin.push((
            "people".to_owned(),
            format!("{}, by the genuine pairs", self.set.subject_count()),
        ));
        Ok(())
    }
}

impl SetArguments {
    /// Reads or makes the set. With `people` its names must say who is on each image.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::InvalidArgument`] for arrays that don't belong together or names that don't say
    /// who is on an image, whatever embedding fails with.
    pub fn load(&self, shared: &Shared, out: &Path, people: bool) -> Result<Loaded> {
        let beside = kept_beside(out);
        let source = match (&self.photos, &self.embeddings, &self.filenames) {
            (Some(folder), ..) => Source::Photos {
                folder,
                keep: self.keep.as_deref().unwrap_or(&beside),
            },
            (None, Some(embeddings), Some(filenames)) => Source::Arrays { embeddings, filenames },
            // clap lets neither of both be missing.
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "give --embeddings and --filenames, or --photos",
                ));
            }
        };
        let mut loaded = load(shared, &shared.model, &source, (&self.detection, &self.choice), people)?;
        loaded.chips.folder = self.chips.clone();
        if let Some(name) = &self.name {
            loaded.name.clone_from(name);
        }
        Ok(loaded)
    }
}

/// Where the embeddings of photos are kept unless the user says otherwise.
fn kept_beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".embeddings");
    out.with_file_name(name)
}

/// Reads or makes a set of `model`, see [`SetArguments::load`].
pub fn load(
    shared: &Shared,
    model: &str,
    source: &Source,
    (detection, choice): (&Detection, &Choice),
    people: bool,
) -> Result<Loaded> {
    let (name, embeddings, filenames, photos, mut origin, notes) = match *source {
        Source::Arrays { embeddings, filenames } => {
            let origin = vec![
                ("embeddings".to_owned(), described(embeddings)?),
                ("file names".to_owned(), described(filenames)?),
            ];
            let files = (embeddings.to_owned(), filenames.to_owned());
            (name_of(embeddings), files.0, files.1, None, origin, Vec::new())
        }
        Source::Photos { folder, keep } => {
            let engine = shared.engine_of(model, detection, Some(choice))?;
            let kept = embedded(shared, &engine, folder, keep)?;
            let origin = vec![
                ("photos".to_owned(), folder.display().to_string()),
                ("model".to_owned(), engine.info().model.clone()),
                ("model's fingerprint".to_owned(), engine.info().fingerprint.to_string()),
                (
                    "images embedded".to_owned(),
                    format!("{} of {}", kept.count, kept.images),
                ),
            ];
            let notes = match kept.images - kept.count {
                0 => Vec::new(),
                left => vec![format!(
                    "{left} of {} images have no embedding: no face was found, or they can't be read.",
                    kept.images
                )],
            };
            let (name, paths) = (name_of(folder), Paths::new(keep, PHOTOS));
            let photos = Some((engine, folder.to_owned()));
            (name, paths.embeddings, paths.filenames, photos, origin, notes)
        }
    };
    let matrix = npy::read_matrix(&embeddings)?;
    let names = npy::read_texts(&filenames)?;
    if names.len() != matrix.nrows() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{} has {} embeddings, {} has {} names: they are of different sets",
                embeddings.display(),
                matrix.nrows(),
                filenames.display(),
                names.len()
            ),
        ));
    }
    if names.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("{} holds no embedding", embeddings.display()),
        ));
    }
    let people_known = people || names.iter().all(|name| subject_of(name).is_some());
    let place = |error: Error| error.at(filenames.display());
    let set = match people_known {
        true => Prepared::from_names(matrix, names).map_err(place)?,
        false => {
            let set = Prepared::new(matrix, &names).map_err(place)?;
            set.with_names(names)?
        }
    };
    origin.push(("images".to_owned(), set.len().to_string()));
    if people_known {
        origin.push(("people".to_owned(), set.subject_count().to_string()));
    }
    origin.push((
        "floats of an embedding".to_owned(),
        set.directions().ncols().to_string(),
    ));
    Ok(Loaded {
        name,
        set,
        chips: Chips { folder: None, photos },
        origin,
        notes,
        people_known,
        content: [sha256(&embeddings)?, sha256(&filenames)?],
        embeddings,
    })
}

/// How a set is called by its file or folder.
fn name_of(path: &Path) -> String {
    let stem = path
        .file_stem()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned();
    stem.strip_prefix("embeddings_").unwrap_or(&stem).to_owned()
}

/// A file with its hash, so that a report says what it is of.
pub fn described(path: &Path) -> Result<String> {
    Ok(format!("{} (sha256 {})", path.display(), sha256(path)?))
}

/// The SHA-256 of a file, in hexadecimal.
pub fn sha256(path: &Path) -> Result<String> {
    let failed = |error: std::io::Error| Error::io(path, "read", &error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match std::io::Read::read(&mut file, &mut buffer).map_err(failed)? {
            0 => return Ok(hex::encode(hash.finalize())),
            read => hash.update(&buffer[..read]),
        }
    }
}
