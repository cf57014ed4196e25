//! The inline mode, in a process of its own: it sets the process to one thread.

mod common;

use qmagface::model::Store;
use qmagface::{DeviceChoice, Engine, EngineOptions};

#[test]
fn the_inline_mode_starts_no_thread_and_gives_the_same() {
    let [sface, mtcnn] = ["sface", "mtcnn"].map(|name| common::installed(&Store::default_location().unwrap(), name));
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = threads();
    let inline = Engine::from_packs(
        &sface,
        &mtcnn,
        &EngineOptions {
            inline: true,
            ..EngineOptions::default()
        },
    )
    .unwrap();
    assert_eq!(inline.info().device, tch::Device::Cpu);
    let photo = common::photos().join("obama.jpg");
    let found = inline.extract_file(&photo).unwrap().unwrap();
    assert_eq!(threads(), before);

    let usual = EngineOptions {
        device: DeviceChoice::Cpu,
        threads: Some(2),
        ..EngineOptions::default()
    };
    let usual = Engine::from_packs(&sface, &mtcnn, &usual).unwrap();
    let also = usual.extract_file(&photo).unwrap().unwrap();
    let cosine = usual.compare(&found.embedding, &also.embedding).unwrap().cosine;
    // Rounding may differ with the number of threads.
    assert!(cosine > 0.999_999 && found.face == also.face, "{cosine}");
}
