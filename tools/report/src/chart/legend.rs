//! The legend: a name beside a sample of its colour, in rows above the plot.

use super::canvas::{Across, Canvas, Drawn, Pen};
use super::palette::Ink;
use super::{Chart, Shape, palette};
use crate::drawing::Line;

const SIZE: f64 = 13.0;
const ROW: f64 = 21.0;
const SAMPLE: f64 = 22.0;
/// Between a sample and its name, and between a name and the next sample.
const GAPS: (f64, f64) = (7.0, 20.0);

/// The legend of a chart, laid out.
pub struct Legend {
    /// Name, what it stands for, and the upper left corner relative to the legend's.
    entries: Vec<(Line, Ink, Sample, (f64, f64))>,
    pub height: f64,
}

#[derive(Clone, Copy, PartialEq)]
enum Sample {
    Line { dashed: bool },
    Area,
    Dot,
}

/// The colour of the series called `label`.
pub fn ink(labels: &[&str], label: &str) -> Ink {
    let index = labels.iter().position(|known| *known == label).unwrap_or(0);
    palette::SERIES[index % palette::SERIES.len()]
}

impl Legend {
    /// Lays the legend of `chart` out in rows of at most `width` pixels.
    pub fn new(canvas: &Canvas, chart: &Chart, width: f64) -> Legend {
        let labels = chart.labels();
        let mut legend = Legend {
            entries: Vec::new(),
            height: 0.0,
        };
        let (mut x, mut y) = (0.0, 0.0);
        for label in &labels {
            let shape = chart
                .series
                .iter()
                .filter(|series| series.label == *label)
                .map(|series| sample(&series.shape))
                // A line with its band is shown as a line.
                .reduce(|first, second| if first == Sample::Area { second } else { first });
            let room = width - SAMPLE - GAPS.0;
            let name = canvas.layout(label, SIZE, room);
            let entry = SAMPLE + GAPS.0 + canvas.width(&name);
            if x > 0.0 && x + entry > width {
                (x, y) = (0.0, y + ROW);
            }
            legend
                .entries
                .push((name, ink(&labels, label), shape.unwrap_or(Sample::Area), (x, y)));
            x += entry + GAPS.1;
            legend.height = y + ROW;
        }
        legend
    }

    /// Draws it with its upper left corner at (left, top).
    pub fn draw(&self, canvas: &Canvas, left: f64, top: f64) -> Drawn {
        for (name, ink, sample, (x, y)) in &self.entries {
            let (x, y) = (left + x, top + y + 0.5 * ROW);
            match *sample {
                Sample::Area => {
                    let (top, bottom) = (y - 5.0, y + 5.0);
                    let corners = [(x, top), (x + SAMPLE, top), (x + SAMPLE, bottom), (x, bottom)];
                    canvas.area(&corners, *ink, 0.35)?;
                    canvas.line(&corners[..2], pen(*ink, false))?;
                }
                Sample::Line { dashed } => canvas.line(&[(x, y), (x + SAMPLE, y)], pen(*ink, dashed))?,
                Sample::Dot => canvas.dot((x + 0.5 * SAMPLE, y), 4.0, *ink)?,
            }
            canvas.words(name.clone(), (x + SAMPLE + GAPS.0, y), palette::TEXT, Across::Left);
        }
        Ok(())
    }
}

/// The pen of a line.
pub fn pen(ink: Ink, dashed: bool) -> Pen {
    Pen {
        ink,
        width: 2.0,
        dashes: dashed.then_some((7.0, 4.0)),
    }
}

fn sample(shape: &Shape) -> Sample {
    match shape {
        Shape::Line { dashed, .. } => Sample::Line { dashed: *dashed },
        Shape::Mark { .. } => Sample::Line { dashed: true },
        Shape::Points { .. } => Sample::Dot,
        Shape::Band { .. } | Shape::Histogram { .. } => Sample::Area,
    }
}
