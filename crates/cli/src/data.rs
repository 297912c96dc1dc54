//! `init`, `import` and `garments`: images and their labels.

use std::path::PathBuf;

use clap::Args;

use crate::DescriptionArgs;

/// Arguments of `init`.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The folder of images.
    pub dir: PathBuf,
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
    /// With `--check`, read every file too: finds damaged files, and the same picture under two names.
    #[arg(long, requires = "check")]
    pub contents: bool,
    /// Folder of the results, as for `pipeline` [default: .latentwalk]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
}

/// Arguments of `garments`.
#[derive(Debug, Clone, Args)]
pub struct GarmentsArgs {
    /// The folder to make; it must not exist, or be empty.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Garments, their twins not counted [default: 20000]
    #[arg(long)]
    pub count: Option<usize>,
    /// Side of an image in pixels, 64 to 512 [default: 128]
    #[arg(long)]
    pub size: Option<u32>,
    /// Seed of the wardrobe [default: 1]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Draw every factor evenly and independently instead of as in a catalogue.
    #[arg(long)]
    pub balanced: bool,
    /// For this many garments render every twin too: copies that differ in one factor alone [default: 0]
    #[arg(long)]
    pub twin_sets: Option<usize>,
    /// Write PNG files instead of JPEG.
    #[arg(long)]
    pub png: bool,
}
