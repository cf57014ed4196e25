//! A face's landmarks to a transform, and pixels with it to a chip. `cargo bench --bench align`

mod common;

use common::{PHOTOS, photo, required};
use qmagface::align::{similarity, warp};

fn main() {
    let mut criterion = common::criterion();
    let mut group = criterion.benchmark_group("align");
    for name in PHOTOS {
        let photo = photo(name);
        let landmarks = common::face(&photo).landmarks;
        let matrix = required(similarity(&landmarks));
        group.bench_function(format!("{name} similarity"), |bencher| {
            bencher.iter(|| similarity(std::hint::black_box(&landmarks)).expect("a transform"));
        });
        group.bench_function(format!("{name} warp"), |bencher| {
            bencher.iter(|| warp(&photo, &matrix).expect("a chip"));
        });
    }
    group.finish();
    criterion.final_summary();
}
