//! What the picture of an image is called, so that no two images have one picture.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where each image's picture goes: the same path with `ending` in place of its own. Where two would have one name, the
/// images keep their own endings before it (`a.jpg.png`, `a.bmp.png`).
pub fn targets(images: &[PathBuf], ending: &str) -> Vec<PathBuf> {
    let whole = |image: &Path| {
        let mut name = image.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    };
    let mut targets: Vec<PathBuf> = images.iter().map(|image| image.with_extension(ending)).collect();
    // Whole names differ as the images do. A whole name can be another's short one, which then becomes whole too, so that
    // there are fewer short ones each time.
    loop {
        let mut uses: HashMap<&Path, usize> = HashMap::with_capacity(targets.len());
        for target in &targets {
            *uses.entry(target).or_default() += 1;
        }
        let shared: Vec<usize> = (0..targets.len())
            .filter(|&at| uses[targets[at].as_path()] > 1)
            .collect();
        if shared.is_empty() {
            return targets;
        }
        for at in shared {
            targets[at] = whole(&images[at]);
        }
    }
}

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
    use std::collections::HashSet;

    fn named(images: &[&str]) -> Vec<String> {
        let images: Vec<PathBuf> = images.iter().map(PathBuf::from).collect();
        targets(&images, "png")
            .iter()
            .map(|path| path.to_str().unwrap().to_owned())
            .collect()
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
        assert_eq!(numbered(Path::new("x/a.b.png"), 3), Path::new("x/a.b_3.png"));
    }

    #[cfg(unix)]
    #[test]
    fn names_that_are_no_unicode_stay_apart() {
        use std::os::unix::ffi::OsStrExt;
        let images = [b"\xFE.jpg", b"\xFF.jpg"].map(|name| PathBuf::from(std::ffi::OsStr::from_bytes(name)));
        let both = [images.to_vec(), vec![images[0].with_extension("bmp")]].concat();
        let targets = targets(&both, "png");
        assert_eq!(targets.iter().collect::<HashSet<_>>().len(), 3, "{targets:?}");
        assert_ne!(numbered(&targets[0], 0), numbered(&targets[1], 0));
    }

    proptest! {
        #[test]
        fn all_pictures_have_names_of_their_own(
            images in proptest::collection::hash_set("(x/)?[ab](_0)?(\\.(jpg|png|j)){0,3}", 1..40),
        ) {
            let images: Vec<PathBuf> = images.into_iter().map(PathBuf::from).collect();
            let targets = targets(&images, "png");
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
