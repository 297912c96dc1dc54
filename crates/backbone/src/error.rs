//! The one error type of the crate.
//!
//! [`enum@Error`], [`crate::CheckpointFault`] and [`crate::TensorMismatch`] are public, because a caller gets them; the latter two are
//! the sources of the first. Callers match [`Error::Stopped`] (they stopped the training themselves) and [`Error::Precision`] (they take
//! another precision).

use std::path::PathBuf;

use crate::weights::CheckpointFault;

/// Result with [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Any error as the source of one of ours.
pub(crate) type Source = Box<dyn std::error::Error + Send + Sync>;

/// Everything that can go wrong in this crate; each message names the culprit, and after a line feed what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A name that is not in the table of architectures or devices.
    #[error("unknown {what} `{name}`\nhint: choose one of: {}", known.join(", "))]
    Unknown {
        /// `architecture` or `device`.
        what: &'static str,
        /// The name that was asked for.
        name: String,
        /// The names that are known.
        known: Vec<&'static str>,
    },
    /// `network.json` was written by a newer version.
    #[error(
        "{path}: network schema {got} is newer than {newest}, the newest that this version reads\nhint: update latentwalk"
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The schema in the file.
        got: u32,
        /// The newest schema that can be read.
        newest: u32,
    },
    /// A value of the network's description or of the training options that is not allowed.
    #[error("`{key}` is {got}, but must be {must}")]
    Setting {
        /// The field or option.
        key: String,
        /// Its value.
        got: String,
        /// What is allowed.
        must: String,
    },
    /// Too few of something to train on: images, labelled images of a head, or classes of a head.
    #[error("{what}: {got}, but at least {minimum} are needed\nhint: label more images, or leave the attribute out")]
    TooFew {
        /// What was counted, with the head's name.
        what: String,
        /// How many there are.
        got: usize,
        /// How many are needed.
        minimum: usize,
    },
    /// Targets, vectors or a list of another shape than the network's.
    #[error("{what}: the shape is {got:?}, but must be {expected:?}")]
    Shape {
        /// What has the wrong shape, with the head's name where it belongs to one.
        what: String,
        /// The shape that is needed.
        expected: Vec<usize>,
        /// The shape that was given.
        got: Vec<usize>,
    },
    /// Images of another size or number of channels than the network takes.
    #[error("the images have {got}, but the network takes {expected}\nhint: {remedy}")]
    ImageShape {
        /// What the network takes.
        expected: String,
        /// What the images have.
        got: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A row or a label beyond the end.
    #[error("{what} is {got}, but there are only {count}, counted from 0")]
    OutOfRange {
        /// The row or label, with the row and head of the label.
        what: String,
        /// Its number.
        got: usize,
        /// How many there are.
        count: usize,
    },
    /// A pixel is NaN or infinite.
    #[error("image {row} holds a pixel that is NaN or infinite\nhint: check how it was decoded and normalised")]
    NonFinitePixel {
        /// Row of the image (position in the batch where no row number is known).
        row: usize,
    },
    /// A weight or a running statistic is NaN or infinite.
    #[error(
        "tensor `{name}` of the network holds NaN or infinite values\n\
         hint: load sound weights, or train with a lower learning rate"
    )]
    NonFiniteWeights {
        /// Its name.
        name: String,
    },
    /// The loss is NaN or infinite.
    #[error(
        "the loss became {loss} in epoch {epoch}, step {step}\n\
         hint: lower `learning_rate` (now {learning_rate}), or lengthen `warmup_epochs`"
    )]
    NonFiniteLoss {
        /// Epoch, from 0.
        epoch: usize,
        /// Step in the epoch, from 0.
        step: usize,
        /// The loss.
        loss: f64,
        /// The learning rate of the options.
        learning_rate: f64,
    },
    /// The event callback asked to stop.
    #[error("training was stopped in epoch {epoch}\nhint: run it again to go on from the last checkpoint")]
    Stopped {
        /// Epoch, from 0.
        epoch: usize,
    },
    /// The image source failed.
    #[error("cannot load {count} images from row {first} on")]
    Images {
        /// First row of the batch.
        first: usize,
        /// Rows in the batch.
        count: usize,
        /// The source's own error.
        source: Source,
    },
    /// The device has no products in this precision.
    #[error("precision {precision}: this {device} {reason}\nhint: {remedy}")]
    Precision {
        /// What was asked for.
        precision: &'static str,
        /// The kind of device.
        device: &'static str,
        /// What it lacks.
        reason: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A device that is not in this build or could not be opened.
    #[error(
        "device `{device}` cannot be used\n\
         hint: use `cpu`, or a build with `--features cuda` (nvcc is needed) on a machine with a CUDA card"
    )]
    Device {
        /// The name.
        device: String,
        /// What the build lacks, or what the driver says.
        source: Source,
    },
    /// A file could not be read or written.
    #[error("cannot {action} {path}\nhint: check the path, its permissions and, for writing, the free space")]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The reason.
        source: std::io::Error,
    },
    /// A network's own file is damaged, or belongs to another network.
    #[error("{path} is not what this program writes for this network\nhint: train the network again")]
    Content {
        /// The file.
        path: PathBuf,
        /// Of JSON or safetensors, or a [`crate::TensorMismatch`].
        source: Source,
    },
    /// A checkpoint of another program cannot be used.
    #[error("cannot use the weights of {path}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<CheckpointFault>,
    },
    /// The numeric library failed.
    #[error("computation failed")]
    Compute(#[source] Source),
}

impl Error {
    /// A value of a description or an option that is not allowed.
    pub(crate) fn setting(key: impl Into<String>, got: impl ToString, must: impl Into<String>) -> Self {
        Error::Setting { key: key.into(), got: got.to_string(), must: must.into() }
    }
}

/// Compares two shapes; `what` names the culprit.
pub(crate) fn check_shape<const N: usize>(
    what: impl FnOnce() -> String,
    expected: [usize; N],
    got: [usize; N],
) -> Result<()> {
    match expected == got {
        true => Ok(()),
        false => Err(Error::Shape { what: what(), expected: expected.to_vec(), got: got.to_vec() }),
    }
}

/// An error and its causes in one line, without hints: for news that are no errors.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let first_line = |error: &dyn std::error::Error| error.to_string().lines().next().unwrap_or_default().to_owned();
    chain.map(first_line).collect::<Vec<_>>().join(": ")
}

impl From<candle_core::Error> for Error {
    fn from(error: candle_core::Error) -> Self {
        Error::Compute(Box::new(error))
    }
}
