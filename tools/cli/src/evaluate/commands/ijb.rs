//! `qmagface evaluate ijb`.

use crate::arguments::Shared;
use crate::evaluate::finish::{finish, prepare};
use crate::evaluate::long::{Session, with_bar};
use crate::evaluate::pages;
use crate::evaluate::scores::ScoreArguments;
use crate::evaluate::set::{self, SetArguments};
use crate::evaluate::settings::{MetricArguments, OutArguments, context};
use crate::failure::Outcome;
use clap::{Args, ValueEnum};
use qmagface_evaluate::data::ijb::{read_template_images, read_template_pairs};
use qmagface_evaluate::metrics::{IJB_FPRS, PublishedForm};
use qmagface_evaluate::protocol::{self, IjbLists};
use qmagface_evaluate::results::FusionName;
use std::path::PathBuf;

#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    set: SetArguments,
    /// The list `image template media`, such as ijbb_face_tid_mid.txt
    #[arg(long, value_name = "FILE")]
    templates: PathBuf,
    /// The list `template template label`, such as ijbb_template_pair_label.txt
    #[arg(long, value_name = "FILE")]
    pairs: PathBuf,
    /// How a template's images are fused
    #[arg(long, value_enum, default_value_t = Fusions::Both)]
    fusion: Fusions,
    #[command(flatten)]
    scores: ScoreArguments,
    #[command(flatten)]
    metrics: MetricArguments,
    #[command(flatten)]
    out: OutArguments,
}

/// How a template's images are fused.
#[derive(Clone, Copy, ValueEnum)]
enum Fusions {
    /// The mean of the embeddings
    Mean,
    /// Weighted by quality
    Quality,
    /// Each of both
    Both,
}

impl Fusions {
    fn names(self) -> &'static [FusionName] {
        match self {
            Fusions::Mean => &[FusionName::Mean],
            Fusions::Quality => &[FusionName::Quality],
            Fusions::Both => &[FusionName::Mean, FusionName::Quality],
        }
    }
}

pub fn run(shared: &Shared, arguments: &Arguments) -> Outcome {
    prepare(&arguments.out.out)?;
    arguments.set.check(&arguments.out.out)?;
    arguments.scores.check(arguments.set.model())?;
    arguments.metrics.check()?;
    let session = Session::new(shared, arguments.set.machine());
    let images = read_template_images(&arguments.templates)?;
    let pairs = read_template_pairs(&arguments.pairs)?;
    let loaded = arguments.set.load(shared, &arguments.out.out, false)?;
    let seed = arguments.out.seed;
    let (scores, mut settings) = arguments.scores.scores(session, arguments.set.model(), &loaded, seed)?;
    let mut options = arguments
        .metrics
        .options(scores, PublishedForm::Nearest, &IJB_FPRS, seed, &loaded);
    // Who is who follows from the genuine pairs of templates.
    options.metrics.replicates = arguments.metrics.replicates;
    let lists = IjbLists {
        images: &images,
        pairs: &pairs,
    };
    let found = with_bar(session, "comparing templates", |work| {
        protocol::ijb(&loaded.set, &lists, arguments.fusion.names(), &options, work)
    })?;
    settings.push(("template list".to_owned(), set::described(&arguments.templates)?));
    settings.push(("pair list".to_owned(), set::described(&arguments.pairs)?));
    let chip = |name: &str| loaded.chips.png(name);
    let context = context(session, &loaded, arguments.metrics.metrics, settings, &chip);
    finish(shared, &pages::ijb(&context, &found)?, &arguments.out.out, &loaded)
}
