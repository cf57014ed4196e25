use super::*;
use std::path::PathBuf;

fn file(folder: &tempfile::TempDir, header: &str, data: &[u8]) -> PathBuf {
    let path = folder.path().join("x.npy");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn matrices_of_all_orders_are_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = Matrix::new(2, 3, vec![1.0, 2.0, 3.0, -4.5, 5.0, 6.0]).unwrap();
    let rows = [1.0f64, 2.0, 3.0, -4.5, 5.0, 6.0];
    let columns = [1.0f64, -4.5, 2.0, 5.0, 3.0, 6.0];
    for (descr, bytes) in [
        ("<f4", (|v| (v as f32).to_le_bytes().to_vec()) as fn(f64) -> Vec<u8>),
        (">f4", |v| (v as f32).to_be_bytes().to_vec()),
        ("<f8", |v| v.to_le_bytes().to_vec()),
        (">f8", |v| v.to_be_bytes().to_vec()),
    ] {
        for (fortran, values) in [("False", rows), ("True", columns)] {
            let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': (2, 3), }}   \n");
            let data: Vec<u8> = values.into_iter().flat_map(bytes).collect();
            assert_eq!(read_matrix(&file(&folder, &header, &data)).unwrap(), wanted, "{header}");
        }
    }
}

#[test]
fn texts_keep_every_character() {
    let folder = tempfile::tempdir().unwrap();
    let wanted = ["ann/1.jpg", "", "Łukasz 😀"];
    let code = |text: &str, width: usize| -> Vec<u32> {
        let mut codes: Vec<u32> = text.chars().map(u32::from).collect();
        codes.resize(width, 0);
        codes
    };
    let codes: Vec<u32> = wanted.iter().flat_map(|text| code(text, 9)).collect();
    let header = |order: &str| format!("{{'descr': '{order}U9', 'fortran_order': False, 'shape': (3,), }}");
    let little: Vec<u8> = codes.iter().flat_map(|code| code.to_le_bytes()).collect();
    assert_eq!(read_texts(&file(&folder, &header("<"), &little)).unwrap(), wanted);
    let big: Vec<u8> = codes.iter().flat_map(|code| code.to_be_bytes()).collect();
    assert_eq!(read_texts(&file(&folder, &header(">"), &big)).unwrap(), wanted);
    let error = read_texts(&file(&folder, &header(">"), &little)).unwrap_err();
    assert!(error.message().contains("no unicode"), "{error}");
    let empty = file(&folder, "{'descr': '<U0', 'fortran_order': False, 'shape': (2,)}", &[]);
    assert_eq!(read_texts(&empty).unwrap(), ["", ""]);
}

#[test]
fn other_and_hostile_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
    for (from, to, kind) in [
        ("'<f4'", "'<i4'", ErrorKind::InvalidArgument),
        ("(1, 2)", "(2,)", ErrorKind::InvalidArgument),
        ("(1, 2)", "(1, 1, 2)", ErrorKind::InvalidArgument),
        ("(1, 2)", "(1, 3)", ErrorKind::Io),
        ("(1, 2)", "(-1, 2)", ErrorKind::Io),
        ("(1, 2)", "(4294967296, 4294967296)", ErrorKind::Io),
        ("(1, 2)", "(18446744073709551615, 2)", ErrorKind::Io),
        ("(1, 2)", "(99999999999999999999, 0)", ErrorKind::Io),
        ("'<f4'", "'<f0'", ErrorKind::Io),
        ("'<f4'", "'|O'", ErrorKind::InvalidArgument),
        ("'<f4'", "[('a', '<f4')]", ErrorKind::Io),
        ("'<f4'", "'é4'", ErrorKind::Io),
        ("'shape'", "'shade'", ErrorKind::Io),
        ("'fortran_order': False, ", "", ErrorKind::Io),
        ("'fortran_order'", "'descr'", ErrorKind::Io),
        ("{", "((((", ErrorKind::Io),
        ("}", "", ErrorKind::Io),
    ] {
        assert!(good.contains(from));
        let error = read_matrix(&file(&folder, &good.replacen(from, to, 1), &[0; 8])).unwrap_err();
        assert_eq!(error.kind(), kind, "{to}: {error}");
        assert!(error.message().contains("x.npy"), "{error}");
    }
    let path = file(&folder, good, &[0; 8]);
    let whole = std::fs::read(&path).unwrap();
    assert!(read_matrix(&path).is_ok());
    assert_eq!(read_texts(&path).unwrap_err().kind(), ErrorKind::InvalidArgument);
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(read_matrix(&path).unwrap_err().kind(), ErrorKind::Io, "cut at {cut}");
    }
    std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
    assert_eq!(read_matrix(&path).unwrap_err().kind(), ErrorKind::Io);
    std::fs::write(&path, b"\x93NUMPY\x02\x00\xff\xff\xff\xff").unwrap();
    assert!(
        read_matrix(&path)
            .unwrap_err()
            .message()
            .contains("header has 4294967295 bytes")
    );
    std::fs::write(&path, b"\x93NUMPY\x09\x00\xff\xff\xff\xff").unwrap();
    assert!(read_matrix(&path).unwrap_err().message().contains("version 9"));
    let endless = file(
        &folder,
        "{'descr': '<U0', 'fortran_order': False, 'shape': (9000000000,)}",
        &[],
    );
    assert_eq!(read_texts(&endless).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(
        read_matrix(&folder.path().join("none.npy")).unwrap_err().kind(),
        ErrorKind::Io
    );
}

/// Writes an array of texts and one of as many embeddings, for the set `name`.
fn set(folder: &tempfile::TempDir, name: &str, rows: usize, mark: f32) -> (PathBuf, PathBuf) {
    let write = |kind: &str, header: &str, data: &[u8]| {
        let path = folder.path().join(format!("{kind}_{name}.npy"));
        std::fs::rename(file(folder, header, data), &path).unwrap();
        path
    };
    let floats: Vec<u8> = (0..2 * rows).flat_map(|_| mark.to_le_bytes()).collect();
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, 2), }}");
    let embeddings = write("embeddings", &header, &floats);
    let texts: Vec<u8> = (0..rows)
        .flat_map(|_| u32::from(b'0' + mark as u8).to_le_bytes())
        .collect();
    let header = format!("{{'descr': '<U1', 'fortran_order': False, 'shape': ({rows},), }}");
    (embeddings, write("filenames", &header, &texts))
}

#[test]
fn the_arrays_of_a_set_fit_each_other_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let (embeddings, names) = set(&folder, "a", 3, 1.0);
    let files = SetFiles::open(&embeddings, &names).unwrap();
    assert_eq!(files.length(), 2);
    let (rows, texts) = files.read().unwrap();
    assert_eq!((rows.rows(), rows.columns(), texts), (3, 2, vec!["1".to_owned(); 3]));

    let (_, others) = set(&folder, "b", 2, 1.0);
    let error = SetFiles::open(&embeddings, &others).err().unwrap();
    assert!(
        error.message().contains("3 embeddings") && error.message().contains("different sets"),
        "{error}"
    );
    let (none, no_names) = set(&folder, "c", 0, 1.0);
    assert!(
        SetFiles::open(&none, &no_names)
            .err()
            .unwrap()
            .message()
            .contains("no embedding")
    );
    let pickled = file(
        &folder,
        "{'descr': '|O', 'fortran_order': False, 'shape': (3,), }",
        b"\x80\x04\x95x",
    );
    let error = SetFiles::open(&embeddings, &pickled).err().unwrap();
    assert!(
        error.message().contains("dtype object") && error.message().contains("dtype=str"),
        "{error}"
    );
    let pickled = file(
        &folder,
        "{'descr': '|O', 'fortran_order': False, 'shape': (3, 2), }",
        b"\x80\x04\x95x",
    );
    let error = SetFiles::open(&pickled, &names).err().unwrap();
    assert!(error.message().contains("dtype=\"float32\""), "{error}");
}

#[test]
fn a_set_that_is_being_replaced_is_never_mixed() {
    use crate::replace::Replacement;
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let (embeddings, names) = set(&folder, "a", 3, 1.0);
    let contents: Vec<[Vec<u8>; 2]> = [1.0, 2.0]
        .map(|mark| {
            let (e, n) = set(&folder, "x", 3, mark);
            [std::fs::read(e).unwrap(), std::fs::read(n).unwrap()]
        })
        .to_vec();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..150 {
                let [e, n] = &contents[round % 2];
                let write = |path: &Path, bytes: &[u8]| {
                    Replacement::write(path, |mut file| {
                        file.write_all(bytes).unwrap();
                        Ok(())
                    })
                    .unwrap()
                };
                Replacement::put_all(vec![write(&embeddings, e), write(&names, n)]).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        let mut read = 0;
        while !done.load(std::sync::atomic::Ordering::SeqCst) || read == 0 {
            let (rows, texts) = SetFiles::open(&embeddings, &names).unwrap().read().unwrap();
            assert_eq!(format!("{}", rows.row(0)[0]), texts[0], "both old or both new");
            read += 1;
        }
    });
}
