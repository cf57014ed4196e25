//! Embeddings with their names as a set: hidden images left out, and who is on each.

use crate::people::{PersonRule, hidden};
use qmagface::pairs::Prepared;
use qmagface::{Error, ErrorKind, Matrix, Result};
use std::collections::HashSet;

/// A set, and what the user should know of it.
pub struct LabelledSet {
    pub set: Prepared,
    /// Whether the names, or the rule, say who is on the images; where they don't, each image is somebody else's.
    pub people_known: bool,
    pub notes: Vec<String>,
}

/// Makes a set of embeddings, one a row, and their images' names. With `needed` the names must say who is on each image.
///
/// # Errors
/// As [`PersonRule::people`] and [`Prepared::labelled`]; [`ErrorKind::InvalidArgument`] when all images are hidden.
pub fn labelled(rule: &PersonRule, rows: Matrix, names: Vec<String>, needed: bool) -> Result<LabelledSet> {
    let (rows, names, mut notes) = visible(rows, names)?;
    notes.extend(named_again(&names));
    let people = match needed {
        true => Some(rule.people_needed(&names)?),
        false => rule.people(&names)?,
    };
    let people_known = people.is_some();
    let set = match people {
        Some(people) => {
            notes.extend(people.notes);
            Prepared::labelled(rows, &people.labels, names)?
        }
        None => {
            let each: Vec<usize> = (0..names.len()).collect();
            Prepared::labelled(rows, &each, names)?
        }
    };
    notes.extend(far_lengths(&set));
    Ok(LabelledSet {
        set,
        people_known,
        notes,
    })
}

/// Lengths beyond these parts of their median are noted: those of a network lie within a tenth of it and four times it.
const FAR: std::ops::RangeInclusive<f64> = 0.1..=5.0;

/// A note on embeddings whose lengths are far from the others': they may have been scaled.
fn far_lengths(set: &Prepared) -> Option<String> {
    let mut lengths = set.qualities().to_vec();
    let middle = lengths.len() / 2;
    let (_, &mut median, _) = lengths.select_nth_unstable_by(middle, f64::total_cmp);
    let far = |&row: &usize| !FAR.contains(&(set.qualities()[row] / median));
    let rows: Vec<usize> = (0..set.len()).filter(far).collect();
    let first = *rows.first()?;
    Some(format!(
        "{} of {} embeddings have a length, which is the quality, far from the others', such as {:.3e} of {}; the median is \
         {median:.3}.",
        rows.len(),
        set.len(),
        set.qualities()[first],
        set.name(first)
    ))
}

/// A note on names that come more than once.
fn named_again(names: &[String]) -> Option<String> {
    let mut known = HashSet::with_capacity(names.len());
    let again: Vec<&String> = names.iter().filter(|name| !known.insert(*name)).collect();
    Some(format!(
        "{} of {} images have a name that another has already, such as {:?}: if it is the same image, its pairs with itself \
         count as genuine.",
        again.len(),
        names.len(),
        again.first()?
    ))
}

/// The rows whose images are not hidden, and a note on the others.
fn visible(rows: Matrix, names: Vec<String>) -> Result<(Matrix, Vec<String>, Vec<String>)> {
    let hidden = hidden(&names);
    let Some(first) = hidden.iter().position(|&hidden| hidden) else {
        return Ok((rows, names, Vec::new()));
    };
    let shown: Vec<usize> = (0..names.len()).filter(|&row| !hidden[row]).collect();
    if shown.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "all images are of hidden files or folders",
        ));
    }
    let note = format!(
        "{} images of hidden files or folders were left out, such as {}.",
        names.len() - shown.len(),
        names[first]
    );
    let kept = shown.iter().flat_map(|&row| rows.row(row)).copied().collect();
    let kept = Matrix::new(shown.len(), rows.columns(), kept)?;
    let names = shown.into_iter().map(|row| names[row].clone()).collect();
    Ok((kept, names, vec![note]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_far_from_the_others_are_noted() {
        let noted = |lengths: &[f32]| {
            let rows = Matrix::new(lengths.len(), 1, lengths.to_vec()).unwrap();
            let names = (0..lengths.len()).map(|row| format!("{}/{row}.jpg", row % 2)).collect();
            labelled(&PersonRule::default(), rows, names, true).unwrap().notes
        };
        assert!(noted(&[10.0, 12.0, 30.0, 4.0]).is_empty());
        for wrong in [1000.0, 0.01] {
            let notes = noted(&[10.0, 12.0, wrong, 9.0, 11.0]);
            assert!(
                notes.len() == 1 && notes[0].contains("1 of 5") && notes[0].contains("0/2.jpg"),
                "{notes:?}"
            );
        }
    }

    #[test]
    fn hidden_images_are_left_out_and_noted() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let rows = Matrix::new(4, 1, vec![1.0, 2.0, 3.0, 4.0]).unwrap();
        let of = ["a/1.jpg", "a/@eaDir/1.jpg", "b/1.jpg", "a/2.jpg"];
        let found = labelled(&PersonRule::default(), rows.clone(), names(&of), true).unwrap();
        assert_eq!(found.set.qualities(), [1.0, 3.0, 4.0]);
        assert_eq!(found.set.subjects(), [0, 1, 0]);
        assert!(
            found.notes.len() == 1 && found.notes[0].contains("a/@eaDir/1.jpg"),
            "{:?}",
            found.notes
        );
        let twice = labelled(
            &PersonRule::default(),
            rows.clone(),
            names(&["a/1", "a/1", "b/1", "b/2"]),
            true,
        )
        .unwrap();
        assert!(
            twice.notes.len() == 1 && twice.notes[0].contains("1 of 4") && twice.notes[0].contains("\"a/1\""),
            "{:?}",
            twice.notes
        );
        let unknown = labelled(
            &PersonRule::default(),
            rows.clone(),
            names(&["1", "2", "3", "4"]),
            false,
        )
        .unwrap();
        assert!(!unknown.people_known && unknown.set.subject_count() == 4);
        assert!(labelled(&PersonRule::default(), rows.clone(), names(&["1", "2", "3", "4"]), true).is_err());
        assert!(
            labelled(
                &PersonRule::default(),
                rows,
                names(&[".a/1.jpg", ".b/1.jpg", "._1", "@eaDir/1"]),
                true
            )
            .is_err()
        );
    }
}
