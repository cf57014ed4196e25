//! This library's side of `scripts/bench-peers`: a process that stays alive, and computes only when it is asked to.
//!
//! It is told what to load on its command line, and what to run on standard input, see [`protocol`].

mod compare;
mod contender;
mod detect;
mod embed;
mod images;
mod pipeline;
mod protocol;

#[path = "../../tests/common/formula.rs"]
#[allow(dead_code)] // its check values are for the tests
mod formula;

use clap::Parser;
use contender::{Contender, Outcome};
use qmagface::Workers;
use qmagface::network::Precision;
use std::path::PathBuf;
use std::process::ExitCode;

/// The worker of `scripts/bench-peers`.
#[derive(Parser)]
struct Arguments {
    /// Threads for everything on the CPU.
    #[arg(long)]
    threads: usize,
    #[command(subcommand)]
    part: Part,
}

#[derive(clap::Subcommand)]
enum Part {
    /// Chips to embeddings; a case is a batch size.
    Embed {
        /// iresnet50 or iresnet100, which have formula weights, or sface, the installed pack.
        network: String,
        precision: Precision,
        /// The chips' bytes, 112 x 112 x 3 each, BGR.
        #[arg(long)]
        chips: PathBuf,
    },
    /// Photos to faces; a case is a photo's path.
    Detect,
    /// A photo's bytes to pixels; a case is a photo's path.
    Decode,
    /// The best face of a photo to a chip; a case is a photo's path.
    Align,
    /// A file to a template; a case is a photo's path.
    Pipeline,
    /// Templates against templates: a case is `n:m`, `1:n`, or `read`, which only reads the gallery.
    Compare {
        /// The probes' floats, `--length` each, each probe of Euclidean length 1.
        #[arg(long)]
        probes: PathBuf,
        /// The gallery's floats, likewise.
        #[arg(long)]
        gallery: PathBuf,
        #[arg(long)]
        length: usize,
    },
}

fn main() -> ExitCode {
    // `cargo bench` without a name runs every benchmark with this argument and nothing else.
    if std::env::args().skip(1).eq(["--bench"]) {
        println!("peer: the worker of scripts/bench-peers, which runs nothing by itself");
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::parse();
    match protocol::serve(|| load(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn load(arguments: &Arguments) -> Outcome<Box<dyn Contender>> {
    let workers = Workers::new(Some(arguments.threads))?;
    Ok(match &arguments.part {
        Part::Embed {
            network,
            precision,
            chips,
        } => Box::new(embed::Embed::load(network, *precision, chips, &workers)?),
        Part::Detect => Box::new(detect::Detect::load(&workers)?),
        Part::Decode => Box::new(images::Decode::default()),
        Part::Align => Box::new(images::Align::load(&workers)?),
        Part::Pipeline => Box::new(pipeline::Pipeline::load(arguments.threads)?),
        Part::Compare {
            probes,
            gallery,
            length,
        } => Box::new(compare::Compare::load(probes, gallery, *length, arguments.threads)?),
    })
}
