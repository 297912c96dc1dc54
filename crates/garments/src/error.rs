//! Everything that can be wrong with a wish for garments.

use std::path::{Path, PathBuf};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with the culprit and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An image size outside the renderer's range.
    #[error("images of {got} px cannot be rendered: choose a size from {min} to {max} px")]
    Size {
        /// The size asked for, in pixels.
        got: u32,
        /// The least.
        min: u32,
        /// The greatest.
        max: u32,
    },
    /// A number of garments that cannot be written.
    #[error("{got} garments cannot be written: choose a count from 1 to {max}")]
    Count {
        /// The count asked for.
        got: usize,
        /// The greatest.
        max: usize,
    },
    /// More twin sets than garments.
    #[error("{got} twin sets need {got} garments, but there are {count}: lower the twin sets or raise the count")]
    TwinSets {
        /// The twin sets asked for.
        got: usize,
        /// The garments.
        count: usize,
    },
    /// A row of a frequency table is no distribution.
    #[error("frequencies of {table}, row {row}: they sum to {sum}; make them non-negative with sum 1")]
    Frequencies {
        /// The table.
        table: &'static str,
        /// The row, from 0.
        row: usize,
        /// The sum found (NaN where a value is no number or negative).
        sum: f64,
    },
    /// A frequency table gives weight to what cannot be worn together.
    #[error("frequencies give {weight} to {first} with {second}, which cannot be worn together: set it to 0")]
    Impossible {
        /// Value of the first factor.
        first: &'static str,
        /// Value of the second factor.
        second: &'static str,
        /// The weight found.
        weight: f64,
    },
    /// The output exists already.
    #[error("{} exists and is not an empty folder: remove it or choose another", path.display())]
    NotEmpty {
        /// The output folder.
        path: PathBuf,
    },
    /// Reading or writing failed.
    #[error("cannot write {}: {reason}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
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
        move |reason| Self::Io { path: path.to_owned(), reason }
    }
}
