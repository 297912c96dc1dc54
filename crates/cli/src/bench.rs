//! `bench precision`: what the binary measures itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{JsonArgs, PrecisionRule, RunArgs};

/// Measurements that the binary makes itself.
#[derive(Debug, Clone, Subcommand)]
pub enum BenchCommand {
    /// Run a description in f32 and in bf16, and show how vectors, PCA, directions and walks differ.
    ///
    /// Both runs use the same network. What is not stored yet is made and stored. A processor with neither AMX-BF16 nor
    /// AVX512-BF16 emulates bf16: it rounds in the same places, and is slower.
    Precision(PrecisionArgs),
}

/// Arguments of `bench precision`.
#[derive(Debug, Clone, Args)]
pub struct PrecisionArgs {
    /// What is run.
    #[command(flatten)]
    pub run: RunArgs,
    /// The precision that is compared with f32; the device's own bf16 where it has one, otherwise the emulation.
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionRule>,
    /// Folder of the results, as for `pipeline` [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Threads; 0 takes one per core [default: 0]
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<usize>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}
