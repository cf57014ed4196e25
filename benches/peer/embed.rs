//! Chips to embeddings.

use crate::contender::{Contender, Outcome};
use crate::formula;
use qmagface::Chip;
use qmagface::Workers;
use qmagface::model::Store;
use qmagface::network::spec::Network;
use qmagface::network::{self, EmbeddingNetwork, Precision};
use serde_json::Value;
use std::path::Path;

pub struct Embed {
    network: Box<dyn EmbeddingNetwork>,
    chips: Vec<Chip>,
    batch: usize,
}

impl Embed {
    pub fn load(name: &str, precision: Precision, chips: &Path, workers: &Workers) -> Outcome<Self> {
        let kind = Network::from_name(name).ok_or_else(|| format!("no network {name}"))?;
        let weights = match kind {
            Network::SFace => Store::default_location()?.open("sface")?.load_weights()?,
            _ => formula::weights(kind),
        };
        let bytes = std::fs::read(chips)?;
        let chips = bytes.chunks(Chip::BYTES).map(|chip| Chip::from_bgr(chip.to_vec()));
        Ok(Embed {
            network: network::build(kind, &weights, precision, workers)?,
            chips: chips.collect::<Result<_, _>>()?,
            batch: 1,
        })
    }
}

impl Contender for Embed {
    fn case(&mut self, name: &str) -> Outcome<Value> {
        self.batch = name.parse()?;
        if self.batch == 0 || self.batch > self.chips.len() {
            return Err(format!("a batch of {} from {} chips", self.batch, self.chips.len()).into());
        }
        Ok(Value::Null)
    }

    fn step(&mut self) -> Outcome<()> {
        let chips: Vec<&Chip> = self.chips[..self.batch].iter().collect();
        std::hint::black_box(self.network.forward(&chips)?);
        Ok(())
    }

    /// All chips, batch by batch; what is left over after whole batches is filled up with the first ones.
    fn output(&mut self) -> Outcome<(Vec<usize>, Vec<f32>)> {
        let count = self.chips.len();
        let mut rows = Vec::new();
        for start in (0..count).step_by(self.batch) {
            let chips: Vec<&Chip> = (start..start + self.batch).map(|i| &self.chips[i % count]).collect();
            rows.extend(self.network.forward(&chips)?);
        }
        rows.truncate(count);
        Ok((vec![count, rows[0].len()], rows.concat()))
    }
}
