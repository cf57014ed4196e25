//! What goes wrong around the library: a disk that is full, an end by `kill -9`, files that change.
//!
//! The disk's faults are injected (tests/cli/inject.c) at each step that a command makes in its result's folder, one
//! run for each step.

use crate::common;
use crate::made_up::Set;
use crate::program::{program, qmagface};
use qmagface::model::{Bundle, Origin, Store, WEIGHTS_FILE};
use qmagface::{Calibration, DeviceChoice, Engine, EngineOptions, ErrorKind, QualityParameters};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use tempfile::TempDir;

// ------------------------------------------------------------------------------------------- disk full, and kill -9

/// The library that injects faults.
fn injector() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let source = common::root().join("tools/cli/tests/cli/inject.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("inject-{}.so", std::process::id()));
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let made = Command::new(&compiler)
            .args([
                "-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o",
            ])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        // Another run of these tests may be using the last one.
        let here = library.with_file_name("inject.so");
        fs::rename(&library, &here).unwrap();
        here
    });
    &MADE
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Kill,
    Full,
}

/// A command that writes something, and what is known of its results.
struct Job<'a> {
    /// The command, writing into this folder.
    command: &'a dyn Fn(&Path) -> Command,
    /// Puts older results there, which the command replaces.
    older: &'a dyn Fn(&Path),
    /// What is whole or not there is a folder at this path, not each file by itself.
    folder: Option<&'a str>,
    /// Whether a full disk leaves all files old, or makes all new; and whether no old one is ever beside a new one.
    together: bool,
    /// A file that stays after a fault, for the next run to go on with.
    journal: Option<&'a str>,
    /// Each step up to this one is tried, then fewer and fewer of them.
    every_step: usize,
}

/// All files below a folder but hidden ones, with their bytes; and the paths of the hidden ones.
fn snapshot(folder: &Path) -> (BTreeMap<String, Vec<u8>>, Vec<String>) {
    let (mut files, mut hidden) = (BTreeMap::new(), Vec::new());
    for entry in walkdir::WalkDir::new(folder).min_depth(1).sort_by_file_name() {
        let entry = entry.unwrap();
        let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
        let is_hidden = name.split('/').any(|part| part.starts_with('.'));
        // Which photo each chip is of: it stays, and says where the photos lie.
        if name.ends_with("/.qmagface-chips") {
            continue;
        }
        match (is_hidden, entry.file_type().is_file()) {
            (true, _) => hidden.push(name),
            (false, true) => drop(files.insert(name, fs::read(entry.path()).unwrap())),
            (false, false) => {}
        }
    }
    (files, hidden)
}

impl Job<'_> {
    fn run(&self, folder: &Path, fault: Option<(How, usize, &Path)>) -> Output {
        let mut command = (self.command)(folder);
        command.env_remove("RUST_LOG").env("LD_PRELOAD", injector());
        if let Some((how, at, told)) = fault {
            command
                .env("QMF_FAULT_UNDER", folder)
                .env("QMF_FAULT_AT", at.to_string())
                .env("QMF_FAULT_HOW", if how == How::Kill { "kill" } else { "full" })
                .env("QMF_FAULT_TOLD", told);
        }
        command.output().unwrap()
    }

    /// Every result is an old one or a new one, whole.
    fn assert_whole(
        &self,
        found: &BTreeMap<String, Vec<u8>>,
        old: &BTreeMap<String, Vec<u8>>,
        new: &BTreeMap<String, Vec<u8>>,
        what: &str,
    ) {
        if let Some(folder) = self.folder {
            let of = |all: &BTreeMap<String, Vec<u8>>| -> BTreeMap<String, Vec<u8>> {
                let inside = all.iter().filter(|(name, _)| name.starts_with(folder));
                inside.map(|(name, bytes)| (name.clone(), bytes.clone())).collect()
            };
            assert!(
                of(found) == of(old) || of(found) == of(new),
                "{what}: {:?}",
                found.keys()
            );
            return;
        }
        for name in old.keys().chain(new.keys()) {
            let now = found.get(name);
            // Files that belong together may lose their last one for a moment, as a sign that they don't.
            let is_sign = self.together && Some(name) == new.keys().last() && now.is_none();
            assert!(
                now == old.get(name) || now == new.get(name) || is_sign,
                "{what}: {name} is neither the old nor the new"
            );
        }
        if self.together && new.keys().all(|name| found.contains_key(name)) {
            assert!(found == old || found == new, "{what}: old files beside new ones");
        }
        for name in found.keys() {
            assert!(
                old.contains_key(name) || new.contains_key(name),
                "{what}: {name} is no result"
            );
        }
    }

    /// Injects both faults at the steps of the command.
    fn outlives(&self) {
        let scratch = tempfile::tempdir().unwrap();
        let told = scratch.path().join("told");
        let undisturbed = tempfile::tempdir().unwrap();
        let output = self.run(undisturbed.path(), None);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let (new, hidden) = snapshot(undisturbed.path());
        assert!(!new.is_empty() && hidden.is_empty(), "{hidden:?}");
        for how in [How::Kill, How::Full] {
            let (mut at, mut faults, mut kept) = (1, 0, 0);
            loop {
                let folder = tempfile::tempdir().unwrap();
                (self.older)(folder.path());
                let (old, _) = snapshot(folder.path());
                assert!(old.is_empty() || old != new);
                let _ = fs::remove_file(&told);
                let output = self.run(folder.path(), Some((how, at, &told)));
                let error = String::from_utf8_lossy(&output.stderr).into_owned();
                let what = format!("{how:?} at step {at}: {error}");
                let (found, hidden) = snapshot(folder.path());
                if !told.exists() {
                    assert!(output.status.success() && found == new, "{what}");
                    break;
                }
                faults += 1;
                self.assert_whole(&found, &old, &new, &what);
                match how {
                    How::Kill => assert_eq!(output.status.signal(), Some(libc::SIGKILL), "{what}"),
                    // Removing what is no longer needed works on a full disk, and nothing may follow it.
                    How::Full if output.status.success() => assert!(found == new, "{what}"),
                    How::Full => {
                        assert_eq!(output.status.code(), Some(1), "{what}");
                        assert!(error.contains("No space left on device"), "{what}");
                        assert!(!error.contains("panicked"), "{what}");
                        assert!(
                            !self.together || found == old || found == new,
                            "{what}: old files beside new ones"
                        );
                        let strays: Vec<_> = hidden
                            .iter()
                            .filter(|&name| Some(name.as_str()) != self.journal)
                            .collect();
                        assert!(strays.is_empty(), "{what}: left {strays:?}");
                    }
                }
                kept += usize::from(self.journal.is_some_and(|journal| folder.path().join(journal).exists()));
                // The same command again, with room: the very same bytes, and nothing of the fault in the result.
                let output = self.run(folder.path(), None);
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "after {what}: {error}");
                let (found, hidden) = snapshot(folder.path());
                assert!(found == new, "after {what}");
                let is_stray = |name: &String| name.split('/').any(|part| part.starts_with(".qmagface-"));
                assert!(hidden.iter().all(is_stray), "after {what}: {hidden:?}");
                at += if at < self.every_step { 1 } else { at };
            }
            println!("{how:?}: {faults} faults");
            assert!(faults >= 3, "{how:?}: only {faults} faults");
            assert_eq!(
                kept > 0,
                self.journal.is_some(),
                "{how:?}: {kept} journals were gone on with"
            );
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder of chips of noise.
fn noise_chips(count: u32, seed: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..count {
        let noise = |x: u32, y: u32| (x * 7919 + y * 104_729 + (index + seed) * 1_299_709).wrapping_mul(2_654_435_761);
        let chip = image::RgbImage::from_fn(112, 112, |x, y| {
            image::Rgb([(noise(x, y) >> 24) as u8, (noise(y, x) >> 24) as u8, x as u8])
        });
        chip.save(folder.path().join(format!("{index:03}.png"))).unwrap();
    }
    folder
}

#[test]
fn embed_outlives_a_full_disk_and_kill() {
    let (chips, others) = (noise_chips(20, 0), noise_chips(3, 99));
    let embed = |source: &Path, result: &Path| {
        let mut command = Command::new(program());
        qmagface(); // installs the models
        command.args([
            "embed",
            "--device",
            "cpu",
            "-s",
            text(source),
            "-r",
            text(result),
            "-d",
            "n",
        ]);
        command
    };
    let older = |folder: &Path| assert!(embed(others.path(), folder).output().unwrap().status.success());
    Job {
        command: &|folder| embed(chips.path(), folder),
        older: &older,
        folder: None,
        together: true,
        journal: Some(".embeddings_n.journal"),
        every_step: usize::MAX,
    }
    .outlives();
}

#[test]
fn align_outlives_a_full_disk_and_kill() {
    let photos = tempfile::tempdir().unwrap();
    for name in ["a.jpg", "b.jpg"] {
        fs::copy(common::photos().join("obama.jpg"), photos.path().join(name)).unwrap();
    }
    let align = |result: &Path| {
        let mut command = Command::new(program());
        qmagface();
        command.args(["align", "--device", "cpu", "-s", text(photos.path()), "-r"]);
        command.arg(result.join("chips"));
        // MTCNN finds two in it.
        command.args(["--face", "all", "--detector", "mtcnn"]);
        command
    };
    Job {
        command: &align,
        older: &|_| (),
        folder: None,
        together: false,
        journal: None,
        every_step: usize::MAX,
    }
    .outlives();
    // A stray of a killed run is no image for the next command.
    let folder = tempfile::tempdir().unwrap();
    assert!(align(folder.path()).output().unwrap().status.success());
    let chips = folder.path().join("chips");
    fs::copy(chips.join("a_0.png"), chips.join(".qmagface-a1B2c3")).unwrap();
    let result = folder.path().join("result");
    let mut embed = Command::new(program());
    embed.args([
        "embed",
        "--device",
        "cpu",
        "-s",
        text(&chips),
        "-r",
        text(&result),
        "-d",
        "n",
        "--json",
    ]);
    let output = embed.output().unwrap();
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["count"], 4, "{told}");
    assert_eq!(
        (told["skipped"].as_array().unwrap().len(), &told["hidden"]),
        (0, &1.into()),
        "{told}"
    );
}

#[test]
fn calibrate_outlives_a_full_disk_and_kill() {
    let set = Set::new();
    let calibrate = |result: &Path| {
        let mut command = Command::new(program());
        command.arg("calibrate").args(set.arguments());
        command.args(["--any-model", "--fmr", "5e-2..2e-1", "--date", "2026-11-24", "-o"]);
        command.arg(result.join("c.toml"));
        command
    };
    Job {
        command: &calibrate,
        older: &|folder| {
            let old = Calibration::from_parameters(QualityParameters { alpha: 0.1, beta: 0.2 });
            old.unwrap().write(&folder.join("c.toml")).unwrap();
        },
        folder: None,
        together: false,
        journal: None,
        every_step: usize::MAX,
    }
    .outlives();
}

#[test]
fn a_report_outlives_a_full_disk_and_kill() {
    let set = Set::new();
    let evaluate = |result: &Path, fmrs: &str| {
        let mut command = Command::new(program());
        command.args(["evaluate", "all-pairs"]).args(set.arguments());
        command.args(["--score", "cosine", "--replicates", "0", "--fmrs", fmrs, "-o", "report"]);
        // The command line is part of a report.
        command.current_dir(result);
        command
    };
    let older = |folder: &Path| {
        let output = evaluate(folder, "2e-1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    Job {
        command: &|folder| evaluate(folder, "1e-1"),
        older: &older,
        folder: Some("report/"),
        together: false,
        journal: None,
        every_step: 12,
    }
    .outlives();
}

#[test]
fn an_export_outlives_a_full_disk_and_kill() {
    let export = |result: &Path| {
        let mut command = Command::new(program());
        qmagface();
        command.args(["models", "export", "sface", "--force"]);
        command.arg(result.join("m.qmfmodel"));
        command
    };
    Job {
        command: &export,
        older: &|folder| fs::write(folder.join("m.qmfmodel"), "the old one").unwrap(),
        folder: None,
        together: false,
        journal: None,
        every_step: 4,
    }
    .outlives();
}

// ------------------------------------------------------------------------------- weights that change after loading

fn on_cpu() -> EngineOptions {
    EngineOptions {
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    }
}

/// A store of its own with copies of the two packs.
fn store() -> (TempDir, Store) {
    let (folder, user) = (tempfile::tempdir().unwrap(), Store::default_location().unwrap());
    let store = Store::new(folder.path());
    for name in ["sface", "yunet"] {
        let (from, to) = (common::installed(&user, name), store.models_folder().join(name));
        fs::create_dir_all(&to).unwrap();
        for entry in fs::read_dir(from.folder().unwrap()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    (folder, store)
}

#[test]
fn an_engine_goes_on_when_its_weights_change_on_disk() {
    let (folder, store) = store();
    let options = EngineOptions {
        store: Some(folder.path().to_owned()),
        ..on_cpu()
    };
    let (embedder, detector) = store.open_with_detector("sface", None).unwrap();
    let bundle = folder.path().join("b.qmfmodel");
    Bundle::write(&bundle, &embedder, &detector).unwrap();
    let engine = Engine::open("sface", &options).unwrap();
    let of_bundle = Engine::open(text(&bundle), &options).unwrap();
    let photo = common::photos().join("obama.jpg");
    let before = engine.extract_file(&photo).unwrap().expect("a face");
    let goes_on = |what: &str| {
        for engine in [&engine, &of_bundle] {
            let found = engine.extract_file(&photo).unwrap().expect("a face");
            assert!(found == before, "{what}: other bits");
        }
    };
    goes_on("nothing changed");
    let tensors = embedder.load_weights().unwrap();
    for name in ["sface", "yunet"] {
        let file = store.models_folder().join(name).join(WEIGHTS_FILE);
        let good = fs::read(&file).unwrap();
        // In place, so that whoever had mapped the file would see it.
        let mut bytes = good.clone();
        let end = bytes.len();
        bytes[end - 4096..].fill(0x3f);
        fs::write(&file, &bytes).unwrap();
        goes_on("changed values");
        let refused = |what: &str, kinds: &[ErrorKind]| {
            let error = Engine::open("sface", &options).err().expect(what);
            assert!(kinds.contains(&error.kind()), "{what}: {error}");
            assert!(error.message().contains(WEIGHTS_FILE), "{what}: {error}");
        };
        refused("changed values", &[ErrorKind::Weights]);
        fs::write(&file, &good[..end / 2]).unwrap();
        goes_on("half the file");
        refused("half the file", &[ErrorKind::Weights]);
        fs::write(&file, "").unwrap();
        goes_on("an empty file");
        refused("an empty file", &[ErrorKind::Weights]);
        fs::remove_file(&file).unwrap();
        goes_on("no file");
        refused("no file", &[ErrorKind::Io]);
        fs::write(&file, &good).unwrap();
        assert_eq!(Engine::open("sface", &options).unwrap().info(), engine.info());
    }
    let size = fs::metadata(&bundle).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&bundle)
        .unwrap()
        .set_len(size / 2)
        .unwrap();
    goes_on("half the bundle");
    assert_eq!(
        Engine::open(text(&bundle), &options).err().unwrap().kind(),
        ErrorKind::Model
    );

    // Other good weights under the same name: another fingerprint, and what both made can't be compared.
    let mut others = tensors.clone();
    let mut tensor = others.remove("fc1_beta").unwrap();
    tensor.data[0] += 1.0;
    others.insert("fc1_beta", tensor.shape, tensor.data).unwrap();
    let origin = Origin {
        description: "a test".into(),
        sha256: None,
    };
    store.install("sface", &others, &origin).unwrap();
    goes_on("another pack");
    let newer = Engine::open("sface", &options).unwrap();
    assert_ne!(newer.info().fingerprint, engine.info().fingerprint);
    let after = newer.extract_file(&photo).unwrap().expect("a face");
    assert_ne!(after.embedding, before.embedding);
    let [old, new] = [(&engine, &before), (&newer, &after)].map(|(engine, found)| engine.template(found).unwrap());
    let calibration = engine.calibration().unwrap();
    assert!(calibration.compare(&old, &old).is_ok());
    assert!(calibration.compare(&old, &new).is_err() && calibration.compare(&new, &new).is_err());
}
