//! The checks and measurements that `scripts/gpu-check` runs on a machine with a GPU: parity, CUDA graphs, memory, speed.
//!
//! Each run does one check and prints JSON, one object a line, with `"pass"` where something can fail. It needs no file but
//! those it is given: the weights are made by the formula of the golden data.

#[path = "../tests/common/formula.rs"]
mod formula;

use clap::{Parser, Subcommand};
use qmagface::Chip;
use qmagface::network::spec::Network;
use qmagface::network::{EmbeddingNetwork, Precision};
use qmagface::plugin::{GpuBackEnd, OnDevice};
use qmagface::{Device, DeviceChoice, Engine, EngineOptions, Log, Result};
use safetensors::SafeTensors;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What f16 must reach against f32 on the golden chips, and what the other precisions must reach.
const LEAST_COSINE: [(Precision, f64, f64); 4] = [
    (Precision::F32, 0.999_999, 1e-4),
    (Precision::Tf32, 0.999_99, 2e-3),
    (Precision::F16, 0.999_9, 2e-3),
    (Precision::Bf16, 0.999, 2e-2),
];

#[derive(Parser)]
struct Arguments {
    /// Where to run: cpu, cuda or cuda:N
    #[arg(long, global = true, default_value = "cuda")]
    device: DeviceChoice,
    #[command(subcommand)]
    check: Check,
    // `cargo bench` passes it.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Check {
    /// Whether the CUDA half can be loaded, and has what CUDA graphs take
    Symbols,
    /// Golden embeddings in every precision and several sizes of batches, run several times (graphs come in at the third)
    Parity {
        #[arg(long)]
        golden: PathBuf,
        #[arg(long, value_delimiter = ',', default_value = "1,3,8,64,256")]
        batches: Vec<usize>,
    },
    /// SFace in every precision against f32 on the CPU, on the golden chips; and detection and the whole pipeline
    Pipeline {
        /// The folder with the installed packs, in `models`
        #[arg(long)]
        store: PathBuf,
        /// Photos, each with a face
        photos: Vec<PathBuf>,
    },
    /// Whether batches shrink when the memory doesn't do for them: run it with little memory
    Memory {
        #[arg(long)]
        network: String,
        #[arg(long)]
        precision: Precision,
        /// Chips at once
        #[arg(long, default_value_t = 256)]
        chips: usize,
    },
    /// Latency and throughput, from chips in memory to embeddings in memory
    Speed {
        #[arg(long)]
        network: String,
        #[arg(long)]
        precision: Precision,
        #[arg(long, value_delimiter = ',', default_value = "1,8,64,256")]
        batches: Vec<usize>,
        /// For each batch
        #[arg(long, default_value_t = 3.0)]
        seconds: f64,
    },
}

fn main() {
    env_logger::init();
    let arguments = Arguments::parse();
    if let Err(error) = run(&arguments) {
        println!("{}", json!({ "pass": false, "error": error.to_string() }));
        std::process::exit(1);
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let device = match arguments.device {
        DeviceChoice::Cpu => Device::Cpu,
        DeviceChoice::Cuda(index) => Device::Cuda(index),
        DeviceChoice::Auto => Device::Cuda(0),
    };
    let back_end = GpuBackEnd::load()?;
    let on = &back_end.open(device, &Log::default())?;
    match &arguments.check {
        Check::Symbols => symbols(back_end, on, device),
        Check::Parity { golden, batches } => parity(on, device, golden, batches),
        Check::Pipeline { store, photos } => pipeline(arguments.device, device, store, photos),
        Check::Memory {
            network,
            precision,
            chips,
        } => memory(on, named(network), *precision, *chips),
        Check::Speed {
            network,
            precision,
            batches,
            seconds,
        } => speed(on, device, named(network), *precision, batches, *seconds),
    }
}

fn say(value: Value) {
    println!("{value}");
}

fn named(name: &str) -> Network {
    Network::from_name(name).unwrap_or_else(|| panic!("{name} is no network"))
}

fn build(network: Network, on: &OnDevice, precision: Precision) -> Result<Box<dyn EmbeddingNetwork>> {
    on.network(network, &formula::weights(network), precision)
}

/// The precisions that the device has.
fn precisions(device: Device) -> impl Iterator<Item = (Precision, f64, f64)> {
    LEAST_COSINE
        .into_iter()
        .filter(move |&(precision, ..)| Precision::choose(Some(precision), device).is_ok())
}

fn symbols(back_end: &GpuBackEnd, on: &OnDevice, device: Device) -> Result<()> {
    if device.is_cuda() {
        back_end.check_graphs()?;
    }
    let memory = on.memory()?;
    say(json!({
        "check": "symbols",
        "device": device.to_string(),
        "back_end": back_end.name(),
        "build": qmagface::build_info::BuildInfo::collect(),
        "total_bytes": memory.map(|memory| memory.total),
        "pass": true,
    }));
    Ok(())
}

/// Cosine of two embeddings, and the relative difference of their lengths.
fn compare(got: &[f32], expected: &[f64]) -> (f64, f64) {
    let got: Vec<f64> = got.iter().map(|&value| value.into()).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let (length, wanted) = (dot(&got, &got).sqrt(), dot(expected, expected).sqrt());
    (dot(&got, expected) / (length * wanted), (length / wanted - 1.0).abs())
}

/// The worst of [`compare`] over many.
fn worst<'a>(pairs: impl Iterator<Item = (&'a Vec<f32>, &'a Vec<f64>)>) -> (f64, f64) {
    pairs.fold((1.0f64, 0.0f64), |(cosine, magnitude), (got, expected)| {
        let (c, m) = compare(got, expected);
        (cosine.min(c), magnitude.max(m))
    })
}

fn widened(embeddings: &[Vec<f32>]) -> Vec<Vec<f64>> {
    let wide = |embedding: &Vec<f32>| embedding.iter().map(|&value| value.into()).collect();
    embeddings.iter().map(wide).collect()
}

fn parity(on: &OnDevice, device: Device, path: &std::path::Path, batches: &[usize]) -> Result<()> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let network = named(name);
    formula::assert_check_values();
    let (chips, golden) = read_golden(path);
    let mut exact: Vec<Vec<f64>> = Vec::new();
    for (precision, least_cosine, most_magnitude) in precisions(device) {
        let built = build(network, on, precision)?;
        // Bits of the first chips, by size of batch, eagerly and (from the third run on) as a graph.
        for &batch in batches {
            let many: Vec<&Chip> = chips.iter().cycle().take(batch).collect();
            let first = built.forward(&many)?;
            let mut same_bits = true;
            let mut got = first.clone();
            for _ in 1..4 {
                got = built.forward(&many)?;
                same_bits &= got == first;
            }
            let (cosine, magnitude) = worst(got.iter().zip(golden.iter().cycle()));
            if precision == Precision::F32 && exact.is_empty() && batch >= chips.len() {
                exact = widened(&got[..chips.len()]);
            }
            let to_f32 = match exact.is_empty() {
                true => None,
                false => Some(worst(got.iter().zip(exact.iter().cycle())).0),
            };
            let pass = cosine >= least_cosine
                && magnitude <= most_magnitude
                && same_bits
                && to_f32.is_none_or(|to_f32| to_f32 >= least_cosine);
            say(json!({
                "check": "parity", "network": name, "precision": precision.name(), "batch": batch,
                "cosine": cosine, "magnitude": magnitude, "cosine_to_f32": to_f32,
                "same_bits_each_run": same_bits, "pass": pass,
            }));
        }
    }
    Ok(())
}

fn read_golden(path: &std::path::Path) -> (Vec<Chip>, Vec<Vec<f64>>) {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let pixels = file.tensor("chips_bgr_u8").expect("chips");
    let embeddings = file.tensor("embedding_f64").expect("embeddings");
    let values = embeddings.data().as_chunks().0.iter();
    let values: Vec<f64> = values.map(|&eight| f64::from_le_bytes(eight)).collect();
    (
        pixels
            .data()
            .chunks_exact(Chip::SIZE * Chip::SIZE * 3)
            .map(|pixels| Chip::from_bgr(pixels.to_vec()).expect("a chip"))
            .collect(),
        values
            .chunks_exact(embeddings.shape()[1])
            .map(<[f64]>::to_vec)
            .collect(),
    )
}

/// The same photos through an engine on the CPU in f32 and through one on the device in each precision.
fn pipeline(choice: DeviceChoice, device: Device, store: &std::path::Path, photos: &[PathBuf]) -> Result<()> {
    let engine = |device, precision| {
        let options = EngineOptions {
            device,
            precision: Some(precision),
            store: Some(store.to_owned()),
            ..EngineOptions::default()
        };
        Engine::open("sface", &options)
    };
    let reference = engine(DeviceChoice::Cpu, Precision::F32)?;
    for (precision, least_cosine, most_magnitude) in precisions(device) {
        let other = engine(choice, precision)?;
        for photo in photos {
            let image = qmagface::image::read(photo, &qmagface::DecodeLimits::default())?;
            let (here, there) = (reference.detect(&image)?, other.detect(&image)?);
            // Pixels by which a box or a landmark is off.
            let off = here.iter().zip(&there).fold(0f32, |off, (a, b)| {
                let points = a.landmarks.iter().flatten().zip(b.landmarks.iter().flatten());
                points.map(|(x, y)| (x - y).abs()).fold(off, f32::max)
            });
            let extracted = (reference.extract(&image)?, other.extract(&image)?);
            let (Some(a), Some(b)) = extracted else {
                say(json!({
                    "check": "pipeline", "photo": photo.file_name().map(|name| name.to_string_lossy()),
                    "precision": precision.name(), "faces": [here.len(), there.len()],
                    "pass": here.is_empty() && there.is_empty(),
                }));
                continue;
            };
            // On the same chip, the network alone; then all together, where a landmark may be off a little.
            let embedding = other.embed(&[&a.chip])?;
            let expected = widened(std::slice::from_ref(&a.embedding));
            let (cosine, magnitude) = worst(embedding.iter().zip(&expected));
            let (whole, _) = compare(&b.embedding, &expected[0]);
            let pass = here.len() == there.len()
                && off <= 1.0
                && cosine >= least_cosine
                && magnitude <= most_magnitude
                && whole >= 0.99;
            say(json!({
                "check": "pipeline", "photo": photo.file_name().map(|name| name.to_string_lossy()),
                "precision": precision.name(), "faces": [here.len(), there.len()], "landmarks_off": off,
                "cosine": cosine, "magnitude": magnitude, "whole_cosine": whole, "pass": pass,
            }));
        }
    }
    Ok(())
}

/// Chips that differ.
fn chips(count: usize) -> Vec<Chip> {
    let mut random = fastrand::Rng::with_seed(1);
    (0..count)
        .map(|_| {
            let pixels = (0..Chip::SIZE * Chip::SIZE * 3).map(|_| random.u8(..)).collect();
            Chip::from_bgr(pixels).expect("as many pixels as a chip has")
        })
        .collect()
}

fn memory(on: &OnDevice, network: Network, precision: Precision, count: usize) -> Result<()> {
    let (_, least_cosine, _) = LEAST_COSINE.into_iter().find(|&(p, ..)| p == precision).expect("known");
    let built = build(network, on, precision)?;
    let chips = chips(count);
    let chips: Vec<&Chip> = chips.iter().collect();
    let together = built.forward(&chips)?;
    let after_first = on.memory()?;
    // Again, at whatever size is left; then by few, to compare with.
    let again = built.forward(&chips)?;
    let mut few = Vec::new();
    for chips in chips.chunks(4) {
        few.extend(built.forward(chips)?);
    }
    let few = widened(&few);
    let (cosine, _) = worst(together.iter().zip(&few));
    let (cosine_again, _) = worst(again.iter().zip(&few));
    let figures = on.memory()?;
    say(json!({
        "check": "memory", "network": network.name(), "precision": precision.name(), "chips": count,
        "cosine": cosine.min(cosine_again),
        "allocated": figures.map(|memory| memory.allocated), "reserved": figures.map(|memory| memory.reserved),
        "peak": figures.map(|memory| memory.peak), "free": figures.map(|memory| memory.free),
        "peak_after_first": after_first.map(|memory| memory.peak),
        "pass": cosine.min(cosine_again) >= least_cosine,
    }));
    Ok(())
}

fn speed(
    on: &OnDevice,
    device: Device,
    network: Network,
    precision: Precision,
    batches: &[usize],
    seconds: f64,
) -> Result<()> {
    let built = build(network, on, precision)?;
    for &batch in batches {
        let chips = chips(batch);
        let chips: Vec<&Chip> = chips.iter().collect();
        // Algorithms are chosen and graphs are recorded in the first runs.
        for _ in 0..if device.is_cuda() { 5 } else { 1 } {
            built.forward(&chips)?;
        }
        let (mut latencies, end) = (Vec::new(), Instant::now() + Duration::from_secs_f64(seconds));
        let started = Instant::now();
        while latencies.len() < 2 || Instant::now() < end {
            let one = Instant::now();
            built.forward(&chips)?;
            latencies.push(one.elapsed().as_secs_f64());
        }
        let total = started.elapsed().as_secs_f64();
        let runs = latencies.len();
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| latencies[((runs as f64 * share) as usize).min(runs - 1)] * 1e3;
        // Several batches in one call: the next one's upload and this one's computing overlap.
        let streamed = match batch >= 256 {
            true => {
                let stream: Vec<&Chip> = chips.iter().copied().cycle().take(batch * 8).collect();
                let started = Instant::now();
                built.forward(&stream)?;
                Some(stream.len() as f64 / started.elapsed().as_secs_f64())
            }
            false => None,
        };
        say(json!({
            "check": "speed", "network": network.name(), "precision": precision.name(), "batch": batch, "runs": runs,
            "images_per_s": (batch * runs) as f64 / total, "streamed_images_per_s": streamed,
            "p50_ms": at(0.5), "p99_ms": at(0.99),
        }));
    }
    Ok(())
}
