//! Reports that people look at and programs read: a page (HTML), charts (SVG and PNG) and figures (JSON and CSV).
//!
//! A report is plain data that knows no protocol: sections of paragraphs, tables, charts, galleries of pairs and
//! settings. [`Report::write`] makes a folder of it:
//!
//! | file | what it is |
//! |---|---|
//! | `index.html` | the page: complete in itself, without scripts, for light and dark screens |
//! | `results.json` | everything: settings, tables, charts, and the protocol's own result |
//! | `tables/NAME.csv` | each table, at full precision |
//! | `figures/NAME.svg`, `figures/NAME.png` | each chart |
//!
//! The folder is there as a whole or not at all, and a report that was there before stays until the new one is whole.

mod chart;
pub mod drawing;
mod folder;
mod gallery;
mod html;
mod numbers;
mod table;

pub use chart::{Axis, Chart, Numbers, Scale, Series, Shape};
pub use folder::check_target;
pub use gallery::{Face, Gallery, Pair};
pub use table::{Cell, Column, ColumnKind, Table};

use serde::Serialize;

/// A report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Its heading.
    pub title: String,
    /// What was done, in a sentence or two.
    pub summary: String,
    /// When, as the reader should see it.
    pub date: String,
    /// The figures that matter most; shown first and large.
    pub highlights: Vec<Highlight>,
    /// Its sections, in reading order.
    pub sections: Vec<Section>,
    /// The result as the protocol gives it, for `results.json` only.
    pub result: serde_json::Value,
}

/// A figure that matters most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Highlight {
    /// What it is.
    pub label: String,
    /// The figure with its unit.
    pub value: String,
    /// Its interval, or what it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A section of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// Its heading.
    pub title: String,
    /// What it holds, in reading order.
    pub items: Vec<Item>,
}

/// A part of a section.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "item", rename_all = "snake_case")]
pub enum Item {
    /// Words.
    Paragraph {
        /// The words.
        text: String,
    },
    /// Something that a reader must not overlook.
    Warning {
        /// The words.
        text: String,
    },
    /// A table.
    Table(Table),
    /// A chart.
    Chart(Chart),
    /// Pairs of faces.
    Gallery(Gallery),
    /// Names with their values.
    Settings {
        /// (name, value), in reading order.
        entries: Vec<(String, String)>,
    },
}

impl Section {
    /// A section without items.
    pub fn new(title: impl Into<String>) -> Self {
        Section {
            title: title.into(),
            items: Vec::new(),
        }
    }

    /// The same section with one item more.
    pub fn with(mut self, item: impl Into<Item>) -> Self {
        self.items.push(item.into());
        self
    }

    /// The same section with these items more.
    pub fn with_all(mut self, items: impl IntoIterator<Item = impl Into<Item>>) -> Self {
        self.items.extend(items.into_iter().map(Into::into));
        self
    }

    /// The same section with a paragraph more.
    pub fn with_text(self, text: impl Into<String>) -> Self {
        self.with(Item::Paragraph { text: text.into() })
    }
}

impl From<Table> for Item {
    fn from(table: Table) -> Self {
        Item::Table(table)
    }
}

impl From<Chart> for Item {
    fn from(chart: Chart) -> Self {
        Item::Chart(chart)
    }
}

impl From<Gallery> for Item {
    fn from(gallery: Gallery) -> Self {
        Item::Gallery(gallery)
    }
}

impl Report {
    /// Its tables, in reading order.
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        self.items().filter_map(|item| match item {
            Item::Table(table) => Some(table),
            _ => None,
        })
    }

    /// Its charts, in reading order.
    pub fn charts(&self) -> impl Iterator<Item = &Chart> {
        self.items().filter_map(|item| match item {
            Item::Chart(chart) => Some(chart),
            _ => None,
        })
    }

    fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|section| &section.items)
    }
}

#[cfg(test)]
mod tests;
