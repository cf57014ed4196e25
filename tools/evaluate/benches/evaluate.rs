//! What evaluation and fitting cost: the published metrics of 85,690 listed pairs and all pairs of a set, cosine and
//! quality-aware, and the published fit of the same.
//!
//! `cargo bench --bench evaluate`, with the test data beside the checkout; `scripts/benchmark_evaluate.py` runs it and the
//! same in numpy and scikit-learn, and prints both.

use qmagface::Work;
use qmagface::calibrate::fit::{FitOptions, Procedure, fit};
use qmagface::pairs::{List, Pair, Pairs, Prepared};
use qmagface::{Matrix, QualityParameters};
use qmagface_evaluate::metrics::PublishedForm;
use qmagface_evaluate::protocol::{all_pairs, listed};
use qmagface_evaluate::{Options, Protocol, Score};
use safetensors::SafeTensors;
use std::path::PathBuf;
use std::time::Instant;

fn main() {
    let root = std::env::var_os("QMAGFACE_TEST_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join("golden/lfw_sface.safetensors");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    let tensors = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let ints = |name: &str| -> Vec<u32> {
        let data = tensors.tensor(name).expect(name).data().chunks_exact(4);
        data.map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
    };
    let embeddings = tensors.tensor("embeddings").expect("embeddings");
    let floats = embeddings.data().chunks_exact(4);
    let floats: Vec<f32> = floats.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    let [rows, columns] = [0, 1].map(|axis| embeddings.shape()[axis]);
    let matrix = Matrix::new(rows, columns, floats).expect("as many floats as the shape says");
    let set = Prepared::new(matrix, &ints("identity")).expect("embeddings");
    let labels = tensors.tensor("train_match").expect("train_match");
    let pairs = ints("train_pairs");
    let pair = |(pair, &label): (&[u32], &u8)| Pair {
        a: pair[0],
        b: pair[1],
        genuine: label == 1,
    };
    let list = List::new(&set, pairs.chunks_exact(2).zip(labels.data()).map(pair).collect()).expect("a list");

    let mut options = Options {
        scores: vec![
            Score::Cosine,
            Score::quality(QualityParameters {
                alpha: 0.16790482618198965,
                beta: 0.2775151002192767,
            }),
        ],
        ..Options::default()
    };
    let work = Work::default();
    let evaluate = |options: &Options| {
        let form = PublishedForm::Roc;
        listed(&set, &list, None, Protocol::Robustness, form, options, &work).expect("an evaluation")
    };
    time("listed 85690", 50, || evaluate(&options));
    options.metrics.replicates = 1000;
    time("listed 85690 with 1000 replicates", 3, || evaluate(&options));
    options.metrics.replicates = 0;
    time("all pairs of the golden set", 3, || {
        all_pairs(&set, &options, &work).expect("an evaluation")
    });
    options.metrics.replicates = 1000;
    time("all pairs of the golden set with 1000 replicates", 1, || {
        all_pairs(&set, &options, &work).expect("an evaluation")
    });
    options.metrics.replicates = 0;
    // The published FMRs, which these pairs are too few for.
    let how = FitOptions {
        allow_unsupported: true,
        ..FitOptions::default()
    };
    let fitted = |set: &Prepared, pairs: Pairs| fit(set, pairs, Procedure::Published, &how).expect("a fit");
    time("fit 85690", 20, || fitted(&set, Pairs::List(&list)));
    time("fit all pairs of the golden set", 3, || fitted(&set, Pairs::All));
    let lfw = as_large_as_lfw(&set);
    time("fit all pairs of 13233 x 128", 1, || fitted(&lfw, Pairs::All));
    time("all pairs of 13233 x 128", 3, || {
        all_pairs(&lfw, &options, &work).expect("an evaluation")
    });
    if let Some(peak) = peak() {
        println!("peak resident memory: {peak}");
    }
}

/// The set's own images, and those again that it takes to be as many as LFW's, a little turned.
fn as_large_as_lfw(set: &Prepared) -> Prepared {
    let count = set.len();
    let rows: Vec<usize> = (0..13_233).map(|row| row % count).collect();
    let mut values = Vec::with_capacity(rows.len() * set.length());
    for (row, &from) in rows.iter().enumerate() {
        let quality = set.qualities_f32()[from];
        values.extend(set.direction(from).iter().enumerate().map(|(at, value)| {
            let turn = if row >= count && at % 7 == row % 7 { -1.0 } else { 1.0 };
            value * quality * turn
        }));
    }
    let matrix = Matrix::new(rows.len(), set.length(), values).expect("as many floats as rows");
    let people: Vec<u32> = rows.iter().map(|&row| set.subjects()[row]).collect();
    Prepared::new(matrix, &people).expect("embeddings")
}

/// The median of some runs, and the processor time of each on average: what counts where other programs run as well.
fn time<T>(name: &str, runs: usize, run: impl Fn() -> T) {
    // Arguments name what is measured; cargo passes options of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if !wanted.is_empty() && !wanted.iter().any(|wanted| name == wanted) {
        return;
    }
    let before = processor();
    let mut seconds: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            std::hint::black_box(run());
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    let processor = processor()
        .zip(before)
        .map(|(after, before)| (after - before) / runs as f64);
    let processor = processor.map_or(String::new(), |seconds| format!(", processor {seconds:.4} s"));
    println!("{name}: {:.4} s{processor}", seconds[runs / 2]);
}

/// Seconds that this process's threads have run, where the system tells (in hundredths, by Linux's proc(5)).
fn processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = text.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// The process's greatest resident memory, where the system tells.
fn peak() -> Option<String> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().to_owned())
}
