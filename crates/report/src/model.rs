//! A report as plain data: what the pipeline fills in and what can be saved as JSON.

use serde::{Deserialize, Serialize};

use crate::attribute::AttributeSection;
use crate::evidence::LineMatrix;
use crate::images::ImageData;
use crate::plain;

/// Everything that the page shows.
///
/// **Units and conventions.** A figure that does not exist is `None` and printed as a dash; a figure that is NaN or
/// infinite is printed as a dash too. Lists of pairs keep their order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The page's title.
    pub title: String,
    /// One or two sentences beneath it; may be empty.
    pub summary: String,
    /// What ran, on what, at what cost.
    pub facts: RunFacts,
    /// How the network was trained; `None` where vectors were brought along.
    pub training: Option<Training>,
    /// The variances of the decomposition.
    pub spectrum: Option<Spectrum>,
    /// One section an attribute, in the order of the page.
    pub attributes: Vec<AttributeSection>,
    /// How far each attribute's line orders the others; `None` with a single attribute.
    pub lines: Option<LineMatrix>,
    /// The images of all strips, each once; cards point at them by index.
    pub images: Vec<ImageData>,
    /// What is needed to make the run again.
    pub recipe: Recipe,
}

impl Report {
    /// The index of an image in [`Report::images`], adding it unless one of the same id is there.
    pub fn intern(&mut self, image: ImageData) -> usize {
        match self.images.iter().position(|known| known.id == image.id) {
            Some(index) => index,
            None => {
                self.images.push(image);
                self.images.len() - 1
            }
        }
    }
}

/// The facts of a run, printed beneath the title.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RunFacts {
    /// The name of the data.
    pub dataset: String,
    /// Images in each split.
    pub splits: Vec<(String, usize)>,
    /// Wall time of the run in seconds, without compilation.
    pub seconds: Option<f64>,
    /// Peak resident memory in bytes.
    pub peak_memory_bytes: Option<u64>,
    /// Further facts, name and text, e.g. the recall of the index.
    pub more: Vec<(String, String)>,
}

/// How the network was trained and how well it does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Training {
    /// The network in words, e.g. `resnet-small, 0.7 M parameters`.
    pub network: String,
    /// The curves, one point an epoch.
    pub epochs: Vec<EpochPoint>,
    /// The epoch whose weights were kept.
    pub best_epoch: Option<usize>,
    /// Figures on held-out images, one row per attribute.
    pub accuracy: Vec<AccuracyRow>,
    /// The split of [`Training::accuracy`] and [`Training::confusions`].
    pub split: String,
    /// Confusion matrices of exclusive attributes.
    pub confusions: Vec<Confusion>,
}

/// One epoch of training. A loss or accuracy that is not finite leaves a gap in its curve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochPoint {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Mean training loss.
    #[serde(deserialize_with = "plain::nan_if_null")]
    pub train_loss: f64,
    /// Mean validation loss.
    #[serde(deserialize_with = "plain::nan_if_null")]
    pub validation_loss: f64,
    /// Validation accuracy of every attribute, between 0 and 1.
    #[serde(deserialize_with = "plain::pairs")]
    pub validation_accuracy: Vec<(String, f64)>,
}

/// How well one attribute is recognised on held-out images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AccuracyRow {
    /// The attribute.
    pub attribute: String,
    /// Labelled images that were scored.
    pub n: usize,
    /// Number of classes.
    pub classes: usize,
    /// Share of right answers.
    pub accuracy: Option<f64>,
    /// Mean F1 score over the classes.
    pub macro_f1: Option<f64>,
    /// Accuracy of always naming the most frequent class.
    pub majority: Option<f64>,
}

/// Counts of answers against truth.
///
/// **Shapes.** `counts` is `c x c`, rows true classes, columns answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// The attribute.
    pub attribute: String,
    /// Its classes.
    pub classes: Vec<String>,
    /// Images by true class and answer.
    pub counts: Vec<Vec<u64>>,
}

/// The variances of a principal component analysis.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spectrum {
    /// Variances along *all* axes, largest first; their sum is the total variance.
    pub variances: Vec<f64>,
    /// How many axes were kept.
    pub kept: usize,
    /// Numerical rank of the covariance.
    pub rank: Option<usize>,
}

/// What is needed to make the run again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The command line.
    pub command: String,
    /// The data's description (TOML) as it was read.
    pub description: String,
    /// Versions of the tool, the compiler, the machine.
    pub versions: Vec<(String, String)>,
    /// Seeds by purpose.
    pub seeds: Vec<(String, u64)>,
    /// The stages in the order in which they ran.
    pub stages: Vec<StageFact>,
}

/// One stage of the run and the artifact that it made or found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StageFact {
    /// The stage.
    pub name: String,
    /// The artifact's key.
    pub key: String,
    /// How long making it took, in seconds (by an earlier run, where it was found).
    pub seconds: Option<f64>,
    /// Whether it was found in the store.
    pub reused: bool,
}
