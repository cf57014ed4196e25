//! Fitting against the published procedure's results on SFace embeddings of LFW.

use crate::{common, golden};
use qmagface::Matrix;
use qmagface::calibrate::fit::{FitOptions, Procedure, Warning, fit};
use qmagface::pairs::{List, Pair, Pairs, Prepared};
use qmagface::{ErrorKind, QualityParameters};
use safetensors::SafeTensors;
use serde_json::Value;

struct Golden {
    set: Prepared,
    list: List,
    figures: Value,
}

fn golden() -> Option<Golden> {
    let tensors = common::shared("golden/lfw_sface.safetensors")?;
    let figures = golden::json(&common::shared("golden/scores.json")?)["lfw_sface"].clone();
    let bytes = std::fs::read(tensors).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| tensors.tensor(name).unwrap();
    let embeddings = tensor("embeddings");
    let [rows, columns] = [0, 1].map(|axis| embeddings.shape()[axis]);
    let rows = Matrix::new(rows, columns, golden::f32s(&embeddings)).unwrap();
    let set = Prepared::new(rows, &golden::i32s(&tensor("identity"))).unwrap();
    let pairs = golden::i32s(&tensor("train_pairs"));
    let pairs = pairs
        .chunks_exact(2)
        .zip(tensor("train_match").data())
        .map(|(pair, &genuine)| Pair {
            a: pair[0] as u32,
            b: pair[1] as u32,
            genuine: genuine == 1,
        });
    let list = List::new(&set, pairs.collect()).unwrap();
    Some(Golden { set, list, figures })
}

#[test]
fn published_fits_are_reproduced() {
    let Some(Golden { set, list, figures }) = golden() else {
        return;
    };
    let published = |least: f64, allow_unsupported: bool| {
        let options = FitOptions {
            fmr: (least, 1e-2),
            allow_unsupported,
            ..FitOptions::default()
        };
        fit(&set, Pairs::List(&list), Procedure::Published, &options)
    };
    for (name, least, allow_unsupported) in [
        ("train_published_defaults", 1e-5, true),
        ("train_fmr_min_0.001", 1e-3, false),
        ("train_fmr_min_0.0001", 1e-4, false),
    ] {
        let fit = published(least, allow_unsupported).unwrap();
        let QualityParameters { alpha, beta } = fit.parameters;
        let (wanted_alpha, wanted_beta) = (golden::number(&figures[name][0]), golden::number(&figures[name][1]));
        println!(
            "{name}: alpha {alpha} ({:e}), beta {beta} ({:e})",
            alpha - wanted_alpha,
            beta - wanted_beta
        );
        assert!((alpha - wanted_alpha).abs() < 1e-6, "{name}: {alpha}");
        assert!((beta - wanted_beta).abs() < 1e-6, "{name}: {beta}");
        assert_eq!(fit.count.total(), figures["train_pairs"].as_u64().unwrap());
        assert_eq!(fit.count.genuine, figures["train_genuine"].as_u64().unwrap());
        let unsupported = fit
            .warnings
            .iter()
            .any(|warning| matches!(warning, Warning::Unsupported(_)));
        assert_eq!(unsupported, allow_unsupported);
    }
    let error = published(1e-5, false).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Calibration);
    assert!(
        error.message().contains("300000 impostor pairs, there are 77900"),
        "{error}"
    );
}

/// Mean log FNMR over the FMRs of 1e-4 to 1e-2 of all pairs of a set.
fn mean_log_fnmr(set: &Prepared, parameters: &QualityParameters) -> f64 {
    let (mut genuine, mut impostor) = qmagface::pairs::fold(
        set,
        &Default::default(),
        <(Vec<f32>, Vec<f32>)>::default,
        |(genuine, impostor), row| {
            for (at, &cosine) in row.cosines.iter().enumerate() {
                let quality = f64::from(row.minimum_quality(at));
                let score = parameters.score(f64::from(cosine), quality, quality) as f32;
                if row.genuine(at) {
                    genuine.push(score)
                } else {
                    impostor.push(score)
                }
            }
        },
        |a, b| ([a.0, b.0].concat(), [a.1, b.1].concat()),
    )
    .unwrap();
    let total = impostor.len() as f64;
    let most = impostor.len() / 100;
    impostor.select_nth_unstable_by(most, |a, b| b.total_cmp(a));
    impostor.truncate(most + 1);
    impostor.sort_by(|a, b| b.total_cmp(a));
    genuine.sort_by(f32::total_cmp);
    let logs = (0..=40).map(|step| {
        let limit = impostor[(total * 10f64.powf(-4.0 + 0.05 * f64::from(step))) as usize];
        let failing = genuine.partition_point(|&score| score <= limit);
        ((failing as f64 + 0.5) / (genuine.len() as f64 + 1.0)).ln()
    });
    logs.sum::<f64>() / 41.0
}

#[test]
fn the_direct_fit_is_better_on_people_it_has_not_seen() {
    let Some(Golden { set, .. }) = golden() else { return };
    let options = FitOptions {
        fmr: (1e-4, 1e-2),
        ..FitOptions::default()
    };
    let mut sums = [0.0; 4];
    for half in 0..2 {
        let seen = set.of_subjects(|subject| subject % 2 == half);
        let unseen = set.of_subjects(|subject| subject % 2 != half);
        let mut parameters: Vec<_> = Procedure::ALL
            .into_iter()
            .map(|procedure| fit(&seen, Pairs::All, procedure, &options).unwrap().parameters)
            .collect();
        parameters.push(QualityParameters { alpha: 0.0, beta: 0.0 });
        for (sum, parameters) in sums.iter_mut().zip(&parameters) {
            let mean = mean_log_fnmr(&unseen, parameters);
            println!("half {half}: {parameters:?}: {:.4} %", 100.0 * mean.exp());
            *sum += mean / 2.0;
        }
    }
    let [published, consistent, direct, cosine] = sums;
    println!("geometric mean FNMR: published {published}, consistent {consistent}, direct {direct}, cosine {cosine}");
    assert!(published < cosine && consistent < cosine && direct < cosine);
    assert!(direct <= published && direct <= consistent);
}
