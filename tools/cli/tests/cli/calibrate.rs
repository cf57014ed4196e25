//! `qmagface calibrate` as a person or a script uses it, and `compare --calibration` with its files.

use crate::common;
use crate::program::{Run, run, text};
use qmagface::calibrate::fit::{FitOptions, Procedure, fit};
use qmagface::pairs::{Pairs, Prepared};
use qmagface::{Calibration, Matrix, QualityParameters};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Embeddings of made-up people, who are harder to tell where the quality is low, and their names.
fn made_up(people: usize, images: usize, length: usize) -> (Matrix, Vec<String>) {
    let mut random = fastrand::Rng::with_seed(11);
    let mut normal = || (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
    let mut rows = Vec::new();
    let mut names = Vec::new();
    for person in 0..people {
        let centre: Vec<f32> = (0..length).map(|_| normal()).collect();
        for image in 0..images {
            let quality = 12.0 + 1.3 * normal().clamp(-4.0, 4.0);
            let face: Vec<f32> = centre.iter().map(|v| v + 14.0 / quality * normal()).collect();
            let norm = face.iter().map(|v| v * v).sum::<f32>().sqrt();
            rows.extend(face.iter().map(|v| v * quality / norm));
            names.push(format!("person {person}/{image}.jpg"));
        }
    }
    (Matrix::new(people * images, length, rows).unwrap(), names)
}

/// A folder with the two arrays.
struct Arrays {
    folder: TempDir,
}

impl Arrays {
    fn new(rows: &Matrix, names: &[String]) -> Arrays {
        let folder = tempfile::tempdir().unwrap();
        let data: Vec<u8> = rows.values().iter().flat_map(|v| v.to_le_bytes()).collect();
        let shape = format!("({}, {})", rows.rows(), rows.columns());
        npy(&folder.path().join("embeddings_made-up.npy"), "<f4", &shape, &data);
        let width = names.iter().map(|name| name.chars().count()).max().unwrap();
        let mut data = Vec::new();
        for name in names {
            let codes = name.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
            data.extend(codes.flat_map(u32::to_le_bytes));
        }
        let (descr, shape) = (format!("<U{width}"), format!("({},)", names.len()));
        npy(&folder.path().join("filenames_made-up.npy"), &descr, &shape, &data);
        Arrays { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Calibrates with these options besides.
    fn calibrate(&self, out: &Path, more: &[&str]) -> Run {
        let (embeddings, filenames) = (self.path("embeddings_made-up.npy"), self.path("filenames_made-up.npy"));
        let arrays = [
            "calibrate",
            "--embeddings",
            text(&embeddings),
            "--filenames",
            text(&filenames),
        ];
        run(&[&arrays[..], &["-o", text(out)], more].concat())
    }
}

fn npy(path: &Path, descr: &str, shape: &str, data: &[u8]) {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    fs::write(
        path,
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat(),
    )
    .unwrap();
}

#[test]
fn arrays_become_a_calibration_of_the_model() {
    let (rows, names) = made_up(120, 4, 128);
    let arrays = Arrays::new(&rows, &names);
    let out = arrays.path("c.toml");
    let options = ["--fmr", "1e-4..1e-2", "--date", "2026-11-24", "--gate", "7.5"];
    for procedure in Procedure::ALL {
        let with = [&options[..], &["--procedure", procedure.name(), "--json"]].concat();
        let printed = arrays.calibrate(&out, &with).ok().json();
        let set = Prepared::from_names(rows.clone(), names.clone()).unwrap();
        let fit_options = FitOptions {
            fmr: (1e-4, 1e-2),
            ..FitOptions::default()
        };
        let wanted = fit(&set, Pairs::All, procedure, &fit_options).unwrap();
        let calibration = Calibration::read(&out).unwrap();
        assert_eq!(calibration.parameters(), wanted.parameters);
        assert_eq!(printed["alpha"].as_f64(), Some(wanted.parameters.alpha));
        assert_eq!(printed["points"].as_array().unwrap().len(), wanted.points.len());
        assert_eq!(calibration.model(), Some("sface"));
        assert_eq!(calibration.quality_gate(), Some(7.5));
        assert_eq!(
            calibration.procedure(),
            Some(format!("{procedure}, FMR 1e-4 to 1e-2").as_str())
        );
        let evidence = calibration.evidence();
        assert_eq!((evidence.subjects, evidence.images), (Some(120), Some(480)));
        assert_eq!(
            (evidence.genuine_pairs, evidence.impostor_pairs),
            (Some(720), Some(114_240))
        );
        assert_eq!(
            (evidence.data.as_deref(), evidence.pairs.as_deref()),
            (Some("made-up"), Some("all"))
        );
        assert_eq!(evidence.date.as_deref(), Some("2026-11-24"));
        // 114,240 pairs support 1e-4, not 1e-5.
        assert_eq!(calibration.fmr_range(), Some((1e-4, 1e-2)));
        assert_eq!(calibration.threshold_evidence()[2].impostors_above, Some(11));
        assert!(
            calibration
                .threshold_evidence()
                .iter()
                .all(|t| t.score_interval.is_some() && t.fnmr.is_some())
        );
    }
    // The same again gives the same bytes, on any number of threads.
    let first = fs::read(&out).unwrap();
    let with = [&options[..], &["--procedure", "direct", "--threads", "1"]].concat();
    let printed = arrays.calibrate(&out, &with).ok();
    assert_eq!(first, fs::read(&out).unwrap());
    for part in [
        "480 images of 120 people",
        "720 genuine and 114240 impostor",
        "alpha",
        "1e-4",
        "written to",
    ] {
        assert!(printed.out.contains(part), "{part} is not in {}", printed.out);
    }
}

#[test]
fn pairs_can_be_sampled_and_thresholds_chosen() {
    let (rows, names) = made_up(60, 12, 16);
    let arrays = Arrays::new(&rows, &names);
    let out = arrays.path("c.toml");
    let with = |seed: &str| {
        let options = [
            "--pairs",
            "sampled",
            "--seed",
            seed,
            "--fmr",
            "1e-3..1e-2",
            "--any-model",
        ];
        let chosen = [
            "--measure",
            "2e-3,5e-2",
            "--draws",
            "0",
            "--data",
            "my people",
            "--date",
            "2026-11-24",
        ];
        arrays.calibrate(&out, &[&options[..], &chosen].concat()).ok();
        Calibration::read(&out).unwrap()
    };
    let calibration = with("3");
    let evidence = calibration.evidence();
    // 45 pairs of 10 images of each; 10 impostor pairs for each.
    assert_eq!(
        (evidence.genuine_pairs, evidence.impostor_pairs),
        (Some(2700), Some(27_000))
    );
    assert!(evidence.pairs.as_ref().unwrap().contains("seed 3"), "{evidence:?}");
    assert_eq!(
        (evidence.data.as_deref(), calibration.model()),
        (Some("my people"), None)
    );
    assert_eq!(calibration.fmr_range(), Some((2e-3, 5e-2)));
    assert!(calibration.threshold_evidence()[0].score_interval.is_none());
    assert_ne!(with("4").parameters(), calibration.parameters());
    assert_eq!(with("3"), calibration);
}

#[test]
fn what_cannot_be_calibrated_is_refused_and_leaves_the_old_file() {
    let (rows, names) = made_up(20, 3, 16);
    let arrays = Arrays::new(&rows, &names);
    let out = arrays.path("old.toml");
    let old = Calibration::from_parameters(QualityParameters { alpha: 0.1, beta: 0.2 }).unwrap();
    old.write(&out).unwrap();
    let old = fs::read(&out).unwrap();
    let any = |more: &[&str]| arrays.calibrate(&out, &[&["--any-model"], more].concat());
    any(&[]).fails(
        1,
        &[
            "1e-5 takes at least 300000 impostor pairs, there are 1710",
            "--fmr 2e-3..1e-2 can be fitted",
            "--published",
        ],
    );
    any(&["--fmr", "1e-2"]).fails(2, &["1e-5..1e-2"]);
    any(&["--fmr", "1e-2..1e-3"]).fails(1, &["no range"]);
    any(&["--procedure", "fast"]).fails(2, &["published, consistent or direct"]);
    any(&["--pairs", "some"]).fails(2, &["all", "sampled"]);
    any(&["--gate=-1", "--published"]).fails(1, &["--gate", "quality_gate is -1"]);
    any(&["--date", "yesterday", "--published"]).fails(1, &["date must be a day"]);
    let nowhere = ["calibrate", "-s", "nowhere", "-o", text(&out), "--data", "two\nlines"];
    run(&nowhere).fails(1, &["data must be one line"]);
    any(&["--measure", "1e-3", "--fmr", "5e-3..5e-2"]).fails(1, &["1e-3 takes at least 3000"]);
    any(&["--source", "x"]).fails(2, &["cannot be used with"]);
    arrays
        .calibrate(&out, &[])
        .fails(1, &["embeddings of 16 floats", "sface makes 128", "--any-model"]);
    arrays
        .calibrate(&out, &["--model", "nobody"])
        .fails(1, &["nobody", "--any-model"]);
    arrays
        .calibrate(&arrays.path("no/folder.toml"), &["--any-model"])
        .fails(1, &["cannot write", "no/folder.toml"]);
    run(&["calibrate", "-o", text(&out)]).fails(2, &["--source"]);
    run(&["calibrate", "-o", text(&out), "--embeddings", "x"]).fails(2, &["--filenames"]);

    let with = |rows: &Matrix, names: &[String]| {
        let wrong = Arrays::new(rows, names);
        wrong.calibrate(&out, &["--any-model", "--published"])
    };
    let damaged = |value: f32| {
        let mut values = rows.values().to_vec();
        values[7 * rows.columns()..][..rows.columns()].fill(value);
        Matrix::new(rows.rows(), rows.columns(), values).unwrap()
    };
    with(&damaged(f32::NAN), &names).fails(1, &["person 2/1.jpg", "not finite"]);
    with(&damaged(0.0), &names).fails(1, &["person 2/1.jpg", "zero"]);
    let mut nobody = names.clone();
    nobody[3] = "3.jpg".into();
    with(&rows, &nobody).fails(1, &["\"3.jpg\" doesn't say who"]);
    with(&rows, &names[1..]).fails(1, &["59 names", "60 embeddings"]);
    let alone: Vec<String> = (0..60).map(|i| format!("{i}/1.jpg")).collect();
    with(&rows, &alone).fails(1, &["no genuine pair"]);
    with(&rows, &vec!["ann/1.jpg".to_owned(); 60]).fails(1, &["no impostor pair"]);
    fs::write(arrays.path("embeddings_made-up.npy"), "PK").unwrap();
    any(&["--published"]).fails(1, &["embeddings_made-up.npy", "ends too early"]);
    assert!(fs::read(&out).unwrap() == old);
    // No half-written file is left.
    let mut left: Vec<_> = fs::read_dir(arrays.folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["embeddings_made-up.npy", "filenames_made-up.npy", "old.toml"]);
}

/// Chips of people: noise of their own, with more or less of other noise over it.
fn chips(people: u32, images: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let noise = |seed: u32, x: u32, y: u32| {
        (seed.wrapping_mul(1_299_709) ^ (x * 7919 + y * 104_729)).wrapping_mul(2_654_435_761) >> 24
    };
    for person in 0..people {
        fs::create_dir(folder.path().join(format!("p{person:02}"))).unwrap();
        for image in 0..images {
            let other = 1000 + person * images + image;
            let chip = image::RgbImage::from_fn(112, 112, |x, y| {
                let shade = |c: u32| {
                    let own = noise(person * 3 + c, x / 8, y / 8);
                    ((own * 6 + noise(other * 3 + c, x / 4, y / 4) * (1 + image % 3)) / (7 + image % 3)) as u8
                };
                image::Rgb([shade(0), shade(1), shade(2)])
            });
            chip.save(folder.path().join(format!("p{person:02}/{image}.png")))
                .unwrap();
        }
    }
    folder
}

#[test]
fn a_folder_of_people_is_embedded_and_goes_on_after_an_interruption() {
    let (chips, results) = (chips(24, 4), tempfile::tempdir().unwrap());
    let out = |name: &str| results.path().join(name);
    let arguments = |out: &Path| -> Vec<String> {
        let all = [
            "calibrate",
            "-s",
            text(chips.path()),
            "--chips",
            "--fmr",
            "1e-3..1e-2",
            "--date",
            "2026-11-24",
        ];
        let all = [&all[..], &["--data", "noise", "-o", text(out)]].concat();
        all.into_iter().map(str::to_owned).collect()
    };
    let run_all = |out: &Path| run(&arguments(out).iter().map(String::as_str).collect::<Vec<_>>());
    run_all(&out("whole.toml")).ok();
    // Interrupted for real: killed once its journal has the first batch.
    let journal = out(".resumed.toml.journal");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_qmagface"))
        .args(arguments(&out("resumed.toml")))
        .spawn()
        .unwrap();
    let began = std::time::Instant::now();
    while fs::read_to_string(&journal).unwrap_or_default().lines().count() < 17 {
        assert!(began.elapsed().as_secs() < 120, "no first batch in the journal");
        assert!(child.try_wait().unwrap().is_none(), "ended before it could be killed");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!out("resumed.toml").exists());
    let done = run_all(&out("resumed.toml")).ok();
    assert!(done.err.contains("going on after"), "{}", done.err);
    let whole = fs::read(out("whole.toml")).unwrap();
    assert!(whole == fs::read(out("resumed.toml")).unwrap());
    assert!(!journal.exists());
    let calibration = Calibration::read(&out("whole.toml")).unwrap();
    assert_eq!(
        (calibration.evidence().images, calibration.evidence().subjects),
        (Some(96), Some(24))
    );

    // A folder without people's folders, one with a file that is no chip.
    fs::write(chips.path().join("p00/broken.png"), "no picture").unwrap();
    let partly = run_all(&out("partly.toml"));
    assert!(partly.out.contains("p00/broken.png"), "{}", partly.out);
    partly.fails(1, &["1 of 97 files failed"]);
    assert!(out("partly.toml").exists());
    fs::copy(chips.path().join("p01/1.png"), chips.path().join("nobody.png")).unwrap();
    run_all(&out("none.toml")).fails(1, &["\"nobody.png\" doesn't say who is on the image"]);
    assert!(!out("none.toml").exists());
}

#[test]
fn compare_scores_with_a_calibration_of_ones_own() {
    let photos = ["obama.jpg", "biden.jpg"].map(|name| text(&common::photos().join(name)).to_owned());
    let compare = |more: &[&str]| run(&[&["compare", &photos[0], &photos[1]], more].concat());
    let plain = compare(&["--json"]).ok().json();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| -> String {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        text(&path).to_owned()
    };
    let cosine = plain["cosine"].as_f64().unwrap();
    let own = file(
        "own.toml",
        &format!(
            "format = 1\nalpha = 0.0\nbeta = 0.0\nstatus = \"own\"\nquality_gate = 100.0\n\
             thresholds = [{{ fmr = 1e-2, score = {} }}, {{ fmr = 1e-4, score = {} }}]\n",
            cosine - 0.1,
            cosine + 0.1
        ),
    );
    let scored = compare(&["--json", "--calibration", &own]).ok().json();
    assert_eq!(scored["score"], plain["cosine"]);
    assert!((scored["negative_log10_fmr"].as_f64().unwrap() - 3.0).abs() < 1e-9);
    assert_eq!(
        (&scored["low_quality"], &scored["out_of_range"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    let words = compare(&["--calibration", &own]).ok().out;
    for part in [
        "-log10(FMR)            3.0000",
        "below the calibration's gate",
        "unclear: fewer than 1 in 100",
    ] {
        assert!(words.contains(part), "{part} is not in {words}");
    }
    let above = file(
        "above.toml",
        "format = 1\nalpha = 0.0\nbeta = 0.0\nstatus = \"own\"\nthresholds = [{ fmr = 1e-2, score = -0.9 }]\n",
    );
    let scored = compare(&["--json", "--calibration", &above]).ok().json();
    assert_eq!(
        (&scored["low_quality"], &scored["out_of_range"]),
        (&Value::Bool(false), &Value::Bool(true))
    );
    assert!(
        compare(&["--calibration", &above])
            .ok()
            .out
            .contains("above the measured")
    );
    let foreign = file(
        "foreign.toml",
        &format!(
            "format = 1\nmodel = \"other\"\nfingerprint = \"{}\"\nalpha = 0.1\nbeta = 0.2\nstatus = \"own\"\n",
            "07".repeat(32)
        ),
    );
    compare(&["--calibration", &foreign]).fails(1, &["foreign.toml", "of other (070707070707)", "sface"]);
    compare(&["--calibration", "/no/such.toml"]).fails(1, &["/no/such.toml"]);
    compare(&["--calibration", &photos[0]]).fails(1, &["obama.jpg"]);
}
