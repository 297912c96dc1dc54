//! What can go wrong with a table of embeddings.

use std::path::{Path, PathBuf};

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

use crate::VectorFault;

/// Why a table could not be written or read.
///
/// **Units and conventions.** Rows and axes count from zero; a row is the row in the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no Parquet file, is cut off, or could not be written.
    #[error("{}: {source} (is it a whole Parquet file, and is there room on the disk?)", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What the Parquet library said.
        source: ParquetError,
    },
    /// A column could not be decoded or built.
    #[error("{}: {source}", path.display())]
    Arrow {
        /// The file.
        path: PathBuf,
        /// What the Arrow library said.
        source: ArrowError,
    },
    /// The file was written by a later version of this crate.
    #[error("{}: table version `{got}`, this program knows version {known}; use the program that wrote it", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        got: String,
        /// The version this crate writes.
        known: u32,
    },
    /// A file that cannot be taken as vectors.
    #[error("{}: {fault}", path.display())]
    Vectors {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        fault: VectorFault,
    },
    /// A column that every table has is not there.
    #[error("{}: no column `{column}`; add it, or rename the one that is meant", path.display())]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// The column that is missing.
        column: String,
    },
    /// A column has a type that cannot be read as what it stands for.
    #[error("{}: column `{column}` is {got}, expected {expected}; cast it or drop it", path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// What was expected.
        expected: &'static str,
        /// The type found.
        got: String,
    },
    /// The vectors are lists of free length and there is no row that would tell the width.
    #[error("{}: no rows and no fixed width of `vector`, so the width is unknown; write a fixed-size list", path.display())]
    UnknownWidth {
        /// The file.
        path: PathBuf,
    },
    /// A vector is longer or shorter than the table's width.
    #[error("{}: row {row} (`{id}`) has a vector of {got} values, the table's width is {expected}", path.display())]
    Width {
        /// The file.
        path: PathBuf,
        /// The row.
        row: usize,
        /// The row's id.
        id: String,
        /// The table's width.
        expected: usize,
        /// This row's width.
        got: usize,
    },
    /// A vector holds NaN or an infinity.
    #[error("{}: row {row} (`{id}`) has {value} on axis {axis} of its vector; remove the row or repair what made it", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The row.
        row: usize,
        /// The row's id.
        id: String,
        /// The place in the vector.
        axis: usize,
        /// The value found.
        value: f32,
    },
    /// A vector, or a value in it, is null.
    #[error("{}: row {row} (`{id}`) has no vector or a null in it; remove the row", path.display())]
    NullVector {
        /// The file.
        path: PathBuf,
        /// The row.
        row: usize,
        /// The row's id.
        id: String,
    },
    /// An id, a split or a name inside a list of labels is null.
    #[error("{}: row {row} has a null in column `{column}`, where every row needs text", path.display())]
    NullText {
        /// The file.
        path: PathBuf,
        /// The row.
        row: usize,
        /// The column.
        column: String,
    },
    /// The file gives more or fewer rows than its footer promises.
    #[error("{}: the footer promises {expected} rows, the columns hold {got}; the file is damaged", path.display())]
    RowCount {
        /// The file.
        path: PathBuf,
        /// Rows promised.
        expected: usize,
        /// Rows found.
        got: usize,
    },
    /// The vectors do not fit in memory.
    #[error("{}: {rows} vectors of {width} values do not fit in memory; read them in batches", path.display())]
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
    /// Columns that came with vectors name a row that the run does not have.
    #[error("{}: the id `{id}` is none of the run's", path.display())]
    UnknownId {
        /// The file.
        path: PathBuf,
        /// The id.
        id: String,
    },
    /// A number of rows must be at least one.
    #[error("{what} is 0; it must be at least 1")]
    ZeroRows {
        /// Which setting.
        what: &'static str,
    },
    /// A table of vectors without values.
    #[error("the vectors' width is 0; it must be at least 1")]
    ZeroWidth,
    /// The width does not fit the file format.
    #[error("a vector of {width} values is too wide for the file format")]
    TooWide {
        /// The width asked for.
        width: usize,
    },
    /// An attribute is named like a fixed column, or has no name.
    #[error("an attribute cannot be named `{name}`; choose another name")]
    AttributeName {
        /// The name.
        name: String,
    },
    /// Two attributes have the same name.
    #[error("two attributes are named `{name}`; each column needs a name of its own")]
    DuplicateAttribute {
        /// The name.
        name: String,
    },
    /// A metadata key is one that the format keeps for itself.
    #[error("the metadata key `{key}` belongs to the format; choose another")]
    ReservedKey {
        /// The key.
        key: String,
    },
    /// A column of the batch has another number of rows than its vectors.
    #[error("the batch has {expected} vectors but {got} rows in column `{column}`")]
    BatchRows {
        /// The column.
        column: String,
        /// How many vectors there are.
        expected: usize,
        /// How many rows the column has.
        got: usize,
    },
    /// The vectors of a batch have another width than the schema says.
    #[error("the batch's vectors have {got} values, the schema says {expected}")]
    BatchWidth {
        /// The schema's width.
        expected: usize,
        /// The batch's width.
        got: usize,
    },
    /// The batch has another number of label columns than the schema.
    #[error("the batch has {got} label columns, the schema has {expected} attributes")]
    BatchAttributes {
        /// Attributes in the schema.
        expected: usize,
        /// Label columns in the batch.
        got: usize,
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

impl Error {
    /// Names the file that the system refused.
    pub(crate) fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path: path.clone(), source }
    }
}
