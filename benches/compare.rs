//! Comparisons of 512-float templates: a pair through Rust and through the C ABI, one with many and many with many in
//! each stored precision. `cargo bench --bench compare`
//!
//! Against others, in one run: `scripts/bench-peers compare`.

mod common;

use common::required;
use criterion::{Criterion, Throughput};
use qmagface::Work;
use qmagface::ffi;
use qmagface::gallery::{Gallery, SearchOptions};
use qmagface::model::Fingerprint;
use qmagface::{Calibration, QualityParameters, Scalar, Template};
use std::hint::black_box;
use std::ptr;

const LENGTH: usize = 512;
const GALLERY: usize = 100_000;
const PROBES: usize = 256;
/// iResNet-100's published parameters.
const PARAMETERS: QualityParameters = QualityParameters {
    alpha: 0.077428,
    beta: 0.125926,
};

fn main() {
    let mut criterion = common::criterion();
    let mut random = fastrand::Rng::with_seed(1);
    let embeddings: Vec<Vec<f32>> = (0..GALLERY)
        .map(|_| (0..LENGTH).map(|_| random.f32() - 0.5).collect())
        .collect();
    let templates: Vec<Template> = embeddings
        .iter()
        .map(|embedding| required(Template::from_embedding("random", Fingerprint([1; 32]), embedding)))
        .collect();
    let calibration = required(Calibration::from_parameters(PARAMETERS));
    let decides = with_quality_model();
    pair(&mut criterion, &calibration, "Rust, templates", &templates);
    pair(
        &mut criterion,
        &decides,
        "Rust, templates, at their qualities",
        &templates,
    );
    pair_in_c(&mut criterion, &decides, &embeddings, &templates);
    many(&mut criterion, &calibration, &templates);
    criterion.final_summary();
}

/// SFace's calibration, which says what a cosine means at each quality, for any model.
fn with_quality_model() -> Calibration {
    let manifest = required(qmagface::model::catalogue::find("sface"));
    let fitted = manifest.calibration.as_ref().expect("SFace's pack has a calibration");
    Calibration::from_pack("random", Fingerprint([1; 32]), fitted)
}

fn pair(criterion: &mut Criterion, calibration: &Calibration, name: &str, templates: &[Template]) {
    let mut group = criterion.benchmark_group("pair");
    group.bench_function(name, |bencher| {
        bencher.iter(|| required(calibration.compare(black_box(&templates[0]), black_box(&templates[1]))));
    });
    group.finish();
}

fn pair_in_c(criterion: &mut Criterion, decides: &Calibration, embeddings: &[Vec<f32>], templates: &[Template]) {
    let mut comparison = ffi::qmf_comparison::default();
    let made = |status: ffi::qmf_status| assert_eq!(status, ffi::QMF_OK);
    let (mut calibration, mut a, mut b) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    let mut group = criterion.benchmark_group("pair");
    // SAFETY: handles are made, used while they live, and destroyed once; sizes are those of the memory behind them.
    unsafe {
        made(ffi::qmf_calibration_create(
            PARAMETERS.alpha,
            PARAMETERS.beta,
            &mut calibration,
        ));
        for (template, handle) in templates.iter().zip([&mut a, &mut b]) {
            let bytes = template.to_bytes(Scalar::F32);
            made(ffi::qmf_template_parse(bytes.as_ptr(), bytes.len(), handle));
        }
        group.bench_function("C ABI, templates", |bencher| {
            bencher.iter(|| ffi::qmf_compare(black_box(calibration), black_box(a), black_box(b), &mut comparison));
        });
        let (text, mut own) = (required(decides.to_toml()), ptr::null_mut());
        made(ffi::qmf_calibration_parse(text.as_ptr(), text.len(), &mut own));
        group.bench_function("C ABI, templates, at their qualities", |bencher| {
            bencher.iter(|| ffi::qmf_compare(black_box(own), black_box(a), black_box(b), &mut comparison));
        });
        ffi::qmf_calibration_destroy(own);
        let [x, y] = [0, 1].map(|index: usize| embeddings[index].as_ptr());
        group.bench_function("C ABI, embeddings", |bencher| {
            bencher.iter(|| {
                ffi::qmf_compare_embeddings(
                    black_box(calibration),
                    black_box(x),
                    black_box(y),
                    LENGTH,
                    &mut comparison,
                )
            });
        });
        ffi::qmf_template_destroy(a);
        ffi::qmf_template_destroy(b);
        ffi::qmf_calibration_destroy(calibration);
    }
    group.finish();
}

fn many(criterion: &mut Criterion, calibration: &Calibration, templates: &[Template]) {
    let probes: Vec<&Template> = templates[..PROBES].iter().collect();
    let options = SearchOptions::default();
    for (scalar, name) in [(Scalar::F32, "f32"), (Scalar::F16, "f16"), (Scalar::I8, "i8")] {
        let mut gallery = Gallery::new(scalar);
        required(gallery.add(&templates.iter().collect::<Vec<_>>()));
        let mut group = criterion.benchmark_group("1:n");
        group.throughput(Throughput::Bytes(gallery.bytes() as u64));
        group.bench_function(format!("{name}, {GALLERY} templates"), |bencher| {
            bencher.iter(|| required(gallery.search(calibration, &probes[..1], &options, &Work::default())));
        });
        group.finish();
        let mut group = criterion.benchmark_group("n:m");
        group.throughput(Throughput::Elements((PROBES * GALLERY) as u64));
        group.bench_function(format!("{name}, {PROBES} x {GALLERY} templates"), |bencher| {
            bencher.iter(|| required(gallery.search(calibration, &probes, &options, &Work::default())));
        });
        group.finish();
    }
    read(criterion, templates.len() * LENGTH);
}

/// What reading as much memory takes, with a thread for each core: no comparison of one with many can be faster.
fn read(criterion: &mut Criterion, floats: usize) {
    let mut group = criterion.benchmark_group("1:n");
    let memory = vec![1u32; floats];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    group.throughput(Throughput::Bytes((floats * size_of::<f32>()) as u64));
    group.bench_function("only reading as much as f32 takes", |bencher| {
        bencher.iter(|| {
            std::thread::scope(|scope| {
                let readers = memory
                    .chunks(floats.div_ceil(threads))
                    .map(|part| scope.spawn(|| xor(part)));
                let readers: Vec<_> = readers.collect();
                readers
                    .into_iter()
                    .fold(0, |all, reader| all ^ reader.join().expect("no panic"))
            })
        });
    });
    group.finish();
}

/// In as many lanes as keep the memory busy.
fn xor(part: &[u32]) -> u32 {
    let (lanes, rest) = part.as_chunks::<32>();
    let mut sums = [0u32; 32];
    for lane in lanes {
        for (sum, value) in sums.iter_mut().zip(lane) {
            *sum ^= value;
        }
    }
    sums.iter().chain(rest).fold(0, |sum, value| sum ^ value)
}
