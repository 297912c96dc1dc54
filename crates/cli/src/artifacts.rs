//! `artifacts`: what lies in a store.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::Stage;

/// Arguments of `artifacts`.
#[derive(Debug, Clone, Args)]
pub struct ArtifactsArgs {
    /// Folder of the results [default: .latentwalk]
    #[arg(long, value_name = "DIR", global = true)]
    pub store: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: ArtifactsCommand,
}

/// What can be asked of a store.
#[derive(Debug, Clone, Subcommand)]
pub enum ArtifactsCommand {
    /// Every stored result: stage, key, size, when it was made and in how many seconds.
    List,
    /// One result's manifest: what made it, its files and figures.
    Show {
        /// The key's first characters, or STAGE/KEY.
        key: String,
    },
    /// Why a stage would run, or that its result is stored.
    Why {
        /// The stage to ask about; all of them when missing.
        stage: Option<Stage>,
        /// The description, as for `pipeline` [default: fashion-mnist]
        #[arg(long, value_name = "DESCRIPTION")]
        description: Option<String>,
        /// Change one key of the description, as for `pipeline`.
        #[arg(long = "set", value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// Folder of the files that the description names, as for `pipeline`.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// The device, as for `pipeline` [default: cpu]
        #[arg(long)]
        device: Option<String>,
    },
    /// Hash every stored file again and name what is missing, changed or in the way.
    Verify,
    /// Remove results that no recent run used, and what killed runs left behind.
    Gc {
        /// Keep the results of this many latest runs [default: 3]
        #[arg(long)]
        keep_runs: Option<usize>,
        /// Remove the checkpoints of unfinished runs too; without this they are kept for the next attempt.
        #[arg(long)]
        unfinished: bool,
        /// Say what would go, and remove nothing.
        #[arg(long)]
        dry_run: bool,
    },
}
