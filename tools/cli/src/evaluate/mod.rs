//! `qmagface evaluate`: the published experiments on labelled sets, each with a report.

mod chips;
mod clock;
mod commands;
mod finish;
mod list;
mod long;
mod pages;
mod photos;
mod scores;
mod set;
mod settings;
mod study;

use crate::arguments::Shared;
use crate::failure::Outcome;
use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// Accuracy by folds on the pairs of LFW, XQLFW, AgeDB-30, CFP-FP, CALFW or CPLFW
    SingleImage(commands::single_image::Arguments),
    /// EER, FNMR and AUC on pairs generated for each person
    Robustness(commands::robustness::Arguments),
    /// Error rates on all pairs of a set
    AllPairs(commands::all_pairs::Arguments),
    /// IJB-B and IJB-C: fused templates, TPR at each FPR
    Ijb(commands::ijb::Arguments),
    /// Error versus reject: how the errors fall when images of low quality are rejected
    Reject(commands::reject::Arguments),
    /// The best weight of the quality by threshold, and the lines fitted to it
    OptimalWeight(commands::optimal_weight::Arguments),
    /// How long comparing and fitting take, against the plain cosine
    Runtime(commands::cost::Arguments),
    /// How much memory comparing and fitting take, against the plain cosine
    Memory(commands::cost::Arguments),
    /// A whole study: several models on several sets, and the two published tables
    Run(study::Arguments),
}

pub fn run(shared: &Shared, command: &Command) -> Outcome {
    match command {
        Command::SingleImage(arguments) => commands::single_image::run(shared, arguments),
        Command::Robustness(arguments) => commands::robustness::run(shared, arguments),
        Command::AllPairs(arguments) => commands::all_pairs::run(shared, arguments),
        Command::Ijb(arguments) => commands::ijb::run(shared, arguments),
        Command::Reject(arguments) => commands::reject::run(shared, arguments),
        Command::OptimalWeight(arguments) => commands::optimal_weight::run(shared, arguments),
        Command::Runtime(arguments) => commands::cost::runtime(shared, arguments),
        Command::Memory(arguments) => commands::cost::memory(shared, arguments),
        Command::Run(arguments) => study::run(shared, arguments),
    }
}
