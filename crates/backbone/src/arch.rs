//! The ResNet family: a table of rows, and the layers of each.

mod layout;

use crate::error::{Error, Result};
use crate::options::{OptimizerKind, TrainOptions};

pub(crate) use layout::{ConvPlan, DensePlan, Layout, Parameter, Start};

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
#[derive(Debug, Clone, PartialEq)]
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
    /// How it is trained from random weights where nothing is said of it; `None` as [`TrainOptions`](crate::TrainOptions) is by
    /// default.
    pub recipe: Option<Recipe>,
}

/// What belongs together in a training: an update rule, its rates, and how sharp the labels are. A rate means nothing with
/// another rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// [`TrainOptions::optimizer`](crate::TrainOptions::optimizer).
    pub optimizer: OptimizerKind,
    /// [`TrainOptions::learning_rate`](crate::TrainOptions::learning_rate).
    pub learning_rate: f64,
    /// [`TrainOptions::weight_decay`](crate::TrainOptions::weight_decay).
    pub weight_decay: f64,
    /// [`TrainOptions::warmup_epochs`](crate::TrainOptions::warmup_epochs), as a share of all epochs.
    pub warmup: f64,
    /// [`TrainOptions::label_smoothing`](crate::TrainOptions::label_smoothing).
    pub label_smoothing: f64,
}

/// The network where neither a name nor weights are given: it trains on a laptop.
pub const DEFAULT_ARCH: &str = "small";

const WIDTHS: [usize; 4] = [64, 128, 256, 512];

/// Every network of the family.
///
/// **Source** He et al., "Deep Residual Learning for Image Recognition", table 1, with the stride of a
/// bottleneck on its 3x3 convolution as in torchvision.
pub const ARCHITECTURES: [Arch; 7] = [
    Arch { recipe: Some(SGD), ..row("small", BlockKind::Basic, [1, 1, 1, 1], [16, 32, 64, 128], Stem::Small) },
    Arch { recipe: Some(SGD_SOFT), ..row("medium", BlockKind::Basic, [1, 1, 1, 1], [24, 48, 96, 192], Stem::Medium) },
    row("resnet18", BlockKind::Basic, [2, 2, 2, 2], WIDTHS, Stem::ImageNet),
    row("resnet34", BlockKind::Basic, [3, 4, 6, 3], WIDTHS, Stem::ImageNet),
    row("resnet50", BlockKind::Bottleneck, [3, 4, 6, 3], WIDTHS, Stem::ImageNet),
    row("resnet101", BlockKind::Bottleneck, [3, 4, 23, 3], WIDTHS, Stem::ImageNet),
    row("resnet152", BlockKind::Bottleneck, [3, 8, 36, 3], WIDTHS, Stem::ImageNet),
];

const fn row(name: &'static str, block: BlockKind, depths: [usize; 4], widths: [usize; 4], stem: Stem) -> Arch {
    Arch { name, block, depths, widths, stem, fc: 1000, recipe: None }
}

/// Found on photographs of 28 pixels that no figure of this project is measured on; docs/performance/recipe.md has the comparison.
const SGD: Recipe = Recipe {
    optimizer: OptimizerKind::Sgd,
    learning_rate: 0.1,
    weight_decay: 1e-3,
    warmup: 0.2,
    label_smoothing: 0.02,
};

/// The same with softer labels, as it was tried on garments of 96 pixels and on photographs of 28.
const SGD_SOFT: Recipe = Recipe { label_smoothing: 0.1, ..SGD };

impl Recipe {
    /// Options that train by it, the rest as in `options`.
    pub fn applied(&self, options: TrainOptions) -> TrainOptions {
        TrainOptions {
            optimizer: self.optimizer,
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            warmup_epochs: self.warmup * options.epochs as f64,
            label_smoothing: self.label_smoothing,
            ..options
        }
    }
}

impl Arch {
    /// The row called `name`.
    ///
    /// **Errors** [`Error::Unknown`] lists the names that exist.
    pub fn named(name: &str) -> Result<&'static Arch> {
        ARCHITECTURES.iter().find(|arch| arch.name == name).ok_or_else(|| Error::Unknown {
            what: "architecture",
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_changes_its_own_options_alone() {
        let recipe = Arch::named("small").unwrap().recipe.unwrap();
        let options = recipe.applied(TrainOptions { epochs: 10, batch: 7, ..TrainOptions::default() });
        options.validate().unwrap();
        assert_eq!((options.warmup_epochs, options.batch, options.optimizer), (2.0, 7, recipe.optimizer));
        let softer = Arch::named("medium").unwrap().recipe.unwrap();
        assert_eq!(Recipe { label_smoothing: recipe.label_smoothing, ..softer }, recipe);
        assert!(softer.label_smoothing > recipe.label_smoothing);
    }

    #[test]
    fn unknown_names_are_told_what_exists() {
        let message = Arch::named("resnet19").unwrap_err().to_string();
        assert!(message.contains("resnet19") && message.contains("resnet18") && message.contains("small"));
    }
}
