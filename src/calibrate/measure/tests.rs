use super::*;
use crate::matrix::Matrix;
use crate::pairs::List;
use ndarray::Array2;

const PARAMETERS: QualityParameters = QualityParameters {
    alpha: 0.05,
    beta: 0.08,
};

/// People of `images` images each: their own direction and noise.
fn made_up(people: usize, images: usize, seed: u64) -> Prepared {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut normal = || (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
    let mut rows = Array2::zeros((people * images, 16));
    for person in 0..people {
        let centre: Vec<f32> = (0..16).map(|_| normal()).collect();
        for image in 0..images {
            let face: Vec<f32> = centre.iter().map(|v| 2.0 * v + 2.0 * normal()).collect();
            rows.row_mut(person * images + image).assign(&ndarray::aview1(&face));
        }
    }
    let labels: Vec<usize> = (0..people * images).map(|row| row / images).collect();
    Prepared::new(Matrix::of(rows), &labels).unwrap()
}

fn scores(set: &Prepared, list: &List, genuine: bool) -> Vec<f64> {
    let scored = list.score(set, &Work::default()).unwrap();
    let of = list
        .pairs()
        .iter()
        .zip(&scored)
        .filter(|(pair, _)| pair.genuine == genuine);
    of.map(|(_, pair)| PARAMETERS.score(pair.cosine, pair.quality, pair.quality))
        .collect()
}

fn all_pairs(set: &Prepared) -> List {
    let images = set.len() as u32;
    let pairs: Vec<_> = (0..images).flat_map(|a| (a + 1..images).map(move |b| (a, b))).collect();
    List::from_subjects(set, &pairs).unwrap()
}

#[test]
fn thresholds_are_exact_and_conservative() {
    // The larger set keeps a part of the impostor pairs only.
    for (people, images) in [(30, 4), (200, 4)] {
        let set = made_up(people, images, 5);
        let list = all_pairs(&set);
        let (genuine, impostor) = (scores(&set, &list, true), scores(&set, &list, false));
        let fmrs = [1e-2, 1e-3, 3e-2];
        let options = MeasureOptions {
            replicates: 0,
            ..MeasureOptions::default()
        };
        for pairs in [Pairs::All, Pairs::List(&list)] {
            let measured = measure(&set, pairs, &PARAMETERS, &fmrs, &options).unwrap();
            assert_eq!(measured.iter().map(|m| m.fmr).collect::<Vec<_>>(), [3e-2, 1e-2, 1e-3]);
            for m in measured {
                let above = impostor.iter().filter(|&&score| score >= m.score).count();
                let most = (m.fmr * impostor.len() as f64) as usize;
                assert_eq!((m.impostors_above as usize, above), (most, most), "{m:?}");
                let failing = genuine.iter().filter(|&&score| score < m.score).count();
                assert!((m.fnmr - failing as f64 / genuine.len() as f64).abs() < 1e-12, "{m:?}");
                assert_eq!((m.score_interval, m.fnmr_interval), (None, None));
            }
        }
    }
}

#[test]
fn intervals_hold_the_truth_about_as_often_as_they_say() {
    // The truth: the FNMR and the threshold of many people.
    let many = made_up(800, 4, 77);
    let options = MeasureOptions {
        replicates: 0,
        ..MeasureOptions::default()
    };
    let truth = measure(&many, Pairs::All, &PARAMETERS, &[1e-2], &options).unwrap()[0];
    let (mut score, mut fnmr) = (0, 0);
    let trials = 60;
    for trial in 0..trials {
        let set = made_up(40, 4, 1000 + trial);
        let options = MeasureOptions {
            replicates: 200,
            ..MeasureOptions::default()
        };
        let m = measure(&set, Pairs::All, &PARAMETERS, &[1e-2], &options).unwrap()[0];
        let within = |(low, high): Interval, value: f64| {
            assert!(low <= high);
            low <= value && value <= high
        };
        assert!(within(m.score_interval.unwrap(), m.score) && within(m.fnmr_interval.unwrap(), m.fnmr));
        score += u32::from(within(m.score_interval.unwrap(), truth.score));
        fnmr += u32::from(within(m.fnmr_interval.unwrap(), truth.fnmr));
    }
    println!("{score} and {fnmr} of {trials}");
    // 95 % of 60 are 57; intervals that are far too narrow, or hold everything, fail.
    assert!(
        (48..=60).contains(&score) && (48..=60).contains(&fnmr),
        "{score} and {fnmr} of {trials}"
    );
    let small = measure(
        &made_up(40, 4, 1),
        Pairs::All,
        &PARAMETERS,
        &[1e-2],
        &MeasureOptions::default(),
    )
    .unwrap()[0];
    let large = measure(&many, Pairs::All, &PARAMETERS, &[1e-2], &MeasureOptions::default()).unwrap()[0];
    let width = |m: MeasuredThreshold| m.score_interval.unwrap().1 - m.score_interval.unwrap().0;
    assert!(width(large) < width(small) / 2.0, "{large:?} {small:?}");
}

#[test]
fn nothing_depends_on_the_threads_or_on_a_list() {
    let set = made_up(200, 3, 8);
    let with = |pairs: Pairs, threads| {
        let work = Work {
            threads: Some(threads),
            ..Work::default()
        };
        let options = MeasureOptions {
            replicates: 100,
            work,
            ..MeasureOptions::default()
        };
        measure(&set, pairs, &PARAMETERS, &[1e-2, 1e-4], &options).unwrap()
    };
    let one = with(Pairs::All, 1);
    assert_eq!(one, with(Pairs::All, 2));
    assert_eq!(one, with(Pairs::All, 5));
    let list = all_pairs(&set);
    for (all, listed) in one.iter().zip(with(Pairs::List(&list), 2)) {
        assert!((all.score - listed.score).abs() < 1e-5 && all.impostors_above == listed.impostors_above);
        let (a, b) = (all.score_interval.unwrap(), listed.score_interval.unwrap());
        assert!((a.0 - b.0).abs() < 1e-5 && (a.1 - b.1).abs() < 1e-5, "{a:?} {b:?}");
    }
}

#[test]
fn a_draw_counts_pairs_as_copies_would() {
    // Person 0 twice, person 1 once, person 2 never.
    let set = Prepared::new(Matrix::of(Array2::ones((6, 1))), &[0, 0, 1, 1, 2, 2]).unwrap();
    let times = [2, 1, 0];
    assert_eq!(
        [(0, 0), (1, 1), (0, 1), (0, 2)].map(|(a, b)| bootstrap::weight(&times, a, b)),
        [2, 1, 2, 0]
    );
    let all = all_pairs(&set);
    for pairs in [Pairs::All, Pairs::List(&all)] {
        let source = Source::new(&set, pairs, &Work::default()).unwrap();
        // Copies of person 0 against person 1: 2 * 2 * 2.
        assert_eq!(bootstrap::People::new(&source, &[]).impostors(&times), Some(8.0));
        assert_eq!(bootstrap::People::new(&source, &[]).impostors(&[3, 0, 0]), None);
    }
}

#[test]
fn impossible_measurements_are_refused() {
    let set = made_up(20, 2, 1);
    let of = |set: &Prepared, fmrs: &[f64], options: &MeasureOptions| {
        measure(set, Pairs::All, &PARAMETERS, fmrs, options).unwrap_err()
    };
    let options = MeasureOptions::default();
    for fmrs in [&[][..], &[0.0], &[1.0], &[f64::NAN], &[0.1, -0.1]] {
        assert_eq!(of(&set, fmrs, &options).kind(), ErrorKind::InvalidArgument);
    }
    let error = of(&set, &[1e-1, 1e-4], &options);
    assert_eq!(error.kind(), ErrorKind::Calibration);
    assert!(
        error.message().contains("30000 impostor pairs, there are 760"),
        "{error}"
    );
    let many = MeasureOptions {
        replicates: 100_001,
        ..options
    };
    assert!(of(&set, &[0.1], &many).message().contains("100001 draws"));
    let alone = set.of_subjects(|subject| subject == 0);
    assert!(of(&alone, &[0.1], &options).message().contains("no impostor pair"));
    let all_the_same = MeasureOptions {
        allow_unsupported: true,
        ..options
    };
    let measured = measure(&set, Pairs::All, &PARAMETERS, &[1e-4], &all_the_same).unwrap();
    assert_eq!(measured[0].impostors_above, 0);
}

#[test]
fn of_normalised_embeddings_the_plain_cosine_alone_is_measured() {
    let set = made_up(30, 4, 8);
    let normalised = Prepared::new(Matrix::of(set.directions().to_owned()), set.subjects()).unwrap();
    let options = MeasureOptions {
        replicates: 0,
        ..MeasureOptions::default()
    };
    let error = measure(&normalised, Pairs::All, &PARAMETERS, &[1e-2], &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Calibration);
    assert!(error.message().contains("by their cosine alone"), "{error}");
    let plain = QualityParameters { alpha: 0.0, beta: 0.0 };
    let of = |set| measure(set, Pairs::All, &plain, &[1e-2], &options).unwrap()[0].score;
    assert!((of(&normalised) - of(&set)).abs() < 1e-6);
}
