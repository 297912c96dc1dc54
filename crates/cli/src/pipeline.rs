//! `pipeline`, and the description that many commands take.

use std::path::PathBuf;

use clap::Args;

use crate::Stage;

/// Arguments of `pipeline`.
#[derive(Debug, Clone, Default, Args)]
pub struct PipelineArgs {
    /// What is run.
    #[command(flatten)]
    pub source: DescriptionArgs,
    /// Folder of the results; made when missing. Foreign files in it are left alone [default: .latentwalk]
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
    /// Where the network runs: `cpu`, or `cuda:0` in a build with the feature `cuda` [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// Threads; 0 takes one per core. The results do not depend on it [default: 0]
    #[arg(long)]
    pub threads: Option<usize>,
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
    /// Folder of the files that the description names, instead of its own folder or the embedded files.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Checkpoint to start from: a ResNet of torchvision, timm or transformers (`.pth`, `.pt`, `.safetensors`, a folder
    /// with `model.safetensors`, or a name to fetch: `torchvision:resnet50-v1`, `hf:ORG/NAME`). Heads of another size are
    /// replaced. See also `backbone.trainable`.
    #[arg(long, value_name = "FILE|NAME")]
    pub weights: Option<PathBuf>,
    /// Vectors that another program made: Parquet with `id` and `vector`; `.npz` with `embeddings` and `ids`; `.npy` or
    /// safetensors in the order of the images. No network is trained or run.
    #[arg(long, value_name = "FILE")]
    pub embeddings: Option<PathBuf>,
}
