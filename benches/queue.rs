//! What merging concurrent callers costs and gives, with SFace on the CPU. `cargo bench --bench queue`
//!
//! Criterion times one caller; here many work at a time, so turns are taken by hand and ratios told.

mod common;

use common::{PHOTOS, required};
use qmagface::Chip;
use qmagface::device::DeviceChoice;
use qmagface::engine::{Engine, EngineOptions};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Turns of each kind; the ratios are medians.
const TURNS: usize = 9;
/// The length of a turn.
const TURN: Duration = Duration::from_millis(1500);
/// Callers, and chips of the batch that they are measured against.
const CALLERS: usize = 16;
/// Calls of each engine for the latency.
const CALLS: usize = 400;

fn main() {
    let engine = |batch_size| {
        let options = EngineOptions {
            device: DeviceChoice::Cpu,
            batch_size,
            ..EngineOptions::default()
        };
        required(Engine::open("sface", &options))
    };
    let (merging, single) = (engine(None), engine(Some(1)));
    let chips = PHOTOS.map(common::chip);
    let batch: Vec<&Chip> = chips.iter().cycle().take(CALLERS).collect();
    let turns: [&dyn Fn() -> f64; 3] = [
        &|| by_callers(&merging, 1, &batch),
        &|| by_callers(&merging, CALLERS, &batch[..1]),
        &|| by_callers(&single, CALLERS, &batch[..1]),
    ];
    let mut rates = [const { Vec::new() }; 3];
    for _ in 0..TURNS {
        for (rates, turn) in rates.iter_mut().zip(turns) {
            rates.push(turn());
        }
    }
    let names = [
        "one caller, 16 chips a call",
        "16 callers, a chip a call",
        "the same with batch_size 1",
    ];
    for (name, rates) in names.iter().zip(&rates) {
        println!("{name:<30}{:8.1} chips/s", median(rates.clone()));
    }
    let ratio = median(rates[1].iter().zip(&rates[0]).map(|(many, full)| many / full).collect());
    println!("{CALLERS} callers against one with full batches: {ratio:.3} (at least 0.9)");
    let [merged, alone] = alternately([&merging, &single], &batch[..1]).map(median);
    println!(
        "latency of one caller alone: {:.3} ms, with batch_size 1 {:.3} ms, ratio {:.3} (at most 1.02)",
        merged * 1e3,
        alone * 1e3,
        merged / alone
    );
}

/// Seconds of each engine's calls, which take turns one by one.
fn alternately(engines: [&Engine; 2], chips: &[&Chip]) -> [Vec<f64>; 2] {
    let mut seconds = [const { Vec::new() }; 2];
    for _ in 0..CALLS {
        for (engine, seconds) in engines.iter().zip(&mut seconds) {
            let start = Instant::now();
            black_box(required(engine.embed(chips)));
            seconds.push(start.elapsed().as_secs_f64());
        }
    }
    seconds
}

/// Chips a second when so many callers embed these chips again and again.
fn by_callers(engine: &Engine, callers: usize, chips: &[&Chip]) -> f64 {
    let start = Instant::now();
    let calls: usize = std::thread::scope(|scope| {
        let caller = || {
            let mut calls = 0;
            while start.elapsed() < TURN {
                black_box(required(engine.embed(chips)));
                calls += 1;
            }
            calls
        };
        let callers: Vec<_> = (0..callers).map(|_| scope.spawn(caller)).collect();
        callers.into_iter().map(|caller| caller.join().expect("no panic")).sum()
    });
    (calls * chips.len()) as f64 / start.elapsed().as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
