//! Where do the vectors live?
//!
//! In one Parquet file: a row per image, with the columns `id` (text), `split` (text), `vector` (a fixed-size list of `d`
//! floats, never null) and one column per attribute: the class name (null: unlabelled) or, for an attribute with several
//! labels at once, a list of names (null: unlabelled; empty: none of them). pyarrow, polars and DuckDB read it unchanged.
//!
//! [`Writer`] takes batches and holds one encoded row group at most; [`Reader`] gives batches back, or the labels without
//! the vectors, or the vectors alone.
//!
//! ```
//! use latentwalk_embeddings::{
//!     AttributeColumn, DEFAULT_BATCH_ROWS, LabelColumn, Reader, Schema, Table, Writer, WriterOptions,
//! };
//!
//! # fn main() -> Result<(), latentwalk_embeddings::Error> {
//! # let folder = tempfile::tempdir().expect("a temporary folder");
//! let path = folder.path().join("embeddings.parquet");
//! let schema = Schema::new(2, vec![AttributeColumn::one("category")]);
//! let mut writer = Writer::create(&path, &schema, WriterOptions::default())?;
//! writer.write(&Table {
//!     ids: vec!["boot-1".into(), "bag-7".into()],
//!     splits: vec!["train".into(), "test".into()],
//!     vectors: ndarray::array![[0.5, 1.0], [2.0, -1.0]],
//!     labels: vec![LabelColumn::One(vec![Some("boot".into()), None])],
//! })?;
//! assert_eq!(writer.finish()?.rows, 2);
//!
//! let reader = Reader::open(&path)?;
//! for batch in reader.batches(DEFAULT_BATCH_ROWS)? {
//!     assert_eq!(batch?.vectors.ncols(), reader.schema().width);
//! }
//! # Ok(())
//! # }
//! ```

mod columns;
mod decode;
mod encode;
mod error;
mod foreign;
mod json_lines;
mod made;
mod reader;
mod schema;
mod table;
mod text_table;
mod writer;

pub use columns::{Column, ColumnTable, WrittenTable, write_columns};
pub use error::Error;
pub use foreign::{TextArray, VectorFault, VectorFile, vector_files};
pub use json_lines::{EmbeddedBytes, JsonLines};
pub use made::{MadeColumn, Make, NearRows, Picture};
pub use reader::{Batches, DEFAULT_BATCH_ROWS, Reader};
pub use schema::{AttributeColumn, ID, SCHEMA_KEY, SCHEMA_VERSION, SPLIT, Schema, VECTOR};
pub use table::{LabelColumn, Labels, Table};
pub use text_table::write_text_table;
pub use writer::{DEFAULT_ROW_GROUP_ROWS, Summary, Writer, WriterOptions};

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The examples of the README, run with those of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
