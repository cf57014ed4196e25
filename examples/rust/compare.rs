//! Compares the faces of two photos: `cargo run --release --example compare a.jpg b.jpg`.
//!
//! The models must be installed: `qmagface models fetch sface`.

use qmagface::{Engine, EngineOptions, Error, ErrorKind, Extraction, Result};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [a, b] = arguments.as_slice() else {
        eprintln!("usage: compare PHOTO PHOTO");
        return ExitCode::from(2);
    };
    match compare(a.as_ref(), b.as_ref()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(a: &Path, b: &Path) -> Result<()> {
    let engine = Engine::open("sface", &EngineOptions::default())?;
    let (a, b) = (extract(&engine, a)?, extract(&engine, b)?);
    let result = engine.compare(&a.embedding, &b.embedding)?;
    println!("qualities {:.2} and {:.2}", result.quality_a, result.quality_b);
    println!("cosine {:.4}, quality-aware score {:.4}", result.cosine, result.score);
    Ok(())
}

fn extract(engine: &Engine, path: &Path) -> Result<Extraction> {
    engine
        .extract_file(path)?
        .ok_or_else(|| Error::new(ErrorKind::NoFace, format!("{}: no face", path.display())))
}
