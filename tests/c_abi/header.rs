//! `include/qmagface.h` is what cbindgen makes of `src/ffi` today.
//!
//! `make header` runs this test with `QMAGFACE_UPDATE_HEADER=1`, which writes the file instead of comparing it.

use std::collections::BTreeSet;
use std::path::Path;

/// The files of `src/ffi` that declare something for C, in the order of the header.
const DECLARING: [&str; 17] = [
    "version",
    "status",
    "last_error",
    "cancel",
    "engine",
    "image",
    "stages",
    "capture",
    "template",
    "extract",
    "calibration",
    "fit",
    "comparison",
    "compare",
    "decision",
    "review",
    "gallery",
];

/// The files that declare nothing for C.
const INTERNAL: [&str; 5] = ["mod", "handle", "memory", "shared", "user_data"];

fn fresh_header(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    // File by file: given the whole crate, cbindgen declares every public constant of it.
    let builder = DECLARING
        .iter()
        .fold(cbindgen::Builder::new().with_config(config), |builder, file| {
            builder.with_src(root.join(format!("src/ffi/{file}.rs")))
        });
    let mut header = Vec::new();
    builder
        .generate()
        .expect("cbindgen understands src/ffi")
        .write(&mut header);
    String::from_utf8(header)
        .expect("cbindgen writes UTF-8")
        // rustdoc's heading, in words for a C programmer.
        .replace(" * # Safety\n", " * The caller promises:\n")
}

#[test]
fn header_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/qmagface.h");
    let fresh = fresh_header(root);
    if std::env::var_os("QMAGFACE_UPDATE_HEADER").is_some() {
        std::fs::create_dir_all(root.join("include")).expect("include/ can be made");
        std::fs::write(&path, fresh).expect("include/qmagface.h can be written");
        return;
    }
    let checked_in = std::fs::read_to_string(&path).expect("include/qmagface.h is there: run `make header`");
    if checked_in != fresh {
        let line = checked_in.lines().zip(fresh.lines()).position(|(old, new)| old != new);
        let line = line.unwrap_or_else(|| checked_in.lines().count().min(fresh.lines().count()));
        panic!(
            "include/qmagface.h is out of date from line {}: run `make header`\n  checked in: {}\n  from src/ffi: {}",
            line + 1,
            checked_in.lines().nth(line).unwrap_or("(end of file)"),
            fresh.lines().nth(line).unwrap_or("(end of file)"),
        );
    }
}

#[test]
fn header_covers_every_file_and_function_of_the_interface() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let known: BTreeSet<String> = DECLARING
        .iter()
        .chain(&INTERNAL)
        .map(|name| format!("{name}.rs"))
        .collect();
    let folder = std::fs::read_dir(root.join("src/ffi")).expect("src/ffi can be read");
    let found: BTreeSet<String> = folder
        .map(|entry| {
            entry
                .expect("src/ffi can be read")
                .file_name()
                .into_string()
                .expect("UTF-8 name")
        })
        .collect();
    assert_eq!(known, found, "name every file of src/ffi in tests/c_abi/header.rs");

    let header = std::fs::read_to_string(root.join("include/qmagface.h")).expect("include/qmagface.h is there");
    for file in found {
        let source = std::fs::read_to_string(root.join("src/ffi").join(&file)).expect("a source file");
        for (_, rest) in source
            .match_indices("extern \"C\" fn ")
            .map(|(at, text)| source.split_at(at + text.len()))
        {
            let name = rest.split('(').next().expect("a function's name");
            assert!(
                header.contains(&format!("{name}(")),
                "{name} of src/ffi/{file} is not in the header"
            );
        }
    }
}
