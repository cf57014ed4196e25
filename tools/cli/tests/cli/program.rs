//! The program, and what a run of it says.

use crate::common;
use assert_cmd::Command;
use qmagface::model::Store;
use serde_json::Value;
use std::path::Path;
use std::sync::LazyLock;

pub fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_qmagface"))
}

/// The program, with the default models of this version installed.
pub fn qmagface() -> Command {
    static INSTALLED: LazyLock<()> = LazyLock::new(|| {
        let store = Store::default_location().unwrap();
        common::installed(&store, "mtcnn");
        common::installed(&store, "yunet");
        common::installed(&store, "sface");
    });
    LazyLock::force(&INSTALLED);
    bare()
}

/// The program, whatever is installed.
pub fn bare() -> Command {
    let mut command = Command::new(program());
    command.env_remove("RUST_LOG");
    command
}

pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn of(command: &mut Command) -> Run {
        let output = command.output().unwrap();
        Run {
            code: output.status.code().expect("an exit code, not a signal"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It must have worked.
    pub fn ok(self) -> Run {
        assert_eq!(self.code, 0, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// It must have failed with `code` and a message that has all of `words`.
    pub fn fails(self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "\"{word}\" is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }

    /// One JSON value per line.
    pub fn json_lines(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }

    /// One JSON value.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

/// The program with these arguments, run to its end.
pub fn run(arguments: &[&str]) -> Run {
    Run::of(qmagface().args(arguments))
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
