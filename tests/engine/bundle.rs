//! Bundles: an embedder and its detector in one file, by path and from memory, and forged ones.

use crate::common;
use crate::setting::{assert_error, pack};
use qmagface::model::manifest::Manifest;
use qmagface::model::{Bundle, Origin, Pack, Store, WEIGHTS_FILE};
use qmagface::network::spec::{Network, lnet_tensor_specs};
use qmagface::weights::TensorMap;
use qmagface::{DecodeLimits, DeviceChoice, Engine, EngineOptions, ErrorKind};
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const NAMES: [&str; 4] = [
    "embedder/manifest.toml",
    "embedder/weights.safetensors",
    "detector/manifest.toml",
    "detector/weights.safetensors",
];
const LNET: &str = "detector/lnet.safetensors";

/// The machine's own packs.
static PACKS: LazyLock<(Pack, Pack)> = LazyLock::new(|| (pack("sface"), pack("mtcnn")));

/// A bundle file of them, in a folder that goes with the test.
fn exported() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sface.qmfmodel");
    Bundle::write(&path, &PACKS.0, &PACKS.1).unwrap();
    (folder, path)
}

/// The manifests of the machine's own packs, with weights of a few bytes: enough for all but loading.
fn small() -> Vec<(&'static str, Vec<u8>)> {
    let (embedder, detector) = &*PACKS;
    vec![
        (NAMES[0], embedder.manifest().to_toml().unwrap().into_bytes()),
        (NAMES[1], b"embedder's weights".to_vec()),
        (NAMES[2], detector.manifest().to_toml().unwrap().into_bytes()),
        (NAMES[3], b"detector's weights".to_vec()),
    ]
}

fn zipped(entries: &[(&str, Vec<u8>)], method: impl Fn(&str) -> CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in entries {
        let options = SimpleFileOptions::default().compression_method(method(name));
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn stored(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    zipped(entries, |_| CompressionMethod::Stored)
}

/// Refused alike from memory and from a file, whose path the error names.
#[track_caller]
fn refused(bytes: &[u8], parts: &[&str]) {
    assert_error(Bundle::parse(bytes), ErrorKind::Model, parts);
    let options = EngineOptions::default();
    assert_error(Engine::from_bundle(bytes, &options), ErrorKind::Model, parts);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("forged.qmfmodel");
    fs::write(&path, bytes).unwrap();
    assert_error(
        Bundle::open(&path),
        ErrorKind::Model,
        &[parts, &["forged.qmfmodel"]].concat(),
    );
    assert_error(Engine::open(path.to_str().unwrap(), &options), ErrorKind::Model, parts);
}

/// Puts `to` in the place of every `from` of the same length.
fn patch(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let mut found = 0;
    for at in 0..=bytes.len() - from.len() {
        if bytes[at..].starts_with(from) {
            bytes[at..at + from.len()].copy_from_slice(to);
            found += 1;
        }
    }
    assert!(found > 0, "nothing to patch");
    bytes
}

// ------------------------------------------------------------------------------------------------------- good bundles

#[test]
fn an_engine_of_a_bundle_equals_one_of_the_packs() {
    let (_folder, path) = exported();
    let bytes = fs::read(&path).unwrap();
    let options = EngineOptions {
        device: DeviceChoice::Cpu,
        // Nothing is installed here: the bundle is all there is.
        store: Some(path.with_file_name("no-store")),
        ..Default::default()
    };
    let packs = Engine::from_packs(&PACKS.0, &PACKS.1, &options).unwrap();
    let by_path = Engine::open(path.to_str().unwrap(), &options).unwrap();
    let in_memory = Engine::from_bundle(&bytes, &options).unwrap();
    drop(bytes);
    let photo = common::photos().join("obama2.jpg");
    let image = qmagface::image::read(&photo, &DecodeLimits::default()).unwrap();
    let wanted = packs.extract(&image).unwrap().expect("a face");
    for engine in [&by_path, &in_memory] {
        assert_eq!(engine.info(), packs.info());
        assert_eq!(engine.calibration().unwrap(), packs.calibration().unwrap());
        // Equal to the last bit: box, landmarks, chip, embedding.
        assert_eq!(engine.extract(&image).unwrap().expect("a face"), wanted);
    }
}

#[test]
fn a_bundle_holds_the_same_packs() {
    let (folder, path) = exported();
    let bytes = fs::read(&path).unwrap();
    let (embedder, detector) = &*PACKS;
    let opened = Bundle::open(&path).unwrap();
    let parsed = Bundle::parse(&bytes).unwrap();
    for bundle in [&opened, &parsed] {
        for (found, wanted) in [(bundle.embedder(), embedder), (bundle.detector(), detector)] {
            assert_eq!(found.manifest(), wanted.manifest());
            assert_eq!(found.fingerprint(), wanted.fingerprint());
            assert_eq!(found.folder(), None);
            assert_eq!(found.load_weights().unwrap(), wanted.load_weights().unwrap());
            let (found, wanted) = (found.verify().unwrap(), wanted.verify().unwrap());
            assert_eq!(found.files[0].sha256, wanted.files[0].sha256);
        }
        assert_eq!(
            bundle.embedder().fingerprint_with(Some(bundle.detector())),
            embedder.fingerprint_with(Some(detector))
        );
    }
    assert_eq!(opened.embedder().verify().unwrap().files[0].path, path.join(NAMES[1]));

    // The same packs give the same bytes, from whatever they are read; a second write replaces the first.
    let again = folder.path().join("again.qmfmodel");
    Bundle::write(&again, embedder, detector).unwrap();
    assert!(fs::read(&again).unwrap() == bytes);
    for bundle in [&opened, &parsed] {
        Bundle::write(&again, bundle.embedder(), bundle.detector()).unwrap();
        assert!(fs::read(&again).unwrap() == bytes);
    }
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "nothing is left behind"
    );

    // The weights lie in it as they are, and any zip reader finds them.
    let mut archive = ZipArchive::new(Cursor::new(&bytes)).unwrap();
    let names: Vec<_> = archive.file_names_raw().map(<[u8]>::to_vec).collect();
    assert_eq!(names, NAMES.map(|name| name.as_bytes().to_vec()));
    let start = archive.by_name(NAMES[1]).unwrap().data_start().unwrap() as usize;
    let weights = fs::read(embedder.folder().unwrap().join(WEIGHTS_FILE)).unwrap();
    assert!(bytes[start..].starts_with(&weights));
}

/// A network's tensors, all alike.
fn flat(specs: Vec<(String, Vec<usize>)>) -> TensorMap {
    let mut map = TensorMap::new();
    for (name, shape) in specs {
        let n = shape.iter().product();
        map.insert(name, shape, vec![0.25; n]).unwrap();
    }
    map
}

#[test]
fn an_lnet_comes_along() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let origin = Origin {
        description: "a test".into(),
        sha256: None,
    };
    store
        .install("sface", &flat(Network::SFace.tensor_specs()), &origin)
        .unwrap();
    store
        .install("mtcnn", &flat(Network::Mtcnn.tensor_specs()), &origin)
        .unwrap();
    let lnet = flat(lnet_tensor_specs());
    store.install_lnet(&lnet, &origin).unwrap();
    let (embedder, detector) = store.open_with_detector("sface", Some("mtcnn")).unwrap();
    let path = folder.path().join("with-lnet.qmfmodel");
    Bundle::write(&path, &embedder, &detector).unwrap();
    let bytes = fs::read(&path).unwrap();
    for bundle in [Bundle::open(&path).unwrap(), Bundle::parse(&bytes).unwrap()] {
        assert!(bundle.detector().has_lnet());
        assert_eq!(bundle.detector().load_lnet().unwrap().as_ref(), Some(&lnet));
        assert_eq!(bundle.detector().verify().unwrap().files.len(), 2);
        assert_eq!(bundle.detector().fingerprint(), detector.fingerprint());
    }
    // A pack is chosen by the path of a bundle as by a name.
    let (by_path, _) = store.open_with_detector(path.to_str().unwrap(), Some("mtcnn")).unwrap();
    assert_eq!(by_path.manifest(), embedder.manifest());
    // It has one detector.
    assert_error(
        store.open_with_detector(path.to_str().unwrap(), Some("yunet")),
        ErrorKind::Model,
        &[
            "has the detector mtcnn, not yunet",
            "qmagface models export sface --detector yunet",
        ],
    );

    // What its manifest doesn't say isn't taken, and what it says isn't left out.
    let mut entries = small();
    entries.push((LNET, b"an L-Net".to_vec()));
    refused(&stored(&entries), &["no [lnet]"]);
    entries.pop();
    entries[2].1 = detector.manifest().to_toml().unwrap().into_bytes();
    refused(&stored(&entries), &["has an [lnet]", "missing"]);
}

#[test]
fn only_an_embedder_and_its_detector_are_written() {
    let (embedder, detector) = &*PACKS;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no.qmfmodel");
    for (a, b, part) in [
        (detector, detector, "mtcnn is not an embedder"),
        (embedder, embedder, "sface is not a detector"),
    ] {
        assert_error(Bundle::write(&path, a, b), ErrorKind::InvalidArgument, &[part]);
    }
    let below = path.join("below");
    assert_error(
        Bundle::write(&below, embedder, detector),
        ErrorKind::Io,
        &["no.qmfmodel"],
    );

    // Damaged weights go into no bundle.
    let store = Store::new(folder.path());
    let copy = store.models_folder().join("mtcnn");
    fs::create_dir_all(&copy).unwrap();
    for file in fs::read_dir(detector.folder().unwrap()).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), copy.join(file.file_name())).unwrap();
    }
    let weights = copy.join(WEIGHTS_FILE);
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let damaged = store.open("mtcnn").unwrap();
    assert_error(
        Bundle::write(&path, embedder, &damaged),
        ErrorKind::Weights,
        &["SHA-256"],
    );
    assert!(!path.exists());
}

#[test]
fn paths_of_bundles_are_told_from_names_and_folders() {
    let (folder, path) = exported();
    assert!(Bundle::is_path(path.to_str().unwrap()));
    let renamed = folder.path().join("model.bin");
    fs::rename(&path, &renamed).unwrap();
    assert!(Bundle::is_path(renamed.to_str().unwrap()), "any file");
    assert!(Bundle::is_path("nowhere.qmfmodel"), "the extension");
    for other in ["sface", "./nowhere", "Nowhere", folder.path().to_str().unwrap()] {
        assert!(!Bundle::is_path(other), "{other}");
    }
    let options = EngineOptions::default();
    assert_error(
        Engine::open("nowhere.qmfmodel", &options),
        ErrorKind::Io,
        &["nowhere.qmfmodel"],
    );
    assert_error(Bundle::open(folder.path()), ErrorKind::Io, &["not a file"]);
    // A folder's name may end like a bundle's.
    let named = folder.path().join("own.qmfmodel");
    fs::create_dir(&named).unwrap();
    assert!(!Bundle::is_path(named.to_str().unwrap()));
}

// ----------------------------------------------------------------------------------------------------- forged bundles

#[test]
fn small_bundles_of_the_tests_are_well_formed() {
    let bytes = stored(&small());
    let bundle = Bundle::parse(&bytes).unwrap();
    assert_eq!(bundle.embedder().name(), "sface");
    // Only the weights are none.
    assert_error(bundle.embedder().load_weights(), ErrorKind::Weights, &[NAMES[1]]);
    assert_error(
        Engine::from_bundle(&bytes, &EngineOptions::default()),
        ErrorKind::Weights,
        &[NAMES[3]],
    );
    // The order of the entries says nothing.
    let mut turned = small();
    turned.reverse();
    assert!(Bundle::parse(&stored(&turned)).is_ok());
}

#[test]
fn entries_must_be_the_known_ones() {
    refused(b"", &["not a bundle"]);
    refused(b"PK\x03\x04 but no zip", &["not a bundle"]);
    refused(&stored(&[]), &["embedder/manifest.toml is missing"]);
    for (index, name) in NAMES.into_iter().enumerate() {
        let mut entries = small();
        entries.remove(index);
        refused(&stored(&entries), &[name, "missing"]);
    }
    for name in [
        "embedder/Manifest.toml",
        "../embedder/manifest.toml",
        "/etc/passwd",
        "embedder/lnet.safetensors",
        "embedder/manifest.toml/",
        "embedder\\manifest.toml",
        "\u{1b}[2J",
    ] {
        let mut entries = small();
        entries.push((name, Vec::new()));
        refused(&stored(&entries), &["it has the entry"]);
    }
    let many: Vec<_> = (0..2000).map(|i| (format!("file-{i}"), Vec::new())).collect();
    let many: Vec<_> = many
        .iter()
        .map(|(name, bytes)| (name.as_str(), bytes.clone()))
        .collect();
    refused(&stored(&many), &["2000 entries"]);

    // The same name twice: no writer makes that, so another name is changed.
    let mut entries = small();
    entries.push(("detector/manifest.tomX", entries[2].1.clone()));
    let twice = patch(&stored(&entries), b"detector/manifest.tomX", b"detector/manifest.toml");
    refused(&twice, &["twice"]);
}

#[test]
fn a_huge_directory_is_not_read() {
    let long = "n".repeat(60_000);
    let names: Vec<_> = (0..40).map(|i| format!("{long}{i}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
    refused(&stored(&entries), &["more beside its weights"]);
}

#[test]
fn entries_must_be_stored_whole() {
    let entries = small();
    for name in NAMES {
        let bytes = zipped(&entries, |entry| match entry == name {
            true => CompressionMethod::Deflated,
            false => CompressionMethod::Stored,
        });
        refused(&bytes, &[name, "compressed or encrypted"]);
    }
    let good = stored(&entries);
    // The flag of encryption, in the directory and before the entry (bytes 8 and 6 of the headers).
    let mut bytes = good.clone();
    for (signature, flags) in [(b"PK\x01\x02", 8), (b"PK\x03\x04", 6)] {
        let at = good.windows(4).position(|window| window == signature).unwrap();
        bytes[at + flags] |= 1;
    }
    refused(&bytes, &[NAMES[0], "encrypted"]);

    // Sizes: more than the file has, more than any weights have, two that differ.
    let directory: Vec<_> = good
        .windows(4)
        .enumerate()
        .filter_map(|(at, window)| (window == b"PK\x01\x02").then_some(at))
        .collect();
    assert_eq!(directory.len(), 4);
    let sized = |compressed: u32, size: u32| {
        let mut bytes = good.clone();
        bytes[directory[1] + 20..directory[1] + 24].copy_from_slice(&compressed.to_le_bytes());
        bytes[directory[1] + 24..directory[1] + 28].copy_from_slice(&size.to_le_bytes());
        bytes
    };
    refused(&sized(1 << 20, 1 << 20), &[NAMES[1], "cut off"]);
    refused(
        &sized(0xF000_0000, 0xF000_0000),
        &[NAMES[1], "4026531840 bytes", "limit"],
    );
    refused(&sized(18, 17), &[NAMES[1]]);
    // The directory and the header before the entry disagree.
    refused(&sized(17, 17), &["not a bundle, or a damaged one"]);
}

#[test]
fn manifests_are_checked() {
    let entries = small();
    let with = |index: usize, bytes: Vec<u8>| {
        let mut entries = entries.clone();
        entries[index].1 = bytes;
        stored(&entries)
    };
    let text = |index: usize| String::from_utf8(entries[index].1.clone()).unwrap();
    refused(&with(0, b"no manifest".to_vec()), &[NAMES[0]]);
    refused(&with(2, vec![0xFF; 10]), &[NAMES[2], "UTF-8"]);
    refused(&with(0, vec![b'#'; 65_537]), &[NAMES[0], "65537 bytes", "65536"]);
    refused(&with(0, entries[2].1.clone()), &[NAMES[0], "not an embedder"]);
    refused(&with(2, entries[0].1.clone()), &[NAMES[2], "not a detector"]);
    let no_weights = Manifest {
        weights: None,
        ..Manifest::parse(&text(0)).unwrap()
    };
    refused(
        &with(0, no_weights.to_toml().unwrap().into_bytes()),
        &[NAMES[0], "[weights]"],
    );
    // A bit of a manifest that still reads: its checksum tells.
    let changed = patch(&stored(&entries), b"summary = \"SFace", b"summary = \"TFace");
    refused(&changed, &[NAMES[0], "damaged"]);
}

/// Wherever a small bundle ends or is changed, the answer is an error or a bundle, and never a crash.
#[test]
fn any_damage_is_an_error_or_harmless() {
    let good = stored(&small());
    for length in 0..good.len() {
        assert_error(Bundle::parse(&good[..length]), ErrorKind::Model, &[]);
    }
    let mut bytes = good.clone();
    let mut refusals = 0;
    for at in 0..good.len() {
        for flip in [1, 0x80, 0xFF] {
            bytes[at] ^= flip;
            match Bundle::parse(&bytes) {
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Model, "byte {at}: {error}");
                    refusals += 1;
                }
                Ok(bundle) => {
                    // The weights are none, so loading says so; the point is that it returns.
                    assert!(bundle.embedder().load_weights().is_err() && bundle.detector().load_weights().is_err());
                }
            }
            bytes[at] ^= flip;
        }
    }
    // All but the times, the rights and the weights is covered by a check.
    assert!(refusals > 2 * good.len(), "{refusals} of {}", 3 * good.len());
}

#[test]
fn damaged_weights_are_found_when_they_are_loaded() {
    let (_folder, path) = exported();
    let good = fs::read(&path).unwrap();
    let starts = {
        let mut archive = ZipArchive::new(Cursor::new(&good)).unwrap();
        [NAMES[1], NAMES[3]].map(|name| {
            let entry = archive.by_name(name).unwrap();
            (entry.data_start().unwrap() + entry.size()) as usize - 2
        })
    };
    for (at, name) in starts.into_iter().zip([NAMES[1], NAMES[3]]) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let options = EngineOptions::default();
        let parts = [name, "not the installed ones"];
        assert_error(Engine::from_bundle(&bytes, &options), ErrorKind::Weights, &parts);
        assert_error(
            Engine::open(path.to_str().unwrap(), &options),
            ErrorKind::Weights,
            &["sface.qmfmodel", name, "not the installed ones"],
        );
        let bundle = Bundle::open(Path::new(&path)).unwrap();
        let pack = if name == NAMES[1] {
            bundle.embedder()
        } else {
            bundle.detector()
        };
        assert_error(pack.verify(), ErrorKind::Weights, &[name, "SHA-256"]);
    }
    // Shorter than when it was opened.
    fs::write(&path, &good).unwrap();
    let bundle = Bundle::open(&path).unwrap();
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    assert_error(bundle.embedder().load_weights(), ErrorKind::Weights, &[NAMES[1]]);
}
