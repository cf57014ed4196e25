//! Pixels to faces with the reference's settings, without the fourth stage. `cargo bench --bench detect`

mod common;

use common::{PHOTOS, photo};
use criterion::Throughput;
use qmagface::detect::{DetectorOptions, YuNet};
use qmagface::{BgrImage, Workers};

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
    // One look of YuNet, at the size that its file has: scripts/measure-yunet times ONNX Runtime's beside it.
    let mut group = criterion.benchmark_group("yunet");
    let side = 640;
    let pixels = (0..side * side * 3).map(|at| (at * 7919 % 251) as u8).collect();
    let image = BgrImage::new(side, side, pixels).expect("as many bytes as pixels");
    for threads in [1, 2] {
        let workers = Workers::new(Some(threads)).expect("threads");
        let net = YuNet::new(&common::weights("yunet"), &workers).expect("the pack's weights fit");
        group.bench_function(format!("640-threads-{threads}"), |bencher| {
            bencher.iter(|| net.detect_at(&image, (side, side), 0.99).expect("a look"));
        });
    }
    group.finish();
    criterion.final_summary();
}
