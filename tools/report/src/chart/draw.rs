//! Draws a chart.

use super::canvas::{Across, Area, Canvas, Drawn, Pen, Place, Words};
use super::legend::{Legend, ink, pen};
use super::scale::Ruler;
use super::{Chart, Series, Shape, palette};
use crate::drawing::Lettering;

/// Size of a picture in pixels.
pub const SIZE: (u32, u32) = (760, 480);

const MARGIN: f64 = 18.0;
const TITLE: f64 = 17.0;
const LABEL: f64 = 13.5;
const NUMBER: f64 = 12.5;
/// Room below the plot: numbers and the axis' label.
const BELOW: f64 = 58.0;

/// The plot's edges in pixels.
#[derive(Debug, Clone, Copy)]
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
}

/// Lines of a title at most.
const TITLE_LINES: usize = 3;

/// Draws the shapes of `chart` on an area of [`SIZE`], times the canvas' fineness, and gives the words that belong on
/// them.
pub fn draw<'a>(chart: &Chart, area: Area<'a>, lettering: &'a Lettering) -> Drawn<Vec<Words>> {
    let canvas = Canvas::new(area, lettering);
    on(&canvas, chart)?;
    canvas.finish()
}

fn on(canvas: &Canvas, chart: &Chart) -> Drawn {
    let (width, height) = (f64::from(SIZE.0), f64::from(SIZE.1));
    let room = width - 2.0 * MARGIN;
    canvas.fill(palette::SURFACE)?;
    let mut top = MARGIN;
    for line in canvas.layout_lines(&chart.title, TITLE, room, TITLE_LINES) {
        canvas.words(line, (MARGIN, top + 0.5 * TITLE), palette::TEXT, Across::Left);
        top += 1.35 * TITLE;
    }
    let legend = Legend::new(canvas, chart, room);
    legend.draw(canvas, MARGIN, top + 4.0)?;
    top += legend.height + 12.0;
    // The vertical axis' label stands above it: words that stand upright are read more easily.
    let label = canvas.layout(&chart.y.label, LABEL, room);
    canvas.words(label, (MARGIN, top + 0.5 * LABEL), palette::MUTED, Across::Left);
    top += 1.9 * LABEL;
    let (Some(x), Some(y)) = rulers(chart) else {
        let middle = (0.5 * width, 0.5 * (top + height));
        canvas.words(
            canvas.layout("no data", TITLE, room),
            middle,
            palette::MUTED,
            Across::Centre,
        );
        return Ok(());
    };
    let y_ticks = y.ticks();
    let written = y_ticks.iter().filter_map(|tick| tick.label.as_deref());
    let widths = written.map(|label| canvas.width(&canvas.layout(label, NUMBER, room)));
    let numbers = widths.fold(0.0, f64::max);
    let frame = Frame {
        left: MARGIN + numbers + 8.0,
        right: width - MARGIN - 10.0,
        top,
        bottom: height - BELOW,
    };
    axes(canvas, frame, &x, &y)?;
    let label = canvas.layout(&chart.x.label, LABEL, frame.right - frame.left);
    let below = (0.5 * (frame.left + frame.right), frame.bottom + 40.0);
    canvas.words(label, below, palette::MUTED, Across::Centre);
    let labels = chart.labels();
    // Areas lie behind lines, and a whole line behind a dashed one, which would else be hidden by it.
    let mut ordered: Vec<&Series> = chart.series.iter().collect();
    ordered.sort_by_key(|series| layer(&series.shape));
    for series in ordered {
        let plot = Plot {
            canvas,
            frame,
            x: &x,
            y: &y,
            pen: pen(ink(&labels, &series.label), false),
        };
        plot.shape(&series.shape)?;
    }
    Ok(())
}

/// What is drawn first lies behind.
fn layer(shape: &Shape) -> u8 {
    match shape {
        Shape::Band { .. } | Shape::Histogram { .. } => 0,
        Shape::Line { dashed: false, .. } => 1,
        Shape::Line { dashed: true, .. } => 2,
        Shape::Points { .. } | Shape::Mark { .. } => 3,
    }
}

/// The rulers of both axes; `None` for one without data.
fn rulers(chart: &Chart) -> (Option<Ruler>, Option<Ruler>) {
    let (mut xs, mut ys, mut from_zero) = (Vec::new(), Vec::new(), false);
    for series in &chart.series {
        match &series.shape {
            Shape::Line { points, .. } | Shape::Points { points } => {
                xs.extend(points.iter().map(|point| point.0));
                ys.extend(points.iter().map(|point| point.1));
            }
            Shape::Band { points } => {
                xs.extend(points.iter().map(|point| point.0));
                ys.extend(points.iter().flat_map(|point| [point.1, point.2]));
            }
            Shape::Histogram { edges, heights } => {
                xs.extend(edges);
                ys.extend(heights);
                from_zero = true;
            }
            Shape::Mark { x } => xs.push(*x),
        }
    }
    (
        Ruler::new(&chart.x, xs.into_iter(), false),
        Ruler::new(&chart.y, ys.into_iter(), from_zero),
    )
}

fn axes(canvas: &Canvas, frame: Frame, x: &Ruler, y: &Ruler) -> Drawn {
    let thin = |ink, width| Pen {
        ink,
        width,
        dashes: None,
    };
    for tick in x.ticks() {
        let at = frame.left + tick.place * (frame.right - frame.left);
        let width = if tick.label.is_some() { 1.0 } else { 0.5 };
        canvas.line(&[(at, frame.top), (at, frame.bottom)], thin(palette::GRID, width))?;
        if let Some(label) = tick.label {
            canvas.line(
                &[(at, frame.bottom), (at, frame.bottom + 4.0)],
                thin(palette::AXIS, 1.0),
            )?;
            let label = canvas.layout(&label, NUMBER, frame.right);
            canvas.words(label, (at, frame.bottom + 15.0), palette::MUTED, Across::Centre);
        }
    }
    for tick in y.ticks() {
        let at = frame.bottom - tick.place * (frame.bottom - frame.top);
        let width = if tick.label.is_some() { 1.0 } else { 0.5 };
        canvas.line(&[(frame.left, at), (frame.right, at)], thin(palette::GRID, width))?;
        if let Some(label) = tick.label {
            let label = canvas.layout(&label, NUMBER, frame.right);
            canvas.words(label, (frame.left - 7.0, at), palette::MUTED, Across::Right);
        }
    }
    let corners = [
        (frame.left, frame.top),
        (frame.left, frame.bottom),
        (frame.right, frame.bottom),
    ];
    canvas.line(&corners, thin(palette::AXIS, 1.0))
}

/// Where and how one series is drawn.
struct Plot<'p, 'a> {
    canvas: &'p Canvas<'a>,
    frame: Frame,
    x: &'p Ruler,
    y: &'p Ruler,
    pen: Pen,
}

impl Plot<'_, '_> {
    fn shape(&self, shape: &Shape) -> Drawn {
        match shape {
            Shape::Line { points, dashed } => {
                let pen = pen(self.pen.ink, *dashed);
                let path: Vec<Place> = self.finite(points).map(|point| self.place(point)).collect();
                clipped(&path, self.frame)
                    .iter()
                    .try_for_each(|part| self.canvas.line(part, pen))
            }
            Shape::Points { points } => self
                .finite(points)
                .map(|point| self.place(point))
                .filter(|place| self.frame.holds(*place))
                .try_for_each(|place| self.canvas.dot(place, 3.2, self.pen.ink)),
            Shape::Band { points } => {
                let finite =
                    |point: &&(f64, f64, f64)| point.0.is_finite() && point.1.is_finite() && point.2.is_finite();
                let upper = points.iter().filter(finite).map(|point| (point.0, point.2));
                let lower = points.iter().filter(finite).rev().map(|point| (point.0, point.1));
                self.filled(upper.chain(lower), 0.18)
            }
            Shape::Histogram { edges, heights } => {
                let bins = edges.windows(2).zip(heights);
                let steps: Vec<(f64, f64)> = bins
                    .flat_map(|(edge, &height)| [(edge[0], height), (edge[1], height)])
                    .collect();
                let (Some(first), Some(last)) = (steps.first().copied(), steps.last().copied()) else {
                    return Ok(());
                };
                let closed: Vec<_> = std::iter::once((first.0, 0.0))
                    .chain(steps)
                    .chain([(last.0, 0.0)])
                    .collect();
                self.filled(closed.iter().copied(), 0.3)?;
                let path: Vec<Place> = closed.iter().map(|point| self.inside(self.place(*point))).collect();
                self.canvas.line(&path, Pen { width: 1.5, ..self.pen })
            }
            Shape::Mark { x } => {
                let at = self.place((*x, 0.0)).0;
                if !x.is_finite() || !(self.frame.left..=self.frame.right).contains(&at) {
                    return Ok(());
                }
                let ends = [(at, self.frame.bottom), (at, self.frame.top)];
                let dashes = Some((5.0, 4.0));
                self.canvas.line(
                    &ends,
                    Pen {
                        width: 1.5,
                        dashes,
                        ..self.pen
                    },
                )
            }
        }
    }

    fn finite<'p>(&self, points: &'p [(f64, f64)]) -> impl Iterator<Item = (f64, f64)> + use<'p> {
        let finite = |point: &(f64, f64)| point.0.is_finite() && point.1.is_finite();
        points.iter().copied().filter(finite)
    }

    fn place(&self, (x, y): (f64, f64)) -> Place {
        let frame = self.frame;
        (
            frame.left + self.x.place(x) * (frame.right - frame.left),
            frame.bottom - self.y.place(y) * (frame.bottom - frame.top),
        )
    }

    /// An area that rises or falls along x: moving its corners inside is cutting it there.
    fn filled(&self, corners: impl Iterator<Item = (f64, f64)>, opacity: f64) -> Drawn {
        let path: Vec<Place> = corners.map(|corner| self.inside(self.place(corner))).collect();
        if path.len() < 3 {
            return Ok(());
        }
        self.canvas.area(&path, self.pen.ink, opacity)
    }

    fn inside(&self, (x, y): Place) -> Place {
        let frame = self.frame;
        (x.clamp(frame.left, frame.right), y.clamp(frame.top, frame.bottom))
    }
}

impl Frame {
    fn holds(&self, (x, y): Place) -> bool {
        (self.left..=self.right).contains(&x) && (self.top..=self.bottom).contains(&y)
    }
}

/// The parts of a path inside the frame (Liang and Barsky's clipping, a piece at a time).
fn clipped(path: &[Place], frame: Frame) -> Vec<Vec<Place>> {
    let mut parts: Vec<Vec<Place>> = Vec::new();
    for pair in path.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut enters, mut leaves) = (0.0f64, 1.0f64);
        let mut outside = false;
        for (step, room) in [
            (-dx, from.0 - frame.left),
            (dx, frame.right - from.0),
            (-dy, from.1 - frame.top),
            (dy, frame.bottom - from.1),
        ] {
            if step == 0.0 {
                outside |= room < 0.0;
            } else if step < 0.0 {
                enters = enters.max(room / step);
            } else {
                leaves = leaves.min(room / step);
            }
        }
        if outside || enters > leaves {
            continue;
        }
        let at = |share: f64| (from.0 + share * dx, from.1 + share * dy);
        match parts.last_mut() {
            Some(part) if enters == 0.0 && part.last() == Some(&from) => part.push(at(leaves)),
            _ => parts.push(vec![at(enters), at(leaves)]),
        }
    }
    parts
}
