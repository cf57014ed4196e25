use super::*;
use crate::cancel::Cancel;
use crate::error::ErrorKind;
use crate::matrix::Matrix;
use crate::work::Work;
use ndarray::Array2;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A made-up set: `images` rows of `length` floats, of people with 1 to 5 images.
fn made_up(images: usize, length: usize) -> Prepared {
    let mut random = fastrand::Rng::with_seed(images as u64);
    let rows = Array2::from_shape_simple_fn((images, length), || random.f32() * 20.0 - 10.0);
    let mut labels = Vec::new();
    while labels.len() < images {
        let person = labels.len();
        labels.extend(std::iter::repeat_n(
            person,
            random.usize(1..=5).min(images - labels.len()),
        ));
    }
    random.shuffle(&mut labels);
    Prepared::new(Matrix::of(rows), &labels).unwrap()
}

#[test]
fn a_set_has_unit_directions_and_numbered_people() {
    let embeddings = ndarray::arr2(&[[3.0f32, 4.0], [0.0, -2.0], [6.0, 8.0], [1e30, 0.0]]);
    let set = Prepared::new(Matrix::of(embeddings), &["b", "a", "b", "c"]).unwrap();
    assert_eq!(
        set.directions(),
        ndarray::arr2(&[[0.6f32, 0.8], [0.0, -1.0], [0.6, 0.8], [1.0, 0.0]])
    );
    assert_eq!(set.qualities()[..3], [5.0, 2.0, 10.0]);
    assert_eq!((set.subjects(), set.subject_count()), (&[0, 1, 0, 2][..], 3));
    assert_eq!(
        (set.count(), set.name(1)),
        (
            Count {
                genuine: 1,
                impostor: 5
            },
            "1".to_owned()
        )
    );
    let half = set.of_subjects(|subject| subject != 1);
    assert_eq!((half.subjects(), half.subject_count()), (&[0, 0, 1][..], 2));
    assert_eq!(half.qualities()[..2], [5.0, 10.0]);
    assert_eq!(half.directions().row(1), set.directions().row(2));
}

#[test]
fn people_are_told_by_folder_or_number() {
    let rows = || ndarray::arr2(&[[1.0f32], [2.0]]);
    let names = |names: [&str; 2]| names.map(String::from).to_vec();
    let set = Prepared::from_names(Matrix::of(rows()), names(["a/1.jpg", "a/2.jpg"])).unwrap();
    assert_eq!((set.subject_count(), set.name(1)), (1, "a/2.jpg".to_owned()));
    let error = Prepared::from_names(Matrix::of(rows()), names(["a/1.jpg", "2.jpg"])).unwrap_err();
    assert!(error.message().contains("\"2.jpg\""), "{error}");
}

#[test]
fn impossible_sets_are_refused_by_name() {
    let rows = ndarray::arr2(&[[1.0f32, 0.0], [f32::NAN, 0.0]]);
    let error = Prepared::new(Matrix::of(rows.clone()), &[0, 1]).unwrap_err();
    assert!(
        error.message().starts_with("image 1: ") && error.message().contains("not finite"),
        "{error}"
    );
    let error = Prepared::from_names(Matrix::of(rows * 0.0), vec!["a/x".into(), "b/y".into()]).unwrap_err();
    assert!(
        error.message().starts_with("image 0, a/x: ") && error.message().contains("zero"),
        "{error}"
    );
    let error = Prepared::new(Matrix::of(Array2::ones((3, 2))), &[0, 1]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("2 labels for 3"), "{error}");
    let set = Prepared::new(Matrix::of(Array2::ones((3, 2))), &[0, 1, 1]).unwrap();
    assert!(
        set.with_names(vec!["x".into()])
            .unwrap_err()
            .message()
            .contains("1 names for 3")
    );
}

/// Every pair that [`fold`] visits, with its cosine and lower quality.
fn visited(set: &Prepared, work: &Work) -> Vec<(usize, usize, u32, u32, bool)> {
    let mut all = fold(
        set,
        work,
        Vec::new,
        |all, row| {
            assert!(!row.is_empty() && row.len() <= BLOCK);
            for (at, cosine) in row.cosines.iter().enumerate() {
                let quality = row.minimum_quality(at);
                all.push((
                    row.image,
                    row.first + at,
                    cosine.to_bits(),
                    quality.to_bits(),
                    row.genuine(at),
                ));
            }
        },
        |a, b| [a, b].concat(),
    )
    .unwrap();
    all.sort_unstable();
    all
}

#[test]
fn every_pair_is_visited_once_whatever_the_threads() {
    for images in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 77] {
        let set = made_up(images, 9);
        let one = visited(
            &set,
            &Work {
                threads: Some(1),
                ..Work::default()
            },
        );
        let mut at = one.iter();
        for a in 0..images {
            for b in a + 1..images {
                let &(i, j, cosine, quality, genuine) = at.next().unwrap();
                assert_eq!((i, j), (a, b));
                let exact: f64 = (0..9)
                    .map(|k| f64::from(set.directions()[(a, k)]) * f64::from(set.directions()[(b, k)]))
                    .sum();
                assert!((f64::from(f32::from_bits(cosine)) - exact).abs() < 1e-6);
                assert_eq!(
                    f32::from_bits(quality),
                    set.qualities()[a].min(set.qualities()[b]) as f32
                );
                assert_eq!(genuine, set.subjects()[a] == set.subjects()[b]);
            }
        }
        assert!(at.next().is_none());
        for threads in [2, 5, 64] {
            assert!(
                one == visited(
                    &set,
                    &Work {
                        threads: Some(threads),
                        ..Work::default()
                    }
                )
            );
        }
        let count = set.count();
        assert_eq!(one.iter().filter(|pair| pair.4).count() as u64, count.genuine);
        assert_eq!(one.len() as u64, count.total());
    }
}

#[test]
fn work_tells_how_far_it_is_and_stops_when_asked() {
    let set = made_up(3 * BLOCK, 4);
    let (most, total) = (AtomicU64::new(0), set.count().total());
    let stop = Cancel::new();
    let progress = |done: u64, all: u64| {
        assert_eq!(all, total);
        assert!(most.fetch_max(done, Ordering::Relaxed) < done, "what is done rises");
    };
    let work = Work {
        threads: Some(2),
        progress: Some(&progress),
        cancel: Some(&stop),
    };
    fold(&set, &work, || (), |_, _| (), |_, _| ()).unwrap();
    assert_eq!(most.load(Ordering::Relaxed), total);
    // Stopped from the outside after the first block: most of the rest is never begun.
    most.store(0, Ordering::Relaxed);
    let first = |done: u64, _: u64| {
        most.fetch_max(done, Ordering::Relaxed);
        stop.cancel();
    };
    let work = Work {
        threads: Some(2),
        progress: Some(&first),
        cancel: Some(&stop),
    };
    let error = fold(&set, &work, || (), |_, _| (), |_, _| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(most.load(Ordering::Relaxed) < total);
    let list = List::from_subjects(&set, &[(0, 1)]).unwrap();
    assert_eq!(list.score(&set, &work).unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn lists_are_scored_in_their_order() {
    let set = made_up(200, 13);
    let mut random = fastrand::Rng::with_seed(3);
    let pairs: Vec<(u32, u32)> = (0..10_000).map(|_| (random.u32(..200), random.u32(..200))).collect();
    let list = List::from_subjects(&set, &pairs).unwrap();
    let scored = list.score(&set, &Work::default()).unwrap();
    assert_eq!(scored.len(), pairs.len());
    for ((&(a, b), pair), scored) in pairs.iter().zip(list.pairs()).zip(&scored) {
        let (a, b) = (a as usize, b as usize);
        assert_eq!(pair.genuine, set.subjects()[a] == set.subjects()[b]);
        let (left, right) = (set.directions().row(a).to_vec(), set.directions().row(b).to_vec());
        let exact: f64 = left
            .iter()
            .zip(&right)
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .sum();
        assert!((scored.cosine - exact).abs() < 1e-12);
        assert_eq!(scored.quality, set.qualities()[a].min(set.qualities()[b]));
    }
    let one = Work {
        threads: Some(1),
        ..Work::default()
    };
    assert!(scored == list.score(&set, &one).unwrap());
    let error = List::from_subjects(&set, &[(0, 1), (5, 200)]).unwrap_err();
    assert!(
        error.message().contains("pair 1 is of image 200") && error.message().contains("0 to 199"),
        "{error}"
    );
    let error = list.score(&made_up(100, 13), &one).unwrap_err();
    assert!(error.message().contains("another set"), "{error}");
}

#[test]
fn samples_are_of_the_published_kind() {
    let people = [14usize, 1, 2, 10, 1, 11, 3];
    let labels: Vec<usize> = people
        .iter()
        .enumerate()
        .flat_map(|(who, &n)| std::iter::repeat_n(who, n))
        .collect();
    let set = Prepared::new(Matrix::of(Array2::ones((labels.len(), 2))), &labels).unwrap();
    let options = SampleOptions {
        seed: 7,
        ..SampleOptions::default()
    };
    let list = sample(&set, &options).unwrap();
    // 45 pairs of each of three with 10 images or more, 1 and 3 of the others; 10 impostor pairs for each.
    assert_eq!(
        list.count(),
        Count {
            genuine: 139,
            impostor: 1390
        }
    );
    for group in list.pairs().chunks_exact(11) {
        assert!(group[0].genuine && group[1..].iter().all(|pair| !pair.genuine));
        assert!(group[1..6].iter().all(|pair| pair.a == group[0].a));
        assert!(group[6..].iter().all(|pair| pair.a == group[0].b));
    }
    let subject = |image: u32| set.subjects()[image as usize];
    assert!(
        list.pairs()
            .iter()
            .all(|pair| pair.genuine == (subject(pair.a) == subject(pair.b)))
    );
    let genuine: BTreeSet<_> = list.pairs().iter().filter(|p| p.genuine).map(|p| (p.a, p.b)).collect();
    assert_eq!(genuine.len(), 139);
    let of_first: BTreeSet<_> = genuine
        .iter()
        .flat_map(|&(a, b)| [a, b])
        .filter(|&a| subject(a) == 0)
        .collect();
    assert_eq!(of_first.len(), 10);
    // Everyone can be an impostor, those with one image as well.
    let partners: BTreeSet<_> = list
        .pairs()
        .iter()
        .filter(|p| !p.genuine)
        .map(|p| subject(p.b))
        .collect();
    assert_eq!(partners.len(), people.len());
    assert_eq!(sample(&set, &options).unwrap(), list);
    assert_ne!(sample(&set, &SampleOptions { seed: 8, ..options }).unwrap(), list);
}

#[test]
fn impossible_samples_are_refused() {
    let set = |labels: &[u8]| Prepared::new(Matrix::of(Array2::ones((labels.len(), 2))), labels).unwrap();
    let options = SampleOptions::default();
    for (set, options, part) in [
        (set(&[1, 1]), options, "fewer than two people"),
        (set(&[]), options, "fewer than two people"),
        (set(&[1, 2]), options, "no genuine pair"),
        (
            set(&[1, 1, 2]),
            SampleOptions { images: 0, ..options },
            "at least 1 image",
        ),
        (
            set(&[1, 1, 2]),
            SampleOptions { images: 1, ..options },
            "no genuine pair",
        ),
        (
            set(&[1, 1, 2]),
            SampleOptions {
                impostors: usize::MAX,
                ..options
            },
            "at most 90000000",
        ),
    ] {
        let error = sample(&set, &options).unwrap_err();
        assert!(error.message().contains(part), "{error}");
    }
}

#[test]
fn a_tail_of_too_many_pairs_is_refused_before_the_work() {
    let stop = AtomicBool::new(false);
    let started = |_: u64, _: u64| stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let work = Work {
        progress: Some(&started),
        ..Work::default()
    };
    let rows = 6400; // 20.5 million pairs
    for (what, people) in [("genuine", 2), ("impostor", rows)] {
        let labels: Vec<usize> = (0..rows).map(|row| (row + 1).min(people)).collect();
        let set = Prepared::new(Matrix::of(Array2::ones((rows, 1))), &labels).unwrap();
        let source = Source::new(&set, Pairs::All, &work).unwrap();
        let error = source.collect(Bounds::all(&set), &work).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(error.message().contains(&format!("20000000 {what} pairs")), "{error}");
    }
    assert!(!stop.into_inner());
}
