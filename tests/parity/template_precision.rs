//! What storing a template in f16 or i8 costs in score, on real embeddings: docs/template-format.md quotes it.

use crate::common::shared;
use crate::golden;
use qmagface::model::{Fingerprint, catalogue};
use qmagface::{Calibration, Scalar, Template};
use safetensors::SafeTensors;

#[test]
fn small_precisions_cost_little_score() {
    let Some(file) = shared("golden/lfw_sface.safetensors") else {
        return;
    };
    let bytes = std::fs::read(file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let embeddings = tensors.tensor("embeddings").unwrap();
    let exact: Vec<Template> = golden::f32s(&embeddings)
        .chunks_exact(embeddings.shape()[1])
        .map(|row| Template::from_embedding("sface", Fingerprint([1; 32]), row).unwrap())
        .collect();
    // LFW's own pairs and those the published fit takes: both genuine and impostor ones.
    let pairs: Vec<(usize, usize)> = ["view2_pairs", "train_pairs"]
        .iter()
        .flat_map(|name| golden::i32s(&tensors.tensor(name).unwrap()))
        .map(|index| usize::try_from(index).unwrap())
        .collect::<Vec<_>>()
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    assert!(pairs.len() > 90_000);
    let manifest = catalogue::find("sface").unwrap();
    let calibration = Calibration::from_pack("sface", Fingerprint([1; 32]), manifest.calibration.as_ref().unwrap());
    let compare = |a: &Template, b: &Template| calibration.compare(a, b).unwrap().comparison;
    for (scalar, greatest, mean) in [
        (Scalar::F32, 0.0, 0.0),
        (Scalar::F16, 1e-3, 1e-4),
        (Scalar::I8, 2e-2, 5e-3),
    ] {
        let stored: Vec<Template> = exact
            .iter()
            .map(|template| Template::from_bytes(&template.to_bytes(scalar)).unwrap())
            .collect();
        let (mut largest, mut sum, mut largest_cosine) = (0.0f64, 0.0, 0.0f64);
        for &(a, b) in &pairs {
            let (ours, before) = (compare(&stored[a], &stored[b]), compare(&exact[a], &exact[b]));
            let change = (ours.score - before.score).abs();
            largest = largest.max(change);
            sum += change;
            largest_cosine = largest_cosine.max((ours.cosine - before.cosine).abs());
        }
        let average = sum / pairs.len() as f64;
        println!(
            "{scalar:?}: {} bytes, largest change {largest:.2e} (cosine {largest_cosine:.2e}), mean {average:.2e}",
            exact[0].to_bytes(scalar).len()
        );
        assert!(largest <= greatest, "{scalar:?}: {largest} is more than {greatest}");
        assert!(average <= mean, "{scalar:?}: {average} is more than {mean}");
    }
}
