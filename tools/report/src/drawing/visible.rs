//! Text in which every character shows and none changes how the others stand.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Combining marks that a letter may carry: more are stacked up only to cover what is above.
const MOST_MARKS: usize = 6;

/// The same words, composed (NFC), with what can't be seen written as code points: controls and line breaks, characters
/// that turn the direction of what follows (bidi controls), invisible ones, and combining marks beyond six on one
/// letter. A file called `a`, U+202E, `gpj.exe` reads `a[U+202E]gpj.exe`.
///
/// Joiners and variation selectors stay where scripts and emoji need them: behind a character that isn't ASCII.
pub fn visible(words: &str) -> String {
    escaped(words.nfc(), |_| false)
}

/// A page's markup with the same escapes, but for its line breaks and tabs. Its letters stay as they are.
pub(crate) fn visible_markup(markup: &str) -> String {
    escaped(markup.chars(), |character| matches!(character, '\n' | '\t'))
}

/// Characters written as code points, such as `[U+7530 U+4E2D]`.
pub(super) fn code_points(characters: impl IntoIterator<Item = char>) -> String {
    let points: Vec<String> = characters
        .into_iter()
        .map(|character| format!("U+{:04X}", u32::from(character)))
        .collect();
    format!("[{}]", points.join(" "))
}

fn escaped(characters: impl Iterator<Item = char>, keep: impl Fn(char) -> bool) -> String {
    let mut shown = String::new();
    let mut hidden = Vec::new();
    let mut marks = 0;
    let mut before = None;
    for character in characters {
        marks = if is_combining_mark(character) { marks + 1 } else { 0 };
        let shows = match is_joining(character) {
            true => before.is_some_and(|before| takes_joining(before, character)),
            false => !is_hidden(character) && marks <= MOST_MARKS,
        };
        if !shows && !keep(character) {
            hidden.push(character);
            before = None;
            continue;
        }
        if !hidden.is_empty() {
            shown.push_str(&code_points(hidden.drain(..)));
        }
        shown.push(character);
        before = Some(character);
    }
    if !hidden.is_empty() {
        shown.push_str(&code_points(hidden));
    }
    shown
}

/// Joiners and variation selectors: seen only in what they do to their neighbours.
pub(super) fn is_joining(character: char) -> bool {
    matches!(character, '\u{200C}' | '\u{200D}') || is_selector(character)
}

fn is_selector(character: char) -> bool {
    matches!(character, '\u{180B}'..='\u{180D}' | '\u{180F}' | '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

/// Whether `joining` has something to do behind `before`.
fn takes_joining(before: char, joining: char) -> bool {
    match is_selector(joining) {
        // Keycaps are digits, # and * with a selector.
        true => !is_joining(before) && (!before.is_ascii() || matches!(before, '0'..='9' | '#' | '*')),
        false => !before.is_ascii() && (!is_joining(before) || is_selector(before)),
    }
}

/// Controls, line and paragraph separators, what XML forbids, and Unicode's Default_Ignorable_Code_Point
/// (DerivedCoreProperties.txt), which has all bidi controls; but for [`is_joining`].
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{00AD}'
                | '\u{034F}'
                | '\u{061C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180E}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFFB}'
                | '\u{FFFE}'..='\u{FFFF}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_show_is_written_out() {
        for (words, shown) in [
            ("obama.jpg", "obama.jpg"),
            ("", ""),
            // A right-to-left override makes the ending look like another one's.
            ("a\u{202E}gpj.exe", "a[U+202E]gpj.exe"),
            ("\u{2066}a\u{2069}\u{200F}", "[U+2066]a[U+2069 U+200F]"),
            (
                "a\nb\r\n\u{2028}c\u{0}\u{7F}\u{85}",
                "a[U+000A]b[U+000D U+000A U+2028]c[U+0000 U+007F U+0085]",
            ),
            ("\u{1B}[31mred", "[U+001B][31mred"),
            (
                "in\u{AD}vi\u{200B}si\u{FEFF}ble\u{3164}",
                "in[U+00AD]vi[U+200B]si[U+FEFF]ble[U+3164]",
            ),
            ("\u{FFFF}\u{E0041}", "[U+FFFF U+E0041]"),
            // What stood for bytes that are no text.
            ("caf\u{FFFD}.jpg", "caf\u{FFFD}.jpg"),
        ] {
            assert_eq!(visible(words), shown, "{words:?}");
        }
    }

    #[test]
    fn names_as_a_mac_writes_them_are_composed() {
        assert_eq!(visible("Mu\u{308}ller"), "Müller");
        assert_eq!(visible("\u{1112}\u{1161}\u{11AB}\u{1100}\u{1173}\u{11AF}"), "한글");
        assert_eq!(visible("か\u{3099}"), "が");
    }

    #[test]
    fn joiners_stay_only_where_they_have_something_to_join() {
        for kept in [
            "می\u{200C}خواهم",
            "क\u{94D}\u{200D}ष",
            "👩\u{200D}🚀",
            "❤\u{FE0F}\u{200D}🔥",
            "1\u{FE0F}\u{20E3}",
            "葛\u{E0100}",
        ] {
            assert_eq!(visible(kept), kept, "{kept:?}");
        }
        assert_eq!(visible("a\u{200D}b"), "a[U+200D]b");
        assert_eq!(visible("\u{200C}a"), "[U+200C]a");
        assert_eq!(
            visible("田\u{200D}\u{200D}\u{200D}中"),
            "田\u{200D}[U+200D]\u{200D}中".replace("]\u{200D}", " U+200D]")
        );
        assert_eq!(visible("a\u{FE0F}"), "a[U+FE0F]");
    }

    #[test]
    fn a_heap_of_marks_is_cut() {
        let heap = format!("e{}.jpg", "\u{0323}\u{0330}".repeat(50));
        let shown = visible(&heap);
        assert_eq!(
            shown.chars().filter(|&character| is_combining_mark(character)).count(),
            MOST_MARKS,
            "{shown}"
        );
        assert!(shown.ends_with("].jpg"), "{shown}");
    }

    #[test]
    fn markup_keeps_its_lines() {
        assert_eq!(visible_markup("<p>\n\ta\u{202E}b</p>\n"), "<p>\n\ta[U+202E]b</p>\n");
    }
}
