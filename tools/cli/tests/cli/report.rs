//! Reads a report's files and checks that they are whole and say the same.

use serde_json::Value;
use std::fs;
use std::path::Path;

/// A report whose files were found to be in order.
pub struct Checked {
    pub json: Value,
    pub page: String,
    tables: Vec<(String, Vec<String>, Vec<Vec<String>>)>,
    figures: Vec<String>,
}

impl Checked {
    pub fn read(folder: &Path) -> Checked {
        let json: Value = serde_json::from_slice(&fs::read(folder.join("results.json")).unwrap()).unwrap();
        let page = fs::read_to_string(folder.join("index.html")).unwrap();
        well_formed(&page);
        let items = json["sections"].as_array().unwrap().iter();
        let items: Vec<&Value> = items.flat_map(|section| section["items"].as_array().unwrap()).collect();
        let of = |kind: &str| {
            items
                .iter()
                .filter(move |item| item["item"] == kind)
                .copied()
                .collect::<Vec<_>>()
        };
        let tables: Vec<_> = of("table")
            .into_iter()
            .map(|table| same_in_csv(folder, table))
            .collect();
        let mut figures: Vec<String> = Vec::new();
        for chart in of("chart") {
            let name = chart["name"].as_str().unwrap();
            let path = folder.join("figures").join(name);
            let svg = fs::read_to_string(path.with_extension("svg")).unwrap();
            roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert!(!svg.contains("no data"), "{name} shows nothing");
            let png = image::open(path.with_extension("png")).unwrap();
            assert_eq!((png.width(), png.height()), (1520, 960));
            figures.push(name.to_owned());
        }
        figures.sort();
        let files = |name: &str| fs::read_dir(folder.join(name)).unwrap().count();
        assert_eq!(
            (files("tables"), files("figures")),
            (tables.len(), 2 * figures.len()),
            "nothing else is there"
        );
        assert!(!json["result"].is_null());
        Checked {
            json,
            page,
            tables,
            figures,
        }
    }

    /// The names of the charts, sorted.
    pub fn figures(&self) -> &[String] {
        &self.figures
    }

    fn table(&self, name: &str) -> &(String, Vec<String>, Vec<Vec<String>>) {
        let found = self.tables.iter().find(|table| table.0 == name);
        found.unwrap_or_else(|| panic!("no table {name}"))
    }

    pub fn rows(&self, table: &str) -> usize {
        self.table(table).2.len()
    }

    pub fn headings(&self, table: &str) -> &[String] {
        &self.table(table).1
    }

    /// The numbers of a column of a CSV file.
    pub fn column(&self, table: &str, heading: &str) -> Vec<f64> {
        let (_, headings, rows) = self.table(table);
        let at = headings.iter().position(|known| known == heading);
        let at = at.unwrap_or_else(|| panic!("{heading:?} is not in {headings:?}"));
        rows.iter().map(|row| row[at].parse().unwrap()).collect()
    }
}

/// A table's CSV file, whose cells must be those of the JSON.
fn same_in_csv(folder: &Path, table: &Value) -> (String, Vec<String>, Vec<Vec<String>>) {
    let name = table["name"].as_str().unwrap().to_owned();
    let mut csv = csv::Reader::from_path(folder.join("tables").join(format!("{name}.csv"))).unwrap();
    let headings: Vec<String> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = csv
        .records()
        .map(|record| record.unwrap().iter().map(str::to_owned).collect())
        .collect();
    let expected = table["rows"].as_array().unwrap();
    assert_eq!(rows.len(), expected.len(), "{name}");
    for (row, cells) in rows.iter().zip(expected) {
        let mut at = row.iter();
        for (column, cell) in table["columns"]
            .as_array()
            .unwrap()
            .iter()
            .zip(cells.as_array().unwrap())
        {
            let values = match column["kind"].as_str().unwrap() {
                "interval" if cell.is_object() => ["value", "low", "high"].map(|part| cell[part].clone()).to_vec(),
                "interval" => vec![cell.clone(), Value::Null, Value::Null],
                _ => vec![cell.clone()],
            };
            for value in values {
                let text = at.next().unwrap();
                match value {
                    Value::Null => assert_eq!(text, "", "{name}"),
                    Value::String(words) => assert_eq!(*text, words, "{name}"),
                    number => assert_eq!(text.parse::<f64>().ok(), number.as_f64(), "{name}"),
                }
            }
        }
        assert!(at.next().is_none(), "{name}");
    }
    (name, headings, rows)
}

/// The page must be well-formed, run nothing and fetch nothing.
fn well_formed(page: &str) {
    let mut xml = page.strip_prefix("<!DOCTYPE html>").unwrap().to_owned();
    // HTML's elements without an end.
    for name in ["<meta ", "<img "] {
        let mut parts = xml.split(name);
        let mut closed = parts.next().unwrap().to_owned();
        for part in parts {
            let (inside, rest) = part.split_once('>').unwrap();
            closed += &format!("{name}{inside}/>{rest}");
        }
        xml = closed;
    }
    let options = roxmltree::ParsingOptions {
        nodes_limit: u32::MAX,
        ..Default::default()
    };
    let document = roxmltree::Document::parse_with_options(&xml, options).unwrap();
    for node in document.descendants().filter(|node| node.is_element()) {
        assert_ne!(node.tag_name().name(), "script");
        assert!(node.attribute("src").is_none_or(|source| source.starts_with("data:")));
    }
}
