//! `project` and `export`: what a finished run is good for.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `project`.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The images.
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// The attribute whose direction is taken.
    #[arg(long)]
    pub attribute: String,
    /// A run below STORE/runs; the latest when not given.
    #[arg(long)]
    pub run: Option<String>,
    /// Folder of the results [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Where the network runs, as for `pipeline` [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
}

/// Arguments of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// A run below STORE/runs; the latest when not given.
    #[arg(long)]
    pub run: Option<String>,
    /// The Parquet file to write.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Folder of the results [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}
