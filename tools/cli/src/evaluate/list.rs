//! Which pairs a command compares where it needs a list of them.

use clap::Args;
use qmagface::pairs::{List, Pair, Prepared, SampleOptions, sample};
use qmagface::{Error, ErrorKind, Result};

/// Most pairs that are listed when all are asked for: 1.2 GB of them while they are scored.
const MOST: u64 = 20_000_000;

/// Which pairs are compared.
#[derive(Args)]
pub struct ListArguments {
    /// All pairs of the set (at most 20 million), instead of pairs generated as for `robustness`
    #[arg(long)]
    all: bool,
    /// Most images of one person in generated pairs
    #[arg(long, default_value_t = 10, value_name = "N", conflicts_with = "all")]
    images: usize,
    /// Impostor pairs for each of the two images of a generated genuine pair
    #[arg(long, default_value_t = 5, value_name = "N", conflicts_with = "all")]
    impostors: usize,
}

impl ListArguments {
    /// The pairs, and what the report's settings say of them.
    ///
    /// # Errors
    /// As [`sample`]; [`ErrorKind::Limit`] for too many pairs.
    pub fn list(&self, set: &Prepared, seed: u64) -> Result<(List, (String, String))> {
        let name = "pairs".to_owned();
        if !self.all {
            let options = SampleOptions {
                images: self.images,
                impostors: self.impostors,
                seed,
            };
            return Ok((sample(set, &options)?, (name, described(&options))));
        }
        let total = set.count().total();
        if total > MOST {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("the set has {total} pairs, at most {MOST} can be listed: leave --all out"),
            ));
        }
        let subjects = set.subjects();
        let mut pairs = Vec::with_capacity(total as usize);
        for b in 1..set.len() {
            pairs.extend((0..b).map(|a| Pair {
                a: a as u32,
                b: b as u32,
                genuine: subjects[a] == subjects[b],
            }));
        }
        Ok((List::new(set, pairs)?, (name, "all of the set".to_owned())))
    }
}

/// How pairs were generated, in words.
pub fn described(options: &SampleOptions) -> String {
    format!(
        "generated: at most {} images of a person, all genuine pairs of them, {} impostor pairs for each image of a \
         genuine pair; seed {}",
        options.images, options.impostors, options.seed
    )
}
