//! Which images the command line takes and where it writes pictures: folders by content, lists, chips, results that would
//! fall among the photos, names that would collide, and two runs at a time.

use crate::folder::{Folder, chip, files, json, photo};
use crate::program::{Run, bare, program, qmagface, run, text};
use serde_json::Value;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const RAW: &[u8] = b"FUJIFILMCCD-RAW 0201FF129505";

#[test]
fn what_is_an_image_is_told_by_content() {
    let photo = photo();
    let folder = Folder::with(&[
        ("in/a.jfif", &photo),
        ("in/b", &photo),
        ("in/c.dat", &photo),
        ("in/._a.jfif", &photo),
        ("in/@eaDir/a.jpg", &photo),
        ("in/camera.raf", RAW),
        ("in/camera", RAW),
        ("in/notes.txt", b"text"),
    ]);
    let (source, result) = (folder.text("in"), folder.text("out"));
    let done = run(&["align", "-s", &source, "-r", &result, "--json"]);
    assert_eq!(done.code, 1, "{}", done.err);
    let report = json(&done).remove(0);
    assert_eq!(
        (&report["written"], &report["hidden"]),
        (&3.into(), &2.into()),
        "{report}"
    );
    let reasons: Vec<&str> = report["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["reason"].as_str().unwrap())
        .collect();
    assert_eq!(
        reasons.iter().filter(|reason| reason.contains("camera raw")).count(),
        2,
        "{reasons:?}"
    );
    assert_eq!(reasons.len(), 3);
    assert_eq!(files(&folder.at("out")), ["a.png", "b.png", "c.png"].map(PathBuf::from));
    run(&["align", "-s", &source, "-r", &result]).fails(1, &["2 of 5 files failed"]);

    let result = folder.text("arrays");
    let done = run(&["embed", "--align", "-s", &source, "-r", &result, "-d", "x"]);
    assert!(
        done.out.contains("3 embeddings") && done.out.contains("2 hidden files"),
        "{}",
        done.out
    );
    assert!(
        done.out.contains("camera.raf: a camera raw image, which"),
        "{}",
        done.out
    );
    done.fails(1, &["2 of 5 files failed"]);
    for command in ["detect", "quality"] {
        let done = run(&[command, &source]);
        assert_eq!(
            done.out.lines().filter(|line| line.contains("face")).count(),
            3,
            "{}",
            done.out
        );
        done.fails(
            1,
            &[
                "camera.raf",
                "camera raw",
                "1 files that are no images",
                "2 of 5 files failed",
            ],
        );
    }
    run(&["quality", &folder.text("in/camera.raf")]).fails(1, &["camera.raf", "camera raw"]);
}

#[test]
fn a_result_that_lies_among_the_photos_is_refused() {
    let photo = photo();
    let folder = Folder::with(&[("d/a.png", b"never read"), ("d/x/b.jpg", &photo)]);
    let source = folder.text("d");
    for result in ["d", "d/x", "d/new/chips", "."] {
        let result = folder.text(result);
        run(&["align", "-s", &source, "-r", &result, "--overwrite"]).fails(1, &["result folder", "overwrite photos"]);
    }
    assert_eq!(fs::read(folder.at("d/a.png")).unwrap(), b"never read");
    assert_eq!(files(&folder.at("d")), ["a.png", "x/b.jpg"].map(PathBuf::from));
    std::os::unix::fs::symlink(folder.at("d"), folder.at("link")).unwrap();
    let link = folder.text("link");
    run(&["align", "-s", &source, "-r", &link, "--overwrite"]).fails(1, &["result folder"]);

    // Reports and single pictures as well.
    let people = Folder::with(&[
        ("ann/1.png", &chip(1)),
        ("ann/2.png", &chip(2)),
        ("bob/1.png", &chip(3)),
    ]);
    let (all, inside) = (text(people.0.path()).to_owned(), people.text("report"));
    run(&[
        "evaluate",
        "all-pairs",
        "--score",
        "cosine",
        "--photos",
        &all,
        "-o",
        &inside,
    ])
    .fails(1, &["lies in"]);
    let one = folder.text("d/x/b.jpg");
    let png = Folder::with(&[("b.png", &chip(4))]);
    let path = png.text("b.png");
    run(&["draw", &path, "-o", &path]).fails(1, &["is the image"]);
    run(&["compare", &one, &path, "--picture", &path]).fails(1, &["is the image"]);
    assert_eq!(fs::read(png.at("b.png")).unwrap(), chip(4));
}

#[test]
fn every_photo_has_a_chip_of_its_own() {
    let photo = photo();
    let folder = Folder::with(&[("in/a.jpg", &photo), ("in/a.png", &photo), ("in/a.jpg.jpg", &photo)]);
    for name in [b"\xFE.jpg", b"\xFF.jpg"] {
        folder.write(Path::new("in").join(OsStr::from_bytes(name)), &photo);
        let double = [&name[..1], b".jpeg"].concat();
        folder.write(Path::new("in").join(OsStr::from_bytes(&double)), &photo);
    }
    let (source, result) = (folder.text("in"), folder.text("out"));
    let done = run(&["align", "-s", &source, "-r", &result]).ok();
    assert!(done.out.contains("7 chips written"), "{}", done.out);
    assert_eq!(files(&folder.at("out")).len(), 7);
    let again = run(&["align", "-s", &source, "-r", &result]).ok();
    assert!(again.out.contains("7 photos were done before"), "{}", again.out);
    // The names of the photos of a command stay apart too.
    let both = [
        folder.at("in").join(OsStr::from_bytes(b"\xFE.jpg")),
        folder.at("in/%FE.jpg"),
    ];
    fs::copy(&both[0], &both[1]).unwrap();
    let mut command = qmagface();
    Run::of(command.arg("detect").args(&both)).fails(1, &["would both be called", "%FE.jpg"]);
    fs::remove_file(&both[1]).unwrap();
    let told: std::collections::HashSet<String> = json(&run(&["detect", &source, "--json"]).ok())
        .iter()
        .map(|line| line["image"].as_str().unwrap().to_owned())
        .collect();
    assert!(
        told.len() == 7 && told.contains(&format!("{source}/%FE.jpg")),
        "{told:?}"
    );

    let arrays = folder.text("arrays");
    run(&["embed", "--align", "-s", &source, "-r", &arrays, "-d", "x"]).ok();
    let names = names(&folder.at("arrays"), "x");
    let unique: std::collections::HashSet<&String> = names.iter().collect();
    assert_eq!((names.len(), unique.len()), (7, 7), "{names:?}");
    folder.write("in/%FE.jpg", &photo);
    run(&["embed", "--align", "-s", &source, "-r", &arrays, "-d", "x"]).fails(1, &["%FE.jpg", "\\xFE.jpg", "rename"]);
}

fn names(folder: &Path, set: &str) -> Vec<String> {
    let file = fs::File::open(folder.join(format!("filenames_{set}.npy"))).unwrap();
    npyz::NpyFile::new(file).unwrap().into_vec().unwrap()
}

#[test]
fn the_same_embed_is_not_run_twice_at_a_time() {
    let folder = Folder::new();
    for index in 0..60 {
        folder.write(format!("in/{index:02}.png"), &chip(index));
    }
    qmagface(); // the models must be there
    let command = || {
        let mut command = std::process::Command::new(program());
        command.args(["embed", "-s", &folder.text("in"), "-r", &folder.text("out"), "-d", "x"]);
        command
    };
    let mut first = command()
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = std::time::Instant::now();
    let lock = folder.at("out/.embeddings_x.lock");
    while fs::read_to_string(&lock).unwrap_or_default().trim().is_empty() {
        assert!(
            begun.elapsed().as_secs() < 60 && first.try_wait().unwrap().is_none(),
            "the first has no lock"
        );
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let second = command().output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(first.wait().unwrap().success());
    assert_eq!(second.status.code(), Some(1), "{said}");
    let process = format!("process {}", first.id());
    assert!(said.contains(&process) && said.contains("wait until it ends"), "{said}");
    assert_eq!(names(&folder.at("out"), "x").len(), 60);
    assert!(command().output().unwrap().status.success(), "and then it runs again");
    let left = fs::read_dir(folder.at("out")).unwrap().count();
    assert_eq!(left, 2, "no lock and no journal is left");
}

#[test]
fn chips_lists_folders_and_turned_photos_are_taken() {
    let photo = photo();
    let folder = Folder::with(&[("in/a.jpg", &photo), ("in/b.jpg", &photo)]);
    run(&["align", "-s", &folder.text("in"), "-r", &folder.text("chips")]).ok();
    let a = folder.text("in/a.jpg");
    let whole = json(&run(&["quality", &a, "--json"]).ok()).remove(0);
    // A chip is not looked at for a face again: its quality is that of the photo.
    let chips = json(&run(&["quality", "--chips", &folder.text("chips"), "--json"]).ok());
    assert_eq!(chips.len(), 2);
    assert_eq!(
        (&chips[0]["quality"], &chips[0]["faces"]),
        (&whole["quality"], &Value::Null)
    );
    run(&["quality", "--chips", &a]).fails(1, &["a.jpg", "112"]);
    run(&["quality", "--chips", "--min-face", "20", &a]).fails(2, &["--min-face"]);
    run(&["detect", "--chips", &a]).fails(2, &["--chips"]);
    let (chip_a, chip_b) = (folder.text("chips/a.png"), folder.text("chips/b.png"));
    let compared = json(&run(&["compare", "--chips", &chip_a, &chip_b, "--json"]).ok()).remove(0);
    assert!((compared["cosine"].as_f64().unwrap() - 1.0).abs() < 1e-6, "{compared}");

    // A list, from a file and from standard input.
    folder.write("list.txt", format!("{a}\r\n\n{}\n", folder.text("in")).as_bytes());
    let listed = json(&run(&["quality", "--list", &folder.text("list.txt"), "--json"]).ok());
    assert_eq!(listed.len(), 3);
    let mut command = qmagface();
    let piped = Run::of(
        command
            .args(["detect", "--list", "-", "--json"])
            .write_stdin(a.as_bytes()),
    )
    .ok();
    assert_eq!(json(&piped)[0]["image"], a.as_str());
    run(&["quality", "--list", "/no/list.txt"]).fails(1, &["/no/list.txt"]);
    folder.write("empty.txt", b"\n  \t\r\n");
    run(&["quality", "--list", &folder.text("empty.txt")]).fails(1, &["names no image"]);

    // Turned and large photos.
    let upright = image::load_from_memory(&photo).unwrap();
    upright.save(folder.at("upright.png")).unwrap();
    upright.rotate270().save(folder.at("turned.png")).unwrap();
    let whole = json(&run(&["quality", &folder.text("upright.png"), "--json"]).ok()).remove(0);
    let turned = folder.text("turned.png");
    assert_eq!(
        json(&run(&["quality", &turned, "--json"]).ok())[0]["quality"],
        Value::Null
    );
    let again = json(&run(&["quality", &turned, "--rotate", "90", "--json"]).ok()).remove(0);
    assert_eq!(again["quality"], whole["quality"]);
    run(&["quality", &turned, "--rotate", "45"]).fails(2, &["0, 90, 180 and 270"]);
    run(&["quality", &turned, "--max-pixels", "1000"]).fails(1, &["pixels", "--max-pixels"]);
    run(&["quality", &turned, "--max-pixels", "1000000"]).ok();
    run(&[
        "embed",
        "--align",
        "-s",
        &folder.text("in"),
        "-r",
        &folder.text("out"),
        "-d",
        "x",
        "--max-pixels",
        "10",
    ])
    .fails(
        1,
        &[
            "none of 2 images has an embedding",
            "nothing was written",
            "--max-pixels",
        ],
    );
}

#[test]
fn a_command_shows_and_takes_what_it_uses() {
    let help = |command: &[&str]| Run::of(bare().args(command).arg("--help")).ok().out;
    for command in [
        &["models", "export"][..],
        &["models", "list"],
        &["models", "fetch"],
        &["models", "import"],
    ] {
        let help = help(command);
        for option in ["--model", "--device", "--precision", "--threads", "--min-face"] {
            assert!(!help.contains(option), "{command:?} shows {option}");
        }
        assert!(help.contains("--json"), "{command:?}");
    }
    for command in ["detect", "align"] {
        let help = help(&[command]);
        assert!(help.contains("--device") && !help.contains("--precision"), "{help}");
    }
    assert!(help(&["quality"]).contains("--precision"));
    // What a way of working has no use for is refused.
    let arrays = ["--embeddings", "e.npy", "--filenames", "f.npy", "-o", "x"];
    for option in [
        &["--rotate", "90"][..],
        &["--max-pixels", "5"],
        &["--min-face", "5"],
        &["--face", "central"],
        &["--precision", "f16"],
        &["--device", "cpu"],
        &["--keep", "x"],
    ] {
        Run::of(bare().args(["evaluate", "all-pairs"]).args(arrays).args(option))
            .fails(2, &[option[0], "--embeddings"]);
        if option[0] != "--keep" {
            Run::of(bare().arg("calibrate").args(arrays).args(option)).fails(2, &[option[0], "--embeddings"]);
        }
    }
    for option in [&["--min-face", "5"][..], &["--face", "central"], &["--factor", "0.5"]] {
        let embed = ["embed", "-s", "s", "-r", "r", "-d", "x"];
        Run::of(bare().args(embed).args(option)).fails(2, &["--align"]);
        Run::of(bare().args(["calibrate", "-s", "s", "--chips", "-o", "x"]).args(option))
            .fails(2, &[option[0], "--chips"]);
    }
    Run::of(bare().args(["models", "list", "--device", "cpu"])).fails(2, &["--device"]);
    Run::of(bare().args(["detect", "x.jpg", "--precision", "f16"])).fails(2, &["--precision"]);
}

#[test]
fn sets_of_pairs_in_one_file_are_evaluated() {
    let folder = Folder::new();
    let chips: Vec<Vec<u8>> = (0..20).map(|index| chip(index / 2)).collect();
    let labels: Vec<bool> = (0..10).map(|index| index % 3 != 0).collect();
    let mut bytes = vec![0x80, 4, b']', b'('];
    for chip in &chips {
        bytes.push(b'B');
        bytes.extend((chip.len() as u32).to_le_bytes());
        bytes.extend(chip);
    }
    bytes.extend(*b"e](");
    bytes.extend(labels.iter().map(|&label| if label { 0x88 } else { 0x89 }));
    bytes.extend(*b"e\x86.");
    folder.write("toy.bin", &bytes);
    let bin = folder.text("toy.bin");
    let report = folder.text("report");
    let arguments = [
        "evaluate",
        "single-image",
        "--photos",
        &bin,
        "--score",
        "cosine",
        "--replicates",
        "0",
    ];
    let folds = ["--folds", "3", "-o", &report];
    let done = run(&[&arguments[..], &folds].concat()).ok();
    assert!(
        done.out.contains("toy: single-image") && done.out.contains("20 images"),
        "{}",
        done.out
    );
    assert!(folder.at("report/index.html").is_file());

    run(&["embed", "-s", &bin, "-r", &folder.text("out"), "-d", "toy"]).ok();
    assert_eq!(names(&folder.at("out"), "toy")[..2], ["000000", "000001"]);
    let pairs = fs::read_to_string(folder.at("out/pairs_toy.txt")).unwrap();
    assert!(pairs.starts_with("000000 000001 0\n000002 000003 1\n"), "{pairs}");

    run(&[&arguments[..], &folds, &["--min-face", "30"]].concat()).fails(2, &["--min-face", "toy.bin"]);
    // A list of pairs of the user's own is not overwritten.
    let again = || run(&["embed", "-s", &bin, "-r", &folder.text("out"), "-d", "toy"]);
    again().ok();
    folder.write("out/pairs_toy.txt", b"1 2 1\n");
    again().fails(1, &["pairs_toy.txt", "not overwritten"]);
    assert_eq!(fs::read(folder.at("out/pairs_toy.txt")).unwrap(), b"1 2 1\n");
    // What is wrong with the pairs is told before the images are embedded.
    let early = folder.text("early");
    let early = |more: &[&str]| run(&[&arguments[..], &["-o", &early], more].concat());
    early(&["--folds", "1"]).fails(1, &["toy.bin", "1 folds"]);
    early(&["--folds", "9"]).fails(1, &["toy.bin", "6 genuine pairs can't be in 9 folds"]);
    folder.write(
        "list.txt",
        b"000001 000002 1\n000003 000099 0\n000005 000006 0\n000007 000008 1\n",
    );
    let list = folder.text("list.txt");
    early(&["--pairs", &list, "--format", "calfw", "--folds", "2"]).fails(1, &["1 of 4 pairs", "000099"]);
    assert!(!folder.at("early.embeddings").exists());
    folder.write("protocol.bin", b"(lp0\n.");
    for (name, words) in [
        ("protocol.bin", &["protocol.bin is a file", "protocol 0 or 1"][..]),
        ("list.txt", &["is a file", "folder of images"]),
    ] {
        let file = folder.text(name);
        run(&["embed", "-s", &file, "-r", &folder.text("no"), "-d", "x"]).fails(1, words);
    }

    folder.write("evil.bin", b"\x80\x04cposix\nsystem\n.");
    let evil = folder.text("evil.bin");
    run(&["evaluate", "single-image", "--photos", &evil, "-o", &report])
        .fails(1, &["evil.bin", "refuses posix.system"]);
    run(&[
        "evaluate",
        "single-image",
        "--photos",
        &folder.text("out"),
        "-o",
        &report,
    ])
    .fails(1, &["--pairs and --format"]);
}
