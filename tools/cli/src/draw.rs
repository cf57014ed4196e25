//! `qmagface draw`.

use crate::arguments::{Embedding, Shared};
use crate::extract::{Aligned, extract, extract_all};
use crate::failure::Outcome;
use crate::inputs::{Images, Inputs};
use crate::output::{self, face_count};
use crate::targets::targets;
use crate::{apart, folder, many, picture};
use clap::Args;
use qmagface::{Engine, Error, ErrorKind, Face, Result};
use serde_json::json;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    aligned: Aligned,
    /// The picture to write (PNG); for several images or a folder, the folder of their pictures
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// One picture of all images: the chosen face of each, best quality first (at most 1000 images)
    #[arg(long)]
    sheet: bool,
    #[command(flatten)]
    embedding: Embedding,
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    let one = arguments.inputs.one().filter(|path| !path.is_dir());
    let mut images = arguments.inputs.find()?;
    images.once_each();
    if arguments.sheet {
        return sheet(shared, arguments, &images);
    }
    let places = match one {
        Some(image) => {
            apart::file([image], &arguments.out)?;
            picture::check_name(&arguments.out)?;
            picture::check_free(&arguments.out)?;
            HashMap::from([(image, arguments.out.clone())])
        }
        None => places(&images, &arguments.out)?,
    };
    let engine = arguments.embedding.engine()?;
    let draw = |path: &Path| draw(&engine, arguments, path, &places[path]);
    if let Some(image) = one {
        // Its failure is the command's.
        say(shared, image, &draw(image)?, &places[image]);
        return Ok(());
    }
    many::each(
        shared,
        arguments.embedding.machine(),
        &images,
        draw,
        |path, qualities| {
            say(shared, path, &qualities, &places[path]);
            Ok(())
        },
    )
}

/// Most images of a contact sheet: more make a picture that nobody can look at.
const MOST_ON_A_SHEET: usize = 1000;

/// Draws the chosen face of each image in one picture, best first.
fn sheet(shared: &Shared, arguments: &Arguments, images: &Images) -> Outcome {
    let out = &arguments.out;
    if images.files.len() > MOST_ON_A_SHEET {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "{} images are more than a contact sheet holds, {MOST_ON_A_SHEET}: name fewer, or draw without --sheet",
                images.files.len()
            ),
        )
        .into());
    }
    apart::file(images.files.iter().map(PathBuf::as_path), out)?;
    for folder in images.folders.iter().flatten() {
        apart::outside(folder, out)?;
    }
    picture::check_name(out)?;
    picture::check_free(out)?;
    let engine = arguments.embedding.engine()?;
    let work = |path: &Path| Ok(extract(&engine, &arguments.embedding, &arguments.aligned, path)?.1);
    let (mut faces, mut without) = (Vec::new(), 0);
    let outcome = many::each(shared, arguments.embedding.machine(), images, work, |path, found| {
        match found {
            Some(found) => {
                let file = path.file_name().unwrap_or(path.as_os_str());
                faces.push((folder::name(Path::new(file)), found));
            }
            None => without += 1,
        }
        Ok(())
    });
    if faces.is_empty() {
        // What was wrong with images that failed was said.
        outcome?;
        return Err(Error::new(
            ErrorKind::NoFace,
            format!("no face in any of the images ({without}): nothing is drawn"),
        )
        .into());
    }
    faces.sort_by(|(_, a), (_, b)| b.quality().total_cmp(&a.quality()));
    let missing = match without {
        0 => String::new(),
        1 => ", 1 image without a face".to_owned(),
        without => format!(", {without} images without a face"),
    };
    let title = format!(
        "{} by quality ({}){missing}",
        face_count(faces.len()),
        engine.info().model
    );
    picture::contact_sheet(&title, &faces, out)?;
    match shared.json {
        true => output::line(json!({"picture": folder::name(out), "faces": faces.len(), "without_face": without})),
        false => output::line(format_args!(
            "{}{missing}, drawn in {}",
            face_count(faces.len()),
            folder::name(out)
        )),
    }
    outcome
}

/// Draws the faces of an image; the qualities of them.
fn draw(engine: &Engine, arguments: &Arguments, path: &Path, out: &Path) -> Result<Vec<f64>> {
    let (image, found) = extract_all(engine, &arguments.embedding, &arguments.aligned, path)?;
    let chosen = {
        let faces: Vec<Face> = found.iter().filter_map(|found| Some(found.face?.0)).collect();
        let face = engine.choose(&image, &faces);
        face.and_then(|face| faces.iter().position(|other| *other == face))
    };
    picture::faces(&image, &found, chosen, out)?;
    Ok(found.into_iter().map(|found| found.quality()).collect())
}

fn say(shared: &Shared, path: &Path, qualities: &[f64], out: &Path) {
    if shared.json {
        output::line(json!({
            "image": folder::name(path), "picture": folder::name(out), "faces": qualities.len(),
            "qualities": qualities,
        }));
    } else {
        output::line(format_args!(
            "{}: {}, drawn in {}",
            folder::name(path),
            face_count(qualities.len()),
            folder::name(out)
        ));
    }
}

/// Where the picture of each image goes: into the folder `out`, by the image's path below the folder that was given.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when two images would have one picture, or a picture would fall among the images or
/// onto something that this program didn't draw.
fn places<'a>(images: &'a Images, out: &Path) -> Result<HashMap<&'a Path, PathBuf>> {
    if out.is_file() {
        return Err(Error::new(
            ErrorKind::Io,
            format!(
                "{} is a file: the pictures of several images go into a folder",
                out.display()
            ),
        ));
    }
    let mut inside: Vec<PathBuf> = Vec::with_capacity(images.files.len());
    let mut known: HashMap<PathBuf, &Path> = HashMap::new();
    let mut folders: Vec<&Path> = images.folders.iter().flatten().map(PathBuf::as_path).collect();
    folders.dedup();
    for folder in &folders {
        apart::folders(folder, &[], out)?;
    }
    for (image, folder) in images.files.iter().zip(&images.folders) {
        let relative = match folder {
            Some(folder) => image.strip_prefix(folder).unwrap_or(image).to_owned(),
            None => PathBuf::from(image.file_name().unwrap_or_default()),
        };
        if let Some(other) = known.insert(relative.clone(), image) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "{} and {} would have one picture, {}: draw them by themselves",
                    other.display(),
                    image.display(),
                    folder::name(&relative)
                ),
            ));
        }
        inside.push(relative);
    }
    let targets: Vec<PathBuf> = targets(&inside, "png", |_| None)
        .into_iter()
        .map(|target| out.join(target))
        .collect();
    for folder in folders {
        let of_folder = |path: &PathBuf| path.strip_prefix(folder).ok().map(Path::to_owned);
        let inside: Vec<PathBuf> = images.files.iter().filter_map(of_folder).collect();
        apart::pictures(folder, &inside, &targets)?;
    }
    // Named images as well: a picture beside them would be taken for one of them.
    let named = images
        .files
        .iter()
        .zip(&images.folders)
        .filter(|(_, folder)| folder.is_none());
    let named: Vec<PathBuf> = named.map(|(image, _)| image.clone()).collect();
    apart::beside(&named, &targets)?;
    apart::files(&images.files, &targets)?;
    targets.iter().try_for_each(|target| picture::check_free(target))?;
    Ok(images.files.iter().map(PathBuf::as_path).zip(targets).collect())
}
