//! A chart as SVG and as PNG.

use super::canvas::{Across, FINE, Words, fine};
use super::draw::{SIZE, draw};
use super::{Chart, palette};
use crate::drawing::{Lettering, Sheet, paint, visible};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use maud::html;
use plotters::backend::SVGBackend;
use plotters::prelude::IntoDrawingArea;
use qmagface::error::{Error, ErrorKind, Result};
use std::fmt::Display;

/// Pixels of a PNG for one of the nominal size: sharp on a dense screen and in print.
const DENSE: u32 = 2;

/// How plotters ends an SVG.
const END: &str = "</svg>";

impl Chart {
    /// The chart as an SVG document, for a light background. Its colours are attributes that the page's style sheet
    /// changes in a dark one. Its words are text, which the viewer draws in fonts of its own.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when it can't be drawn.
    pub fn svg(&self) -> Result<String> {
        let (shapes, words) = self.drawn(Lettering::shared())?;
        // Drawn finer than it is shown; and the title is there for those who don't see the picture.
        let (width, height) = fine_size();
        let begin = format!("<svg width=\"{width}\" height=\"{height}\"");
        let (rest, body) = shapes
            .strip_prefix(&begin)
            .and_then(|rest| rest.trim_end().strip_suffix(END)?.split_once('>'))
            .ok_or_else(|| self.failed("plotters writes its SVG in another way"))?;
        let title = html! { title { (visible(&self.title)) } }.into_string();
        let words: String = words.iter().map(element).collect();
        Ok(format!(
            "<svg width=\"{}\" height=\"{}\" role=\"img\"{rest}>\n{title}{body}{words}{END}\n",
            SIZE.0, SIZE.1
        ))
    }

    /// The chart as a PNG file, 1520 x 960 pixels, on a light background. For its words see [`crate::drawing`].
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when it can't be drawn.
    pub fn png(&self) -> Result<Vec<u8>> {
        let picture = self.picture(Lettering::shared())?;
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(
                picture.as_raw(),
                picture.width(),
                picture.height(),
                ExtendedColorType::Rgb8,
            )
            .map_err(|error| self.failed(error))?;
        Ok(bytes)
    }

    pub(super) fn picture(&self, lettering: &Lettering) -> Result<RgbImage> {
        let (shapes, words) = self.drawn(lettering)?;
        let mut picture = RgbImage::new(DENSE * SIZE.0, DENSE * SIZE.1);
        paint(&shapes, lettering, DENSE as f32 / FINE as f32, &mut picture)?;
        let mut sheet = Sheet::new(lettering);
        for words in words {
            sheet.words(&words.line, words.begin(), words.ink.rgb());
        }
        sheet.draw(&mut picture, DENSE as f32)?;
        Ok(picture)
    }

    /// The shapes as SVG, and the words that belong on them.
    fn drawn(&self, lettering: &Lettering) -> Result<(String, Vec<Words>)> {
        let mut shapes = String::new();
        let area = SVGBackend::with_string(&mut shapes, fine_size()).into_drawing_area();
        let words = draw(self, area, lettering).map_err(|error| self.failed(error))?;
        Ok((shapes, words))
    }

    fn failed(&self, error: impl Display) -> Error {
        Error::new(
            ErrorKind::Internal,
            format!("cannot draw the chart {}: {error}", self.name),
        )
    }
}

/// Words as an element of an SVG.
fn element(words: &Words) -> String {
    let (x, y) = fine(words.place);
    let anchor = match words.across {
        Across::Left => "start",
        Across::Centre => "middle",
        Across::Right => "end",
    };
    let element = html! {
        // They stand in their middle, whatever the viewer's font is.
        text x=(x) y=(y) dy="0.5ex" text-anchor=(anchor) font-family="sans-serif"
            font-size=((words.size() * f64::from(FINE)).round()) fill=(words.ink.hex()) { (words.line.words()) }
    };
    element.into_string() + "\n"
}

fn fine_size() -> (u32, u32) {
    let fine = FINE.unsigned_abs();
    (SIZE.0 * fine, SIZE.1 * fine)
}

/// The style sheet that gives charts in a page the colours of its scheme, and the page its own.
pub(crate) fn css() -> String {
    palette::css()
}
