//! The command line as a person or a script uses it: every command on real photos, and one wrong input of each kind for
//! each command, with the message it gives.

use crate::common;
use crate::program::{Run, bare, program, qmagface, run, text};
use assert_cmd::Command;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn photo(name: &str) -> String {
    text(&common::photos().join(name)).to_owned()
}

/// Images that are wrong in one way each, with what the message says of them.
struct Wrong {
    folder: TempDir,
}

impl Wrong {
    fn new() -> Wrong {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("text.jpg"), "Dear sir or madam, this is no picture.\n").unwrap();
        let jpeg = fs::read(photo("obama.jpg")).unwrap();
        fs::write(path("truncated.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
        image::RgbImage::from_pixel(1, 1, image::Rgb([9, 9, 9]))
            .save(path("one-pixel.png"))
            .unwrap();
        image::RgbImage::from_pixel(320, 240, image::Rgb([90, 120, 80]))
            .save(path("no-face.png"))
            .unwrap();
        Wrong { folder }
    }

    fn path(&self, name: &str) -> String {
        text(&self.folder.path().join(name)).to_owned()
    }

    /// Those that can't be read, with words of their message.
    fn unreadable(&self) -> Vec<(String, Vec<&'static str>)> {
        vec![
            (
                self.path("missing.jpg"),
                vec!["cannot read", "missing.jpg", "No such file"],
            ),
            (
                self.path("text.jpg"),
                vec!["text.jpg", "not an image this library reads"],
            ),
            (
                self.path("truncated.jpg"),
                vec!["truncated.jpg", "ends before its end-of-image marker"],
            ),
        ]
    }
}

#[test]
fn detect_prints_one_json_line_per_image() {
    let images = [photo("obama.jpg"), photo("biden.jpg")];
    let found = run(&["detect", &images[0], &images[1], "--json"]).ok().json_lines();
    assert_eq!(found.len(), 2);
    for (line, (image, faces)) in found.iter().zip([(&images[0], 1), (&images[1], 1)]) {
        assert_eq!(line["image"], **image);
        assert_eq!(line.as_object().unwrap().keys().collect::<Vec<_>>(), ["image", "faces"]);
        let list = line["faces"].as_array().unwrap();
        assert_eq!(list.len(), faces);
        for face in list {
            assert_eq!(face["box"].as_array().unwrap().len(), 4);
            assert!((0.8..=1.0).contains(&face["score"].as_f64().unwrap()));
            assert_eq!(face["turn"], 0);
            let landmarks = face["landmarks"].as_array().unwrap();
            assert!(landmarks.len() == 5 && landmarks.iter().all(|point| point.as_array().unwrap().len() == 2));
        }
    }
    // MTCNN has a false find there, which is small.
    let mtcnn = |options: &[&str]| {
        let arguments = ["detect", &images[0], "--detector", "mtcnn"];
        run(&[&arguments, options].concat()).ok().out
    };
    assert!(mtcnn(&[]).contains("2 faces"));
    for options in [
        &["--min-face", "200"][..],
        &["--min-score", "0.95"],
        &["--thresholds", "0.6", "0.7", "0.95"],
    ] {
        assert!(mtcnn(options).contains("1 face"), "{options:?}");
    }
}

#[test]
fn a_photo_that_lies_on_its_side_is_turned_where_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let lying = folder.path().join("lying.png");
    let photo = qmagface::image::read(photo("biden.jpg").as_ref(), &Default::default()).unwrap();
    let turned = photo.rotated(qmagface::Rotation::Clockwise90);
    common::rgb(&turned).save(&lying).unwrap();
    let lying = text(&lying);
    run(&["compare", lying, lying]).fails(3, &["no face", "--turned"]);
    let found = run(&["detect", lying, "--turned"]).ok().out;
    assert!(
        found.contains("1 face") && found.contains("turned by 270 degrees"),
        "{found}"
    );
    let line = run(&["detect", lying, "--turned", "--json"])
        .ok()
        .json_lines()
        .remove(0);
    assert_eq!(line["faces"][0]["turn"], 270);
    let upright = run(&["quality", lying, "--rotate", "270"]).ok().out;
    assert!(upright.contains("(1 face)"), "{upright}");
    let quality = run(&["quality", lying, "--turned"]).ok().out;
    assert!(
        quality.contains("(1 face, upright when turned by 270 degrees)"),
        "{quality}"
    );
}

#[test]
fn it_is_said_which_of_several_faces_was_taken() {
    let found = run(&["quality", "--detector", "mtcnn", &photo("obama.jpg")]).ok().out;
    assert!(found.contains("(2 faces, taken 367,81 to 614,413)"), "{found}");
    let line = run(&["quality", "--detector", "mtcnn", &photo("obama.jpg"), "--json"]);
    let line = line.ok().json_lines().remove(0);
    assert_eq!(
        (&line["faces"], line["box"][0].as_f64().unwrap().round()),
        (&2.into(), 367.0)
    );
}

#[test]
fn detect_goes_on_after_a_wrong_image() {
    let wrong = Wrong::new();
    for (path, words) in wrong.unreadable() {
        let good = photo("biden.jpg");
        let done = run(&["detect", &path, &good]);
        assert!(done.out.contains("1 face"), "{}", done.out);
        done.fails(1, &words);
        let lines = Run::of(qmagface().args(["detect", &path, &good, "--json"])).json_lines();
        assert!(lines[0]["error"]["message"].is_string() && lines[1]["faces"].is_array());
    }
    for name in ["one-pixel.png", "no-face.png"] {
        assert_eq!(
            run(&["detect", &wrong.path(name), "--json"]).ok().json_lines()[0]["faces"],
            serde_json::json!([])
        );
        assert!(run(&["detect", &wrong.path(name)]).ok().out.contains("no face"));
    }
}

#[test]
fn options_out_of_range_are_refused_before_the_work() {
    let good = photo("biden.jpg");
    run(&["detect", &good, "--min-face", "3"]).fails(1, &["minimum face 3"]);
    run(&["detect", &good, "--thresholds", "0.6", "7", "0.8"]).fails(1, &["threshold 7"]);
    run(&["detect", &good, "--factor", "1.5"]).fails(1, &["pyramid factor 1.5"]);
    run(&["detect", &good, "--factor", "0.7"]).fails(1, &["yunet has no pyramid factor", "mtcnn"]);
    run(&["detect", &good, "--thresholds", "0.6", "0.7", "0.8"]).fails(1, &["yunet has no thresholds"]);
    run(&["detect", &good, "--min-score", "2"]).fails(1, &["threshold 2"]);
    run(&["detect", &good, "--detector", "sface"]).fails(1, &["sface is no detector", "yunet"]);
    run(&["detect", &good, "--detector", "retina"]).fails(1, &["retina"]);
    run(&["detect", &good, "--threads", "0"]).fails(1, &["thread"]);
    run(&["detect", &good, "--device", "gpu"]).fails(2, &["gpu"]);
    run(&["quality", &good, "--face", "prettiest"]).fails(2, &["prettiest", "largest"]);
    run(&["detect"]).fails(2, &["IMAGE"]);
    bare().assert().code(2);
}

#[test]
fn an_unknown_or_missing_model_says_what_to_do() {
    let good = photo("biden.jpg");
    for command in ["detect", "quality"] {
        run(&[command, &good, "-m", "magicface"]).fails(1, &["magicface", "sface", "magface-iresnet100"]);
    }
    run(&["compare", &good, &good, "-m", "mtcnn"]).fails(1, &["mtcnn is a detector"]);
    run(&["quality", &good, "-m", "./nowhere"]).fails(1, &["nowhere"]);
    let empty = tempfile::tempdir().unwrap();
    let not_installed = |arguments: &[&str]| Run::of(bare().env("QMAGFACE_CACHE", empty.path()).args(arguments));
    not_installed(&["quality", &good]).fails(4, &["qmagface models fetch sface"]);
    not_installed(&["quality", &good, "-m", "magface-iresnet100"]).fails(4, &["models import magface_epoch_00025.pth"]);
}

#[test]
fn the_version_is_the_programs_whatever_its_package_is_called() {
    let version = Run::of(bare().arg("--version")).ok().out;
    assert_eq!(version, format!("qmagface {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_device_that_cannot_be_had_is_named() {
    if qmagface::device::driver().is_ok() {
        return; // then it can be had
    }
    run(&["quality", &photo("biden.jpg"), "--device", "cuda:0"]).fails(5, &["cuda"]);
}

#[test]
fn quality_falls_when_the_face_is_cut_off() {
    let (whole, cut) = (photo("obama.jpg"), photo("obama_partial_face2.jpg"));
    let lines = run(&["quality", &whole, &cut, "--json"]).ok().json_lines();
    assert!(lines[0]["quality"].as_f64() > lines[1]["quality"].as_f64());
    assert_eq!(
        (&lines[0]["faces"], &lines[0]["uqs"], &lines[0]["model"]),
        (&1.into(), &97.into(), &"sface".into())
    );
    assert!((lines[0]["quality"].as_f64().unwrap() - 13.0).abs() < 0.02);
    let out = run(&["quality", &whole]).ok().out;
    assert!(out.contains(": quality 97 of 100, magnitude 1"), "{out}");
    let wrong = Wrong::new();
    for name in ["one-pixel.png", "no-face.png"] {
        assert_eq!(
            run(&["quality", &wrong.path(name), "--json"]).ok().json_lines()[0]["quality"],
            Value::Null
        );
        assert!(run(&["quality", &wrong.path(name)]).ok().out.contains("no face"));
    }
    for (path, words) in wrong.unreadable() {
        run(&["quality", &path]).fails(1, &words);
    }
}

#[test]
fn quality_says_why_and_sorts() {
    let (whole, cut) = (photo("obama.jpg"), photo("obama_partial_face.jpg"));
    let wrong = Wrong::new();
    let none = wrong.path("no-face.png");
    let lines = run(&["quality", &none, &cut, &whole, "--explain", "--sort", "--json"])
        .ok()
        .json_lines();
    let images: Vec<&Value> = lines.iter().map(|line| &line["image"]).collect();
    assert_eq!(
        images,
        [&Value::from(whole.as_str()), &cut.as_str().into(), &none.into()]
    );
    assert_eq!(lines[2]["measures"], Value::Null);
    let measures = lines[0]["measures"].as_object().unwrap();
    assert_eq!(measures.len(), 17);
    for (name, measured) in measures {
        let score = measured["score"].as_u64().unwrap();
        assert!(measured["value"].is_f64() && score <= 100, "{name}: {measured}");
        assert_eq!(measured["advice"].is_null(), score >= 50, "{name}: {measured}");
    }
    assert!((measures["inter_eye_distance"]["value"].as_f64().unwrap() - 107.0).abs() < 2.0);
    // The face of this photo goes on beyond its left or right edge.
    let margins = ["margin_left", "margin_right"].map(|side| lines[1]["measures"][side]["score"].as_u64().unwrap());
    assert!(margins.iter().any(|&score| score < 50), "{margins:?}");
    let out = run(&["quality", &cut, "--explain"]).ok().out;
    assert!(
        out.contains("inter eye distance") && out.contains("move to the middle of the picture"),
        "{out}"
    );
    run(&["quality", &whole, "--explain", "--chips"]).fails(2, &["--chips"]);
    for (path, words) in wrong.unreadable() {
        run(&["quality", &path, "--explain"]).fails(1, &words);
    }
}

#[test]
fn the_measures_of_one_photo_are_those_of_a_smaller_one() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["obama.jpg", "obama2.jpg", "biden.jpg"];
    for name in names {
        let picture = image::open(photo(name)).unwrap();
        let (width, height) = (picture.width() / 2, picture.height() / 2);
        let half = picture.resize_exact(width, height, image::imageops::FilterType::Triangle);
        half.to_rgb8()
            .save(folder.path().join(name).with_extension("png"))
            .unwrap();
    }
    for name in names {
        let half = folder.path().join(name).with_extension("png");
        let lines = run(&["quality", &photo(name), half.to_str().unwrap(), "--explain", "--json"])
            .ok()
            .json_lines();
        for (measure, measured) in lines[0]["measures"].as_object().unwrap() {
            let [a, b] = [measured, &lines[1]["measures"][measure]].map(|one| one["score"].as_i64().unwrap());
            assert!((a - b).abs() <= 5, "{name}, {measure}: {a} and {b}");
        }
    }
}

#[test]
fn a_contact_sheet_has_every_face() {
    let folder = tempfile::tempdir().unwrap();
    let sheet = folder.path().join("sheet.png");
    let out = sheet.to_str().unwrap();
    let photos = Path::new(&photo("biden.jpg"))
        .parent()
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    let wrong = Wrong::new();
    let answer = run(&[
        "draw",
        &photos,
        &wrong.path("no-face.png"),
        "--sheet",
        "-o",
        out,
        "--json",
    ])
    .ok()
    .json_lines();
    assert_eq!(
        (&answer[0]["faces"], &answer[0]["without_face"]),
        (&6.into(), &1.into())
    );
    let picture = image::open(&sheet).unwrap();
    assert!(picture.width() > 112 * 3 && picture.height() > 112 * 2);
    run(&["draw", &photos, "--sheet", "-o", &format!("{photos}/sheet.png")])
        .fails(1, &["lies in the folder of images"]);
    run(&["draw", &photos, "--sheet", "-o", "sheet.jpg"]).fails(1, &["must end in .png"]);
    let empty = folder.path().join("empty.png");
    run(&[
        "draw",
        &wrong.path("no-face.png"),
        "--sheet",
        "-o",
        empty.to_str().unwrap(),
    ])
    .fails(3, &["no face in any of the images (1)"]);
    assert!(!empty.exists());
}

#[test]
fn compare_tells_one_person_from_two() {
    let compare = |a: &str, b: &str| {
        run(&["compare", &photo(a), &photo(b), "--json"])
            .ok()
            .json_lines()
            .remove(0)
    };
    let same = compare("obama.jpg", "obama2.jpg");
    assert_eq!(
        same.as_object().unwrap().keys().collect::<Vec<_>>(),
        [
            "cosine",
            "quality_a",
            "quality_b",
            "uqs_a",
            "uqs_b",
            "score",
            "faces_a",
            "box_a",
            "faces_b",
            "box_b",
            "model",
            "negative_log10_fmr",
            "low_quality",
            "out_of_range",
            "log_likelihood_ratio",
            "negative_log10_fmr_at_quality",
            "quality_below_data",
            "decision",
            "lacking"
        ]
    );
    for (a, b) in [("obama.jpg", "biden.jpg"), ("obama2.jpg", "biden.jpg")] {
        let other = compare(a, b);
        // The pack's threshold for an FMR of 1e-2 is -0.4354.
        assert!(
            other["score"].as_f64().unwrap() < -0.4354 && same["score"].as_f64().unwrap() > 0.5,
            "{same} {other}"
        );
        assert!(other["score"].as_f64() <= other["cosine"].as_f64());
    }
    assert!(
        run(&["compare", &photo("obama.jpg"), &photo("obama2.jpg")])
            .ok()
            .out
            .contains("=> same person")
    );
    assert!(
        run(&["compare", &photo("obama.jpg"), &photo("biden.jpg")])
            .ok()
            .out
            .contains("=> different people")
    );
}

#[test]
fn compare_needs_two_faces() {
    let (wrong, good) = (Wrong::new(), photo("biden.jpg"));
    for (path, words) in wrong.unreadable() {
        run(&["compare", &path, &good]).fails(1, &words);
        run(&["compare", &good, &path]).fails(1, &words);
    }
    for name in ["one-pixel.png", "no-face.png"] {
        run(&["compare", &good, &wrong.path(name)]).fails(3, &[name, "no face"]);
    }
    let failure = run(&["compare", &good, &wrong.path("no-face.png"), "--json"]);
    let error: Value = serde_json::from_str(&failure.err).unwrap();
    assert_eq!((failure.code, &error["error"]["kind"]), (3, &"no_face".into()));
    run(&["compare", &good]).fails(2, &["<IMAGE>"]);
}

#[test]
fn pictures_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/drawn.png");
    run(&["draw", &photo("obama.jpg"), "-o", text(&out)]).ok();
    let drawn = image::open(&out).unwrap().to_rgb8();
    assert!(drawn.pixels().any(|pixel| pixel.0 == [0, 170, 80]), "no box");
    assert!(drawn.pixels().any(|pixel| pixel.0 == [230, 30, 60]), "no landmark");
    let out = folder.path().join("compared.png");
    run(&[
        "compare",
        &photo("obama.jpg"),
        &photo("biden.jpg"),
        "--picture",
        text(&out),
    ])
    .ok();
    assert!(image::open(&out).unwrap().width() > 600);

    let wrong = Wrong::new();
    let out = folder.path().join("nothing.png");
    for (path, words) in wrong.unreadable() {
        run(&["draw", &path, "-o", text(&out)]).fails(1, &words);
        assert!(!out.exists());
    }
    for name in ["one-pixel.png", "no-face.png"] {
        assert!(
            run(&["draw", &wrong.path(name), "-o", text(&out)])
                .ok()
                .out
                .contains("no face")
        );
    }
    run(&["draw", &photo("biden.jpg"), "-o", text(&folder.path().join("a.jpg"))]).fails(1, &["must end in .png"]);
}

/// Compares two photos under other names, with the fonts that `fonts` tells fontconfig of, or the system's; gives what
/// was said and the picture.
fn compared(names: [&std::ffi::OsStr; 2], fonts: Option<&Path>) -> (Run, image::RgbImage) {
    let folder = tempfile::tempdir().unwrap();
    let photos = [
        folder.path().join("a").join(names[0]),
        folder.path().join("b").join(names[1]),
    ];
    for (path, source) in photos.iter().zip(["obama.jpg", "biden.jpg"]) {
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::copy(photo(source), path).unwrap();
    }
    let out = folder.path().join("compared.png");
    let mut command = qmagface();
    command.arg("compare").args(&photos).arg("--picture").arg(&out);
    if let Some(fonts) = fonts {
        command.env("FONTCONFIG_FILE", fonts);
    }
    let run = Run::of(&mut command).ok();
    let picture = image::open(&out).unwrap().to_rgb8();
    (run, picture)
}

#[test]
fn pictures_show_names_in_their_own_letters() {
    let plain = compared(["aaaa.jpg".as_ref(), "bbbb.jpg".as_ref()], None).1;
    // Letters as wide as each other: boxes would be the same.
    let one = compared(["王小明.jpg".as_ref(), "محمد.jpg".as_ref()], None);
    let other = compared(["陳大文.jpg".as_ref(), "يوسف.jpg".as_ref()], None);
    for (run, picture) in [&one, &other] {
        assert!(
            !run.err.contains("font"),
            "make setup installs fonts for this: {}",
            run.err
        );
        assert_eq!(picture.dimensions(), plain.dimensions());
    }
    assert_ne!(one.1, other.1);
    // The titles alone differ: neither the photos nor what is said of them.
    for (x, y, pixel) in one.1.enumerate_pixels() {
        if !(16..44).contains(&y) {
            assert_eq!(pixel, plain.get_pixel(x, y), "{x}, {y}");
        }
    }
}

#[test]
fn a_name_without_a_font_is_said_once_and_its_code_points_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let fonts = folder.path().join("fonts.conf");
    fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = format!(
        "<fontconfig><dir>{}</dir></fontconfig>",
        folder.path().join("empty").display()
    );
    fs::write(&fonts, empty).unwrap();
    let (run, picture) = compared(["田中.jpg".as_ref(), "中田.jpg".as_ref()], Some(&fonts));
    assert_eq!(run.err.matches("no font on this machine has").count(), 1, "{}", run.err);
    assert!(
        run.err.contains("Korean letters, such as U+7530") && run.err.contains("fonts-noto-cjk"),
        "{}",
        run.err
    );
    assert!(run.out.contains("田中.jpg"), "{}", run.out);
    let written = compared(
        ["[U+7530 U+4E2D].jpg".as_ref(), "[U+4E2D U+7530].jpg".as_ref()],
        Some(&fonts),
    );
    assert_eq!(written.0.err, "");
    assert_eq!(picture, written.1);
}

#[test]
fn names_that_are_hostile_or_no_text_are_drawn() {
    use std::os::unix::ffi::OsStrExt;
    let same = |name: &std::ffi::OsStr, shown: &str| {
        let (run, picture) = compared([name, "b.jpg".as_ref()], None);
        assert_eq!(run.err, "");
        assert_eq!(
            picture,
            compared([shown.as_ref(), "b.jpg".as_ref()], None).1,
            "{name:?}"
        );
    };
    same("a\u{202E}gpj.exe\n.jpg".as_ref(), "a[U+202E]gpj.exe[U+000A].jpg");
    same(std::ffi::OsStr::from_bytes(b"caf\xE9.jpg"), "caf[0xE9].jpg");
    // As long as a file's name can be: the picture stays as wide as the words below it need.
    let long = format!("{}.jpg", "x".repeat(251));
    let (_, picture) = compared([long.as_ref(), long.as_ref()], None);
    assert!(picture.width() < 1400, "{}", picture.width());
}

/// A folder of photos: two good ones in a tree, and each wrong one.
fn album() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let wrong = Wrong::new();
    fs::create_dir_all(folder.path().join("b/c")).unwrap();
    fs::copy(photo("biden.jpg"), folder.path().join("biden.jpg")).unwrap();
    fs::copy(photo("obama2.jpg"), folder.path().join("b/c/obama2.JPG")).unwrap();
    for name in ["text.jpg", "truncated.jpg", "one-pixel.png", "no-face.png"] {
        fs::copy(wrong.path(name), folder.path().join("b").join(name)).unwrap();
    }
    fs::write(folder.path().join("notes.txt"), "not an image").unwrap();
    // Reading a pipe would wait for ever.
    let made = std::process::Command::new("mkfifo")
        .arg(folder.path().join("pipe.jpg"))
        .status()
        .unwrap();
    assert!(made.success());
    folder
}

fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = walkdir::WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| text(entry.path().strip_prefix(folder).unwrap()).to_owned())
        .collect();
    found.sort();
    found
}

/// Those of the files that are not hidden.
fn shown(folder: &Path) -> Vec<String> {
    let hidden = |name: &String| name.split('/').any(|part| part.starts_with('.'));
    files(folder).into_iter().filter(|name| !hidden(name)).collect()
}

#[test]
fn align_keeps_the_tree_and_lists_what_it_skips() {
    let (album, result) = (album(), tempfile::tempdir().unwrap());
    let arguments = ["align", "-s", text(album.path()), "-r", text(result.path()), "--json"];
    let done = run(&arguments);
    assert_eq!(done.code, 1); // two files can't be read
    assert_eq!(shown(result.path()), ["b/c/obama2.png", "biden.png"]);
    let report = done.json_lines().remove(0);
    assert_eq!(report["written"], 2);
    let skipped = report["skipped"].as_array().unwrap();
    for (image, reason) in [
        ("b/text.jpg", "not an image this library reads"),
        ("b/truncated.jpg", "ends before"),
        ("b/one-pixel.png", "no face"),
        ("b/no-face.png", "no face"),
        ("notes.txt", "not an image by its content"),
        ("pipe.jpg", "not a regular file"),
    ] {
        let found = skipped
            .iter()
            .find(|entry| entry["image"] == image)
            .unwrap_or_else(|| panic!("{image}: {report}"));
        assert!(found["reason"].as_str().unwrap().contains(reason), "{found}");
    }
    assert_eq!(skipped.len(), 6);

    // A chip is lossless and aligned: embedding it gives what the photo gives.
    let chip = image::open(result.path().join("biden.png")).unwrap();
    assert_eq!((chip.width(), chip.height()), (112, 112));
    assert_eq!(run(&arguments).json_lines()[0]["done_before"], 2);

    let all = tempfile::tempdir().unwrap();
    let one = tempfile::tempdir().unwrap();
    fs::copy(photo("obama.jpg"), one.path().join("obama.jpg")).unwrap();
    let folders = ["align", "-s", text(one.path()), "-r", text(all.path())];
    // MTCNN has a false find in it.
    run(&[&folders[..], &["--face", "all", "--detector", "mtcnn"]].concat()).ok();
    assert_eq!(shown(all.path()), ["obama_0.png", "obama_1.png"]);
}

/// The arrays of an `embed` run: the embeddings by name.
fn arrays(folder: &Path, name: &str) -> Vec<(String, Vec<f32>)> {
    let read =
        |kind: &str| npyz::NpyFile::new(fs::File::open(folder.join(format!("{kind}_{name}.npy"))).unwrap()).unwrap();
    let embeddings = read("embeddings");
    let shape: Vec<usize> = embeddings.shape().iter().map(|&n| n as usize).collect();
    let names: Vec<String> = read("filenames").into_vec().unwrap();
    let values: Vec<f32> = embeddings.into_vec().unwrap();
    assert_eq!(shape, [names.len(), 128]);
    names
        .into_iter()
        .zip(values.chunks_exact(128).map(<[f32]>::to_vec))
        .collect()
}

#[test]
fn embed_photos_equals_embed_of_their_chips() {
    let (album, chips, result) = (album(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let done = run(&[
        "embed",
        "-s",
        text(album.path()),
        "-r",
        text(result.path()),
        "-d",
        "photos",
        "--align",
    ]);
    assert!(done.out.contains("2 embeddings of 128 floats"), "{}", done.out);
    assert!(done.out.contains("b/truncated.jpg: damaged"), "{}", done.out);
    done.fails(1, &["2 of 6 files failed"]);

    Run::of(qmagface().args(["align", "-s", text(album.path()), "-r", text(chips.path())]));
    run(&[
        "embed",
        "-s",
        text(chips.path()),
        "-r",
        text(result.path()),
        "-d",
        "chips",
    ])
    .ok();
    let (photos, chips) = (arrays(result.path(), "photos"), arrays(result.path(), "chips"));
    assert_eq!(
        photos.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["b/c/obama2.JPG", "biden.jpg"]
    );
    assert_eq!(
        chips.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["b/c/obama2.png", "biden.png"]
    );
    for ((_, a), (_, b)) in photos.iter().zip(&chips) {
        assert_eq!(a, b);
    }
    // And what `compare` says of the same two photos follows from them.
    let compared = run(&["compare", &photo("obama2.jpg"), &photo("biden.jpg"), "--json"])
        .ok()
        .json_lines()
        .remove(0);
    let dot: f64 = photos[0]
        .1
        .iter()
        .zip(&photos[1].1)
        .map(|(&x, &y)| f64::from(x) * f64::from(y))
        .sum();
    let norm = |v: &[f32]| v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt();
    let cosine = dot / (norm(&photos[0].1) * norm(&photos[1].1));
    assert!((compared["cosine"].as_f64().unwrap() - cosine).abs() < 1e-5);
    // Only results are left, readable as any other file.
    assert_eq!(files(result.path()).len(), 4);
    let mode = fs::metadata(result.path().join("embeddings_photos.npy"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o400, 0o400);
}

#[test]
fn embed_says_that_photos_need_aligning() {
    let (folder, result) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::copy(photo("biden.jpg"), folder.path().join("biden.jpg")).unwrap();
    run(&["embed", "-s", text(folder.path()), "-r", text(result.path()), "-d", "x"]).fails(
        1,
        &[
            "none of 1 images has an embedding",
            "biden.jpg",
            "970 x 2204",
            "--align",
        ],
    );
    run(&[
        "embed",
        "-s",
        text(folder.path()),
        "-r",
        text(result.path()),
        "-d",
        "../x",
    ])
    .fails(2, &["without /"]);
}

/// Chips of noise in a folder, enough for several batches.
fn noise_chips(count: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..count {
        let noise = |x: u32, y: u32| (x * 7919 + y * 104_729 + index * 1_299_709).wrapping_mul(2_654_435_761) >> 24;
        let chip = image::RgbImage::from_fn(112, 112, |x, y| {
            image::Rgb([noise(x, y) as u8, noise(y, x) as u8, x as u8])
        });
        chip.save(folder.path().join(format!("{index:03}.png"))).unwrap();
    }
    folder
}

#[test]
fn an_interrupted_embed_goes_on_to_the_same_bytes() {
    let chips = noise_chips(240);
    let (whole, resumed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(&["embed", "-s", text(chips.path()), "-r", text(whole.path()), "-d", "n"]).ok();

    // Interrupted for real: killed once its journal has the first batch.
    let journal = resumed.path().join(".embeddings_n.journal");
    let arguments = ["embed", "-s", text(chips.path()), "-r", text(resumed.path()), "-d", "n"];
    let mut child = std::process::Command::new(program()).args(arguments).spawn().unwrap();
    let lines = || fs::read_to_string(&journal).unwrap_or_default().lines().count();
    let began = std::time::Instant::now();
    while lines() < 17 {
        assert!(began.elapsed().as_secs() < 120, "no first batch in the journal");
        assert!(child.try_wait().unwrap().is_none(), "ended before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(
        files(resumed.path()),
        [".embeddings_n.journal", ".embeddings_n.lock"],
        "no result before the end"
    );

    let done = run(&arguments).ok();
    assert!(done.err.contains("going on after"), "{}", done.err);
    for name in ["embeddings_n.npy", "filenames_n.npy"] {
        assert!(
            fs::read(whole.path().join(name)).unwrap() == fs::read(resumed.path().join(name)).unwrap(),
            "{name}"
        );
    }
    assert!(!journal.exists());
}

#[test]
fn a_journal_of_another_run_is_not_gone_on_with() {
    let (chips, result) = (noise_chips(1), tempfile::tempdir().unwrap());
    let journal = result.path().join(".embeddings_n.journal");
    let line = r#"{"format":2,"model":"other","source":"/","input":"chips","images":"","count":5}"#;
    fs::write(&journal, format!("{:08x} {line}\n", crc32fast::hash(line.as_bytes()))).unwrap();
    run(&["embed", "-s", text(chips.path()), "-r", text(result.path()), "-d", "n"])
        .fails(1, &["journal of an interrupted run", "delete the file"]);
    assert!(journal.exists());
}

#[test]
fn numpy_and_python_read_what_embed_writes() {
    let (chips, result) = (noise_chips(3), tempfile::tempdir().unwrap());
    run(&["embed", "-s", text(chips.path()), "-r", text(result.path()), "-d", "n"]).ok();
    // The format's own rules (NEP 1), checked on the bytes: magic, version, header length, dictionary, then raw data.
    for (name, header, bytes) in [
        (
            "embeddings_n.npy",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 128), }",
            3 * 128 * 4,
        ),
        (
            "filenames_n.npy",
            "{'descr': '<U7', 'fortran_order': False, 'shape': (3,), }",
            3 * 7 * 4,
        ),
    ] {
        let file = fs::read(result.path().join(name)).unwrap();
        assert_eq!(file[..8], *b"\x93NUMPY\x01\0", "{name}");
        let length = usize::from(u16::from_le_bytes([file[8], file[9]]));
        assert_eq!((10 + length) % 16, 0, "{name}");
        let found = std::str::from_utf8(&file[10..10 + length]).unwrap();
        let plain = |text: &str| text.replace([' ', '\n'], "").replace(",}", "}").replace(",)", ")");
        assert_eq!(plain(found), plain(header), "{name}");
        assert_eq!(file.len() - 10 - length, bytes, "{name}");
    }
}

/// Wrong folders, for the two commands that take one.
#[test]
fn wrong_folders_are_named() {
    let result = tempfile::tempdir().unwrap();
    let empty = tempfile::tempdir().unwrap();
    let file = empty.path().join("notes.txt");
    fs::write(&file, "text").unwrap();
    for command in [vec!["align"], vec!["embed", "-d", "n"]] {
        let with = |source: &Path, target: &Path| {
            let mut arguments = command.clone();
            arguments.extend(["-s", text(source), "-r", text(target)]);
            run(&arguments)
        };
        with(Path::new("/no/such/folder"), result.path()).fails(1, &["/no/such/folder", "No such file"]);
        with(&file, result.path()).fails(1, &["notes.txt", "is a file"]);
        with(empty.path(), result.path()).fails(1, &["holds no image"]);
        let chips = noise_chips(1);
        if command[0] == "embed" {
            with(chips.path(), &file).fails(1, &["notes.txt"]);
        }
    }
}

/// Folders without rights. Root may do everything, so the program then runs as an unprivileged user (`setpriv`).
#[test]
fn folders_without_rights_are_named() {
    let locked = tempfile::tempdir().unwrap();
    let open = noise_chips(1);
    let access = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    access(open.path(), 0o755);
    let inner = locked.path().join("inner");
    fs::create_dir(&inner).unwrap();
    access(locked.path(), 0o755);
    access(&inner, 0o000);
    // SAFETY: geteuid has no preconditions.
    let root = unsafe { libc::geteuid() } == 0;
    let binary = if root {
        public_copy(open.path())
    } else {
        program().to_owned()
    };
    for arguments in [
        ["align", "-s", text(&inner), "-r", "/tmp/never"],
        ["embed", "-s", text(&inner), "-r", "/tmp/never"],
    ] {
        let mut command = match root {
            true => {
                let mut command = Command::new("setpriv");
                command
                    .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
                    .arg(&binary);
                command
            }
            false => Command::new(&binary),
        };
        command.args(arguments);
        if arguments[0] == "embed" {
            command.args(["-d", "n"]);
        }
        Run::of(&mut command).fails(1, &["inner", "Permission denied"]);
    }
    access(&inner, 0o755);
}

/// A copy of the program where any user can run it.
fn public_copy(folder: &Path) -> PathBuf {
    let copy = folder.join("qmagface");
    fs::copy(program(), &copy).unwrap();
    copy
}

#[test]
fn models_are_listed_fetched_imported_and_verified() {
    let cache = tempfile::tempdir().unwrap();
    // The wheels that are here already need no second download.
    let downloads = common::cache().join("downloads");
    if downloads.exists() {
        std::os::unix::fs::symlink(&downloads, cache.path().join("downloads")).unwrap();
    }
    let models = |arguments: &[&str]| Run::of(bare().env("QMAGFACE_CACHE", cache.path()).arg("models").args(arguments));
    let states = || -> Vec<(String, String)> {
        let field = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
        models(&["list", "--json"])
            .ok()
            .json_lines()
            .iter()
            .map(|m| (field(m, "name"), field(m, "state")))
            .collect()
    };
    assert_eq!(states().len(), 7);
    assert!(states().iter().all(|(_, state)| state == "not installed"));
    assert!(models(&["verify"]).ok().out.contains("no model is installed"));
    // An embedder comes with its detector.
    let fetched = models(&["fetch", "sface"]).ok().out;
    assert!(fetched.contains("yunet is installed"), "{fetched}");
    models(&["fetch", "mtcnn"]).ok();
    assert_eq!(states().iter().filter(|(_, state)| state == "installed").count(), 3);
    assert!(models(&["verify"]).ok().out.contains("sface: in order"));
    models(&["fetch", "nosuch"]).fails(1, &["nosuch", "sface"]);
    models(&["fetch", "magface-iresnet100"]).fails(1, &["import"]);
    models(&["verify", "nosuch"]).fails(1, &["nosuch"]);

    if let Some(file) = common::shared("golden/iresnet18_split_legacy.pth") {
        let file = text(&file);
        models(&["import", file, "--as", "magface-iresnet50"]).fails(1, &["iresnet18_split_legacy.pth", "layer"]);
        let done = models(&["import", file, "--json"]).ok().json_lines().remove(0);
        assert_eq!(done["name"], "magface-iresnet18");
    }
    if let Some(file) = common::shared("golden/malicious_zip.pth") {
        models(&["import", text(&file)]).fails(1, &["posix.system"]);
    }
    let text_file = cache.path().join("notes.pth");
    fs::write(&text_file, "no weights").unwrap();
    models(&["import", text(&text_file)]).fails(1, &["notes.pth", "no weight file"]);
    models(&["import", "/no/such/file.pth"]).fails(1, &["/no/such/file.pth"]);

    // One flipped bit in the installed weights is found.
    let weights = cache.path().join("models/sface/weights.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&weights, bytes).unwrap();
    models(&["verify", "sface"]).fails(1, &["weights.safetensors"]);
    Run::of(
        bare()
            .env("QMAGFACE_CACHE", cache.path())
            .args(["quality", &photo("biden.jpg")]),
    )
    .fails(1, &["weights"]);
}

#[test]
fn a_model_is_exported_and_used_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let here = |arguments: &[&str]| Run::of(qmagface().current_dir(folder.path()).args(arguments));
    let out = here(&["models", "export", "sface"]).ok().out;
    assert!(out.contains("sface.qmfmodel holds sface and yunet"), "{out}");
    let bundle = folder.path().join("sface.qmfmodel");
    let first = fs::read(&bundle).unwrap();

    // Nothing is overwritten unasked.
    fs::write(&bundle, "mine").unwrap();
    here(&["models", "export", "sface"]).fails(1, &["sface.qmfmodel", "--force"]);
    assert_eq!(fs::read(&bundle).unwrap(), b"mine");
    let done = here(&["models", "export", "sface", "--force", "--json"])
        .ok()
        .json_lines()
        .remove(0);
    assert!(fs::read(&bundle).unwrap() == first);
    assert_eq!((&done["model"], &done["detector"]), (&"sface".into(), &"yunet".into()));
    assert_eq!(done["bytes"], first.len());

    // Every command takes the path for a model; nothing need be installed.
    let alone = |arguments: &[&str]| {
        let cache = folder.path().join("empty");
        Run::of(
            bare()
                .current_dir(folder.path())
                .env("QMAGFACE_CACHE", cache)
                .args(arguments),
        )
    };
    let photo = photo("biden.jpg");
    let wanted = here(&["quality", &photo, "--json", "--device", "cpu"]).ok().out;
    let found = alone(&[
        "quality",
        &photo,
        "--json",
        "--device",
        "cpu",
        "--model",
        "sface.qmfmodel",
    ]);
    assert_eq!(found.ok().out, wanted);
    let verified = alone(&["models", "verify", "sface.qmfmodel"]).ok().out;
    assert!(
        verified.contains("sface.qmfmodel: sface: in order") && verified.contains("sface.qmfmodel: yunet: in order"),
        "{verified}"
    );
    alone(&["models", "export", "sface.qmfmodel", "copy.qmfmodel"]).ok();
    assert!(fs::read(folder.path().join("copy.qmfmodel")).unwrap() == first);

    alone(&["models", "export", "sface", "x.qmfmodel"]).fails(4, &["qmagface models fetch sface"]);
    here(&["models", "export", "mtcnn", "x.qmfmodel"]).fails(1, &["mtcnn is a detector"]);
    here(&["models", "export", "sface", "no/such/folder/x.qmfmodel"]).fails(1, &["no/such/folder/x.qmfmodel"]);
    assert!(!folder.path().join("x.qmfmodel").exists());
    alone(&["quality", &photo, "--model", "nowhere.qmfmodel"]).fails(1, &["nowhere.qmfmodel"]);
    fs::write(folder.path().join("broken.qmfmodel"), &first[..1000]).unwrap();
    alone(&["quality", &photo, "--model", "broken.qmfmodel"]).fails(1, &["broken.qmfmodel", "not a bundle"]);
    alone(&["models", "verify", "broken.qmfmodel"]).fails(1, &["broken.qmfmodel", "not a bundle"]);
}

#[test]
fn a_closed_reader_ends_the_program_quietly() {
    let mut child = std::process::Command::new(program())
        .args(["models", "list"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn the_rust_example_prints_what_compare_prints() {
    qmagface(); // installs the models
    let example = program().parent().unwrap().join("examples/compare"); // `cargo test` builds it
    let photos = [photo("obama.jpg"), photo("biden.jpg")];
    let example = |arguments: &[&str]| Run::of(Command::new(&example).args(arguments));
    let printed = example(&[&photos[0], &photos[1]]).ok().out;
    let compared = run(&["compare", &photos[0], &photos[1], "--json"])
        .ok()
        .json_lines()
        .remove(0);
    for field in ["cosine", "score"] {
        assert!(
            printed.contains(&format!("{:.4}", compared[field].as_f64().unwrap())),
            "{field}: {printed}"
        );
    }
    example(&["/no/such.jpg", &photos[1]]).fails(1, &["/no/such.jpg"]);
    example(&[]).fails(2, &["usage"]);
}
