//! Tables: figures at full precision, rounded only where people read them.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

/// A table of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Table {
    /// File name of its CSV file without the ending: letters, digits, `-` and `_`. One of its kind in a report.
    pub name: String,
    /// What it shows, in words.
    pub title: String,
    /// Its columns, left to right.
    pub columns: Vec<Column>,
    /// Its rows; each has as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// What a reader must know to read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// Its heading.
    pub title: String,
    /// Unit of its numbers, such as `%`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What its cells hold.
    #[serde(flatten)]
    pub kind: ColumnKind,
}

/// What the cells of a column hold. A cell of another kind is shown as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ColumnKind {
    /// Words, set to the left.
    Text,
    /// Numbers, set to the right and shown with so many decimals.
    Number {
        /// Digits behind the point.
        decimals: u8,
    },
    /// Numbers with an interval; three columns of the CSV file.
    Interval {
        /// Digits behind the point.
        decimals: u8,
    },
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number in the column's unit.
    Number(f64),
    /// A number with its interval.
    Interval {
        /// The number itself.
        value: f64,
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// There is no such figure.
    Missing,
}

impl Table {
    /// An empty table.
    pub fn new(name: impl Into<String>, title: impl Into<String>, columns: Vec<Column>) -> Self {
        Table {
            name: name.into(),
            title: title.into(),
            columns,
            rows: Vec::new(),
            note: None,
        }
    }

    /// The same table with a note.
    pub fn with_note(self, note: impl Into<String>) -> Self {
        Table {
            note: Some(note.into()),
            ..self
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }
}

impl Column {
    /// A column of words.
    pub fn text(title: impl Into<String>) -> Self {
        Column {
            title: title.into(),
            unit: None,
            kind: ColumnKind::Text,
        }
    }

    /// A column of numbers.
    pub fn number(title: impl Into<String>, decimals: u8) -> Self {
        Column {
            kind: ColumnKind::Number { decimals },
            ..Column::text(title)
        }
    }

    /// A column of numbers with intervals.
    pub fn interval(title: impl Into<String>, decimals: u8) -> Self {
        Column {
            kind: ColumnKind::Interval { decimals },
            ..Column::text(title)
        }
    }

    /// The same column with a unit.
    pub fn unit(self, unit: impl Into<String>) -> Self {
        Column {
            unit: Some(unit.into()),
            ..self
        }
    }

    /// The heading with its unit.
    pub fn heading(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} ({unit})", self.title),
            None => self.title.clone(),
        }
    }

    /// Whether its cells are numbers.
    pub fn is_numeric(&self) -> bool {
        self.kind != ColumnKind::Text
    }

    fn decimals(&self) -> usize {
        match self.kind {
            ColumnKind::Text => 6,
            ColumnKind::Number { decimals } | ColumnKind::Interval { decimals } => decimals.into(),
        }
    }

    /// The number of a cell as people read it: rounded, with thin groups of thousands; a number that would round to
    /// zero keeps two digits.
    pub fn display(&self, value: f64) -> String {
        rounded(value, self.decimals())
    }
}

impl Cell {
    /// A cell of words.
    pub fn text(words: impl Into<String>) -> Self {
        Cell::Text(words.into())
    }

    /// A count.
    pub fn count(count: u64) -> Self {
        // Counts of pairs stay below 2^53.
        Cell::Number(count as f64)
    }

    /// A number, or nothing where there is none.
    pub fn maybe(value: Option<f64>) -> Self {
        value.map_or(Cell::Missing, Cell::Number)
    }
}

/// A number that isn't finite is `null`, as everywhere in JSON.
impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Text(words) => serializer.serialize_str(words),
            Cell::Number(value) => serializer.serialize_f64(*value),
            Cell::Missing => serializer.serialize_none(),
            Cell::Interval { value, low, high } => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("value", value)?;
                map.serialize_entry("low", low)?;
                map.serialize_entry("high", high)?;
                map.end()
            }
        }
    }
}

/// `value` with so many decimals and a narrow space between thousands.
fn rounded(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "–".to_owned()
        } else if value > 0.0 {
            "∞".to_owned()
        } else {
            "−∞".to_owned()
        };
    }
    let text = format!("{:.decimals$}", value.abs());
    if value != 0.0 && text.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
        return format!("{value:.1e}").replacen('-', if value < 0.0 { "−" } else { "-" }, 1);
    }
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && whole.len() > 4 {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    format!("{}{grouped}{rest}", if value < 0.0 { "−" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_grouped_and_never_lost() {
        for (value, decimals, shown) in [
            (99.5167, 2, "99.52"),
            (85690.0, 0, "85\u{202f}690"),
            (1234.0, 0, "1234"),
            (87_500_000.0, 0, "87\u{202f}500\u{202f}000"),
            (0.0, 3, "0.000"),
            (-1.25, 1, "−1.2"),
            (0.00001, 3, "1.0e-5"),
            (-0.00001, 3, "−1.0e-5"),
            (f64::NAN, 2, "–"),
            (f64::NEG_INFINITY, 2, "−∞"),
        ] {
            assert_eq!(rounded(value, decimals), shown, "{value}");
        }
    }
}
