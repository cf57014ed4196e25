//! The README's console blocks, run as they stand there.

use crate::common;
use crate::program::{program, qmagface};
use std::process::Command;

/// A command of a console block, and what it prints.
struct Shown {
    command: String,
    output: String,
}

/// The commands of all console blocks of a page.
fn shown(page: &str) -> Vec<Shown> {
    let blocks = page.split("```console\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap());
    let commands = blocks.flat_map(|block| block.strip_prefix("$ ").unwrap().split("\n$ "));
    let shown = |part: &str| {
        let (command, output) = part.split_once('\n').unwrap();
        Shown {
            command: command.to_owned(),
            output: output.trim().to_owned(),
        }
    };
    commands.map(shown).collect()
}

/// The same on any processor with fused multiply-add; portable code differs in the last digits that are shown.
fn is_the_same(printed: &str, shown: &str) -> bool {
    if !std::env::var("QMAGFACE_INSTRUCTIONS").is_ok_and(|set| set.eq_ignore_ascii_case("portable")) {
        return printed == shown;
    }
    let mut words = printed.split_whitespace().zip(shown.split_whitespace());
    printed.split_whitespace().count() == shown.split_whitespace().count()
        && words.all(|(a, b)| match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(a), Ok(b)) => (a - b).abs() < 1e-3,
            _ => a == b,
        })
}

#[test]
fn the_readme_shows_what_the_program_prints() {
    let page = std::fs::read_to_string(common::root().join("README.md")).unwrap();
    qmagface(); // installs the models
    let shown = shown(&page);
    assert!(shown.len() >= 3);
    for Shown { command, output } in shown {
        let words: Vec<&str> = command.split(' ').collect();
        assert_eq!(words[0], "qmagface", "{command}");
        let mut run = Command::new(program());
        let run = run.args(&words[1..]).current_dir(common::photos());
        let printed = run.env_remove("RUST_LOG").output().unwrap();
        let text = String::from_utf8(printed.stdout).unwrap();
        assert!(printed.status.success(), "{command}");
        assert!(
            is_the_same(text.trim(), &output),
            "README.md is out of date: `{command}` prints\n{text}"
        );
    }
}
