//! A JPEG's bytes to pixels. `cargo bench --bench decode`

mod common;

use common::{PHOTOS, photo_bytes, required};
use criterion::Throughput;
use qmagface::image::{DecodeLimits, decode};

fn main() {
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("decode");
    for name in PHOTOS {
        let bytes = photo_bytes(name);
        let limits = DecodeLimits::default();
        group.throughput(Throughput::Elements(common::pixels(&required(decode(&bytes, &limits)))));
        group.bench_function(name, |bencher| {
            bencher.iter(|| decode(&bytes, &limits).expect("a photo"))
        });
    }
    group.finish();
    criterion.final_summary();
}
