//! The ResNet family: one table of rows, one builder.

use crate::error::{BackboneError, Result};
use crate::network::Tap;
use crate::spec::{Head, NetworkSpec};

/// The residual block of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// Two 3x3 convolutions.
    Basic,
    /// 1x1, 3x3 and 1x1 convolutions, the last four times as wide; the stride sits on the 3x3 ("v1.5").
    Bottleneck,
}

/// What stands before the first stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem {
    /// 7x7 convolution of stride 2, then 3x3 max-pooling of stride 2: for photographs of 100 pixels and more.
    ImageNet,
    /// 3x3 convolution of stride 1 without pooling: for images of 28 to 64 pixels.
    Small,
    /// 7x7 convolution of stride 2 without pooling: for images of 64 to 128 pixels.
    Medium,
}

/// One row of [`ARCHITECTURES`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arch {
    /// Name in specs and commands.
    pub name: &'static str,
    /// Kind of residual block.
    pub block: BlockKind,
    /// Blocks in each of the four stages.
    pub depths: [usize; 4],
    /// Width of each stage before a bottleneck's expansion.
    pub widths: [usize; 4],
    /// The stem.
    pub stem: Stem,
    /// Length of the FC vector unless the spec overrides it.
    pub fc: usize,
}

/// The network where neither a name nor weights are given: it trains on a laptop.
pub const DEFAULT_ARCH: &str = "small";

const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// Every network of the family.
///
/// **Source** He et al., "Deep Residual Learning for Image Recognition", table 1, with the stride of a
/// bottleneck on its 3x3 convolution as in torchvision.
pub const ARCHITECTURES: [Arch; 7] = [
    row("small", BlockKind::Basic, [1, 1, 1, 1], [16, 32, 64, 128], Stem::Small),
    row("medium", BlockKind::Basic, [1, 1, 1, 1], [24, 48, 96, 192], Stem::Medium),
    row("resnet18", BlockKind::Basic, [2, 2, 2, 2], WIDTHS, Stem::ImageNet),
    row("resnet34", BlockKind::Basic, [3, 4, 6, 3], WIDTHS, Stem::ImageNet),
    row("resnet50", BlockKind::Bottleneck, [3, 4, 6, 3], WIDTHS, Stem::ImageNet),
    row("resnet101", BlockKind::Bottleneck, [3, 4, 23, 3], WIDTHS, Stem::ImageNet),
    row("resnet152", BlockKind::Bottleneck, [3, 8, 36, 3], WIDTHS, Stem::ImageNet),
];

const fn row(name: &'static str, block: BlockKind, depths: [usize; 4], widths: [usize; 4], stem: Stem) -> Arch {
    Arch { name, block, depths, widths, stem, fc: 1000 }
}

impl Arch {
    /// The row called `name`.
    ///
    /// **Errors** [`BackboneError::UnknownArch`] lists the names that exist.
    pub fn named(name: &str) -> Result<&'static Arch> {
        ARCHITECTURES.iter().find(|arch| arch.name == name).ok_or_else(|| BackboneError::UnknownArch {
            name: name.to_owned(),
            known: ARCHITECTURES.iter().map(|arch| arch.name).collect(),
        })
    }

    /// Smallest image side: below it the last stage would have less than one pixel to look at.
    pub fn minimum_side(&self) -> usize {
        match self.stem {
            Stem::ImageNet => 32,
            Stem::Small => 8,
            Stem::Medium => 16,
        }
    }

    /// Length of the pooled vector.
    pub fn pooled(&self) -> usize {
        self.widths[3] * self.expansion()
    }

    fn expansion(&self) -> usize {
        match self.block {
            BlockKind::Basic => 1,
            BlockKind::Bottleneck => 4,
        }
    }
}

/// A convolution and the BatchNorm behind it; the padding is always half the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConvPlan {
    pub(crate) name: String,
    pub(crate) norm: String,
    pub(crate) input: usize,
    pub(crate) output: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
}

/// A residual block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BlockPlan {
    /// Whether it is the first of its stage.
    pub(crate) opens_stage: bool,
    pub(crate) convs: Vec<ConvPlan>,
    pub(crate) downsample: Option<ConvPlan>,
}

/// A fully connected layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DensePlan {
    pub(crate) name: String,
    pub(crate) input: usize,
    pub(crate) output: usize,
}

/// The whole network, layer by layer, with the names of torchvision's state dict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) stem: ConvPlan,
    pub(crate) pool: bool,
    pub(crate) blocks: Vec<BlockPlan>,
    pub(crate) fc: DensePlan,
    pub(crate) heads: Vec<DensePlan>,
}

/// How a parameter starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Start {
    /// Normal with this standard deviation.
    Normal(f64),
    /// Uniform in plus and minus this bound.
    Uniform(f64),
    /// A constant.
    Constant(f32),
}

/// A trainable tensor.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) start: Start,
}

impl Layout {
    /// The layers of a spec whose row is in the table.
    pub(crate) fn of(spec: &NetworkSpec) -> Result<Self> {
        let arch = Arch::named(&spec.arch)?;
        Ok(Self::build(arch, spec.in_channels, spec.fc.unwrap_or(arch.fc), &spec.heads))
    }

    /// The layers of any row.
    pub(crate) fn build(arch: &Arch, in_channels: usize, fc: usize, heads: &[Head]) -> Self {
        let (kernel, stride) = match arch.stem {
            Stem::ImageNet => (7, 2),
            Stem::Small => (3, 1),
            Stem::Medium => (7, 2),
        };
        let stem = conv("", 1, in_channels, arch.widths[0], kernel, stride);
        let mut channels = arch.widths[0];
        let mut blocks = Vec::new();
        for stage in 0..4 {
            for index in 0..arch.depths[stage] {
                let prefix = format!("layer{}.{index}.", stage + 1);
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                let block = block(arch, &prefix, channels, arch.widths[stage], stride);
                blocks.push(BlockPlan { opens_stage: index == 0, ..block });
                channels = arch.widths[stage] * arch.expansion();
            }
        }
        let head = |head: &Head| dense(format!("heads.{}", head.name), fc, head.classes);
        Layout {
            stem,
            pool: arch.stem == Stem::ImageNet,
            blocks,
            fc: dense("fc".to_owned(), channels, fc),
            heads: heads.iter().map(head).collect(),
        }
    }

    /// Length of the vectors of a tap.
    pub(crate) fn width(&self, tap: Tap) -> usize {
        match tap {
            Tap::Fc => self.fc.output,
            Tap::Pool => self.fc.input,
            Tap::Stem => self.stem.output,
            Tap::Layer1 => self.stage_width(0),
            Tap::Layer2 => self.stage_width(1),
            Tap::Layer3 => self.stage_width(2),
        }
    }

    /// Channels that a stage, counted from 0, puts out.
    pub(crate) fn stage_width(&self, stage: usize) -> usize {
        let mut openings = self.blocks.iter().enumerate().filter(|(_, block)| block.opens_stage);
        let next = openings.nth(stage + 1).map_or(self.blocks.len(), |(at, _)| at);
        self.blocks[..next].last().and_then(|block| block.convs.last()).map_or(0, |conv| conv.output)
    }

    /// The stem and the blocks before the last stage.
    pub(crate) fn steps_before_last_stage(&self) -> usize {
        1 + self.blocks.iter().rposition(|block| block.opens_stage).unwrap_or(0)
    }

    /// Every convolution with its BatchNorm, in the order of the forward pass.
    pub(crate) fn convs(&self) -> impl Iterator<Item = &ConvPlan> {
        let blocks = self.blocks.iter().flat_map(|block| block.convs.iter().chain(&block.downsample));
        std::iter::once(&self.stem).chain(blocks)
    }

    /// Every trainable tensor, in the order of the forward pass.
    ///
    /// **Source** starts as in torchvision's `ResNet.__init__` (He normal, fan-out) and `torch.nn.Linear`.
    pub(crate) fn parameters(&self) -> Vec<Parameter> {
        let mut list = Vec::new();
        let mut push = |name: String, shape: Vec<usize>, start| list.push(Parameter { name, shape, start });
        for conv in self.convs() {
            let fan_out = (conv.output * conv.kernel * conv.kernel) as f64;
            let shape = vec![conv.output, conv.input, conv.kernel, conv.kernel];
            push(format!("{}.weight", conv.name), shape, Start::Normal((2.0 / fan_out).sqrt()));
            push(format!("{}.weight", conv.norm), vec![conv.output], Start::Constant(1.0));
            push(format!("{}.bias", conv.norm), vec![conv.output], Start::Constant(0.0));
        }
        for dense in std::iter::once(&self.fc).chain(&self.heads) {
            let bound = Start::Uniform(1.0 / (dense.input as f64).sqrt());
            push(format!("{}.weight", dense.name), vec![dense.output, dense.input], bound);
            push(format!("{}.bias", dense.name), vec![dense.output], bound);
        }
        list
    }
}

fn block(arch: &Arch, prefix: &str, input: usize, width: usize, stride: usize) -> BlockPlan {
    let output = width * arch.expansion();
    let convs = match arch.block {
        BlockKind::Basic => vec![conv(prefix, 1, input, width, 3, stride), conv(prefix, 2, width, width, 3, 1)],
        BlockKind::Bottleneck => vec![
            conv(prefix, 1, input, width, 1, 1),
            conv(prefix, 2, width, width, 3, stride),
            conv(prefix, 3, width, output, 1, 1),
        ],
    };
    let downsample = (stride != 1 || input != output).then(|| ConvPlan {
        name: format!("{prefix}downsample.0"),
        norm: format!("{prefix}downsample.1"),
        ..conv(prefix, 0, input, output, 1, stride)
    });
    BlockPlan { opens_stage: false, convs, downsample }
}

fn conv(prefix: &str, index: usize, input: usize, output: usize, kernel: usize, stride: usize) -> ConvPlan {
    let (name, norm) = (format!("{prefix}conv{index}"), format!("{prefix}bn{index}"));
    ConvPlan { name, norm, input, output, kernel, stride }
}

fn dense(name: String, input: usize, output: usize) -> DensePlan {
    DensePlan { name, input, output }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn count(layout: &Layout) -> usize {
        layout.parameters().iter().map(|p| p.shape.iter().product::<usize>()).sum()
    }

    #[test]
    fn parameter_counts_are_torchvisions() {
        let expected = [
            ("resnet18", 11_689_512, 62),
            ("resnet34", 21_797_672, 110),
            ("resnet50", 25_557_032, 161),
            ("resnet101", 44_549_160, 314),
            ("resnet152", 60_192_808, 467),
        ];
        for (name, parameters, tensors) in expected {
            let layout = Layout::build(Arch::named(name).unwrap(), 3, 1000, &[]);
            assert_eq!(count(&layout), parameters, "{name}");
            assert_eq!(layout.parameters().len(), tensors, "{name}");
        }
    }

    #[test]
    fn every_row_has_unique_names_and_matching_channels() {
        for arch in &ARCHITECTURES {
            let heads = [Head::exclusive("kind", 5), Head::multi("style", 7)];
            let layout = Layout::build(arch, 1, arch.fc, &heads);
            let names: Vec<_> = layout.parameters().into_iter().map(|p| p.name).collect();
            assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{}", arch.name);
            assert!(names.contains(&"heads.kind.bias".to_owned()));
            let mut channels = layout.stem.output;
            for block in &layout.blocks {
                assert_eq!(block.convs[0].input, channels);
                let last = block.convs.last().unwrap();
                match &block.downsample {
                    Some(skip) => assert_eq!((skip.input, skip.output), (channels, last.output)),
                    None => assert_eq!(channels, last.output),
                }
                channels = last.output;
            }
            assert_eq!((channels, layout.fc.input), (arch.pooled(), arch.pooled()));
        }
    }

    #[test]
    fn unknown_names_are_told_what_exists() {
        let message = Arch::named("resnet19").unwrap_err().to_string();
        assert!(message.contains("resnet19") && message.contains("resnet18") && message.contains("small"));
    }
}
