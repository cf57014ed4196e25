//! The set that is evaluated: two .npy files, or photos that are embedded first.

use super::chips::{ChipFolder, Chips};
use super::photos::{PHOTOS, embedded};
use crate::album::Album;
use crate::apart;
use crate::arguments::{Embedding, EngineParts, Machine, OF_PHOTOS, Shared};
use crate::embed::Paths;
use crate::failure::{Failure, Outcome};
use crate::labelled::{LabelledSet, labelled};
use crate::people::PersonRule;
use clap::Args;
use qmagface::pairs::{LostQuality, Pair, Prepared, Repeats, npy};
use qmagface::{Error, ErrorKind, Result};
use qmagface_evaluate::data::{Missing, Names, PairFile, Resolved, people_of};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// The pairs of `file`, read from `path`, as rows that are called `names`; `setting` is what the user sets to leave missing
/// ones out.
pub fn resolved(file: &PairFile, path: &Path, names: &Names, missing: Missing, setting: &str) -> Result<Resolved> {
    file.look_up(names, missing).map_err(|error| {
        // Advised only where it works.
        let error = match missing == Missing::Refuse && file.look_up(names, Missing::LeaveOut).is_ok() {
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
        required_unless_present = "photos",
        conflicts_with_all = OF_PHOTOS,
        conflicts_with_all = ["keep", "detector"]
    )]
    pub embeddings: Option<PathBuf>,
    /// The images' names, one for each embedding
    #[arg(long, value_name = "FILE.npy", requires = "embeddings")]
    pub filenames: Option<PathBuf>,
    /// Photos instead, PERSON/IMAGE, or a .bin file of pairs of chips: they are embedded first, and an interrupted run
    /// goes on
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
    pub people: PersonRule,
    #[command(flatten)]
    pub embedding: Embedding,
}

/// Where a set comes from.
pub enum Source<'a> {
    /// Embeddings and names.
    Arrays { embeddings: &'a Path, filenames: &'a Path },
    /// Photos, and the folder that keeps their embeddings.
    Photos { photos: &'a Path, keep: &'a Path },
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
    /// The pairs that came with the images.
    pub packed: Option<PairFile>,
    /// How many photos failed, and of how many.
    pub failed: (usize, usize),
    rule: PersonRule,
}

impl Loaded {
    /// Takes what a pair list says of who is on the images. Where the names don't say it, people are told apart by the
    /// pairs: images that genuine pairs join are of one person. Where they do, contradictions are noted; and so are pairs
    /// that the list has twice or of an image with itself.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for pairs that contradict each other.
    pub fn people_by_pairs(&mut self, pairs: &[Pair]) -> Result<()> {
        let repeats = Repeats::of(pairs).note("images", |row| format!("{:?}", self.set.name(row as usize)));
        self.notes.extend(repeats);
        let names = self.set.names().unwrap_or_default();
        if self.people_known {
            self.notes
                .extend(self.rule.contradiction(names, self.set.subjects(), pairs));
            return Ok(());
        }
        let people = people_of(self.set.len(), pairs, |row| {
            format!("{:?}", self.set.name(row as usize))
        })?;
        self.set = self.set.clone().with_people(&people)?;
        self.people_known = true;
        self.origin.push((
            "people".to_owned(),
            format!("{}, by the genuine pairs", self.set.subject_count()),
        ));
        Ok(())
    }

    /// Fails where the embeddings carry no quality, for what is about nothing else.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] saying what is wrong with them.
    pub fn quality_needed(&self) -> Result<()> {
        match self.set.lost_quality() {
            None => Ok(()),
            Some(lost) => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{}: {lost}: {}", self.name, LostQuality::ADVICE),
            )),
        }
    }

    /// What the command ends with: photos that failed are a failure of some files.
    pub fn outcome(&self) -> Outcome {
        Failure::if_some(self.failed.0, self.failed.1)
    }
}

impl SetArguments {
    /// Checks what can be checked before the work: the report's place among the photos and chips.
    ///
    /// # Errors
    /// As [`apart::folders`].
    pub fn check(&self, out: &Path) -> Result<()> {
        for folder in [&self.photos, &self.chips].into_iter().flatten() {
            if folder.is_dir() {
                apart::folders(folder, &[], out)?;
            }
        }
        if let Some(keep) = &self.keep {
            if let Some(photos) = self.photos.as_deref().filter(|photos| photos.is_dir()) {
                apart::folders(photos, &[], keep)?;
            }
            if apart::is_inside(keep, out) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "--keep {} is the report's folder or lies in it: name another folder",
                        keep.display()
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Reads or makes the set, after [`SetArguments::check`]. With `people` its names must say who is on each image.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], [`ErrorKind::InvalidArgument`] for arrays that don't belong together or names that don't say
    /// who is on an image, whatever embedding fails with.
    pub fn load(&self, shared: &Shared, out: &Path, people: bool) -> Result<Loaded> {
        self.load_after(shared, out, people, &|_| Ok(()))
    }

    /// As [`SetArguments::load`], with a check of the images before hours of embedding.
    ///
    /// # Errors
    /// As [`SetArguments::load`], and whatever `check` fails with.
    pub fn load_after(&self, shared: &Shared, out: &Path, people: bool, check: AlbumCheck) -> Result<Loaded> {
        let chips = self.chips.as_deref().map(Chips::folder).transpose()?;
        chips.iter().try_for_each(ChipFolder::check)?;
        let beside = kept_beside(out);
        let source = match (&self.photos, &self.embeddings, &self.filenames) {
            (Some(photos), ..) => Source::Photos {
                photos,
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
        let mut loaded = load(shared, &self.embedding.parts(), &source, (&self.people, people), check)?;
        loaded
            .notes
            .extend(chips.as_ref().and_then(|chips| chips.lacking(&loaded.set)));
        loaded.chips.folder = chips;
        if let Some(name) = &self.name {
            loaded.name.clone_from(name);
        }
        Ok(loaded)
    }

    /// Name of the model.
    pub fn model(&self) -> &str {
        self.embedding.model()
    }

    pub fn machine(&self) -> &Machine {
        self.embedding.machine()
    }
}

/// Where the embeddings of photos are kept unless the user says otherwise.
fn kept_beside(out: &Path) -> PathBuf {
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".embeddings");
    out.with_file_name(name)
}

/// A check of images that are to be embedded.
pub type AlbumCheck<'a> = &'a dyn Fn(&Album) -> Result<()>;

/// Reads or makes a set, see [`SetArguments::load_after`].
pub fn load(
    shared: &Shared,
    parts: &EngineParts,
    source: &Source,
    (rule, people): (&PersonRule, bool),
    check: AlbumCheck,
) -> Result<Loaded> {
    match *source {
        Source::Arrays { embeddings, filenames } => {
            let files = npy::SetFiles::open(embeddings, filenames)?;
            let origin = vec![
                ("embeddings".to_owned(), described(embeddings)?),
                ("file names".to_owned(), described(filenames)?),
            ];
            let mut loaded = of_arrays(files, (embeddings, filenames), rule, people)?;
            loaded.origin.splice(0..0, origin);
            Ok(loaded)
        }
        Source::Photos { photos, keep } => {
            let album = Album::open(photos)?;
            check(&album)?;
            of_photos(shared, parts, album, keep, rule, people)
        }
    }
}

/// A set of photos, which are embedded first unless they were before.
fn of_photos(
    shared: &Shared,
    parts: &EngineParts,
    album: Album,
    keep: &Path,
    rule: &PersonRule,
    people: bool,
) -> Result<Loaded> {
    let photos = album.source.clone();
    // Who is on a photo must be known before hours of embedding.
    if people {
        rule.people_needed(&album.names())
            .map_err(|error| error.at(photos.display()))?;
    } else {
        rule.people(&album.names())
            .map_err(|error| error.at(photos.display()))?;
    }
    let engine = parts.open()?;
    let kept = embedded(shared, &engine, &album, (parts.reading, parts.machine), keep)?;
    let paths = Paths::new(keep, PHOTOS);
    let files = npy::SetFiles::open(&paths.embeddings, &paths.filenames)?;
    let mut loaded = of_arrays(files, (&paths.embeddings, &paths.filenames), rule, people)?;
    let mut origin = vec![
        ("photos".to_owned(), photos.display().to_string()),
        ("model".to_owned(), engine.info().model.clone()),
        ("model's fingerprint".to_owned(), engine.info().fingerprint.to_string()),
        (
            "images embedded".to_owned(),
            format!("{} of {}", kept.count, kept.images),
        ),
    ];
    if album.hidden > 0 {
        origin.push(("hidden files and folders left out".to_owned(), album.hidden.to_string()));
    }
    loaded.origin.splice(0..0, origin);
    if kept.images > kept.count {
        loaded.notes.push(format!(
            "{} of {} images have no embedding: no face was found, or they can't be read.",
            kept.images - kept.count,
            kept.images
        ));
    }
    if kept.failed > 0 {
        loaded.notes.push(format!(
            "{} of {} files failed: {}{}",
            kept.failed,
            kept.tried,
            kept.failures.join("; "),
            if kept.failed > kept.failures.len() {
                "; ..."
            } else {
                "."
            }
        ));
    }
    loaded.name = name_of(&photos);
    loaded.failed = (kept.failed, kept.tried);
    loaded.packed = album.packed().map(|packed| packed.pairs().clone());
    loaded.chips.photos = Some((engine, album, *parts.reading));
    Ok(loaded)
}

/// A set of two arrays.
fn of_arrays(
    files: npy::SetFiles,
    (embeddings, filenames): (&Path, &Path),
    rule: &PersonRule,
    people: bool,
) -> Result<Loaded> {
    let (rows, names) = files.read()?;
    let LabelledSet {
        set,
        people_known,
        mut notes,
    } = labelled(rule, rows, names, people).map_err(|error| error.at(filenames.display()))?;
    if let Some(lost) = set.lost_quality() {
        notes.push(format!(
            "Quality-aware figures mean nothing here: {lost}. What to do: {}.",
            LostQuality::ADVICE
        ));
    }
    let mut origin = vec![("images".to_owned(), set.len().to_string())];
    if people_known {
        origin.push((
            "people".to_owned(),
            format!("{}, {}", set.subject_count(), rule.described()),
        ));
    }
    origin.push(("floats of an embedding".to_owned(), set.length().to_string()));
    Ok(Loaded {
        name: name_of(embeddings),
        set,
        chips: Chips::default(),
        origin,
        notes,
        people_known,
        content: [sha256(embeddings)?, sha256(filenames)?],
        packed: None,
        failed: (0, 0),
        rule: rule.clone(),
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
