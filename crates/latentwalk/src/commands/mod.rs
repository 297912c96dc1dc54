//! The commands, one file each.

mod answer;
mod artifacts;
mod bench_precision;
mod embed;
mod experiment;
mod explore;
mod export;
mod garments;
mod import;
mod init;
mod output;
mod pipeline;
mod plan;
mod project;
mod walk;

use anyhow::Result;
use latentwalk_artifacts::Store;
use latentwalk_cli::{BenchCommand, Command, FinishedArgs};
use latentwalk_run::Run;

use crate::defaults;
use crate::progress::Console;
pub use output::print;
use output::typed;

/// Runs a command.
///
/// # Errors
/// What the command says of its errors, in the file of its name.
pub fn run(command: &Command, console: &Console) -> Result<()> {
    match command {
        Command::Pipeline(args) => pipeline::run(args, &typed(), console),
        Command::Init(args) => init::run(args, console),
        Command::Import(args) => import::run(args, &typed(), console),
        Command::Garments(args) => garments::run(args, console),
        Command::Experiment(args) => experiment::run(args, &typed(), console),
        Command::Embed(args) => embed::run(args, console),
        Command::Explore(args) => explore::run(args, console),
        Command::Walk(args) => walk::run(args, console),
        Command::Project(args) => project::run(args, console),
        Command::Export(args) => export::run(args),
        Command::Artifacts(args) => artifacts::run(args, console),
    }
}

/// Runs a measurement.
///
/// # Errors
/// As [`run`].
pub fn bench(command: &BenchCommand, console: &Console) -> Result<()> {
    match command {
        BenchCommand::Precision(args) => bench_precision::run(args, &typed(), console),
    }
}

/// The run that a command is about.
fn finished(args: &FinishedArgs) -> Result<Run> {
    let store = Store::open_existing(defaults::store(args.store.as_deref()))?;
    Ok(Run::open(&store, args.run.as_deref())?)
}
