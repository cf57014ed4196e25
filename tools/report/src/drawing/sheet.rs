//! Words, boxes and dots on a transparent sheet, which is laid over a picture.

use super::fonts::{Face, Fonts, Lettering};
use super::line::Line;
use image::RgbImage;
use maud::html;
use qmagface::error::{Error, ErrorKind, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{FontFamily, FontResolver, Options, Tree};
use std::fmt::{Display, Write};
use std::sync::Arc;

/// Red, green and blue.
pub type Colour = [u8; 3];

/// Turns the direction of what follows to right to left, whatever it is.
const RIGHT_TO_LEFT: char = '\u{202E}';

/// A sheet. Places are in pixels from the picture's upper left corner, and may lie outside: that part isn't drawn.
pub struct Sheet<'l> {
    lettering: &'l Lettering,
    body: String,
}

impl<'l> Sheet<'l> {
    /// An empty sheet, for words that `lettering` laid out.
    pub fn new(lettering: &'l Lettering) -> Self {
        Sheet {
            lettering,
            body: String::new(),
        }
    }

    /// A filled box.
    pub fn filled(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), colour: Colour) {
        self.add(html! { rect x=(x) y=(y) width=(width) height=(height) fill=(hex(colour)) {} });
    }

    /// A frame; half of its `thickness` lies outside of the box.
    pub fn frame(&mut self, (x, y): (f32, f32), (width, height): (f32, f32), thickness: f32, colour: Colour) {
        self.add(html! {
            rect x=(x) y=(y) width=(width) height=(height) fill="none" stroke=(hex(colour)) stroke-width=(thickness) {}
        });
    }

    /// A filled dot.
    pub fn dot(&mut self, (x, y): (f32, f32), radius: f32, colour: Colour) {
        self.add(html! { circle cx=(x) cy=(y) r=(radius) fill=(hex(colour)) {} });
    }

    /// Words that begin at `x` and whose letters stand on `y`.
    pub fn words(&mut self, line: &Line, (x, y): (f32, f32), colour: Colour) {
        for run in &line.runs {
            let turned = if run.right_to_left {
                String::from(RIGHT_TO_LEFT)
            } else {
                String::new()
            };
            self.add(html! {
                text x=(x + run.x) y=(y) font-family=(family(run.face)) font-size=(line.size) font-optical-sizing="none"
                    fill=(hex(colour)) xml:space="preserve" { (turned) (run.text) }
            });
        }
    }

    fn add(&mut self, element: maud::Markup) {
        self.body.push_str(&element.into_string());
    }

    /// Lays the sheet over `picture`, enlarged by `scale`.
    ///
    /// # Errors
    /// [`ErrorKind::Internal`] when it can't be drawn.
    pub fn draw(&self, picture: &mut RgbImage, scale: f32) -> Result<()> {
        let (width, height) = picture.dimensions();
        let mut svg = String::new();
        // Writing to a string can't fail.
        let _ = write!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{}</svg>"#,
            self.body
        );
        paint(&svg, self.lettering, scale, picture)
    }
}

/// Draws an SVG document over `picture`, enlarged by `scale`. Words in it have a [`family`].
pub(crate) fn paint(svg: &str, lettering: &Lettering, scale: f32, picture: &mut RgbImage) -> Result<()> {
    let tree = Tree::from_str(svg, &options(&lettering.fonts())).map_err(failed)?;
    let (width, height) = picture.dimensions();
    let mut over = Pixmap::new(width, height).ok_or_else(|| failed("it has no size, or is too large"))?;
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut over.as_mut());
    for (under, over) in picture.pixels_mut().zip(over.pixels()) {
        let through = 255 - u32::from(over.alpha());
        for (under, over) in under.0.iter_mut().zip([over.red(), over.green(), over.blue()]) {
            // The sheet's colours are multiplied with their opacity already, so the sum is 255 at most.
            *under = over.saturating_add(((u32::from(*under) * through + 127) / 255) as u8);
        }
    }
    Ok(())
}

/// What a font family's name begins with; a face's number follows.
const FAMILY: &str = "face";

fn family(face: Face) -> String {
    format!("{FAMILY}{}", face.0)
}

fn options(fonts: &Fonts) -> Options<'static> {
    let faces = fonts.faces.clone();
    Options {
        fontdb: Arc::clone(&fonts.database),
        font_resolver: FontResolver {
            select_font: Box::new(move |font, _| match font.families() {
                [FontFamily::Named(name)] => {
                    let number: usize = name.strip_prefix(FAMILY)?.parse().ok()?;
                    faces.get(number).copied()
                }
                _ => None,
            }),
            // Each run has the font that has its letters.
            select_fallback: Box::new(|_, _, _| None),
        },
        ..Options::default()
    }
}

fn hex([red, green, blue]: Colour) -> String {
    format!("#{red:02X}{green:02X}{blue:02X}")
}

fn failed(error: impl Display) -> Error {
    Error::new(ErrorKind::Internal, format!("cannot draw a picture: {error}"))
}
