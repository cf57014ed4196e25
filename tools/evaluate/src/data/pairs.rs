//! Pair files of the single-image sets.

use super::lines::{Lines, fields, shown};
use qmagface::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// How a pair file is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PairFormat {
    /// LFW and XQLFW: `name i j` for a genuine, `name i name j` for an impostor pair, by tabs or blanks. The first line
    /// may say `folds pairs` (each fold has that many genuine, then as many impostor pairs) or `pairs` (one fold).
    /// Image i of a name is called `name_000i`.
    Lfw,
    /// AgeDB-30 and CFP-FP: `a b match`, images by number, match 1 or 0.
    Numbers,
    /// CALFW and CPLFW: `a.jpg b.jpg label`, genuine where the label is above 0; or the two images on lines of their
    /// own, `a.jpg label` and `b.jpg label`. Names with blanks in them are parted by tabs.
    Labelled,
    /// No text but a `.bin` file of InsightFace's with its images inside, see [`super::PackedPairs`].
    Packed,
}

/// Two images by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPair {
    /// The one.
    pub a: String,
    /// The other.
    pub b: String,
    /// Whether they are of one person.
    pub genuine: bool,
    /// The fold, from 0.
    pub fold: u16,
}

/// The pairs of a pair file in its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFile {
    /// The pairs.
    pub pairs: Vec<NamedPair>,
    /// How many folds they are in.
    pub folds: u16,
    /// How the file is laid out.
    pub format: PairFormat,
}

/// Folds where the file names none: as published, ten runs of its pairs, the first ones longer by one where ten doesn't
/// divide them. Fewer pairs than that are in one fold.
const FOLDS: u16 = 10;

/// Most folds that a file may name.
const MOST_FOLDS: u64 = 1000;

/// Most lines of a pair file.
const MOST_LINES: u64 = 5_000_000;

impl PairFile {
    /// Reads a pair file.
    ///
    /// # Errors
    /// [`ErrorKind::Io`], or as [`PairFile::parse`], with the file's name in front.
    pub fn read(path: &Path, format: PairFormat) -> Result<Self> {
        let file = File::open(path).map_err(|error| Error::io(path, "read", &error))?;
        PairFile::parse(BufReader::new(file), format).map_err(|error| error.at(path.display()))
    }

    /// Reads pairs from the text of a pair file.
    ///
    /// Memory: about 100 bytes for each pair, of at most 5 million lines.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] naming the line that isn't of the format, or for no pair, or fewer pairs than folds;
    /// [`ErrorKind::Limit`] for lines that are too long or too many; [`ErrorKind::Io`].
    pub fn parse(reader: impl BufRead, format: PairFormat) -> Result<Self> {
        let mut lines = Lines::new(reader, MOST_LINES);
        let (pairs, header) = match format {
            PairFormat::Lfw => lfw(&mut lines)?,
            PairFormat::Numbers => (numbers(&mut lines)?, None),
            PairFormat::Labelled => (labelled(&mut lines)?, None),
            PairFormat::Packed => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "a .bin file of pairs is no text: it is read with its images",
                ));
            }
        };
        PairFile::new(pairs, header, format)
    }

    /// Puts pairs into `folds` folds, or ten; fewer than ten pairs into one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for no pair, or fewer than `folds`.
    pub(super) fn new(mut pairs: Vec<NamedPair>, folds: Option<u16>, format: PairFormat) -> Result<Self> {
        let count = pairs.len();
        if count == 0 {
            return Err(Error::new(ErrorKind::InvalidArgument, "the file has no pair"));
        }
        let folds = folds.unwrap_or(if count < usize::from(FOLDS) { 1 } else { FOLDS });
        if count < usize::from(folds) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("{count} pairs can't be in {folds} folds"),
            ));
        }
        for (index, pair) in pairs.iter_mut().enumerate() {
            pair.fold = fold(index, count, usize::from(folds));
        }
        Ok(PairFile { pairs, folds, format })
    }

    /// The same pairs in `folds` folds, genuine and impostor pairs each in runs of their order: for files whose one fold
    /// (LFW's pairsDevTrain.txt and pairsDevTest.txt) has no other to choose its threshold on.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for fewer than 2 folds or more than 1000, or for fewer genuine or impostor pairs than
    /// folds.
    pub fn with_folds(mut self, folds: u16) -> Result<Self> {
        let wrong = |what: String| Err(Error::new(ErrorKind::InvalidArgument, what));
        if !(2..=MOST_FOLDS).contains(&u64::from(folds)) {
            return wrong(format!("{folds} folds: there are 2 to {MOST_FOLDS}"));
        }
        for genuine in [true, false] {
            let kind = if genuine { "genuine" } else { "impostor" };
            let count = self.pairs.iter().filter(|pair| pair.genuine == genuine).count();
            if count < usize::from(folds) {
                return wrong(format!("{count} {kind} pairs can't be in {folds} folds"));
            }
            let of_kind = self.pairs.iter_mut().filter(|pair| pair.genuine == genuine);
            for (index, pair) in of_kind.enumerate() {
                pair.fold = fold(index, count, usize::from(folds));
            }
        }
        self.folds = folds;
        Ok(self)
    }

    /// Checks that accuracy can be measured by folds: there are genuine and impostor pairs, and the threshold of a fold is
    /// chosen on the others.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] for pairs of one kind alone; for one fold, saying how to get more.
    pub fn check_folds(&self) -> Result<()> {
        let genuine = self.pairs.iter().filter(|pair| pair.genuine).count();
        if genuine == 0 || genuine == self.pairs.len() {
            let (is, none) = match genuine {
                0 => ("impostor", "genuine"),
                _ => ("genuine", "impostor"),
            };
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "all {} pairs are {is} pairs: without {none} pairs nothing can be measured",
                    self.pairs.len()
                ),
            ));
        }
        if self.folds > 1 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "all {} pairs are in one fold, and the threshold of a fold is chosen on the other folds: --folds N puts \
                 them into N, 10 as a rule",
                self.pairs.len()
            ),
        ))
    }
}

/// The fold of pair `index` of `count`: runs that differ by one at most, the longer ones first.
fn fold(index: usize, count: usize, folds: usize) -> u16 {
    let (size, longer) = (count / folds, count % folds);
    let in_longer = longer * (size + 1);
    let fold = if index < in_longer {
        index / (size + 1)
    } else {
        longer + (index - in_longer) / size
    };
    fold as u16
}

fn pair(a: String, b: String, genuine: bool) -> NamedPair {
    NamedPair { a, b, genuine, fold: 0 }
}

/// Pairs of an LFW file and how many folds its header names.
fn lfw<R: BufRead>(lines: &mut Lines<R>) -> Result<(Vec<NamedPair>, Option<u16>)> {
    let mut pairs = Vec::new();
    let mut header: Option<(u64, u64)> = None;
    let mut is_first = true;
    while let Some(line) = lines.next()? {
        let may_be_header = std::mem::replace(&mut is_first, false);
        let fields = fields(line);
        let image = |name: &str, number: &str| {
            let number: u32 = number.parse().ok().filter(|number| (1..1_000_000).contains(number))?;
            Some(format!("{name}_{number:04}"))
        };
        let found = match fields[..] {
            [name, i, j] => image(name, i).zip(image(name, j)).map(|(a, b)| pair(a, b, true)),
            [one, i, other, j] if one != other => image(one, i).zip(image(other, j)).map(|(a, b)| pair(a, b, false)),
            _ => None,
        };
        match found {
            Some(found) => pairs.push(found),
            None if may_be_header && fields.len() <= 2 => {
                let line = shown(line);
                let numbers: Option<Vec<u64>> = fields.iter().map(|field| field.parse().ok()).collect();
                header = match numbers.as_deref() {
                    Some(&[size]) => Some((1, size)),
                    Some(&[folds, size]) => Some((folds, size)),
                    _ => None,
                };
                if !header.is_some_and(|(folds, size)| (1..=MOST_FOLDS).contains(&folds) && size > 0) {
                    return Err(lines.wrong(format!("should be \"folds pairs\" or a pair, but is {line}")));
                }
            }
            None => {
                let line = shown(line);
                return Err(lines.wrong(format!(
                    "should be \"name i j\" or \"name i other j\" with numbers from 1, but is {line}"
                )));
            }
        }
    }
    if let Some((folds, size)) = header {
        let wanted = folds.saturating_mul(size).saturating_mul(2);
        if wanted != pairs.len() as u64 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "line 1 names {folds} folds of {size} genuine and {size} impostor pairs, {wanted} in all, but the \
                     file has {}",
                    pairs.len()
                ),
            ));
        }
    }
    Ok((pairs, header.map(|(folds, _)| folds as u16)))
}

fn numbers<R: BufRead>(lines: &mut Lines<R>) -> Result<Vec<NamedPair>> {
    let mut pairs = Vec::new();
    while let Some(line) = lines.next()? {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |field: &str| Some(field.parse::<u32>().ok()?.to_string());
        let found = match fields[..] {
            [a, b, label @ ("0" | "1")] => number(a).zip(number(b)).map(|(a, b)| pair(a, b, label == "1")),
            _ => None,
        };
        let line = shown(line);
        pairs.push(found.ok_or_else(|| {
            lines.wrong(format!(
                "should be \"a b match\", two image numbers and 0 or 1, but is {line}"
            ))
        })?);
    }
    Ok(pairs)
}

fn labelled<R: BufRead>(lines: &mut Lines<R>) -> Result<Vec<NamedPair>> {
    let mut pairs = Vec::new();
    // The first image of a pair on two lines.
    let mut first: Option<(String, bool)> = None;
    while let Some(line) = lines.next()? {
        let fields = fields(line);
        let label = |field: &str| field.parse::<i64>().ok().map(|label| label > 0);
        let text = shown(line);
        match (&fields[..], first.take()) {
            (&[a, b, last], None) if label(last).is_some() => {
                pairs.push(pair(a.to_owned(), b.to_owned(), label(last) == Some(true)));
            }
            (&[name, last], None) if label(last).is_some() => {
                first = Some((name.to_owned(), label(last) == Some(true)))
            }
            (&[name, last], Some((other, genuine))) if label(last).is_some() => {
                if label(last) != Some(genuine) {
                    return Err(lines.wrong(format!(
                        "belongs to the line before it, whose label says otherwise: {text}"
                    )));
                }
                pairs.push(pair(other, name.to_owned(), genuine));
            }
            _ => {
                return Err(lines.wrong(format!(
                    "should be \"a.jpg b.jpg label\", or one of the two lines \"a.jpg label\" and \"b.jpg label\", with \
                     tabs where names have blanks, but is {text}"
                )));
            }
        }
    }
    if first.is_some() {
        return Err(lines.wrong("names one image of a pair, and the file ends without the other"));
    }
    Ok(pairs)
}
