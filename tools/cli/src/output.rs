//! What people and programs see: lines on standard output, which may be closed early (`| head`), and progress bars.

use crate::folder::{Skipped, name};
use indicatif::{ProgressBar, ProgressStyle};
use qmagface::Face;
use std::io::{ErrorKind, Write};
use std::process::exit;

/// Prints a line. A reader that has gone away ends the program quietly, as it does other tools.
pub fn line(text: impl std::fmt::Display) {
    if let Err(error) = writeln!(std::io::stdout().lock(), "{text}") {
        if error.kind() == ErrorKind::BrokenPipe {
            exit(0);
        }
        eprintln!("error: cannot write to standard output: {error}");
        exit(1);
    }
}

/// "no face", "1 face", "2 faces".
pub fn face_count(faces: usize) -> String {
    match faces {
        0 => "no face".to_owned(),
        1 => "1 face".to_owned(),
        n => format!("{n} faces"),
    }
}

/// "quality 96 of 100, magnitude 12.998"; the magnitude alone where the model has no scale of 0 to 100.
pub fn quality(magnitude: f64, uqs: Option<u8>) -> String {
    match uqs {
        Some(uqs) => format!("quality {uqs} of 100, magnitude {magnitude:.3}"),
        None => format!("quality {magnitude:.3}"),
    }
}

/// "1 face", or of several which one was taken, and how it was turned: "2 faces, taken 40,61 to 118,163".
pub fn taken(face: &Face, faces: usize) -> String {
    let [x1, y1, x2, y2] = face.bbox;
    let which = match faces {
        0 | 1 => String::new(),
        _ => format!(", taken {x1:.0},{y1:.0} to {x2:.0},{y2:.0}"),
    };
    format!("{}{which}{}", face_count(faces), turned(face))
}

/// ", upright when turned by 90 degrees", for a face that isn't upright.
pub fn turned(face: &Face) -> String {
    match face.turn().degrees() {
        0 => String::new(),
        degrees => format!(", upright when turned by {degrees} degrees"),
    }
}

/// What to say of hidden files and folders that were left out; nothing where there are none.
pub fn hidden(count: usize) -> String {
    match count {
        0 => String::new(),
        count => format!(", {count} hidden files and folders left out"),
    }
}

/// Lists skipped files with their reasons.
pub fn skipped(skipped: &[Skipped]) {
    for Skipped { path, reason, .. } in skipped {
        line(format_args!("  {}: {reason}", name(path)));
    }
}

/// Says on standard error what the user should know.
pub fn notes<T: std::fmt::Display>(notes: &[T]) {
    for note in notes {
        eprintln!("note: {note}");
    }
}

/// A progress bar with the time left, on standard error; hidden where no person looks.
pub fn progress(length: usize, json: bool) -> ProgressBar {
    if json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len}, {per_sec}, {eta} left");
    ProgressBar::new(length as u64).with_style(style.expect("a valid template"))
}

/// A progress bar for work of several stages, whose size shows as it goes.
pub fn stages(json: bool) -> ProgressBar {
    if json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg:18} {bar:40} {percent:>3} %, {eta} left");
    ProgressBar::new(0).with_style(style.expect("a valid template"))
}
