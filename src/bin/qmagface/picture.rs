//! Pictures for people: a photo with its boxes and landmarks, the aligned chips beside it, the numbers below.

use ab_glyph::{FontRef, PxScale};
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use imageproc::drawing::{
    draw_filled_circle_mut, draw_filled_rect_mut, draw_hollow_rect_mut, draw_text_mut, text_size,
};
use imageproc::rect::Rect;
use qmagface::replace::replace;
use qmagface::{BgrImage, Chip, Comparison, Error, ErrorKind, Extraction, Face, Result};
use std::io::{BufWriter, Write};
use std::path::Path;

const BACKGROUND: Rgb<u8> = Rgb([250, 250, 250]);
const INK: Rgb<u8> = Rgb([30, 30, 30]);
const BOX: Rgb<u8> = Rgb([0, 170, 80]);
const POINT: Rgb<u8> = Rgb([230, 30, 60]);
/// Height of a photo in the picture, and its greatest width, in pixels.
const PHOTO: (u32, u32) = (640, 480);
/// Side of a chip in the picture: twice its own, so that its pixels show.
const CHIP: u32 = 2 * Chip::SIZE as u32;
const MARGIN: u32 = 16;
const TEXT: f32 = 20.0;
const LINE: u32 = 28;
/// Chips drawn beside a photo.
const MOST_CHIPS: usize = 6;

/// One side of a comparison.
pub struct Side<'a> {
    pub title: String,
    pub image: &'a BgrImage,
    pub found: &'a Extraction,
}

/// Draws two photos, their chips and what comparing them gave.
///
/// # Errors
/// [`ErrorKind::Io`] when `out` can't be written, [`ErrorKind::InvalidArgument`] when it is no .png.
pub fn comparison(sides: &[Side; 2], result: &Comparison, meaning: Option<&str>, out: &Path) -> Result<()> {
    let panels = sides.each_ref().map(|side| {
        let photo = annotated(side.image, &[side.found.face]);
        let chip = enlarged(&side.found.chip);
        let mut panel = canvas(photo.width().max(CHIP), photo.height() + MARGIN + CHIP + 2 * LINE + 4);
        put(&mut panel, &photo, 0, LINE);
        put(&mut panel, &chip, 0, photo.height() + MARGIN + LINE);
        text(&mut panel, 0, 0, &side.title);
        text(
            &mut panel,
            0,
            photo.height() + MARGIN + CHIP + LINE + 4,
            &quality(side.found),
        );
        panel
    });
    let verdict = format!("quality-aware score {:.3}   cosine {:.3}", result.score, result.cosine);
    let words = [Some(verdict.as_str()), meaning].into_iter().flatten();
    let width_of_words = words.clone().map(width_of).max().unwrap_or(0);
    let width = (panels[0].width() + MARGIN + panels[1].width()).max(width_of_words) + 2 * MARGIN;
    let top = panels[0].height().max(panels[1].height());
    let mut picture = canvas(width, top + 3 * MARGIN + LINE * words.clone().count() as u32);
    put(&mut picture, &panels[0], MARGIN, MARGIN);
    put(&mut picture, &panels[1], 2 * MARGIN + panels[0].width(), MARGIN);
    for (row, words) in words.enumerate() {
        text(&mut picture, MARGIN, top + 2 * MARGIN + LINE * row as u32, words);
    }
    save(&picture, out)
}

/// Draws a photo with all its faces, and their chips beside it.
///
/// # Errors
/// As [`comparison`].
pub fn faces(image: &BgrImage, found: &[Extraction], out: &Path) -> Result<()> {
    let faces: Vec<Face> = found.iter().map(|found| found.face).collect();
    let photo = annotated(image, &faces);
    let shown = &found[..found.len().min(MOST_CHIPS)];
    let columns = (shown.len() as u32).div_ceil(2);
    let cell = (CHIP + MARGIN, CHIP + LINE + MARGIN);
    let rows = if shown.len() > 1 { 2 } else { 1 };
    let height = photo.height().max(if shown.is_empty() { LINE } else { rows * cell.1 });
    let words = match found.len() {
        0 => "no face".to_owned(),
        n if n > MOST_CHIPS => format!("{n} faces, the {MOST_CHIPS} best are shown"),
        1 => "1 face".to_owned(),
        n => format!("{n} faces"),
    };
    let width = (photo.width() + columns * cell.0).max(width_of(&words)) + 2 * MARGIN;
    let mut picture = canvas(width, height + 2 * MARGIN + LINE);
    put(&mut picture, &photo, MARGIN, MARGIN);
    for (index, found) in shown.iter().enumerate() {
        let (column, row) = (index as u32 / 2, index as u32 % 2);
        let (x, y) = (2 * MARGIN + photo.width() + column * cell.0, MARGIN + row * cell.1);
        put(&mut picture, &enlarged(&found.chip), x, y);
        text(
            &mut picture,
            x,
            y + CHIP + 4,
            &format!("{}: {}", index + 1, quality(found)),
        );
    }
    text(&mut picture, MARGIN, MARGIN + height, &words);
    save(&picture, out)
}

fn quality(found: &Extraction) -> String {
    match found.uqs {
        Some(uqs) => format!("quality {:.2} ({uqs} of 100)", found.quality),
        None => format!("quality {:.2}", found.quality),
    }
}

/// The photo in the picture's size, with boxes, landmarks and, for several faces, their numbers.
fn annotated(image: &BgrImage, faces: &[Face]) -> RgbImage {
    let photo = image.to_rgb();
    let scale = (PHOTO.0 as f32 / photo.width() as f32).min(PHOTO.1 as f32 / photo.height() as f32);
    let side = |length: u32| ((length as f32 * scale).round() as u32).max(1);
    let mut photo = imageops::resize(&photo, side(photo.width()), side(photo.height()), FilterType::Triangle);
    for (index, face) in faces.iter().enumerate() {
        let [x1, y1, x2, y2] = face.bbox.map(|v| (v * scale).round() as i32);
        let (width, height) = ((x2 - x1).max(1) as u32, (y2 - y1).max(1) as u32);
        for grow in 0..2 {
            let frame = Rect::at(x1 - grow, y1 - grow).of_size(width + 2 * grow as u32, height + 2 * grow as u32);
            draw_hollow_rect_mut(&mut photo, frame, BOX);
        }
        for [x, y] in face.landmarks {
            draw_filled_circle_mut(
                &mut photo,
                ((x * scale).round() as i32, (y * scale).round() as i32),
                3,
                POINT,
            );
        }
        if faces.len() > 1 {
            let number = (index + 1).to_string();
            // Above the box where there is room: a small face stays visible.
            let (x, y) = (x1.max(0), (y1 - TEXT as i32 - 3).max(0));
            let label = Rect::at(x, y).of_size(width_of(&number) + 6, TEXT as u32 + 2);
            draw_filled_rect_mut(&mut photo, label, BOX);
            text_in(&mut photo, x as u32 + 3, y as u32, &number, BACKGROUND);
        }
    }
    photo
}

fn enlarged(chip: &Chip) -> RgbImage {
    imageops::resize(&chip.to_image().to_rgb(), CHIP, CHIP, FilterType::Nearest)
}

fn canvas(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, BACKGROUND)
}

fn put(picture: &mut RgbImage, part: &RgbImage, x: u32, y: u32) {
    imageops::replace(picture, part, i64::from(x), i64::from(y));
}

fn font() -> FontRef<'static> {
    FontRef::try_from_slice(epaint_default_fonts::HACK_REGULAR).expect("the font of its crate is whole")
}

fn text(picture: &mut RgbImage, x: u32, y: u32, words: &str) {
    text_in(picture, x, y, words, INK);
}

fn text_in(picture: &mut RgbImage, x: u32, y: u32, words: &str, colour: Rgb<u8>) {
    draw_text_mut(picture, colour, x as i32, y as i32, PxScale::from(TEXT), &font(), words);
}

fn width_of(words: &str) -> u32 {
    text_size(PxScale::from(TEXT), &font(), words).0
}

fn save(picture: &RgbImage, out: &Path) -> Result<()> {
    if out.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("png")) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{}: pictures are PNG files, so the name must end in .png",
                out.display()
            ),
        ));
    }
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create", &error))?;
    }
    replace(out, |file| {
        let mut writer = BufWriter::new(file);
        let encoded = picture.write_with_encoder(PngEncoder::new(&mut writer));
        encoded.map_err(|error| Error::new(ErrorKind::Io, format!("cannot write {}: {error}", out.display())))?;
        writer.flush().map_err(|error| Error::io(out, "write", &error))
    })
}
