//! `qmagface align`.

use crate::apart;
use crate::arguments::{Finding, Shared};
use crate::chip_record::{ChipFile, Entry, Photo, Record};
use crate::failure::{Failure, Outcome};
use crate::folder::{self, Listing, Skipped};
use crate::output;
use crate::picture::rgb;
use crate::pipeline::{Width, in_order};
use crate::stop::stop_flag;
use crate::targets::{numbered, targets};
use clap::{Args, ValueEnum};
use parking_lot::Mutex;
use qmagface::replace::replace;
use qmagface::{Chip, Engine, Error, ErrorKind, FaceChoice, Result};
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Arguments {
    /// Folder of photos; its tree is kept
    #[arg(short, long)]
    source: PathBuf,
    /// Folder the chips are written to; a hidden file in it says which photo each is of
    #[arg(short, long)]
    result: PathBuf,
    /// Which of several faces: best (highest score), largest, central, prominent (large and near the centre), or all
    /// (NAME_0.png, NAME_1.png, ...) [default: best with a model of mtcnn's, else prominent]
    #[arg(long)]
    face: Option<String>,
    /// File format of the chips; png and bmp are lossless
    #[arg(long, value_enum, default_value_t = Format::Png)]
    format: Format,
    /// Align again what the result folder already has, and write over what is in the chips' places
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    finding: Finding,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Format {
    Png,
    Bmp,
    Jpg,
}

impl Format {
    fn ending(self) -> &'static str {
        match self {
            Format::Png => "png",
            Format::Bmp => "bmp",
            Format::Jpg => "jpg",
        }
    }

    pub fn encode(self, chip: &Chip) -> Result<Vec<u8>> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        let rgb = rgb(&chip.to_image());
        match self {
            Format::Png => rgb.write_to(&mut bytes, ::image::ImageFormat::Png),
            Format::Bmp => rgb.write_to(&mut bytes, ::image::ImageFormat::Bmp),
            Format::Jpg => rgb.write_with_encoder(::image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 98)),
        }
        .map_err(|error| Error::new(ErrorKind::Internal, format!("cannot encode a chip: {error}")))?;
        Ok(bytes.into_inner())
    }
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let face = match arguments.face.as_deref() {
        None => Chosen::Own,
        Some("all") => Chosen::All,
        Some(other) => {
            let choice = other.parse::<FaceChoice>();
            Chosen::One(choice.map_err(|error| Error::new(error.kind(), format!("--face: {error}, or all")))?)
        }
    };
    let listing = folder::list(&arguments.source)?;
    apart::folders(&arguments.source, &listing.images, &arguments.result)?;
    let tried = listing.tried();
    let Listing {
        images,
        mut skipped,
        hidden,
    } = listing;
    let engine = arguments.finding.engine()?;
    std::fs::create_dir_all(&arguments.result).map_err(|error| Error::io(&arguments.result, "create", &error))?;
    let mut record = Record::open(&arguments.result)?;
    let choice = match face {
        Chosen::All => None,
        Chosen::Own => Some(engine.info().face),
        Chosen::One(choice) => Some(choice),
    };
    let tasks = tasks(&engine, (arguments, choice), &images, &mut record)?;
    let gone = gone(&record);
    let job = Job {
        engine: &engine,
        arguments,
        choice,
        record: Mutex::new(record),
    };
    let cancel = stop_flag()?;
    let progress = output::progress(images.len(), shared.json);
    let (mut written, mut done_before) = (0, 0);
    // The results are small: only that one slow photo should not keep the other workers waiting.
    let workers = arguments.finding.machine.workers();
    let width = Width {
        workers,
        ahead: 16 * workers,
    };
    let work = |index: usize| job.one_photo(&images[index], &tasks[index]);
    let result = in_order(0..images.len(), width, work, |index, done| {
        match done? {
            Done::Before => done_before += 1,
            Done::Written(chips) => written += chips,
            Done::Skipped(photo) => skipped.push(photo),
        }
        progress.inc(1);
        match cancel.is_cancelled() && index + 1 < images.len() {
            true => Err(Error::new(
                ErrorKind::Cancelled,
                format!("stopped after {} photos: the same command goes on there", index + 1),
            )),
            false => Ok(()),
        }
    });
    progress.finish_and_clear();
    result?;
    report(shared, (written, done_before), &skipped, hidden, gone.as_deref());
    Failure::if_some(folder::failures(&skipped), tried)
}

/// What is to be done with a photo.
struct Task {
    photo: Photo,
    /// The path of its chip below the result folder; with --face all, what their names are made of.
    target: PathBuf,
    /// Chips of this very photo, made with these options, that the result folder should have; or why it can't be aligned.
    known: Result<Option<Vec<ChipFile>>, String>,
}

/// What is to be done with each photo.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when a chip would fall among the photos, or when each of them would fall onto something that
/// isn't known to be a chip of that very photo and of these options, and isn't to be overwritten.
fn tasks(
    engine: &Engine,
    (arguments, choice): (&Arguments, Option<FaceChoice>),
    images: &[PathBuf],
    record: &mut Record,
) -> Result<Vec<Task>> {
    let source = &arguments.source;
    let real_source = source
        .canonicalize()
        .map_err(|error| Error::io(source, "read", &error))?;
    let real_source = folder::name(&real_source);
    record.set_photos(&real_source, images.iter().map(|image| folder::name(image)).collect());
    // A name that another photo's chip has now is no longer this one's.
    let known_target = |image: &Path| {
        let entry = record.entry(&real_source, &folder::name(image))?;
        let is_own = entry.chips.iter().any(|chip| record.is_of(&chip.name, &entry.photo));
        is_own.then(|| entry.target.clone())
    };
    let targets = targets(images, arguments.format.ending(), known_target);
    let places: Vec<PathBuf> = targets.iter().map(|target| arguments.result.join(target)).collect();
    apart::pictures(source, images, &places)?;
    let options = options(engine, (arguments, choice));
    let mut tasks = Vec::with_capacity(images.len());
    for (image, target) in images.iter().zip(targets) {
        let photo = Photo {
            source: real_source.clone(),
            name: folder::name(image),
            state: folder::state(&source.join(image))?,
            options: options.clone(),
        };
        let first = match choice {
            None => numbered(&target, 0),
            Some(_) => target.clone(),
        };
        let mut known = known(record, &photo, &first, arguments.overwrite);
        // A photo that has another name or folder now keeps its chips.
        if let (Ok(None), false) = (&known, arguments.overwrite)
            && let Some(same) = record.of_the_same(&folder::name(&first), &photo)
        {
            let chips = same.chips.clone();
            record.write(Entry {
                photo: photo.clone(),
                target: folder::name(&target),
                chips: chips.clone(),
            })?;
            known = Ok(Some(chips));
        }
        tasks.push(Task { photo, target, known });
    }
    let first = tasks.first().and_then(|task| task.known.as_ref().err());
    match first.filter(|_| tasks.iter().all(|task| task.known.is_err())) {
        None => Ok(tasks),
        Some(first) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("all {} photos: {first}", images.len()),
        )),
    }
}

/// Which faces are asked for.
enum Chosen {
    /// The one that the model's own way chooses.
    Own,
    One(FaceChoice),
    All,
}

/// What chips depend on beside the photo.
fn options(engine: &Engine, (arguments, choice): (&Arguments, Option<FaceChoice>)) -> String {
    let face = choice.map_or("all".to_owned(), |choice| format!("{choice:?}"));
    format!(
        "{} {:?}, face {face}, turned by {}, {}",
        engine.info().fingerprint,
        engine.options().detector,
        arguments.finding.reading.rotate.degrees(),
        arguments.format.ending()
    )
}

/// The chips of the photo that the result folder should have; `first` is the first or only one of those that are made now.
///
/// # Errors
/// Why the photo can't be aligned, in words: what is there is something else.
fn known(record: &Record, photo: &Photo, first: &Path, overwrite: bool) -> Result<Option<Vec<ChipFile>>, String> {
    let place = record.folder().join(first);
    let mut above = place
        .ancestors()
        .skip(1)
        .take_while(|folder| *folder != record.folder());
    if let Some(file) = above.find(|folder| folder.is_file()) {
        return Err(format!(
            "{} is a file, where the folder of the chip of {} goes: move it away, or name another folder",
            file.display(),
            photo.name
        ));
    }
    if place.is_dir() {
        return Err(format!(
            "{} is a folder, where the chip of {} goes",
            place.display(),
            photo.name
        ));
    }
    if overwrite {
        return Ok(None);
    }
    let again = "--overwrite aligns it again, or name another folder";
    let entry = record.entry(&photo.source, &photo.name);
    if let Some(entry) = entry
        && entry.photo.options != photo.options
    {
        return Err(format!(
            "{} was aligned into {} with another model or other options: {again}",
            photo.name,
            record.folder().display()
        ));
    }
    if let Some(entry) = entry
        && entry.photo == *photo
        && entry.chips.iter().all(|chip| record.is_of(&chip.name, photo))
    {
        return Ok(Some(entry.chips.clone()));
    }
    let name = folder::name(first);
    if place.symlink_metadata().is_err() || record.may_replace(&name, photo, &place) {
        return Ok(None);
    }
    Err(match record.owner(&name) {
        Some(_) if record.is_of(&name, photo) => {
            format!("{} is no longer as it was written: {again}", place.display())
        }
        Some((source, other)) => format!(
            "{} is the chip of {other} of {source}, not of {} of {}: {again}",
            place.display(),
            photo.name,
            photo.source
        ),
        None => format!(
            "{} is there, and it isn't known to be the chip of {}: {again}",
            place.display(),
            photo.name
        ),
    })
}

/// What became of a photo.
enum Done {
    /// The result folder had its chip.
    Before,
    /// So many chips were written.
    Written(usize),
    Skipped(Skipped),
}

/// The aligning of a folder.
struct Job<'a> {
    engine: &'a Engine,
    arguments: &'a Arguments,
    choice: Option<FaceChoice>,
    record: Mutex<Record>,
}

impl Job<'_> {
    /// Aligns a photo and writes its chips; a bad photo is skipped.
    ///
    /// # Errors
    /// [`ErrorKind::Io`] when a chip can't be written.
    fn one_photo(&self, relative: &Path, task: &Task) -> Result<Done> {
        let result = &self.arguments.result;
        let source = self.arguments.source.join(relative);
        let skipped = |error: Error| Ok(Done::Skipped(Skipped::image(relative, &source, &error)));
        let known = match &task.known {
            Ok(known) => known.as_ref(),
            Err(why) => return skipped(Error::new(ErrorKind::InvalidArgument, why)),
        };
        if let Some(known) = known.filter(|known| !known.is_empty()) {
            let places = (0..known.len()).map(|index| result.join(self.name(task, index)));
            let others: Vec<PathBuf> = places
                .zip(known)
                .filter_map(|(place, chip)| (!chip.is_at(&place)).then_some(place))
                .collect();
            if others.is_empty() {
                return Ok(Done::Before);
            }
            // One that is missing is made again.
            if let Some(changed) = others.iter().find(|place| place.exists()) {
                return skipped(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "{} is no longer as it was written (--overwrite aligns it again)",
                        changed.display()
                    ),
                ));
            }
        }
        let chips = match chips(self.engine, self.arguments, self.choice, &source) {
            Ok(chips) => chips,
            // A photo in which no face is found any more has no chip any more.
            Err(error) if error.kind() == ErrorKind::NoFace => {
                self.write(task, Vec::new())?;
                return skipped(error);
            }
            Err(error) => return skipped(error),
        };
        let chips = chips.iter().enumerate().map(|(index, chip)| {
            let bytes = self.arguments.format.encode(chip)?;
            Ok((self.name(task, index), bytes))
        });
        let chips: Vec<(PathBuf, Vec<u8>)> = chips.collect::<Result<_>>()?;
        if let Some(there) = chips.iter().find_map(|(name, _)| self.foreign(task, name)) {
            return skipped(Error::new(
                ErrorKind::InvalidArgument,
                format!("{} is there, and it isn't known to be its chip", there.display()),
            ));
        }
        let count = chips.len();
        self.write(task, chips)?;
        Ok(Done::Written(count))
    }

    /// The path of a photo's chip number `index` below the result folder.
    fn name(&self, task: &Task, index: usize) -> PathBuf {
        match self.choice {
            Some(_) => task.target.clone(),
            None => numbered(&task.target, index),
        }
    }

    /// What would be overwritten by the chip `name` and may not be.
    fn foreign(&self, task: &Task, name: &Path) -> Option<PathBuf> {
        let place = self.arguments.result.join(name);
        let may_be = self.arguments.overwrite && !place.is_dir();
        let is_free = may_be || place.symlink_metadata().is_err();
        let is_own = || self.record.lock().may_replace(&folder::name(name), &task.photo, &place);
        (!is_free && !is_own()).then_some(place)
    }

    /// Writes down and writes a photo's chips, and removes those that it had before and hasn't now.
    fn write(&self, task: &Task, chips: Vec<(PathBuf, Vec<u8>)>) -> Result<()> {
        let result = &self.arguments.result;
        let gone = {
            let mut record = self.record.lock();
            if chips.is_empty() && record.entry(&task.photo.source, &task.photo.name).is_none() {
                return Ok(());
            }
            record.write(Entry {
                photo: task.photo.clone(),
                target: folder::name(&task.target),
                chips: chips.iter().map(|(name, bytes)| ChipFile::new(name, bytes)).collect(),
            })?
        };
        for (name, bytes) in &chips {
            write(&result.join(name), bytes)?;
        }
        for chip in gone {
            // One that was changed since is somebody's work.
            let inside = chip.path().map(|path| result.join(path));
            let own = inside.filter(|path| apart::is_inside(path, result) && chip.is_at(path));
            if let Some(path) = own {
                std::fs::remove_file(&path).map_err(|error| Error::io(&path, "remove", &error))?;
            }
        }
        Ok(())
    }
}

/// The chips of a photo's chosen face, or of all.
fn chips(engine: &Engine, arguments: &Arguments, choice: Option<FaceChoice>, source: &Path) -> Result<Vec<Chip>> {
    let image = arguments.finding.reading.read(source)?;
    let faces = engine.detect(&image)?;
    let chosen: Vec<_> = match choice {
        Some(choice) => choice
            .choose(&faces, image.width(), image.height())
            .into_iter()
            .collect(),
        None => faces,
    };
    if chosen.is_empty() {
        return Err(Error::new(ErrorKind::NoFace, "no face"));
    }
    chosen
        .iter()
        .map(|face| engine.align(&image, &face.landmarks))
        .collect()
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: std::io::Error| Error::io(path, "write", &error);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    replace(path, |mut file| file.write_all(bytes).map_err(failed))
}

/// A note on chips whose photos are no longer where they were.
fn gone(record: &Record) -> Option<String> {
    let chips = record.of_gone();
    let there = chips.iter().filter_map(|chip| chip.path());
    let there: Vec<&Path> = there.filter(|path| record.folder().join(path).exists()).collect();
    Some(format!(
        "{} chips are of photos that aren't there any more, such as {}: they were left",
        there.len(),
        there.first()?.display()
    ))
}

fn report(
    shared: &Shared,
    (written, done_before): (usize, usize),
    skipped: &[Skipped],
    hidden: usize,
    gone: Option<&str>,
) {
    if shared.json {
        let skipped: Vec<_> = skipped.iter().map(Skipped::json).collect();
        output::line(json!({
            "written": written, "done_before": done_before, "skipped": skipped, "hidden": hidden, "note": gone,
        }));
        return;
    }
    let before = if done_before > 0 {
        format!(", {done_before} photos were done before")
    } else {
        String::new()
    };
    output::line(format_args!(
        "{written} chips written{before}, {} files skipped{}",
        skipped.len(),
        output::hidden(hidden)
    ));
    output::skipped(skipped);
    output::notes(gone.as_slice());
}
