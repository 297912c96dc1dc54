//! `bench precision`: what the binary measures itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{DescriptionArgs, PrecisionRule};

/// Measurements that the binary makes itself.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// Run a description in f32 and in bf16, and show what bf16 does to vectors, PCA, directions and walks.
    ///
    /// Trains and stores what is not stored yet; both runs share the network. Where the processor has neither AMX-BF16 nor
    /// AVX512-BF16, bf16 is emulated: the same roundings, slower.
    Precision(PrecisionArgs),
}

/// Arguments of `bench precision`.
#[derive(Debug, Clone, Args)]
pub struct PrecisionArgs {
    /// What is run.
    #[command(flatten)]
    pub source: DescriptionArgs,
    /// The precision beside f32; the device's own bf16 where it has one, else its emulation.
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionRule>,
    /// Folder of the results, as for `pipeline` [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Write the figures as JSON too.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where the network runs, as for `pipeline` [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// Threads; 0 takes one per core [default: 0]
    #[arg(long)]
    pub threads: Option<usize>,
}
