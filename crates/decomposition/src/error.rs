//! What can go wrong with a decomposition.
//!
//! [`enum@Error`] is the only error type of the crate, and public because a caller gets it; nothing outside this crate has to match its
//! variants so far.

use std::path::{Path, PathBuf};

/// Why vectors could not be decomposed or projected; what to do stands after a line feed.
///
/// **Units and conventions.** Rows and axes count from zero; while fitting, a row's number is its place in the stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Vectors or weights of another number than expected.
    #[error("{what}: {got} values, but {expected} are expected\nhint: take what belongs to this decomposition")]
    Shape {
        /// The vectors, or the weights of a direction.
        what: &'static str,
        /// The number expected.
        expected: usize,
        /// The number found.
        got: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row} has {value} at place {place}\nhint: remove the row or repair what made it")]
    NotFinite {
        /// The row.
        row: usize,
        /// The place in the row.
        place: usize,
        /// The value found.
        value: f32,
    },
    /// Fewer than two rows: no variance is defined.
    #[error("{got} rows cannot be decomposed\nhint: give at least 2")]
    TooFewRows {
        /// Rows seen.
        got: usize,
    },
    /// All rows are the same.
    #[error("all {n} rows are equal, so no axis carries variance\nhint: look at what made the vectors")]
    NoVariance {
        /// Rows seen.
        n: usize,
    },
    /// A number of axes, or a share of the variance, that nobody can keep.
    #[error("the axes to keep are given as {got}, but must be {must}")]
    Keep {
        /// What was asked for.
        got: String,
        /// What is allowed.
        must: &'static str,
    },
    /// More axes than the vectors have values, than the rows span, or than have variance to whiten by.
    #[error("{k} axes were asked for, but there are at most {most}: {reason}\nhint: lower k to {most} or less")]
    TooManyAxes {
        /// Axes asked for.
        k: usize,
        /// Axes that there can be.
        most: usize,
        /// Why there are no more.
        reason: String,
    },
    /// The eigendecomposition did not converge.
    #[error("the eigendecomposition of the {d} x {d} covariance did not converge")]
    Eigen {
        /// Values in a vector.
        d: usize,
    },
    /// A fit failed one of the checks on it.
    #[error("the decomposition is not exact: its {name} certificate is {value:e}, allowed is {tolerance:e}")]
    Certificate {
        /// Which certificate.
        name: &'static str,
        /// The deviation found.
        value: f64,
        /// The deviation allowed.
        tolerance: f64,
    },
    /// A direction is zero or not finite, so that it has no unit vector.
    #[error("the direction is zero or not finite (its length is {length}), so it points nowhere")]
    NoDirection {
        /// Its length.
        length: f64,
    },
    /// The file system refused.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is damaged, or not what this crate writes.
    #[error("{} holds no decomposition of this version\nhint: make it again", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What the parser says, or which tensor is not as it should be.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file was written by a later version of this crate.
    #[error("{}: version {got}, this program knows version {known}\nhint: use the program that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        got: u64,
        /// The version this crate writes.
        known: u64,
    },
}

/// A file that is not what this crate writes.
pub(crate) fn content(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Content { path: path.to_owned(), source: source.into() }
}
