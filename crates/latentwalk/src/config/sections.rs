//! The sections of a description and their defaults.

use std::path::PathBuf;

use latentwalk_backbone::{Precision, Tap, TrainOptions};
use latentwalk_decomposition::PcaOptions;
use latentwalk_embeddings::DEFAULT_ROW_GROUP_ROWS;
use latentwalk_lines::{
    DEFAULT_EF, DEFAULT_EF_CONSTRUCTION, DEFAULT_M, DEFAULT_METRICS, DEFAULT_PER_STOP, DEFAULT_SHRINKAGE, MetricKind,
    StopRule,
};
use latentwalk_probe::{DEFAULT_DRAWS, ProbeOptions};
use latentwalk_report::DEFAULT_THUMBNAIL_PX;
use latentwalk_run::Placing;
use serde::{Deserialize, Serialize};

pub use latentwalk_decomposition::DEFAULT_AXES;

/// The seed of every section that has a seed and is given none of its own.
pub const DEFAULT_SEED: u64 = 1;
/// Default of [`BackboneConfig::checkpoint_minutes`].
pub const DEFAULT_CHECKPOINT_MINUTES: f64 = 10.0;
/// Default of [`EmbeddingsConfig::batch`].
pub const DEFAULT_FORWARD_BATCH: usize = 128;
/// Default of [`MetricsConfig::default`].
pub const DEFAULT_METRIC: &str = "auto";
/// Default of [`MetricsConfig::starts`].
pub const DEFAULT_METRIC_STARTS: usize = 100;
/// Default of [`IndexConfig::unasked_rows`].
pub const DEFAULT_UNASKED_ROWS: usize = 20_000;
/// Default of [`IndexConfig::queries`].
pub const DEFAULT_INDEX_QUERIES: usize = 1000;
/// Default of [`WalksConfig::starts`].
pub const DEFAULT_WALK_STARTS: usize = 100;
/// Default of [`WalksConfig::start_split`].
pub const DEFAULT_START_SPLIT: &str = "test";
/// Default of [`TowardConfig::starts`].
pub const DEFAULT_TOWARD_STARTS: usize = 400;
/// Default of [`TowardConfig::strips`].
pub const DEFAULT_TOWARD_STRIPS: usize = 4;
/// Default of [`BaselinesConfig::images`].
pub const DEFAULT_BASELINE_IMAGES: usize = 10_000;
/// Default of [`WalksConfig::strips`].
pub const DEFAULT_STRIPS: usize = 6;

/// `[backbone]`: the network, and how it is trained.
///
/// The other keys are those of [`TrainOptions`].
#[derive(Debug, Clone, Serialize)]
pub struct BackboneConfig {
    /// The network: `small`, `medium`, `resnet18`, `resnet34`, `resnet50`, `resnet101` or `resnet152`. With weights and
    /// without a name, the one that the weights show. From random weights `small` and `medium` learn by a recipe of their own: SGD at
    /// 0.1, weight decay 0.001, a fifth of the epochs for warm-up, label smoothing 0.02 (`medium`: 0.1). What belongs together is taken
    /// whole: a description that gives one of `optimizer`, `learning_rate`, `weight_decay`, `momentum`, `nesterov`, `warmup_epochs` and `label_smoothing` gets
    /// the defaults below for the others. Default [`latentwalk_backbone::DEFAULT_ARCH`].
    pub arch: String,
    /// A checkpoint to start from, or its name in a hub, as `--weights` takes it; a path from the description's folder. Its
    /// content is part of the result's identity, its place is not.
    #[serde(skip)]
    pub weights: Option<PathBuf>,
    /// Minutes between checkpoints within an epoch, in addition to the one after each epoch. No part of a result's identity.
    /// Default [`DEFAULT_CHECKPOINT_MINUTES`].
    #[serde(skip)]
    pub checkpoint_minutes: f64,
    /// The preset that the weights were trained with: its mean and deviation are used. Without weights it is an error. Default
    /// [`latentwalk_backbone::DEFAULT_PREPROCESS`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preprocess: Option<String>,
    /// Length of the FC layer; without it the checkpoint's, or the architecture's own.
    pub fc: Option<usize>,
    /// The attributes that get a head; all of them when empty.
    pub heads: Vec<String>,
    /// The trainer's options.
    #[serde(flatten)]
    pub train: TrainOptions,
}

/// The architecture that a checkpoint shows.
pub const DETECTED: &str = "detected";

/// `[embeddings]`: every image's vectors, by the network or given.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmbeddingsConfig {
    /// Vectors that another program made, instead of a network's: a Parquet table (`id`, `vector`), `.npz` with `embeddings`
    /// and `ids`, or `.npy` and safetensors whose rows stand in the order of the images. A path from the description's
    /// folder; its content is part of the result's identity, its place is not.
    #[serde(skip_serializing)]
    pub file: Option<PathBuf>,
    /// The layers whose vectors are written. Default [`Tap::Fc`].
    pub taps: Vec<Tap>,
    /// Images per forward pass. Default [`DEFAULT_FORWARD_BATCH`].
    pub batch: usize,
    /// The numbers in which the network multiplies; `bf16` needs a device that has it. Default [`Precision::F32`].
    #[serde(skip_serializing_if = "is_f32")]
    pub precision: Precision,
    /// Rows per Parquet row group. Default [`DEFAULT_ROW_GROUP_ROWS`].
    pub row_group_rows: usize,
}

// Left out of descriptions that do not ask for another, so that runs without it keep their identity.
fn is_f32(precision: &Precision) -> bool {
    *precision == Precision::F32
}

impl Default for EmbeddingsConfig {
    fn default() -> Self {
        Self {
            file: None,
            taps: vec![Tap::default()],
            batch: DEFAULT_FORWARD_BATCH,
            precision: Precision::default(),
            row_group_rows: DEFAULT_ROW_GROUP_ROWS,
        }
    }
}

/// `[decomposition]`: PCA of the vectors; `axes` or `variance`, not both.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DecompositionConfig {
    /// The layer that is decomposed; one of `embeddings.taps`. Default [`Tap::Fc`].
    pub tap: Tap,
    /// Number of kept axes, unless `variance` is given. Default [`DEFAULT_AXES`].
    pub axes: Option<usize>,
    /// Share of the variance that the kept axes hold at least, instead of `axes`.
    pub variance: Option<f64>,
    /// Whether coordinates are divided by their standard deviation.
    pub whiten: bool,
}

impl Default for DecompositionConfig {
    fn default() -> Self {
        Self { tap: Tap::default(), axes: None, variance: None, whiten: PcaOptions::default().whiten }
    }
}

/// `[probe]`: which attributes get a direction, and how.
///
/// The other keys are those of [`ProbeOptions`].
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
    /// Draws for each number of classes. Default [`DEFAULT_DRAWS`].
    pub draws: usize,
    /// Seed of the draws. Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for NullConfig {
    fn default() -> Self {
        Self { base: None, draws: DEFAULT_DRAWS, seed: DEFAULT_SEED }
    }
}

/// `[metrics]`: the distance of a walk.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsConfig {
    /// The metrics that are fitted and compared, in order. Default [`DEFAULT_METRICS`].
    pub kinds: Vec<MetricKind>,
    /// `auto` chooses among them by validation starts; else one of them. Default [`DEFAULT_METRIC`].
    pub default: String,
    /// What is added to the within-class covariance's diagonal, as a share of the mean variance. Default
    /// [`DEFAULT_SHRINKAGE`].
    pub shrinkage: f64,
    /// Validation starts that choose the default. Default [`DEFAULT_METRIC_STARTS`].
    pub starts: usize,
    /// Seed of their draw. Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for MetricsConfig {
    fn default() -> Self {
        Self {
            kinds: DEFAULT_METRICS.to_vec(),
            default: DEFAULT_METRIC.to_owned(),
            shrinkage: DEFAULT_SHRINKAGE,
            starts: DEFAULT_METRIC_STARTS,
            seed: DEFAULT_SEED,
        }
    }
}

/// `[index]`: HNSW indexes of the pool, one per metric that is asked for.
///
/// `walks.search = "hnsw"` asks for every metric in which an attribute is walked. Exact walks ask for none: then there is one, in the
/// metric in which the most attributes are walked, for the sake of its recall.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IndexConfig {
    /// Whether indexes are built: each takes about 9 kB of memory per pool image, and inserts on one thread.
    pub enabled: bool,
    /// Pool images up to which an index is built that no walk asks for. Default [`DEFAULT_UNASKED_ROWS`].
    pub unasked_rows: usize,
    /// Links per point. Default [`DEFAULT_M`].
    pub m: usize,
    /// Candidates kept while building. Default [`DEFAULT_EF_CONSTRUCTION`].
    pub ef_construction: usize,
    /// Candidates kept while searching. Default [`DEFAULT_EF`].
    pub ef: usize,
    /// Queries that measure the recall, over all attributes. Default [`DEFAULT_INDEX_QUERIES`].
    pub queries: usize,
    /// Seed of their draw. Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for IndexConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            unasked_rows: DEFAULT_UNASKED_ROWS,
            m: DEFAULT_M,
            ef_construction: DEFAULT_EF_CONSTRUCTION,
            ef: DEFAULT_EF,
            queries: DEFAULT_INDEX_QUERIES,
            seed: DEFAULT_SEED,
        }
    }
}

/// How a stop's images are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchKind {
    /// Every image of the pool is looked at.
    #[default]
    Exact,
    /// Through the HNSW index.
    Hnsw,
}

/// `[walks]`: lines from held-out images, and the real images nearest to them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WalksConfig {
    /// Stops per strip. Default [`StopRule::DEFAULT_COUNT`].
    pub stops: usize,
    /// How they are placed. Default [`Placing::Medians`].
    pub placing: Placing,
    /// Images kept at each stop, nearest first. Default [`DEFAULT_PER_STOP`].
    pub per_stop: usize,
    /// How they are found. Default [`SearchKind::Exact`].
    pub search: SearchKind,
    /// Held-out starts behind the figures. Default [`DEFAULT_WALK_STARTS`].
    pub starts: usize,
    /// Split of the starts. Default [`DEFAULT_START_SPLIT`].
    pub start_split: String,
    /// Strips per attribute that are kept for the report. Default [`DEFAULT_STRIPS`].
    pub strips: usize,
    /// Seed of the draws. Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for WalksConfig {
    fn default() -> Self {
        Self {
            stops: StopRule::DEFAULT_COUNT,
            placing: Placing::default(),
            per_stop: DEFAULT_PER_STOP,
            search: SearchKind::default(),
            starts: DEFAULT_WALK_STARTS,
            start_split: DEFAULT_START_SPLIT.to_owned(),
            strips: DEFAULT_STRIPS,
            seed: DEFAULT_SEED,
        }
    }
}

/// `[toward]`: lines toward each value of an attribute.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TowardConfig {
    /// Most validation starts that choose among the ways, and most test starts that measure the chosen one. Default
    /// [`DEFAULT_TOWARD_STARTS`].
    pub starts: usize,
    /// Starts per attribute that the report shows with what was found for each value. Default [`DEFAULT_TOWARD_STRIPS`].
    pub strips: usize,
    /// What is added to the covariances' diagonals, as a share of the mean variance. Default [`DEFAULT_SHRINKAGE`].
    pub shrinkage: f64,
    /// Seed of the draws. Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for TowardConfig {
    fn default() -> Self {
        Self {
            starts: DEFAULT_TOWARD_STARTS,
            strips: DEFAULT_TOWARD_STRIPS,
            shrinkage: DEFAULT_SHRINKAGE,
            seed: DEFAULT_SEED,
        }
    }
}

/// `[baselines]`: what the network is compared with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BaselinesConfig {
    /// Most images, drawn at random, whose pixels and whose vectors in an untrained network are compared with those of the run; 0
    /// for no comparison. Default [`DEFAULT_BASELINE_IMAGES`].
    pub images: usize,
    /// Seed of the draw. Default [`DEFAULT_SEED`].
    pub seed: u64,
}

impl Default for BaselinesConfig {
    fn default() -> Self {
        Self { images: DEFAULT_BASELINE_IMAGES, seed: DEFAULT_SEED }
    }
}

/// `[report]`: the page.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReportConfig {
    /// Heading of the page; without it, made from the description's name.
    pub title: Option<String>,
    /// Longest side of an embedded image, in pixels. Default [`DEFAULT_THUMBNAIL_PX`].
    pub thumbnail_px: u32,
}

impl Default for ReportConfig {
    fn default() -> Self {
        Self { title: None, thumbnail_px: DEFAULT_THUMBNAIL_PX }
    }
}
