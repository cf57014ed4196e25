//! The page of a report: one file, complete in itself, without scripts.

use super::{Cell, Chart, Column, Face, Gallery, Item, Pair, Report, Section, Table, chart};
use crate::drawing::visible_markup;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use qmagface::error::Result;

const STYLE: &str = include_str!("style.css");

/// The whole page.
pub fn page(report: &Report) -> Result<String> {
    let sections = report
        .sections
        .iter()
        .enumerate()
        .map(|(index, part)| section(index, part));
    let sections: Vec<Markup> = sections.collect::<Result<_>>()?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // Names and figures come from files: nothing in the page may run or be fetched.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (report.title) }
                style { (PreEscaped(chart::css())) (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        h1 { (report.title) }
                        p.summary { (report.summary) }
                        p.date { (report.date) }
                    }
                    @if !report.highlights.is_empty() { (highlights(report)) }
                    @if report.sections.len() > 2 { (contents(report)) }
                    @for section in &sections { (section) }
                    footer {
                        p {
                            "Made by qmagface " (env!("CARGO_PKG_VERSION")) ". Beside this page lie the figures for "
                            "programs, " a href="results.json" { "results.json" } " and "
                            a href="tables/" { "tables/" }
                            @if report.charts().next().is_some() { ", and the charts as SVG and PNG, " a href="figures/" { "figures/" } }
                            "."
                        }
                    }
                }
            }
        }
    };
    // A name in it may hold characters that turn or hide what stands behind them.
    Ok(visible_markup(&page.into_string()))
}

fn highlights(report: &Report) -> Markup {
    html! {
        dl.highlights {
            @for highlight in &report.highlights {
                div {
                    dt { (highlight.label) }
                    dd {
                        span.value { (highlight.value) }
                        @if let Some(note) = &highlight.note { span.note { (note) } }
                    }
                }
            }
        }
    }
}

fn contents(report: &Report) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                @for (index, section) in report.sections.iter().enumerate() {
                    li { a href=(format!("#s{}", index + 1)) { (section.title) } }
                }
            }
        }
    }
}

fn section(index: usize, section: &Section) -> Result<Markup> {
    let items: Vec<Markup> = section.items.iter().map(item).collect::<Result<_>>()?;
    Ok(html! {
        section id=(format!("s{}", index + 1)) {
            h2 { (section.title) }
            @for item in &items { (item) }
        }
    })
}

fn item(item: &Item) -> Result<Markup> {
    Ok(match item {
        Item::Paragraph { text } => html! { p { (text) } },
        Item::Warning { text } => html! { p.warning role="note" { strong { "Note: " } (text) } },
        Item::Table(table) => self::table(table),
        Item::Chart(chart) => figure(chart)?,
        Item::Gallery(gallery) => self::gallery(gallery),
        Item::Settings { entries } => html! {
            dl.settings {
                @for (name, value) in entries { div { dt { (name) } dd { (value) } } }
            }
        },
    })
}

fn table(table: &Table) -> Markup {
    html! {
        // Reached with the keyboard where it is wider than the screen.
        div.table tabindex="0" role="region" aria-label=(table.title) {
            table {
                caption { (table.title) }
                thead {
                    tr {
                        @for column in &table.columns {
                            th scope="col" class=[column.is_numeric().then_some("number")] { (column.heading()) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr { @for (column, cell) in table.columns.iter().zip(row) { (self::cell(column, cell)) } }
                    }
                }
            }
        }
        p.note {
            @if let Some(note) = &table.note { (note) " " }
            a href=(format!("tables/{}.csv", table.name)) { (table.name) ".csv" }
        }
    }
}

fn cell(column: &Column, cell: &Cell) -> Markup {
    let class = column.is_numeric().then_some("number");
    html! {
        td class=[class] {
            @match cell {
                Cell::Text(words) => (words),
                Cell::Number(value) => (column.display(*value)),
                Cell::Missing => span.missing { "–" },
                Cell::Interval { value, low, high } => {
                    (column.display(*value)) " "
                    span.interval { "[" (column.display(*low)) ", " (column.display(*high)) "]" }
                },
            }
        }
    }
}

fn figure(chart: &Chart) -> Result<Markup> {
    let svg = chart.svg()?;
    Ok(html! {
        figure {
            // Scrolled on a narrow screen: smaller, its words couldn't be read.
            div.picture tabindex="0" { (PreEscaped(svg)) }
            figcaption {
                @if let Some(note) = &chart.note { (note) " " }
                a href=(format!("figures/{}.svg", chart.name)) { "SVG" } " "
                a href=(format!("figures/{}.png", chart.name)) { "PNG" }
            }
        }
    })
}

fn gallery(gallery: &Gallery) -> Markup {
    html! {
        h3 { (gallery.title) }
        @if let Some(note) = &gallery.note { p { (note) } }
        ol.pairs { @for pair in &gallery.pairs { li { (self::pair(pair)) } } }
    }
}

fn pair(pair: &Pair) -> Markup {
    html! {
        div.faces { @for face in &pair.faces { (self::face(face)) } }
        p.scores {
            @if let Some(score) = pair.score { "score " strong { (number(score, 3)) } " · " }
            "cosine " strong { (number(pair.cosine, 3)) }
        }
    }
}

fn face(face: &Face) -> Markup {
    html! {
        div.face {
            @match &face.chip_png {
                Some(png) => img width="112" height="112" alt=(face.name)
                    src=(format!("data:image/png;base64,{}", STANDARD.encode(png)));,
                None => div.chip aria-hidden="true" {},
            }
            span.name title=(face.name) { (face.name) }
            span.quality { "quality " (number(face.quality, 2)) }
        }
    }
}

fn number(value: f64, decimals: u8) -> String {
    Column::number("", decimals).display(value)
}
