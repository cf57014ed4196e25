//! Many threads on one engine for a few seconds; `make soak` does the same for longer, with more.

use crate::load::Load;
use crate::{common, load};
use qmagface::{DeviceChoice, EngineOptions};
use std::time::Duration;

#[test]
fn eight_threads_get_what_one_gets() {
    let _alone = crate::alone();
    let engine = |inline| {
        let options = EngineOptions {
            device: DeviceChoice::Cpu,
            inline,
            ..EngineOptions::default()
        };
        common::sface(&options)
    };
    let (alone, shared) = (engine(true), engine(false));
    assert!(shared.info().batch_invariant);
    let names = ["obama.jpg", "obama2.jpg", "obama_partial_face.jpg"];
    let pictures = load::pictures(&common::photos(), &names, &[1.0, 0.4, 0.25]);
    let load = Load {
        threads: 8,
        duration: Duration::from_secs(3),
        growth: (0.25, 64 << 20),
    };
    let figures = load::run(&shared, &alone, &pictures, &load);
    println!("{figures}");
    assert!(figures.wrong.is_empty(), "{:?}", figures.wrong);
    assert!(figures.faces > 0);
}
