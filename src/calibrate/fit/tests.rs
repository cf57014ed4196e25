use super::*;
use crate::cancel::Cancel;
use crate::matrix::Matrix;
use crate::pairs::List;
use ndarray::Array2;

/// A made-up set like real ones: a direction for each person, noise that is larger for a lower quality.
fn made_up(people: usize, images: usize, seed: u64) -> Prepared {
    let mut random = fastrand::Rng::with_seed(seed);
    let normal = |random: &mut fastrand::Rng| (0..12).map(|_| random.f32()).sum::<f32>() - 6.0;
    let length = 24;
    let mut rows = Array2::zeros((people * images, length));
    let mut labels = Vec::new();
    for person in 0..people {
        let centre: Vec<f32> = (0..length).map(|_| normal(&mut random)).collect();
        for image in 0..images {
            let quality = 8.0 + 8.0 * random.f32();
            let noise = 14.0 / quality;
            let face: Vec<f32> = centre.iter().map(|v| v + noise * normal(&mut random)).collect();
            let norm = face.iter().map(|v| v * v).sum::<f32>().sqrt();
            let mut row = rows.row_mut(person * images + image);
            row.assign(&ndarray::aview1(&face));
            row *= quality / norm;
            labels.push(person);
        }
    }
    Prepared::new(Matrix::of(rows), &labels).unwrap()
}

fn all_pairs(set: &Prepared) -> List {
    let images = set.len() as u32;
    let pairs: Vec<_> = (0..images).flat_map(|a| (a + 1..images).map(move |b| (a, b))).collect();
    List::from_subjects(set, &pairs).unwrap()
}

fn options() -> FitOptions<'static> {
    FitOptions {
        fmr: (1e-4, 1e-2),
        ..FitOptions::default()
    }
}

/// The published procedure as its description says, with nothing clever: every threshold is tried.
fn naive(set: &Prepared, list: &List, procedure: Procedure, options: &FitOptions) -> (Vec<Point>, f64, f64) {
    let scored = list.score(set, &Work::default()).unwrap();
    let greatest = scored.iter().map(|pair| pair.quality).fold(0.0, f64::max);
    let last = (options.weights - 1) as f64;
    let weights = (0..options.weights).map(|i| -0.5 / greatest + i as f64 / greatest / last);
    let sorted = |weight: f64, genuine: bool| -> Vec<f64> {
        let of = list
            .pairs()
            .iter()
            .zip(&scored)
            .filter(|(pair, _)| pair.genuine == genuine);
        let mut scores: Vec<f64> = of.map(|(_, pair)| weight * pair.quality + pair.cosine).collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        scores
    };
    let by_weight: Vec<_> = weights
        .map(|weight| (weight, sorted(weight, true), sorted(weight, false)))
        .collect();
    let mut points = Vec::new();
    for fmr in options.check().unwrap() {
        let mut best: Option<Point> = None;
        for (weight, genuine, impostor) in &by_weight {
            let weight = *weight;
            let (mut passing, mut threshold, mut false_matches) = (0, f64::NAN, 0);
            for (index, &candidate) in genuine.iter().enumerate() {
                while false_matches < impostor.len() && impostor[false_matches] >= candidate {
                    false_matches += 1;
                }
                if false_matches as f64 / impostor.len() as f64 <= fmr {
                    (passing, threshold) = (index + 1, candidate);
                }
            }
            let fnmr = 1.0 - passing as f64 / genuine.len() as f64;
            if passing > 0 && best.is_none_or(|best| fnmr < best.fnmr) {
                let threshold = match procedure {
                    Procedure::Published => 1.0 / (1.0 + (-threshold).exp()),
                    _ => threshold,
                };
                best = Some(Point {
                    fmr,
                    weight,
                    threshold,
                    fnmr,
                });
            }
        }
        points.extend(best);
    }
    // The normal equations of w = beta t - alpha.
    let sum = |of: &dyn Fn(&Point) -> f64| points.iter().map(of).sum::<f64>();
    let (n, t, w) = (points.len() as f64, sum(&|p| p.threshold), sum(&|p| p.weight));
    let (tt, tw) = (sum(&|p| p.threshold * p.threshold), sum(&|p| p.threshold * p.weight));
    let beta = (n * tw - t * w) / (n * tt - t * t);
    (points, (beta * t - w) / n, beta)
}

#[test]
fn fits_are_those_of_the_naive_procedure() {
    for seed in 0..3 {
        let set = made_up(60, 5, seed);
        let list = all_pairs(&set);
        for procedure in [Procedure::Published, Procedure::Consistent] {
            let (points, alpha, beta) = naive(&set, &list, procedure, &options());
            let of_list = fit(&set, Pairs::List(&list), procedure, &options()).unwrap();
            for (ours, wanted) in of_list.points.iter().zip(&points) {
                assert!((ours.weight - wanted.weight).abs() < 1e-12, "{ours:?} {wanted:?}");
                assert!((ours.threshold - wanted.threshold).abs() < 1e-9, "{ours:?} {wanted:?}");
                assert!((ours.fnmr - wanted.fnmr).abs() < 1e-12, "{ours:?} {wanted:?}");
            }
            assert_eq!(of_list.points.len(), points.len());
            let parameters = of_list.parameters;
            assert!((parameters.alpha - alpha).abs() < 1e-6 && (parameters.beta - beta).abs() < 1e-6);
            assert_eq!(
                (of_list.count, of_list.subjects, of_list.images),
                (set.count(), 60, 300)
            );
            // All pairs are the list of all pairs, but for the f32 cosines.
            let of_all = fit(&set, Pairs::All, procedure, &options()).unwrap();
            for (ours, wanted) in of_all.points.iter().zip(&points) {
                assert!((ours.fnmr - wanted.fnmr).abs() < 1e-12 && (ours.threshold - wanted.threshold).abs() < 1e-6);
            }
            assert!((of_all.parameters.alpha - alpha).abs() < 1e-4);
        }
    }
}

#[test]
fn nothing_depends_on_the_threads_or_on_what_is_kept() {
    // Enough pairs that most are dropped.
    let set = made_up(150, 5, 9);
    assert!(set.count().impostor > 200_000);
    for procedure in Procedure::ALL {
        let with = |threads| {
            let work = Work {
                threads: Some(threads),
                ..Work::default()
            };
            fit(&set, Pairs::All, procedure, &FitOptions { work, ..options() }).unwrap()
        };
        let one = with(1);
        assert_eq!(one, with(2));
        assert_eq!(one, with(7));
        if procedure != Procedure::Direct {
            let (points, alpha, _) = naive(&set, &all_pairs(&set), procedure, &options());
            for (ours, wanted) in one.points.iter().zip(&points) {
                assert!((ours.fnmr - wanted.fnmr).abs() < 1e-12 && (ours.weight - wanted.weight).abs() < 1e-12);
            }
            assert!((one.parameters.alpha - alpha).abs() < 1e-4);
        }
    }
}

#[test]
fn the_order_of_the_images_does_not_matter() {
    let set = made_up(100, 4, 6);
    let mut order: Vec<usize> = (0..set.len()).collect();
    fastrand::Rng::with_seed(1).shuffle(&mut order);
    let mut rows = set.directions().select(ndarray::Axis(0), &order);
    for (mut row, &image) in rows.rows_mut().into_iter().zip(&order) {
        row *= set.qualities()[image] as f32;
    }
    let labels: Vec<u32> = order.iter().map(|&image| set.subjects()[image]).collect();
    let shuffled = Prepared::new(Matrix::of(rows), &labels).unwrap();
    for procedure in [Procedure::Published, Procedure::Consistent] {
        let ours = fit(&shuffled, Pairs::All, procedure, &options()).unwrap();
        let wanted = fit(&set, Pairs::All, procedure, &options()).unwrap();
        assert_eq!(ours.points.len(), wanted.points.len());
        for (ours, wanted) in ours.points.iter().zip(&wanted.points) {
            assert!((ours.fnmr - wanted.fnmr).abs() < 1e-12 && (ours.threshold - wanted.threshold).abs() < 1e-5);
        }
        assert!((ours.parameters.alpha - wanted.parameters.alpha).abs() < 1e-4);
    }
}

#[test]
fn the_direct_fit_fails_less_than_the_line_and_the_cosine() {
    let set = made_up(150, 5, 4);
    let list = all_pairs(&set);
    let scored = list.score(&set, &Work::default()).unwrap();
    let fmrs = options().check().unwrap();
    let mean_log = |parameters: &QualityParameters| -> f64 {
        let of = |genuine: bool| -> Vec<f64> {
            let pairs = list
                .pairs()
                .iter()
                .zip(&scored)
                .filter(|(pair, _)| pair.genuine == genuine);
            let mut scores: Vec<f64> = pairs
                .map(|(_, pair)| parameters.score(pair.cosine, pair.quality, pair.quality))
                .collect();
            scores.sort_by(|a, b| b.total_cmp(a));
            scores
        };
        let (genuine, impostor) = (of(true), of(false));
        let fnmr = |fmr: &f64| {
            let limit = impostor[(fmr * impostor.len() as f64) as usize];
            let failing = genuine.iter().filter(|&&score| score <= limit).count() as f64;
            ((failing + 0.5) / (genuine.len() as f64 + 1.0)).ln()
        };
        fmrs.iter().map(fnmr).sum::<f64>() / fmrs.len() as f64
    };
    let of = |procedure| fit(&set, Pairs::All, procedure, &options()).unwrap().parameters;
    let direct = of(Procedure::Direct);
    let loss = mean_log(&direct);
    for other in [
        of(Procedure::Published),
        of(Procedure::Consistent),
        QualityParameters { alpha: 0.0, beta: 0.0 },
    ] {
        assert!(
            loss <= mean_log(&other) + 1e-3,
            "{direct:?} {loss}, {other:?} {}",
            mean_log(&other)
        );
    }
    // No neighbour of it is much better.
    for (alpha, beta) in [(1.2, 1.0), (0.8, 1.0), (1.0, 1.2), (1.0, 0.8)] {
        let near = QualityParameters {
            alpha: direct.alpha * alpha,
            beta: direct.beta * beta,
        };
        assert!(loss <= mean_log(&near) + 0.02, "{near:?}");
    }
}

#[test]
fn an_fmr_without_the_pairs_for_it_is_refused_with_their_number() {
    assert!(check_support(1e-5, 300_000).is_ok());
    let message = check_support(1e-5, 299_999).unwrap_err().message().to_owned();
    assert!(
        message.contains("1e-5 takes at least 300000 impostor pairs") && message.contains("299999"),
        "{message}"
    );
    let set = made_up(20, 3, 1);
    let error = fit(&set, Pairs::All, Procedure::Published, &FitOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Calibration);
    assert!(error.message().contains("300000"), "{error}");
    let all_the_same = FitOptions {
        allow_unsupported: true,
        ..FitOptions::default()
    };
    let fit = fit(&set, Pairs::All, Procedure::Published, &all_the_same).unwrap();
    assert!(matches!(fit.warnings[0], Warning::Unsupported(least) if (least - 3.0 / 1710.0).abs() < 1e-12));
}

#[test]
fn odd_sets_are_reported() {
    let fitted = |rows: Array2<f32>, labels: &[usize]| {
        let set = Prepared::new(Matrix::of(rows), labels).unwrap();
        fit(
            &set,
            Pairs::All,
            Procedure::Published,
            &FitOptions {
                allow_unsupported: true,
                ..FitOptions::default()
            },
        )
    };
    let labels: Vec<usize> = (0..40).map(|i| i / 2).collect();
    // Powers of two, which leave the directions as they are, to the last bit.
    let length = |row: usize| [2.0f32, 4.0, 8.0][row % 3];
    // Everyone alike: every score is the same, nothing passes.
    let error = fitted(Array2::from_shape_fn((40, 3), |(i, _)| length(i)), &labels).unwrap_err();
    assert!(
        error.kind() == ErrorKind::Calibration && error.message().contains("no genuine pair passes"),
        "{error}"
    );
    // Everyone at a right angle to everyone else: one threshold.
    let apart = Array2::from_shape_fn((40, 20), |(i, j)| if i / 2 == j { length(i) } else { 0.0 });
    let error = fitted(apart, &labels).unwrap_err();
    assert!(error.message().contains("no line"), "{error}");
    // Qualities that say nothing, and people that are easy to tell.
    let easy = made_up(20, 4, 3);
    let rows = easy.directions().to_owned();
    let labels: Vec<usize> = easy.subjects().iter().map(|&subject| subject as usize).collect();
    let fit = fitted(rows, &labels);
    if let Ok(fit) = &fit {
        assert!(!fit.warnings.is_empty());
    }
    for (labels, part) in [
        ((0..40).collect::<Vec<_>>(), "no genuine"),
        (vec![0; 40], "no impostor"),
    ] {
        assert!(
            fitted(Array2::from_shape_fn((40, 3), |(i, _)| length(i)), &labels)
                .unwrap_err()
                .message()
                .contains(part)
        );
    }
}

#[test]
fn options_have_ranges_and_work_stops() {
    let set = made_up(10, 3, 1);
    let base = FitOptions {
        allow_unsupported: true,
        ..FitOptions::default()
    };
    for (wrong, part) in [
        (
            FitOptions {
                fmr: (0.0, 1e-2),
                ..base
            },
            "no range",
        ),
        (
            FitOptions {
                fmr: (1e-2, 1e-3),
                ..base
            },
            "no range",
        ),
        (
            FitOptions {
                fmr: (1e-2, 1.0),
                ..base
            },
            "no range",
        ),
        (
            FitOptions {
                fmr: (f64::NAN, 1e-2),
                ..base
            },
            "no range",
        ),
        (FitOptions { fmrs: 1, ..base }, "1 false match rates"),
        (FitOptions { fmrs: 10_001, ..base }, "10001 false match rates"),
        (FitOptions { weights: 1, ..base }, "1 weights"),
    ] {
        let error = fit(&set, Pairs::All, Procedure::Published, &wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(part), "{error}");
    }
    let stop = Cancel::new();
    stop.cancel();
    let work = Work {
        cancel: Some(&stop),
        ..Work::default()
    };
    let error = fit(&set, Pairs::All, Procedure::Direct, &FitOptions { work, ..base }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    for procedure in Procedure::ALL {
        assert_eq!(procedure.to_string().parse::<Procedure>().unwrap(), procedure);
    }
    assert!("fast".parse::<Procedure>().unwrap_err().message().contains("\"fast\""));
}

#[test]
fn normalised_embeddings_are_refused_with_what_to_do() {
    let set = made_up(40, 4, 3);
    let labels = set.subjects().to_vec();
    let base = FitOptions {
        fmr: (1e-3, 1e-1),
        ..FitOptions::default()
    };
    assert!(fit(&set, Pairs::All, Procedure::Consistent, &base).is_ok());
    for (length, part) in [(1.0f32, "a length of 1"), (12.5, "one length, 12.5000")] {
        let rows = set.directions().mapv(|v| v * length);
        let normalised = Prepared::new(Matrix::of(rows), &labels).unwrap();
        for procedure in Procedure::ALL {
            let list = all_pairs(&normalised);
            for pairs in [Pairs::All, Pairs::List(&list)] {
                let error = fit(&normalised, pairs, procedure, &base).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Calibration);
                for part in [
                    part,
                    "160 embeddings",
                    "normalised",
                    "quality",
                    "as the network makes them",
                ] {
                    assert!(error.message().contains(part), "{error}");
                }
            }
        }
    }
}

#[test]
fn as_many_pairs_pass_as_the_share_says() {
    for (fmr, impostors, wanted) in [
        (1e-2, 77_900, 779),
        (1e-5, 77_900, 0),
        (0.3, 10, 3),
        (0.1, 3, 0),
        (0.999, 2, 1),
    ] {
        assert_eq!(grid::allowed(fmr, impostors), wanted, "{fmr} of {impostors}");
    }
}
