//! What can go wrong with a decomposition.

use std::path::PathBuf;

/// Why vectors could not be decomposed or projected.
///
/// **Units and conventions.** Rows and axes count from zero; while fitting, a row's number is its place in the stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Vectors have another width than those seen before.
    #[error("vectors have {got} values, expected {expected}")]
    Width {
        /// The width expected.
        expected: usize,
        /// The width found.
        got: usize,
    },
    /// A value is NaN or infinite.
    #[error("row {row} has {value} at place {place}; remove the row or repair what made it")]
    NotFinite {
        /// The row.
        row: usize,
        /// The place in the row.
        place: usize,
        /// The value found.
        value: f32,
    },
    /// Fewer than two rows: no variance is defined.
    #[error("{got} rows cannot be decomposed; give at least 2")]
    TooFewRows {
        /// Rows seen.
        got: usize,
    },
    /// All rows are the same.
    #[error("all {n} rows are equal, so no axis carries variance; look at what made the vectors")]
    NoVariance {
        /// Rows seen.
        n: usize,
    },
    /// No axis was asked for.
    #[error("0 axes were asked for; keep at least 1")]
    NoAxes,
    /// More axes than the vectors have values.
    #[error("{k} axes were asked for, but the vectors have only {d} values; lower k to {d} or less")]
    MoreAxesThanWidth {
        /// Axes asked for.
        k: usize,
        /// Values in a vector.
        d: usize,
    },
    /// More axes than the rows can span.
    #[error("{k} axes were asked for, but {n} rows span at most {}; lower k or give more rows", n - 1)]
    MoreAxesThanRows {
        /// Axes asked for.
        k: usize,
        /// Rows seen.
        n: usize,
    },
    /// A share of the variance must lie above 0 and not above 1.
    #[error("the share of the variance to keep is {share}; it must be above 0 and at most 1")]
    Share {
        /// The share asked for.
        share: f64,
    },
    /// Whitening would divide by the variance of an axis that has none.
    #[error("axis {rank} of the {k} kept has no variance to whiten by; lower k to {rank} or switch whitening off")]
    WhitenZeroVariance {
        /// Axes kept.
        k: usize,
        /// How many axes have variance.
        rank: usize,
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
    /// A direction has another length than there are axes.
    #[error("the direction has {got} weights, expected one for each of {expected} axes")]
    DirectionLength {
        /// Axes kept.
        expected: usize,
        /// Weights given.
        got: usize,
    },
    /// A direction is zero or not finite, so that it has no unit vector.
    #[error("the direction is zero or not finite (its length is {length}), so it points nowhere")]
    DirectionLengthZero {
        /// Its length.
        length: f64,
    },
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The summary is not what this crate writes.
    #[error("{}: {source}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The tensors' file is not what this crate writes.
    #[error("{}: {source}", path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: safetensors::SafeTensorError,
    },
    /// The file was written by a later version of this crate.
    #[error("{}: version {got}, this program knows version {known}; use the program that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        got: u64,
        /// The version this crate writes.
        known: u64,
    },
    /// A tensor has another type than this crate writes.
    #[error("{}: tensor `{tensor}` holds {got}, expected F64", path.display())]
    TensorType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: &'static str,
        /// The type found.
        got: String,
    },
    /// A tensor's shape does not fit the summary.
    #[error("{}: tensor `{tensor}` has shape {got:?}, expected {expected:?}", path.display())]
    TensorShape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: &'static str,
        /// The shape expected.
        expected: Vec<usize>,
        /// The shape found.
        got: Vec<usize>,
    },
    /// A tensor holds a value that no fit gives: not finite, or a variance that is negative or larger than the one before.
    #[error("{}: tensor `{tensor}` holds {value} at place {place}, which no fit gives; the file is damaged", path.display())]
    TensorValue {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: &'static str,
        /// The place, rows one after another.
        place: usize,
        /// The value found.
        value: f64,
    },
}
