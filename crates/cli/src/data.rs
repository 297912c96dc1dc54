//! `init`, `import` and `garments`: images and their labels.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::{DescriptionArgs, JsonArgs};

/// Arguments of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The folder of images.
    pub dir: PathBuf,
    /// The description to write; it must not exist yet. Paths in it start from its own folder [default: DIR/latentwalk.toml]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}

/// Arguments of `import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// What is read.
    #[command(flatten)]
    pub source: DescriptionArgs,
    /// Say what was understood, and import nothing.
    #[arg(long)]
    pub check: bool,
    /// With `--check`: decode every image file too, to find damaged files and the same picture under two names.
    #[arg(long, requires = "check")]
    pub contents: bool,
    /// Folder of the results, as for `pipeline` [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}

/// Arguments of `garments`.
#[derive(Debug, Clone, Args)]
pub struct GarmentsArgs {
    /// The folder to write into; it must not exist yet, or be empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How many garments, not counting their twins [default: 20000]
    #[arg(long)]
    pub count: Option<usize>,
    /// Side of an image in pixels, 64 to 512 [default: 128]
    #[arg(long, value_name = "PIXELS")]
    pub size: Option<u32>,
    /// Seed of the wardrobe: another seed draws other garments [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Draw every factor evenly and independently of the others, instead of as in a shop's catalogue.
    #[arg(long)]
    pub balanced: bool,
    /// For this many garments render every twin too: a copy that differs in one factor alone [default: 0]
    #[arg(long, value_name = "GARMENTS")]
    pub twin_sets: Option<usize>,
    /// The format of the images [default: jpeg]
    #[arg(long, value_enum)]
    pub format: Option<ImageFormat>,
    /// The result as JSON.
    #[command(flatten)]
    pub json: JsonArgs,
}

/// How rendered images are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImageFormat {
    /// JPEG, each image with a quality of its own, as photographs have.
    Jpeg,
    /// PNG: the pixels exactly as they were rendered.
    Png,
}
