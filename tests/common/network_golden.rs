//! The golden data of the iResNets (ten chips, their embeddings in f64, two inner layers of the first chip), and how close
//! a network must come to it.

use qmagface::Chip;
use qmagface::network::{EmbeddingNetwork, Precision, spec::Network};
use safetensors::{Dtype, SafeTensors};

const LEAST_COSINE: f64 = 0.999_999;
const MOST_DIFFERENCE: f64 = 1e-4;

/// Holds a network in 16 bits against the reference in f64: the direction, and the magnitude, which is the quality. The
/// limits are about three times what an AVX-512 machine gives. Gives the embeddings of the first `count` chips.
pub fn reduced(
    named: &str,
    iresnet: &dyn EmbeddingNetwork,
    golden: &Golden,
    precision: Precision,
    count: usize,
) -> Vec<Vec<f32>> {
    let (least_cosine, most_relative) = match precision {
        Precision::F16 => (0.999_99, 1e-3),
        _ => (0.999, 1e-2),
    };
    let chips: Vec<&Chip> = golden.chips.iter().take(count).collect();
    let embeddings = iresnet.forward(&chips).unwrap();
    let (mut worst_cosine, mut worst_relative) = (1.0f64, 0.0f64);
    for (embedding, expected) in embeddings.iter().zip(&golden.embeddings) {
        let got: Vec<f64> = embedding.iter().map(|&v| v.into()).collect();
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        let (length, wanted) = (dot(&got, &got).sqrt(), dot(expected, expected).sqrt());
        worst_cosine = worst_cosine.min(dot(&got, expected) / (length * wanted));
        worst_relative = worst_relative.max((length / wanted - 1.0).abs());
    }
    println!(
        "{named}: least cosine 1 - {:.1e}, magnitude off by {worst_relative:.1e}",
        1.0 - worst_cosine
    );
    assert!(worst_cosine >= least_cosine, "{named}: cosine {worst_cosine}");
    assert!(worst_relative <= most_relative, "{named}: magnitude {worst_relative}");
    // It is another computation, not the f32 one under another name.
    assert!(worst_cosine < 1.0 - 1e-10, "{named}: as exact as f32");

    // The stages' maps are the published network's, whatever constants were carried elsewhere.
    let maps = iresnet.forward_stages(&chips[..1]).unwrap();
    for (map, expected) in maps[2..].iter().zip([&golden.layer3, &golden.layer4]) {
        let largest = expected.data.iter().fold(0.0f64, |most, value| most.max(value.abs()));
        for (&value, expected) in map.data.iter().zip(&expected.data) {
            let off = (f64::from(value) - expected).abs() / largest;
            assert!(
                off <= 4.0 * most_relative,
                "{named}: a stage's value is off by {off} of the largest"
            );
        }
    }
    embeddings
}

/// Holds a back end against the golden data; gives the embeddings.
pub fn against_golden(what: &str, iresnet: &dyn EmbeddingNetwork, golden: &Golden) -> Vec<Vec<f32>> {
    let chips: Vec<&Chip> = golden.chips.iter().collect();
    let mut worst = Worst::default();
    // The inner layers of the first chip, alone and as one of three and of ten.
    for batch in [1, 3, 10] {
        let maps = iresnet.forward_stages(&chips[..batch]).unwrap();
        assert_eq!(maps.len(), 4);
        for (layer, expected) in [(2, &golden.layer3), (3, &golden.layer4)] {
            let map = &maps[layer];
            assert_eq!(
                (map.shape[0], &map.shape[1..]),
                (batch, &expected.shape[1..]),
                "layer{}",
                layer + 1
            );
            assert_eq!(map.data.len(), map.shape.iter().product::<usize>());
            let first = &map.data[..expected.data.len()];
            worst.take(
                &format!("{what}, layer{} at batch {batch}", layer + 1),
                first,
                &expected.data,
            );
        }
    }

    let mut by_batch = Vec::new();
    for batch in [1, 3, 10] {
        let embeddings: Vec<Vec<f32>> = chips
            .chunks(batch)
            .flat_map(|chunk| iresnet.forward(chunk).unwrap())
            .collect();
        assert_eq!(embeddings.len(), chips.len());
        for (i, (embedding, expected)) in embeddings.iter().zip(&golden.embeddings).enumerate() {
            worst.take(&format!("{what}, chip {i} at batch {batch}"), embedding, expected);
        }
        by_batch.push(embeddings);
    }
    for (batch, embeddings) in [3, 10].into_iter().zip(&by_batch[1..]) {
        for (i, (single, batched)) in by_batch[0].iter().zip(embeddings).enumerate() {
            let single: Vec<f64> = single.iter().map(|&v| v.into()).collect();
            worst.take(
                &format!("{what}, chip {i} at batch {batch} against batch 1"),
                batched,
                &single,
            );
        }
    }
    println!(
        "{what}: least cosine 1 - {:.1e}, largest difference {:.1e}",
        1.0 - worst.cosine,
        worst.difference
    );
    by_batch.swap_remove(0)
}

/// The worst values over all comparisons of one network.
struct Worst {
    cosine: f64,
    difference: f64,
}

impl Default for Worst {
    fn default() -> Self {
        Worst {
            cosine: 1.0,
            difference: 0.0,
        }
    }
}

impl Worst {
    /// Holds one comparison against the limits.
    fn take(&mut self, what: &str, got: &[f32], expected: &[f64]) {
        assert_eq!(got.len(), expected.len(), "{what}");
        let mut dot = 0.0;
        let mut squares = (0.0, 0.0);
        let mut difference = 0.0f64;
        for (&a, &b) in got.iter().zip(expected) {
            let a = f64::from(a);
            assert!(a.is_finite(), "{what}: {a}");
            dot += a * b;
            squares = (squares.0 + a * a, squares.1 + b * b);
            difference = difference.max((a - b).abs());
        }
        // Near-zero values would pass the limit on the difference whatever they are.
        let rms = (squares.1 / expected.len() as f64).sqrt();
        assert!(rms > 0.1, "{what}: the expected values are small (rms {rms})");
        let cosine = dot / (squares.0 * squares.1).sqrt();
        assert!(cosine >= LEAST_COSINE, "{what}: cosine {cosine}");
        assert!(
            difference <= MOST_DIFFERENCE,
            "{what}: largest difference {difference}, rms of the values {rms}"
        );
        self.cosine = self.cosine.min(cosine);
        self.difference = self.difference.max(difference);
    }
}

pub struct Layer {
    shape: Vec<usize>,
    data: Vec<f64>,
}

/// One golden file.
pub struct Golden {
    pub chips: Vec<Chip>,
    embeddings: Vec<Vec<f64>>,
    layer3: Layer,
    layer4: Layer,
}

impl Golden {
    /// Those of a network; `None` where there is no golden data, which [`crate::common::shared`] allows or not.
    pub fn of(network: Network) -> Option<Golden> {
        let path = crate::common::shared(&format!("golden/{network}.safetensors"))?;
        Some(Golden::read(&std::fs::read(path).unwrap()))
    }

    fn read(bytes: &[u8]) -> Self {
        let file = SafeTensors::deserialize(bytes).unwrap();
        let chips = file.tensor("chips_bgr_u8").unwrap();
        assert_eq!(
            (chips.dtype(), chips.shape()),
            (Dtype::U8, &[10, Chip::SIZE, Chip::SIZE, 3][..])
        );
        let embeddings = file.tensor("embedding_f64").unwrap();
        assert_eq!((embeddings.dtype(), embeddings.shape()), (Dtype::F64, &[10, 512][..]));
        let values: Vec<f64> = embeddings
            .data()
            .as_chunks()
            .0
            .iter()
            .map(|&eight| f64::from_le_bytes(eight))
            .collect();
        let layer = |name: &str| {
            let tensor = file.tensor(name).unwrap();
            assert_eq!(tensor.dtype(), Dtype::F32);
            let values: Vec<f64> = tensor
                .data()
                .as_chunks()
                .0
                .iter()
                .map(|&four| f32::from_le_bytes(four).into())
                .collect();
            let shape = tensor.shape().to_vec();
            // The shape says 1 x c x h x w, but the values lie with the channels innermost, as PyTorch had them in
            // memory when the file was written.
            let (channels, cells) = (shape[1], shape[2] * shape[3]);
            let data = (0..values.len())
                .map(|i| values[i % cells * channels + i / cells])
                .collect();
            Layer { shape, data }
        };
        Golden {
            chips: chips
                .data()
                .chunks_exact(Chip::SIZE * Chip::SIZE * 3)
                .map(|pixels| Chip::from_bgr(pixels.to_vec()).unwrap())
                .collect(),
            embeddings: values.chunks_exact(512).map(<[f64]>::to_vec).collect(),
            layer3: layer("layer3_image0"),
            layer4: layer("layer4_image0"),
        }
    }
}
