use super::*;
use proptest::prelude::*;
use qmagface::ErrorKind;

/// Pairs with many ties, of both kinds.
fn labelled() -> impl Strategy<Value = (Vec<f64>, Vec<bool>)> {
    let pair = (-8i32..8, any::<bool>());
    proptest::collection::vec(pair, 2..60)
        .prop_map(|pairs| {
            pairs
                .into_iter()
                .map(|(score, genuine)| (f64::from(score) / 8.0, genuine))
                .unzip()
        })
        .prop_filter("both kinds", |(_, genuine): &(Vec<f64>, Vec<bool>)| {
            genuine.iter().any(|&g| g) && genuine.iter().any(|&g| !g)
        })
}

/// FMR and FNMR at a threshold, counted pair by pair.
fn rates(scores: &[f64], genuine: &[bool], matches: impl Fn(f64) -> bool) -> (f64, f64) {
    let share = |kind: bool, wanted: bool| {
        let of: Vec<_> = scores.iter().zip(genuine).filter(|(_, g)| **g == kind).collect();
        of.iter().filter(|(score, _)| matches(**score) == wanted).count() as f64 / of.len() as f64
    };
    (share(false, true), share(true, false))
}

/// Every score by falling value, once, after one above all.
fn thresholds(scores: &[f64]) -> Vec<f64> {
    let mut all = scores.to_vec();
    all.push(2.0);
    all.sort_by(|a, b| b.total_cmp(a));
    all.dedup();
    all
}

fn measured(scores: &[f64], genuine: &[bool], options: &MetricOptions) -> Metrics {
    measure(&Labelled::new(scores, genuine), options, &Work::default()).unwrap()
}

proptest! {
    #[test]
    fn auc_counts_every_combination((scores, genuine) in labelled()) {
        let (mut won, mut all) = (0.0, 0.0);
        for (g, _) in scores.iter().zip(&genuine).filter(|(_, g)| **g) {
            for (i, _) in scores.iter().zip(&genuine).filter(|(_, g)| !**g) {
                won += if g > i { 1.0 } else if g == i { 0.5 } else { 0.0 };
                all += 1.0;
            }
        }
        let auc = measured(&scores, &genuine, &MetricOptions::default()).exact.auc.value;
        prop_assert!((auc - won / all).abs() < 1e-12);
    }

    #[test]
    fn the_equal_error_is_the_least_difference_of_all_thresholds((scores, genuine) in labelled()) {
        let ours = measured(&scores, &genuine, &MetricOptions::default()).exact.equal_error;
        let (fmr, fnmr) = rates(&scores, &genuine, |score| score >= ours.threshold);
        prop_assert_eq!((fmr, fnmr), (ours.fmr, ours.fnmr));
        prop_assert!((ours.rate.value - (fmr + fnmr) / 2.0).abs() < 1e-12);
        for threshold in thresholds(&scores) {
            let (fmr, fnmr) = rates(&scores, &genuine, |score| score >= threshold);
            prop_assert!((fmr - fnmr).abs() >= (ours.fmr - ours.fnmr).abs() - 1e-12);
        }
    }

    #[test]
    fn no_threshold_within_the_fmr_misses_less((scores, genuine) in labelled(), fmr in 0.001f64..1.0) {
        let options = MetricOptions { fmrs: vec![fmr, 1.0, fmr / 3.0], ..MetricOptions::default() };
        for ours in measured(&scores, &genuine, &options).exact.fnmr {
            prop_assert_eq!(rates(&scores, &genuine, |score| score >= ours.threshold), (ours.measured_fmr, ours.fnmr.value));
            prop_assert!(ours.measured_fmr <= ours.fmr);
            for threshold in thresholds(&scores) {
                let (fmr, fnmr) = rates(&scores, &genuine, |score| score >= threshold);
                prop_assert!(fmr > ours.fmr || fnmr >= ours.fnmr.value);
            }
        }
    }

    #[test]
    fn the_published_grid_is_what_600_thresholds_give((scores, genuine) in labelled(), fmr in 0.001f64..1.0) {
        let options = MetricOptions { fmrs: vec![fmr], published: Some(PublishedForm::Grid), ..MetricOptions::default() };
        let ours = measured(&scores, &genuine, &options).published.unwrap();
        let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let at: Vec<(f64, f64)> = grid::thresholds(least, greatest)
            .into_iter()
            .map(|threshold| rates(&scores, &genuine, |score| score > threshold))
            .collect();
        let area: f64 = at.windows(2).map(|w| (w[0].0 - w[1].0) * (2.0 - w[0].1 - w[1].1) / 2.0).sum();
        prop_assert!((ours.auc - area).abs() < 1e-9);
        let within = at.iter().find(|(at, _)| *at <= fmr).unwrap();
        prop_assert_eq!((ours.fnmr[0].measured_fmr, ours.fnmr[0].fnmr.value), *within);
        let closest = at.iter().map(|(fmr, fnmr)| (fmr - fnmr).abs()).fold(f64::INFINITY, f64::min);
        prop_assert!(((ours.equal_error.fmr - ours.equal_error.fnmr).abs() - closest).abs() < 1e-12);
    }

    #[test]
    fn the_published_curve_leaves_out_straight_runs((scores, genuine) in labelled(), fmr in 0.001f64..1.0) {
        // Points by falling threshold, less those on whose both sides the same counts are added.
        let at: Vec<(f64, f64)> = thresholds(&scores).into_iter().map(|t| rates(&scores, &genuine, |s| s >= t)).collect();
        let straight = |w: &[(f64, f64)]| (w[0].0 + w[2].0 - 2.0 * w[1].0).abs() < 1e-9 && (w[0].1 + w[2].1 - 2.0 * w[1].1).abs() < 1e-9;
        let mut kept = vec![at[0]];
        kept.extend((1..at.len()).filter(|&i| i == 1 || i + 1 == at.len() || !straight(&at[i - 1..i + 2])).map(|i| at[i]));
        let rates_of = |form| {
            let options = MetricOptions { fmrs: vec![fmr], published: Some(form), ..MetricOptions::default() };
            measured(&scores, &genuine, &options).published.unwrap()
        };
        let curve = rates_of(PublishedForm::Roc);
        let within = kept.iter().rfind(|(at, _)| *at <= fmr).unwrap();
        prop_assert_eq!((curve.fnmr[0].measured_fmr, curve.fnmr[0].fnmr.value), *within);
        let closest = kept.iter().map(|(fmr, fnmr)| (fmr - fnmr).abs()).fold(f64::INFINITY, f64::min);
        prop_assert!(((curve.equal_error.rate.value - curve.equal_error.fnmr).abs() - closest).abs() < 1e-12);
        let near = rates_of(PublishedForm::Nearest).fnmr[0];
        prop_assert!(kept.iter().all(|(at, _)| (at - fmr).abs() >= (near.measured_fmr - fmr).abs()));
        prop_assert!(kept.iter().all(|&(at, missed)| at != near.measured_fmr || missed >= near.fnmr.value));
    }

    #[test]
    fn accuracy_is_the_best_threshold_of_the_other_folds((scores, genuine) in labelled(), seed in any::<u64>()) {
        let count = 2 + (seed % 3) as u16;
        prop_assume!(scores.len() >= usize::from(count));
        let folds: Vec<u16> = (0..scores.len()).map(|i| ((i as u64 * 7 + seed % 11) % u64::from(count)) as u16).collect();
        let pairs = Labelled { folds: Some(&folds), ..Labelled::new(&scores, &genuine) };
        let Ok(metrics) = measure(&pairs, &MetricOptions::default(), &Work::default()) else {
            // A fold came out empty.
            return Err(TestCaseError::reject("folds"));
        };
        let accuracy = metrics.accuracy.unwrap();
        let right = |fold: u16, here: bool, matches: &dyn Fn(f64) -> bool| {
            (0..scores.len()).filter(|&i| (folds[i] == fold) == here && matches(scores[i]) == genuine[i]).count()
        };
        let least = scores.iter().copied().fold(f64::INFINITY, f64::min);
        let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        for fold in 0..count {
            let mut best: Option<(usize, f64)> = None;
            for threshold in grid::thresholds(least, greatest) {
                let elsewhere = right(fold, false, &|score| score > threshold);
                if best.is_none_or(|(most, _)| elsewhere > most) {
                    best = Some((elsewhere, threshold));
                }
            }
            let ours = accuracy.published.folds[usize::from(fold)];
            prop_assert_eq!(ours.threshold, best.unwrap().1);
            let here = right(fold, true, &|score| score > ours.threshold);
            prop_assert_eq!(ours.accuracy, here as f64 / ours.pairs as f64);
            let ours = accuracy.exact.folds[usize::from(fold)];
            let found = right(fold, false, &|score| score >= ours.threshold);
            for threshold in thresholds(&scores) {
                prop_assert!(found >= right(fold, false, &|score| score >= threshold));
            }
            let here = right(fold, true, &|score| score >= ours.threshold);
            prop_assert_eq!(ours.accuracy, here as f64 / ours.pairs as f64);
        }
        let mean = accuracy.exact.folds.iter().map(|fold| fold.accuracy).sum::<f64>() / f64::from(count);
        prop_assert!((accuracy.exact.mean.value - mean).abs() < 1e-12);
    }

    #[test]
    fn curve_points_are_true_and_few((scores, genuine) in labelled(), points in 4usize..40) {
        let options = MetricOptions { curve_points: points, ..MetricOptions::default() };
        let curve = measured(&scores, &genuine, &options).curve;
        prop_assert!(curve.len() <= points);
        for point in &curve {
            prop_assert_eq!(rates(&scores, &genuine, |score| score >= point.threshold), (point.fmr, point.fnmr));
        }
        prop_assert!(curve.windows(2).all(|w| w[0].threshold > w[1].threshold));
        prop_assert_eq!((curve[0].fmr, curve[0].fnmr), (0.0, 1.0));
        let last = curve.last().unwrap();
        prop_assert_eq!((last.fmr, last.fnmr), (1.0, 0.0));
    }

    #[test]
    fn order_does_not_matter((scores, genuine) in labelled(), seed in any::<u64>()) {
        let persons: Vec<(u32, u32)> = genuine.iter().enumerate().map(|(i, &same)| {
            let a = (i % 7) as u32;
            (a, if same { a } else { a + 1 + (i % 3) as u32 })
        }).collect();
        let folds: Vec<u16> = (0..scores.len()).map(|i| (i % 2) as u16).collect();
        let mut order: Vec<usize> = (0..scores.len()).collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        let options = MetricOptions { published: Some(PublishedForm::Roc), replicates: 3, ..MetricOptions::default() };
        let of = |order: &[usize]| {
            let scores: Vec<f64> = order.iter().map(|&i| scores[i]).collect();
            let genuine: Vec<bool> = order.iter().map(|&i| genuine[i]).collect();
            let persons: Vec<(u32, u32)> = order.iter().map(|&i| persons[i]).collect();
            let folds: Vec<u16> = order.iter().map(|&i| folds[i]).collect();
            measure(
                &Labelled { scores: &scores, genuine: &genuine, persons: Some(&persons), folds: Some(&folds) },
                &options,
                &Work::default(),
            )
        };
        let straight: Vec<usize> = (0..scores.len()).collect();
        prop_assert_eq!(of(&straight), of(&order));
    }

    #[test]
    fn a_replicate_is_what_copied_pairs_give((scores, genuine) in labelled(), seed in any::<u64>()) {
        // Every pair as often as it weighs, measured without weights.
        let persons: Vec<(u32, u32)> = genuine.iter().enumerate().map(|(i, &same)| {
            let a = (i % 5) as u32;
            (a, if same { a } else { a + 1 })
        }).collect();
        let mut people: Vec<u32> = persons.iter().flat_map(|&(a, b)| [a, b]).collect();
        people.sort_unstable();
        people.dedup();
        let options = MetricOptions { fmrs: vec![0.3, 0.05], replicates: 1, seed, ..MetricOptions::default() };
        let pairs = Labelled { persons: Some(&persons), ..Labelled::new(&scores, &genuine) };
        let ours = measure(&pairs, &options, &Work::default()).unwrap().exact;
        let drawn = qmagface::pairs::bootstrap::multiplicities(seed, 0, people.len());
        let times = |person: u32| drawn[people.iter().position(|&p| p == person).unwrap()] as usize;
        let (mut copied, mut labels) = (vec![], vec![]);
        for ((&score, &genuine), &(a, b)) in scores.iter().zip(&genuine).zip(&persons) {
            let weight = if genuine { times(a) } else { times(a) * times(b) };
            copied.extend(std::iter::repeat_n(score, weight));
            labels.extend(std::iter::repeat_n(genuine, weight));
        }
        if labels.iter().all(|&g| g) || labels.iter().all(|&g| !g) {
            prop_assert_eq!(ours.auc.interval, None);
            return Ok(());
        }
        let naive = measured(&copied, &labels, &options).exact;
        let same = |ours: Estimate, naive: Estimate| {
            let interval = ours.interval.unwrap();
            (interval.low - naive.value).abs() < 1e-9 && interval.low == interval.high
        };
        prop_assert!(same(ours.auc, naive.auc), "{ours:?} {naive:?}");
        prop_assert!(same(ours.equal_error.rate, naive.equal_error.rate), "{ours:?} {naive:?}");
        for (ours, naive) in ours.fnmr.iter().zip(&naive.fnmr) {
            prop_assert!(same(ours.fnmr, naive.fnmr), "{ours:?} {naive:?}");
        }
    }
}

/// Twenty people of three images: 60 genuine pairs that score about 0.6, 600 impostor pairs about 0.3.
fn people() -> (Vec<f64>, Vec<bool>, Vec<(u32, u32)>) {
    let mut random = fastrand::Rng::with_seed(1);
    let persons: Vec<(u32, u32)> = (0..660u32)
        .map(|i| {
            if i < 60 {
                (i % 20, i % 20)
            } else {
                (i % 20, (i + 1 + i / 20 % 19) % 20)
            }
        })
        .collect();
    let genuine: Vec<bool> = persons.iter().map(|(a, b)| a == b).collect();
    let scores = genuine
        .iter()
        .map(|&genuine| 0.3 + 0.3 * f64::from(u8::from(genuine)) + 0.3 * (random.f64() + random.f64() - 1.0))
        .collect();
    (scores, genuine, persons)
}

#[test]
fn intervals_hold_the_figure_and_depend_on_the_seed_alone() {
    let (scores, genuine, persons) = people();
    let pairs = Labelled {
        persons: Some(&persons),
        ..Labelled::new(&scores, &genuine)
    };
    let options = MetricOptions {
        fmrs: vec![1e-1, 1e-2],
        replicates: 200,
        ..MetricOptions::default()
    };
    let on = |threads, options: &MetricOptions| {
        let work = Work {
            threads: Some(threads),
            ..Work::default()
        };
        measure(&pairs, options, &work).unwrap()
    };
    let metrics = on(1, &options);
    assert_eq!(metrics, on(3, &options));
    assert_ne!(
        metrics,
        on(
            1,
            &MetricOptions {
                seed: 1,
                ..options.clone()
            }
        )
    );
    let exact = &metrics.exact;
    for estimate in [
        exact.auc,
        exact.equal_error.rate,
        exact.fnmr[0].fnmr,
        exact.fnmr[1].fnmr,
    ] {
        let interval = estimate.interval.unwrap();
        assert!(
            interval.low < estimate.value && estimate.value < interval.high,
            "{estimate:?}"
        );
    }
    assert!(metrics.band.len() > 5 && metrics.band.windows(2).all(|w| w[0].fnmr.low >= w[1].fnmr.low));
}

#[test]
fn entries_that_end_early_give_the_whole_interval_or_none() {
    use intervals::{Entry, Replicated};
    let mut random = fastrand::Rng::with_seed(4);
    // All pairs of twenty people of three images each.
    let mut pairs: Vec<(f64, u32, u32)> = (0..60u32)
        .flat_map(|i| (0..i).map(move |j| (j / 3, i / 3)))
        .map(|(a, b)| (random.f64() + random.f64() + f64::from(u8::from(a == b)), a, b))
        .collect();
    pairs.sort_by(|x, y| y.0.total_cmp(&x.0));
    let scores: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
    let genuine: Vec<bool> = pairs.iter().map(|pair| pair.1 == pair.2).collect();
    let options = MetricOptions {
        fmrs: vec![0.01, 0.057],
        replicates: 400,
        ..MetricOptions::default()
    };
    let with = |kept: usize, complete: bool| {
        let mut left = kept;
        let entries = pairs.iter().filter(|&&(_, a, b)| {
            let keep = a == b || left > 0;
            left -= usize::from(a != b && keep);
            keep
        });
        let replicated = Replicated {
            entries: entries.map(|&(_, a, b)| Entry::new(a, b, true)).collect(),
            judged: Vec::new(),
            people: 20,
            band: Vec::new(),
            folds: 0,
            images: Some(vec![3; 20]),
            complete,
        };
        let mut metrics = measured(&scores, &genuine, &options);
        replicated.add(&mut metrics, &options, &Work::default()).unwrap();
        metrics.exact
    };
    let (whole, cut) = (with(1710, true), with(102, false));
    let interval = |rates: &ExactRates, at: usize| rates.fnmr[at].fnmr.interval;
    assert!(interval(&whole, 0).is_some() && interval(&whole, 1).is_some());
    assert_eq!(interval(&cut, 0), interval(&whole, 0));
    // 102 of 1710 pairs are 6 %: most replicates have that many at an FMR of 5.7 %, those of some people don't.
    assert_eq!(interval(&cut, 1), None);
    // Nor does any reach the equal error rate, 12 %.
    assert_eq!((cut.auc.interval, cut.equal_error.rate.interval), (None, None));
    assert_eq!(
        with(900, false).equal_error.rate.interval,
        whole.equal_error.rate.interval
    );
}

#[test]
fn what_cannot_be_measured_is_refused_by_name() {
    let refused = |pairs: &Labelled, options: &MetricOptions| {
        let error = measure(pairs, options, &Work::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        error.to_string()
    };
    let (good, both) = ([0.5, 0.25, 0.125], [true, false, false]);
    let options = MetricOptions::default();
    let plain = |scores, genuine| refused(&Labelled::new(scores, genuine), &options);
    assert!(plain(&good, &both[..2]).contains("3 scores and 2 labels"));
    assert!(plain(&[0.5, f64::NAN, 0.1], &both).contains("pair 1 is NaN"));
    assert!(plain(&[0.5, 0.1, f64::NEG_INFINITY], &both).contains("pair 2 is -inf"));
    assert!(plain(&good, &[true; 3]).contains("impostor"));
    assert!(plain(&good, &[false; 3]).contains("genuine"));
    assert!(plain(&[], &[]).contains("genuine"));
    let folds = |folds: &[u16]| {
        refused(
            &Labelled {
                folds: Some(folds),
                ..Labelled::new(&good, &both)
            },
            &options,
        )
    };
    assert!(folds(&[0, 1]).contains("2 folds and 3 scores"));
    assert!(folds(&[0, 2, 2]).contains("fold 1 of 3"));
    assert!(folds(&[0, 0, 0]).contains("two folds"));
    let persons = |persons: &[(u32, u32)]| {
        let pairs = Labelled {
            persons: Some(persons),
            ..Labelled::new(&good, &both)
        };
        refused(
            &pairs,
            &MetricOptions {
                replicates: 10,
                ..MetricOptions::default()
            },
        )
    };
    assert!(persons(&[(0, 0), (0, 1)]).contains("2 pairs of persons"));
    assert!(persons(&[(0, 0), (0, 1), (2, 2)]).contains("pair 2 is labelled as of two people"));
    let with = |change: &dyn Fn(&mut MetricOptions)| {
        let mut options = MetricOptions::default();
        change(&mut options);
        refused(&Labelled::new(&good, &both), &options)
    };
    for fmr in [0.0, -1.0, 1.5, f64::NAN] {
        assert!(with(&|options| options.fmrs = vec![fmr]).contains(&fmr.to_string()));
    }
    assert!(with(&|options| options.confidence = 1.0).contains("confidence of 1"));
    assert!(with(&|options| options.replicates = 100_001).contains("bootstrap replicates"));
    let both = |options: &mut MetricOptions| (options.replicates, options.curve_points) = (100_000, 100_000);
    assert!(with(&both).contains("ask for fewer"));
}

#[test]
fn minus_zero_is_zero() {
    let exact = measured(&[0.0, -0.0], &[true, false], &MetricOptions::default()).exact;
    assert_eq!(exact.auc.value, 0.5);
}

#[test]
fn the_rule_of_three_decides_support() {
    assert!(exact::supported(0.1, 30) && !exact::supported(0.1, 29));
    assert_eq!((exact::allowed(0.1, 30), exact::allowed(0.1, 29)), (3, 2));
}
