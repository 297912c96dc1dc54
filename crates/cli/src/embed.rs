//! `embed`: the vectors of a folder.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::JsonArgs;

/// Arguments of `embed`.
#[derive(Debug, Clone, Args)]
pub struct EmbedArgs {
    /// Say which networks, preprocessings and layers there are, and do nothing else.
    #[arg(long)]
    pub list: bool,
    /// The network; found from the weights when not given.
    #[arg(long, value_name = "NETWORK")]
    pub arch: Option<String>,
    /// The checkpoint: `.pth`, `.pt`, `.safetensors`, a folder with `model.safetensors`, or a published one by its name
    /// (`torchvision:resnet50-v1`, `hf:ORG/NAME`).
    #[arg(long, value_name = "FILE|NAME")]
    pub weights: Option<PathBuf>,
    /// How images are prepared for the network; it belongs to the weights [default: torchvision-v1]
    #[arg(long, value_name = "NAME")]
    pub preprocess: Option<String>,
    /// Whether images are turned upright as their EXIF data says. torchvision and timm ignore it [default: ignore]
    #[arg(long, value_enum)]
    pub exif: Option<ExifRule>,
    /// What becomes of transparent pixels. torchvision's loader takes the colour that the file states for them [default: drop]
    #[arg(long, value_enum)]
    pub alpha: Option<AlphaRule>,
    /// Files of more pixels are left out [default: 178956970]
    #[arg(long, value_name = "PIXELS")]
    pub max_pixels: Option<u64>,
    /// Files of more bytes are left out [default: 536870912]
    #[arg(long, value_name = "BYTES")]
    pub max_file_bytes: Option<u64>,
    /// Decode JPEG files that are much larger than needed at a half, a quarter or an eighth of their sides: faster, but not
    /// quite the pixels that the network was trained on.
    #[arg(long)]
    pub scaled: bool,
    /// The layer whose vectors are written [default: pool]
    #[arg(long, value_name = "LAYER")]
    pub tap: Option<String>,
    /// The kind of numbers that the network multiplies. `tf32` needs a CUDA device, `bf16` too or a processor with AMX-BF16 or
    /// AVX512-BF16. `bench precision` shows what it changes [default: f32]
    #[arg(long, value_enum)]
    pub precision: Option<PrecisionRule>,
    /// The Parquet file to write; it must not exist yet.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The folder of images; folders below it are read too.
    pub dir: Option<PathBuf>,
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

/// What becomes of a rotation that EXIF data asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExifRule {
    /// The image is turned upright.
    Apply,
    /// The image stays as it is stored.
    Ignore,
}

/// What becomes of transparent pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AlphaRule {
    /// Their colour is taken and the transparency dropped.
    Drop,
    /// They are laid on white.
    White,
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
    /// As bf16, emulated: rounds in the same places on any processor, and is slower than f32.
    Bf16Emulated,
}
