//! `include/qmagface.h` is what cbindgen makes of `src/ffi` today.
//!
//! `make header` runs this test with `QMAGFACE_UPDATE_HEADER=1`, which writes the file instead of comparing it.

use std::path::Path;

#[test]
fn header_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/qmagface.h");
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml can be read");
    let mut fresh = Vec::new();
    cbindgen::generate_with_config(root, config)
        .expect("cbindgen understands src/ffi")
        .write(&mut fresh);
    let fresh = String::from_utf8(fresh).expect("cbindgen writes UTF-8");

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
