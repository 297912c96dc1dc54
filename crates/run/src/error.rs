//! What can go wrong when a run is opened or walked.
//!
//! [`enum@Error`] is public: a program that opens runs can tell what the run lacks ([`Error::NoRun`], [`Error::NoResult`],
//! [`Error::NoDirection`]) from what a stage's crate refuses, which it hands on under that crate's name. Within the workspace
//! nobody matches a variant.

use std::path::PathBuf;

use latentwalk_images::Dataset;
use latentwalk_lines::MetricKind;

/// Result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A run that is not there or not whole, or a question that it cannot answer; each message names the culprit.
///
/// The first line of a message is the cause. A second one, `hint: …`, says what to do about it. A cause that another
/// library told is the [source](std::error::Error::source) and not part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store has no run, or none of this name.
    #[error("there is no run{} in {}\nhint: {}", quoted(name), runs.display(), other_run(name))]
    NoRun {
        /// The name that was asked for, if one was.
        name: Option<String>,
        /// The folder of runs.
        runs: PathBuf,
    },
    /// The run lacks a stage's result.
    #[error("the run has no `{stage}`: {why}\nhint: {hint}")]
    NoResult {
        /// The stage.
        stage: String,
        /// Why: the run never had it, or the store has lost it.
        why: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// A parameter of an artifact's manifest is missing or of another type.
    #[error("the run's `{key}` is unknown to this version")]
    Parameter {
        /// The parameter's dotted name.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Coordinates and images that do not belong together.
    #[error("{} has {rows} rows for {images} images\nhint: run again with --from embeddings", path.display())]
    Rows {
        /// The file of coordinates.
        path: PathBuf,
        /// Its rows.
        rows: usize,
        /// The images of the data set.
        images: usize,
    },
    /// A row beyond the data set's last.
    #[error("row {row} does not exist: the data set has {rows}, the first is 0")]
    NoRow {
        /// The row.
        row: usize,
        /// Number of rows.
        rows: usize,
    },
    /// A key names an attribute, a class or a split that does not exist.
    #[error("`{key}` names the {kind} `{name}`; it must be one of {}", known.join(", "))]
    Unknown {
        /// The key.
        key: String,
        /// What it names: "attribute", "class" or "split".
        kind: &'static str,
        /// The unknown name.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The run has no direction of this attribute.
    #[error("the run has no direction of `{attribute}`; it has {}", known.join(", "))]
    NoDirection {
        /// The attribute.
        attribute: String,
        /// The attributes that have a direction.
        known: Vec<String>,
    },
    /// The run built no index in the metric in which an attribute is walked.
    #[error(
        "the run has no index for walks along `{attribute}`; it has {}\nhint: set `walks.search = \"hnsw\"` and run again",
        one_or_none(known)
    )]
    NoIndex {
        /// The attribute.
        attribute: String,
        /// The attributes that have one.
        known: Vec<String>,
    },
    /// The run has no line of this name.
    #[error("the run has no line `{name}`\nhint: name one of {}", known.join(", "))]
    NoLine {
        /// The name.
        name: String,
        /// The names of the lines that there are.
        known: Vec<String>,
    },
    /// No image may be retrieved, or none may start a walk.
    #[error("no image {can}\nhint: {hint}")]
    NoImages {
        /// What no image can, with the split and the attribute.
        can: String,
        /// What to do.
        hint: &'static str,
    },
    /// An attribute that cannot be walked in a metric.
    #[error("`{attribute}` cannot be walked in {kind}\nhint: name another metric in `metrics.kinds`")]
    Metric {
        /// The attribute.
        attribute: String,
        /// The metric.
        kind: MetricKind,
        /// The reason.
        source: latentwalk_lines::Error,
    },
    /// The metric that was chosen is not among an attribute's metrics.
    #[error("metrics.json lacks the default metric of `{attribute}`")]
    NoDefaultMetric {
        /// The attribute.
        attribute: String,
    },
    /// A walk that cannot be made, or whose stops cannot be placed.
    #[error("cannot walk along `{attribute}`")]
    Walk {
        /// The attribute.
        attribute: String,
        /// The reason.
        source: Box<Error>,
    },
    /// A walk that makes no sense as it was asked for.
    #[error("{reason}\nhint: {hint}")]
    Asked {
        /// Why.
        reason: String,
        /// What to do.
        hint: &'static str,
    },
    /// A file or a folder that cannot be read, or that is none of ours.
    #[error("cannot read {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system or the JSON library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store refused.
    #[error(transparent)]
    Artifacts(#[from] latentwalk_artifacts::Error),
    /// The data set refused.
    #[error(transparent)]
    Images(#[from] latentwalk_images::Error),
    /// A table of vectors refused.
    #[error(transparent)]
    Embeddings(#[from] latentwalk_embeddings::Error),
    /// The axes refused.
    #[error(transparent)]
    Decomposition(#[from] latentwalk_decomposition::Error),
    /// A direction refused.
    #[error(transparent)]
    Probe(#[from] latentwalk_probe::Error),
    /// A metric, a space or an index refused.
    #[error(transparent)]
    Lines(#[from] latentwalk_lines::Error),
    /// Pixels that are not as many as the images' shape says.
    #[error("packed images of another shape than the network takes")]
    Shape(#[from] ndarray::ShapeError),
    /// The network refused.
    #[error(transparent)]
    Backbone(#[from] latentwalk_backbone::Error),
}

impl Error {
    /// A key that names an attribute which the data set does not have.
    pub(crate) fn undeclared(dataset: &Dataset, key: &str, name: &str) -> Self {
        let known = dataset.attributes.iter().map(|attribute| attribute.name.clone()).collect();
        Self::Unknown { key: key.to_owned(), kind: "attribute", name: name.to_owned(), known }
    }
}

/// ` `name``, where a name was asked for.
fn one_or_none(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

fn quoted(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(" `{name}`")).unwrap_or_default()
}

fn other_run(name: &Option<String>) -> &'static str {
    match name {
        None => "run the pipeline first",
        Some(_) => "name one of the folders there, or none to take the latest run",
    }
}
