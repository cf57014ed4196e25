//! Pictures for people: a photo with its boxes and landmarks, the aligned chips beside it, the numbers below.

use crate::extract::Extracted;
use crate::output::{self, face_count};
use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use qmagface::replace::replace;
use qmagface::{BgrImage, Chip, Comparison, Error, ErrorKind, Face, Result};
use qmagface_report::drawing::{Lettering, Line, Sheet, Typeface};
use std::io::{BufWriter, Write};
use std::path::Path;

const BACKGROUND: [u8; 3] = [250, 250, 250];
const INK: [u8; 3] = [30, 30, 30];
const BOX: [u8; 3] = [0, 170, 80];
const POINT: [u8; 3] = [230, 30, 60];
/// Height of a photo in the picture, and its greatest width, in pixels.
const PHOTO: (u32, u32) = (640, 480);
/// Side of a chip in the picture: twice its own, so that its pixels show.
const CHIP: u32 = 2 * Chip::SIZE as u32;
const MARGIN: u32 = 16;
/// Size of letters, and how far below the top of a line of words they stand.
const LETTERS: f32 = 17.2;
const STAND: f32 = 16.0;
const LINE: u32 = 28;
/// Height of the label with a face's number.
const LABEL: u32 = 22;
/// Chips drawn beside a photo.
const MOST_CHIPS: usize = 6;

/// One side of a comparison.
pub struct Side<'a> {
    /// What stands above its photo; where it is longer than that, its middle is left out.
    pub title: String,
    pub image: &'a BgrImage,
    pub found: &'a Extracted,
}

/// Draws two photos, their chips and what comparing them gave.
///
/// # Errors
/// [`ErrorKind::Io`] when `out` can't be written, [`ErrorKind::InvalidArgument`] when it is no .png.
pub fn comparison(sides: &[Side; 2], result: &Comparison, meaning: Option<&str>, out: &Path) -> Result<()> {
    let panels = [panel(&sides[0])?, panel(&sides[1])?];
    let verdict = format!("quality-aware score {:.3}   cosine {:.3}", result.score, result.cosine);
    let verdict: Vec<Line> = [Some(verdict.as_str()), meaning]
        .into_iter()
        .flatten()
        .map(line)
        .collect();
    let width_of_verdict = verdict.iter().map(width).max().unwrap_or(0);
    let both = panels[0].width + MARGIN + panels[1].width;
    let top = panels[0].height().max(panels[1].height());
    let mut picture = canvas(
        both.max(width_of_verdict) + 2 * MARGIN,
        top + 3 * MARGIN + LINE * verdict.len() as u32,
    );
    let mut sheet = Sheet::new(Lettering::shared());
    panels[0].put(&mut picture, &mut sheet, MARGIN);
    panels[1].put(&mut picture, &mut sheet, 2 * MARGIN + panels[0].width);
    for (row, words) in verdict.iter().enumerate() {
        write(&mut sheet, words, MARGIN, top + 2 * MARGIN + LINE * row as u32, INK);
    }
    sheet.draw(&mut picture, 1.0)?;
    save(&picture, out)
}

/// A photo with its title above, its chip and the quality below.
struct Panel {
    title: Line,
    photo: RgbImage,
    chip: RgbImage,
    quality: Line,
    width: u32,
}

fn panel(side: &Side) -> Result<Panel> {
    let photo = annotated(side.image, std::slice::from_ref(side.found))?;
    let chip = enlarged(&side.found.chip);
    let title = Lettering::shared().line_within(&side.title, Typeface::Monospaced, LETTERS, PHOTO.0 as f32);
    let quality = line(&quality(side.found));
    Ok(Panel {
        width: photo.width().max(CHIP).max(width(&title)).max(width(&quality)),
        title,
        photo,
        chip,
        quality,
    })
}

impl Panel {
    fn height(&self) -> u32 {
        self.photo.height() + MARGIN + CHIP + 2 * LINE + 4
    }

    /// Puts it at the top of the picture.
    fn put(&self, picture: &mut RgbImage, sheet: &mut Sheet, x: u32) {
        let below = MARGIN + LINE + self.photo.height();
        put(picture, &self.photo, x, MARGIN + LINE);
        put(picture, &self.chip, x, below + MARGIN);
        write(sheet, &self.title, x, MARGIN, INK);
        write(sheet, &self.quality, x, below + MARGIN + CHIP + 4, INK);
    }
}

/// Draws a photo with all its faces, and their chips beside it. `chosen` is the one that other commands take.
///
/// # Errors
/// As [`comparison`].
pub fn faces(image: &BgrImage, found: &[Extracted], chosen: Option<usize>, out: &Path) -> Result<()> {
    let photo = annotated(image, found)?;
    let shown = &found[..found.len().min(MOST_CHIPS)];
    let numbered = shown.iter().enumerate();
    let qualities: Vec<Line> = numbered
        .map(|(index, found)| {
            let turned = found.face.map(|(face, _)| output::turned(&face)).unwrap_or_default();
            line(&format!("{}: {}{turned}", index + 1, quality(found)))
        })
        .collect();
    let columns = (shown.len() as u32).div_ceil(2);
    let widest = qualities.iter().map(width).max().unwrap_or(0);
    let cell = (CHIP.max(widest) + MARGIN, CHIP + LINE + MARGIN);
    let rows = if shown.len() > 1 { 2 } else { 1 };
    let height = photo.height().max(if shown.is_empty() { LINE } else { rows * cell.1 });
    let count = line(&match found.len() {
        n if n > MOST_CHIPS => format!("{n} faces, the {MOST_CHIPS} best are shown"),
        1 if found[0].face.is_none() => "a chip".to_owned(),
        n => match chosen.filter(|_| n > 1) {
            Some(chosen) => format!("{}, taken is {}", face_count(n), chosen + 1),
            None => face_count(n),
        },
    });
    let mut picture = canvas(
        (photo.width() + columns * cell.0).max(width(&count)) + 2 * MARGIN,
        height + 2 * MARGIN + LINE,
    );
    let mut sheet = Sheet::new(Lettering::shared());
    put(&mut picture, &photo, MARGIN, MARGIN);
    for (index, (found, quality)) in shown.iter().zip(&qualities).enumerate() {
        let (column, row) = (index as u32 / 2, index as u32 % 2);
        let (x, y) = (2 * MARGIN + photo.width() + column * cell.0, MARGIN + row * cell.1);
        put(&mut picture, &enlarged(&found.chip), x, y);
        write(&mut sheet, quality, x, y + CHIP + 4, INK);
    }
    write(&mut sheet, &count, MARGIN, MARGIN + height, INK);
    sheet.draw(&mut picture, 1.0)?;
    save(&picture, out)
}

/// Draws a contact sheet: the chips of faces in the given order, from left to right, each with its quality, a bar for it (of a
/// model without a scale of 0 to 100: as a part of the best), and the name that it comes with.
///
/// # Errors
/// As [`comparison`].
pub fn contact_sheet(title: &str, faces: &[(String, Extracted)], out: &Path) -> Result<()> {
    const SIDE: u32 = Chip::SIZE as u32;
    const SMALL: f32 = 12.5;
    /// Height of a line of small letters, and how far below its top they stand.
    const SMALL_LINE: u32 = 17;
    const SMALL_STAND: f32 = 12.5;
    const BAR: u32 = 5;
    const GAP: u32 = 12;
    let cell = (SIDE + GAP, SIDE + BAR + 2 * SMALL_LINE + GAP + 4);
    // Wider than high, as screens are.
    let columns = ((faces.len() as f32 * 1.6 * cell.1 as f32 / cell.0 as f32).sqrt().ceil() as u32).max(1);
    let rows = (faces.len() as u32).div_ceil(columns);
    let title = line(title);
    let mut picture = canvas(
        (columns * cell.0 - GAP).max(width(&title)) + 2 * MARGIN,
        LINE + rows * cell.1 + 2 * MARGIN,
    );
    let mut sheet = Sheet::new(Lettering::shared());
    write(&mut sheet, &title, MARGIN, MARGIN, INK);
    let most = faces
        .iter()
        .map(|(_, face)| face.quality())
        .fold(f64::MIN_POSITIVE, f64::max);
    for (index, (name, face)) in faces.iter().enumerate() {
        let x = MARGIN + index as u32 % columns * cell.0;
        let y = MARGIN + LINE + index as u32 / columns * cell.1;
        put(&mut picture, &rgb(&face.chip.to_image()), x, y);
        let share = face.uqs().map_or(face.quality() / most, |uqs| f64::from(uqs) / 100.0);
        let (left, top) = (x as f32, (y + SIDE + 1) as f32);
        sheet.filled((left, top), (SIDE as f32, BAR as f32), [225; 3]);
        sheet.filled(
            (left, top),
            (SIDE as f32 * share as f32, BAR as f32),
            traffic_light(share),
        );
        let quality = match face.uqs() {
            Some(uqs) => format!("{uqs} of 100"),
            None => format!("{:.2}", face.quality()),
        };
        let quality = Lettering::shared().line(&quality, Typeface::Monospaced, SMALL);
        let name = Lettering::shared().line_within(name, Typeface::Monospaced, SMALL, SIDE as f32);
        for (row, words) in [quality, name].iter().enumerate() {
            let below = y + SIDE + BAR + 3 + SMALL_LINE * row as u32;
            sheet.words(words, (left, below as f32 + SMALL_STAND), INK);
        }
    }
    sheet.draw(&mut picture, 1.0)?;
    save(&picture, out)
}

/// Red at 0, yellow in the middle, green at 1.
fn traffic_light(share: f64) -> [u8; 3] {
    let share = share.clamp(0.0, 1.0);
    let red = (2.0 - 2.0 * share).min(1.0);
    let green = (2.0 * share).min(1.0);
    [(40.0 + 190.0 * red) as u8, (40.0 + 140.0 * green) as u8, 60]
}

fn quality(found: &Extracted) -> String {
    output::quality(found.quality(), found.uqs())
}

/// An image as the `image` crate has it.
pub fn rgb(image: &BgrImage) -> RgbImage {
    let (width, height) = (image.width() as u32, image.height() as u32);
    RgbImage::from_raw(width, height, image.to_rgb()).expect("as many bytes as pixels, of an image that exists")
}

/// The photo in the picture's size, with boxes, landmarks and, for several faces, their numbers; a chip has none of them.
fn annotated(image: &BgrImage, found: &[Extracted]) -> Result<RgbImage> {
    let faces: Vec<Face> = found.iter().filter_map(|found| Some(found.face?.0)).collect();
    let photo = rgb(image);
    let scale = (PHOTO.0 as f32 / photo.width() as f32).min(PHOTO.1 as f32 / photo.height() as f32);
    let side = |length: u32| ((length as f32 * scale).round() as u32).max(1);
    let mut photo = imageops::resize(&photo, side(photo.width()), side(photo.height()), FilterType::Triangle);
    let mut sheet = Sheet::new(Lettering::shared());
    for (index, face) in faces.iter().enumerate() {
        let [x1, y1, x2, y2] = face.bbox.map(|v| (v * scale).round());
        // Two pixels thick, one of them outside: an even thickness lies on whole pixels.
        sheet.frame((x1, y1), ((x2 - x1).max(1.0), (y2 - y1).max(1.0)), 2.0, BOX);
        for [x, y] in face.landmarks {
            // Round the middle of a pixel.
            sheet.dot(((x * scale).round() + 0.5, (y * scale).round() + 0.5), 3.5, POINT);
        }
        if faces.len() > 1 {
            let number = line(&(index + 1).to_string());
            // Above the box where there is room: a small face stays visible.
            let (x, y) = (x1.max(0.0) as u32, (y1 - LABEL as f32 - 1.0).max(0.0) as u32);
            let size = ((width(&number) + 6) as f32, LABEL as f32);
            sheet.filled((x as f32, y as f32), size, BOX);
            write(&mut sheet, &number, x + 3, y, BACKGROUND);
        }
    }
    sheet.draw(&mut photo, 1.0)?;
    Ok(photo)
}

fn enlarged(chip: &Chip) -> RgbImage {
    imageops::resize(&rgb(&chip.to_image()), CHIP, CHIP, FilterType::Nearest)
}

fn canvas(width: u32, height: u32) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(BACKGROUND))
}

fn put(picture: &mut RgbImage, part: &RgbImage, x: u32, y: u32) {
    imageops::replace(picture, part, i64::from(x), i64::from(y));
}

fn line(words: &str) -> Line {
    Lettering::shared().line(words, Typeface::Monospaced, LETTERS)
}

fn width(line: &Line) -> u32 {
    line.width().ceil() as u32
}

/// Writes words with their upper left corner at (x, y).
fn write(sheet: &mut Sheet, line: &Line, x: u32, y: u32, colour: [u8; 3]) {
    sheet.words(line, (x as f32, y as f32 + STAND), colour);
}

/// Checks before the work that a picture may be called `out`.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when it is no .png.
pub fn check_name(out: &Path) -> Result<()> {
    if out.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("png")) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{}: pictures are PNG files, so the name must end in .png",
                out.display()
            ),
        ));
    }
    Ok(())
}

/// The program that a PNG file says it is of: so that it can be told from what is somebody else's.
const SOFTWARE: &str = "qmagface";

/// Checks that no picture of somebody else's is where `out` is written: one that this program drew may be replaced.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming it.
pub fn check_free(out: &Path) -> Result<()> {
    match std::fs::symlink_metadata(out) {
        Err(_) => Ok(()),
        Ok(there) if there.is_file() && is_ours(out) => Ok(()),
        Ok(_) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "{} is there and wasn't drawn by this program: it is not overwritten, name another file",
                out.display()
            ),
        )),
    }
}

fn is_ours(path: &Path) -> bool {
    let reader = std::fs::File::open(path).ok().and_then(|file| {
        let decoder = png::Decoder::new(std::io::BufReader::new(file));
        decoder.read_info().ok()
    });
    let texts = reader.map(|reader| reader.info().uncompressed_latin1_text.clone());
    let is_name = |text: &png::text_metadata::TEXtChunk| text.keyword == "Software" && text.text == SOFTWARE;
    texts.is_some_and(|texts| texts.iter().any(is_name))
}

fn save(picture: &RgbImage, out: &Path) -> Result<()> {
    check_name(out)?;
    check_free(out)?;
    if let Some(folder) = out.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| Error::io(folder, "create", &error))?;
    }
    replace(out, |file| {
        let mut writer = BufWriter::new(file);
        let mut encoder = png::Encoder::new(&mut writer, picture.width(), picture.height());
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        let encoded = encoder
            .add_text_chunk("Software".to_owned(), SOFTWARE.to_owned())
            .and_then(|()| encoder.write_header())
            .and_then(|mut writer| {
                writer.write_image_data(picture.as_raw())?;
                writer.finish()
            });
        encoded.map_err(|error| Error::new(ErrorKind::Io, format!("cannot write {}: {error}", out.display())))?;
        writer.flush().map_err(|error| Error::io(out, "write", &error))
    })
}
