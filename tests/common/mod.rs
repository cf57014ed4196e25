//! What the integration tests share: where test data lies, and what happens when it is missing.
#![allow(dead_code, unused_imports)] // each test binary uses a part of it

mod pictures;

pub use pictures::{bgr, rgb};
use qmagface::model::{Manifest, Pack, Store, catalogue};
use qmagface::{DeviceChoice, Engine, EngineOptions};
use qmagface_import::{FetchOptions, Importing};
use std::path::PathBuf;
use std::sync::Mutex;

/// A file or folder below `../shared`, the project's test data.
///
/// `None` when the folder is missing: the test then says that it skips. In CI (`CI` set) that is a failure.
pub fn shared(relative: &str) -> Option<PathBuf> {
    let root = std::env::var_os("QMAGFACE_TEST_DATA")
        .map(PathBuf::from)
        .unwrap_or_else(|| root().join("../shared"));
    let path = root.join(relative);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "test data {} is missing, and in CI nothing is skipped",
        path.display()
    );
    eprintln!("SKIPPED: test data {} is missing", path.display());
    None
}

/// The project's folder, whichever package is tested.
pub fn root() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().find(|folder| folder.join("Cargo.lock").is_file());
    root.expect("a folder with Cargo.lock").to_owned()
}

/// The folder of the photos that the PyPI sdist `face_recognition` 1.3.0 ships; the set-up fetches them.
pub fn photos() -> PathBuf {
    let folder = cache().join("photos");
    assert!(
        folder.join("obama.jpg").exists(),
        "{} holds no photos: run `make setup`",
        folder.display()
    );
    folder
}

/// The built-in pack `name` as this version has it, fetched first where it isn't installed or is of another version.
pub fn installed(store: &Store, name: &str) -> Pack {
    static FETCHING: Mutex<()> = Mutex::new(()); // tests run side by side
    let _guard = FETCHING.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let current = |pack: &Pack| {
        let built_in = catalogue::find(name).unwrap();
        let installed = pack.manifest();
        Manifest {
            weights: installed.weights.clone(),
            lnet: installed.lnet.clone(),
            ..built_in.clone()
        } == *installed
    };
    match store.open(name) {
        Ok(pack) if current(&pack) => pack,
        _ => store
            .fetch(name, &FetchOptions::default())
            .unwrap_or_else(|error| panic!("cannot fetch {name}: {error}")),
    }
}

/// SFace with its detector, as this version has both.
pub fn sface(options: &EngineOptions) -> Engine {
    let store = Store::default_location().unwrap();
    let [pack, detector] = ["sface", "yunet"].map(|name| installed(&store, name));
    Engine::from_packs(&pack, &detector, options).unwrap()
}

/// [`sface`] on the CPU, as it is opened by default.
pub fn sface_on_cpu() -> Engine {
    sface(&EngineOptions {
        device: DeviceChoice::Cpu,
        ..EngineOptions::default()
    })
}

/// Where the set-up keeps downloads: `QMAGFACE_CACHE`, else `$XDG_CACHE_HOME/qmagface`, else `~/.cache/qmagface`.
pub fn cache() -> PathBuf {
    qmagface::model::cache_folder().expect("a cache folder")
}
