use super::*;
use qmagface::error::ErrorKind;
use std::fs;

const HOSTILE: &str = "<script>alert('x')</script> & \"more\"";

fn report() -> Report {
    let mut table = Table::new(
        "accuracy",
        format!("Accuracy of {HOSTILE}"),
        vec![
            Column::text("set, with a comma"),
            Column::interval("accuracy", 2).unit("%"),
            Column::number("pairs", 0),
        ],
    )
    .with_note("10 folds");
    let interval = Cell::Interval {
        value: 99.516_666_666_666_67,
        low: 99.3,
        high: 99.7,
    };
    table.row(vec![Cell::text("lfw"), interval, Cell::count(6000)]);
    table.row(vec![Cell::text(HOSTILE), Cell::Missing, Cell::Number(f64::NAN)]);
    let png = vec![0x89, b'P', b'N', b'G'];
    let face = |chip_png| Face {
        name: HOSTILE.to_owned(),
        quality: 12.345,
        chip_png,
    };
    let gallery = Gallery {
        title: "Worst pairs".to_owned(),
        note: None,
        pairs: vec![Pair {
            faces: [face(Some(png)), face(None)],
            cosine: -0.25,
            score: Some(-0.5),
        }],
    };
    Report {
        title: HOSTILE.to_owned(),
        summary: HOSTILE.to_owned(),
        date: "2026-01-02".to_owned(),
        highlights: vec![Highlight {
            label: "accuracy".to_owned(),
            value: "99.52 %".to_owned(),
            note: Some(HOSTILE.to_owned()),
        }],
        sections: vec![
            Section::new(HOSTILE)
                .with_text(HOSTILE)
                .with(Item::Warning {
                    text: HOSTILE.to_owned(),
                })
                .with(table),
            Section::new("Pictures").with(chart_()).with(gallery),
            Section::new("Settings").with(Item::Settings {
                entries: vec![(HOSTILE.to_owned(), HOSTILE.to_owned())],
            }),
        ],
        result: serde_json::json!({"accuracy": 0.995}),
    }
}

fn chart_() -> Chart {
    let mut chart = Chart::new("det", HOSTILE, Axis::log("FMR"), Axis::log("FNMR (%)").percent()).with_note(HOSTILE);
    chart.add(
        HOSTILE,
        Shape::Line {
            points: vec![(1e-4, 0.02), (1e-2, 0.004)],
            dashed: false,
        },
    );
    chart
}

/// The page as XML: HTML's void elements closed.
fn as_xml(page: &str) -> String {
    let mut xml = page.strip_prefix("<!DOCTYPE html>").unwrap().to_owned();
    for name in ["meta", "img"] {
        let begin = format!("<{name} ");
        let mut parts = xml.split(begin.as_str());
        let mut closed = parts.next().unwrap().to_owned();
        for part in parts {
            let end = part.find('>').unwrap();
            closed += &format!("<{name} {}/>{}", &part[..end], &part[end + 1..]);
        }
        xml = closed;
    }
    xml
}

#[test]
fn the_page_is_well_formed_and_nothing_in_it_runs_or_is_fetched() {
    let page = html::page(&report()).unwrap();
    let xml = as_xml(&page);
    let document = roxmltree::Document::parse(&xml).unwrap_or_else(|error| panic!("{error}\n{page}"));
    let elements: Vec<&str> = document.descendants().map(|node| node.tag_name().name()).collect();
    assert!(!elements.contains(&"script"), "names are text, never markup");
    for expected in ["table", "svg", "img", "dl", "nav"] {
        assert!(elements.contains(&expected), "{expected}");
    }
    for node in document.descendants() {
        if let Some(source) = node.attribute("src") {
            assert!(source.starts_with("data:"), "{source}");
        }
    }
    let heading = document.descendants().find(|node| node.has_tag_name("h1")).unwrap();
    assert_eq!(heading.text(), Some(HOSTILE));
    assert!(
        page.contains("99.52 <span class=\"interval\">[99.30, 99.70]</span>"),
        "rounded where people read"
    );
}

#[test]
fn json_and_csv_have_the_same_figures_at_full_precision() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    report().write(&path).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path.join("results.json")).unwrap()).unwrap();
    assert_eq!(json["result"]["accuracy"], 0.995);
    let table = &json["sections"][0]["items"][2];
    assert_eq!(table["item"], "table");
    let mut csv = csv::Reader::from_path(path.join("tables/accuracy.csv")).unwrap();
    let headings: Vec<_> = csv.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        headings,
        [
            "set, with a comma",
            "accuracy (%)",
            "accuracy (%) low",
            "accuracy (%) high",
            "pairs"
        ]
    );
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    assert_eq!(
        rows[0][1].parse::<f64>().unwrap(),
        table["rows"][0][1]["value"].as_f64().unwrap()
    );
    assert_eq!(rows[0][1].parse::<f64>().unwrap(), 99.516_666_666_666_67);
    assert_eq!(&rows[0][4], "6000");
    assert_eq!([&rows[1][0], &rows[1][1], &rows[1][4]], [HOSTILE, "", ""]);
    assert!(table["rows"][1][2].is_null(), "what is no number is null");
    assert!(path.join("figures/det.svg").exists() && path.join("figures/det.png").exists());
}

#[test]
fn only_a_report_or_nothing_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    fs::create_dir(&path).unwrap();
    report().write(&path).unwrap();
    let newer = Report {
        title: "newer".to_owned(),
        ..report()
    };
    newer.write(&path).unwrap();
    assert!(
        fs::read_to_string(path.join("index.html"))
            .unwrap()
            .contains("<h1>newer</h1>")
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left behind"
    );

    let photos = folder.path().join("photos");
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("results.json"), "{\"mine\": 1}").unwrap();
    for other in [photos.as_path(), &photos.join("results.json")] {
        let error = newer.write(other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("not overwritten"), "{error}");
    }
    assert_eq!(
        fs::read_to_string(photos.join("results.json")).unwrap(),
        "{\"mine\": 1}"
    );
}

#[test]
fn names_that_are_no_file_names_and_ragged_rows_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let with = |change: &dyn Fn(&mut Report)| {
        let mut report = report();
        change(&mut report);
        let error = report.write(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(!path.exists(), "nothing was written");
        error.message().to_owned()
    };
    let named = |name: &str| Item::Table(Table::new(name, "t", vec![Column::text("c")]));
    assert!(with(&|report| report.sections[0].items.push(named("../up"))).contains("\"../up\""));
    assert!(
        with(&|report| report.sections[0].items.push(named("accuracy"))).contains("two tables are called accuracy")
    );
    let ragged = with(&|report| {
        let mut table = Table::new("ragged", "t", vec![Column::text("c")]);
        table.row(vec![Cell::Missing, Cell::Missing]);
        report.sections[0].items.push(table.into());
    });
    assert!(
        ragged.contains("table ragged, row 1: 2 cells for 1 columns"),
        "{ragged}"
    );
}

#[test]
fn a_name_cannot_turn_or_hide_what_stands_behind_it() {
    let mut report = report();
    report.summary = "photo\u{202E}gpj.exe \u{1B}[31m\u{200B}of 田中\u{2069}".to_owned();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    report.write(&path).unwrap();
    let page = fs::read_to_string(path.join("index.html")).unwrap();
    assert!(
        page.contains("photo[U+202E]gpj.exe [U+001B][31m[U+200B]of 田中[U+2069]"),
        "{page}"
    );
    assert!(page.contains('\n'), "lines are kept");
    // What programs read is the name itself.
    let json: serde_json::Value = serde_json::from_slice(&fs::read(path.join("results.json")).unwrap()).unwrap();
    let summary = json.pointer("/summary").or(json.pointer("/report/summary")).unwrap();
    assert_eq!(summary, &report.summary);
}
