use super::*;
use crate::matrix::Matrix;
use crate::template::{Fusion, FusionReview, Template};

const MODEL: Fingerprint = Fingerprint([7; 32]);
const PARAMETERS: QualityParameters = QualityParameters { alpha: 0.1, beta: 0.2 };

fn points() -> Vec<ScoreThreshold> {
    [(1e-2, -0.7), (1e-3, -0.4), (1e-5, 0.1)]
        .map(|(fmr, score)| ScoreThreshold { fmr, score })
        .to_vec()
}

fn of_pack(thresholds: Vec<ScoreThreshold>) -> Calibration {
    let calibration = Fitted {
        alpha: PARAMETERS.alpha,
        beta: PARAMETERS.beta,
        status: CalibrationStatus::Provisional,
        procedure: "a fit".into(),
        fitted_on: "some images".into(),
        thresholds,
        at_quality: None,
    };
    Calibration::from_pack("sface", MODEL, &calibration)
}

fn template(embedding: &[f32]) -> Template {
    Template::from_embedding("sface", MODEL, embedding).unwrap()
}

fn foreign() -> Template {
    Template::from_embedding("magface", Fingerprint([9; 32]), &[1.0, 2.0]).unwrap()
}

#[test]
fn parameters_alone_are_a_calibration_of_any_model() {
    let calibration = Calibration::from_parameters(PARAMETERS).unwrap();
    assert_eq!(calibration.parameters(), PARAMETERS);
    assert_eq!((calibration.model(), calibration.fingerprint()), (None, None));
    assert_eq!(
        (calibration.status(), calibration.quality_gate()),
        (Status::Given, None)
    );
    assert_eq!((calibration.procedure(), calibration.fitted_on()), (None, None));
    assert_eq!(
        (calibration.fmr_range(), calibration.negative_log10_fmr(0.5)),
        (None, None)
    );
    assert!(calibration.thresholds().is_empty());
    assert_eq!(calibration.threshold(1e-3).unwrap_err().kind(), ErrorKind::Calibration);
    for wrong in [f64::NAN, f64::INFINITY, 100.1, -100.1] {
        for parameters in [
            QualityParameters {
                alpha: wrong,
                ..PARAMETERS
            },
            QualityParameters {
                beta: wrong,
                ..PARAMETERS
            },
        ] {
            let error = Calibration::from_parameters(parameters).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        }
    }
}

#[test]
fn a_packs_calibration_belongs_to_its_model() {
    let calibration = of_pack(points());
    assert_eq!(
        (calibration.model(), calibration.fingerprint()),
        (Some("sface"), Some(MODEL))
    );
    assert_eq!(
        (calibration.status(), calibration.parameters()),
        (Status::Provisional, PARAMETERS)
    );
    assert_eq!(
        (calibration.procedure(), calibration.fitted_on()),
        (Some("a fit"), Some("some images"))
    );
    assert_eq!(calibration.thresholds(), points());
}

#[test]
fn gates_have_a_range() {
    let calibration = of_pack(points());
    for gate in [f64::NAN, -1.0, f64::INFINITY] {
        let error = calibration.clone().with_quality_gate(Some(gate)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let gated = calibration.with_quality_gate(Some(9.5)).unwrap();
    assert_eq!(gated.quality_gate(), Some(9.5));
    assert_eq!(gated.with_quality_gate(None).unwrap().quality_gate(), None);
}

#[test]
fn thresholds_lie_on_lines_in_log_fmr() {
    let calibration = of_pack(points());
    assert_eq!(calibration.fmr_range(), Some((1e-5, 1e-2)));
    for (fmr, score) in [
        (1e-2, -0.7),
        (1e-3, -0.4),
        (1e-5, 0.1),
        (10f64.powf(-2.5), -0.55),
        (1e-4, -0.15),
    ] {
        let ours = calibration.threshold(fmr).unwrap();
        assert!((ours - score).abs() < 1e-12, "{fmr}: {ours}");
        let (back, inside) = calibration.negative_log10_fmr(ours).unwrap();
        assert!(inside && (back + fmr.log10()).abs() < 1e-9, "{fmr}: {back}");
    }
    // A rounding away from the ends.
    assert!((calibration.threshold(10f64.powi(-5)).unwrap() - 0.1).abs() < 1e-12);
    assert!(calibration.threshold(1e-5 * (1.0 - 1e-12)).is_ok());
}

#[test]
fn an_fmr_that_the_data_cannot_support_is_refused() {
    let calibration = of_pack(points());
    for fmr in [0.9e-5, 1.1e-2, 1e-12, 0.5, 5e-324] {
        let error = calibration.threshold(fmr).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Calibration);
        assert!(error.message().contains("1e-5 to 1e-2"), "{error}");
    }
    for fmr in [0.0, 1.0, -1e-3, f64::NAN, f64::INFINITY] {
        assert_eq!(
            calibration.threshold(fmr).unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }
}

#[test]
fn outside_the_measured_scores_the_fmr_is_what_is_certain() {
    let calibration = of_pack(points());
    assert_eq!(calibration.negative_log10_fmr(0.9), Some((5.0, false)));
    assert_eq!(calibration.negative_log10_fmr(0.1), Some((5.0, true)));
    assert_eq!(calibration.negative_log10_fmr(-0.7), Some((2.0, true)));
    for score in [-0.71, f64::NEG_INFINITY, f64::NAN] {
        assert_eq!(calibration.negative_log10_fmr(score), Some((0.0, false)));
    }
}

#[test]
fn flat_and_single_thresholds_have_an_answer() {
    let flat = of_pack(
        [1e-1, 1e-2, 1e-3]
            .map(|fmr| ScoreThreshold { fmr, score: 0.5 })
            .to_vec(),
    );
    assert_eq!(flat.negative_log10_fmr(0.5), Some((1.0, true)));
    assert_eq!(flat.threshold(1e-2).unwrap(), 0.5);
    let single = of_pack(vec![ScoreThreshold { fmr: 1e-3, score: 0.5 }]);
    assert_eq!(single.threshold(1e-3).unwrap(), 0.5);
    assert_eq!(single.threshold(1.1e-3).unwrap_err().kind(), ErrorKind::Calibration);
    assert_eq!(single.negative_log10_fmr(0.5), Some((3.0, true)));
    assert_eq!(single.negative_log10_fmr(0.6), Some((3.0, false)));
}

#[test]
fn templates_compare_as_their_embeddings_do() {
    let calibration = of_pack(points()).with_quality_gate(Some(6.0)).unwrap();
    let (a, b) = ([6.0f32, -2.0, 3.0], [4.0f32, 1.0, 8.0]);
    let result = calibration.compare(&template(&a), &template(&b)).unwrap();
    let embeddings = calibration.compare_embeddings(&a, &b).unwrap();
    let (ours, exact) = (result.comparison, embeddings.comparison);
    assert_eq!((ours.quality_a, ours.quality_b), (7.0, 9.0));
    assert!((ours.cosine - 46.0 / 63.0).abs() < 1e-7 && (exact.cosine - 46.0 / 63.0).abs() < 1e-12);
    assert!((ours.score - exact.score).abs() < 1e-6);
    assert!(!result.low_quality && result.out_of_range && !result.failed_template);
    assert_eq!(result.negative_log10_fmr, Some(5.0));
    assert!(
        calibration
            .clone()
            .with_quality_gate(Some(7.5))
            .unwrap()
            .compare_embeddings(&a, &b)
            .unwrap()
            .low_quality
    );
    assert!(
        calibration
            .with_quality_gate(Some(7.5))
            .unwrap()
            .compare(&template(&b), &template(&a))
            .unwrap()
            .low_quality
    );
    let bare = Calibration::from_parameters(PARAMETERS)
        .unwrap()
        .compare_embeddings(&a, &b)
        .unwrap();
    assert_eq!(
        (bare.negative_log10_fmr, bare.out_of_range, bare.low_quality),
        (None, false, false)
    );
    assert_eq!(
        Calibration::from_parameters(PARAMETERS)
            .unwrap()
            .compare_embeddings(&a, &b[..2])
            .unwrap_err()
            .kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn a_normalised_embedding_is_flagged_and_the_cosine_holds() {
    let calibration = Calibration::from_parameters(PARAMETERS).unwrap();
    let whole = [6.0f32, -2.0, 3.0];
    let scaled = |length: f32| whole.map(|v| v * length / 7.0);
    for (length, flagged) in [
        (1.0, true),
        (1.0009, true),
        (0.9991, true),
        (1.002, false),
        (0.998, false),
        (7.0, false),
    ] {
        let one = scaled(length);
        for (a, b) in [(&one, &whole), (&whole, &one), (&one, &one)] {
            let of_embeddings = calibration.compare_embeddings(a, b).unwrap();
            let of_templates = calibration.compare(&template(a), &template(b)).unwrap();
            assert_eq!(
                (of_embeddings.unit_length, of_templates.unit_length),
                (flagged, flagged)
            );
            assert!((of_embeddings.comparison.cosine - 1.0).abs() < 1e-6);
        }
        assert_eq!(template(&one).has_unit_length(), flagged);
    }
    assert!(!Template::failed("sface", MODEL, 3).unwrap().has_unit_length());
}

#[test]
fn parts_of_a_fusion_that_would_not_match_the_others_are_told() {
    let calibration = of_pack(points()).with_quality_gate(Some(4.0)).unwrap();
    let photos = [
        template(&[6.0, 8.0, 0.0]),
        template(&[6.0, 7.0, 1.0]),
        template(&[-3.0, 0.5, 9.0]),
        template(&[0.6, 0.9, 0.1]),
        Template::failed("sface", MODEL, 3).unwrap(),
    ];
    let all: Vec<&Template> = photos.iter().collect();
    let fmr = calibration.thresholds()[1].fmr;
    let threshold = calibration.threshold(fmr).unwrap();
    let (review, judged) = calibration.review_fusion(&all, Fusion::Quality, fmr).unwrap();
    assert_eq!(review, Template::review_fusion(&all, Fusion::Quality).unwrap());
    assert_eq!(review.by_fit[0], 2);
    for (at, part) in judged.iter().take(4).enumerate() {
        let others: Vec<&Template> = (0..5).filter(|&other| other != at).map(|other| all[other]).collect();
        let others = Template::fuse(&others, Fusion::Quality).unwrap();
        let exact = calibration.compare(all[at], &others).unwrap();
        assert!(
            (part.score.unwrap() - exact.comparison.score).abs() < 1e-5,
            "{part:?}, {exact:?}"
        );
        assert_eq!(part.no_match, exact.comparison.score < threshold);
    }
    assert_eq!(
        judged.iter().map(|part| part.no_match).collect::<Vec<_>>(),
        [false, false, true, false, false]
    );
    assert_eq!(
        judged.iter().map(|part| part.low_quality).collect::<Vec<_>>(),
        [false, false, false, true, false]
    );
    assert_eq!(judged[4].score, None);

    let kind = |error: Result<(FusionReview, Vec<JudgedPart>)>| error.unwrap_err().kind();
    assert_eq!(
        kind(calibration.review_fusion(&all, Fusion::Mean, 1e-12)),
        ErrorKind::Calibration
    );
    assert_eq!(
        kind(calibration.review_fusion(&all, Fusion::Mean, 0.0)),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(calibration.review_fusion(&[], Fusion::Mean, fmr)),
        ErrorKind::InvalidArgument
    );
    assert_eq!(
        kind(calibration.review_fusion(&[&foreign()], Fusion::Mean, fmr)),
        ErrorKind::ModelMismatch
    );
    let bare = Calibration::from_parameters(PARAMETERS).unwrap();
    assert_eq!(
        kind(bare.review_fusion(&all, Fusion::Mean, fmr)),
        ErrorKind::Calibration
    );
}

#[test]
fn a_failed_template_matches_nothing() {
    let calibration = of_pack(points()).with_quality_gate(Some(1.0)).unwrap();
    let failed = Template::failed("sface", MODEL, 2).unwrap();
    let good = template(&[3.0, 4.0]);
    for (a, b) in [(&failed, &good), (&good, &failed), (&failed, &failed)] {
        let result = calibration.compare(a, b).unwrap();
        assert!(result.failed_template && result.low_quality && result.out_of_range);
        assert_eq!(
            (result.comparison.cosine, result.comparison.score),
            (-1.0, f64::NEG_INFINITY)
        );
        assert_eq!(
            (result.comparison.quality_a, result.comparison.quality_b),
            (a.quality(), b.quality())
        );
        assert_eq!(result.negative_log10_fmr, Some(0.0));
    }
}

#[test]
fn templates_of_two_models_are_refused_by_name() {
    let (own, foreign) = (template(&[3.0, 4.0]), foreign());
    let longer = template(&[1.0, 2.0, 3.0]);
    let any = Calibration::from_parameters(PARAMETERS).unwrap();
    let calibration = of_pack(points());
    let both = |error: Error| {
        assert_eq!(error.kind(), ErrorKind::ModelMismatch);
        for part in ["sface (070707070707)", "magface (090909090909)"] {
            assert!(error.message().contains(part), "{error}");
        }
    };
    both(any.compare(&own, &foreign).unwrap_err());
    both(any.compare(&foreign, &own).unwrap_err());
    both(calibration.compare(&own, &foreign).unwrap_err());
    both(calibration.compare(&foreign, &foreign).unwrap_err());
    both(any.score_matrix(&[&own, &foreign], &[]).unwrap_err());
    both(any.score_matrix(&[&own], &[&own, &foreign]).unwrap_err());
    both(calibration.score_matrix(&[], &[&foreign]).unwrap_err());
    let named = any.score_matrix(&[&own], &[&own, &foreign]).unwrap_err();
    assert!(named.message().contains("gallery 1"), "{named}");
    assert_eq!(any.compare(&own, &longer).unwrap_err().kind(), ErrorKind::ModelMismatch);
    assert_eq!(
        any.score_matrix(&[&own], &[&longer]).unwrap_err().kind(),
        ErrorKind::ModelMismatch
    );
    assert!(any.compare(&foreign, &foreign).is_ok());
}

#[test]
fn the_matrix_is_all_comparisons() {
    let calibration = of_pack(points());
    let failed = Template::failed("sface", MODEL, 2).unwrap();
    let (a, b, c) = (template(&[3.0, 4.0]), template(&[-12.0, 5.0]), template(&[1.0, 0.1]));
    let fused = Template::fuse(&[&a, &b], Fusion::Quality).unwrap();
    let (probes, gallery) = ([&a, &failed, &b], [&c, &a, &failed, &fused]);
    let scores = calibration.score_matrix(&probes, &gallery).unwrap();
    assert_eq!((scores.rows(), scores.columns()), (3, 4));
    for (at, &score) in scores.values().iter().enumerate() {
        let (row, column) = (at / 4, at % 4);
        let single = calibration
            .compare(probes[row], gallery[column])
            .unwrap()
            .comparison
            .score as f32;
        assert!(
            score == single || (score - single).abs() < 1e-5,
            "{row} {column}: {score} for {single}"
        );
    }
    assert_eq!(scores.row(1)[0], f32::NEG_INFINITY);
    let size = |probes: &[&Template], gallery: &[&Template]| {
        let scores = calibration.score_matrix(probes, gallery).unwrap();
        (scores.rows(), scores.columns())
    };
    assert_eq!(size(&[], &[]), (0, 0));
    assert_eq!(size(&[&a], &[]), (1, 0));
    assert_eq!(size(&[], &[&a, &b]), (0, 2));
    assert_eq!(
        calibration.score_matrix(&[&failed], &[&failed]).unwrap(),
        Matrix::new(1, 1, vec![f32::NEG_INFINITY]).unwrap()
    );
}

#[test]
fn files_keep_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calibration.toml");
    let odd = QualityParameters {
        alpha: 0.1 + 0.2,
        beta: -1e-17,
    };
    for calibration in [
        Calibration::from_parameters(odd).unwrap(),
        of_pack(points()),
        of_pack(Vec::new()).with_quality_gate(Some(1.0 / 3.0)).unwrap(),
    ] {
        calibration.write(&path).unwrap();
        assert_eq!(Calibration::read(&path).unwrap(), calibration);
        assert_eq!(
            Calibration::parse(calibration.to_toml().unwrap().as_bytes()).unwrap(),
            calibration
        );
    }
    let missing = Calibration::read(&folder.path().join("none.toml")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    assert!(missing.message().contains("none.toml"));
    assert_eq!(
        of_pack(points())
            .write(&folder.path().join("no/folder"))
            .unwrap_err()
            .kind(),
        ErrorKind::Io
    );
    std::fs::write(&path, "alpha").unwrap();
    let damaged = Calibration::read(&path).unwrap_err();
    assert_eq!(damaged.kind(), ErrorKind::Calibration);
    assert!(damaged.message().contains("calibration.toml"), "{damaged}");
}

#[test]
fn an_unchecked_manifests_calibration_is_not_written() {
    let rising = points().into_iter().rev().collect();
    assert_eq!(of_pack(rising).to_toml().unwrap_err().kind(), ErrorKind::Calibration);
}

fn with_quality_model() -> Calibration {
    let model = at_quality::tests::model();
    Calibration {
        functions: Some(Functions::new(&model)),
        quality_model: Some(model),
        ..of_pack(points())
    }
}

#[test]
fn a_file_with_a_model_of_quality_is_of_format_2() {
    let calibration = with_quality_model();
    let text = calibration.to_toml().unwrap();
    assert!(text.starts_with("format = 2\n"), "{text}");
    assert_eq!(Calibration::parse(text.as_bytes()).unwrap(), calibration);
    assert!(of_pack(points()).to_toml().unwrap().starts_with("format = 1\n"));
    for (from, to, part) in [
        ("format = 2", "format = 1", "at_quality takes format 2"),
        ("lowest = 5.0", "lowest = 50.0", "at_quality.highest is 20"),
        ("scale = [0.12]", "scale = []", "at_quality.a list has 0 coefficients"),
        ("knee = 0.3", "knee = 0.3\nmore = 1", "more"),
    ] {
        assert!(text.contains(from), "{from} is not in\n{text}");
        let error = Calibration::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Calibration, "{to}: {error}");
        assert!(error.message().contains(part), "{to}: {error}");
    }
}

#[test]
fn decisions_are_made_at_the_two_qualities() {
    let calibration = with_quality_model();
    // Two directions with this cosine.
    let pair = |cosine: f32, quality_a: f32, quality_b: f32| {
        let sine = (1.0 - cosine * cosine).sqrt();
        let compared = calibration.compare(
            &template(&[quality_a, 0.0]),
            &template(&[quality_b * cosine, quality_b * sine]),
        );
        compared.unwrap()
    };
    let outcome = |compared: &ScoredComparison, fmr: f64| calibration.decide(compared, fmr).unwrap().outcome;
    // The same cosine of good photos and of poor ones.
    assert_eq!(outcome(&pair(0.45, 15.0, 15.0), 1e-3), Outcome::Match);
    let poor = pair(0.45, 15.0, 6.0);
    let decision = calibration.decide(&poor, 1e-3).unwrap();
    assert_eq!(decision.outcome, Outcome::NotEnoughInformation(Lacking::PassRate));
    assert!(decision.threshold > 0.45 && decision.pass_rate < 0.5, "{decision:?}");
    assert_eq!(outcome(&pair(0.1, 15.0, 15.0), 1e-3), Outcome::NoMatch);
    // Enough is enough, however few would match.
    assert_eq!(outcome(&pair(0.99, 15.0, 6.0), 1e-3), Outcome::Match);
    let below = pair(0.99, 15.0, 4.9);
    assert!(!below.at_quality.unwrap().supported);
    assert_eq!(outcome(&below, 1e-3), Outcome::NotEnoughInformation(Lacking::Quality));
    assert_eq!(
        outcome(&pair(0.99, 1.0, 15.0), 1e-3),
        Outcome::NotEnoughInformation(Lacking::Length)
    );
    let failed = Template::failed("sface", MODEL, 2).unwrap();
    let faceless = calibration.compare(&failed, &template(&[1.0, 2.0])).unwrap();
    assert_eq!(faceless.at_quality, None);
    assert_eq!(outcome(&faceless, 1e-3), Outcome::NotEnoughInformation(Lacking::Face));
    let gated = calibration.clone().with_quality_gate(Some(10.0)).unwrap();
    let gated_pair = gated.compare(&template(&[15.0, 0.0]), &template(&[9.0, 0.0])).unwrap();
    assert_eq!(
        gated.decide(&gated_pair, 1e-3).unwrap().outcome,
        Outcome::NotEnoughInformation(Lacking::Quality)
    );
    // The data's own least rate, however it was computed, and what is beyond it.
    assert_eq!(outcome(&pair(0.99, 15.0, 15.0), 10f64.powi(-5)), Outcome::Match);
    let kind = |calibration: &Calibration, fmr: f64| calibration.decide(&poor, fmr).unwrap_err().kind();
    assert_eq!(kind(&calibration, 9e-6), ErrorKind::Calibration);
    assert_eq!(kind(&of_pack(points()), 1e-3), ErrorKind::Calibration);
    for wrong in [0.0, 1.0, -1.0, f64::NAN] {
        assert_eq!(kind(&calibration, wrong), ErrorKind::InvalidArgument);
    }
}

#[test]
fn damaged_files_are_refused_by_field() {
    let good = of_pack(points())
        .with_quality_gate(Some(9.0))
        .unwrap()
        .to_toml()
        .unwrap();
    let hash = MODEL.to_string();
    for (from, to, part) in [
        ("format = 1", "format = 3", "format 3, this library reads 1 and 2"),
        ("format = 1", "format = -1", "format -1"),
        ("format = 1", "", "format"),
        ("format = 1", "format = \"1\"", "format"),
        ("alpha = 0.1", "", "alpha"),
        ("alpha = 0.1", "alpha = nan", "alpha"),
        ("alpha = 0.1", "alpha = 101.0", "alpha"),
        ("beta = 0.2", "beta = inf", "beta"),
        ("beta = 0.2", "beta = \"x\"", "beta"),
        ("beta = 0.2", "beta = 0.2\ngamma = 1.0", "gamma"),
        ("\"provisional\"", "\"sure\"", "sure"),
        ("\"a fit\"", "\"\"", "procedure"),
        ("\"a fit\"", "\"a\\u001bfit\"", "procedure"),
        ("\"some images\"", "\"a\\nb\"", "fitted_on"),
        ("quality_gate = 9.0", "quality_gate = nan", "quality_gate"),
        ("quality_gate = 9.0", "quality_gate = -1.0", "quality_gate"),
        ("model = \"sface\"", "", "together"),
        ("model = \"sface\"", "model = \"../x\"", "model"),
        (hash.as_str(), "0707", "fingerprint"),
        (hash.as_str(), &"g7".repeat(32), "fingerprint"),
        ("score = -0.7", "score = nan", "thresholds has score"),
        ("score = -0.7", "score = -1001.0", "thresholds has score"),
        ("score = -0.7", "score = 1.5", "thresholds has score"),
        ("score = -0.7", "score = 0.3", "falling fmr and rising score"),
        ("score = -0.7", "score = -0.7\nmore = 1", "more"),
        ("score = -0.7", "", "score"),
        ("fmr = 0.01", "fmr = nan", "thresholds has fmr"),
        ("fmr = 0.01", "fmr = 0.0", "thresholds has fmr"),
        ("fmr = 0.01", "fmr = 1.0", "thresholds has fmr"),
        ("fmr = 0.01", "fmr = 0.001", "falling fmr"),
        ("fmr = 0.01", "fmr = 0.0001", "falling fmr"),
    ] {
        assert!(good.contains(from), "{from} is not in\n{good}");
        let error = Calibration::parse(good.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Calibration, "{to}: {error}");
        assert!(error.message().contains(part), "{to}: {error}");
    }
    assert_eq!(Calibration::parse(b"\xff").unwrap_err().kind(), ErrorKind::Calibration);
    assert_eq!(Calibration::parse(b"").unwrap_err().kind(), ErrorKind::Calibration);
}

/// A calibration of a real fit, and of the thresholds that were measured with it.
fn fitted() -> Calibration {
    let mut random = fastrand::Rng::with_seed(2);
    let rows = ndarray::Array2::from_shape_fn((120, 8), |(row, at)| {
        random.f32() + if row / 3 % 8 == at { 1.0 } else { 0.0 }
    });
    let labels: Vec<usize> = (0..120).map(|row| row / 3).collect();
    let set = crate::pairs::Prepared::new(Matrix::of(rows), &labels).unwrap();
    let pairs = crate::pairs::Pairs::All;
    let options = fit::FitOptions {
        fmr: (1e-3, 1e-1),
        ..fit::FitOptions::default()
    };
    let fit = fit::fit(&set, pairs, fit::Procedure::Consistent, &options).unwrap();
    let measured = measure(&set, pairs, &fit.parameters, &[1e-1, 1e-2], &MeasureOptions::default()).unwrap();
    let about = About {
        model: Some(("sface", MODEL)),
        data: Some("made up"),
        date: Some("2026-11-24"),
        pairs: Some("all"),
    };
    Calibration::fitted(&fit, &measured, &about).unwrap()
}

#[test]
fn a_fits_file_says_what_it_rests_on() {
    let calibration = fitted();
    assert_eq!(calibration.status(), Status::Own);
    assert_eq!(calibration.procedure(), Some("consistent, FMR 1e-3 to 1e-1"));
    let evidence = calibration.evidence();
    assert_eq!((evidence.subjects, evidence.images), (Some(40), Some(120)));
    assert_eq!(
        (evidence.genuine_pairs, evidence.impostor_pairs),
        (Some(120), Some(7020))
    );
    let text = calibration.to_toml().unwrap();
    for part in [
        "date = \"2026-11-24\"",
        "data = \"made up\"",
        "score_low = ",
        "fnmr_high = ",
        "impostors_above = 702\n",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert_eq!(Calibration::parse(text.as_bytes()).unwrap(), calibration);
    assert_eq!(calibration.threshold_evidence().len(), 2);
    let (score, (low, high)) = (
        calibration.thresholds()[1].score,
        calibration.threshold_evidence()[1].score_interval.unwrap(),
    );
    assert!(low <= score && score <= high && low < high);
    assert_eq!(calibration.threshold(1e-2).unwrap(), score);
}

#[test]
fn a_changed_file_is_noticed_unless_the_hash_is_gone() {
    let text = fitted().to_toml().unwrap();
    let line = text.lines().find(|line| line.starts_with("sha256 = ")).unwrap();
    let own = text.replace(line, "").replace("40", "41");
    assert_eq!(
        Calibration::parse(own.as_bytes()).unwrap().evidence().subjects,
        Some(41)
    );
    for (from, to) in [
        ("subjects = 40", "subjects = 41"),
        ("made up", "made down"),
        ("fmr = 0.1", "fmr = 0.11"),
        ("status = \"own\"", "status = \"published\""),
        ("format = 1", "format = 1\nquality_gate = 1.0"),
        ("sha256 = \"", "sha256 = \"0"),
    ] {
        assert!(text.contains(from), "{from} is not in\n{text}");
        let error = Calibration::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Calibration);
        assert!(
            error.message().contains("changed") && error.message().contains("delete the line"),
            "{to}: {error}"
        );
    }
    // Comments, order and blanks are nobody's business.
    let written = text.replace("format = 1\n", "") + "";
    let (head, tables) = written.split_once("[[thresholds]]").unwrap();
    let moved = format!("# mine\n{head}\nformat  =  1 # one\n[[thresholds]]{tables}");
    assert_eq!(Calibration::parse(moved.as_bytes()).unwrap(), fitted());
    let gated = Calibration::parse(own.as_bytes())
        .unwrap()
        .with_quality_gate(Some(2.0))
        .unwrap();
    assert_eq!(Calibration::parse(gated.to_toml().unwrap().as_bytes()).unwrap(), gated);
}

#[test]
fn the_hash_is_of_the_same_bytes_in_every_version() {
    let text = format!(
        "format = 1\nalpha = 1.0\nbeta = -0.00000025\nstatus = \"own\"\nsubjects = 40\ndata = \"my people\"\n\
         sha256 = \"{}\"\nthresholds = [{{ score = -0.5, fmr = 0.01 }},\n\
         {{ fmr = 1e-5, score = 25e-2, impostors_above = 7 }}]",
        "bdf3bfc6258fc8cb8f106605539533dd6950d003f14de7422f44306914549ca1"
    );
    let calibration = Calibration::parse(text.as_bytes()).unwrap();
    assert_eq!(calibration.evidence().subjects, Some(40));
    assert!(calibration.to_toml().unwrap().contains("bdf3bfc6258fc8cb"));
}

#[test]
fn evidence_has_ranges() {
    let text = fitted().to_toml().unwrap();
    for (from, to, part) in [
        ("date = \"2026-11-24\"", "date = \"2026-02-30\"", "date"),
        ("data = \"made up\"", "data = \"\"", "data"),
        ("pairs = \"all\"", "pairs = \"a\\tb\"", "pairs"),
        ("subjects = 40", "subjects = -1", "subjects"),
        ("score_low = ", "score_low = 1", "interval"),
        ("score_low = ", "# ", "score_low"),
        ("fnmr = ", "fnmr = 1", "not in 0 to 1"),
        ("impostors_above = 702", "impostors_above = 702.5", "impostors_above"),
    ] {
        assert!(text.contains(from), "{from} is not in\n{text}");
        let error = Calibration::parse(text.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Calibration);
        assert!(error.message().contains(part), "{to}: {error}");
    }
}

#[test]
fn files_have_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.toml");
    let good = of_pack(points()).to_toml().unwrap();
    let padded = |size: usize| format!("{good}#{}", "x".repeat(size - good.len() - 1));
    std::fs::write(&path, padded(1024 * 1024)).unwrap();
    assert!(Calibration::read(&path).is_ok());
    std::fs::write(&path, padded(1024 * 1024 + 1)).unwrap();
    assert_eq!(Calibration::read(&path).unwrap_err().kind(), ErrorKind::Limit);
}

// The C ABI lets any number of threads read one calibration.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Calibration>();
};
