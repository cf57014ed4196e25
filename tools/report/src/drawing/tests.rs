//! Words in every script, and in none.

use super::fonts::{EMBEDDED, Lettering};
use super::line::{Line, measure};
use super::{Sheet, Typeface, visible};
use image::{Rgb, RgbImage};
use resvg::usvg::fontdb::Database;

const SIZE: f32 = 20.0;
const WHITE: Rgb<u8> = Rgb([255; 3]);

/// Names in the scripts that the fonts of the program or those that the set-up installs have.
const NAMES: [(&str, &str); 16] = [
    ("Chinese, simplified", "王小明的照片.jpg"),
    ("Chinese, traditional", "陳大文與護照.jpg"),
    ("Japanese", "田中さくら_カメラ.jpg"),
    ("Korean", "김철수 여권사진.jpg"),
    ("Korean, as a Mac writes it", "\u{1100}\u{1175}\u{11B7}.jpg"),
    ("Arabic", "محمد علي.jpg"),
    ("Persian", "می\u{200C}خواهم.jpg"),
    ("Hebrew", "יוסי כהן.jpg"),
    ("Thai", "สมชาย ใจดี.jpg"),
    ("Hindi", "राजेश कुमार.jpg"),
    ("Russian", "Иван Петров.jpg"),
    ("Greek", "Γιώργος.jpg"),
    ("Vietnamese", "Nguyễn Thị Hồng Ánh.jpg"),
    ("Armenian", "Արամ.jpg"),
    ("emoji", "party 🎉👩\u{200D}🚀❤\u{FE0F} 1\u{FE0F}\u{20E3}.jpg"),
    ("many", "Müller 田中 محمد สมชาย राजेश Иван 🎉 fi.jpg"),
];

/// Words drawn on white, as high as a line.
fn drawn(lettering: &Lettering, line: &Line) -> RgbImage {
    let mut picture = RgbImage::from_pixel(line.width().ceil() as u32 + 20, 40, WHITE);
    let mut sheet = Sheet::new(lettering);
    sheet.words(line, (10.0, 27.0), [0, 0, 0]);
    sheet.draw(&mut picture, 1.0).unwrap();
    picture
}

fn ink(picture: &RgbImage) -> u32 {
    picture.pixels().map(|pixel| u32::from(255 - pixel.0[1])).sum::<u32>() / 255
}

fn without_fonts() -> Lettering {
    Lettering::new(EMBEDDED, |_| {})
}

#[test]
fn every_script_is_drawn_in_letters_of_its_own() {
    let lettering = Lettering::shared();
    for typeface in [Typeface::Monospaced, Typeface::Sans] {
        for (what, name) in NAMES {
            let line = lettering.line(name, typeface, SIZE);
            let text: String = line.runs.iter().map(|run| run.text.as_str()).collect();
            assert!(
                !text.contains("U+"),
                "{what}: {text}; the set-up (`make setup`) installs fonts for the tests"
            );
            for run in &line.runs {
                let width = measure(&lettering.fonts(), &run.text, run.face, run.right_to_left);
                assert!(
                    width.is_some_and(|width| width > 0.0),
                    "{what}: a box in {:?}",
                    run.text
                );
            }
            let picture = drawn(lettering, &line);
            assert!(
                ink(&picture) > 20 * name.chars().count() as u32 / 2,
                "{what}: {}",
                ink(&picture)
            );
        }
    }
}

#[test]
fn other_letters_give_other_pixels() {
    let lettering = Lettering::shared();
    let mut seen: Vec<(&str, RgbImage)> = Vec::new();
    // One letter each, as wide as each other: boxes would be the same.
    for letter in [
        "田", "中", "明", "さ", "ク", "김", "철", "ص", "ط", "א", "ש", "ก", "ค", "क", "ख", "Ж", "Ω",
    ] {
        let picture = drawn(lettering, &lettering.line(letter, Typeface::Monospaced, SIZE));
        for (other, there) in &seen {
            assert_ne!(&picture, there, "{letter} and {other}");
        }
        seen.push((letter, picture));
    }
}

#[test]
fn what_is_drawn_is_as_wide_as_was_measured() {
    let lettering = Lettering::shared();
    for (what, name) in NAMES {
        let line = lettering.line(name, Typeface::Monospaced, SIZE);
        let picture = drawn(lettering, &line);
        let inked = |x: &u32| (0..picture.height()).any(|y| *picture.get_pixel(*x, y) != WHITE);
        let (first, last) = ((0..picture.width()).find(inked), (0..picture.width()).rfind(inked));
        let (first, last) = (first.unwrap() as f32 - 10.0, last.unwrap() as f32 - 10.0);
        assert!((-3.0..6.0).contains(&first), "{what} begins at {first}");
        assert!(
            (line.width() - 6.0..line.width() + 3.0).contains(&last),
            "{what} ends at {last}, {}",
            line.width()
        );
    }
}

#[test]
fn arabic_letters_join() {
    let lettering = Lettering::shared();
    let width = |words: &str| lettering.line(words, Typeface::Monospaced, SIZE).width();
    // At the beginning of a word a letter is narrower than alone.
    assert!(width("بب") < 1.9 * width("ب"), "{} and {}", width("بب"), width("ب"));
    // Lam and alef make one letter.
    assert!(width("لا") < 0.8 * (width("ل") + width("ا")));
}

#[test]
fn directions_are_kept_apart() {
    let lettering = Lettering::shared();
    let line = lettering.line("abc שלום 123 עולם.jpg", Typeface::Monospaced, SIZE);
    let texts: Vec<(&str, bool)> = line
        .runs
        .iter()
        .map(|run| (run.text.trim(), run.right_to_left))
        .collect();
    let at = |text: &str| {
        texts
            .iter()
            .position(|(run, _)| *run == text)
            .unwrap_or_else(|| panic!("{text}: {texts:?}"))
    };
    // From left to right: the sentence's end stands left of its beginning.
    assert!(at("abc") < at("עולם") && at("עולם") < at("123") && at("123") < at("שלום") && at("שלום") < at(".jpg"));
    assert_eq!((texts[at("שלום")].1, texts[at("123")].1), (true, false));
    let mut right = 0.0;
    for run in &line.runs {
        assert!(run.x >= right);
        right = run.x;
    }
    // A name can't turn what stands behind it.
    let turned = lettering.line("a\u{202E}gpj.exe", Typeface::Monospaced, SIZE);
    let written = lettering.line("a[U+202E]gpj.exe", Typeface::Monospaced, SIZE);
    assert_eq!(drawn(lettering, &turned), drawn(lettering, &written));
}

#[test]
fn words_of_the_programs_own_fonts_need_no_others() {
    let lettering = Lettering::new(EMBEDDED, |_| panic!("the system's fonts were loaded"));
    for words in [
        "quality 13.01 (84 of 100)",
        "Müller, Иван & Γιώργος → −1e−3 ≥ ∞ …",
        "🎉 ❤\u{FE0F} ☺ 1\u{FE0F}\u{20E3}",
    ] {
        for typeface in [Typeface::Monospaced, Typeface::Sans] {
            let line = lettering.line(words, typeface, SIZE);
            assert!(!line.runs.iter().any(|run| run.text.contains("U+")), "{words}");
        }
    }
}

#[test]
fn a_letter_without_a_font_is_written_as_its_code_point() {
    let lettering = without_fonts();
    let text = |words: &str| -> String {
        let line = lettering.line(words, Typeface::Monospaced, SIZE);
        line.runs.iter().map(|run| run.text.as_str()).collect()
    };
    assert_eq!(text("田中.jpg"), "[U+7530 U+4E2D].jpg");
    assert_eq!(text("a田b中"), "a[U+7530]b[U+4E2D]");
    // The letter is there, its mark isn't.
    assert_eq!(text("a\u{1AB0}b"), "a[U+1AB0]b");
    // No script has it.
    assert_eq!(text("\u{10FFFD}\u{378}"), "[U+10FFFD U+0378]");
    let picture = drawn(&lettering, &lettering.line("田", Typeface::Monospaced, SIZE));
    assert_eq!(
        picture,
        drawn(&lettering, &lettering.line("[U+7530]", Typeface::Monospaced, SIZE))
    );
    // As text it is whole.
    assert_eq!(
        lettering.line("田中.jpg", Typeface::Monospaced, SIZE).words(),
        "田中.jpg"
    );
}

/// Hack without its outlines, and with a picture for each glyph if there is one: colour emoji are fonts of that kind.
fn without_outlines(picture: Option<&[u8]>) -> &'static [u8] {
    let font = epaint_default_fonts::HACK_REGULAR;
    let number = |at: usize| u32::from_be_bytes(font[at..at + 4].try_into().unwrap()) as usize;
    let half = |at: usize| usize::from(u16::from_be_bytes([font[at], font[at + 1]]));
    let mut tables: Vec<([u8; 4], Vec<u8>)> = (0..half(4))
        .map(|index| 12 + 16 * index)
        .map(|at| {
            let (begin, length) = (number(at + 8), number(at + 12));
            (
                font[at..at + 4].try_into().unwrap(),
                font[begin..begin + length].to_vec(),
            )
        })
        .collect();
    let (_, places) = tables.iter_mut().find(|(tag, _)| tag == b"loca").unwrap();
    places.fill(0);
    if let Some(picture) = picture {
        // One strike of 64 pixels for the em: version, flags, count and place; then its own head, and places of glyphs.
        let (_, most) = tables.iter().find(|(tag, _)| tag == b"maxp").unwrap();
        let glyphs = u32::from(u16::from_be_bytes([most[4], most[5]]));
        let mut strikes: Vec<u8> = [[0, 1, 0, 1], [0, 0, 0, 1], [0, 0, 0, 12], [0, 64, 0, 72]].concat();
        let each = 8 + picture.len() as u32;
        for glyph in 0..=glyphs {
            strikes.extend((4 + 4 * (glyphs + 1) + each * glyph).to_be_bytes());
        }
        for _ in 0..glyphs {
            strikes.extend([0, 0, 0, 0]);
            strikes.extend(b"png ");
            strikes.extend(picture);
        }
        tables.push((*b"sbix", strikes));
    }
    tables.sort();
    let mut whole = font[..4].to_vec();
    whole.extend((tables.len() as u16).to_be_bytes());
    whole.extend([0; 6]);
    let mut begin = 12 + 16 * tables.len();
    for (tag, table) in &tables {
        whole.extend(tag);
        whole.extend([0; 4]);
        whole.extend((begin as u32).to_be_bytes());
        whole.extend((table.len() as u32).to_be_bytes());
        begin += table.len().next_multiple_of(4);
    }
    for (_, mut table) in tables {
        table.resize(table.len().next_multiple_of(4), 0);
        whole.extend(table);
    }
    whole.leak()
}

#[test]
fn letters_that_are_pictures_are_drawn() {
    let mut picture = Vec::new();
    let red = RgbImage::from_pixel(64, 64, Rgb([200, 10, 20]));
    red.write_to(&mut std::io::Cursor::new(&mut picture), image::ImageFormat::Png)
        .unwrap();
    let lettering = Lettering::new([without_outlines(Some(&picture)); 3], |_| {});
    let drawn = drawn(&lettering, &lettering.line("A", Typeface::Monospaced, SIZE));
    assert!(drawn.pixels().any(|pixel| pixel.0 == [200, 10, 20]));
    // As a font of the system it is taken for what it shows, and not where it shows nothing.
    let fonts = lettering.fonts();
    assert_eq!(fonts.has(fonts.faces[0], &["A", " ", "田"], true), [true, true, false]);
    let blank = Lettering::new([without_outlines(None); 3], |_| {});
    let fonts = blank.fonts();
    assert_eq!(fonts.has(fonts.faces[0], &["A", " "], true), [false, true]);
    assert_eq!(fonts.has(fonts.faces[0], &["A", " "], false), [true, true]);
}

#[test]
fn fonts_that_draw_a_box_for_everything_are_passed_over() {
    let lettering = Lettering::new(EMBEDDED, |database| {
        for family in ["Last Resort", "Adobe Blank"] {
            let mut face = database.faces().next().unwrap().clone();
            for (name, _) in &mut face.families {
                *name = family.to_owned();
            }
            face.source = resvg::usvg::fontdb::Source::File("tests/no-such-font.ttf".into());
            database.push_face_info(face);
        }
        Database::load_system_fonts(database);
    });
    let line = lettering.line("田中", Typeface::Monospaced, SIZE);
    assert!(!line.runs[0].text.contains("U+"));
    // A file that is gone is no reason to fail.
    assert!(
        lettering
            .fonts()
            .database
            .faces()
            .any(|face| face.families[0].0 == "Adobe Blank")
    );
}

#[test]
fn long_names_keep_their_beginning_and_their_ending() {
    let lettering = Lettering::shared();
    for name in [
        format!("beginning{}ending.jpg", "x".repeat(4096)),
        format!("王小明{}照片.jpg", "长".repeat(4096)),
        format!("محمد{}.jpg", "ع".repeat(4096)),
        format!("a{}z.jpg", "\u{202E}\u{0}".repeat(2048)),
        format!("a{}z.jpg", "\u{301}".repeat(4096)),
        "👩\u{200D}🚀".repeat(1000) + ".jpg",
    ] {
        for width in [60.0, 200.0, 640.0] {
            let line = lettering.line_within(&name, Typeface::Monospaced, SIZE, width);
            assert!(line.width() <= width, "{} > {width}: {}", line.width(), line.words());
            let (first, last) = line.words().split_once('…').unwrap();
            let whole = visible(&name);
            assert!(whole.starts_with(first) && whole.ends_with(last), "{}", line.words());
            assert!(
                width < 100.0 || (!first.is_empty() && last.ends_with(".jpg")),
                "{}",
                line.words()
            );
            // No more was left out than had to be.
            assert!(
                width < 100.0 || line.width() > width - 60.0,
                "{} of {width}: {}",
                line.width(),
                line.words()
            );
        }
        assert!(lettering.line(&name, Typeface::Sans, SIZE).words().chars().count() < 8000);
    }
    let short = lettering.line_within("short.jpg", Typeface::Monospaced, SIZE, 640.0);
    assert_eq!(short.words(), "short.jpg");
    // Where not even the ellipsis fits, it is all there is.
    assert_eq!(
        lettering
            .line_within("short.jpg", Typeface::Monospaced, SIZE, 1.0)
            .words(),
        "…"
    );
}

#[test]
fn lines_break_between_words_and_else_between_letters() {
    let lettering = Lettering::shared();
    let lines = |words: &str, most: usize| -> Vec<String> {
        let lines = lettering.lines_within(words, Typeface::Sans, SIZE, 200.0, most);
        assert!(lines.iter().all(|line| line.width() <= 200.0));
        lines.iter().map(|line| line.words().to_owned()).collect()
    };
    assert_eq!(lines("", 3), [""; 0]);
    assert_eq!(lines("  one line ", 3), ["one line"]);
    let broken = lines("Scores of genuine and impostor pairs of people", 3);
    assert_eq!(broken.join(" "), "Scores of genuine and impostor pairs of people");
    assert!(broken.len() >= 2, "{broken:?}");
    // Ten letters of 20 pixels a line.
    let broken = lines("王小明的照片王小明的照片王小明的照片", 3);
    assert_eq!(broken.concat(), "王小明的照片王小明的照片王小明的照片");
    assert_eq!(broken[0].chars().count(), 10, "{broken:?}");
    let cut = lines(&"word ".repeat(100), 3);
    assert_eq!(cut.len(), 3);
    assert!(cut[2].contains('…'), "{cut:?}");
    assert_eq!(lines("many words on one line only", 1).len(), 1);
}

#[test]
fn shapes_are_exact_and_leave_the_rest_alone() {
    let mut picture = RgbImage::from_fn(60, 40, |x, y| Rgb([x as u8, y as u8, 99]));
    let before = picture.clone();
    let lettering = without_fonts();
    let mut sheet = Sheet::new(&lettering);
    sheet.frame((10.0, 10.0), (20.0, 15.0), 2.0, [0, 170, 80]);
    sheet.dot((45.5, 20.5), 3.5, [230, 30, 60]);
    sheet.filled((50.0, 35.0), (50.0, 50.0), [1, 2, 3]);
    sheet.draw(&mut picture, 1.0).unwrap();
    for (x, y, pixel) in picture.enumerate_pixels() {
        let outer = (9..31).contains(&x) && (9..26).contains(&y);
        let inner = (11..29).contains(&x) && (11..24).contains(&y);
        if outer && !inner {
            assert_eq!(pixel.0, [0, 170, 80], "{x}, {y}");
        } else if x >= 50 && y >= 35 {
            assert_eq!(pixel.0, [1, 2, 3], "{x}, {y}");
        } else if !((41..50).contains(&x) && (16..25).contains(&y)) {
            assert_eq!(pixel, before.get_pixel(x, y), "{x}, {y}");
        }
    }
    assert_eq!(picture.get_pixel(45, 20).0, [230, 30, 60]);
}

#[test]
fn words_may_hold_anything() {
    let lettering = Lettering::shared();
    for words in [
        "",
        " ",
        "<&>\"'",
        "]]>",
        "\u{FFFD}",
        "&#0;",
        "\u{301}",
        "\u{3000}",
        "\u{10FFFF}",
    ] {
        drawn(lettering, &lettering.line(words, Typeface::Sans, SIZE));
    }
    let (one, other) = (
        lettering.line("<b>", Typeface::Sans, SIZE),
        lettering.line("&lt;b>", Typeface::Sans, SIZE),
    );
    assert_ne!(drawn(lettering, &one), drawn(lettering, &other));
}
