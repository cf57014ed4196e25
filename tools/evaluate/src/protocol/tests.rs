use super::*;
use crate::data::ijb::{TemplateImage, TemplatePair, parse_template_images, parse_template_pairs};
use crate::data::{Missing, PairFile, PairFormat};
use crate::metrics::{Labelled, MetricOptions, Metrics, measure};
use crate::results::{Evaluation, FusionName, Options, Protocol};
use crate::score::Score;
use qmagface::Work;
use qmagface::calibrate::fit::{FitOptions, Procedure, fit};
use qmagface::cancel::Cancel;
use qmagface::compare::QualityParameters;
use qmagface::pairs::{List, Pairs, Prepared, SampleOptions};
use qmagface::{Error, ErrorKind, Matrix};

const PARAMETERS: QualityParameters = QualityParameters {
    alpha: 0.02,
    beta: 0.04,
};

/// `people` of `images` images each, whose embeddings of `dimension` floats lie round the person's, the closer the
/// longer.
fn made_up(people: usize, images: usize, dimension: usize) -> Prepared {
    let mut random = fastrand::Rng::with_seed(11);
    let mut normal = || (0..6).map(|_| random.f32()).sum::<f32>() - 3.0;
    let mut embeddings = Vec::new();
    let mut names = Vec::new();
    for person in 0..people {
        let centre: Vec<f32> = (0..dimension).map(|_| normal()).collect();
        for image in 0..images {
            let length = 10.0 + 2.0 * normal();
            let noise = 9.0 / length.max(2.0);
            let mut row: Vec<f32> = centre.iter().map(|v| v + noise * normal()).collect();
            let norm = row.iter().map(|v| v * v).sum::<f32>().sqrt();
            row.iter_mut().for_each(|v| *v *= length.max(2.0) / norm);
            embeddings.extend(row);
            names.push(format!("P{person}/P{person}_{:04}.jpg", image + 1));
        }
    }
    let embeddings = Matrix::new(people * images, dimension, embeddings).unwrap();
    Prepared::from_names(embeddings, names).unwrap()
}

fn options(scores: Vec<Score>) -> Options {
    Options {
        scores,
        metrics: MetricOptions {
            fmrs: vec![1e-1, 1e-2, 1e-3],
            ..MetricOptions::default()
        },
        worst: 5,
        bins: 20,
    }
}

fn both() -> Vec<Score> {
    vec![Score::Cosine, Score::quality(PARAMETERS)]
}

/// Every pair of the set as a list.
fn every(set: &Prepared) -> List {
    let all: Vec<(u32, u32)> = (0..set.len() as u32)
        .flat_map(|a| (a + 1..set.len() as u32).map(move |b| (a, b)))
        .collect();
    List::from_subjects(set, &all).unwrap()
}

fn near(a: f64, b: f64, tolerance: f64) -> bool {
    (a - b).abs() <= tolerance
}

/// Whether figures agree but for scores that are rounded: a few pairs of `pairs` may change sides.
fn alike(a: &Metrics, b: &Metrics) {
    let (genuine, impostor) = (3.0 / a.genuine as f64, 3.0 / a.impostor as f64);
    assert_eq!((a.genuine, a.impostor), (b.genuine, b.impostor));
    assert!(
        near(a.exact.auc.value, b.exact.auc.value, 1e-6),
        "{:?} {:?}",
        a.exact.auc,
        b.exact.auc
    );
    assert!(near(
        a.exact.equal_error.rate.value,
        b.exact.equal_error.rate.value,
        genuine + impostor
    ));
    assert!(near(a.exact.equal_error.threshold, b.exact.equal_error.threshold, 1e-3));
    for (a, b) in a.exact.fnmr.iter().zip(&b.exact.fnmr) {
        assert!(near(a.threshold, b.threshold, 1e-5), "{a:?} {b:?}");
        assert!(near(a.fnmr.value, b.fnmr.value, genuine) && near(a.measured_fmr, b.measured_fmr, impostor));
        assert!(a.measured_fmr <= a.fmr && a.supported == b.supported);
    }
}

#[test]
fn all_pairs_in_blocks_are_what_the_list_of_them_gives() {
    // More than one block in each direction.
    let set = made_up(180, 6, 24);
    let options = options(both());
    let blocks = all_pairs(&set, &options, &Work::default()).unwrap();
    let list = every(&set);
    let form = crate::metrics::PublishedForm::Roc;
    let naive = listed(
        &set,
        &list,
        None,
        Protocol::Robustness,
        form,
        &options,
        &Work::default(),
    )
    .unwrap();
    assert_eq!(blocks.results.len(), 2);
    for (blocks, naive) in blocks.results.iter().zip(&naive.results) {
        alike(&blocks.metrics, &naive.metrics);
        let rates = blocks.metrics.exact.equal_error.rate.value;
        assert!(rates > 0.005 && rates < 0.4, "{rates}");
        for (ours, theirs) in [
            (&blocks.worst_genuine, &naive.worst_genuine),
            (&blocks.worst_impostor, &naive.worst_impostor),
        ] {
            assert_eq!(ours.len(), 5);
            for (ours, theirs) in ours.iter().zip(theirs) {
                assert!(near(ours.score, theirs.score, 1e-5) && near(ours.cosine, theirs.cosine, 1e-5));
            }
        }
        assert!(
            blocks
                .worst_genuine
                .iter()
                .all(|pair| pair.name_a[..4] == pair.name_b[..4])
        );
        assert_eq!(blocks.scores.genuine.iter().sum::<u64>(), blocks.metrics.genuine);
        assert_eq!(blocks.scores.impostor.iter().sum::<u64>(), blocks.metrics.impostor);
        assert!(near(blocks.scores.low, naive.scores.low, 1e-5) && near(blocks.scores.high, naive.scores.high, 1e-5));
        for point in &blocks.metrics.curve {
            assert!((0.0..=1.0).contains(&point.fmr) && (0.0..=1.0).contains(&point.fnmr));
        }
    }
    assert_eq!(blocks.qualities, naive.qualities);
    assert_eq!(blocks.qualities.counts.iter().sum::<u64>(), set.len() as u64);
    // 17,850 x 36 impostor pairs support all three FMRs.
    assert!(blocks.notes.is_empty(), "{:?}", blocks.notes);
}

#[test]
fn intervals_over_all_pairs_are_those_of_the_list() {
    let set = made_up(40, 5, 16);
    let mut options = options(both());
    options.metrics.replicates = 100;
    let threads = |threads| Work {
        threads: Some(threads),
        ..Work::default()
    };
    let blocks = all_pairs(&set, &options, &threads(1)).unwrap();
    assert_eq!(blocks, all_pairs(&set, &options, &threads(3)).unwrap());
    let form = crate::metrics::PublishedForm::Roc;
    let naive = listed(
        &set,
        &every(&set),
        None,
        Protocol::Robustness,
        form,
        &options,
        &threads(2),
    )
    .unwrap();
    for (blocks, naive) in blocks.results.iter().zip(&naive.results) {
        let (ours, theirs) = (&blocks.metrics.exact, &naive.metrics.exact);
        let pairs = [
            (ours.auc, theirs.auc),
            (ours.equal_error.rate, theirs.equal_error.rate),
            (ours.fnmr[0].fnmr, theirs.fnmr[0].fnmr),
            (ours.fnmr[1].fnmr, theirs.fnmr[1].fnmr),
        ];
        for (ours, theirs) in pairs {
            let (ours, theirs) = (ours.interval.unwrap(), theirs.interval.unwrap());
            assert!(
                near(ours.low, theirs.low, 5e-3) && near(ours.high, theirs.high, 5e-3),
                "{ours:?} {theirs:?}"
            );
            assert!(ours.low < ours.high);
        }
        assert_eq!(blocks.metrics.band.len(), naive.metrics.band.len());
    }
}

#[test]
fn sets_without_both_kinds_of_pairs_are_refused() {
    let one_each = made_up(5, 1, 4);
    let error = all_pairs(&one_each, &options(both()), &Work::default()).unwrap_err();
    assert!(error.message().contains("no genuine pair"), "{error}");
    let one_person = made_up(1, 5, 4);
    let error = all_pairs(&one_person, &options(both()), &Work::default()).unwrap_err();
    assert!(error.message().contains("no impostor pair"), "{error}");
}

#[test]
fn everything_stops_when_asked() {
    let set = made_up(20, 3, 8);
    let stop = Cancel::new();
    stop.cancel();
    let work = Work {
        cancel: Some(&stop),
        ..Work::default()
    };
    let cancelled = |error: Error| assert_eq!(error.kind(), ErrorKind::Cancelled);
    let options = options(both());
    cancelled(all_pairs(&set, &options, &work).unwrap_err());
    cancelled(robustness(&set, &SampleOptions::default(), &options, &work).unwrap_err());
    cancelled(reject(&set, &every(&set), &RejectOptions::default(), &work).unwrap_err());
    cancelled(runtime(&set, &[Task::AllCosine], 1, &work).unwrap_err());
    cancelled(memory(&set, &[Task::AllCosine], &work).unwrap_err());
    let cross = CrossOptions {
        folds: 3,
        seed: 0,
        procedure: "none".into(),
    };
    cancelled(cross_validate(&set, &cross, &work, |_| Ok(PARAMETERS)).unwrap_err());
}

#[test]
fn settings_outside_their_range_are_refused() {
    let set = made_up(5, 2, 4);
    let refused = |change: &dyn Fn(&mut Options)| {
        let mut options = options(both());
        change(&mut options);
        let error = all_pairs(&set, &options, &Work::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        error.to_string()
    };
    assert!(refused(&|options| options.scores.clear()).contains("no score"));
    assert!(refused(&|options| options.worst = 1001).contains("1001 worst"));
    assert!(refused(&|options| options.bins = 0).contains("0 bins"));
    assert!(refused(&|options| options.metrics.fmrs.push(2.0)).contains("rate of 2"));
    let nan = Score::Quality {
        alpha: f64::NAN,
        beta: 0.0,
    };
    assert!(refused(&|options| options.scores.push(nan.clone())).contains("alpha NaN"));
}

#[test]
fn single_image_sets_keep_their_folds() {
    let set = made_up(12, 4, 16);
    let mut text = "3 4\n".to_owned();
    for fold in 0..3 {
        for person in 4 * fold..4 * fold + 4 {
            text += &format!("P{person} 1 2\n");
        }
        for person in 4 * fold..4 * fold + 4 {
            text += &format!("P{person} 3 P{} 4\n", (person + 1) % 12);
        }
    }
    let pairs = PairFile::parse(text.as_bytes(), PairFormat::Lfw).unwrap();
    let resolved = pairs.resolve(&set, Missing::Refuse).unwrap();
    let mut options = options(both());
    options.metrics.replicates = 50;
    let found = single_image(&set, &resolved, &options, &Work::default()).unwrap();
    assert_eq!((found.protocol, found.left_out), (Protocol::SingleImage, 0));
    for result in &found.results {
        let accuracy = result.metrics.accuracy.as_ref().unwrap();
        assert_eq!(accuracy.published.folds.len(), 3);
        assert!(accuracy.exact.folds.iter().all(|fold| fold.pairs == 8));
        assert!(accuracy.exact.mean.value > 0.6, "{accuracy:?}");
        assert!(accuracy.exact.mean.interval.is_some() && result.metrics.exact.auc.interval.is_some());
    }
    // 12 impostor pairs: no FMR but 1e-1 .. is supported, and every one that isn't is named.
    assert_eq!(found.notes.len(), 3, "{:?}", found.notes);
    // The same figures, counted here.
    let scored = resolved.list.score(&set, &Work::default()).unwrap();
    let cosines: Vec<f64> = scored.iter().map(|pair| pair.cosine).collect();
    let genuine: Vec<bool> = resolved.list.pairs().iter().map(|pair| pair.genuine).collect();
    let plain = measure(&Labelled::new(&cosines, &genuine), &options.metrics, &Work::default()).unwrap();
    assert_eq!(
        plain.exact.fnmr[0].fnmr.value,
        found.results[0].metrics.exact.fnmr[0].fnmr.value
    );
}

#[test]
fn labels_that_contradict_the_people_have_no_intervals_and_say_so() {
    // Everybody on their own, as a set of numbered images has it.
    let people = made_up(6, 3, 8);
    let labels: Vec<usize> = (0..people.len()).collect();
    let embeddings = (0..people.len()).flat_map(|row| people.direction(row).iter().map(|v| v * 10.0));
    let embeddings = Matrix::new(people.len(), people.length(), embeddings.collect()).unwrap();
    let set = Prepared::new(embeddings, &labels).unwrap();
    let pairs = "0 1 1\n0 3 0\n3 4 1\n1 6 0\n6 7 1\n4 9 0\n9 10 1\n10 12 0\n12 13 1\n13 16 0\n";
    let pairs = PairFile::parse(pairs.as_bytes(), PairFormat::Numbers).unwrap();
    let resolved = pairs.resolve(&set, Missing::Refuse).unwrap();
    let mut options = options(both());
    options.metrics.replicates = 20;
    let found = single_image(&set, &resolved, &options, &Work::default()).unwrap();
    assert!(
        found.notes.iter().any(|note| note.contains("no confidence intervals")),
        "{:?}",
        found.notes
    );
    assert!(found.results[0].metrics.exact.auc.interval.is_none());
}

#[test]
fn robustness_samples_and_measures() {
    let set = made_up(30, 12, 16);
    let choice = SampleOptions {
        seed: 3,
        ..SampleOptions::default()
    };
    let found = robustness(&set, &choice, &options(both()), &Work::default()).unwrap();
    let metrics = &found.results[0].metrics;
    assert_eq!((metrics.genuine, metrics.impostor), (30 * 45, 30 * 45 * 10));
    assert_eq!((found.sample.unwrap().images, found.sample.unwrap().seed), (10, 3));
    let published = metrics.published.as_ref().unwrap();
    assert!(near(published.auc, metrics.exact.auc.value, 1e-12));
    assert!(near(
        published.equal_error.rate.value,
        metrics.exact.equal_error.rate.value,
        5e-3
    ));
    let text = serde_json::to_string(&found).unwrap();
    assert_eq!(serde_json::from_str::<Evaluation>(&text).unwrap(), found);
}

#[test]
fn cross_validated_parameters_never_saw_the_people_they_score() {
    let set = made_up(23, 4, 8);
    let cross = CrossOptions {
        folds: 3,
        seed: 5,
        procedure: "how many people there are".into(),
    };
    // alpha tells how many people were fitted on: pairs of one fold leave out 7 or 8, others 15 or 16.
    let mut seen = Vec::new();
    let score = cross_validate(&set, &cross, &Work::default(), |training| {
        seen.push(training.names().unwrap().to_vec());
        Ok(QualityParameters {
            alpha: seen.len() as f64,
            beta: 0.0,
        })
    })
    .unwrap();
    assert_eq!(seen.len(), 6);
    let weights = score.resolve(&set).unwrap();
    for a in 0..set.len() {
        for b in 0..set.len() {
            let parameters = weights.of(set.subjects()[a], set.subjects()[b]);
            let training = &seen[parameters.parameters.alpha as usize - 1];
            for image in [a, b] {
                let person = set.names().unwrap()[image].split('/').next().unwrap();
                assert!(training.iter().all(|name| name.split('/').next() != Some(person)));
            }
            assert!(training.len() >= 7 * 4);
        }
    }
    // One procedure on real fits, over all pairs and a list alike.
    let set = made_up(60, 5, 12);
    let options = FitOptions {
        fmr: (1e-3, 1e-1),
        ..FitOptions::default()
    };
    let score = cross_validate(&set, &cross, &Work::default(), |training| {
        Ok(fit(training, Pairs::All, Procedure::Consistent, &options)?.parameters)
    })
    .unwrap();
    let settings = self::options(vec![score]);
    let blocks = all_pairs(&set, &settings, &Work::default()).unwrap();
    let form = crate::metrics::PublishedForm::Roc;
    let naive = listed(
        &set,
        &every(&set),
        None,
        Protocol::Robustness,
        form,
        &settings,
        &Work::default(),
    )
    .unwrap();
    alike(&blocks.results[0].metrics, &naive.results[0].metrics);
    assert!(blocks.results[0].score.name().contains("cross-validated"));
}

#[test]
fn impossible_cross_validations_are_refused() {
    let set = made_up(6, 2, 4);
    let refused = |folds, fail: bool| {
        let cross = CrossOptions {
            folds,
            seed: 0,
            procedure: "x".into(),
        };
        let fit = |_: &Prepared| match fail {
            true => Err(Error::new(ErrorKind::Calibration, "no line")),
            false => Ok(PARAMETERS),
        };
        cross_validate(&set, &cross, &Work::default(), fit)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(2, false).contains("2 folds"));
    assert!(refused(7, false).contains("6 people can't be in 7 folds"));
    assert_eq!(refused(3, true), "people outside fold 0: no line");
    let Score::CrossValidated(mut score) = cross_validate(
        &set,
        &CrossOptions {
            folds: 3,
            seed: 0,
            procedure: "x".into(),
        },
        &Work::default(),
        |_| Ok(PARAMETERS),
    )
    .unwrap() else {
        panic!("another score");
    };
    score.fits.pop();
    let error = Score::CrossValidated(score).resolve(&set).unwrap_err();
    assert!(error.message().contains("without a fit"), "{error}");
}

/// Four people with three templates each of photos and video frames, as IJB's lists have them; image 100 has no face.
fn ijb_lists() -> (Vec<TemplateImage>, Vec<TemplatePair>) {
    let (mut images, mut pairs) = (String::new(), String::new());
    for template in 0..12 {
        // Each person has 9 images: a template has a photo and a video of two frames.
        for image in 0..3 {
            let medium = if image == 0 { 0 } else { 1 };
            images += &format!(
                "{}.jpg {} {}\n",
                3 * template + image,
                100 + template,
                2 * template + medium
            );
        }
    }
    images += "100.jpg 500 900\n";
    for a in 0..12 {
        for b in a + 1..12 {
            pairs += &format!("{} {} {}\n", 100 + a, 100 + b, u8::from(a / 3 == b / 3));
        }
    }
    pairs += "100 500 0\n";
    (
        parse_template_images(images.as_bytes()).unwrap(),
        parse_template_pairs(pairs.as_bytes()).unwrap(),
    )
}

#[test]
fn ijb_fuses_frames_then_media() {
    let people = made_up(4, 9, 16);
    let with_quality = |row: usize| {
        let quality = people.qualities_f32()[row];
        people.direction(row).iter().map(move |v| v * quality)
    };
    let embeddings: Vec<f32> = (0..people.len()).flat_map(with_quality).collect();
    let embeddings = Matrix::new(people.len(), people.length(), embeddings).unwrap();
    let names: Vec<String> = (0..36).map(|image| format!("{image}.jpg")).collect();
    let labels: Vec<usize> = (0..36).collect();
    let set = Prepared::new(embeddings.clone(), &labels)
        .unwrap()
        .with_names(names)
        .unwrap();
    let (images, pairs) = ijb_lists();
    let lists = IjbLists {
        images: &images,
        pairs: &pairs,
    };
    let mut options = options(both());
    options.metrics.replicates = 20;
    let fusions = [FusionName::Mean, FusionName::Quality];
    let found = ijb(&set, &lists, &fusions, &options, &Work::default()).unwrap();
    assert_eq!((found.images, found.missing_images, found.empty_templates), (36, 1, 1));
    for (result, fusion) in found.fusions.iter().zip(fusions) {
        let evaluation = &result.evaluation;
        assert_eq!(
            (result.fusion, evaluation.protocol, evaluation.left_out),
            (fusion, Protocol::Ijb, 1)
        );
        assert_eq!((evaluation.set.images, evaluation.set.subjects), (12, 4));
        let metrics = &evaluation.results[0].metrics;
        assert_eq!((metrics.genuine, metrics.impostor), (12, 54));
        assert!(metrics.exact.auc.value > 0.9 && metrics.exact.auc.interval.is_some());
        // By hand: the lowest genuine cosine of templates fused from f, or from q f, in f64.
        let combine = |parts: &[(Vec<f64>, f64)]| {
            let mut sum = [0.0; 16];
            for (f, q) in parts {
                let weight = if fusion == FusionName::Mean { 1.0 } else { *q };
                sum.iter_mut().zip(f).for_each(|(sum, v)| *sum += weight * v);
            }
            let norm = sum.iter().map(|v| v * v).sum::<f64>().sqrt();
            let quality = match fusion {
                FusionName::Mean => norm / parts.len() as f64,
                FusionName::Quality => {
                    parts.iter().map(|(_, q)| q * q).sum::<f64>() / parts.iter().map(|(_, q)| q).sum::<f64>()
                }
            };
            (sum.iter().map(|v| v / norm * quality).collect::<Vec<f64>>(), quality)
        };
        let image = |row: usize| {
            let f: Vec<f64> = embeddings.row(row).iter().map(|&v| f64::from(v)).collect();
            let q = f.iter().map(|v| v * v).sum::<f64>().sqrt();
            (f, q)
        };
        let templates: Vec<(Vec<f64>, f64)> = (0..12)
            .map(|t| combine(&[combine(&[image(3 * t)]), combine(&[image(3 * t + 1), image(3 * t + 2)])]))
            .collect();
        let mut lowest = f64::INFINITY;
        for a in 0..12 {
            for b in a + 1..12 {
                if a / 3 == b / 3 {
                    let dot: f64 = templates[a].0.iter().zip(&templates[b].0).map(|(x, y)| x * y).sum();
                    lowest = lowest.min(dot / (templates[a].1 * templates[b].1));
                }
            }
        }
        let worst = &evaluation.results[0].worst_genuine[0];
        assert!(near(worst.cosine, lowest, 1e-6), "{} {lowest}", worst.cosine);
        assert!(worst.name_a.starts_with("template 1"), "{worst:?}");
    }
}

#[test]
fn wrong_ijb_lists_are_refused_by_name() {
    let names: Vec<String> = (0..36).map(|image| format!("{image}.jpg")).collect();
    let set = made_up(4, 9, 16).with_names(names).unwrap();
    let (images, mut pairs) = ijb_lists();
    let refused = |set: &Prepared, images: &[TemplateImage], pairs: &[TemplatePair]| {
        let lists = IjbLists { images, pairs };
        let error = ijb(set, &lists, &[FusionName::Mean], &options(both()), &Work::default()).unwrap_err();
        error.to_string()
    };
    pairs[0].a = 77;
    assert!(refused(&set, &images, &pairs).contains("pair 0 is of template 77"));
    let other = made_up(4, 9, 16);
    assert!(refused(&other, &images, &pairs).contains("none of the 37 listed images, such as \"0.jpg\""));
    let (_, mut pairs) = ijb_lists();
    pairs[0].genuine = false;
    assert!(refused(&set, &images, &pairs).contains("of two people by one pair"));
}

#[test]
fn rejecting_bad_images_is_measured_both_ways() {
    let set = made_up(60, 6, 16);
    let list = every(&set);
    let options = RejectOptions {
        scores: both(),
        fmrs: vec![1e-2, 1e-3],
        shares: vec![0.3, 0.0, 0.1, 0.2],
    };
    let found = reject(&set, &list, &options, &Work::default()).unwrap();
    assert_eq!((found.results.len(), found.results[0].curves.len()), (2, 2));
    for result in &found.results {
        for curve in &result.curves {
            let shares: Vec<f64> = curve.points.iter().map(|point| point.rejected).collect();
            assert_eq!(shares, [0.0, 0.1, 0.2, 0.3]);
            let first = &curve.points[0];
            assert_eq!((first.genuine, first.impostor), (found.genuine, found.impostor));
            assert_eq!(first.fnmr, first.fnmr_fixed);
            assert!(first.fmr_fixed.unwrap() <= curve.fmr);
        }
    }
    // Here quality tells which genuine pairs fail.
    let cosine = &found.results[0].curves[0].points;
    assert!(cosine[3].fnmr.unwrap() < 0.95 * cosine[0].fnmr.unwrap(), "{cosine:?}");
    // By hand: 20 % rejected, threshold anew.
    let point = &cosine[2];
    let mut qualities = set.qualities().to_vec();
    qualities.sort_by(f64::total_cmp);
    assert_eq!(point.quality, qualities[(0.2 * qualities.len() as f64) as usize]);
    let scored = list.score(&set, &Work::default()).unwrap();
    let left: Vec<_> = list
        .pairs()
        .iter()
        .zip(&scored)
        .filter(|(_, s)| s.quality >= point.quality)
        .collect();
    let scores: Vec<f64> = left.iter().map(|(_, s)| s.cosine).collect();
    let genuine: Vec<bool> = left.iter().map(|(p, _)| p.genuine).collect();
    let metrics = MetricOptions {
        fmrs: vec![1e-2],
        ..MetricOptions::default()
    };
    let again = measure(&Labelled::new(&scores, &genuine), &metrics, &Work::default()).unwrap();
    assert_eq!(point.fnmr, Some(again.exact.fnmr[0].fnmr.value));
    assert_eq!((point.genuine, point.impostor), (again.genuine, again.impostor));
    let refused = |options: RejectOptions| reject(&set, &list, &options, &Work::default()).unwrap_err().to_string();
    let with = |shares: Vec<f64>| RejectOptions {
        shares,
        ..RejectOptions::default()
    };
    assert!(refused(with(vec![1.0])).contains("share of 1"));
    assert!(refused(with(vec![f64::NAN])).contains("share of NaN"));
}

#[test]
fn optimal_weights_are_the_fits() {
    let set = made_up(60, 6, 16);
    let options = FitOptions {
        fmr: (1e-3, 1e-1),
        ..FitOptions::default()
    };
    let procedures = [Procedure::Published, Procedure::Consistent];
    let found = optimal_weight("made up", &set, Pairs::All, &procedures, &options).unwrap();
    assert_eq!(found.fits.len(), 2);
    for (ours, procedure) in found.fits.iter().zip(procedures) {
        let theirs = fit(&set, Pairs::All, procedure, &options).unwrap();
        assert_eq!(
            (ours.alpha, ours.beta),
            (theirs.parameters.alpha, theirs.parameters.beta)
        );
        assert_eq!(
            (ours.procedure.as_str(), ours.points.len()),
            (procedure.name(), theirs.points.len())
        );
        assert_eq!(ours.points[3].weight, theirs.points[3].weight);
    }
    let strict = FitOptions::default();
    let error = optimal_weight("made up", &set, Pairs::All, &procedures, &strict).unwrap_err();
    assert!(error.message().starts_with("published: "), "{error}");
}

#[test]
fn costs_are_measured_against_the_cosine() {
    let set = made_up(60, 6, 16);
    let list = every(&set);
    let fitting = FitOptions {
        fmr: (1e-3, 1e-1),
        ..FitOptions::default()
    };
    let tasks = [
        Task::Quality(&list, PARAMETERS),
        Task::AllQuality(PARAMETERS),
        Task::Fit(&list, Procedure::Published, fitting),
        Task::AllFit(Procedure::Consistent, fitting),
    ];
    let found = runtime(&set, &tasks, 3, &Work::default()).unwrap();
    let names: Vec<&str> = found.tasks.iter().map(|task| task.task.as_str()).collect();
    assert_eq!(
        names,
        [
            "cosine, listed pairs",
            "cosine, all pairs",
            "quality-aware score, listed pairs",
            "quality-aware score, all pairs",
            "published fit, listed pairs",
            "consistent fit, all pairs",
        ]
    );
    for task in &found.tasks {
        assert_eq!(task.pairs, 360 * 359 / 2);
        assert!(task.least > 0.0 && task.least <= task.seconds && task.seconds <= task.most);
    }
    assert_eq!(found.tasks[0].against_cosine, 1.0);
    assert!(
        runtime(&set, &tasks, 0, &Work::default())
            .unwrap_err()
            .message()
            .contains("0 repeats")
    );
    assert!(
        runtime(&set, &[], 1, &Work::default())
            .unwrap_err()
            .message()
            .contains("no task")
    );
    let found = memory(&set, &tasks, &Work::default()).unwrap();
    assert_eq!((found.tasks.len(), found.embeddings), (6, 360 * 16 * 4));
    #[cfg(target_os = "linux")]
    assert!(found.tasks.iter().all(|task| task.peak.is_some()));
}
