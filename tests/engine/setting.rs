//! What the tests of engines and packs start from.

use crate::common;
use qmagface::model::{Pack, Store};
use qmagface::{DeviceChoice, Engine, EngineOptions, Error, ErrorKind};
use std::sync::LazyLock;

/// Photos with a face each: two of one person, one of another.
pub const PHOTOS: [&str; 3] = ["obama.jpg", "obama2.jpg", "biden.jpg"];

/// An installed pack of the machine's own store.
pub fn pack(name: &str) -> Pack {
    common::installed(&Store::default_location().unwrap(), name)
}

pub fn on_cpu() -> EngineOptions {
    EngineOptions {
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    }
}

pub fn sface(options: &EngineOptions) -> Result<Engine, Error> {
    Engine::from_packs(&pack("sface"), &pack("yunet"), options)
}

/// The default model with the default options.
pub static SFACE: LazyLock<Engine> = LazyLock::new(|| sface(&on_cpu()).unwrap());

#[track_caller]
pub fn assert_error<T>(result: Result<T, Error>, kind: ErrorKind, parts: &[&str]) {
    let error = result.err().expect("this must be refused");
    assert_eq!(error.kind(), kind, "{error}");
    for part in parts {
        assert!(error.message().contains(part), "{part:?} is not in {error}");
    }
}
