//! Checkpoints put together byte by byte: what torch.save can emit, and what it never would.

use super::*;
use std::io::Write;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Writes pickles of protocol 2, and of 4 where it says so.
#[derive(Default)]
struct Pickler(Vec<u8>);

impl Pickler {
    fn new() -> Self {
        Pickler(vec![0x80, 2])
    }

    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn str(self, text: &str) -> Self {
        self.raw(b"X")
            .raw(&(text.len() as u32).to_le_bytes())
            .raw(text.as_bytes())
    }

    fn int(self, n: i32) -> Self {
        self.raw(b"J").raw(&n.to_le_bytes())
    }

    fn ints(self, values: &[i32]) -> Self {
        values.iter().fold(self.raw(b"("), |p, &n| p.int(n)).raw(b"t")
    }

    fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    fn storage(self, kind: &str, key: &str, len: i32) -> Self {
        let name = self.raw(b"(").str("storage").global("torch", kind).str(key).str("cpu");
        name.int(len).raw(b"tQ")
    }

    /// A call of `_rebuild_tensor_v2`; the storage is (type, key, length).
    fn tensor(self, storage: (&str, &str, i32), offset: i32, shape: &[i32], stride: &[i32]) -> Self {
        let call = self.global("torch._utils", "_rebuild_tensor_v2").raw(b"(");
        let window = call
            .storage(storage.0, storage.1, storage.2)
            .int(offset)
            .ints(shape)
            .ints(stride);
        window.raw(b"\x89").global("collections", "OrderedDict").raw(b")RtR")
    }

    fn stop(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// A dictionary of the one tensor `w`.
fn one_tensor(storage: (&str, &str, i32), offset: i32, shape: &[i32], stride: &[i32]) -> Vec<u8> {
    Pickler::new()
        .raw(b"}")
        .str("w")
        .tensor(storage, offset, shape, stride)
        .raw(b"s")
        .stop()
}

fn zip_file(pickle: &[u8], storages: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    zip.start_file("archive/data.pkl", options).unwrap();
    zip.write_all(pickle).unwrap();
    for (key, bytes) in storages {
        zip.start_file(format!("archive/data/{key}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn stored(pickle: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    zip_file(pickle, storages, CompressionMethod::Stored)
}

fn legacy_file(pickle: &[u8], storages: &[(&str, i64, Vec<u8>)]) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03.".to_vec();
    file.extend(Pickler::new().raw(b"}").str("little_endian").raw(b"\x88s").stop());
    file.extend(pickle);
    let keys = storages
        .iter()
        .fold(Pickler::new().raw(b"]("), |p, storage| p.str(storage.0));
    file.extend(keys.raw(b"e").stop());
    for (_, len, bytes) in storages {
        file.extend(len.to_le_bytes());
        file.extend(bytes);
    }
    file
}

fn floats(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

fn all(file: &[u8]) -> Result<TensorMap> {
    read_bytes(file, &|_| true)
}

/// The message of the error that reading `file` gives, which must be of `kind`.
fn refusal(file: &[u8], kind: ErrorKind) -> String {
    let error = all(file).expect_err("must be refused");
    assert_eq!(error.kind(), kind, "{error}");
    error.to_string()
}

/// The same, for a pickle without storages in a zip file.
fn refused(pickle: &[u8]) -> String {
    refusal(&stored(pickle, &[]), ErrorKind::Weights)
}

#[test]
fn every_storage_type_is_converted() {
    let cases: [(&str, Vec<u8>); 10] = [
        ("FloatStorage", floats(&[1.0, -2.0])),
        (
            "DoubleStorage",
            [1.0f64, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect(),
        ),
        ("HalfStorage", vec![0x00, 0x3c, 0x00, 0xc0]),
        ("BFloat16Storage", vec![0x80, 0x3f, 0x00, 0xc0]),
        ("LongStorage", [1i64, -2].iter().flat_map(|v| v.to_le_bytes()).collect()),
        ("IntStorage", [1i32, -2].iter().flat_map(|v| v.to_le_bytes()).collect()),
        (
            "ShortStorage",
            [1i16, -2].iter().flat_map(|v| v.to_le_bytes()).collect(),
        ),
        ("CharStorage", vec![1, 0xfe]),
        ("ByteStorage", vec![1, 0xfe]),
        ("BoolStorage", vec![1, 0]),
    ];
    for (kind, bytes) in cases {
        let pickle = one_tensor((kind, "0", 2), 0, &[2], &[1]);
        let expected: &[f32] = match kind {
            "ByteStorage" => &[1.0, 254.0],
            "BoolStorage" => &[1.0, 0.0],
            _ => &[1.0, -2.0],
        };
        for file in [
            stored(&pickle, &[("0", bytes.clone())]),
            legacy_file(&pickle, &[("0", 2, bytes.clone())]),
        ] {
            assert_eq!(all(&file).unwrap().require("w", &[2]).unwrap().data, expected, "{kind}");
        }
    }
}

#[test]
fn strides_offsets_and_shared_storages_are_resolved() {
    let storage = ("FloatStorage", "k", 7);
    let pickle = Pickler::new()
        .raw(b"}(")
        .str("plain")
        .tensor(storage, 0, &[2, 3], &[3, 1])
        .str("transposed")
        .tensor(storage, 1, &[3, 2], &[1, 3])
        .str("repeated")
        .tensor(storage, 6, &[2, 2], &[0, 0])
        .str("every second")
        .tensor(storage, 0, &[4], &[2])
        .str("scalar")
        .tensor(storage, 5, &[], &[])
        .str("empty")
        .tensor(storage, 99, &[2, 0], &[1, 1])
        .str("any stride where the length is 1")
        .tensor(storage, 2, &[1, 2], &[77, 1])
        .raw(b"u")
        .stop();
    let values = floats(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    for file in [
        stored(&pickle, &[("k", values.clone())]),
        legacy_file(&pickle, &[("k", 7, values.clone())]),
    ] {
        let map = all(&file).unwrap();
        let get = |name, shape: &[usize]| map.require(name, shape).unwrap().data.clone();
        assert_eq!(get("plain", &[2, 3]), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(get("transposed", &[3, 2]), [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]);
        assert_eq!(get("repeated", &[2, 2]), [6.0; 4]);
        assert_eq!(get("every second", &[4]), [0.0, 2.0, 4.0, 6.0]);
        assert_eq!(get("scalar", &[]), [5.0]);
        assert!(get("empty", &[2, 0]).is_empty());
        assert_eq!(get("any stride where the length is 1", &[1, 2]), [2.0, 3.0]);
    }
}

#[test]
fn protocol_4_is_read_as_python_writes_it() {
    let short = |text: &str| [&[0x8c, text.len() as u8], text.as_bytes(), &[0x94]].concat();
    let import = |module, name| [short(module), short(name), b"\x93\x94".to_vec()].concat();
    let long_key = [b"\x8d".as_slice(), &3u64.to_le_bytes(), b"wei", b"\x94"].concat();
    let pickle = [
        b"\x80\x04\x95".to_vec(),
        123u64.to_le_bytes().to_vec(),
        import("collections", "OrderedDict"), // memo 0 to 2
        b")R\x94(".to_vec(),
        long_key,
        import("torch._utils", "_rebuild_parameter"),
        import("torch._utils", "_rebuild_tensor_v2"),
        b"((".to_vec(),
        short("storage"),
        import("torch", "FloatStorage"),
        short("0"),
        short("cuda:0"),
        b"K\x02t\x94Q".to_vec(),
        b"K\x00K\x02\x85\x94K\x01\x85\x94\x89h\x02)R\x94t\x94R\x94\x88h\x02)R\x94\x87\x94R\x94u".to_vec(),
        // an attribute, as state dicts have
        b"}\x94".to_vec(),
        short("_metadata"),
        b"h\x02)R\x94sb.".to_vec(),
    ]
    .concat();
    let map = all(&stored(&pickle, &[("0", floats(&[8.0, 9.0]))])).unwrap();
    assert_eq!(map.require("wei", &[2]).unwrap().data, [8.0, 9.0]);
    assert_eq!(map.len(), 1);
}

#[test]
fn only_what_is_selected_is_looked_at() {
    // The head's storage is not in the file, and its window is far outside of it.
    let pickle = Pickler::new()
        .raw(b"}(")
        .str("state_dict")
        .raw(b"}(")
        .str("w")
        .tensor(("FloatStorage", "0", 1), 0, &[1], &[1])
        .str("head")
        .tensor(
            ("FloatStorage", "1", 2_000_000_000),
            0,
            &[2_000_000_000, 2_000_000_000],
            &[9, 9],
        )
        .str("note")
        .str("not a tensor")
        .raw(b"u")
        .str("epoch")
        .int(25)
        .raw(b"u")
        .stop();
    let file = stored(&pickle, &[("0", floats(&[4.0]))]);
    let map = read_bytes(&file, &|name| name == "w").unwrap();
    assert_eq!((map.len(), map.get("w").unwrap().data[0]), (1, 4.0));
    let message = |wanted| read_bytes(&file, &|name| name == wanted).unwrap_err().to_string();
    assert_eq!(message("note"), "tensor \"note\": this entry is not a tensor");
    assert!(message("head").contains("\"head\""));
    assert!(read_bytes(&file, &|_| false).unwrap().is_empty());
}

#[test]
fn a_later_entry_replaces_an_earlier_one() {
    let storage = ("FloatStorage", "0", 2);
    let pickle = Pickler::new()
        .raw(b"}(")
        .str("w")
        .tensor(storage, 0, &[1], &[1])
        .str("w");
    let pickle = pickle.tensor(storage, 1, &[1], &[1]).raw(b"u").stop();
    let map = all(&stored(&pickle, &[("0", floats(&[1.0, 2.0]))])).unwrap();
    assert_eq!(map.get("w").unwrap().data, [2.0]);
}

#[test]
fn windows_outside_their_storage_are_refused() {
    let outside = [
        (0, vec![3], vec![1]),
        (2, vec![1], vec![1]),
        (1, vec![2], vec![1]),
        (0, vec![2], vec![2]),
        (0, vec![1, 3], vec![0, 1]),
        (i32::MAX, vec![1], vec![0]),
        (0, vec![i32::MAX; 8], vec![i32::MAX; 8]),
        (0, vec![i32::MAX; 8], vec![0; 8]),
    ];
    for (offset, shape, stride) in outside {
        let pickle = one_tensor(("FloatStorage", "0", 2), offset, &shape, &stride);
        let message = refusal(&stored(&pickle, &[("0", vec![0; 8])]), ErrorKind::Weights);
        assert!(message.starts_with("tensor \"w\": shape"), "{message}");
        assert!(message.contains("outside storage \"0\" of 2 elements"), "{message}");
    }
    let impossible = [
        (-1, vec![1], vec![1], "-1 as a tensor's size or stride"),
        (0, vec![-1], vec![1], "-1 as a tensor's size or stride"),
        (0, vec![1], vec![-1], "-1 as a tensor's size or stride"),
        (0, vec![1, 1], vec![1], "a tensor of shape [1, 1] with strides [1]"),
        (0, vec![1; 9], vec![1; 9], "a tensor of 9 axes (at most 8)"),
    ];
    for (offset, shape, stride, expected) in impossible {
        let message = refused(&one_tensor(("FloatStorage", "0", 2), offset, &shape, &stride));
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_small_file_cannot_ask_for_much_memory() {
    let edge = MAX_ELEMENTS as i32;
    let pickle = one_tensor(("FloatStorage", "0", 1), 0, &[edge, 2], &[0, 0]);
    let message = refusal(&stored(&pickle, &[("0", vec![0; 4])]), ErrorKind::Limit);
    assert!(
        message.contains("tensor \"w\": more than 134217728 elements"),
        "{message}"
    );

    // A storage that is itself too large, of which only one element is used.
    let pickle = one_tensor(("DoubleStorage", "0", i32::MAX), 0, &[1], &[1]);
    let message = refusal(&stored(&pickle, &[("0", vec![0; 4])]), ErrorKind::Limit);
    assert!(message.contains("bytes of storages"), "{message}");

    let opcodes = Pickler::new().raw(&vec![b'N'; 1 << 20]).stop();
    assert!(refusal(&stored(&opcodes, &[]), ErrorKind::Limit).contains("opcodes"));
    let marks = Pickler::new().raw(&[b'('; 65]).stop();
    assert!(refusal(&stored(&marks, &[]), ErrorKind::Limit).contains("64 deep"));
    let string = Pickler::new().raw(b"X\xff\xff\xff\xff").stop();
    assert!(refusal(&stored(&string, &[]), ErrorKind::Limit).contains("string of 4294967295 bytes"));
    let string = Pickler::new().raw(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff").stop();
    assert!(refusal(&stored(&string, &[]), ErrorKind::Limit).contains("string of 18446744073709551615 bytes"));
}

#[test]
fn a_compressed_storage_is_not_unpacked() {
    // Of the size that its tensor needs: a small file would take a thousand times its size of memory.
    let size = 1 << 24;
    let pickle = one_tensor(("FloatStorage", "0", size / 4), 0, &[size / 4], &[1]);
    let bomb = zip_file(&pickle, &[("0", vec![0; size as usize])], CompressionMethod::Deflated);
    assert!(bomb.len() < 1 << 18);
    let message = refusal(&bomb, ErrorKind::Weights);
    assert!(message.starts_with("archive/data/0 is compressed"), "{message}");
}

#[test]
fn an_entry_must_have_the_size_that_its_tensors_need() {
    let pickle = one_tensor(("FloatStorage", "0", 1), 0, &[1], &[1]);
    let size = 1 << 16;
    let file = stored(&pickle, &[("0", vec![0; size])]);
    let message = refusal(&file, ErrorKind::Weights);
    assert_eq!(message, "archive/data/0 has 65536 bytes, its tensors need 4");

    // The same with a lie about the size in both of the entry's headers.
    let mut lie = file;
    let honest = (size as u32).to_le_bytes();
    let places: Vec<usize> = (0..lie.len() - 4).filter(|&i| lie[i..i + 4] == honest).collect();
    assert!(!places.is_empty());
    for at in places {
        lie[at..at + 4].copy_from_slice(&4u32.to_le_bytes());
    }
    let message = refusal(&lie, ErrorKind::Weights);
    assert!(message.starts_with("archive/data/0 "), "{message}");
}

#[test]
fn a_changed_byte_in_a_zip_entry_is_noticed() {
    let pickle = one_tensor(("FloatStorage", "0", 1), 0, &[1], &[1]);
    let mut file = stored(&pickle, &[("0", floats(&[1234.5]))]);
    let at = file.windows(4).position(|w| w == 1234.5f32.to_le_bytes()).unwrap();
    file[at] ^= 1;
    let message = refusal(&file, ErrorKind::Weights);
    assert!(message.starts_with("archive/data/0 is damaged"), "{message}");
}

#[test]
fn imports_are_refused_by_name() {
    for (module, name) in [
        ("posix", "system"),
        ("builtins", "eval"),
        ("torch", "load"),
        ("torch", "QInt8Storage"),
        ("collections", "defaultdict"),
        ("torch._utils", "_rebuild_tensor"),
        ("numpy.core.multiarray", "_reconstruct"),
    ] {
        let by_opcode = Pickler::new().global(module, name).stop();
        let from_stack = Pickler::new().str(module).str(name).raw(b"\x93").stop();
        for pickle in [by_opcode, from_stack] {
            let message = refused(&pickle);
            assert!(message.contains(&format!("refuses {module}.{name}:")), "{message}");
            let message = refusal(&legacy_file(&pickle, &[]), ErrorKind::Weights);
            assert!(message.contains(&format!("refuses {module}.{name}:")), "{message}");
        }
    }
    // A name that would drive a terminal is shown, not obeyed.
    let message = refused(&Pickler::new().global("a\u{1b}[2J", "b").stop());
    assert!(message.contains("refuses a\\u{1b}[2J.b"), "{message}");
}

#[test]
fn opcodes_are_refused_by_name() {
    for (opcode, name) in [
        (b'o', "OBJ"),
        (b'i', "INST"),
        (0x81, "NEWOBJ"),
        (0x92, "NEWOBJ_EX"),
        (0x82, "EXT1"),
        (b'P', "PERSID"),
        (b'B', "BINBYTES"),
        (0x8b, "LONG4"),
        (b'2', "DUP"),
        (0x96, "BYTEARRAY8"),
    ] {
        let message = refused(&Pickler::new().raw(b"N").raw(&[opcode]).stop());
        assert!(message.contains(&format!("refuses the opcode {name}:")), "{message}");
    }
    assert!(refused(&Pickler::new().raw(b"\xff").stop()).contains("0xff is no pickle opcode"));
}

#[test]
fn nonsense_is_refused_with_a_reason() {
    let ordered = Pickler::new().global("collections", "OrderedDict");
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (ordered.raw(b"]\x85R").stop(), "OrderedDict made from arguments"),
        (Pickler::new().str("f").raw(b")R").stop(), "refuses to call a string"),
        (Pickler::new().raw(b"]}b").stop(), "refuses to set the state of a list"),
        (
            Pickler::new().global("torch", "FloatStorage").raw(b")R").stop(),
            "a storage by a call",
        ),
        (Pickler::new().raw(b"NQ").stop(), "named by a tuple, not a None"),
        (Pickler::new().raw(b")Q").stop(), "named by 0 parts"),
        (
            Pickler::new().raw(b"(").str("module").raw(b"NNNNtQ").stop(),
            "not a storage",
        ),
        (Pickler::new().raw(b"}NNsNa").stop(), "appends to a dictionary"),
        (Pickler::new().raw(b"]NNs").stop(), "sets items of a list"),
        (Pickler::new().raw(b"}(Nu").stop(), "a key without a value"),
        (Pickler::new().raw(b"h\x05").stop(), "memo entry 5 was never set"),
        (Pickler::new().raw(b"e").stop(), "there is no mark"),
        (Pickler::new().raw(b"N(\x85").stop(), "the stack is empty"),
        (Pickler::new().raw(b"a").stop(), "the stack is empty"),
        (Pickler::new().raw(b"q\x00").stop(), "the stack is empty"),
        (Pickler::new().raw(b"NN").stop(), "values left over"),
        (Pickler::new().raw(b"(N").stop(), "values left over"),
        (Pickler::new().raw(b"X\x01\x00\x00\x00\xff").stop(), "not UTF-8"),
        (Pickler::new().raw(b"c\xff\nx\n").stop(), "not UTF-8"),
        (
            Pickler::new().raw(&[b"c".as_slice(), &[b'a'; 300]].concat()).stop(),
            "more than 256 bytes",
        ),
        (
            Pickler::new().raw(b"\x8a\x11").raw(&[1; 17]).stop(),
            "a whole number of 17 bytes",
        ),
        (vec![0x80, 6, b'N', b'.'], "pickle protocol 6"),
        (vec![0x80, 1, b'N', b'.'], "pickle protocol 1"),
        (
            Pickler::new().raw(b"N").stop(),
            "a dictionary of tensors, this one is a None",
        ),
        (
            Pickler::new().raw(b"}").str("state_dict").raw(b"]s").stop(),
            "this one is a list",
        ),
        (Pickler::new().raw(b"}").str("never ends").0, "the file is truncated"),
    ];
    for (pickle, expected) in cases {
        let message = refused(&pickle);
        assert!(message.contains(expected), "{message} (expected {expected})");
    }
}

#[test]
fn storages_must_be_described_in_one_way() {
    let two = |a: (&str, &str, i32), b: (&str, &str, i32)| {
        let pickle = Pickler::new().raw(b"}(").str("a").tensor(a, 0, &[1], &[1]).str("b");
        pickle.tensor(b, 0, &[1], &[1]).raw(b"u").stop()
    };
    for other in [("LongStorage", "0", 2), ("FloatStorage", "0", 3)] {
        let message = refused(&two(("FloatStorage", "0", 2), other));
        assert!(message.contains("storage \"0\" is described in two ways"), "{message}");
    }
    let view = Pickler::new()
        .raw(b"(")
        .str("storage")
        .global("torch", "FloatStorage")
        .str("0")
        .str("cpu");
    let view = view.int(1).raw(b"(").str("1").int(0).int(1).raw(b"ttQ").stop();
    assert!(refused(&view).contains("a view of another one"));
}

#[test]
fn legacy_storages_are_checked_against_the_file() {
    let pickle = Pickler::new()
        .raw(b"}(")
        .str("a")
        .tensor(("FloatStorage", "11", 1), 0, &[1], &[1]);
    let pickle = pickle
        .str("b")
        .tensor(("FloatStorage", "12", 2), 0, &[2], &[1])
        .raw(b"u")
        .stop();
    let good = [("12", 2, floats(&[1.0, 2.0])), ("11", 1, floats(&[3.0]))];
    let file = legacy_file(&pickle, &good);
    assert_eq!(all(&file).unwrap().get("b").unwrap().data, [1.0, 2.0]);
    assert_eq!(all(&file).unwrap().get("a").unwrap().data, [3.0]);

    // What is not selected must be there all the same: half a file is no checkpoint.
    let cut = |n: usize| {
        read_bytes(&file[..file.len() - n], &|name| name == "b")
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        cut(1),
        "storage 2 of 2 (\"11\") ends after 3 of 4 bytes: the file is truncated"
    );
    assert_eq!(cut(5), "storage 2 of 2 (\"11\") is missing: the file is truncated");
    assert_eq!(
        cut(13),
        "storage 1 of 2 (\"12\") ends after 7 of 8 bytes: the file is truncated"
    );

    let [b, a] = good;
    let cases = [
        (vec![b.clone()], "storage \"11\" is missing"),
        (
            vec![b.clone(), a.clone(), a.clone()],
            "storage 3 of 3 (\"11\") is there twice",
        ),
        (
            vec![b.clone(), a.clone(), ("9", 0, vec![])],
            "storage 3 of 3 (\"9\") belongs to no tensor",
        ),
        (
            vec![("12", 3, b.2.clone()), a.clone()],
            "storage 1 of 2 (\"12\") has 3 elements, its tensors need 2",
        ),
        (
            vec![("12", -1, b.2.clone()), a.clone()],
            "storage 1 of 2 (\"12\") has 18446744073709551615 elements",
        ),
    ];
    for (storages, expected) in cases {
        let message = refusal(&legacy_file(&pickle, &storages), ErrorKind::Weights);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn containers_that_are_not_ours_are_named() {
    let tensor = one_tensor(("FloatStorage", "0", 1), 0, &[1], &[1]);
    let little = Pickler::new().raw(b"}").str("little_endian").raw(b"\x88s").stop();
    let mut big_endian = legacy_file(&tensor, &[("0", 1, vec![0; 4])]);
    let at = big_endian.windows(little.len()).position(|w| w == little).unwrap() + little.len() - 3;
    assert_eq!(big_endian[at], 0x88);
    big_endian[at] = 0x89;

    let cases: Vec<(Vec<u8>, &str)> = vec![
        (vec![], "the file is empty"),
        (b"GIF89a".to_vec(), "not a PyTorch checkpoint"),
        (b"\x80\x02N.".to_vec(), "not one of torch.save"),
        (b"PK\x03\x04".to_vec(), "the zip container is damaged or truncated"),
        (stored(&tensor, &[]), "archive/data/0 is missing"),
        (big_endian, "little-endian"),
    ];
    for (file, expected) in cases {
        let message = refusal(&file, ErrorKind::Weights);
        assert!(message.contains(expected), "{message}");
    }
    for (order, fine) in [("little", true), ("big", false)] {
        let mut zip = ZipWriter::new_append(Cursor::new(stored(&tensor, &[("0", vec![0; 4])]))).unwrap();
        zip.start_file("archive/byteorder", SimpleFileOptions::default())
            .unwrap();
        zip.write_all(order.as_bytes()).unwrap();
        assert_eq!(all(&zip.finish().unwrap().into_inner()).is_ok(), fine, "{order}");
    }
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("word/document.xml", SimpleFileOptions::default())
        .unwrap();
    let message = refusal(&zip.finish().unwrap().into_inner(), ErrorKind::Weights);
    assert!(message.contains("without the data.pkl"), "{message}");
}
