use super::*;
use crate::drawing::Lettering;

/// A chart with every shape.
pub(crate) fn full() -> Chart {
    let mut chart = Chart::new(
        "full",
        "A title with <angle brackets> & \"quotes\"",
        Axis::linear("cosine"),
        Axis::linear("share of pairs (%)").percent(),
    );
    chart.add(
        "genuine",
        Shape::Histogram {
            edges: vec![0.0, 0.1, 0.2, 0.3],
            heights: vec![0.1, 0.5, 0.4],
        },
    );
    chart.add(
        "band",
        Shape::Band {
            points: vec![(0.0, 0.1, 0.2), (0.1, f64::NAN, 0.3), (0.3, 0.2, 0.4)],
        },
    );
    for (label, dashed) in [("band", false), ("dashed", true)] {
        chart.add(
            label,
            Shape::Line {
                points: vec![(0.0, 0.15), (0.1, 0.2), (f64::INFINITY, 0.0), (0.3, 0.3)],
                dashed,
            },
        );
    }
    chart.add(
        "dots",
        Shape::Points {
            points: vec![(0.05, 0.4), (0.25, 0.45)],
        },
    );
    chart.add("threshold & more", Shape::Mark { x: 0.15 });
    chart
}

#[test]
fn the_svg_is_well_formed_and_holds_every_shape() {
    let svg = full().svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    let root = document.root_element();
    assert_eq!(root.attribute("viewBox"), Some("0 0 3040 1920"));
    assert_eq!(root.attribute("role"), Some("img"));
    let count = |name: &str| {
        document
            .descendants()
            .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", name)))
            .count()
    };
    // The histogram, the band and the samples of both in the legend.
    assert!(count("polygon") >= 3, "{svg}");
    assert_eq!(count("circle"), 3, "two dots and one in the legend");
    let words: Vec<&str> = document
        .descendants()
        .filter_map(|node| node.text())
        .map(str::trim)
        .collect();
    for expected in [
        "A title with <angle brackets> & \"quotes\"",
        "threshold & more",
        "cosine",
        "genuine",
    ] {
        assert!(words.contains(&expected), "{expected} is not in {words:?}");
    }
    assert!(!svg.contains("NaN") && !svg.contains("inf"));
}

#[test]
fn the_png_is_a_picture_with_the_colours_of_the_series() {
    let picture = image::load_from_memory(&full().png().unwrap()).unwrap().to_rgb8();
    assert_eq!(picture.dimensions(), (1520, 960));
    let has = |rgb: [u8; 3]| picture.pixels().any(|pixel| pixel.0 == rgb);
    assert!(has([0x00, 0x67, 0xB1]) && has([0xD1, 0x49, 0x0C]) && has([0xA4, 0x3E, 0x8C]));
}

#[test]
fn a_chart_without_data_says_so() {
    let mut chart = Chart::new("empty", "Nothing", Axis::log("x"), Axis::log("y"));
    assert!(chart.svg().unwrap().contains("no data"));
    chart.add(
        "zero",
        Shape::Line {
            points: vec![(0.0, 0.0), (f64::NAN, 1.0)],
            dashed: false,
        },
    );
    assert!(chart.svg().unwrap().contains("no data"));
    chart.png().unwrap();
}

#[test]
fn lines_end_at_the_frame() {
    let mut chart = Chart::new(
        "clipped",
        "Clipped",
        Axis::log("x").range(1e-4, 1e-1),
        Axis::log("y").range(1e-3, 1.0),
    );
    chart.add(
        "curve",
        Shape::Line {
            points: vec![(1e-9, 0.9), (1e-3, 0.1), (1.0, 0.0)],
            dashed: false,
        },
    );
    let svg = chart.svg().unwrap();
    let document = roxmltree::Document::parse(&svg).unwrap();
    for line in document.descendants().filter_map(|node| node.attribute("points")) {
        for number in line.split([' ', ',']).filter(|text| !text.is_empty()) {
            assert!((0..=3040).contains(&number.parse::<i32>().unwrap()), "{line}");
        }
    }
}

/// A chart whose words are all `words`.
fn named(words: &str) -> Chart {
    let mut chart = Chart::new("named", words, Axis::linear(words), Axis::linear(words));
    let points = vec![(0.0, 0.0), (1.0, 1.0)];
    chart.add(words, Shape::Line { points, dashed: false });
    chart
}

#[test]
fn names_of_any_script_are_drawn() {
    let mut seen: Vec<(&str, image::RgbImage)> = Vec::new();
    for name in [
        "王小明",
        "陳大文",
        "さくら",
        "カメラ",
        "김철수",
        "محمد",
        "יוסי",
        "สมชาย",
        "राजेश",
        "Иван",
        "🎉",
    ] {
        let chart = named(name);
        let picture = chart.picture(Lettering::shared()).unwrap();
        // Boxes for letters would be the same for each name of as many.
        for (other, there) in &seen {
            assert_ne!(&picture, there, "{name} and {other}");
        }
        seen.push((name, picture));
        let svg = chart.svg().unwrap();
        assert_eq!(
            svg.matches(name).count(),
            5,
            "the title twice, both axes and the legend: {svg}"
        );
    }
}

#[test]
fn no_name_breaks_a_chart() {
    let long = |letter: &str| format!("{}ending", letter.repeat(4096));
    for name in [
        "\u{0}\u{1}\n\u{1B}[0m\u{FFFF}".to_owned(),
        "a\u{202E}b".to_owned(),
        "]]><!-- & \u{FEFF}".to_owned(),
        String::new(),
        long("x"),
        long("长"),
        long("long words "),
        long("e\u{301}\u{302}"),
        long("\u{202E}"),
    ] {
        let chart = named(&name);
        let svg = chart.svg().unwrap();
        let document = roxmltree::Document::parse(&svg).unwrap_or_else(|error| panic!("{error}: {svg}"));
        let controls = |character: char| character != '\n' && (character.is_control() || character == '\u{202E}');
        assert!(!svg.contains(controls), "{svg}");
        let texts = document
            .descendants()
            .filter(|node| node.has_tag_name(("http://www.w3.org/2000/svg", "text")));
        let words: Vec<&str> = texts.filter_map(|node| node.text()).collect();
        if name.ends_with("ending") {
            // The legend and both axes; the title goes over lines.
            let kept = words
                .iter()
                .filter(|words| words.contains('…') && words.ends_with("ending"))
                .count();
            assert_eq!(kept, 4, "{words:?}");
        }
        // Nothing but the background at the right edge: all words fit.
        let picture = chart.picture(Lettering::shared()).unwrap();
        for y in 0..picture.height() {
            assert_eq!(picture.get_pixel(picture.width() - 12, y).0, [255; 3], "{words:?}");
        }
    }
}
