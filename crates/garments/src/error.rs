//! Everything that can be wrong with a wish for garments.
//!
//! [`Error`] is public because `images` hands it on as the cause of its own. Nobody outside this crate matches a
//! variant.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with the culprit and what to do about it.
///
/// The first line of a message is the cause. A second one, `hint: …`, says what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A size, a number of garments or a number of twin sets outside its range.
    #[error("the {what} is {got}, but it must lie in {min} to {max}")]
    Range {
        /// What was asked for: "size in px", "number of garments", "number of twin sets".
        what: &'static str,
        /// The value asked for.
        got: usize,
        /// The least.
        min: usize,
        /// The greatest.
        max: usize,
    },
    /// A row of a frequency table is no distribution.
    #[error("frequencies of {table}, row {row}: they sum to {sum}\nhint: make them non-negative with sum 1")]
    Frequencies {
        /// The table.
        table: &'static str,
        /// The row, from 0.
        row: usize,
        /// The sum found (NaN where a value is no number or negative).
        sum: f64,
    },
    /// A frequency table gives weight to what cannot be worn together.
    #[error("frequencies give {weight} to {first} with {second}, which cannot be worn together\nhint: set it to 0")]
    Impossible {
        /// Value of the first factor.
        first: &'static str,
        /// Value of the second factor.
        second: &'static str,
        /// The weight found.
        weight: f64,
    },
    /// The output exists already.
    #[error("{} exists and is not an empty folder\nhint: remove it or choose another", path.display())]
    NotEmpty {
        /// The output folder.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("cannot write {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// An image could not be encoded.
    #[error("cannot encode {}: {reason}", path.display())]
    Encode {
        /// The image file.
        path: PathBuf,
        /// What the encoder said.
        reason: String,
    },
}

impl Error {
    /// Wraps a system error with the path that it is about.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}
