//! A chart as SVG and as PNG.

use super::canvas::FINE;
use super::draw::{SIZE, draw};
use super::{Chart, palette};
use crate::error::{Error, ErrorKind, Result};
use image::codecs::png::PngEncoder;
use image::imageops::{self, FilterType};
use image::{ExtendedColorType, ImageEncoder, RgbImage};
use plotters::backend::{BitMapBackend, SVGBackend};
use plotters::prelude::IntoDrawingArea;
use std::fmt::Display;

/// Pixels of a PNG for one of the nominal size: sharp on a dense screen and in print.
const DENSE: u32 = 2;

/// plotters writes words too high into a bitmap, by so much of their size.
const BITMAP_SINK: f64 = 0.16;

impl Chart {
    /// The chart as an SVG document, for a light background. Its colours are attributes that the page's style sheet
    /// changes in a dark one.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when it can't be drawn.
    pub fn svg(&self) -> Result<String> {
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, fine()).into_drawing_area();
            draw(self, &area, 0.0).map_err(|error| self.failed(error))?;
            area.present().map_err(|error| self.failed(error))?;
        }
        // Drawn finer than it is shown; and the title is there for those who don't see the picture.
        let (width, height) = fine();
        let begin = format!("<svg width=\"{width}\" height=\"{height}\"");
        let rest = text
            .strip_prefix(&begin)
            .and_then(|rest| rest.split_once('>'))
            .ok_or_else(|| self.failed("plotters begins its SVG in another way"))?;
        let title = maud::html! { title { (self.title) } }.into_string();
        Ok(format!(
            "<svg width=\"{}\" height=\"{}\" role=\"img\"{}>\n{title}{}",
            SIZE.0, SIZE.1, rest.0, rest.1
        ))
    }

    /// The chart as a PNG file, 1520 x 960 pixels, on a light background.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when it can't be drawn.
    pub fn png(&self) -> Result<Vec<u8>> {
        let (width, height) = fine();
        let mut picture = RgbImage::from_pixel(width, height, image::Rgb([255; 3]));
        {
            let area = BitMapBackend::with_buffer(&mut picture, (width, height)).into_drawing_area();
            draw(self, &area, BITMAP_SINK).map_err(|error| self.failed(error))?;
            area.present().map_err(|error| self.failed(error))?;
        }
        let (width, height) = (DENSE * SIZE.0, DENSE * SIZE.1);
        let picture = imageops::resize(&picture, width, height, FilterType::Triangle);
        let mut bytes = Vec::new();
        PngEncoder::new(&mut bytes)
            .write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8)
            .map_err(|error| self.failed(error))?;
        Ok(bytes)
    }

    fn failed(&self, error: impl Display) -> Error {
        Error::new(
            ErrorKind::Internal,
            format!("cannot draw the chart {}: {error}", self.name),
        )
    }
}

fn fine() -> (u32, u32) {
    let fine = FINE.unsigned_abs();
    (SIZE.0 * fine, SIZE.1 * fine)
}

/// The style sheet that gives charts in a page the colours of its scheme, and the page its own.
pub(crate) fn css() -> String {
    palette::css()
}
