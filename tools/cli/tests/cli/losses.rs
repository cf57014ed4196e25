//! Nothing of the user's is lost, and nothing of another image is taken for this one's: results beside files of somebody
//! else, results among the photos, photos that were replaced, chips of other photos.

use crate::folder::{Folder, chip, files, json, photo};
use crate::made_up::Set;
use crate::program::{Run, bare, run};
use qmagface::Calibration;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A report of `set` into `out`.
fn report(set: &Set, out: &Path) -> Run {
    let mut command = bare();
    command.args([
        "evaluate",
        "all-pairs",
        "--score",
        "cosine",
        "--replicates",
        "0",
        "--fmrs",
        "1e-1",
    ]);
    Run::of(command.args(set.arguments()).arg("-o").arg(out))
}

#[test]
fn a_report_replaces_a_report_and_nothing_else() {
    let set = Set::new();
    let out = set.path("report");
    report(&set, &out).ok();
    report(&set, &out).ok();
    for (name, is_folder) in [
        ("mine.txt", false),
        ("photo.png", false),
        ("tables/mine.csv", false),
        ("notes", true),
    ] {
        let mine = out.join(name);
        match is_folder {
            true => fs::create_dir(&mine).unwrap(),
            false => fs::write(&mine, "mine").unwrap(),
        }
        report(&set, &out).fails(1, &[name, "not overwritten"]);
        assert!(mine.exists(), "{name}");
        match is_folder {
            true => fs::remove_dir(&mine).unwrap(),
            false => fs::remove_file(&mine).unwrap(),
        }
    }
    // By way of a link, with and without a separator at its end.
    symlink(&out, set.path("link")).unwrap();
    report(&set, &set.path("link")).ok();
    report(&set, &set.path("link/")).ok();
    assert!(set.path("link").is_symlink() && out.join("index.html").is_file());
    // A file in the place of one of the report's folders, and a report that doesn't say what is its own.
    fs::remove_dir_all(out.join("tables")).unwrap();
    symlink(set.path("elsewhere"), out.join("tables")).unwrap();
    report(&set, &out).fails(1, &["tables", "not overwritten"]);
    fs::write(out.join("results.json"), "{\"format\": \"qmagface report 1\"}").unwrap();
    report(&set, &out).fails(1, &["which files are its own"]);
}

#[test]
fn no_chip_is_written_among_the_photos_by_way_of_a_link() {
    let photo = photo();
    let folder = Folder::with(&[("in/a/p.png", &photo), ("in/b/q.jpg", &photo)]);
    fs::create_dir(folder.at("out")).unwrap();
    symlink(folder.at("in/a"), folder.at("out/a")).unwrap();
    let (source, result) = (folder.text("in"), folder.text("out"));
    for more in [
        &[][..],
        &["--overwrite"],
        &["--face", "all"],
        &["--overwrite", "--face", "all"],
    ] {
        let align = ["align", "-s", &source, "-r", &result];
        run(&[&align[..], more].concat()).fails(1, &["among the photos"]);
    }
    run(&["draw", &source, "-o", &result]).fails(1, &["among the photos"]);
    assert_eq!(files(&folder.at("in")), ["a/p.png", "b/q.jpg"].map(PathBuf::from));
    assert!(fs::read(folder.at("in/a/p.png")).unwrap() == photo);
}

#[test]
fn a_calibration_replaces_a_calibration_and_nothing_else() {
    let set = Set::new();
    let calibrate = |out: &Path| {
        let mut command = bare();
        command.args(["calibrate", "--any-model", "--fmr", "5e-2..2e-1", "--draws", "0"]);
        Run::of(command.args(set.arguments()).arg("-o").arg(out))
    };
    for name in ["embeddings_made.npy", "photo.png", "mine.txt"] {
        let path = set.path(name);
        if !path.exists() {
            fs::write(&path, "mine").unwrap();
        }
        let before = fs::read(&path).unwrap();
        calibrate(&path).fails(1, &[name, "not overwritten"]);
        assert!(fs::read(&path).unwrap() == before, "{name}");
    }
    calibrate(&set.path("new.png")).fails(1, &["new.png", ".toml"]);
    let out = set.path("own.toml");
    calibrate(&out).ok();
    calibrate(&out).ok();
    Calibration::read(&out).unwrap();
}

#[test]
fn an_embed_without_any_embedding_leaves_the_old_ones() {
    let photo = photo();
    let folder = Folder::with(&[
        ("in/ann/1.jpg", &photo),
        ("in/ann/2.jpg", &photo),
        ("in/x.txt", b"text"),
    ]);
    let (source, result) = (folder.text("in"), folder.text("out"));
    let embed = |more: &[&str]| run(&[&["embed", "-s", &source, "-r", &result, "-d", "x"], more].concat());
    embed(&["--align"]).ok();
    let state = || ["embeddings_x.npy", "filenames_x.npy"].map(|name| fs::read(folder.at("out").join(name)).unwrap());
    let good = state();
    embed(&[]).fails(
        1,
        &[
            "none of 2 images has an embedding",
            "2 files such as ann/1.jpg",
            "--align",
        ],
    );
    embed(&["--align", "--max-pixels", "10"]).fails(1, &["none of 2 images", "--max-pixels"]);
    embed(&["--align", "--min-face", "5000"]).fails(3, &["none of 2 images", "no face"]);
    assert!(state() == good);
    assert_eq!(
        fs::read_dir(folder.at("out")).unwrap().count(),
        2,
        "no journal stands in the way of the next run"
    );
    embed(&["--align"]).ok();
    assert!(state() == good);
}

#[test]
fn a_picture_replaces_a_picture_of_ours_and_nothing_else() {
    let photo = photo();
    let folder = Folder::with(&[("in/a.jpg", &photo), ("in/b.jpg", &photo), ("pictures/b.png", &chip(1))]);
    let (a, b, pictures) = (
        folder.text("in/a.jpg"),
        folder.text("in/b.jpg"),
        folder.text("pictures"),
    );
    let mine = folder.text("pictures/b.png");
    run(&["draw", &folder.text("in"), "-o", &pictures]).fails(1, &["b.png", "not overwritten"]);
    run(&["draw", &a, "-o", &mine]).fails(1, &["b.png", "not overwritten"]);
    run(&["compare", &a, &b, "--picture", &mine]).fails(1, &["b.png", "not overwritten"]);
    folder.write("text.png", b"mine");
    run(&["draw", &a, "-o", &folder.text("text.png")]).fails(1, &["text.png", "not overwritten"]);
    assert!(fs::read(folder.at("pictures/b.png")).unwrap() == chip(1));
    assert_eq!(files(&folder.at("pictures")), [PathBuf::from("b.png")]);

    let (own, both) = (folder.text("own"), folder.text("both.png"));
    for _ in 0..2 {
        run(&["draw", &folder.text("in"), "-o", &own]).ok();
        run(&["compare", &a, &b, "--picture", &both]).ok();
        run(&["draw", &a, "-o", &both]).ok();
    }
    // The same photo twice is drawn once.
    run(&[
        "draw",
        &a,
        &a,
        &folder.text("in/../in/a.jpg"),
        "-o",
        &folder.text("once"),
    ])
    .ok();
    assert_eq!(files(&folder.at("once")), [PathBuf::from("a.png")]);
}

#[test]
fn a_chip_is_never_taken_for_another_photos() {
    let (photo, small) = (photo(), {
        let image = image::load_from_memory(&photo()).unwrap().thumbnail(200, 280);
        let mut bytes = std::io::Cursor::new(Vec::new());
        image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
        bytes.into_inner()
    });
    let folder = Folder::with(&[("in/a.jpg", &photo)]);
    let (source, result) = (folder.text("in"), folder.text("out"));
    let align = |more: &[&str]| run(&[&["align", "-s", &source, "-r", &result, "--json"], more].concat());
    let told = |run: Run| {
        let line = json(&run.ok()).remove(0);
        (line["written"].as_u64().unwrap(), line["done_before"].as_u64().unwrap())
    };
    let chip = |name: &str| fs::read(folder.at("out").join(name)).unwrap();
    assert_eq!(told(align(&[])), (1, 0));
    let first = chip("a.png");

    // A photo that comes later takes no other photo's chip, and changes no name.
    folder.write("in/a.png", &small);
    assert_eq!(told(align(&[])), (1, 1));
    assert!(chip("a.png") == first && chip("a.png.png") != first);
    assert_eq!(told(align(&[])), (0, 2));
    folder.write("in/a", &small);
    assert_eq!(told(align(&[])), (1, 2));

    // A photo that was replaced is aligned again, and a chip that went is made again.
    folder.write("in/a.jpg", &small);
    assert_eq!(told(align(&[])), (1, 2));
    assert!(chip("a.png") != first);
    fs::remove_file(folder.at("out/a.png.png")).unwrap();
    assert_eq!(told(align(&[])), (1, 2));

    // What is no longer as it was written, or was never ours, is told.
    let good = chip("a.png.png");
    fs::write(folder.at("out/a.png.png"), "").unwrap();
    let done = align(&[]);
    assert!(done.out.contains("no longer as it was written"), "{}", done.out);
    done.fails(1, &["1 of 3 files failed"]);
    assert_eq!(told(align(&["--overwrite"])), (3, 0));
    assert!(chip("a.png.png") == good);
    folder.write("in/b.jpg", &photo);
    folder.write("out/b.png", b"mine");
    let partly = |run: Run, words: &[&str]| {
        assert!(
            words.iter().all(|word| run.out.contains(word)),
            "{words:?}: {}",
            run.out
        );
        run.fails(1, &["1 of"]);
    };
    partly(
        align(&[]),
        &[
            "out/b.png",
            "isn't known to be the chip of b.jpg",
            "--overwrite",
            "\"done_before\":3",
        ],
    );
    assert_eq!(chip("b.png"), b"mine");
    fs::remove_file(folder.at("out/b.png")).unwrap();
    fs::create_dir(folder.at("out/b.png")).unwrap();
    partly(align(&["--overwrite"]), &["out/b.png is a folder"]);
    fs::remove_dir(folder.at("out/b.png")).unwrap();
    assert_eq!(told(align(&[])), (1, 3));

    // Other options, and photos of another folder.
    align(&["--min-face", "30"]).fails(1, &["all 4 photos", "other options", "--overwrite"]);
    align(&["--rotate", "180"]).fails(1, &["other options"]);
    folder.write("other/b.jpg", &small);
    folder.write("other/c.jpg", &small);
    let other = folder.text("other");
    let of_other = |more: &[&str]| run(&[&["align", "-s", &other, "-r", &result, "--json"], more].concat());
    partly(
        of_other(&[]),
        &["is the chip of b.jpg of", "--overwrite", "\"written\":1"],
    );
    assert_eq!(told(of_other(&["--overwrite"])), (2, 0));
    partly(align(&[]), &["is the chip of b.jpg of"]);
    assert_eq!(told(align(&["--overwrite"])), (4, 0));

    // With other chips the old ones go, and nothing else does.
    folder.write("out/mine.png", b"mine");
    fs::write(folder.at("out/b.png"), "mine too").unwrap();
    assert_eq!(told(align(&["--face", "all", "--overwrite"])), (4, 0));
    let wanted = [
        "a.png_0.png",
        "a_0.png",
        "a~2_0.png",
        "b.png",
        "b_0.png",
        "c.png",
        "mine.png",
    ];
    assert_eq!(files(&folder.at("out")), wanted.map(PathBuf::from));
    assert_eq!(told(align(&["--face", "all"])), (0, 4));
}

#[test]
fn embeddings_of_photos_that_were_replaced_are_not_gone_on_with() {
    let folder = Folder::new();
    for person in 0..8 {
        for image in 0..3 {
            folder.write(format!("in/p{person}/{image}.png"), &chip(person * 3 + image));
        }
    }
    let (source, out) = (folder.text("in"), folder.text("c.toml"));
    let calibrate = |more: &[&str]| {
        run(&[
            &["calibrate", "-s", &source, "--chips", "-o", &out, "--draws", "0"],
            more,
        ]
        .concat())
    };
    // Known before the photos are embedded.
    calibrate(&[]).fails(1, &["1e-5 takes at least 300000 impostor pairs"]);
    calibrate(&["--measure", "1e-3", "--fmr", "5e-2..2e-1"]).fails(1, &["1e-3 takes at least 3000"]);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 1, "nothing was begun");
    // Known afterwards: the embeddings serve the next run.
    calibrate(&[
        "--procedure",
        "direct",
        "--fmr",
        "1.2e-2..2e-2",
        "--pairs",
        "sampled",
        "--measure",
        "1.2e-2",
    ])
    .fails(1, &[".c.toml.journal"]);
    let journal = folder.at(".c.toml.journal");
    assert!(journal.is_file());
    folder.write("in/p3/1.png", &chip(999));
    // A finished journal of other photos gives way.
    let done = calibrate(&["--fmr", "5e-2..2e-1", "--published"]).ok();
    assert!(!done.err.contains("going on after"), "{}", done.err);
    assert!(!journal.exists());
}

#[test]
fn what_was_edited_is_kept_when_its_photo_is_replaced() {
    let photo = photo();
    let folder = Folder::with(&[("in/a.jpg", &photo), ("in/b.jpg", &photo)]);
    let (source, result) = (folder.text("in"), folder.text("out"));
    let align = |more: &[&str]| run(&[&["align", "-s", &source, "-r", &result], more].concat());
    let replace = |bytes: &[u8]| {
        folder.write("in/a.jpg", bytes);
        let file = fs::File::options().write(true).open(folder.at("in/a.jpg")).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    };
    align(&[]).ok();
    folder.write("out/a.png", b"edited");
    replace(&photo);
    let done = align(&[]);
    assert!(
        done.out.contains("out/a.png is no longer as it was written"),
        "{}",
        done.out
    );
    done.fails(1, &["1 of 2 files failed"]);
    assert_eq!(fs::read(folder.at("out/a.png")).unwrap(), b"edited");
    align(&["--overwrite"]).ok();

    // A photo that has no face any more has no chip any more, and what is put there then is the user's.
    let mut blank = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(80, 80)
        .write_to(&mut blank, image::ImageFormat::Png)
        .unwrap();
    replace(&blank.into_inner());
    align(&[]).ok();
    assert_eq!(files(&folder.at("out")), [PathBuf::from("b.png")]);
    folder.write("out/a.png", b"mine");
    folder.write("in/a.jpg", &photo);
    let done = align(&[]);
    assert!(done.out.contains("isn't known to be the chip of a.jpg"), "{}", done.out);
    assert_eq!(fs::read(folder.at("out/a.png")).unwrap(), b"mine");
    // The chip of a photo that is gone is told.
    fs::remove_file(folder.at("in/b.jpg")).unwrap();
    folder.write("in/c.jpg", &photo);
    let done = align(&["--overwrite"]).ok();
    assert!(
        done.err
            .contains("1 chips are of photos that aren't there any more, such as b.png"),
        "{}",
        done.err
    );
    // A source that was moved has its chips still.
    fs::rename(folder.at("in"), folder.at("moved")).unwrap();
    let moved = run(&["align", "-s", &folder.text("moved"), "-r", &result]).ok();
    assert!(moved.out.contains("2 photos were done before"), "{}", moved.out);
}

#[test]
fn files_of_ours_are_never_links_or_somebody_elses() {
    let photo = photo();
    let folder = Folder::with(&[("in/a.jpg", &photo), ("mine", b"precious")]);
    let source = folder.text("in");
    for (result, name, is_embed) in [
        ("1", ".qmagface-chips", false),
        ("2", ".qmagface-chips.lock", false),
        ("3", ".embeddings_x.journal", true),
        ("4", ".embeddings_x.lock", true),
    ] {
        let result = folder.text(result);
        let go = || match is_embed {
            true => run(&["embed", "--align", "-s", &source, "-r", &result, "-d", "x"]),
            false => run(&["align", "-s", &source, "-r", &result]),
        };
        let place = Path::new(&result).join(name);
        fs::create_dir(&result).unwrap();
        symlink(folder.at("mine"), &place).unwrap();
        go().fails(1, &[name, "didn't write"]);
        fs::remove_file(&place).unwrap();
        fs::write(&place, "precious").unwrap();
        go().fails(1, &[name, "didn't write"]);
        assert_eq!(fs::read(&place).unwrap(), b"precious");
        fs::remove_file(&place).unwrap();
        go().ok();
    }
    assert_eq!(fs::read(folder.at("mine")).unwrap(), b"precious");
}

#[test]
fn embed_replaces_arrays_and_nothing_else() {
    let folder = Folder::with(&[("in/a.png", &chip(1)), ("out/filenames_x.npy", b"mine")]);
    let (source, result) = (folder.text("in"), folder.text("out"));
    let embed = || run(&["embed", "-s", &source, "-r", &result, "-d", "x"]);
    embed().fails(1, &["filenames_x.npy", "not overwritten"]);
    assert_eq!(files(&folder.at("out")), [PathBuf::from("filenames_x.npy")]);
    fs::remove_file(folder.at("out/filenames_x.npy")).unwrap();
    embed().ok();
    embed().ok();
}

#[test]
fn kept_embeddings_are_those_that_were_kept() {
    let folder = Folder::new();
    for (person, image) in (0..3).flat_map(|person| (0..3).map(move |image| (person, image))) {
        folder.write(format!("in/p{person}/{image}.png"), &photo());
    }
    let (source, keep, report) = (folder.text("in"), folder.text("keep"), folder.text("report"));
    let evaluate = |more: &[&str]| {
        let all = [
            "evaluate",
            "all-pairs",
            "--score",
            "cosine",
            "--replicates",
            "0",
            "--fmrs",
            "0.5",
        ];
        run(&[&all[..], &["--photos", &source, "-o", &report], more].concat())
    };
    // Somebody else's arrays of that name.
    folder.write("keep/embeddings_photos.npy", b"mine");
    evaluate(&["--keep", &keep]).fails(1, &["embeddings_photos.npy", "--keep"]);
    assert_eq!(fs::read(folder.at("keep/embeddings_photos.npy")).unwrap(), b"mine");
    evaluate(&["--keep", &folder.text("in/kept")]).fails(1, &["lies in"]);
    evaluate(&["--keep", &folder.text("report/kept")]).fails(1, &["--keep"]);
    evaluate(&["--chips", &folder.text("nothere")]).fails(1, &["nothere"]);
    evaluate(&["--chips", &source]).fails(1, &["0.png", "--chips takes"]);
    fs::remove_file(folder.at("keep/embeddings_photos.npy")).unwrap();
    let first = evaluate(&["--keep", &keep]).ok();
    assert!(first.err.contains("embedding 9 photos"), "{}", first.err);
    let good = fs::read(folder.at("keep/embeddings_photos.npy")).unwrap();
    // By whatever path they are named.
    let again = run(&[
        "evaluate",
        "all-pairs",
        "--score",
        "cosine",
        "--replicates",
        "0",
        "--fmrs",
        "0.5",
        "--photos",
        &folder.text("in/../in"),
        "-o",
        &report,
        "--keep",
        &keep,
    ])
    .ok();
    assert!(!again.err.contains("embedding 9 photos"), "{}", again.err);
    let mut other = good.clone();
    *other.last_mut().unwrap() ^= 1;
    folder.write("keep/embeddings_photos.npy", &other);
    let done = evaluate(&["--keep", &keep]).ok();
    assert!(done.err.contains("embedding 9 photos"), "{}", done.err);
    assert!(fs::read(folder.at("keep/embeddings_photos.npy")).unwrap() == good);
    evaluate(&["--calibration", "none.toml"]).fails(1, &["--score cosine has no use"]);
}

#[test]
fn nothing_is_written_beside_photos() {
    let photo = photo();
    let folder = Folder::with(&[("in/a.jpg", &photo), ("in/b.jpg", &photo)]);
    let (a, b, source) = (folder.text("in/a.jpg"), folder.text("in/b.jpg"), folder.text("in"));
    run(&["draw", &a, &b, "-o", &source]).fails(1, &["beside the images"]);
    let study = "[[models]]\nname = \"m\"\npack = \"sface\"\nalpha = 0.1\nbeta = 0.2\n\
                 [[sets]]\nname = \"s\"\nphotos = \"in\"\nprotocols = [\"all-pairs\"]\n";
    folder.write("study.toml", study.as_bytes());
    let study = folder.text("study.toml");
    for (out, words) in [("in/report", "the source folder"), ("in", "no report")] {
        run(&["evaluate", "run", &study, "-o", &folder.text(out)]).fails(1, &[words]);
    }
    assert_eq!(files(&folder.at("in")), ["a.jpg", "b.jpg"].map(PathBuf::from));
}

#[test]
fn a_photo_that_was_renamed_keeps_its_chip() {
    let photo = photo();
    let folder = Folder::with(&[("in/a.jpg", &photo), ("in/z.jpg", &photo)]);
    let result = folder.text("out");
    let align = |source: &str| run(&["align", "-s", &folder.text(source), "-r", &result]);
    align("in").ok();
    fs::rename(folder.at("in/a.jpg"), folder.at("in/a.jpeg")).unwrap();
    for _ in 0..2 {
        let done = align("in").ok();
        assert!(
            done.out.contains("2 photos were done before") && done.err.is_empty(),
            "{}{}",
            done.out,
            done.err
        );
    }
    // A new photo of the old name takes nothing from it, also when all are aligned again.
    folder.write("in/a.jpg", &[&photo[..], b"\n"].concat());
    for more in [&[][..], &["--overwrite"]] {
        let all = ["align", "-s", &folder.text("in"), "-r", &result];
        run(&[&all[..], more].concat()).ok();
        assert_eq!(
            files(&folder.at("out")),
            ["a.jpg.png", "a.png", "z.png"].map(PathBuf::from)
        );
    }
    fs::remove_file(folder.at("in/a.jpg")).unwrap();
    fs::remove_file(folder.at("out/a.jpg.png")).unwrap();
    // In a folder that was moved a photo can be replaced, too.
    fs::rename(folder.at("in"), folder.at("moved")).unwrap();
    folder.write("moved/z.jpg", &[&photo[..], b"\n"].concat());
    let done = align("moved").ok();
    assert!(
        done.out.contains("1 chips written, 1 photos were done before"),
        "{}",
        done.out
    );
    // A folder where a chip is: that photo alone waits.
    folder.write("moved/z.png/x.jpg", &photo);
    folder.write("moved/y.jpg", &photo);
    let done = align("moved");
    assert!(
        done.out.contains("out/z.png is a file") && done.out.contains("1 chips written"),
        "{}",
        done.out
    );
    done.fails(1, &["1 of 4 files failed"]);
}

#[test]
fn nobody_waits_for_a_pipe() {
    let photo = photo();
    let set = Set::new();
    let folder = Folder::with(&[("in/a.jpg", &photo)]);
    let pipe = |name: &str| {
        let path = folder.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        folder.text(name)
    };
    let source = folder.text("in");
    run(&["align", "-s", &source, "-r", &folder.text("out")]).ok();
    fs::remove_file(folder.at("out/a.png")).unwrap();
    pipe("out/a.png");
    run(&["align", "-s", &source, "-r", &folder.text("out")]).fails(1, &["1 of 1 files failed"]);
    pipe("arrays/embeddings_x.npy");
    run(&[
        "embed",
        "--align",
        "-s",
        &source,
        "-r",
        &folder.text("arrays"),
        "-d",
        "x",
    ])
    .fails(1, &["embeddings_x.npy"]);
    pipe("report/results.json");
    report(&set, &folder.at("report")).fails(1, &["no report"]);
    let photo = folder.text("in/a.jpg");
    run(&["draw", &photo, "-o", &pipe("drawn.png")]).fails(1, &["drawn.png"]);
    run(&["compare", &photo, &photo, "--picture", &pipe("both.png")]).fails(1, &["both.png"]);
    let mut calibrate = bare();
    calibrate
        .args(["calibrate", "--any-model", "--fmr", "5e-2..2e-1"])
        .args(set.arguments());
    Run::of(calibrate.arg("-o").arg(pipe("c.toml"))).fails(1, &["c.toml", "no regular file"]);
}

#[test]
fn a_report_has_any_name_and_is_replaced_unless_somebody_changed_it() {
    use std::os::unix::ffi::OsStrExt;
    let set = Set::new();
    let out = set.path("reports").join(std::ffi::OsStr::from_bytes(b"r\xFF"));
    report(&set, &out).ok();
    report(&set, &out).ok();
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("r%FF"), "the command is on the page");
    fs::write(out.join("index.html"), page + "<p>mine").unwrap();
    report(&set, &out).fails(1, &["index.html", "was changed"]);
}

#[test]
fn pairs_that_lie_beside_other_arrays_are_told() {
    let folder = Folder::with(&[("in/a.png", &chip(1)), ("out/pairs_x.txt", b"0 1 1\n")]);
    let done = run(&["embed", "-s", &folder.text("in"), "-r", &folder.text("out"), "-d", "x"]).ok();
    assert!(done.err.contains("pairs_x.txt lies beside the arrays"), "{}", done.err);
}
