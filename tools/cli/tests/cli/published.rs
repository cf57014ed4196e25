//! Metrics against the published evaluation (golden/scores.json) on SFace embeddings of LFW.

use crate::common::shared;
use crate::golden::{f32s, i32s, json, number};
use qmagface::Matrix;
use qmagface::Work;
use qmagface::calibrate::fit::{FitOptions, Procedure, fit};
use qmagface::compare::QualityParameters;
use qmagface::pairs::{List, Pair, Pairs, Prepared};
use qmagface_evaluate::data::{Missing, PairFile, PairFormat};
use qmagface_evaluate::metrics::{FnmrAt, Labelled, MetricOptions, Metrics, PublishedForm, measure};
use qmagface_evaluate::protocol::{CrossOptions, all_pairs, cross_validate};
use qmagface_evaluate::{Options, Score};
use safetensors::SafeTensors;
use serde_json::Value;

/// The embeddings, a list of pairs of them, and the golden figures.
struct Golden {
    set: Prepared,
    view2: List,
    generated: List,
    figures: Value,
}

fn golden() -> Option<Golden> {
    let bytes = std::fs::read(shared("golden/lfw_sface.safetensors")?).unwrap();
    let figures = json(&shared("golden/scores.json")?)["lfw_sface"].clone();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let embeddings = tensors.tensor("embeddings").unwrap();
    let [rows, columns] = [0, 1].map(|axis| embeddings.shape()[axis]);
    let identity = i32s(&tensors.tensor("identity").unwrap());
    let set = Prepared::new(Matrix::new(rows, columns, f32s(&embeddings)).unwrap(), &identity).unwrap();
    let list = |name: &str| {
        let pairs = i32s(&tensors.tensor(&format!("{name}_pairs")).unwrap());
        let labels = tensors.tensor(&format!("{name}_match")).unwrap();
        let pair = |(pair, &label): (&[i32], &u8)| Pair {
            a: pair[0] as u32,
            b: pair[1] as u32,
            genuine: label == 1,
        };
        List::new(&set, pairs.chunks_exact(2).zip(labels.data()).map(pair).collect()).unwrap()
    };
    Some(Golden {
        view2: list("view2"),
        generated: list("train"),
        set,
        figures,
    })
}

impl Golden {
    fn trained(&self) -> QualityParameters {
        let golden = &self.figures["train_fmr_min_0.001"];
        QualityParameters {
            alpha: number(&golden[0]),
            beta: number(&golden[1]),
        }
    }

    fn measure(&self, list: &List, parameters: &QualityParameters, form: PublishedForm) -> Metrics {
        let scored = list.score(&self.set, &Work::default()).unwrap();
        let scores: Vec<f64> = scored
            .iter()
            .map(|pair| pair.cosine + parameters.weight(pair.cosine) * pair.quality)
            .collect();
        let genuine: Vec<bool> = list.pairs().iter().map(|pair| pair.genuine).collect();
        let folds: Vec<u16> = (0..scores.len())
            .map(|pair| (pair * 10 / scores.len()) as u16)
            .collect();
        let pairs = Labelled {
            folds: (form == PublishedForm::Grid).then_some(&folds),
            ..Labelled::new(&scores, &genuine)
        };
        let options = MetricOptions {
            published: Some(form),
            ..MetricOptions::default()
        };
        measure(&pairs, &options, &Work::default()).unwrap()
    }
}

const COSINE: QualityParameters = QualityParameters { alpha: 0.0, beta: 0.0 };

fn near(what: &str, ours: f64, golden: &Value) {
    let golden = number(golden);
    assert!((ours - golden).abs() <= 1e-6, "{what}: {ours} against {golden}");
}

fn fnmrs_near(what: &str, ours: &[FnmrAt], golden: &Value) {
    for (fnmr, power) in ours.iter().zip(1..) {
        let key = format!("fmr1e-{power}");
        if let Some(golden) = golden.get(&key) {
            near(&format!("{what} {key}"), 100.0 * fnmr.fnmr.value, golden);
        }
    }
}

#[test]
fn single_image_figures_within_1e_6() {
    let Some(golden) = golden() else { return };
    for (key, parameters) in [
        ("lfw_view2_cosine", COSINE),
        ("lfw_view2_qmagface_trained", golden.trained()),
    ] {
        let figures = &golden.figures[key];
        let metrics = golden.measure(&golden.view2, &parameters, PublishedForm::Grid);
        let accuracy = metrics.accuracy.unwrap().published;
        near(key, 100.0 * accuracy.mean.value, &figures["acc"]);
        near(key, 100.0 * accuracy.deviation, &figures["acc_std"]);
        let published = metrics.published.unwrap();
        near(key, 100.0 * published.equal_error.rate.value, &figures["eer"]);
        near(key, published.equal_error.threshold, &figures["threer"]);
        near(key, 100.0 * published.auc, &figures["auc"]);
        fnmrs_near(key, &published.fnmr, figures);
        assert_eq!((metrics.genuine, metrics.impostor), (3000, 3000));
    }
}

#[test]
fn robustness_figures_within_1e_6() {
    let Some(golden) = golden() else { return };
    for (key, parameters) in [
        ("generated_cosine", COSINE),
        ("generated_qmagface_trained", golden.trained()),
    ] {
        let figures = &golden.figures[key];
        let metrics = golden.measure(&golden.generated, &parameters, PublishedForm::Roc);
        let published = metrics.published.unwrap();
        near(key, 100.0 * published.equal_error.rate.value, &figures["eer"]);
        near(key, 100.0 * published.auc, &figures["auc"]);
        fnmrs_near(key, &published.fnmr, figures);
        // Without ties the exact figures are the same where the published ones don't approximate.
        near(key, 100.0 * metrics.exact.auc.value, &figures["auc"]);
        fnmrs_near(key, &metrics.exact.fnmr, figures);
    }
}

#[test]
fn the_lfw_pair_file_names_images_that_are_there() {
    let (Some(golden), Some(file), Some(names)) = (
        golden(),
        shared("data/lfw-pairs.txt"),
        shared("golden/lfw_sface_names.txt"),
    ) else {
        return;
    };
    let names: Vec<String> = std::fs::read_to_string(names)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let set = golden.set.clone().with_names(names).unwrap();
    let pairs = PairFile::read(&file, PairFormat::Lfw).unwrap();
    assert_eq!((pairs.pairs.len(), pairs.folds), (6000, 10));
    let resolved = pairs.resolve(&set, Missing::Refuse).unwrap();
    assert_eq!(resolved.left_out, 0);
    assert_eq!(resolved.list, golden.view2);
    for fold in 0..10 {
        let of_fold = resolved
            .folds
            .iter()
            .zip(resolved.list.pairs())
            .filter(|(at, _)| **at == fold);
        let genuine = of_fold.clone().filter(|(_, pair)| pair.genuine).count();
        assert_eq!((of_fold.count(), genuine), (600, 300));
    }
}

/// Over all 29.6 million pairs, with parameters fitted on people who aren't tested.
#[test]
fn quality_helps_people_that_the_fit_has_not_seen() {
    let Some(golden) = golden() else { return };
    let mut scores = vec![Score::Cosine];
    for procedure in Procedure::ALL {
        let cross = CrossOptions {
            folds: 3,
            seed: 1,
            procedure: procedure.name().into(),
        };
        let options = FitOptions {
            fmr: (1e-4, 1e-2),
            ..FitOptions::default()
        };
        let fit = |people: &Prepared| Ok(fit(people, Pairs::All, procedure, &options)?.parameters);
        scores.push(cross_validate(&golden.set, &cross, &Work::default(), fit).unwrap());
    }
    let options = Options {
        scores,
        metrics: MetricOptions {
            fmrs: vec![1e-2, 1e-3, 1e-4],
            replicates: 50,
            ..MetricOptions::default()
        },
        ..Options::default()
    };
    let found = all_pairs(&golden.set, &options, &Work::default()).unwrap();
    let mut fnmrs: Vec<Vec<f64>> = Vec::new();
    for result in &found.results {
        let exact = &result.metrics.exact;
        if let Score::CrossValidated(score) = &result.score {
            // The common scale is what it says: thresholds are near -log10(FMR).
            for fnmr in &exact.fnmr {
                assert!((fnmr.threshold + fnmr.fmr.log10()).abs() < 0.4, "{fnmr:?}");
            }
            println!("{}: {:?}", score.procedure, score.fits);
        }
        assert!(exact.fnmr.iter().all(|at| at.fnmr.interval.is_some()));
        fnmrs.push(exact.fnmr.iter().map(|at| at.fnmr.value).collect());
        println!(
            "EER {}, FNMR {:?}",
            exact.equal_error.rate.value,
            fnmrs[fnmrs.len() - 1]
        );
    }
    for (cosine, published) in fnmrs[0].iter().zip(&fnmrs[1]) {
        assert!(*published < 0.9 * cosine, "{published} {cosine}");
    }
}
