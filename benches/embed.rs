//! Chips to embeddings: SFace as installed, and iResNets with formula weights, in each precision of the CPU.
//! `cargo bench --bench embed`

mod common;
#[path = "../tests/common/formula.rs"]
#[allow(dead_code)] // its check values are for the tests
mod formula;

use common::{PHOTOS, required};
use criterion::{BenchmarkId, Throughput};
use qmagface::Chip;
use qmagface::Workers;
use qmagface::network::spec::Network;
use qmagface::network::{Precision, build};

const BATCHES: [usize; 2] = [1, 8];

fn main() {
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("embed");
    group.sample_size(10);
    let chips = PHOTOS.map(common::chip);
    let workers = required(Workers::new(None));
    for network in [Network::SFace, Network::IResNet50, Network::IResNet100] {
        let weights = match network {
            Network::SFace => common::weights("sface"),
            _ => formula::weights(network),
        };
        for precision in [Precision::F32, Precision::F16, Precision::Bf16] {
            let built = required(build(network, &weights, precision, &workers));
            let name = match precision {
                Precision::F32 => network.name().to_owned(),
                _ => format!("{network} {precision}"),
            };
            for batch in BATCHES {
                let chips: Vec<&Chip> = chips.iter().cycle().take(batch).collect();
                group.throughput(Throughput::Elements(batch as u64));
                group.bench_function(BenchmarkId::new(&name, batch), |bencher| {
                    bencher.iter(|| built.forward(&chips).expect("embeddings"));
                });
            }
        }
    }
    group.finish();
    criterion.final_summary();
}
