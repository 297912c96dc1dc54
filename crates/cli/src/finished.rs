//! `explore`, `walk`, `project` and `export`: what a finished run is good for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::JsonArgs;

/// Which run a command is about.
#[derive(Debug, Clone, Args)]
pub struct FinishedArgs {
    /// The run: the name of a folder in STORE/runs; the latest when not given.
    #[arg(long)]
    pub run: Option<String>,
    /// Folder of the results [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// Arguments of `explore`.
#[derive(Debug, Clone, Args)]
pub struct ExploreArgs {
    /// The run.
    #[command(flatten)]
    pub run: FinishedArgs,
    /// Another address to serve on than 127.0.0.1. Machines that reach it need the token in the printed address. Nothing that is sent is
    /// encrypted; SSH is safer.
    #[arg(long, value_name = "IP")]
    pub address: Option<std::net::IpAddr>,
    /// The port to serve on; 0 takes any that is free [default: 7117]
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Print the address only, and leave the browser alone.
    #[arg(long)]
    pub no_browser: bool,
}

/// Arguments of `walk`.
#[derive(Debug, Clone, Args)]
pub struct WalkArgs {
    /// Where the walk starts: the id of an image of the run, or an image file, which the run's network then places.
    #[arg(long, value_name = "ID|FILE")]
    pub start: String,
    /// The attribute that changes.
    #[arg(long, value_name = "NAME")]
    pub attribute: String,
    /// The value toward which the walk leads; without it, the walk goes along the attribute's axis, from its low end to its high one.
    #[arg(long, value_name = "VALUE")]
    pub toward: Option<String>,
    /// Stops [default: as many as the run's own walks have]
    #[arg(long, value_name = "COUNT")]
    pub stops: Option<usize>,
    /// Images for each stop [default: 1]
    #[arg(long, value_name = "COUNT")]
    pub per_stop: Option<usize>,
    /// An attribute on whose axis the position has to stay; may be given several times.
    #[arg(long, value_name = "NAME")]
    pub keep: Vec<String>,
    /// Write the images as one picture, the start first: PNG where the name ends in .png, else JPEG.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The run.
    #[command(flatten)]
    pub run: FinishedArgs,
    /// Where the network runs, as for `pipeline`; for an image file alone [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}

/// Arguments of `project`.
#[derive(Debug, Clone, Args)]
pub struct ProjectArgs {
    /// The image files.
    #[arg(required = true)]
    pub images: Vec<PathBuf>,
    /// The attribute on whose direction they are placed.
    #[arg(long, value_name = "NAME")]
    pub attribute: String,
    /// The run.
    #[command(flatten)]
    pub run: FinishedArgs,
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
    /// The run.
    #[command(flatten)]
    pub run: FinishedArgs,
    /// For whom it is written [default: table]
    #[arg(long, value_enum)]
    pub format: Option<ExportFormat>,
    /// The Parquet file to write, or the folder for the projector; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// For the atlas, what stands from left to right: ATTRIBUTE, ATTRIBUTE=VALUE or own:NAME [default: the first attribute's axis]
    #[arg(long, value_name = "LINE")]
    pub x: Option<String>,
    /// For the atlas, what stands from bottom to top [default: the next attribute's axis, or a principal axis]
    #[arg(long, value_name = "LINE")]
    pub y: Option<String>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}

/// For whom a run is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ExportFormat {
    /// One Parquet table of ids, labels, positions and classes.
    #[default]
    Table,
    /// The table, a place on two lines, neighbours and images: what Embedding Atlas opens.
    Atlas,
    /// A folder of what TensorBoard's projector opens: coordinates, labels and small images.
    Projector,
}
