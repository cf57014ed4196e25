//! The lists of IJB-B and IJB-C: which images make a template, and which templates are compared.

use super::lines::{Lines, fields, shown};
use qmagface::error::{Error, ErrorKind, Result};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// An image of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateImage {
    /// The image's file name.
    pub image: String,
    /// The template's number.
    pub template: u32,
    /// The number of the photo or video that the image is of.
    pub media: u32,
}

/// Two templates that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemplatePair {
    /// The number of the one.
    pub a: u32,
    /// The number of the other.
    pub b: u32,
    /// Whether they are of one person.
    pub genuine: bool,
}

/// Most images; IJB-C has 469,375.
const MOST_IMAGES: u64 = 20_000_000;

/// Most pairs; IJB-C has 15,658,489.
const MOST_PAIRS: u64 = 100_000_000;

/// Reads a list of template images, `image template media` a line; with tabs between them where names have blanks.
///
/// Memory: about 50 bytes for each line, of at most 20 million.
///
/// # Errors
/// [`ErrorKind::Io`]; [`ErrorKind::InvalidArgument`] naming the line that isn't of this form; [`ErrorKind::Limit`] for
/// lines that are too long or too many. The file's name is in front.
pub fn read_template_images(path: &Path) -> Result<Vec<TemplateImage>> {
    read(path, parse_template_images)
}

/// Reads a list of template pairs, `template template label` a line, label 1 or 0.
///
/// Memory: 12 bytes for each line, of at most 100 million.
///
/// # Errors
/// As [`read_template_images`].
pub fn read_template_pairs(path: &Path) -> Result<Vec<TemplatePair>> {
    read(path, parse_template_pairs)
}

fn read<T>(path: &Path, parse: impl FnOnce(BufReader<File>) -> Result<Vec<T>>) -> Result<Vec<T>> {
    let file = File::open(path).map_err(|error| Error::io(path, "read", &error))?;
    parse(BufReader::with_capacity(1 << 16, file)).map_err(|error| error.at(path.display()))
}

/// As [`read_template_images`], from text.
///
/// # Errors
/// As [`read_template_images`], without the name.
pub fn parse_template_images(reader: impl BufRead) -> Result<Vec<TemplateImage>> {
    each_line(reader, MOST_IMAGES, "image template media", |fields| {
        Some(TemplateImage {
            image: fields[0].to_owned(),
            template: fields[1].parse().ok()?,
            media: fields[2].parse().ok()?,
        })
    })
}

/// As [`read_template_pairs`], from text.
///
/// # Errors
/// As [`read_template_pairs`], without the name.
pub fn parse_template_pairs(reader: impl BufRead) -> Result<Vec<TemplatePair>> {
    each_line(reader, MOST_PAIRS, "template template label", |fields| {
        Some(TemplatePair {
            a: fields[0].parse().ok()?,
            b: fields[1].parse().ok()?,
            genuine: match fields[2] {
                "1" => true,
                "0" => false,
                _ => return None,
            },
        })
    })
}

fn each_line<T>(reader: impl BufRead, most: u64, form: &str, parse: impl Fn([&str; 3]) -> Option<T>) -> Result<Vec<T>> {
    let mut lines = Lines::new(reader, most);
    let mut all = Vec::new();
    while let Some(line) = lines.next()? {
        let found = match fields(line)[..] {
            [a, b, c] => parse([a, b, c]),
            _ => None,
        };
        match found {
            Some(found) => all.push(found),
            None => {
                let line = shown(line);
                return Err(lines.wrong(format!("should be \"{form}\", but is {line}")));
            }
        }
    }
    if all.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("the file has no line \"{form}\""),
        ));
    }
    Ok(all)
}
