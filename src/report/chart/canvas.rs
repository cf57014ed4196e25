//! A sheet that is drawn on, in pixels of the finished picture; drawn several times finer, for smooth lines.

use super::palette::Ink;
use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon};
use plotters::prelude::{Color, DrawingArea, DrawingAreaErrorKind, DrawingBackend, IntoFont};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, RGBAColor, ShapeStyle, TextStyle, register_font};
use std::sync::Once;

/// Points drawn for one pixel of the finished picture: SVG and bitmap take whole coordinates.
pub const FINE: i32 = 4;

/// The font's name; a browser takes its own font of this kind.
const FONT: &str = "sans-serif";

/// plotters shrinks a font size by this where it writes SVG.
const SVG_FONT: f64 = 1.24;

/// A place in pixels, from the upper left corner.
pub type Place = (f64, f64);

/// How a line looks.
#[derive(Debug, Clone, Copy)]
pub struct Pen {
    pub ink: Ink,
    pub width: f64,
    /// Lengths of dash and gap in pixels.
    pub dashes: Option<(f64, f64)>,
}

/// The sheet.
pub struct Canvas<'a, B: DrawingBackend> {
    area: &'a DrawingArea<B, Shift>,
    /// How far words must sink to stand in their middle, in parts of their size.
    sink: f64,
}

/// What drawing gives.
pub type Drawn<B> = Result<(), DrawingAreaErrorKind<<B as DrawingBackend>::ErrorType>>;

impl<'a, B: DrawingBackend> Canvas<'a, B> {
    /// A canvas whose words sink by `sink` times their size.
    pub fn new(area: &'a DrawingArea<B, Shift>, sink: f64) -> Self {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            let registered = register_font(FONT, FontStyle::Normal, epaint_default_fonts::UBUNTU_LIGHT);
            assert!(registered.is_ok(), "the font of its crate is whole");
        });
        Canvas { area, sink }
    }

    /// Covers everything.
    pub fn fill(&self, ink: Ink) -> Drawn<B> {
        self.area.fill(&ink.colour())
    }

    /// A line through `path`.
    pub fn line(&self, path: &[Place], pen: Pen) -> Drawn<B> {
        let style = ShapeStyle {
            color: pen.ink.colour().to_rgba(),
            filled: false,
            stroke_width: (pen.width * f64::from(FINE)).round().max(1.0) as u32,
        };
        match pen.dashes {
            None => self.stroke(path, style),
            Some(dashes) => dashed(path, dashes)
                .iter()
                .try_for_each(|dash| self.stroke(dash, style)),
        }
    }

    fn stroke(&self, path: &[Place], style: ShapeStyle) -> Drawn<B> {
        let mut fine: Vec<(i32, i32)> = path.iter().copied().map(fine).collect();
        fine.dedup();
        if fine.len() < 2 {
            return Ok(());
        }
        self.area.draw(&PathElement::new(fine, style))
    }

    /// A filled area.
    pub fn area(&self, path: &[Place], ink: Ink, opacity: f64) -> Drawn<B> {
        let style = ShapeStyle {
            color: ink.colour().mix(opacity),
            filled: true,
            stroke_width: 0,
        };
        self.area
            .draw(&Polygon::new(path.iter().copied().map(fine).collect::<Vec<_>>(), style))
    }

    /// A dot.
    pub fn dot(&self, place: Place, radius: f64, ink: Ink) -> Drawn<B> {
        let style: RGBAColor = ink.colour().to_rgba();
        let radius = (radius * f64::from(FINE)).round() as i32;
        self.area.draw(&Circle::new(fine(place), radius, style.filled()))
    }

    /// Words `size` pixels high: `across` says which part of them is at the place, vertically it is their middle.
    pub fn words(&self, words: &str, place: Place, size: f64, ink: Ink, across: HPos) -> Drawn<B> {
        let style = text_style(size, ink).pos(Pos::new(across, VPos::Center));
        self.area
            .draw_text(words, &style, fine((place.0, place.1 + self.sink * size)))
    }

    /// Width of words in pixels, with room for the wider font that a browser may take.
    pub fn width(&self, words: &str, size: f64) -> f64 {
        let style = text_style(size, super::palette::TEXT);
        let width = self.area.estimate_text_size(words, &style).map_or(0, |size| size.0);
        1.1 * f64::from(width) / f64::from(FINE)
    }
}

fn text_style(size: f64, ink: Ink) -> TextStyle<'static> {
    let font = (FONT, size * SVG_FONT * f64::from(FINE)).into_font();
    TextStyle {
        color: ink.colour().to_backend_color(),
        ..TextStyle::from(font)
    }
}

fn fine((x, y): Place) -> (i32, i32) {
    let fine = |value: f64| (value * f64::from(FINE)).round() as i32;
    (fine(x), fine(y))
}

/// Cuts a path into dashes.
fn dashed(path: &[Place], (dash, gap): (f64, f64)) -> Vec<Vec<Place>> {
    let mut dashes = Vec::new();
    let (mut drawing, mut left) = (true, dash);
    let mut current: Vec<Place> = path.first().copied().into_iter().collect();
    for pair in path.windows(2) {
        let (mut from, to) = (pair[0], pair[1]);
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            if length <= left {
                left -= length;
                current.push(to);
                break;
            }
            let share = left / length;
            from = (from.0 + share * (to.0 - from.0), from.1 + share * (to.1 - from.1));
            if drawing {
                current.push(from);
                dashes.push(std::mem::take(&mut current));
            }
            drawing = !drawing;
            left = if drawing { dash } else { gap };
            current = vec![from];
        }
    }
    if drawing {
        dashes.push(current);
    }
    dashes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_of_a_bent_path() {
        let dashes = dashed(&[(0.0, 0.0), (30.0, 0.0), (30.0, 30.0)], (8.0, 2.0));
        let length: f64 = dashes
            .iter()
            .flat_map(|dash| dash.windows(2))
            .map(|pair| (pair[1].0 - pair[0].0).hypot(pair[1].1 - pair[0].1))
            .sum();
        assert_eq!((dashes.len(), length.round()), (6, 48.0));
    }
}
