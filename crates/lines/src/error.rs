//! What can go wrong, with the values that say where.
//!
//! [`enum@Error`] is the only error type of the crate, and public because a caller gets it. Which of its variants it is tells what
//! refused; nothing outside this crate has to match them so far.

use std::path::{Path, PathBuf};

use crate::metric::MetricKind;

/// An input that no line can be drawn through, or an index that does not fit; what to do stands after a line feed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something that must have at least one element has none.
    #[error("{what} is empty\nhint: give at least one")]
    Empty {
        /// What was empty.
        what: &'static str,
    },
    /// Numbers of axes or of entries that disagree.
    #[error(
        "{what}: {got} {unit}, but {expected} are expected\n\
         hint: take points, weights and labels from the same rows and the same PCA"
    )]
    Shape {
        /// What has the wrong size.
        what: &'static str,
        /// What was counted: `axes` or `entries`.
        unit: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// The number of a row, an attribute or a class beyond the end.
    #[error("{what}: {got} is beyond the {count} that there are, counted from 0")]
    Outside {
        /// The list, or the row of the label.
        what: String,
        /// The number.
        got: usize,
        /// How many there are.
        count: usize,
    },
    /// A value that is NaN, infinite, or too large to square in f32.
    #[error(
        "{what}, row {row}, axis {axis}: {value} is not a usable number\nhint: remove that row or extract it again"
    )]
    NotUsable {
        /// The matrix or vector.
        what: &'static str,
        /// Row of it (0 for a vector).
        row: usize,
        /// Column of it.
        axis: usize,
        /// The value.
        value: f64,
    },
    /// The direction has no length.
    #[error("the direction has length zero\nhint: train the probe again, it has collapsed")]
    ZeroDirection,
    /// Too few rows for a metric's covariance.
    #[error(
        "{what}: {rows} rows, but at least {needed} are needed\n\
         hint: label more images, leave the class or an attribute out, or use another metric"
    )]
    TooFewRows {
        /// Which rows, and for which metric.
        what: String,
        /// How many there are.
        rows: usize,
        /// How many are needed.
        needed: usize,
    },
    /// The covariance of a metric cannot be inverted; for the whitened one: an axis does not vary.
    #[error(
        "the {metric} covariance is singular at axis {axis} with shrinkage {shrinkage}\nhint: {}",
        if *metric == MetricKind::Whitened { "lower k, or use another metric" } else { "raise the shrinkage or lower k" }
    )]
    Singular {
        /// The metric.
        metric: MetricKind,
        /// Axis at which the factorisation failed.
        axis: usize,
        /// Shrinkage that was used; 0 for the whitened metric, which has none.
        shrinkage: f64,
    },
    /// An option outside its range.
    #[error("{name} is {value}, but must be at least {low} and at most {high}")]
    Option {
        /// Name of the option.
        name: &'static str,
        /// Its value.
        value: f64,
        /// Least value.
        low: f64,
        /// Greatest value.
        high: f64,
    },
    /// Stops or borders of a slab that do not ascend, or are no numbers.
    #[error(
        "{what} {place} stands at {right}, but must stand above the one before it, at {left}\n\
         hint: give them from low to high; use fewer stops, or another rule for them"
    )]
    NotAscending {
        /// The stops, or the slab's borders.
        what: &'static str,
        /// Number of the right-hand one.
        place: usize,
        /// Position of the one before.
        left: f64,
        /// Position of this one.
        right: f64,
    },
    /// The order of classes is not an order.
    #[error("the order names class {class} twice\nhint: name each class once, from low to high")]
    OrderRepeats {
        /// The class.
        class: u32,
    },
    /// A line or an index that was made for another space.
    #[error(
        "{what} was made for another space than this one, of {rows} rows in the {metric} metric\n\
         hint: make it again, for this space"
    )]
    OtherSpace {
        /// The line with its metric, or the index.
        what: String,
        /// Rows of the space.
        rows: usize,
        /// Metric of the space.
        metric: MetricKind,
    },
    /// A saved index contradicts itself or the space that it is used with.
    #[error("{path}: {what} is {got}, but {expected} is expected\nhint: build the index again", path = path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What disagrees.
        what: &'static str,
        /// What was expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// A file could not be read or written.
    #[error("cannot read or write {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A file is none that this crate writes.
    #[error("{path} is no metric or index of this version\nhint: make it again", path = path.display())]
    Content {
        /// The file or folder.
        path: PathBuf,
        /// What the parser or the index library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Result of this crate.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// A file that could not be read or written.
pub(crate) fn io(path: &Path, source: std::io::Error) -> Error {
    Error::Io { path: path.to_path_buf(), source }
}

/// A file that is none of this crate's.
pub(crate) fn content(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Content { path: path.to_path_buf(), source: source.into() }
}
