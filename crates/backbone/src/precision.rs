//! The numbers in which products are made.

use serde::{Deserialize, Serialize};

/// The numbers in which convolutions and linear layers are multiplied during training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// Products of TF32 numbers: 32-bit floats with 10 bits of mantissa instead of 23, summed in 32 bits. On a CUDA device
    /// from NVIDIA's Ampere on, for training and evaluation; everything but the products is in 32 bits.
    Tf32,
    /// Products of bfloat16 numbers, 8 significant bits, summed in 32. On a CUDA device, also for training: weights, BatchNorm,
    /// sums over images, losses and the optimizer stay in 32 bits; bfloat16 has the range of a 32-bit float, so that losses
    /// need no scaling. On a processor, for evaluation, where it has AMX-BF16 or AVX512-BF16: activations are bfloat16 too up
    /// to the mean over all pixels.
    Bf16,
    /// What [`Precision::Bf16`] gives on a processor, by 32-bit instructions: slower than [`Precision::F32`], for evaluation, to
    /// see what it does where the instructions are missing.
    #[serde(rename = "bf16-emulated")]
    Bf16Emulated,
}

impl Precision {
    /// The name in descriptions and on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Precision::F32 => "f32",
            Precision::Tf32 => "tf32",
            Precision::Bf16 => "bf16",
            Precision::Bf16Emulated => "bf16-emulated",
        }
    }
}
