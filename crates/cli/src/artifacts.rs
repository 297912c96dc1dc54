//! `artifacts`: what lies in a store.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{JsonArgs, RunArgs, Stage};

/// Arguments of `artifacts`.
#[derive(Debug, Clone, Args)]
pub struct ArtifactsArgs {
    /// Folder of the results [default: .latentwalk]
    #[arg(long, value_name = "DIR", global = true)]
    pub store: Option<PathBuf>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: ArtifactsCommand,
}

/// What can be asked of a store.
#[derive(Debug, Clone, Subcommand)]
pub enum ArtifactsCommand {
    /// List every stored result: stage, key, size, seconds that it took, and when it was made.
    List,
    /// Print one result's manifest: what it was made from, its files and its figures.
    Show {
        /// The first characters of the key, or STAGE/KEY.
        key: String,
    },
    /// Say for each stage of a run why it would run, or that its result is stored.
    ///
    /// Takes the arguments that decide a run's results and explains the run that `pipeline` would make with the same
    /// ones. Nothing is run.
    Why(WhyArgs),
    /// Hash every stored file again, and name what is missing, changed or does not belong there.
    Verify,
    /// Remove the results that no recent run used, and what killed runs left behind.
    Gc {
        /// Keep the results that this many latest runs used [default: 3]
        #[arg(long, value_name = "RUNS")]
        keep_runs: Option<usize>,
        /// Remove the partial work of unfinished runs too; otherwise it is kept, so that the next run goes on from it.
        #[arg(long)]
        unfinished: bool,
        /// Say how much would be removed, and remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

/// Arguments of `artifacts why`.
#[derive(Debug, Clone, Args)]
pub struct WhyArgs {
    /// The run that is explained.
    #[command(flatten)]
    pub run: RunArgs,
    /// Explain this stage alone.
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<Stage>,
}
