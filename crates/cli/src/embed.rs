//! `embed`: the vectors of a folder.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `embed`.
#[derive(Debug, Clone, Args)]
pub struct EmbedArgs {
    /// Say which networks, preprocessings and layers there are.
    #[arg(long)]
    pub list: bool,
    /// The network; found from the weights when not given.
    #[arg(long)]
    pub arch: Option<String>,
    /// Checkpoint: `.pth`, `.pt`, `.safetensors`, a folder with `model.safetensors`, or a name to fetch
    /// (`torchvision:resnet50-v1`, `hf:ORG/NAME`).
    #[arg(long, value_name = "FILE|NAME")]
    pub weights: Option<PathBuf>,
    /// How images are prepared; it belongs to the weights [default: torchvision-v1]
    #[arg(long, value_name = "NAME")]
    pub preprocess: Option<String>,
    /// Whether images are turned upright as their EXIF data says. The preprocessings here ignore it, as torchvision and timm
    /// do [default: ignore]
    #[arg(long, value_enum)]
    pub exif: Option<ExifRule>,
    /// Decode JPEG files that are much larger than asked for at a half, a quarter or an eighth of their sides: faster, but not
    /// quite the pixels that the network was trained on.
    #[arg(long)]
    pub scaled: bool,
    /// The layer whose vector is taken [default: pool]
    #[arg(long)]
    pub tap: Option<String>,
    /// The numbers in which the network multiplies. `tf32` needs a CUDA device; `bf16` needs a processor with AMX-BF16 or AVX512-BF16, or a CUDA device;
    /// `bf16-emulated` rounds alike on any processor, slower than `f32`. `bench precision` shows what it does [default: f32]
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionRule>,
    /// The Parquet file to write.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The folder of images; folders below it are read too.
    pub dir: Option<PathBuf>,
    /// Where the network runs, as for `pipeline` [default: cpu]
    #[arg(long)]
    pub device: Option<String>,
    /// Threads; 0 takes one per core [default: 0]
    #[arg(long)]
    pub threads: Option<usize>,
}

/// What becomes of a rotation that EXIF data asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExifRule {
    /// The image is turned upright.
    Apply,
    /// The image stays as it is stored.
    Ignore,
}

/// The numbers of a network's products.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PrecisionRule {
    /// 32-bit floats.
    F32,
    /// TF32, on a CUDA device.
    Tf32,
    /// bfloat16, summed in 32 bits.
    Bf16,
    /// The same by instructions for 32 bits.
    Bf16Emulated,
}
