use super::*;
use crate::cancel::Cancel;
use crate::compare::QualityParameters;
use crate::work::Work;

fn calibration() -> Calibration {
    Calibration::from_parameters(QualityParameters {
        alpha: 0.077428,
        beta: 0.125926,
    })
    .unwrap()
}

fn template(model: u8, embedding: &[f32]) -> Template {
    Template::from_embedding("sface", Fingerprint([model; 32]), embedding).unwrap()
}

/// Random templates, each tenth a failed one, each with some of the same few faces in it so that scores differ.
fn templates(count: usize, length: usize, seed: u64) -> Vec<Template> {
    let mut random = fastrand::Rng::with_seed(seed);
    let make = |index: usize| {
        if index % 10 == 9 {
            return Template::failed("sface", Fingerprint([7; 32]), length).unwrap();
        }
        let face = index % 7;
        let value = |at: usize| random.f32() * 4.0 - 2.0 + if at % 7 == face { 1.5 } else { 0.0 };
        template(7, &(0..length).map(value).collect::<Vec<f32>>())
    };
    (0..count).map(make).collect()
}

fn gallery(scalar: Scalar, templates: &[Template]) -> Gallery {
    let mut gallery = Gallery::new(scalar);
    gallery.add(&templates.iter().collect::<Vec<_>>()).unwrap();
    gallery
}

fn threads(count: usize) -> Work<'static> {
    Work {
        threads: Some(count),
        ..Work::default()
    }
}

fn scores(gallery: &Gallery, probes: &[&Template], work: &Work) -> Vec<f32> {
    let mut scores = vec![f32::NAN; probes.len() * gallery.len()];
    gallery.score(&calibration(), probes, &mut scores, work).unwrap();
    scores
}

/// A gallery's scores are those of the pairs, of templates that were stored in the same precision.
#[test]
fn scores_are_those_of_pairs_of_stored_templates() {
    for length in [3, 128, 512] {
        let (kept, probes) = (templates(900, length, 1), templates(21, length, 2));
        let probes: Vec<&Template> = probes.iter().collect();
        for scalar in Scalar::ALL {
            let gallery = gallery(scalar, &kept);
            let stored: Vec<Template> = kept
                .iter()
                .map(|template| Template::from_bytes(&template.to_bytes(scalar)).unwrap())
                .collect();
            // One by one, a few, and enough for panels.
            for probes in [&probes[3..4], &probes[..4], &probes[..]] {
                let ours = scores(&gallery, probes, &threads(2));
                for (probe, ours) in probes.iter().zip(ours.chunks(kept.len())) {
                    for (stored, &ours) in stored.iter().zip(ours) {
                        let exact = calibration().compare(probe, stored).unwrap();
                        if exact.failed_template {
                            assert_eq!(ours, f32::NEG_INFINITY);
                            continue;
                        }
                        // The slope of the score over the cosine; of a gallery of bytes half a step of the probe's
                        // largest value, for each value of the row.
                        let slope = 1.0 + 0.125926 * exact.comparison.quality_a.min(exact.comparison.quality_b);
                        let largest = probe.direction().iter().fold(0.0f32, |largest, v| largest.max(v.abs()));
                        let steps = 0.5 / 32_767.0 * f64::from(largest) * (length as f64).sqrt();
                        let tolerance = slope * if scalar == Scalar::I8 { 1e-6 + steps } else { 1e-6 };
                        assert!(
                            (f64::from(ours) - exact.comparison.score).abs() <= tolerance,
                            "{scalar:?}, {length}, {} probes: {ours}, {}",
                            probes.len(),
                            exact.comparison.score
                        );
                    }
                }
            }
        }
    }
}

/// A search finds what sorting all scores finds, whatever the threads.
#[test]
fn a_search_is_the_sorted_scores() {
    let (mut kept, probes) = (templates(5_000, 128, 3), templates(30, 128, 4));
    // Equal scores: the same templates again, in other tasks and in the same.
    for index in 0..300 {
        kept[4_000 + index] = kept[index].clone();
        kept[1_000 + index] = kept[index].clone();
    }
    let probes: Vec<&Template> = probes.iter().collect();
    for scalar in Scalar::ALL {
        let gallery = gallery(scalar, &kept);
        for probes in [&probes[..1], &probes[..3], &probes[..]] {
            let all = scores(&gallery, probes, &threads(1));
            for (most, least_score) in [(1, f32::NEG_INFINITY), (25, f32::NEG_INFINITY), (9_999, -0.1), (7, 0.9)] {
                let options = SearchOptions { most, least_score };
                let expected: Vec<Vec<Match>> = all
                    .chunks(kept.len())
                    .map(|scores| {
                        let found = scores.iter().enumerate().map(|(index, &score)| Match { index, score });
                        let mut found: Vec<Match> = found
                            .filter(|found| found.score > f32::NEG_INFINITY && found.score >= least_score)
                            .collect();
                        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.index.cmp(&b.index)));
                        found.truncate(most);
                        found
                    })
                    .collect();
                for count in [1, 2, 5] {
                    let found = gallery
                        .search(&calibration(), probes, &options, &threads(count))
                        .unwrap();
                    assert!(
                        found == expected,
                        "{scalar:?}, {} probes, {options:?}, {count}",
                        probes.len()
                    );
                }
            }
        }
    }
}

#[test]
fn a_score_of_exactly_the_least_is_found() {
    let kept = templates(50, 64, 5);
    let gallery = gallery(Scalar::F32, &kept);
    for probes in [&kept[..1], &kept[..8]] {
        let probes: Vec<&Template> = probes.iter().collect();
        let all = scores(&gallery, &probes, &threads(1));
        let least_score = all[17];
        let options = SearchOptions { most: 50, least_score };
        let found = gallery.search(&calibration(), &probes, &options, &threads(1)).unwrap();
        assert_eq!(
            found[0].last(),
            Some(&Match {
                index: 17,
                score: least_score
            })
        );
    }
}

#[test]
fn scores_do_not_depend_on_threads_or_what_else_is_there() {
    let kept = templates(2_500, 512, 6);
    let probes: Vec<&Template> = kept[..9].iter().collect();
    for scalar in Scalar::ALL {
        let all = gallery(scalar, &kept);
        for probes in [&probes[..2], &probes[..]] {
            let one = scores(&all, probes, &threads(1));
            assert_eq!(one, scores(&all, probes, &threads(3)));
            // The same in another gallery, where the templates have other places in tiles.
            let some = gallery(scalar, &kept[1..1_000]);
            for (all, some) in one.chunks(2_500).zip(scores(&some, probes, &threads(2)).chunks(999)) {
                assert_eq!(all[1..1_000], *some);
            }
        }
    }
}

#[test]
fn removing_moves_the_others_up() {
    for scalar in Scalar::ALL {
        let kept = templates(40, 33, 7);
        let mut gallery = gallery(scalar, &kept);
        let probe = [&kept[3]];
        let before = scores(&gallery, &probe, &threads(1));
        let removed = [0, 7, 8, 9, 38, 39];
        gallery.remove(&removed).unwrap();
        let left: Vec<f32> = (0..40)
            .filter(|index| !removed.contains(index))
            .map(|index| before[index])
            .collect();
        assert_eq!(scores(&gallery, &probe, &threads(1)), left);
        // What is added then is as if nothing had been there.
        assert_eq!(gallery.add(&[&kept[8], &kept[0]]).unwrap(), 34);
        let after = scores(&gallery, &probe, &threads(1));
        assert_eq!((after[34], after[35]), (before[8], before[0]));

        let message = |gallery: &mut Gallery, indices: &[usize]| gallery.remove(indices).unwrap_err().to_string();
        assert!(message(&mut gallery, &[1, 36]).contains("index 1 is 36, the gallery has 36 templates"));
        assert!(message(&mut gallery, &[1, 5, 5]).contains("index 2 is 5, the one before it 5"));
        assert!(message(&mut gallery, &[6, 5]).contains("must rise"));
        assert_eq!(gallery.len(), 36);
        gallery.remove(&[]).unwrap();
        gallery.remove(&(0..36).collect::<Vec<_>>()).unwrap();
        assert!(gallery.is_empty());
        assert_eq!((gallery.length(), gallery.model()), (33, Some("sface")));
    }
}

#[test]
fn normalised_templates_are_counted() {
    for scalar in Scalar::ALL {
        let mut gallery = Gallery::new(scalar);
        let all: Vec<Template> = [5.0f32, 1.0, 1.0004, 1.1, 1.0]
            .map(|length| template(1, &[0.6 * length, 0.8 * length]))
            .to_vec();
        gallery.add(&all.iter().collect::<Vec<_>>()).unwrap();
        gallery
            .add(&[&Template::failed("sface", Fingerprint([1; 32]), 2).unwrap()])
            .unwrap();
        assert_eq!(gallery.unit_lengths(), 3);
        gallery.remove(&[0, 1, 5]).unwrap();
        assert_eq!(gallery.unit_lengths(), 2);
        assert!(gallery.remove(&[9]).is_err());
        assert_eq!(gallery.unit_lengths(), 2);
        gallery.remove(&[0, 1, 2]).unwrap();
        assert_eq!((gallery.unit_lengths(), gallery.len()), (0, 0));
    }
}

#[test]
fn nothing_is_found_where_nothing_can_match() {
    let kept = templates(30, 16, 8);
    let failed = Template::failed("sface", Fingerprint([7; 32]), 16).unwrap();
    let options = SearchOptions::default();
    for scalar in Scalar::ALL {
        // A gallery that was never added to, one with failed templates only, and a failed probe.
        let empty = Gallery::new(scalar);
        assert_eq!((empty.length(), empty.model(), empty.fingerprint()), (0, None, None));
        assert_eq!(
            empty
                .search(&calibration(), &[&kept[0]], &options, &threads(2))
                .unwrap(),
            [vec![]]
        );
        assert!(scores(&empty, &[&kept[0]], &threads(2)).is_empty());
        let hopeless = gallery(scalar, &[failed.clone(), failed.clone()]);
        assert_eq!(
            hopeless
                .search(&calibration(), &[&kept[0]], &options, &threads(2))
                .unwrap(),
            [vec![]]
        );
        let gallery = gallery(scalar, &kept);
        for count in [1, 8] {
            let mut probes = vec![&failed; count];
            assert!(
                scores(&gallery, &probes, &threads(1))
                    .iter()
                    .all(|&score| score == f32::NEG_INFINITY)
            );
            probes.push(&kept[0]);
            let found = gallery.search(&calibration(), &probes, &options, &threads(1)).unwrap();
            assert!(found[..count].iter().all(Vec::is_empty));
            assert_eq!((found[count].len(), found[count][0].index), (10, 0));
        }
        assert_eq!(
            gallery.search(&calibration(), &[], &options, &threads(1)).unwrap(),
            Vec::<Vec<Match>>::new()
        );
    }
}

#[test]
fn templates_of_two_models_do_not_mix() {
    let mut gallery = gallery(Scalar::F32, &templates(3, 8, 9));
    let (ours, other) = (template(7, &[1.0; 8]), template(8, &[1.0; 8]));
    let short = template(7, &[1.0; 7]);
    let place = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::ModelMismatch);
        error.to_string()
    };
    for wrong in [&other, &short] {
        let error = place(gallery.add(&[&ours, wrong]).unwrap_err());
        assert!(error.contains("template 1 is of model sface"), "{error}");
        let mut scores = [0.0; 6];
        let error = place(
            gallery
                .score(&calibration(), &[&ours, wrong], &mut scores, &Work::default())
                .unwrap_err(),
        );
        assert!(error.contains("probe 1 is of model sface"), "{error}");
        assert_eq!(scores, [0.0; 6]);
        let search = gallery.search(&calibration(), &[wrong], &SearchOptions::default(), &Work::default());
        assert!(place(search.unwrap_err()).contains("probe 0 is of model sface"));
    }
    assert_eq!(gallery.len(), 3);

    let manifest = crate::calibrate::fitted::Fitted {
        alpha: 0.1,
        beta: 0.1,
        status: crate::calibrate::fitted::CalibrationStatus::Own,
        procedure: "none".to_owned(),
        fitted_on: "nothing".to_owned(),
        thresholds: Vec::new(),
        at_quality: None,
    };
    let of = |model: u8| Calibration::from_pack("other", Fingerprint([model; 32]), &manifest);
    let options = SearchOptions::default();
    assert!(gallery.search(&of(7), &[&ours], &options, &Work::default()).is_ok());
    let error = place(
        gallery
            .search(&of(8), &[&ours], &options, &Work::default())
            .unwrap_err(),
    );
    assert!(
        error.contains("the gallery is of model sface") && error.contains("the calibration of model other"),
        "{error}"
    );
    // Without a gallery's model, the probes' counts.
    let empty = Gallery::new(Scalar::F32);
    place(empty.search(&of(8), &[&ours], &options, &Work::default()).unwrap_err());
}

#[test]
fn wrong_options_and_places_are_refused() {
    let kept = templates(3, 8, 10);
    let gallery = gallery(Scalar::F32, &kept);
    let message = |most, least_score| {
        let options = SearchOptions { most, least_score };
        let error = gallery
            .search(&calibration(), &[&kept[0]], &options, &Work::default())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.to_string()
    };
    assert!(message(0, 0.0).contains("most is 0"));
    assert!(message(1, f32::NAN).contains("least_score"));
    let error = gallery
        .score(&calibration(), &[&kept[0]], &mut [0.0; 2], &Work::default())
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("2 places for the scores of 1 probes with 3 templates")
    );

    let stop = Cancel::new();
    stop.cancel();
    let work = Work {
        cancel: Some(&stop),
        ..Work::default()
    };
    let search = gallery.search(&calibration(), &[&kept[0]], &SearchOptions::default(), &work);
    assert_eq!(search.unwrap_err().kind(), ErrorKind::Cancelled);
}

#[test]
fn memory_is_that_of_the_precision() {
    let kept = templates(64, 512, 11);
    for (scalar, bytes) in [(Scalar::F32, 2048), (Scalar::F16, 1024), (Scalar::I8, 512)] {
        let gallery = gallery(scalar, &kept);
        assert_eq!((gallery.scalar(), gallery.bytes()), (scalar, 64 * (bytes + 8)));
    }
}
