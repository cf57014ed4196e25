//! Which font has a letter: one of the program's own, else one of the system's.

use super::visible::{code_points, is_joining};
use resvg::usvg::fontdb::{Database, FaceInfo, ID, Source, Style};
use skrifa::bitmap::BitmapData;
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::prelude::{GlyphId, LocationRef, MetadataProvider, Size};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_segmentation::UnicodeSegmentation;

/// The fonts that words begin with. Letters that the first lacks come from the other, from an emoji font, and from the
/// system's fonts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typeface {
    /// Every letter as wide as another, for names and figures below each other (Hack).
    Monospaced,
    /// For reading (Ubuntu Light).
    Sans,
}

/// The fonts in the program.
pub(super) const EMBEDDED: [&[u8]; 3] = [
    epaint_default_fonts::HACK_REGULAR,
    epaint_default_fonts::UBUNTU_LIGHT,
    epaint_default_fonts::NOTO_EMOJI_REGULAR,
];

/// Fonts that show a box or nothing for every character there is.
const PLACEHOLDERS: [&str; 5] = [
    "LastResort",
    ".LastResort",
    "Last Resort",
    "Adobe Blank",
    "Adobe NotDef",
];

/// Fonts, and what is known of their letters; the system's are looked at when a letter is wanted that no font in the
/// program has.
pub struct Lettering {
    fonts: Mutex<Fonts>,
}

/// A font face: its place among those in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Face(pub usize);

/// Loads fonts into a database.
type Load = fn(&mut Database);

pub(super) struct Fonts {
    pub database: Arc<Database>,
    /// The faces in use; the embedded ones first.
    pub faces: Vec<ID>,
    /// How the system's fonts are loaded; `None` once they are.
    system: Option<Load>,
    /// Letters that the embedded fonts lack, and who has them.
    found: HashMap<String, Option<Face>>,
    /// Scripts whose lack was told.
    told: HashSet<Script>,
}

/// Words, cut into letters with the font of each; a letter that no font has stands as its code point.
pub(super) type Lettered = Vec<(String, Face)>;

impl Lettering {
    /// The one of this process: the system's fonts are searched once.
    pub fn shared() -> &'static Lettering {
        static SHARED: LazyLock<Lettering> = LazyLock::new(|| Lettering::new(EMBEDDED, Database::load_system_fonts));
        &SHARED
    }

    /// One whose program has other fonts, one face each, and whose system those that `system` loads.
    pub(super) fn new(embedded: [&'static [u8]; 3], system: Load) -> Lettering {
        let mut database = Database::new();
        let mut faces = Vec::new();
        for font in embedded {
            faces.extend(database.load_font_source(Source::Binary(Arc::new(font))));
        }
        assert_eq!(faces.len(), embedded.len(), "the fonts of their crate are whole");
        Lettering {
            fonts: Mutex::new(Fonts {
                database: Arc::new(database),
                faces,
                system: Some(system),
                found: HashMap::new(),
                told: HashSet::new(),
            }),
        }
    }

    /// The fonts. A panic of another thread left them whole: what they know is only ever added to.
    pub(super) fn fonts(&self) -> MutexGuard<'_, Fonts> {
        self.fonts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Typeface {
    fn order(self) -> [Face; 3] {
        match self {
            Typeface::Monospaced => [Face(0), Face(1), Face(2)],
            Typeface::Sans => [Face(1), Face(0), Face(2)],
        }
    }

    pub(super) fn first(self) -> Face {
        self.order()[0]
    }
}

impl Fonts {
    /// Finds a font for each letter of `words`.
    pub fn letter(&mut self, words: &str, typeface: Typeface) -> Lettered {
        let letters: Vec<&str> = words.graphemes(true).collect();
        self.find(&letters, typeface);
        let mut lettered = Lettered::new();
        let mut missing = Vec::new();
        for letter in letters {
            if let Some(face) = self.face(letter, typeface) {
                self.write_missing(&mut missing, &mut lettered, typeface);
                lettered.push((letter.to_owned(), face));
                continue;
            }
            // Where no font has a letter with all its marks, it stands without those that are missing.
            let parts: Vec<String> = letter.chars().map(String::from).collect();
            self.find(&parts.iter().map(String::as_str).collect::<Vec<_>>(), typeface);
            for part in parts {
                match self.face(&part, typeface) {
                    Some(face) => {
                        self.write_missing(&mut missing, &mut lettered, typeface);
                        lettered.push((part, face));
                    }
                    None => missing.extend(part.chars()),
                }
            }
        }
        self.write_missing(&mut missing, &mut lettered, typeface);
        lettered
    }

    /// Writes characters that no font has as their code points, and tells the log once for each script.
    fn write_missing(&mut self, missing: &mut Vec<char>, lettered: &mut Lettered, typeface: Typeface) {
        if missing.is_empty() {
            return;
        }
        for &character in missing.iter() {
            let script = together(character.script());
            if self.told.insert(script) {
                log::warn!("{}", lack(character, script));
            }
        }
        for character in code_points(missing.drain(..)).chars() {
            lettered.push((character.to_string(), typeface.first()));
        }
    }

    /// Who has a letter; the letter was searched for.
    fn face(&self, letter: &str, typeface: Typeface) -> Option<Face> {
        let embedded = typeface
            .order()
            .into_iter()
            .find(|face| self.has(self.faces[face.0], &[letter], false)[0]);
        embedded.or_else(|| self.found.get(letter).copied().flatten())
    }

    /// Which of the letters a face has; with `seen`, only those of which something is seen. Spaces show nothing, and some
    /// marks only change what stands before them.
    pub fn has(&self, face: ID, letters: &[&str], seen: bool) -> Vec<bool> {
        let has = self.database.with_face_data(face, |data, index| {
            let font = skrifa::FontRef::from_index(data, index).ok()?;
            let map = font.charmap();
            let drawn = |character: char| {
                let glyph = map.map(character).filter(|glyph| glyph.to_u32() != 0);
                let unseen = !seen || character.is_whitespace() || is_combining_mark(character);
                is_joining(character) || glyph.is_some_and(|glyph| unseen || is_seen(&font, glyph))
            };
            Some(letters.iter().map(|letter| letter.chars().all(drawn)).collect())
        });
        has.flatten().unwrap_or_else(|| vec![false; letters.len()])
    }

    /// Searches the system's fonts for the letters that the embedded ones lack.
    fn find(&mut self, letters: &[&str], typeface: Typeface) {
        let mut groups: HashMap<Script, Vec<&str>> = HashMap::new();
        let mut seen = HashSet::new();
        for &letter in letters {
            let wanted =
                seen.insert(letter) && !self.found.contains_key(letter) && self.face(letter, typeface).is_none();
            if wanted {
                groups.entry(group(letter)).or_default().push(letter);
            }
        }
        if groups.is_empty() {
            return;
        }
        if let Some(load) = self.system.take() {
            load(Arc::make_mut(&mut self.database));
        }
        for (_, mut lacking) in groups {
            while let Some((face, has)) = self.best(&lacking) {
                let face = self.place(face);
                for letter in &has {
                    self.found.insert((*letter).to_owned(), Some(face));
                }
                lacking.retain(|letter| !has.contains(letter));
            }
            for letter in lacking {
                self.found.insert(letter.to_owned(), None);
            }
        }
    }

    /// The face that has most of the letters, and those; among equals the one that looks most like the embedded ones.
    fn best<'l>(&self, letters: &[&'l str]) -> Option<(ID, Vec<&'l str>)> {
        if letters.is_empty() {
            return None;
        }
        let usable = self.database.faces().filter(|face| !is_placeholder(face));
        let having = usable.map(|face| (face, self.has(face.id, letters, true)));
        let counted = having.map(|(face, has)| (has.iter().filter(|has| **has).count(), face, has));
        let (_, best, has) = counted
            .filter(|(count, ..)| *count > 0)
            .max_by_key(|(count, face, _)| (*count, likeness(face, letters)))?;
        let has = letters
            .iter()
            .zip(has)
            .filter_map(|(letter, has)| has.then_some(*letter));
        Some((best.id, has.collect()))
    }

    fn place(&mut self, id: ID) -> Face {
        let known = self.faces.iter().position(|&face| face == id);
        Face(known.unwrap_or_else(|| {
            self.faces.push(id);
            self.faces.len() - 1
        }))
    }
}

/// Whether a glyph shows something: an outline, or colours or a picture of a kind that is drawn. A font may have a letter
/// by its table and draw nothing for it.
fn is_seen(font: &skrifa::FontRef, glyph: GlyphId) -> bool {
    /// A pen that notes whether it was used.
    struct Used(bool);
    impl OutlinePen for Used {
        fn move_to(&mut self, _: f32, _: f32) {}
        fn line_to(&mut self, _: f32, _: f32) {
            self.0 = true;
        }
        fn quad_to(&mut self, _: f32, _: f32, _: f32, _: f32) {
            self.0 = true;
        }
        fn curve_to(&mut self, _: f32, _: f32, _: f32, _: f32, _: f32, _: f32) {
            self.0 = true;
        }
        fn close(&mut self) {}
    }
    let mut outline = Used(false);
    if let Some(glyph) = font.outline_glyphs().get(glyph) {
        let drawn = glyph.draw(
            DrawSettings::unhinted(Size::unscaled(), LocationRef::default()),
            &mut outline,
        );
        outline.0 &= drawn.is_ok();
    }
    let picture = || font.bitmap_strikes().glyph_for_size(Size::unscaled(), glyph);
    outline.0
        || font.color_glyphs().get(glyph).is_some()
        || picture().is_some_and(|picture| matches!(picture.data, BitmapData::Png(_)))
}

/// Letters that should come from one font: by script, those of Chinese, Japanese and Korean together.
fn group(letter: &str) -> Script {
    together(script(letter).unwrap_or(Script::Common))
}

/// The scripts of Chinese, Japanese and Korean as one.
fn together(script: Script) -> Script {
    match script {
        Script::Hiragana | Script::Katakana | Script::Hangul | Script::Bopomofo => Script::Han,
        script => script,
    }
}

/// The script of a letter; `None` for what all scripts share.
pub(super) fn script(letter: &str) -> Option<Script> {
    let mut scripts = letter.chars().map(|character| character.script());
    scripts.find(|script| !matches!(script, Script::Common | Script::Inherited | Script::Unknown))
}

fn is_placeholder(face: &FaceInfo) -> bool {
    face.families
        .iter()
        .any(|(name, _)| PLACEHOLDERS.contains(&name.as_str()))
}

/// Greater for a face that goes better with the embedded ones: upright, plain, of usual weight, and with the shapes of
/// the language that the letters point to; the name, for the same choice each time.
fn likeness<'f>(face: &'f FaceInfo, letters: &[&str]) -> impl Ord + use<'f> {
    let name = face.families.first().map_or("", |(name, _)| name.as_str());
    let has = |wanted: Script| letters.iter().any(|letter| script(letter) == Some(wanted));
    // Fonts for Chinese, Japanese and Korean come in one cut for each, which differ in how they draw the same
    // character.
    let cut = match () {
        () if has(Script::Hiragana) || has(Script::Katakana) => "JP",
        () if has(Script::Hangul) => "KR",
        () => "SC",
    };
    let odd = ["Serif", "Mono", "Unifont"].iter().any(|word| name.contains(word));
    (
        face.style == Style::Normal,
        !odd,
        Reverse(face.weight.0.abs_diff(400)),
        name.ends_with(cut),
        Reverse(name),
    )
}

/// What is missing, and what to install.
fn lack(character: char, script: Script) -> String {
    let (what, packages) = match script {
        Script::Unknown => ("that character, which is in no script".to_owned(), None),
        Script::Han => (
            "Chinese, Japanese or Korean letters".to_owned(),
            Some("fonts-noto-cjk, or the smaller fonts-wqy-microhei"),
        ),
        Script::Arabic | Script::Hebrew | Script::Armenian | Script::Georgian => (
            format!("{} letters", script.full_name()),
            Some("fonts-dejavu-core, or fonts-noto-core for more scripts"),
        ),
        Script::Common | Script::Inherited => (
            "symbols".to_owned(),
            Some("fonts-noto-core, fonts-symbola or fonts-noto-color-emoji"),
        ),
        _ => (
            format!("{} letters", script.full_name().replace('_', " ")),
            Some("fonts-noto-core, or fonts-noto-extra for rare scripts"),
        ),
    };
    let install = packages.map_or(String::new(), |packages| {
        format!("; a font for them helps (on Debian and Ubuntu: {packages})")
    });
    let point = u32::from(character);
    format!("no font on this machine has {what}, such as U+{point:04X}: pictures show code points{install}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_once_with_what_to_install() {
        let lettering = Lettering::new(EMBEDDED, |_| {});
        let told = |words: &str| {
            let fonts = &mut *lettering.fonts();
            fonts.letter(words, Typeface::Monospaced);
            fonts.told.len()
        };
        assert_eq!(told("plain, Иван 🎉"), 0);
        assert_eq!(told("田中さくらカメラ김철수"), 1, "one font has them all");
        assert_eq!(told("陳 محمد"), 2);
        assert_eq!(told("محمد يوسف"), 2);
        for (character, packages) in [
            ('田', "fonts-noto-cjk"),
            ('م', "fonts-dejavu-core"),
            ('ส', "fonts-noto-core"),
            ('★', "fonts-symbola"),
        ] {
            let words = lack(character, together(character.script()));
            let point = format!("U+{:04X}", u32::from(character));
            assert!(words.contains(packages) && words.contains(&point), "{words}");
        }
        assert!(!lack('\u{378}', Script::Unknown).contains("Debian"));
    }

    #[test]
    fn a_font_is_chosen_by_the_language_of_the_letters_and_by_its_looks() {
        let lettering = Lettering::new(EMBEDDED, |_| {});
        let plain = lettering.fonts().database.faces().next().unwrap().clone();
        let named = |name: &str| {
            let mut face = plain.clone();
            face.families[0].0 = name.to_owned();
            face
        };
        let better =
            |one: &FaceInfo, other: &FaceInfo, letters: &[&str]| likeness(one, letters) > likeness(other, letters);
        let cuts = [
            "Noto Sans CJK JP",
            "Noto Sans CJK KR",
            "Noto Sans CJK SC",
            "Noto Sans CJK TC",
        ]
        .map(named);
        for (letters, best) in [(["田", "さ"], 0), (["金", "김"], 1), (["王", "明"], 2)] {
            for (index, cut) in cuts.iter().enumerate() {
                assert_eq!(better(&cuts[best], cut, &letters), index != best, "{letters:?}");
            }
        }
        let (mut slanted, mut bold) = (named("Sans"), named("Sans"));
        slanted.style = Style::Italic;
        bold.weight.0 = 700;
        for worse in [slanted, bold, named("Serif"), named("GNU Unifont"), named("Sans Mono")] {
            assert!(better(&named("Sans"), &worse, &["م"]), "{worse:?}");
        }
    }
}
