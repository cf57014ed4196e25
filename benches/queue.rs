//! What merging concurrent callers costs and gives, with SFace on the CPU. `cargo bench --bench queue`
//!
//! Criterion times one caller; here many work at a time, so turns are taken by hand and ratios told.

mod common;

use common::{PHOTOS, required};
use qmagface::align::Chip;
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
    let turn: [&dyn Fn() -> f64; 5] = [
        &|| by_callers(&merging, 1, &batch),
        &|| by_callers(&merging, CALLERS, &batch[..1]),
        &|| by_callers(&single, CALLERS, &batch[..1]),
        &|| by_callers(&merging, 1, &batch[..1]),
        &|| by_callers(&single, 1, &batch[..1]),
    ];
    let mut rates = [const { Vec::new() }; 5];
    for _ in 0..TURNS {
        for (rates, turn) in rates.iter_mut().zip(turn) {
            rates.push(turn());
        }
    }
    let ratio = |a: usize, b: usize| median(rates[a].iter().zip(&rates[b]).map(|(a, b)| a / b).collect());
    println!("chips a second, median of {TURNS} turns:");
    println!(
        "  one caller, {CALLERS} chips a call            {:8.1}",
        median(rates[0].clone())
    );
    println!(
        "  {CALLERS} callers, a chip a call              {:8.1}",
        median(rates[1].clone())
    );
    println!(
        "  the same with batch_size 1              {:8.1}",
        median(rates[2].clone())
    );
    println!(
        "  one caller, a chip a call               {:8.1}",
        median(rates[3].clone())
    );
    println!(
        "  the same with batch_size 1              {:8.1}",
        median(rates[4].clone())
    );
    println!(
        "{CALLERS} callers against one with full batches: {:.3} (at least 0.9)",
        ratio(1, 0)
    );
    println!(
        "latency of one caller alone against no merging: {:.3} (at most 1.02)",
        ratio(4, 3)
    );
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
