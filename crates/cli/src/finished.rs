//! `project` and `export`: what a finished run is good for.

use std::path::PathBuf;

use clap::Args;

use crate::JsonArgs;

/// Arguments of `project`.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The image files.
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// The attribute on whose direction they are placed.
    #[arg(long, value_name = "NAME")]
    pub attribute: String,
    /// The run: the name of a folder in STORE/runs; the latest when not given.
    #[arg(long)]
    pub run: Option<String>,
    /// Folder of the results [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Where the network runs, as for `pipeline` [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// The run: the name of a folder in STORE/runs; the latest when not given.
    #[arg(long)]
    pub run: Option<String>,
    /// The Parquet file to write; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Folder of the results [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}
