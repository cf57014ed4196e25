use super::*;
use proptest::prelude::*;

/// A pickle of images and labels, byte by byte, of protocol 4.
fn pickled(images: &[&[u8]], labels: &[bool]) -> Vec<u8> {
    let mut bytes = vec![0x80, 4, b']', b'('];
    for image in images {
        bytes.push(b'B');
        bytes.extend((image.len() as u32).to_le_bytes());
        bytes.extend(*image);
    }
    bytes.extend(*b"e](");
    bytes.extend(labels.iter().map(|&label| if label { 0x88 } else { 0x89 }));
    bytes.extend(*b"e\x86.");
    bytes
}

fn parse(bytes: &[u8]) -> Result<PackedPairs> {
    PackedPairs::parse(&mut &bytes[..])
}

fn refused(bytes: &[u8]) -> String {
    parse(bytes).err().expect("refused").message().to_owned()
}

const TEN: [bool; 10] = [true, false, true, true, false, false, true, false, true, false];

fn twenty() -> Vec<&'static [u8]> {
    (0..20)
        .map(|at| &b"\xff\xd8\xff\xe0 an image of some length"[..4 + at])
        .collect()
}

fn check(bytes: &[u8]) {
    let set = parse(bytes).unwrap();
    assert_eq!((set.len(), set.is_empty()), (20, false));
    assert_eq!(set.image(3), twenty()[3]);
    let pairs = set.pairs();
    assert_eq!((pairs.folds, pairs.format), (10, PairFormat::Packed));
    assert_eq!(pairs.pairs.iter().map(|pair| pair.genuine).collect::<Vec<_>>(), TEN);
    assert_eq!(
        (pairs.pairs[4].a.as_str(), pairs.pairs[4].b.as_str()),
        ("000008", "000009")
    );
    assert_eq!(set.name(9), "000009");
}

#[test]
fn images_and_labels_are_read() {
    check(&pickled(&twenty(), &TEN));
    // Python 3, protocol 2: bytes are a call of _codecs.encode on a string in which each character is a byte.
    let mut bytes = b"\x80\x02](".to_vec();
    for image in twenty() {
        let text: String = image.iter().map(|&byte| char::from(byte)).collect();
        bytes.extend(*b"c_codecs\nencode\nX");
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(*b"X\x06\0\0\0latin1\x86R");
    }
    bytes.extend(*b"e](");
    bytes.extend(TEN.iter().map(|&label| if label { 0x88 } else { 0x89 }));
    bytes.extend(*b"e\x86.");
    check(&bytes);
    // Python 2: a string is bytes.
    let mut bytes = b"\x80\x02](".to_vec();
    for image in twenty() {
        bytes.extend([b'U', image.len() as u8]);
        bytes.extend(image);
    }
    bytes.extend(*b"e](");
    bytes.extend(TEN.iter().flat_map(|&label| [b'K', u8::from(label)]));
    bytes.extend(*b"e\x86.");
    check(&bytes);
}

#[test]
fn python_writes_what_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let script = "import pickle, sys\n\
        images = [b'\\xff\\xd8\\xff\\xe0 an image of some length'[:4 + at] for at in range(20)]\n\
        labels = [True, False, True, True, False, False, True, False, True, False]\n\
        for protocol in range(2, 6):\n    \
            with open(sys.argv[1] + '/%d.bin' % protocol, 'wb') as file:\n        \
                pickle.dump((images, labels), file, protocol=protocol)\n";
    let made = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for protocol in 2..=5 {
        let path = folder.path().join(format!("{protocol}.bin"));
        assert!(PackedPairs::is_at(&path));
        check(&std::fs::read(&path).unwrap());
        assert_eq!(PackedPairs::read(&path).unwrap().len(), 20);
    }
}

#[test]
fn anything_else_is_refused_and_never_run() {
    let images = twenty();
    assert!(refused(&pickled(&images[..19], &TEN)).contains("19 images and 10 labels"));
    assert_eq!(parse(&pickled(&images[..4], &TEN[..2])).unwrap().pairs().folds, 1);
    assert!(refused(&pickled(&[], &[])).contains("no pair"));
    assert!(refused(b"\x80\x04cposix\nsystem\n").contains("refuses posix.system"));
    assert!(refused(b"\x80\x04cbuiltins\neval\n").contains("refuses builtins.eval"));
    assert!(refused(b"\x80\x02ctorch\nFloatStorage\n").contains("refuses torch.FloatStorage"));
    assert!(refused(b"\x80\x04N.").contains("a list of two lists is needed"));
    assert!(refused(b"\x80\x04]].").contains("left over"));
    assert!(refused(b"\x80\x04](K\x05e](\x88e\x86.").contains("image 0 is a whole number"));
    assert!(refused(b"\x80\x04](C\0e](K\x02e\x86.").contains("label 0 is a whole number"));
    assert!(refused(b"\x80\x04B\xff\xff\xff\xff").contains("4294967295 bytes"));
    assert!(refused(b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x04\0\0\0utf8\x86R").contains("latin1"));
    assert!(refused(b"(lp0\n.").contains("LIST") || refused(b"(lp0\n.").contains("no set"));
    let error = PackedPairs::read("no/such.bin".as_ref()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(!PackedPairs::is_at("no/such.bin".as_ref()));
}

/// A string that is encoded a thousand times would be a thousand times the file.
#[test]
fn a_small_file_makes_no_large_set() {
    let mut bytes = b"\x80\x02]q\0(".to_vec();
    let text = "a".repeat(60_000);
    bytes.extend(*b"c_codecs\nencode\nq\x01X");
    bytes.extend((text.len() as u32).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes.extend(*b"q\x02X\x06\0\0\0latin1q\x03\x86R");
    for _ in 0..1000 {
        bytes.extend(*b"h\x01h\x02h\x03\x86R");
    }
    assert!(refused(&bytes).contains("more bytes than it has"));
}

#[test]
fn a_cut_file_is_refused_at_every_length() {
    let whole = pickled(&twenty(), &TEN);
    for length in 0..whole.len() {
        assert!(parse(&whole[..length]).is_err(), "cut at {length}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0usize..400, byte: u8) {
        let _ = parse(&bytes);
        let mut whole = pickled(&twenty(), &TEN);
        if let Some(place) = whole.get_mut(at) {
            *place = byte;
        }
        let _ = parse(&whole);
        bytes.splice(0..0, [0x80, 4]);
        let _ = parse(&bytes);
    }
}
