//! The sections of a description and their defaults.

use std::path::PathBuf;

use latentwalk_backbone::{Precision, Tap, TrainOptions};
use latentwalk_lines::MetricKind;
use latentwalk_probe::ProbeOptions;
use latentwalk_run::{DEFAULT_STOPS, Placing};
use serde::{Deserialize, Serialize};

/// The seed of every stage that is given none of its own.
pub const DEFAULT_SEED: u64 = 1;

/// `[backbone]`: the network, and how it is trained (the other keys are [`TrainOptions`]).
#[derive(Debug, Clone, Serialize)]
pub struct BackboneConfig {
    /// A row of the table of architectures; [`DETECTED`] where weights are given and no architecture is.
    pub arch: String,
    /// A checkpoint to start from; a path from the description's folder. Its content is part of the result's identity,
    /// its place is not.
    #[serde(skip)]
    pub weights: Option<PathBuf>,
    /// Minutes between checkpoints within an epoch; one is written after every epoch besides. No part of a result's identity.
    #[serde(skip)]
    pub checkpoint_minutes: f64,
    /// The preset that the weights were trained with: its mean and deviation are used. With weights, torchvision-v1 unless
    /// told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preprocess: Option<String>,
    /// Length of the FC layer; the architecture's own when missing.
    pub fc: Option<usize>,
    /// The attributes that get a head; all of them when empty.
    pub heads: Vec<String>,
    /// The trainer's options.
    #[serde(flatten)]
    pub train: TrainOptions,
}

/// Default of [`BackboneConfig::checkpoint_minutes`].
pub const DEFAULT_CHECKPOINT_MINUTES: f64 = 10.0;

/// The architecture that a checkpoint shows.
pub const DETECTED: &str = "detected";

/// `[embeddings]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingsConfig {
    /// Vectors that another program made, instead of a network's: a Parquet table (`id`, `vector`) or a `.npy` file whose
    /// rows stand in the order of the images. A path from the description's folder; its content is part of the result's
    /// identity, its place is not.
    #[serde(skip_serializing)]
    pub file: Option<PathBuf>,
    /// The layers whose vectors are written.
    pub taps: Vec<Tap>,
    /// Images a forward pass.
    pub batch: usize,
    /// The numbers in which the network multiplies: `f32`, `bf16` where the device has it, or `bf16-emulated`.
    #[serde(skip_serializing_if = "is_f32")]
    pub precision: Precision,
    /// Rows a Parquet row group.
    pub row_group_rows: usize,
}

// Left out of descriptions that do not ask for another, so that runs without it keep their identity.
fn is_f32(precision: &Precision) -> bool {
    *precision == Precision::F32
}

impl Default for EmbeddingsConfig {
    fn default() -> Self {
        Self { file: None, taps: vec![Tap::Fc], batch: 128, precision: Precision::F32, row_group_rows: 16_384 }
    }
}

/// `[decomposition]`: `axes` or `variance`, not both.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecompositionConfig {
    /// The layer that is decomposed.
    pub tap: Tap,
    /// Number of kept axes.
    pub axes: Option<usize>,
    /// Share of the variance that the kept axes hold at least.
    pub variance: Option<f64>,
    /// Whether coordinates are divided by their standard deviation.
    pub whiten: bool,
}

impl Default for DecompositionConfig {
    fn default() -> Self {
        Self { tap: Tap::Fc, axes: None, variance: None, whiten: false }
    }
}

/// The article's number of axes.
pub const DEFAULT_AXES: usize = 50;

/// `[probe]`: which attributes get a direction, and how (the other keys are [`ProbeOptions`]).
#[derive(Debug, Clone, Serialize)]
pub struct ProbeConfig {
    /// The attributes that get a direction; all of them when empty.
    pub attributes: Vec<String>,
    /// The probe's options.
    #[serde(flatten)]
    pub options: ProbeOptions,
}

/// `[null]`: the same figures for random classes of one attribute in random order.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NullConfig {
    /// The attribute whose classes are drawn; no null is computed when missing.
    pub base: Option<String>,
    /// Draws for each number of classes.
    pub draws: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for NullConfig {
    fn default() -> Self {
        Self { base: None, draws: 200, seed: DEFAULT_SEED }
    }
}

/// `[metrics]`: the distance of a walk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// The metrics that are fitted and compared, in order: `euclidean`, `whitened`, `within-class`, `residual`.
    pub kinds: Vec<MetricKind>,
    /// `auto` chooses among them by validation starts; else one of them.
    pub default: String,
    /// What is added to the within-class covariance's diagonal, as a share of the mean variance.
    pub shrinkage: f64,
    /// Validation starts that choose the default.
    pub starts: usize,
    /// Seed of their draw.
    pub seed: u64,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            kinds: vec![MetricKind::Euclidean, MetricKind::Whitened, MetricKind::WithinClass],
            default: "auto".to_owned(),
            shrinkage: 1e-4,
            starts: 100,
            seed: DEFAULT_SEED,
        }
    }
}

/// `[index]`: HNSW.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndexConfig {
    /// Whether indexes are built: they take about 9 kB of memory a pool image and attribute, and insert on one thread.
    pub enabled: bool,
    /// Links a point.
    pub m: usize,
    /// Candidates kept while building.
    pub ef_construction: usize,
    /// Candidates kept while searching.
    pub ef: usize,
    /// Queries that measure the recall.
    pub queries: usize,
    /// Seed of their draw.
    pub seed: u64,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self { enabled: true, m: 16, ef_construction: 200, ef: 64, queries: 1000, seed: DEFAULT_SEED }
    }
}

/// How a stop's images are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchKind {
    /// Every image of the pool is looked at.
    Exact,
    /// Through the HNSW index.
    Hnsw,
}

/// `[walks]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WalksConfig {
    /// Stops a strip.
    pub stops: usize,
    /// How they are placed.
    pub placing: Placing,
    /// Images kept at each stop, nearest first.
    pub per_stop: usize,
    /// How they are found.
    pub search: SearchKind,
    /// Held-out starts behind the figures.
    pub starts: usize,
    /// Split of the starts.
    pub start_split: String,
    /// Strips an attribute that are kept for the report.
    pub strips: usize,
    /// Seed of the draws.
    pub seed: u64,
}

impl Default for WalksConfig {
    fn default() -> Self {
        Self {
            stops: DEFAULT_STOPS,
            placing: Placing::Medians,
            per_stop: 1,
            search: SearchKind::Exact,
            starts: 100,
            start_split: "test".to_owned(),
            strips: 6,
            seed: DEFAULT_SEED,
        }
    }
}

/// `[report]`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportConfig {
    /// Heading of the page; made from the description's name when missing.
    pub title: Option<String>,
    /// Longest side of an embedded image.
    pub thumbnail_px: u32,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self { title: None, thumbnail_px: 128 }
    }
}
