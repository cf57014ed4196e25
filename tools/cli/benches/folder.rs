//! How well `qmagface embed` keeps the machine busy on a folder. `cargo bench --bench folder`
//!
//! Each stage is run by itself over the same files with all threads, then the program over the folder. On the CPU the
//! stages share the cores, so that the sum of their times is what the program can reach; of chips, embedding alone.

#[path = "../../../benches/common/mod.rs"]
mod common;

use common::{PHOTOS, photo_path, required};
use qmagface::Chip;
use qmagface::device::DeviceChoice;
use qmagface::engine::{Engine, EngineOptions};
use qmagface::image::{DecodeLimits, read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Files in each folder.
const PHOTOS_IN_FOLDER: usize = 200;
const CHIPS_IN_FOLDER: usize = 2000;
/// Turns; the ratios are medians.
const TURNS: usize = 5;

fn main() {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    };
    let engine = required(Engine::open("sface", &options));
    let folder = required(tempfile::tempdir());
    let photos = copies(&folder.path().join("photos"), PHOTOS_IN_FOLDER, |path, index| {
        std::fs::copy(photo_path(PHOTOS[index % 2]), path.with_extension("jpg")).map(|_| path.with_extension("jpg"))
    });
    let chips = PHOTOS.map(common::chip);
    let files = copies(&folder.path().join("chips"), CHIPS_IN_FOLDER, |path, index| {
        let path = path.with_extension("png");
        let image = common::rgb(&chips[index % 2].to_image());
        image.save(&path).map_err(std::io::Error::other).map(|()| path)
    });
    let few = copies(&folder.path().join("one"), 1, |path, _| {
        std::fs::copy(&files[0], path.with_extension("png")).map(|_| path.with_extension("png"))
    });
    let of_photos = || decode(&photos) + detect(&engine, &photos) + embed(&engine, &chips, photos.len());
    let of_chips = || decode(&files) + embed(&engine, &chips, files.len());
    let (mut photo_ratios, mut chip_ratios) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        // What starting, opening the model and ending take.
        let start = program(few[0].parent().expect("a folder"), false);
        let (work, took) = (
            of_photos(),
            program(photos[0].parent().expect("a folder"), true) - start,
        );
        println!("{} photos: stages {work:.2} s, program {took:.2} s", photos.len());
        photo_ratios.push(work / took);
        let (work, took) = (of_chips(), program(files[0].parent().expect("a folder"), false) - start);
        println!("{} chips: stages {work:.2} s, program {took:.2} s", files.len());
        chip_ratios.push(work / took);
    }
    for (what, mut ratios) in [("photos", photo_ratios), ("chips", chip_ratios)] {
        ratios.sort_by(f64::total_cmp);
        println!(
            "{what}: the stages' time against the program's: {:.3} (at least 0.95)",
            ratios[TURNS / 2]
        );
    }
}

/// Makes a folder with so many files.
fn copies(folder: &Path, count: usize, make: impl Fn(&Path, usize) -> std::io::Result<PathBuf>) -> Vec<PathBuf> {
    required(std::fs::create_dir_all(folder));
    (0..count)
        .map(|index| required(make(&folder.join(format!("{index:05}")), index)))
        .collect()
}

/// Seconds that all files take, by a thread for each core.
fn by_all(files: &[PathBuf], work: impl Fn(&Path) + Sync) -> f64 {
    let (start, next) = (Instant::now(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(file);
                }
            });
        }
    });
    start.elapsed().as_secs_f64()
}

fn decode(files: &[PathBuf]) -> f64 {
    by_all(files, |file| drop(required(read(file, &DecodeLimits::default()))))
}

/// Detection and alignment, without decoding.
fn detect(engine: &Engine, files: &[PathBuf]) -> f64 {
    let photos = PHOTOS.map(common::photo);
    by_all(files, |file| {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
        let photo = &photos[name.parse::<usize>().expect("a number") % 2];
        let faces = required(engine.detect(photo));
        drop(required(engine.align(photo, &faces[0].landmarks)));
    })
}

fn embed(engine: &Engine, chips: &[Chip; 2], count: usize) -> f64 {
    let chips: Vec<&Chip> = chips.iter().cycle().take(count).collect();
    let start = Instant::now();
    for batch in chips.chunks(engine.info().batch_size) {
        required(engine.embed(batch));
    }
    start.elapsed().as_secs_f64()
}

/// Seconds that `qmagface embed` takes on a folder.
fn program(folder: &Path, align: bool) -> f64 {
    let result = required(tempfile::tempdir());
    let mut command = Command::new(env!("CARGO_BIN_EXE_qmagface"));
    command.args(["--device", "cpu", "embed", "--dataset", "bench", "--source"]);
    command.arg(folder).arg("--result").arg(result.path());
    command
        .args(align.then_some("--align"))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let start = Instant::now();
    let status = required(command.status());
    assert!(status.success(), "qmagface embed ended with {status}");
    start.elapsed().as_secs_f64()
}
