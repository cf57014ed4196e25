//! A photo's file to a template with the default models, and the share of each stage. `cargo bench --bench pipeline`

mod common;

use common::{PHOTOS, photo, photo_path, required};
use qmagface::device::DeviceChoice;
use qmagface::engine::{Engine, EngineOptions};
use qmagface::image::{DecodeLimits, read};
use qmagface::template::Template;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

/// Runs of each stage, in turns, of which the shares are medians.
const TURNS: usize = 15;

fn main() {
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    };
    let engine = required(Engine::open("sface", &options));
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("pipeline");
    for name in PHOTOS {
        let path = photo_path(name);
        group.bench_function(format!("{name} to a template"), |bencher| {
            bencher.iter(|| template(&engine, &path));
        });
    }
    group.finish();
    criterion.final_summary();
    for name in PHOTOS {
        shares(&engine, name);
    }
}

fn template(engine: &Engine, path: &Path) -> Template {
    let found = required(engine.extract_file(path));
    let found = required(found.ok_or("no face is found on the photo"));
    required(engine.template(&found))
}

/// Prints what each stage takes, and their sum against the whole.
fn shares(engine: &Engine, name: &str) {
    let path = photo_path(name);
    let photo = photo(name);
    let face = common::face(&photo);
    let chip = required(engine.align(&photo, &face.landmarks));
    let embedding = required(engine.embed(&[&chip])).swap_remove(0);
    let stages: [(&str, &dyn Fn()); 5] = [
        ("decode", &|| drop(black_box(read(&path, &DecodeLimits::default())))),
        ("detect", &|| drop(black_box(engine.detect(&photo)))),
        ("align", &|| drop(black_box(engine.align(&photo, &face.landmarks)))),
        ("embed", &|| drop(black_box(engine.embed(&[&chip])))),
        ("template", &|| drop(black_box(engine.template_of(&embedding)))),
    ];
    let whole: (&str, &dyn Fn()) = ("whole", &|| drop(black_box(template(engine, &path))));
    let all: Vec<_> = stages.into_iter().chain([whole]).collect();
    let mut times = vec![Vec::with_capacity(TURNS); all.len()];
    for _ in 0..TURNS {
        for ((_, run), times) in all.iter().zip(&mut times) {
            let start = Instant::now();
            run();
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
    }
    for times in &mut times {
        times.sort_by(f64::total_cmp);
    }
    let medians: Vec<f64> = times.iter().map(|times| times[TURNS / 2]).collect();
    let sum: f64 = medians[..stages.len()].iter().sum();
    let told = stages.iter().zip(&medians);
    let told: Vec<String> = told
        .map(|((stage, _), median)| format!("{stage} {median:.2} ms ({:.1} %)", 100.0 * median / sum))
        .collect();
    println!(
        "{name}: {}; sum {sum:.1} ms, whole {:.1} ms",
        told.join(", "),
        medians[stages.len()]
    );
}
