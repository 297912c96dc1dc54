//! Floating-point operations of a network, from its row of the table: a multiplication and an addition are two.

use latentwalk_backbone::{Arch, BlockKind, Stem};

/// Operations of one pass over one image, by part. BatchNorm, ReLU, pooling and heads are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Flop {
    stem: f64,
    blocks: f64,
    fc: f64,
}

impl Flop {
    /// Up to the pooled vector.
    pub(crate) fn embedding(self) -> f64 {
        self.stem + self.blocks
    }

    /// Forward and both backward products; nobody needs the gradient of the pixels.
    pub(crate) fn training(self) -> f64 {
        2.0 * self.stem + 3.0 * (self.blocks + self.fc)
    }
}

/// The operations for one square colour image.
pub(crate) fn flop(arch: &Arch, side: usize) -> Flop {
    let (kernel, stride) = if arch.stem == Stem::Small { (3, 1) } else { (7, 2) };
    let mut side = side.div_ceil(stride);
    let stem = conv(side, kernel, 3, arch.widths[0]);
    if arch.stem == Stem::ImageNet {
        side = side.div_ceil(2);
    }
    let (mut blocks, mut channels) = (0.0, arch.widths[0]);
    for (stage, (&depth, &width)) in arch.depths.iter().zip(&arch.widths).enumerate() {
        for index in 0..depth {
            let stride = if stage > 0 && index == 0 { 2 } else { 1 };
            let after = side.div_ceil(stride);
            let out = width * if arch.block == BlockKind::Bottleneck { 4 } else { 1 };
            blocks += match arch.block {
                BlockKind::Basic => conv(after, 3, channels, width) + conv(after, 3, width, width),
                BlockKind::Bottleneck => {
                    conv(side, 1, channels, width) + conv(after, 3, width, width) + conv(after, 1, width, out)
                }
            };
            if stride != 1 || channels != out {
                blocks += conv(after, 1, channels, out);
            }
            (side, channels) = (after, out);
        }
    }
    Flop { stem, blocks, fc: 2.0 * (channels * arch.fc) as f64 }
}

fn conv(side: usize, kernel: usize, input: usize, output: usize) -> f64 {
    2.0 * (side * side * kernel * kernel * input * output) as f64
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn published_counts_are_met() {
        // He et al., table 1, give 3.8e9 and 1.8e9 multiplications; torchvision's stride on the 3x3 makes the first 4.1e9.
        let giga = |name| flop(Arch::named(name).unwrap(), 224).embedding() / 2e9;
        assert!((giga("resnet50") - 4.087).abs() < 0.001, "{}", giga("resnet50"));
        assert!((giga("resnet18") - 1.814).abs() < 0.001, "{}", giga("resnet18"));
    }

    #[test]
    fn training_is_three_passes_without_the_gradient_of_the_pixels() {
        let small = flop(Arch::named("small").unwrap(), 28);
        let forward = small.embedding() + small.fc;
        assert_eq!(small.training(), 3.0 * forward - small.stem);
        assert_eq!(small.fc, 256_000.0);
    }
}
