//! Many threads on one engine: what each gets must be what one thread alone gets, and the process must not grow.
//!
//! A test runs it for seconds, `make soak` for as long as is wished.

use crate::{common, process};
use image::RgbImage;
use image::imageops::{self, FilterType};
use qmagface::{BgrImage, DecodeLimits, Engine, Extraction, Result};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Something to extract faces from.
pub enum Picture {
    /// A file's bytes.
    Encoded(Vec<u8>),
    /// Pixels.
    Pixels(BgrImage),
}

impl Picture {
    fn extract(&self, engine: &Engine) -> Result<Vec<Extraction>> {
        match self {
            Picture::Encoded(bytes) => engine.extract_all(&qmagface::image::decode(bytes, &DecodeLimits::default())?),
            Picture::Pixels(image) => engine.extract_all(image),
        }
    }
}

/// The photos of a folder at several scales, at 1 they are decoded anew each time; and one of all of them side by side.
pub fn pictures(folder: &Path, names: &[&str], scales: &[f64]) -> Vec<Picture> {
    let mut pictures = Vec::new();
    let mut together = RgbImage::new(GROUP_WIDTH * names.len() as u32, GROUP_WIDTH * 2);
    for (index, name) in names.iter().enumerate() {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let whole = common::rgb(&qmagface::image::decode(&bytes, &DecodeLimits::default()).unwrap());
        for &scale in scales {
            if scale == 1.0 {
                pictures.push(Picture::Encoded(bytes.clone()));
                continue;
            }
            let side = |length: u32| (f64::from(length) * scale) as u32;
            let scaled = imageops::resize(&whole, side(whole.width()), side(whole.height()), FilterType::Triangle);
            pictures.push(Picture::Pixels(common::bgr(scaled)));
        }
        let height = whole.height() * GROUP_WIDTH / whole.width();
        let one = imageops::resize(&whole, GROUP_WIDTH, height, FilterType::Triangle);
        imageops::replace(&mut together, &one, i64::from(GROUP_WIDTH) * index as i64, 0);
    }
    pictures.push(Picture::Pixels(common::bgr(together)));
    pictures
}

/// Width of each photo in the one of all.
const GROUP_WIDTH: u32 = 300;

/// How much is done.
pub struct Load {
    pub threads: usize,
    pub duration: Duration,
    /// By how much the process may grow: the mean size of the last quarter of the time over that of the second (the
    /// first is for warming up), as a part of it and in bytes beside.
    pub growth: (f64, u64),
}

/// What was found.
pub struct Figures {
    pub calls: usize,
    pub faces: usize,
    /// Sorted.
    pub latencies: Vec<Duration>,
    /// Mean bytes resident in the second and in the last quarter of the time.
    pub resident: [u64; 2],
    /// What was wrong, at most ten of it.
    pub wrong: Vec<String>,
}

impl Figures {
    /// The latency that a part of the calls, 0..=1, did not exceed.
    pub fn latency(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies
            .get((part * last as f64).round() as usize)
            .copied()
            .unwrap_or_default()
    }
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = |part| self.latency(part).as_secs_f64() * 1e3;
        let mib = self.resident.map(|bytes| bytes as f64 / f64::from(1 << 20));
        write!(
            f,
            "{} calls, {} faces; latency p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms; resident {:.1} MiB, at the end {:.1} MiB",
            self.calls,
            self.faces,
            ms(0.5),
            ms(0.99),
            ms(1.0),
            mib[0],
            mib[1]
        )
    }
}

/// Runs `load` on `engine`; `alone` makes what is expected, in one thread, before.
pub fn run(engine: &Engine, alone: &Engine, pictures: &[Picture], load: &Load) -> Figures {
    let expected: Vec<Vec<Extraction>> = pictures.iter().map(|picture| picture.extract(alone).unwrap()).collect();
    assert!(
        expected.iter().any(|faces| faces.len() > 1),
        "no picture with several faces"
    );
    let wrong = Mutex::new(Vec::new());
    let complain = |what: String| {
        let mut wrong = wrong.lock().unwrap();
        if wrong.len() < 10 {
            wrong.push(what);
        }
    };
    let (next, faces, over) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicBool::new(false));
    let one = || {
        let mut latencies = Vec::new();
        while !over.load(Ordering::Relaxed) {
            // Numbers without a common factor: neighbours are of other sizes each time.
            let index = next.fetch_add(1, Ordering::Relaxed) * 7 % pictures.len();
            let started = Instant::now();
            let made = pictures[index].extract(engine);
            latencies.push(started.elapsed());
            match made {
                Err(error) => complain(format!("picture {index}: {error}")),
                Ok(found) if !is_same(&found, &expected[index]) => complain(format!("picture {index}: other bits")),
                Ok(found) => drop(faces.fetch_add(found.len(), Ordering::Relaxed)),
            }
        }
        latencies
    };
    let started = Instant::now();
    let (mut second, mut last) = (Vec::new(), Vec::new());
    let mut latencies: Vec<Duration> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..load.threads).map(|_| scope.spawn(one)).collect();
        while started.elapsed() < load.duration {
            std::thread::sleep(load.duration.min(Duration::from_secs(40)) / 40);
            match started.elapsed().as_secs_f64() / load.duration.as_secs_f64() {
                0.25..0.5 => second.push(process::resident()),
                0.75.. => last.push(process::resident()),
                _ => {}
            }
        }
        over.store(true, Ordering::Relaxed);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    latencies.sort();
    let mean = |samples: &[u64]| samples.iter().sum::<u64>() / samples.len().max(1) as u64;
    let resident = [mean(&second), mean(&last)];
    let allowed = resident[0] as f64 * (1.0 + load.growth.0) + load.growth.1 as f64;
    if resident[1] as f64 > allowed {
        complain(format!(
            "the process grew from {} to {} bytes",
            resident[0], resident[1]
        ));
    }
    if latencies.len() < load.threads {
        complain(format!("only {} calls in {} threads", latencies.len(), load.threads));
    }
    Figures {
        calls: latencies.len(),
        faces: faces.into_inner(),
        latencies,
        resident,
        wrong: wrong.into_inner().unwrap(),
    }
}

/// The same faces, chips and embeddings to the last bit.
pub fn is_same(a: &[Extraction], b: &[Extraction]) -> bool {
    let bits = |found: &[Extraction]| -> Vec<u32> {
        let values = found.iter().flat_map(|found| {
            let face = &found.face;
            let numbers = face
                .bbox
                .iter()
                .chain([&face.score])
                .chain(face.landmarks.as_flattened());
            numbers.chain(&found.embedding)
        });
        values.map(|value| value.to_bits()).collect()
    };
    a == b && bits(a) == bits(b)
}
