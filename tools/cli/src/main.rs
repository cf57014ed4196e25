//! The command line: `qmagface detect | align | embed | quality | compare | calibrate | evaluate | draw | models`.

mod album;
mod align;
mod apart;
mod arguments;
mod calibrate;
mod checked_line;
mod chip_record;
mod compare;
mod detect;
mod draw;
mod embed;
mod evaluate;
mod extract;
mod failure;
mod folder;
mod inputs;
mod journal;
mod labelled;
mod lock;
mod many;
mod models;
mod output;
mod own_file;
mod people;
mod picture;
mod pipeline;
mod quality;
mod stop;
mod targets;

use arguments::{OF_DETECTION, Shared};
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// Face recognition with quality in every comparison.
#[derive(Parser)]
#[command(name = "qmagface", version, arg_required_else_help = true, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// What `--help` says about exit codes; [`failure`] keeps them.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed, in whole or for some of the files; 2 wrong usage; \
3 no face where one is needed; 4 model not installed; 5 device not available; 130 stopped with Ctrl-C.
Models are kept in $QMAGFACE_CACHE, else $XDG_CACHE_HOME/qmagface, else ~/.cache/qmagface.";

/// What is logged unless RUST_LOG says otherwise. What a system's fonts look like inside is no user's concern: where a
/// letter has no font, `qmagface_report::drawing` says so.
const LOGGED: &str = "warn,fontdb=off,usvg=off,resvg=off";

#[derive(Subcommand)]
enum Command {
    /// Find faces and their five landmarks
    Detect(detect::Arguments),
    /// Align the faces of a folder of photos to 112x112 chips
    Align(align::Arguments),
    /// Embed a folder of chips or photos into .npy files
    Embed(embed::Arguments),
    /// Measure the quality of faces
    Quality(quality::Arguments),
    /// Compare the faces of two photos
    Compare(compare::Arguments),
    /// Fit the score and measure its thresholds on labelled photos or embeddings
    Calibrate(calibrate::Arguments),
    /// Run the published experiments, and write reports that people can look at
    #[command(subcommand)]
    Evaluate(evaluate::Command),
    /// Draw what the detector and the aligner see in a photo
    Draw(draw::Arguments),
    /// List, fetch, import, verify and export models
    #[command(subcommand)]
    Models(models::Command),
}

/// The command line. Options of detection are of `embed --align` alone, which can't be said where they are declared: other
/// commands have them too.
fn command_line() -> clap::Command {
    Cli::command().mut_subcommand("embed", |embed| {
        let with_align = |embed: clap::Command, option: &str| embed.mut_arg(option, |option| option.requires("align"));
        OF_DETECTION.into_iter().fold(embed, with_align)
    })
}

/// Fails for options of detection beside the chips of a .bin file, which only the file itself tells from a folder of photos.
fn check_packed(matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some(("evaluate", evaluate)) = matches.subcommand() else {
        return Ok(());
    };
    let Some((_, command)) = evaluate.subcommand() else {
        return Ok(());
    };
    let photos = command.try_get_one::<PathBuf>("photos").ok().flatten();
    let is_given = |id: &&&str| command.value_source(id) == Some(ValueSource::CommandLine);
    match (
        photos.filter(|photos| photos.is_file()),
        OF_DETECTION.iter().find(is_given),
    ) {
        (Some(photos), Some(option)) => Err(command_line().error(
            clap::error::ErrorKind::ArgumentConflict,
            format!(
                "--{} has no use for the aligned chips of {}",
                option.replace('_', "-"),
                photos.display()
            ),
        )),
        _ => Ok(()),
    }
}

fn main() -> ExitCode {
    let matches = command_line().get_matches();
    if let Err(error) = check_packed(&matches) {
        error.exit();
    }
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(LOGGED))
        .format_target(false)
        .init();
    let shared = &cli.shared;
    let result = match cli.command {
        Command::Detect(arguments) => detect::run(shared, &arguments),
        Command::Align(arguments) => align::run(shared, &arguments),
        Command::Embed(arguments) => embed::run(shared, &arguments),
        Command::Quality(arguments) => quality::run(shared, &arguments),
        Command::Compare(arguments) => compare::run(shared, &arguments),
        Command::Calibrate(arguments) => calibrate::run(shared, &arguments),
        Command::Evaluate(command) => evaluate::run(shared, &command),
        Command::Draw(arguments) => draw::run(shared, &arguments),
        Command::Models(command) => models::run(shared, &command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report(shared.json);
            failure.exit_code()
        }
    }
}
