//! What can go wrong with a table of embeddings.
//!
//! [`Error`] is public, and so is [`VectorFault`], which says what is wrong with a file of another program and is the
//! cause of [`Error::Vectors`]. Only this crate's tests match variants; the pipeline hands every error on.

use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use crate::VectorFault;

/// An error of another library, or of whoever makes a column.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a table could not be written or read.
///
/// The first line of a message is the cause. A second one, `hint: …`, says what to do about it. A cause that another
/// library told is the [source](std::error::Error::source) and not part of the message.
///
/// **Units and conventions.** Rows and axes count from zero; a row is the row in the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no Parquet file, is cut off, or could not be written.
    #[error(
        "cannot read or write {} as Parquet\n\
         hint: check that it is a whole Parquet file and that there is room on the disk",
        path.display()
    )]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the Parquet or the Arrow library said.
        source: Cause,
    },
    /// The file was written by a later version of this crate.
    #[error(
        "{} has table version `{got}`, this program knows version {known}\nhint: use the program that wrote it",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        got: String,
        /// The version this crate writes.
        known: u32,
    },
    /// A file that cannot be taken as vectors.
    #[error("cannot take vectors from {}", path.display())]
    Vectors {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        source: VectorFault,
    },
    /// A column is not there, or cannot be read as what it stands for.
    #[error("{}: column `{column}` {wrong}\nhint: {hint}", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What is wrong with it, with the type found and the type expected.
        wrong: String,
        /// What to do.
        hint: &'static str,
    },
    /// A row has no text where it needs some, no vector, or one that is too long, too short or not finite.
    #[error("{}: row {row}{} {wrong}\nhint: {hint}", path.display(), called(id))]
    Row {
        /// The file.
        path: PathBuf,
        /// The row.
        row: usize,
        /// The row's id, where it has one.
        id: Option<String>,
        /// What is wrong with it, with the column, the axis or the widths.
        wrong: String,
        /// What to do.
        hint: &'static str,
    },
    /// The file gives more or fewer rows than its footer promises.
    #[error("{} is damaged: its footer promises {expected} rows, its columns hold {got}", path.display())]
    RowCount {
        /// The file.
        path: PathBuf,
        /// Rows promised.
        expected: usize,
        /// Rows found.
        got: usize,
    },
    /// The vectors do not fit in memory.
    #[error("{}: {rows} vectors of {width} values do not fit in memory\nhint: read them in batches", path.display())]
    Memory {
        /// The file.
        path: PathBuf,
        /// Vectors asked for.
        rows: usize,
        /// Values in each.
        width: usize,
    },
    /// Rows were asked for that the table does not have, or not in increasing order.
    #[error("{}: row {row} was asked for after row {after:?}; rows must increase and stay below {rows}", path.display())]
    RowRequest {
        /// The file.
        path: PathBuf,
        /// The row asked for.
        row: usize,
        /// The one before it in the request.
        after: Option<usize>,
        /// How many rows there are.
        rows: usize,
    },
    /// A number of rows or a width that no table can have.
    #[error("{what} is {got}, but it must be {must}")]
    Setting {
        /// Which setting, or the vectors' width.
        what: &'static str,
        /// Its value.
        got: usize,
        /// What is allowed.
        must: &'static str,
    },
    /// A name that an attribute or a metadata key cannot have.
    #[error("{what} cannot be named `{name}`: {why}\nhint: choose another name")]
    Name {
        /// "an attribute" or "a metadata key".
        what: &'static str,
        /// The name.
        name: String,
        /// Why it cannot.
        why: &'static str,
    },
    /// A batch of another number of rows, values or columns than it should have.
    #[error("the batch does not fit: {got} {what}, expected {expected}")]
    Batch {
        /// What is counted: "rows in column `x`", "values in each vector", "label columns".
        what: String,
        /// How many belong there.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// The entries of a column could not be made.
    #[error("cannot make the column `{column}`")]
    Made {
        /// The column.
        column: String,
        /// Why.
        source: Cause,
    },
    /// A label column holds single labels where the schema says several, or the reverse.
    #[error("attribute `{attribute}` is declared with multi = {multi}, but the batch's column is of the other kind")]
    LabelKind {
        /// The attribute.
        attribute: String,
        /// What the schema says.
        multi: bool,
    },
}

/// What lies in those errors of the Parquet and the Arrow library that only quote another one: it is told once.
fn bare(source: Cause) -> Cause {
    let source = match source.downcast::<ParquetError>().map(|error| *error) {
        Ok(ParquetError::External(inside)) => return bare(inside),
        Ok(other) => return Box::new(other),
        Err(source) => source,
    };
    match source.downcast::<ArrowError>().map(|error| *error) {
        Ok(ArrowError::ExternalError(inside)) => bare(inside),
        Ok(ArrowError::IoError(_, inside)) => Box::new(inside),
        Ok(other) => Box::new(other),
        Err(source) => source,
    }
}

/// ` (`id`)`, where a row has an id.
fn called(id: &Option<String>) -> String {
    id.as_ref().map(|id| format!(" (`{id}`)")).unwrap_or_default()
}

impl Error {
    /// Names the file that the system refused.
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path: path.clone(), source }
    }

    /// Names the file that the Parquet or the Arrow library refused.
    pub(crate) fn parquet<E: std::error::Error + Send + Sync + 'static>(path: &Path) -> impl Fn(E) -> Self {
        let path = path.to_owned();
        move |source| Self::Parquet { path: path.clone(), source: bare(Box::new(source)) }
    }

    /// A column that is not there or holds something else.
    pub(crate) fn column(path: &Path, column: &str, wrong: &str) -> Self {
        let (path, column, wrong) = (path.to_owned(), column.to_owned(), wrong.to_owned());
        Self::Column { path, column, wrong, hint: "name another column, or write the table anew" }
    }

    /// A value of a vector that is NaN or an infinity.
    pub(crate) fn not_finite(path: &Path, (row, id): (usize, String), (axis, value): (usize, f32)) -> Self {
        let wrong = format!("has {value} on axis {axis} of its vector");
        let hint = "remove the row or repair what made it";
        Self::Row { path: path.to_owned(), row, id: Some(id), wrong, hint }
    }

    /// A row without a vector, or with one that has a gap.
    pub(crate) fn null_vector(path: &Path, row: usize, id: String) -> Self {
        let wrong = "has no vector or a null in it".to_owned();
        Self::Row { path: path.to_owned(), row, id: Some(id), wrong, hint: "remove the row" }
    }

    /// A row whose text is missing.
    pub(crate) fn null_text(path: &Path, row: usize, column: &str) -> Self {
        let wrong = format!("has a null in column `{column}`, where every row needs text");
        Self::Row { path: path.to_owned(), row, id: None, wrong, hint: "fill it in, or remove the row" }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::error::Error as _;
    use std::io;

    use super::*;

    #[test]
    fn a_cause_that_the_libraries_quote_is_told_once() {
        let path = Path::new("v.parquet");
        let full = || io::Error::other("no space");
        let quoting = [
            Error::parquet(path)(ParquetError::External(Box::new(full()))),
            Error::parquet(path)(ArrowError::from(full())),
            Error::parquet(path)(ParquetError::External(Box::new(ArrowError::ExternalError(Box::new(full()))))),
        ];
        for error in quoting {
            let cause = error.source().unwrap();
            assert_eq!((cause.to_string().as_str(), cause.source().is_none()), ("no space", true), "{error}");
        }
        let own = Error::parquet(path)(ParquetError::EOF("too short".into()));
        assert_eq!(own.source().unwrap().to_string(), "EOF: too short");
        assert!(own.to_string().contains("v.parquet as Parquet\nhint: check that it is a whole"), "{own}");
    }
}
