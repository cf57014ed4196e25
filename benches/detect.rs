//! Pixels to faces with the reference's settings, without the fourth stage. `cargo bench --bench detect`

mod common;

use common::{PHOTOS, photo};
use criterion::Throughput;
use qmagface::detect::DetectorOptions;

fn main() {
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("detect");
    let detector = common::detector();
    for name in PHOTOS {
        let photo = photo(name);
        let options = DetectorOptions::default();
        group.throughput(Throughput::Elements(common::pixels(&photo)));
        group.bench_function(name, |bencher| {
            bencher.iter(|| detector.detect(&photo, &options).expect("a detection"));
        });
    }
    group.finish();
    criterion.final_summary();
}
