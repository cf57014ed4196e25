//! Words laid out on a line: in runs of one font, one script and one direction.

use super::fonts::{Face, Fonts, Lettering, Typeface, script};
use super::visible::{code_points, visible};
use harfrust::{Direction, ShapeOptions, ShaperData, ShaperInstance, Tag, UnicodeBuffer, Variation};
use unicode_bidi::{BidiInfo, Level};
use unicode_script::Script;
use unicode_segmentation::UnicodeSegmentation;

/// Letters of a line that are looked at; more are never seen.
const MOST_LETTERS: usize = 512;

/// What stands for letters that are left out.
const ELLIPSIS: char = '…';

/// Letters of a file's ending, such as `.jpeg`.
const ENDING: usize = 5;

/// Words on one line, ready to be drawn, with their width known.
#[derive(Debug, Clone)]
pub struct Line {
    words: String,
    pub(super) runs: Vec<Run>,
    pub(super) size: f32,
    width: f32,
}

/// Part of a line that one font draws in one direction.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub text: String,
    pub face: Face,
    pub right_to_left: bool,
    /// Where it begins, from the line's left end, in pixels.
    pub x: f32,
}

impl Line {
    /// The words as text: shortened where they had to be, and with the letters that no font here has.
    pub fn words(&self) -> &str {
        &self.words
    }

    /// Size of the letters in pixels (the em).
    pub fn size(&self) -> f32 {
        self.size
    }

    /// Width in pixels.
    pub fn width(&self) -> f32 {
        self.width
    }
}

impl Lettering {
    /// Lays `words` out on one line in letters of `size` pixels (the em). [`visible`] is applied to them; of more than
    /// 512 letters, the first and the last are taken.
    pub fn line(&self, words: &str, typeface: Typeface, size: f32) -> Line {
        let words = visible(words);
        let letters: Vec<&str> = words.graphemes(true).collect();
        lay(&mut self.fonts(), &shortened(&letters, MOST_LETTERS), typeface, size)
    }

    /// The same on a line of at most `width` pixels: what doesn't fit is left out in the middle, so that a name keeps
    /// its ending. Where nothing fits, the ellipsis stands alone.
    pub fn line_within(&self, words: &str, typeface: Typeface, size: f32, width: f32) -> Line {
        let words = visible(words);
        let letters: Vec<&str> = words.graphemes(true).collect();
        let fonts = &mut *self.fonts();
        let line = lay(fonts, &shortened(&letters, MOST_LETTERS), typeface, size);
        if line.width <= width {
            return line;
        }
        // Between a number of letters that fits and one that doesn't.
        let (mut fits, mut exceeds) = (0, letters.len().min(MOST_LETTERS));
        let mut best = lay(fonts, &shortened(&letters, 0), typeface, size);
        while exceeds - fits > 1 {
            let middle = fits.midpoint(exceeds);
            let line = lay(fonts, &shortened(&letters, middle), typeface, size);
            if line.width <= width {
                (fits, best) = (middle, line);
            } else {
                exceeds = middle;
            }
        }
        best
    }

    /// Lays `words` out in lines of at most `width` pixels, at most `most` of them (at least 1): broken between words,
    /// a word that is wider between letters, and the last line shortened where there is more.
    pub fn lines_within(&self, words: &str, typeface: Typeface, size: f32, width: f32, most: usize) -> Vec<Line> {
        let words = visible(words);
        let mut rest = words.trim();
        let mut lines = Vec::new();
        while !rest.is_empty() && lines.len() + 1 < most {
            let end = self.fitting(rest, typeface, size, width);
            lines.push(self.line(rest[..end].trim_end(), typeface, size));
            rest = rest[end..].trim_start();
        }
        if !rest.is_empty() {
            lines.push(self.line_within(rest, typeface, size, width));
        }
        lines
    }

    /// Length in bytes of the beginning of `words` that fits on a line.
    fn fitting(&self, words: &str, typeface: Typeface, size: f32, width: f32) -> usize {
        let fits = |end: usize| self.line(words[..end].trim_end(), typeface, size).width <= width;
        let longest = |ends: Vec<usize>| {
            let within = ends.partition_point(|&end| fits(end));
            within.checked_sub(1).map(|last| ends[last])
        };
        let nearby = |ends: Vec<usize>| -> Vec<usize> { ends.into_iter().take(MOST_LETTERS).collect() };
        let words_end = words
            .split_word_bound_indices()
            .filter(|(_, part)| part.trim().is_empty());
        let between_words: Vec<usize> = words_end
            .map(|(at, part)| at + part.len())
            .chain([words.len()])
            .collect();
        let between_letters = || {
            let letters = words.grapheme_indices(true);
            nearby(letters.map(|(at, letter)| at + letter.len()).collect())
        };
        longest(nearby(between_words))
            .or_else(|| longest(between_letters()))
            .unwrap_or_else(|| words.graphemes(true).next().map_or(words.len(), str::len))
    }
}

/// The first and the last letters, `most` together, with an ellipsis where some are left out: half of each, and rather
/// a file's ending than its beginning.
fn shortened(letters: &[&str], most: usize) -> String {
    if letters.len() <= most {
        return letters.concat();
    }
    let ending = (most / 2).max(most.min(ENDING + 1).saturating_sub(1));
    let last = letters.len() - ending;
    format!(
        "{}{ELLIPSIS}{}",
        letters[..most - ending].concat(),
        letters[last..].concat()
    )
}

fn lay(fonts: &mut Fonts, words: &str, typeface: Typeface, size: f32) -> Line {
    let letters = fonts.letter(words, typeface);
    let mut line = Line {
        words: words.to_owned(),
        runs: Vec::new(),
        size,
        width: 0.0,
    };
    for (mut text, mut face, mut right_to_left) in runs(&letters) {
        let mut measured = measure(fonts, &text, face, right_to_left);
        if measured.is_none() {
            // The font has the letters by its table, and yet no shape for what they make together.
            (text, face, right_to_left) = (code_points(text.chars()), typeface.first(), false);
            measured = measure(fonts, &text, face, right_to_left);
        }
        line.runs.push(Run {
            text,
            face,
            right_to_left,
            x: line.width,
        });
        line.width += measured.unwrap_or(0.0) * size;
    }
    line
}

/// The runs of a line, from left to right. The line itself reads from left to right, as the words around it do.
fn runs(letters: &[(String, Face)]) -> Vec<(String, Face, bool)> {
    let words: String = letters.iter().map(|(letter, _)| letter.as_str()).collect();
    let bidi = BidiInfo::new(&words, Some(Level::ltr()));
    let mut all = Vec::new();
    for paragraph in &bidi.paragraphs {
        let (levels, directions) = bidi.visual_runs(paragraph, paragraph.range.clone());
        for range in directions {
            let right_to_left = levels[range.start].is_rtl();
            let mut parts: Vec<(String, Face, Option<Script>)> = Vec::new();
            let mut at = 0;
            for (letter, face) in letters {
                let begin = at;
                at += letter.len();
                if !range.contains(&begin) {
                    continue;
                }
                let own = script(letter);
                match parts.last_mut() {
                    Some((text, last, of)) if last == face && (own.is_none() || of.is_none() || own == *of) => {
                        text.push_str(letter);
                        *of = of.or(own);
                    }
                    _ => parts.push((letter.clone(), *face, own)),
                }
            }
            if right_to_left {
                parts.reverse();
            }
            all.extend(parts.into_iter().map(|(text, face, _)| (text, face, right_to_left)));
        }
    }
    all
}

/// Width of a run in parts of the letters' size, shaped as the drawing does it; `None` where the font draws a box for
/// what it lacks, or can't be read any more.
pub(super) fn measure(fonts: &Fonts, text: &str, face: Face, right_to_left: bool) -> Option<f32> {
    let shaped = fonts.database.with_face_data(fonts.faces[face.0], |data, index| {
        let font = harfrust::FontRef::from_index(data, index).ok()?;
        let regular = Variation {
            tag: Tag::new(b"wght"),
            value: 400.0,
        };
        let (shapes, instance) = (
            ShaperData::new(&font),
            ShaperInstance::from_variations(&font, [regular]),
        );
        let shaper = shapes.shaper(&font).instance(Some(&instance)).build();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(text);
        buffer.set_direction(match right_to_left {
            true => Direction::RightToLeft,
            false => Direction::LeftToRight,
        });
        buffer.guess_segment_properties();
        let glyphs = shaper.shape(buffer, ShapeOptions::new());
        let advance: i64 = glyphs
            .glyph_positions()
            .iter()
            .map(|glyph| i64::from(glyph.x_advance))
            .sum();
        let whole = glyphs.glyph_infos().iter().all(|glyph| glyph.glyph_id != 0);
        whole.then(|| advance as f32 / shaper.units_per_em() as f32)
    });
    shaped.flatten()
}
