//! Charts: what is drawn ([`Chart`]), apart from how ([`draw`](self::draw)); as SVG and as PNG.

mod canvas;
mod draw;
mod legend;
mod palette;
mod scale;
mod write;

pub(crate) use write::css;

use serde::Serialize;

/// A chart of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Chart {
    /// File name of its pictures without the ending: letters, digits, `-` and `_`. One of its kind in a report.
    pub name: String,
    /// What it shows, in words; also drawn.
    pub title: String,
    /// What a reader must know to read it; not drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// What is drawn: areas behind lines, whole lines behind dashed ones, then in this order.
    pub series: Vec<Series>,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// What it measures, with its unit.
    pub label: String,
    /// How values become places.
    pub scale: Scale,
    /// How values are written.
    pub numbers: Numbers,
    /// Its ends, the lower first; `None`: as wide as the data. What lies outside isn't drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
}

/// How values become places on an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// In proportion.
    Linear,
    /// By their logarithm. A value that isn't above 0 lies beyond the lower end.
    Log,
}

/// How an axis writes its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// As they are.
    Plain,
    /// Shares, written in percent (without the sign, which belongs into the label).
    Percent,
    /// Rates, written as `1e-3`.
    Power,
}

/// One thing that is drawn.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Its name in the legend; the same name gives the same colour.
    pub label: String,
    /// What it is.
    #[serde(flatten)]
    pub shape: Shape,
}

/// What a series is. Points are (x, y); a value that isn't finite is left out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "shape", rename_all = "snake_case")]
pub enum Shape {
    /// A line through its points.
    Line {
        /// The points, in drawing order.
        points: Vec<(f64, f64)>,
        /// Dashed instead of whole.
        dashed: bool,
    },
    /// The area between two lines: a confidence band.
    Band {
        /// (x, low, high), by rising x.
        points: Vec<(f64, f64, f64)>,
    },
    /// Dots.
    Points {
        /// The points.
        points: Vec<(f64, f64)>,
    },
    /// A histogram: filled steps from 0.
    Histogram {
        /// Limits of the bins, rising; one more than there are heights.
        edges: Vec<f64>,
        /// Heights of the bins.
        heights: Vec<f64>,
    },
    /// A dashed vertical line over the whole height, such as a threshold.
    Mark {
        /// Where it stands.
        x: f64,
    },
}

impl Chart {
    /// A chart without series.
    pub fn new(name: impl Into<String>, title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Chart {
            name: name.into(),
            title: title.into(),
            note: None,
            x,
            y,
            series: Vec::new(),
        }
    }

    /// The same chart with a note.
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Chart {
            note: Some(note.into()),
            ..self
        }
    }

    /// Adds a series.
    pub fn add(&mut self, label: impl Into<String>, shape: Shape) {
        self.series.push(Series {
            label: label.into(),
            shape,
        });
    }

    /// The names in the legend, each once, in drawing order.
    fn labels(&self) -> Vec<&str> {
        let mut labels: Vec<&str> = Vec::new();
        for series in &self.series {
            if !labels.contains(&series.label.as_str()) {
                labels.push(&series.label);
            }
        }
        labels
    }
}

impl Axis {
    /// A linear axis with plain numbers.
    pub fn linear(label: impl Into<String>) -> Self {
        Axis {
            label: label.into(),
            scale: Scale::Linear,
            numbers: Numbers::Plain,
            range: None,
        }
    }

    /// A logarithmic axis with rates.
    pub fn log(label: impl Into<String>) -> Self {
        Axis {
            scale: Scale::Log,
            numbers: Numbers::Power,
            ..Axis::linear(label)
        }
    }

    /// The same axis with its values written in percent.
    pub fn percent(self) -> Self {
        Axis {
            numbers: Numbers::Percent,
            ..self
        }
    }

    /// The same axis from `low` to `high`.
    pub fn range(self, low: f64, high: f64) -> Self {
        Axis {
            range: Some((low, high)),
            ..self
        }
    }
}

#[cfg(test)]
mod tests;
