//! What can go wrong when a run is opened or walked.

use std::path::PathBuf;

/// Result with this crate's [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A run that is not there or not whole, or a question that it cannot answer; each message names the culprit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store has no run.
    #[error("there is no run in {}; run the pipeline first", runs.display())]
    NoRuns {
        /// The folder of runs.
        runs: PathBuf,
    },
    /// No run has this name.
    #[error("there is no run `{name}` in {}", runs.display())]
    UnknownRun {
        /// The name that was asked for.
        name: String,
        /// The folder of runs.
        runs: PathBuf,
    },
    /// A run's folder whose `run.json` cannot be read.
    #[error("{} holds no record of a run", folder.display())]
    NoRecord {
        /// The folder.
        folder: PathBuf,
    },
    /// The run did not have this stage.
    #[error("the run's record names no `{stage}`")]
    NotInRun {
        /// The stage.
        stage: String,
    },
    /// The store has lost an artifact.
    #[error("the run's `{stage}` is not in the store any more; run the pipeline again")]
    Gone {
        /// The stage.
        stage: String,
    },
    /// The run stands on vectors that another program made.
    #[error("the run was made from given vectors: without a network new images cannot be placed")]
    NoNetwork,
    /// A parameter of an artifact's manifest is missing or of another type.
    #[error("the run's `{key}` is unknown to this version: {source}")]
    Parameter {
        /// The parameter's dotted name.
        key: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// Coordinates and images that do not belong together.
    #[error("{} has {rows} rows for {images} images; run again with --from embeddings", path.display())]
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
    /// A key names an attribute that the description does not declare.
    #[error("`{key}` names `{name}`, which is not declared under [attributes]")]
    UndeclaredAttribute {
        /// The key.
        key: &'static str,
        /// The attribute.
        name: String,
    },
    /// A key names a class that the attribute does not have.
    #[error("`{key}.{attribute}` is `{class}`, which is none of its classes")]
    UnknownClass {
        /// The key.
        key: &'static str,
        /// The attribute.
        attribute: String,
        /// The class.
        class: String,
    },
    /// A key names a split that does not exist.
    #[error("`{key}` names the split `{name}`; the splits are train, validation and test")]
    UnknownSplit {
        /// The key.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// The run has no direction of this attribute.
    #[error("the run has no direction of `{attribute}`; it has {}", known.join(", "))]
    NoDirection {
        /// The attribute.
        attribute: String,
        /// The attributes that have a direction.
        known: Vec<String>,
    },
    /// No image may be retrieved.
    #[error("no image is in the retrieval pool; widen `pool.splits` or `pool.only`")]
    EmptyPool,
    /// No image may start a walk.
    #[error(
        "no labelled image of the split `{split}` can start a walk along `{attribute}`; widen `pool.starts_only`, or leave \
         the attribute out of `probe.attributes`"
    )]
    NoStart {
        /// The split.
        split: String,
        /// The attribute.
        attribute: String,
    },
    /// An attribute that can be walked in no metric.
    #[error("{}", reasons.join("; "))]
    NoMetric {
        /// One sentence per metric.
        reasons: Vec<String>,
    },
    /// The metric that was chosen is not among an attribute's metrics.
    #[error("metrics.json lacks the default metric of `{attribute}`")]
    NoDefaultMetric {
        /// The attribute.
        attribute: String,
    },
    /// Stops that cannot be placed.
    #[error("cannot place the stops of `{attribute}`: {source}")]
    Stops {
        /// The attribute.
        attribute: String,
        /// The reason.
        source: Box<Error>,
    },
    /// A walk that cannot be made.
    #[error("walks along `{attribute}`: {source}")]
    Walk {
        /// The attribute.
        attribute: String,
        /// The reason.
        source: latentwalk_lines::Error,
    },
    /// A file that cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A JSON file that is none of ours.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
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
    #[error("packed images of another shape than the network takes: {0}")]
    Shape(#[from] ndarray::ShapeError),
    /// The network refused.
    #[error(transparent)]
    Backbone(#[from] latentwalk_backbone::Error),
}
