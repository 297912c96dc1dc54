//! `pipeline`, and the description that many commands take.

use std::path::PathBuf;

use clap::Args;

use crate::{JsonArgs, Stage};

/// Arguments of `pipeline`.
#[derive(Debug, Clone, Default, Args)]
pub struct PipelineArgs {
    /// What is run.
    #[command(flatten)]
    pub run: RunArgs,
    /// Folder of the results; made when missing. It may hold other files, which are left alone [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Run this stage and all that follow it again, even where a result is stored.
    #[arg(long, value_name = "STAGE")]
    pub from: Option<Stage>,
    /// Stop after this stage.
    #[arg(long, value_name = "STAGE")]
    pub until: Option<Stage>,
    /// Say what would run and why, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Threads; 0 takes one per core. The results are the same with any number [default: 0]
    #[arg(long, value_name = "COUNT")]
    pub threads: Option<usize>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}

/// Everything on the command line that decides a run's results, and so the keys of its stages.
#[derive(Debug, Clone, Default, Args)]
pub struct RunArgs {
    /// The description.
    #[command(flatten)]
    pub source: DescriptionArgs,
    /// Where the network runs: `cpu`, or `cuda:0` in a build with the feature `cuda` [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
}

/// Which description, and where its data lie.
#[derive(Debug, Clone, Default, Args)]
pub struct DescriptionArgs {
    /// A built-in description (`fashion-mnist`, `garments`, `fashion-mnist-60k`, `imaterialist`) or the path of a TOML file
    /// [default: fashion-mnist]
    pub description: Option<String>,
    /// Change one key of the description, e.g. `--set probe.restarts=16`; may be given several times. docs/settings.md
    /// lists the keys.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// Folder in which the description's files are looked for, instead of the folder that the description lies in.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Checkpoint to start from: a ResNet of torchvision, timm or transformers (`.pth`, `.pt`, `.safetensors`, or a folder
    /// with `model.safetensors`), or a published one by its name (`torchvision:resnet50-v1`, `hf:ORG/NAME`), which is
    /// fetched once. A head of another size is replaced. `backbone.trainable` says what learns.
    #[arg(long, value_name = "FILE|NAME")]
    pub weights: Option<PathBuf>,
    /// Vectors that another program made: Parquet with the columns `id` and `vector`; `.npz` with `embeddings` and `ids`;
    /// `.npy` or safetensors with one row per image, in the images' order. No network is trained or run.
    #[arg(long, value_name = "FILE")]
    pub embeddings: Option<PathBuf>,
}
