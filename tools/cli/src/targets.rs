//! What the picture of an image is called, so that no two images have one picture.

use crate::folder;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where each image's picture goes: the same path with `ending` in place of its own. Where two would have one name, the
/// images keep their own endings before it (`a.jpg.png`, `a.bmp.png`). An image whose picture has a name already, by
/// `known`, keeps that name: what lies beside the images later changes none.
pub fn targets(images: &[PathBuf], ending: &str, known: impl Fn(&Path) -> Option<String>) -> Vec<PathBuf> {
    // The names that an image's picture can have, the shortest first. Two images never have all later ones in common.
    let candidate = |image: &Path, level: usize| match level {
        0 => image.with_extension(ending),
        level => {
            let mut name = image.as_os_str().to_owned();
            if level > 1 {
                name.push(format!("~{level}"));
            }
            name.push(".");
            name.push(ending);
            PathBuf::from(name)
        }
    };
    let mut kept = HashSet::new();
    let is_known: Vec<Option<PathBuf>> = images
        .iter()
        .map(|image| {
            let known = known(image)?;
            let name = (0..MOST_LEVELS)
                .map(|level| candidate(image, level))
                .find(|name| folder::name(name) == known)?;
            // Whoever names it, no two images have one picture.
            kept.insert(name.clone()).then_some(name)
        })
        .collect();
    // Folders among the targets.
    let folders: HashSet<&Path> = images.iter().flat_map(|image| image.ancestors().skip(1)).collect();
    let mut levels = vec![0; images.len()];
    loop {
        let targets: Vec<PathBuf> = (0..images.len())
            .map(|at| {
                is_known[at]
                    .clone()
                    .unwrap_or_else(|| candidate(&images[at], levels[at]))
            })
            .collect();
        // How often each name is used, and the lowest level of those who may have another.
        let mut uses: HashMap<&Path, (usize, usize)> = HashMap::with_capacity(targets.len());
        for (at, target) in targets.iter().enumerate() {
            let (count, lowest) = uses.entry(target).or_insert((0, usize::MAX));
            *count += 1;
            if is_known[at].is_none() {
                *lowest = levels[at].min(*lowest);
            }
        }
        // Whoever has a short name takes a longer one first.
        let shared: Vec<usize> = (0..targets.len())
            .filter(|&at| {
                let target = targets[at].as_path();
                let (count, lowest) = uses[target];
                is_known[at].is_none() && levels[at] == lowest && (count > 1 || folders.contains(target))
            })
            .collect();
        if shared.is_empty() {
            return targets;
        }
        for at in shared {
            levels[at] += 1;
        }
    }
}

/// How many of an image's candidates are compared with the name that its picture has.
const MOST_LEVELS: usize = 8;

/// The name of an image's picture number `index`: `a.png` becomes `a_3.png`.
pub fn numbered(target: &Path, index: usize) -> PathBuf {
    let mut name = OsString::from(target.file_stem().unwrap_or_default());
    name.push(format!("_{index}"));
    if let Some(ending) = target.extension() {
        name.push(".");
        name.push(ending);
    }
    target.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(images: &[&str]) -> Vec<String> {
        let images: Vec<PathBuf> = images.iter().map(PathBuf::from).collect();
        beside(&images, &[])
    }

    /// The targets of `images`, some of which have names already.
    fn beside(images: &[PathBuf], known: &[(&str, &str)]) -> Vec<String> {
        let of = |image: &Path| {
            let found = known.iter().find(|(name, _)| Path::new(name) == image)?;
            Some(found.1.to_owned())
        };
        targets(images, "png", of)
            .iter()
            .map(|path| path.to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_picture_keeps_its_name() {
        let images = ["a.jpg", "a.png", "b.jpg"].map(PathBuf::from);
        assert_eq!(beside(&images, &[("a.jpg", "a.png")]), ["a.png", "a.png.png", "b.png"]);
        assert_eq!(
            beside(&images, &[("a.jpg", "a.jpg.png"), ("b.jpg", "other.png")]),
            ["a.jpg.png", "a.png", "b.png"]
        );
        assert_eq!(
            beside(&images[..2], &[("a.jpg", "a.png"), ("a.png", "a.png")]),
            ["a.png", "a.png.png"]
        );
        // All short and whole names are taken.
        let images = ["a.png", "a.jpg", "a.png.jpg"].map(PathBuf::from);
        let known = [("a.jpg", "a.png"), ("a.png.jpg", "a.png.png")];
        assert_eq!(beside(&images, &known), ["a.png~2.png", "a.png", "a.png.png"]);
        let again = [known[0], known[1], ("a.png", "a.png~2.png")];
        assert_eq!(beside(&images, &again), ["a.png~2.png", "a.png", "a.png.png"]);
    }

    #[test]
    fn no_picture_overwrites_another() {
        assert_eq!(
            named(&["a.jpg", "b.jpeg", "x/a.jpg", "c"]),
            ["a.png", "b.png", "x/a.png", "c.png"]
        );
        assert_eq!(named(&["a.jpg", "a.png"]), ["a.jpg.png", "a.png.png"]);
        assert_eq!(
            named(&["a.jpg", "a.png", "a.jpg.jpg"]),
            ["a.jpg.png", "a.png.png", "a.jpg.jpg.png"]
        );
        assert_eq!(named(&["a.jpg", "a.png/x.jpg"]), ["a.jpg.png", "a.png/x.png"]);
        assert_eq!(numbered(Path::new("x/a.b.png"), 3), Path::new("x/a.b_3.png"));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_unicode_stay_apart() {
        use std::os::unix::ffi::OsStrExt;
        let images = [b"\xFE.jpg", b"\xFF.jpg"].map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name)));
        let both = [images.to_vec(), vec![images[0].with_extension("bmp")]].concat();
        let targets = targets(&both, "png", |_| None);
        assert_eq!(targets.iter().collect::<HashSet<_>>().len(), 3, "{targets:?}");
        assert_ne!(numbered(&targets[0], 0), numbered(&targets[1], 0));
    }

    proptest! {
        #[test]
        fn all_pictures_have_names_of_their_own(
            images in proptest::collection::hash_set("(x/)?[ab](_0)?(\\.(jpg|png|j)){0,3}", 1..40),
            before in 0usize..40,
        ) {
            let images: Vec<PathBuf> = images.into_iter().map(PathBuf::from).collect();
            // Some of the images were there before the others.
            let before = &images[..before.min(images.len())];
            let known: HashMap<&PathBuf, PathBuf> = before.iter().zip(targets(before, "png", |_| None)).collect();
            let targets = targets(&images, "png", |image| known.get(&image.to_owned()).map(|name| folder::name(name)));
            for (image, target) in images.iter().zip(&targets) {
                prop_assert!(known.get(image).is_none_or(|known| known == target));
            }
            let unique: HashSet<_> = targets.iter().collect();
            prop_assert_eq!(unique.len(), images.len());
            let numbered: HashSet<_> = targets.iter().flat_map(|target| (0..3).map(|index| numbered(target, index))).collect();
            prop_assert_eq!(numbered.len(), 3 * images.len());
            for (image, target) in images.iter().zip(&targets) {
                prop_assert_eq!(image.parent(), target.parent());
            }
        }
    }
}
