//! `docs/functions.md`: every C function, its C++ and C# face, and the tests that call each. It is made from the list
//! below and from the sources; `make functions` writes it, and this test fails where it went stale.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// C function, C++ face, C# face. A face that holds the call inside (an init function, an end) says so in brackets.
const FACES: [(&str, &str, &str); 80] = [
    ("qmf_abi_version", "abi_version", "LibraryInfo.AbiVersion"),
    ("qmf_version", "version", "LibraryInfo.Version"),
    ("qmf_build_info", "build_info", "LibraryInfo.BuildInfo"),
    ("qmf_status_name", "status_name", "LibraryInfo.GetStatusName"),
    ("qmf_last_error", "Error (what)", "QMagFaceException (Message)"),
    (
        "qmf_cancel_create",
        "Cancel::create",
        "CancellationToken (given to a call)",
    ),
    (
        "qmf_cancel_trigger",
        "Cancel::trigger",
        "CancellationToken (its source's Cancel)",
    ),
    (
        "qmf_cancel_destroy",
        "Cancel (its end)",
        "CancellationToken (the call's end)",
    ),
    ("qmf_live_cancels", "live_cancels", "LibraryInfo.LiveCancellations"),
    ("qmf_engine_options_init", "EngineOptions", "EngineOptions"),
    ("qmf_engine_info_init", "Engine::info", "Engine.Info"),
    ("qmf_engine_create", "Engine::open", "Engine.Engine"),
    (
        "qmf_engine_create_from_memory",
        "Engine::from_memory",
        "Engine.FromBundle",
    ),
    ("qmf_engine_destroy", "Engine (its end)", "Engine.Dispose"),
    ("qmf_live_engines", "live_engines", "LibraryInfo.LiveEngines"),
    ("qmf_engine_get_info", "Engine::info", "Engine.Info"),
    ("qmf_image_init", "Image", "Image"),
    ("qmf_detect", "Engine::detect", "Engine.Detect"),
    ("qmf_align", "Engine::align", "Engine.Align"),
    ("qmf_embed", "Engine::embed", "Engine.Embed"),
    ("qmf_quality", "Engine::quality", "Engine.GetQuality"),
    (
        "qmf_unified_quality",
        "Engine::unified_quality",
        "Engine.GetUnifiedQuality",
    ),
    ("qmf_measure_name", "measure_name", "Measured.Name"),
    (
        "qmf_measure_capture",
        "Engine::measure_capture",
        "Engine.MeasureCapture",
    ),
    ("qmf_measure_face", "Engine::measure_face", "Engine.MeasureFace"),
    (
        "qmf_template_info_init",
        "Template::info",
        "Template.Quality (and its like)",
    ),
    ("qmf_template_create", "Engine::make_template", "Engine.CreateTemplate"),
    (
        "qmf_template_create_failed",
        "Engine::make_failed_template",
        "Engine.CreateFailedTemplate",
    ),
    ("qmf_template_destroy", "Template (its end)", "Template.Dispose"),
    ("qmf_live_templates", "live_templates", "LibraryInfo.LiveTemplates"),
    (
        "qmf_template_get_info",
        "Template::info",
        "Template.Quality (and its like)",
    ),
    (
        "qmf_template_get_embedding",
        "Template::embedding",
        "Template.GetEmbedding",
    ),
    (
        "qmf_template_get_metadata",
        "Template::metadata",
        "Template.GetMetadata",
    ),
    (
        "qmf_template_with_metadata",
        "Template::with_metadata",
        "Template.WithMetadata",
    ),
    ("qmf_template_serialize", "Template::serialize", "Template.Serialize"),
    ("qmf_template_parse", "Template::parse", "Template.Parse"),
    ("qmf_template_seal", "Template::seal", "Template.Seal"),
    ("qmf_template_unseal", "Template::unseal", "Template.Unseal"),
    ("qmf_template_fuse", "Template::fuse", "Template.Fuse"),
    (
        "qmf_template_review_fusion",
        "Template::review_fusion",
        "Template.ReviewFusion",
    ),
    ("qmf_extract", "Engine::extract", "Engine.TryExtract"),
    ("qmf_extract_all", "Engine::extract_all", "Engine.ExtractAll"),
    ("qmf_extract_fused", "Engine::extract_fused", "Engine.ExtractFused"),
    ("qmf_extract_landmarks", "Engine::extract_landmarks", "Engine.Extract"),
    ("qmf_extract_chip", "Engine::extract_chip", "Engine.ExtractChip"),
    (
        "qmf_calibration_info_init",
        "Calibration::info",
        "Calibration.Alpha (and its like)",
    ),
    (
        "qmf_engine_get_calibration",
        "Engine::calibration",
        "Engine.GetCalibration",
    ),
    (
        "qmf_calibration_create",
        "Calibration::create",
        "Calibration.Calibration",
    ),
    ("qmf_fit_options_init", "FitOptions", "FitOptions"),
    ("qmf_calibration_fit", "Calibration::fit", "Calibration.Fit"),
    ("qmf_calibration_fit_templates", "Calibration::fit", "Calibration.Fit"),
    (
        "qmf_threshold_init",
        "Calibration::measured_thresholds",
        "Calibration.GetMeasuredThresholds",
    ),
    (
        "qmf_calibration_get_threshold",
        "Calibration::measured_thresholds",
        "Calibration.GetMeasuredThresholds",
    ),
    ("qmf_calibration_load", "Calibration::load", "Calibration.Load"),
    ("qmf_calibration_save", "Calibration::save", "Calibration.Save"),
    ("qmf_calibration_parse", "Calibration::parse", "Calibration.Parse"),
    (
        "qmf_calibration_serialize",
        "Calibration::serialize",
        "Calibration.Serialize",
    ),
    (
        "qmf_calibration_destroy",
        "Calibration (its end)",
        "Calibration.Dispose",
    ),
    (
        "qmf_live_calibrations",
        "live_calibrations",
        "LibraryInfo.LiveCalibrations",
    ),
    (
        "qmf_calibration_get_info",
        "Calibration::info",
        "Calibration.Alpha (and its like)",
    ),
    (
        "qmf_calibration_with_quality_gate",
        "Calibration::with_quality_gate",
        "Calibration.WithQualityGate",
    ),
    (
        "qmf_calibration_threshold",
        "Calibration::threshold",
        "Calibration.GetThreshold",
    ),
    (
        "qmf_calibration_fmr",
        "Calibration::fmr",
        "Calibration.GetNegativeLog10Fmr",
    ),
    ("qmf_comparison_init", "Calibration::compare", "Calibration.Compare"),
    ("qmf_decision_init", "Calibration::decide", "Calibration.Decide"),
    ("qmf_decide", "Calibration::decide", "Calibration.Decide"),
    ("qmf_compare", "Calibration::compare", "Calibration.Compare"),
    ("qmf_compare_embeddings", "Calibration::compare", "Calibration.Compare"),
    (
        "qmf_score_matrix",
        "Calibration::score_matrix",
        "Calibration.ScoreMatrix",
    ),
    (
        "qmf_score_matrix_embeddings",
        "Calibration::score_matrix",
        "Calibration.ScoreMatrix",
    ),
    ("qmf_gallery_create", "Gallery::create", "Gallery.Gallery"),
    ("qmf_gallery_destroy", "Gallery (its end)", "Gallery.Dispose"),
    ("qmf_live_galleries", "live_galleries", "LibraryInfo.LiveGalleries"),
    ("qmf_gallery_info_init", "Gallery::info", "Gallery.Count (and its like)"),
    ("qmf_gallery_get_info", "Gallery::info", "Gallery.Count (and its like)"),
    ("qmf_gallery_add", "Gallery::add", "Gallery.Add"),
    ("qmf_gallery_remove", "Gallery::remove", "Gallery.Remove"),
    ("qmf_gallery_score", "Gallery::score", "Gallery.Score"),
    ("qmf_search_options_init", "SearchOptions", "SearchOptions"),
    ("qmf_gallery_search", "Gallery::search", "Gallery.Search"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The functions of the header, in its order.
fn declared() -> Vec<String> {
    let header = read("include/qmagface.h");
    let names = header
        .lines()
        // Declarations begin at the margin, comments don't begin with a letter.
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .map(str::to_owned);
    names.collect()
}

/// The sources of one kind below a folder, by name: (path from the root, text).
fn sources(folder: &str, endings: &[&str]) -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let of_kind = |path: &PathBuf| {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        path.is_file() && endings.contains(&ending)
    };
    let all: Vec<_> = paths
        .into_iter()
        .filter(of_kind)
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            (name, read(&path))
        })
        .collect();
    assert!(!all.is_empty(), "{folder} holds no source");
    all
}

/// Whether `word` stands in `text` with nothing of a name on either side.
fn has_word(text: &str, word: &str) -> bool {
    let of_name = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(of_name)
            && !text[at + word.len()..].chars().next().is_some_and(of_name)
    })
}

/// The last part of a face, as it is written where it is called: `Engine::open` is `open`.
fn member(face: &str) -> &str {
    let face = face.split(' ').next().unwrap();
    face.rsplit(['.', ':']).next().unwrap()
}

/// The files that have `word`, as links from docs/.
fn links(files: &[(String, String)], word: &str, what: &str) -> String {
    let mut links = String::new();
    for (path, _) in files.iter().filter(|(_, text)| has_word(text, word)) {
        let name = path.rsplit('/').next().unwrap();
        let separator = if links.is_empty() { "" } else { ", " };
        write!(links, "{separator}[{name}](../{path})").unwrap();
    }
    assert!(!links.is_empty(), "no {what} calls {word}");
    links
}

fn table() -> String {
    let mut text = String::from(
        "# Every C function, its C++ and C# face, and the tests that call it\n\n\
         Made from the sources by `make functions`; a test fails where it is out of date. What each function does is said in\n\
         [qmagface.h](../include/qmagface.h).\n\n\
         | C | C++ | C# | called by |\n|---|---|---|---|\n",
    );
    let hpp = read("include/qmagface.hpp");
    let c_tests = sources("tests/c_abi", &["c", "cpp", "h"]);
    let cpp_tests = sources("bindings/cpp/tests", &["c", "cpp", "hpp", "h"]);
    let csharp_tests = sources("bindings/csharp/tests", &["cs"]);
    let csharp: String = sources("bindings/csharp/QMagFace", &["cs"])
        .into_iter()
        .chain(sources("bindings/csharp/QMagFace/Interop", &["cs"]))
        .filter(|(path, _)| !path.contains("NativeMethods."))
        .map(|(_, text)| text)
        .collect();
    let imports = ["DllImport", "LibraryImport"]
        .map(|kind| read(format!("bindings/csharp/QMagFace/Interop/NativeMethods.{kind}.cs")));
    for (function, cpp, cs) in FACES {
        assert!(has_word(&hpp, function), "qmagface.hpp doesn't call {function}");
        assert!(has_word(&hpp, member(cpp)), "qmagface.hpp has no {cpp}");
        assert!(has_word(&csharp, function), "no C# class calls {function}");
        assert!(has_word(&csharp, member(cs)), "no C# class has {cs}");
        for import in &imports {
            assert!(
                has_word(import, function),
                "a target of the C# library doesn't import {function}"
            );
        }
        let called = [
            links(&c_tests, function, "C test"),
            links(&cpp_tests, member(cpp), "C++ test"),
            links(&csharp_tests, member(cs), "C# test"),
        ];
        writeln!(text, "| `{function}` | `{cpp}` | `{cs}` | {} |", called.join(" / ")).unwrap();
    }
    text
}

#[test]
fn the_table_has_every_function_of_the_header() {
    let listed: Vec<_> = FACES.iter().map(|(function, ..)| *function).collect();
    let (declared, listed): (BTreeSet<_>, BTreeSet<_>) = (
        declared().into_iter().collect(),
        listed.into_iter().map(str::to_owned).collect(),
    );
    assert!(declared.len() > 50, "{declared:?}");
    assert_eq!(
        declared, listed,
        "list every function of the header in tests/c_abi/functions_table.rs"
    );
}

#[test]
fn the_table_is_current() {
    let path = root().join("docs/functions.md");
    let fresh = table();
    if std::env::var_os("QMAGFACE_UPDATE_FUNCTIONS").is_some() {
        fs::write(&path, fresh).expect("docs/functions.md can be written");
        return;
    }
    assert!(
        fs::read_to_string(&path).is_ok_and(|kept| kept == fresh),
        "docs/functions.md is out of date: run `make functions`"
    );
}
