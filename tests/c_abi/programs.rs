//! The C interface as C99 and C++17 programs use it: `include/qmagface.h`, the shared library, and nothing else.
//!
//! The programs are in tests/c_abi/. They are compiled with all warnings as errors, and what the results programs print,
//! bit by bit, is what the Rust interface gives.

use crate::expected;
use crate::setting::{C99, CPP17, assert_success, build, compile, library, root, run};
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The programs that call functions as they are meant to be called.
const RESULTS: [&str; 8] = [
    "stages.c",
    "images.c",
    "templates.c",
    "calibration.c",
    "fit.c",
    "gallery.c",
    "logging.c",
    "cancel.c",
];

/// The programs that call functions wrongly.
const REFUSALS: [&str; 8] = [
    "refuse_creation.c",
    "refuse_images.c",
    "refuse_stages.c",
    "refuse_templates.c",
    "refuse_calibration.c",
    "refuse_fit.c",
    "refuse_gallery.c",
    "refuse_cancel.c",
];

/// Functions that no call can be wrong of, and why.
const NOTHING_TO_REFUSE: [(&str, &str); 7] = [
    ("qmf_abi_version", "takes nothing"),
    ("qmf_live_engines", "takes nothing"),
    ("qmf_live_templates", "takes nothing"),
    ("qmf_live_calibrations", "takes nothing"),
    ("qmf_live_galleries", "takes nothing"),
    ("qmf_live_cancels", "takes nothing"),
    ("qmf_status_name", "every number has an answer"),
];

/// Runs a results program and compares its lines.
fn assert_results(source: &str, ours: &[String]) {
    assert!(RESULTS.contains(&source));
    let output = run(&build(source, &C99, &[]), &[]);
    let theirs: Vec<_> = output.lines().collect();
    for (theirs, ours) in theirs.iter().zip(ours) {
        assert_eq!(theirs, ours);
    }
    assert_eq!(theirs.len(), ours.len());
}

#[test]
fn c_gets_the_stages_that_rust_gets() {
    assert_results("stages.c", &expected::stages());
}

#[test]
fn c_gets_the_images_that_rust_gets() {
    assert_results("images.c", &expected::images());
}

#[test]
fn c_gets_the_templates_that_rust_gets() {
    assert_results("templates.c", &expected::templates());
    expected::assert_sealed_file();
}

#[test]
fn c_gets_the_comparisons_that_rust_gets() {
    assert_results("calibration.c", &expected::calibration());
}

#[test]
fn c_fits_the_calibrations_that_rust_fits() {
    assert_results("fit.c", &expected::fit());
    expected::assert_fitted_files();
}

#[test]
fn c_finds_in_galleries_what_rust_finds() {
    assert_results("gallery.c", &expected::gallery());
}

#[test]
fn c_gets_the_messages_it_asks_for_and_no_others() {
    assert_results("logging.c", &[]);
}

#[test]
fn calls_end_early_when_they_are_cancelled() {
    let output = run(&build("cancel.c", &C99, &["-pthread"]), &[]);
    assert_eq!(output, "");
}

/// Runs a refusals program.
fn assert_refusals(source: &str) {
    assert!(REFUSALS.contains(&source));
    assert_eq!(run(&build(source, &C99, &[]), &[]), "");
}

#[test]
fn wrong_models_options_and_structs_are_refused() {
    assert_refusals("refuse_creation.c");
}

#[test]
fn wrong_images_are_refused() {
    assert_refusals("refuse_images.c");
}

#[test]
fn wrong_use_of_the_stages_is_refused() {
    assert_refusals("refuse_stages.c");
}

#[test]
fn wrong_templates_are_refused() {
    assert_refusals("refuse_templates.c");
}

#[test]
fn wrong_calibrations_and_comparisons_are_refused() {
    assert_refusals("refuse_calibration.c");
}

#[test]
fn fits_that_mean_nothing_are_refused() {
    assert_refusals("refuse_fit.c");
}

#[test]
fn wrong_galleries_and_searches_are_refused() {
    assert_refusals("refuse_gallery.c");
}

#[test]
fn wrong_cancels_are_refused() {
    assert_refusals("refuse_cancel.c");
}

#[test]
fn eight_threads_share_an_engine_and_what_it_made_outlives_it() {
    run(&build("threads.cpp", &CPP17, &["-pthread"]), &[]);
}

#[test]
fn handles_made_and_destroyed_leave_nothing_behind() {
    run(&build("growth.c", &C99, &[]), &[]);
}

#[test]
fn after_fork_an_inline_engine_works_and_others_are_refused_at_once() {
    run(&build("fork.c", &C99, &["-pthread"]), &[]);
}

#[test]
fn the_library_can_be_unloaded_and_loaded_again() {
    run(&compile("unload.c", &C99, &["-pthread", "-ldl"]), &[]);
}

#[test]
fn the_process_stays_as_it_was_and_ends_with_handles_alive() {
    run(&build("process.c", &C99, &[]), &[]);
}

#[test]
fn only_the_functions_of_the_header_leave_the_library() {
    let output = Command::new("nm")
        .args(["-D", "--defined-only", "--format=posix"])
        .arg(library())
        .output()
        .expect("nm runs (package binutils)");
    assert_success("nm", &output);
    let symbols = String::from_utf8(output.stdout).unwrap();
    let exported: BTreeSet<_> = symbols
        .lines()
        .filter_map(|line| line.split(' ').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(exported, declared());
}

/// The functions of the header.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(root().join("include/qmagface.h")).unwrap();
    let declared: BTreeSet<_> = header
        .lines()
        // Declarations begin at the margin, comments don't begin with a type.
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()) && !line.starts_with("typedef"))
        .filter_map(|line| line.split_once('(')?.0.rsplit([' ', '*']).next())
        .map(str::to_owned)
        .collect();
    assert!(
        declared.contains("qmf_abi_version") && declared.contains("qmf_compare"),
        "{declared:?}"
    );
    declared
}

/// The names in the code of C programs, comments and texts left out.
fn names_in(sources: &[&str]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(root().join("tests/c_abi").join(source)).unwrap();
        let text = text.replace("\\\"", " "); // a quote in a text doesn't end it
        let mut code = String::new();
        let mut rest = text.as_str();
        while let Some(start) = rest.find(['/', '"']) {
            code.push_str(&rest[..start]);
            rest = &rest[start..];
            let (skipped, end) = match rest.as_bytes() {
                [b'/', b'*', ..] => (2, "*/"),
                [b'/', b'/', ..] => (2, "\n"),
                [b'"', ..] => (1, "\""),
                _ => (1, ""),
            };
            let length = rest[skipped..].find(end).expect("an end") + skipped + end.len();
            code.push(' ');
            rest = &rest[length..];
        }
        code.push_str(rest);
        let words = code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        names.extend(words.filter(|word| word.starts_with("qmf_")).map(str::to_owned));
    }
    names
}

#[test]
fn every_function_is_called_rightly_and_wrongly() {
    let declared = declared();
    let (right, wrong) = (names_in(&[&RESULTS[..], &["client.h"]].concat()), names_in(&REFUSALS));
    let never: Vec<_> = declared.difference(&right).collect();
    assert!(never.is_empty(), "in no results program: {never:?}");
    let exempt: BTreeSet<_> = NOTHING_TO_REFUSE.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert!(exempt.is_subset(&declared), "{exempt:?}");
    let never: Vec<_> = declared
        .difference(&wrong)
        .filter(|name| !exempt.contains(*name))
        .collect();
    assert!(never.is_empty(), "in no refusals program: {never:?}");
}

#[test]
fn every_program_is_run() {
    let text = fs::read_to_string(root().join("tests/c_abi/programs.rs")).unwrap();
    for entry in fs::read_dir(root().join("tests/c_abi")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".c") || name.ends_with(".cpp") {
            let runs = [
                format!("build(\"{name}\""),
                format!("compile(\"{name}\""),
                format!("assert_results(\"{name}\""),
                format!("assert_refusals(\"{name}\""),
            ];
            assert!(runs.iter().any(|run| text.contains(run)), "nothing runs {name}");
        }
    }
}

/// A file that docs/threads-and-ownership.md names as a statement's test must be there, and so must the function.
#[test]
fn the_page_on_threads_names_tests_that_exist() {
    let page = fs::read_to_string(root().join("docs/threads-and-ownership.md")).unwrap();
    let quoted: Vec<&str> = page.split('`').skip(1).step_by(2).collect();
    let mut code = String::new();
    let mut files = 0;
    for name in quoted
        .iter()
        .filter(|name| [".c", ".cpp", ".rs"].iter().any(|end| name.ends_with(end)) && !name.contains('*'))
    {
        let path = match name.contains('/') {
            true => root().join(name),
            false => root().join("tests/c_abi").join(name),
        };
        code += &fs::read_to_string(&path).unwrap_or_else(|error| panic!("the page names {name}: {error}"));
        files += 1;
    }
    assert!(files > 30, "{files} tests are named");
    let functions: Vec<_> = quoted
        .iter()
        .filter(|name| {
            !name.starts_with("qmf_") && name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        })
        .collect();
    let header = fs::read_to_string(root().join("include/qmagface.h")).unwrap();
    for name in &functions {
        assert!(code.contains(*name) || header.contains(*name), "the page names {name}");
    }
    for name in quoted
        .iter()
        .filter(|name| name.starts_with("qmf_") && !name.contains('*'))
    {
        assert!(header.contains(name), "the page names {name}");
    }
}
