//! What `metrics.json` and `walks.json` hold.

use std::fs;
use std::path::Path;

use latentwalk_lines::{Metric, MetricKind, WalkFigures};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The file of the metrics stage.
pub const METRICS_FILE: &str = "metrics.json";
/// The file of the walks stage.
pub const WALKS_FILE: &str = "walks.json";

/// One attribute's metrics.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttributeMetrics {
    /// The attribute.
    pub name: String,
    /// The metric that walks and the index use.
    pub default: MetricKind,
    /// Whether validation starts chose it; else the description did.
    pub chosen_by_validation: bool,
    /// The metrics that the attribute can be walked in.
    pub metrics: Vec<Metric>,
    /// Figures of walks from validation starts, metric by metric.
    pub validation: Vec<(MetricKind, Figures)>,
}

impl AttributeMetrics {
    /// The metric that walks and the index use.
    ///
    /// # Errors
    /// [`Error::NoDefaultMetric`] when it is not among the metrics.
    pub fn default_metric(&self) -> Result<&Metric> {
        let found = self.metrics.iter().find(|m| m.kind() == self.default);
        found.ok_or_else(|| Error::NoDefaultMetric { attribute: self.name.clone() })
    }
}

/// Figures of many walks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Number of starts.
    pub starts: usize,
    /// Median over the starts of Spearman's correlation between stop and class.
    pub median_spearman: f64,
    /// Share of the strips that meet every class of the order.
    pub middle_visited: f64,
    /// Share of the retrieved images that carry a label of the attribute.
    pub on_attribute: f64,
    /// Stops without an image, over all strips.
    pub missed_stops: usize,
    /// Share of the strips in which the image stands that stands in most of them.
    #[serde(default)]
    pub most_frequent: f64,
    /// Mean distance from the line; `None` where nothing was retrieved.
    pub mean_distance: Option<f64>,
}

impl From<&WalkFigures> for Figures {
    fn from(f: &WalkFigures) -> Self {
        Self {
            starts: f.starts,
            median_spearman: f.median_spearman,
            middle_visited: f.middle_visited,
            on_attribute: f.on_attribute,
            missed_stops: f.missed_stops,
            most_frequent: f.most_frequent,
            mean_distance: f.mean_distance,
        }
    }
}

/// One attribute's walks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttributeWalks {
    /// The attribute.
    pub name: String,
    /// The metric of the strips.
    pub metric: MetricKind,
    /// Class indices from low to high: the declared order, or the found one.
    pub order: Vec<u32>,
    /// Whether the description declared the order.
    pub declared: bool,
    /// Positions of the stops.
    pub stops: Vec<f64>,
    /// Figures on the held-out starts, metric by metric.
    pub by_metric: Vec<(MetricKind, Figures)>,
    /// What is reached otherwise, in the default metric.
    pub yardsticks: Vec<(String, Figures)>,
    /// The strips that the report shows.
    pub strips: Vec<StripRecord>,
}

/// One strip; rows are the data set's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StripRecord {
    /// The row of the start.
    pub start: usize,
    /// The start's position along the direction.
    pub position: f64,
    /// The stops, from low to high positions.
    pub stops: Vec<StopRecord>,
}

/// One stop; no images where the slab is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StopRecord {
    /// Its position along the direction.
    pub position: f64,
    /// The positions `[low, high)` in which images are looked for.
    pub slab: (f64, f64),
    /// The images found, nearest first.
    pub images: Vec<ImageRecord>,
}

/// One retrieved image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// Its row.
    pub row: usize,
    /// Its position along the direction.
    pub position: f64,
    /// Its distance from the line, in the walk's metric.
    pub distance: f64,
}

/// The metrics of every attribute, from the folder of a metrics stage.
///
/// # Errors
/// A file that cannot be read, or that is none of ours.
pub fn read_metrics(folder: &Path) -> Result<Vec<AttributeMetrics>> {
    read_json(&folder.join(METRICS_FILE))
}

/// The walks of every attribute, from the folder of a walks stage.
///
/// # Errors
/// A file that cannot be read, or that is none of ours.
pub fn read_walks(folder: &Path) -> Result<Vec<AttributeWalks>> {
    read_json(&folder.join(WALKS_FILE))
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let bytes = fs::read(path).map_err(|error| failed(error.into()))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(error.into()))
}
