//! `experiment`: a question and its runs.

use std::path::PathBuf;

use clap::Args;

use crate::JsonArgs;

/// Arguments of `experiment`.
#[derive(Debug, Clone, Args)]
pub struct ExperimentArgs {
    /// A built-in experiment, `all` of them, or the path of an experiment's TOML file.
    #[arg(required_unless_present = "list")]
    pub name: Option<String>,
    /// Say which experiments there are, and run nothing.
    #[arg(long)]
    pub list: bool,
    /// Folder of the pages that are written; made when missing [default: docs/experiments]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Folder of the results, as for `pipeline` [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Where the network runs, as for `pipeline` [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// Threads; 0 takes one per core [default: 0]
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<usize>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}
