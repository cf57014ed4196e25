//! Keeps what a command writes apart from what it reads: a result must never replace a photo, nor be taken for one.

use qmagface::{Error, ErrorKind, Result};
use same_file::is_same_file;
use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

/// Checks that pictures written into the folder `result` are not among the images of the folder `source`; `images` are
/// relative to it. Symbolic links are followed.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] when `result` is `source`, lies in it or holds it or one of its images.
pub fn folders(source: &Path, images: &[PathBuf], result: &Path) -> Result<()> {
    let (real_source, real_result) = (real(source), real(result));
    let has = |inner: &Path, outer: &Path| inner.ancestors().any(|folder| same(folder, outer));
    let relation = match (has(&real_result, &real_source), has(&real_source, &real_result)) {
        (true, true) => "is",
        (true, false) => "lies in",
        (false, true) => "holds",
        (false, false) => {
            let linked = images
                .iter()
                .find(|image| has(&real(&source.join(image)), &real_result));
            return match linked {
                None => Ok(()),
                Some(image) => Err(refused(format!(
                    "the result folder {} holds {}, an image of the source folder {}",
                    result.display(),
                    image.display(),
                    source.display()
                ))),
            };
        }
    };
    Err(refused(format!(
        "the result folder {} {relation} the source folder {}",
        result.display(),
        source.display()
    )))
}

/// As [`folders`], for where the pictures `outs` in that folder lie in truth: a folder inside a result folder can be a link
/// that leads among the photos.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming a picture that is one of the images, or whose folder lies in the source folder or
/// has one of the images in it.
pub fn pictures<'a>(
    source: &Path,
    images: &[PathBuf],
    outs: impl IntoIterator<Item = &'a PathBuf> + Clone,
) -> Result<()> {
    let real_source = real(source);
    let images: Vec<PathBuf> = images.iter().map(|image| source.join(image)).collect();
    let of_images: HashSet<PathBuf> = images.iter().filter_map(|image| image.parent()).map(real).collect();
    let mut looked_at = HashSet::new();
    for out in outs.clone() {
        let folder = out.parent().unwrap_or(out);
        if !looked_at.insert(folder) {
            continue;
        }
        let real_folder = real(folder);
        if of_images.contains(&real_folder) || real_folder.starts_with(&real_source) {
            return Err(refused(format!(
                "{} would be written into {}, among the photos of {}",
                out.display(),
                real_folder.display(),
                source.display()
            )));
        }
    }
    files(&images, outs)
}

/// Checks that none of the pictures `outs` lies in a folder with one of the images.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming the picture.
pub fn beside(images: &[PathBuf], outs: &[PathBuf]) -> Result<()> {
    let folder = |path: &PathBuf| path.parent().map(real);
    let of_images: HashSet<PathBuf> = images.iter().filter_map(folder).collect();
    match outs
        .iter()
        .find(|out| folder(out).is_some_and(|folder| of_images.contains(&folder)))
    {
        None => Ok(()),
        Some(out) => Err(refused(format!("{} would be written beside the images", out.display()))),
    }
}

/// Checks that the picture written to `out` is none of the images that are read.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming the image.
pub fn file<'a>(images: impl IntoIterator<Item = &'a Path>, out: &Path) -> Result<()> {
    match images.into_iter().find(|image| same(image, out)) {
        None => Ok(()),
        Some(image) => Err(refused(format!(
            "the picture {} is the image {} itself",
            out.display(),
            image.display()
        ))),
    }
}

/// As [`file`], for many pictures.
///
/// # Errors
/// As [`file`].
pub fn files<'a>(images: &[PathBuf], outs: impl IntoIterator<Item = &'a PathBuf>) -> Result<()> {
    let images: HashSet<PathBuf> = images.iter().filter_map(|image| image.canonicalize().ok()).collect();
    for out in outs {
        if let Some(image) = out.canonicalize().ok().and_then(|out| images.get(&out)) {
            return file([image.as_path()], out);
        }
    }
    Ok(())
}

/// Checks that the picture `out` doesn't lie in a folder of images, by whatever links: it would be one of them next time.
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] naming both.
pub fn outside(folder: &Path, out: &Path) -> Result<()> {
    match is_inside(out, folder) {
        false => Ok(()),
        true => Err(refused(format!(
            "the picture {} lies in the folder of images {}",
            out.display(),
            folder.display()
        ))),
    }
}

/// Whether `path` lies in `folder` in truth, by whatever links.
pub fn is_inside(path: &Path, folder: &Path) -> bool {
    real(path).starts_with(real(folder))
}

fn refused(what: String) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        format!("{what}: what is written there would overwrite photos, or be taken for photos; name another place"),
    )
}

fn same(a: &Path, b: &Path) -> bool {
    // Opening a pipe would wait for its other end.
    let is_plain = |path: &Path| path.is_file() || path.is_dir();
    a == b || is_plain(a) && is_plain(b) && is_same_file(a, b).unwrap_or(false)
}

/// The path without links and `..`, as far as it is there.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut missing = PathBuf::new();
    for there in absolute.ancestors() {
        if let Ok(real) = there.canonicalize() {
            missing = absolute.strip_prefix(there).map(Path::to_owned).unwrap_or_default();
            return joined(real, &missing);
        }
    }
    joined(absolute, &missing)
}

/// `folder` with the parts of `inside`, which isn't there: nothing in it can be a link.
fn joined(mut folder: PathBuf, inside: &Path) -> PathBuf {
    for part in inside.components() {
        match part {
            Component::ParentDir => {
                folder.pop();
            }
            Component::Normal(part) => folder.push(part),
            _ => {}
        }
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_result_stays_out_of_its_source() {
        let top = tempfile::tempdir().unwrap();
        let path = |name: &str| top.path().join(name);
        fs::create_dir_all(path("photos/ann")).unwrap();
        fs::create_dir_all(path("chips")).unwrap();
        fs::write(path("photos/ann/1.png"), "x").unwrap();
        let images = [PathBuf::from("ann/1.png")];
        let check = |result: &Path| folders(&path("photos"), &images, result);
        let refused = |result: &Path, word: &str| {
            let error = check(result).unwrap_err();
            assert!(error.message().contains(word), "{}: {error}", result.display());
        };
        check(&path("chips")).unwrap();
        check(&path("new/chips")).unwrap();
        check(&path("photos-2")).unwrap();
        check(&path("photos/../chips")).unwrap();
        refused(&path("photos"), " is the source");
        refused(&path("photos/."), " is the source");
        refused(&path("photos/ann"), "lies in");
        refused(&path("photos/new/chips"), "lies in");
        refused(&path("new/../photos/chips"), "lies in");
        refused(&path("."), "holds");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(path("photos"), path("link")).unwrap();
            refused(&path("link"), " is the source");
            refused(&path("link/new"), "lies in");
            // A folder of the source that lies elsewhere.
            fs::create_dir(path("more")).unwrap();
            fs::write(path("more/2.png"), "x").unwrap();
            std::os::unix::fs::symlink(path("more"), path("photos/more")).unwrap();
            let images = [PathBuf::from("ann/1.png"), PathBuf::from("more/2.png")];
            let error = folders(&path("photos"), &images, &path("more")).unwrap_err();
            assert!(error.message().contains("more/2.png"), "{error}");
            // A folder of the result that leads into the source, or to where one of its folders leads.
            for (inside, to) in [("in", "photos/ann"), ("far", "more")] {
                std::os::unix::fs::symlink(path(to), path("chips").join(inside)).unwrap();
                let out = path("chips").join(inside).join("3.png");
                let error = pictures(&path("photos"), &images, [&out]).unwrap_err();
                assert!(error.message().contains("3.png"), "{error}");
            }
            std::os::unix::fs::symlink(path("more/2.png"), path("chips/2.png")).unwrap();
            assert!(pictures(&path("photos"), &images, [&path("chips/2.png")]).is_err());
            pictures(
                &path("photos"),
                &images,
                [&path("chips/ann/1.png"), &path("chips/3.png")],
            )
            .unwrap();
        }
    }

    #[test]
    fn a_picture_is_none_of_its_images() {
        let top = tempfile::tempdir().unwrap();
        let (a, b) = (top.path().join("a.png"), top.path().join("b.png"));
        fs::write(&a, "x").unwrap();
        file([a.as_path()], &b).unwrap();
        assert!(file([b.as_path(), &a], &top.path().join("./a.png")).is_err());
        files(std::slice::from_ref(&a), [&b, &top.path().join("c.png")]).unwrap();
        assert!(files(std::slice::from_ref(&a), [&b, &top.path().join("./a.png")]).is_err());
        fs::hard_link(&a, &b).unwrap();
        assert!(file([a.as_path()], &b).is_err());
    }
}
