//! Names of images: their folders, who is on them, and which are of hidden files.

use unicode_normalization::{UnicodeNormalization, is_nfc};

/// Folders that file systems, network storage and archives keep for themselves, with thumbnails or deleted files in them.
/// Those whose name begins with a dot are hidden as well.
const SYSTEM_FOLDERS: [&str; 9] = [
    "@eaDir",
    "#recycle",
    "#snapshot",
    "@Recycle",
    "@Recently-Snapshot",
    "__MACOSX",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
];

/// The parts of an image's name, folders first and the file last, and whether the name is absolute. `/` and `\` both
/// separate parts, `.` is none, and `..` takes back the part before it.
pub fn parts(name: &str) -> (bool, Vec<&str>) {
    let drive = |part: &str| part.len() == 2 && part.ends_with(':') && part.as_bytes()[0].is_ascii_alphabetic();
    let mut parts: Vec<&str> = Vec::new();
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|&last| last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let absolute = name.starts_with(['/', '\\']) || parts.first().is_some_and(|&first| drive(first));
    (absolute, parts)
}

/// How many leading folders the names have in common, if all of them are absolute; 0 if one isn't. That much of them says
/// where the images lie, and nothing about the images.
pub fn common_folder<'a>(names: impl IntoIterator<Item = &'a str>) -> usize {
    let mut common: Option<Vec<&str>> = None;
    for name in names {
        let (absolute, mut folders) = parts(name);
        if !absolute {
            return 0;
        }
        folders.pop();
        let common = common.get_or_insert_with(|| folders.clone());
        let agreeing = common.iter().zip(&folders).take_while(|(a, b)| a == b).count();
        common.truncate(agreeing);
    }
    common.map_or(0, |common| common.len())
}

/// Whether a file or folder of this name is hidden: its name begins with a dot (`._1.jpg`, `.AppleDouble`), or it is a
/// folder that a system keeps for itself (`@eaDir`, `__MACOSX`).
pub fn is_hidden(part: &str) -> bool {
    (part.starts_with('.') && part != "." && part != "..") || SYSTEM_FOLDERS.contains(&part)
}

/// Who is on an image, by its name: the folder it lies in (`ann/1.jpg`, `set/ann/1.jpg`: `ann`, `set/ann`); without a
/// folder what stands before the last `_` and digits, as LFW's names have it (`Ann_Lee_0001.jpg`: `Ann_Lee`). `None`
/// where the name has neither.
///
/// Names that differ in `./`, in `/` and `\` or in their canonically equivalent Unicode form give the same person.
pub fn subject_of(name: &str) -> Option<String> {
    let (_, mut folders) = parts(name);
    let file = folders.pop()?;
    if !folders.is_empty() {
        return Some(composed(&folders.join("/")));
    }
    // With its ending first: a name may have a dot and no ending.
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    [file, stem].into_iter().find_map(|stem| {
        let (subject, number) = stem.rsplit_once('_')?;
        let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        (numbered && !subject.is_empty()).then(|| composed(subject))
    })
}

/// The text in Unicode's composed form (NFC), in which canonically equivalent texts are equal.
pub fn composed(text: &str) -> String {
    match is_nfc(text) {
        true => text.to_owned(),
        false => text.nfc().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_parts() {
        let check = |name: &str, absolute: bool, wanted: &[&str]| {
            assert_eq!(parts(name), (absolute, wanted.to_vec()), "{name}");
        };
        check("ann/1.jpg", false, &["ann", "1.jpg"]);
        check("./ann//1.jpg", false, &["ann", "1.jpg"]);
        check(".\\ann\\1.jpg", false, &["ann", "1.jpg"]);
        check("/data/ann/../bob/1.jpg", true, &["data", "bob", "1.jpg"]);
        check("C:\\photos\\1.jpg", true, &["C:", "photos", "1.jpg"]);
        check("\\\\server\\share\\1.jpg", true, &["server", "share", "1.jpg"]);
        check("../1.jpg", false, &["..", "1.jpg"]);
        check("", false, &[]);
    }

    #[test]
    fn what_absolute_names_have_in_common_is_found() {
        assert_eq!(common_folder(["/a/b/ann/1.jpg", "/a/b/bob/1.jpg"]), 2);
        assert_eq!(common_folder(["/a/b/ann/1.jpg", "/a/b/ann/2.jpg"]), 3);
        assert_eq!(common_folder(["/a/1.jpg", "b/1.jpg"]), 0);
        assert_eq!(common_folder(["a/1.jpg", "a/2.jpg"]), 0);
        assert_eq!(common_folder([]), 0);
    }

    #[test]
    fn names_say_who_is_on_an_image() {
        for (name, subject) in [
            ("ann/1.jpg", Some("ann")),
            ("./ann/1.jpg", Some("ann")),
            ("ann\\1.jpg", Some("ann")),
            ("set/ann/1.jpg", Some("set/ann")),
            ("Ann_Lee_0001.jpg", Some("Ann_Lee")),
            ("J.K_0001", Some("J.K")),
            ("e\u{301}va/1.jpg", Some("\u{e9}va")),
            ("ann.jpg", None),
            ("ann_x.jpg", None),
            ("Ann_Lee", None),
            ("Ann_", None),
            ("_1.png", None),
            ("1.jpg", None),
            ("/1.jpg", None),
            ("./1.jpg", None),
            ("", None),
        ] {
            assert_eq!(subject_of(name).as_deref(), subject, "{name}");
        }
    }

    #[test]
    fn hidden_files_and_folders_are_told() {
        for name in ["._1.jpg", ".AppleDouble", "@eaDir", "__MACOSX", ".git"] {
            assert!(is_hidden(name), "{name}");
        }
        for name in ["@ann", "ann", ".", "..", "1.jpg", "eaDir"] {
            assert!(!is_hidden(name), "{name}");
        }
    }
}
