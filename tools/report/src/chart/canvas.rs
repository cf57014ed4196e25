//! A sheet that is drawn on, in pixels of the finished picture: shapes several times finer, for smooth lines, and words
//! apart from them.

use super::palette::Ink;
use crate::drawing::{Lettering, Line, Typeface};
use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::element::{Circle, PathElement, Polygon};
use plotters::prelude::{Color, DrawingArea, DrawingAreaErrorKind};
use plotters::style::{RGBAColor, ShapeStyle};
use std::cell::RefCell;

/// Points drawn for one pixel of the finished picture: plotters takes whole coordinates.
pub const FINE: i32 = 4;

/// Letters are drawn by so much larger than an SVG says, whose viewer may take a font with larger ones.
const LARGER: f64 = 1.1;

/// Words get so much more room than they need here: a viewer's font may be wider.
const WIDER: f64 = 1.1;

/// How far words must sink to stand in their middle, in parts of their size.
const SINK: f32 = 0.3;

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

/// Which part of words is at their place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Across {
    Left,
    Centre,
    Right,
}

/// Words at their place, which is vertically their middle.
#[derive(Debug, Clone)]
pub struct Words {
    pub line: Line,
    pub place: Place,
    pub ink: Ink,
    pub across: Across,
}

/// What shapes are drawn on.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// What drawing gives.
pub type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<std::io::Error>>;

/// The sheet.
pub struct Canvas<'a> {
    area: Area<'a>,
    lettering: &'a Lettering,
    words: RefCell<Vec<Words>>,
}

impl<'a> Canvas<'a> {
    /// A canvas whose words are laid out by `lettering`.
    pub fn new(area: Area<'a>, lettering: &'a Lettering) -> Self {
        Canvas {
            area,
            lettering,
            words: RefCell::default(),
        }
    }

    /// Ends the shapes, and gives the words that were written, all on top of them.
    pub fn finish(self) -> Drawn<Vec<Words>> {
        self.area.present()?;
        Ok(self.words.into_inner())
    }

    /// Covers everything.
    pub fn fill(&self, ink: Ink) -> Drawn {
        self.area.fill(&ink.colour())
    }

    /// A line through `path`.
    pub fn line(&self, path: &[Place], pen: Pen) -> Drawn {
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

    fn stroke(&self, path: &[Place], style: ShapeStyle) -> Drawn {
        let mut fine: Vec<(i32, i32)> = path.iter().copied().map(fine).collect();
        fine.dedup();
        if fine.len() < 2 {
            return Ok(());
        }
        self.area.draw(&PathElement::new(fine, style))
    }

    /// A filled area.
    pub fn area(&self, path: &[Place], ink: Ink, opacity: f64) -> Drawn {
        let style = ShapeStyle {
            color: ink.colour().mix(opacity),
            filled: true,
            stroke_width: 0,
        };
        self.area
            .draw(&Polygon::new(path.iter().copied().map(fine).collect::<Vec<_>>(), style))
    }

    /// A dot.
    pub fn dot(&self, place: Place, radius: f64, ink: Ink) -> Drawn {
        let style: RGBAColor = ink.colour().to_rgba();
        let radius = (radius * f64::from(FINE)).round() as i32;
        self.area.draw(&Circle::new(fine(place), radius, style.filled()))
    }

    /// The width that words are given.
    pub fn width(&self, line: &Line) -> f64 {
        WIDER * f64::from(line.width())
    }

    /// Words laid out in letters of `size` pixels; where they are wider than `room`, their middle is left out.
    pub fn layout(&self, words: &str, size: f64, room: f64) -> Line {
        let (size, room) = ((LARGER * size) as f32, (room / WIDER) as f32);
        self.lettering.line_within(words, Typeface::Sans, size, room)
    }

    /// The same in several lines, `most` at most.
    pub fn layout_lines(&self, words: &str, size: f64, room: f64, most: usize) -> Vec<Line> {
        let (size, room) = ((LARGER * size) as f32, (room / WIDER) as f32);
        self.lettering.lines_within(words, Typeface::Sans, size, room, most)
    }

    /// Writes words: `across` says which part of them is at the place, vertically it is their middle.
    pub fn words(&self, line: Line, place: Place, ink: Ink, across: Across) {
        self.words.borrow_mut().push(Words {
            line,
            place,
            ink,
            across,
        });
    }
}

impl Words {
    /// Size of the letters in the SVG, in pixels.
    pub fn size(&self) -> f64 {
        f64::from(self.line.size()) / LARGER
    }

    /// Where they begin and stand in a picture, in pixels.
    pub fn begin(&self) -> (f32, f32) {
        let (x, y) = (self.place.0 as f32, self.place.1 as f32);
        let left = match self.across {
            Across::Left => 0.0,
            Across::Centre => 0.5 * self.line.width(),
            Across::Right => self.line.width(),
        };
        (x - left, y + SINK * self.line.size())
    }
}

/// A place in the points that are drawn.
pub fn fine((x, y): Place) -> (i32, i32) {
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
