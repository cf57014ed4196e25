//! `qmagface align`.

use crate::apart;
use crate::arguments::{Finding, Shared};
use crate::failure::{Failure, Outcome};
use crate::folder::{self, Listing, Skipped};
use crate::output;
use crate::pipeline::{Width, in_order};
use crate::stop::stop_flag;
use crate::targets::{numbered, targets};
use clap::{Args, ValueEnum};
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
    /// Folder the chips are written to
    #[arg(short, long)]
    result: PathBuf,
    /// Which of several faces: best (highest score), largest, central, or all (NAME_0.png, NAME_1.png, ...)
    #[arg(long, default_value = "best")]
    face: String,
    /// File format of the chips; png and bmp are lossless
    #[arg(long, value_enum, default_value_t = Format::Png)]
    format: Format,
    /// Align again what the result folder already has
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
        let rgb = chip.to_image().to_rgb();
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
    let choice = match arguments.face.as_str() {
        "all" => None,
        other => Some(other.parse::<FaceChoice>().map_err(|error| error.at("--face"))?),
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
    let cancel = stop_flag()?;
    let progress = output::progress(images.len(), shared.json);
    let (mut written, mut done_before) = (0, 0);
    let targets = targets(&images, arguments.format.ending());
    // The results are small: only that one slow photo should not keep the other workers waiting.
    let workers = arguments.finding.machine.workers();
    let width = Width {
        workers,
        ahead: 16 * workers,
    };
    let work = |index: usize| one_photo(&engine, arguments, choice, &images[index], &targets[index]);
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
    report(shared, (written, done_before), &skipped, hidden);
    Failure::if_some(folder::failures(&skipped), tried)
}

/// What became of a photo.
enum Done {
    /// The result folder had its chip.
    Before,
    /// So many chips were written.
    Written(usize),
    Skipped(Skipped),
}

/// Aligns the photo `relative` and writes its chips to `target`; a bad photo is skipped.
///
/// # Errors
/// [`ErrorKind::Io`] when a chip can't be written.
fn one_photo(
    engine: &Engine,
    arguments: &Arguments,
    choice: Option<FaceChoice>,
    relative: &Path,
    target: &Path,
) -> Result<Done> {
    let target = arguments.result.join(target);
    let names = |index: usize| match choice {
        Some(_) => target.clone(),
        None => numbered(&target, index),
    };
    if !arguments.overwrite && names(0).exists() {
        return Ok(Done::Before);
    }
    let source = arguments.source.join(relative);
    let chips = match chips(engine, arguments, choice, &source) {
        Ok(chips) => chips,
        Err(error) => return Ok(Done::Skipped(Skipped::image(relative, &source, &error))),
    };
    // The first last: its presence says that the photo is done.
    for (index, chip) in chips.iter().enumerate().rev() {
        write(&names(index), &arguments.format.encode(chip)?)?;
    }
    Ok(Done::Written(chips.len()))
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

fn report(shared: &Shared, (written, done_before): (usize, usize), skipped: &[Skipped], hidden: usize) {
    if shared.json {
        let skipped: Vec<_> = skipped.iter().map(Skipped::json).collect();
        output::line(json!({
            "written": written, "done_before": done_before, "skipped": skipped, "hidden": hidden,
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
}
